//! A ledger in memory that does what it is told, lies included.
//!
//! The operator of a ledger is an adversary of the auditor, so tests need an operator who cheats
//! with all his keys. Everything is deterministic: the same calls give the same bytes, so that
//! vectors can be regenerated and compared.

mod attest;
mod bundle;
mod ledger;
mod log;
mod long;
pub mod misbehaviour;
mod people;
pub mod scenarios;
mod vector;

pub use attest::Vendor;
pub use ledger::{
    AUDIENCE, Forge, GOV, IssuerKey, MAIN, ORIGIN, RP_ID, initiator, note_ref, signing_key,
};
pub use log::{MemLog, Witness, public, signed};
pub use long::{Requests, write_long_log};
pub use people::Person;
pub use vector::{Expect, Vector};
