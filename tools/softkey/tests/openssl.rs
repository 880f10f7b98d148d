//! Signatures of the software passkey, checked by the stock `openssl` with the PEM that we export.

use std::process::Command;

use placet_softkey::{Assertion, SoftKey};
use sha2::{Digest as _, Sha256};

/// Whether `openssl dgst` accepts the assertion's signature over these bytes.
fn verified(key: &SoftKey, assertion: &Assertion, changed: bool) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let mut signed = assertion.authenticator_data.clone();
    signed.extend(Sha256::digest(&assertion.client_data_json));
    if changed {
        signed[36] ^= 1;
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("key.pem", key.public_key().to_pem().as_bytes());
    write("signature", &assertion.signature);
    write("signed", &signed);
    Command::new("openssl")
        .args(["dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "signed"])
        .current_dir(dir.path())
        .output()
        .expect("openssl: install it")
        .status
        .success()
}

fn accepts_and_refuses(mut key: SoftKey) {
    let assertion = key.assert(b"challenge", "cli://localhost");
    assert!(verified(&key, &assertion, false));
    assert!(!verified(&key, &assertion, true));
}

#[test]
fn stock_openssl_reads_our_es256_pem() {
    accepts_and_refuses(SoftKey::from_seed(&[5; 32], "localhost"));
}

#[cfg(feature = "rs256")]
#[test]
fn stock_openssl_reads_our_rs256_pem() {
    accepts_and_refuses(SoftKey::generate_rs256("localhost").unwrap());
}
