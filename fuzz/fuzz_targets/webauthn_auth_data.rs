//! authenticatorData and attestationObject, as registrations and assertions carry them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_verifier::webauthn::{AttestationObject, AuthenticatorData};

fuzz_target!(|data: &[u8]| {
    let _ = AuthenticatorData::parse(data);
    let _ = AttestationObject::parse(data);
});
