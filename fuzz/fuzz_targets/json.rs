//! Strict JSON: what parses has one canonical form, which parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{jcs, json};

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = json::parse(data) {
        let canonical = jcs::to_bytes(&value);
        let again = json::parse(&canonical).expect("canonical JSON parses");
        assert_eq!(jcs::to_bytes(&again), canonical);
    }
});
