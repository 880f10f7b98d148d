//! RFC 9942 receipts and statements of anybody, without the Placet profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::cose_key::PublicKey;
use placet_verifier::cose_bare::{verify_receipt, verify_statement};

fuzz_target!(|data: &[u8]| {
    let key = PublicKey::Ed25519([1; 32]);
    // Nobody can sign for this key, whatever the message says.
    assert!(verify_statement(data, &key).is_err());
    assert!(verify_receipt(data, b"entry", &key).is_err());
});
