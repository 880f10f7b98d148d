//! Trust files: written again and read again they say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::trust::TrustFile;

fuzz_target!(|data: &[u8]| {
    if let Ok(trust) = TrustFile::parse(data) {
        let written = trust.encode();
        let again = TrustFile::parse(&written).expect("what we wrote");
        assert_eq!(again.encode(), written);
    }
});
