//! Bytes and types of Placet: actions, documents, receipts, proofs, checkpoints, bundles, trust
//! files.
//!
//! Everything in this crate is pure: no I/O, no clock, no async. Untrusted bytes go through one of
//! two strict doors, [`json`] (with [`jcs`] for its canonical form) and [`cbor`]; each refuses what
//! has more than one reading, so that one meaning has one byte form.

pub mod action;
pub mod b64;
pub mod cbor;
pub mod cose_key;
pub mod ecdsa_sig;
pub mod error;
pub mod jcs;
pub mod json;
pub mod spki;
pub mod sshsig;
pub mod time;
pub mod tlog;

pub use error::Error;
