//! Transparency logs: RFC 9162 Merkle trees and the C2SP formats around them, without I/O.
//!
//! One module per specification. Everything here takes bytes or numbers and gives types or
//! numbers; nothing opens a file, asks a clock or checks a signature (that is the verifier's
//! work: this crate only says which bytes a signature covers).
//!
//! | module | specification |
//! |---|---|
//! | [`merkle`] | RFC 9162 section 2.1: hashes, inclusion and consistency proofs |

pub mod error;
pub mod merkle;

pub use error::TlogError;
pub use merkle::{Hash, MerkleError};
