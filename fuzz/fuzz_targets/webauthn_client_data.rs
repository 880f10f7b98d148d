//! clientDataJSON under an assertion that is otherwise in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{cose_key::PublicKey, sha256};
use placet_verifier::webauthn::{Assertion, AssertionPolicy, CredentialKey, verify_assertion};

fuzz_target!(|data: &[u8]| {
    let policy = AssertionPolicy::strict(vec!["localhost".into()], vec!["http://localhost".into()]);
    let key = CredentialKey { public_key: PublicKey::Ed25519([1; 32]), backup_eligible: false };
    let mut authenticator_data = sha256(b"localhost").to_vec();
    authenticator_data.extend_from_slice(&[0x05, 0, 0, 0, 0]);
    let assertion = Assertion {
        credential_id: b"id",
        authenticator_data: &authenticator_data,
        client_data_json: data,
        signature: &[0; 64],
    };
    // Nobody can sign for this key, whatever the client data say.
    assert!(verify_assertion(&policy, b"challenge", &key, &assertion).is_err());
});
