//! Strict DER of ECDSA signatures: one encoding each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::ecdsa_sig::{der_to_raw, raw_to_der};

fuzz_target!(|data: &[u8]| {
    if let Ok(raw) = der_to_raw(data) {
        assert_eq!(raw_to_der(&raw), data);
    }
});
