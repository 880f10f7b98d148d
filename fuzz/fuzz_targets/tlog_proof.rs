//! C2SP tlog-proof files: what is read is what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::TlogProof;

fuzz_target!(|data: &[u8]| {
    if let Ok((proof, _)) = TlogProof::parse(data) {
        assert_eq!(proof.to_bytes().expect("what was read"), data);
    }
});
