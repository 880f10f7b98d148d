//! Bytes and types of Placet: actions, documents, receipts, proofs, checkpoints, bundles, trust
//! files.
//!
//! Everything in this crate is pure: no I/O, no clock, no async. Untrusted bytes go through one of
//! two strict doors, [`json`] (with [`jcs`] for its canonical form) and [`cbor`]; each refuses what
//! has more than one reading, so that one meaning has one byte form.

pub mod action;
pub mod b64;
pub mod bundle;
pub mod cbor;
pub mod cose;
pub mod cose_key;
pub mod document;
pub mod ecdsa_sig;
pub mod error;
pub mod event;
pub mod hidden;
pub mod jcs;
pub mod journal;
pub mod json;
pub mod kind;
pub mod logcopy;
pub mod misbehaviour;
pub mod spki;
pub mod sshsig;
pub mod statement;
pub mod time;
pub mod tlog;
pub mod trust;
pub mod words;

pub use error::Error;

/// The profile that this crate reads and writes (SPEC.md).
pub const PROFILE: &str = "placet/0";

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256_parts(&[bytes])
}

/// SHA-256 of the concatenation of `parts`.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
