//! Evidence that a log misbehaved: what is read is written and read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::misbehaviour::Misbehaviour;

fuzz_target!(|data: &[u8]| {
    if let Ok(evidence) = Misbehaviour::parse(data) {
        let again = Misbehaviour::parse(&evidence.to_bytes()).expect("what was read");
        assert_eq!(again, evidence);
    }
});
