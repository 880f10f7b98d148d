//! Attestation statements of every format, and certificates that somebody pins as roots.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_verifier::crypto::parse_cose_key;
use placet_verifier::webauthn::{AttestationObject, AttestationRoots, verify_statement};

fuzz_target!(|data: &[u8]| {
    let _ = AttestationRoots::parse([data.to_vec()]);
    let Ok(object) = AttestationObject::parse(data) else { return };
    let Ok(key) = parse_cose_key(object.credential.cose_key) else { return };
    let _ = verify_statement(&object, &key, &[7; 32], &AttestationRoots::default());
});
