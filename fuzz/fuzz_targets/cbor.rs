//! Deterministic CBOR: what passes the gate is one item, read to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::cbor;

fuzz_target!(|data: &[u8]| {
    let checked = cbor::check(data);
    match cbor::Reader::new(data) {
        Ok(mut reader) => {
            assert!(checked.is_ok());
            assert_eq!(reader.raw().expect("a checked item"), data);
            reader.end().expect("nothing after it");
        }
        Err(_) => assert!(checked.is_err()),
    }
});
