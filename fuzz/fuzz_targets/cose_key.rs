//! COSE_Keys: one encoding each; checking a key and a signature never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::cose_key::PublicKey;
use placet_verifier::crypto;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::from_cose(data) {
        let written = key.to_cose();
        assert_eq!(PublicKey::from_cose(&written).expect("what we wrote").to_cose(), written);
        let _ = crypto::check_key(&key);
        let _ = crypto::verify_cose(&key, b"message", data);
        let _ = crypto::verify_webauthn(&key, b"message", data);
    }
});
