//! Canonical JSON (RFC 8785): what is accepted is byte for byte what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::jcs;

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = jcs::parse_canonical(data) {
        assert_eq!(jcs::to_bytes(&value), data);
    }
});
