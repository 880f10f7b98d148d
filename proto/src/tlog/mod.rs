//! Transparency logs: RFC 9162 Merkle trees and the C2SP formats around them, without I/O.
//!
//! One module per specification. Everything here takes bytes or numbers and gives types or
//! numbers; nothing opens a file, asks a clock or checks a signature (that is the verifier's
//! work: this crate only says which bytes a signature covers).
//!
//! | module | specification |
//! |---|---|
//! | [`merkle`] | RFC 9162 section 2.1: hashes, inclusion and consistency proofs |
//! | [`note`] | C2SP signed-note v1.0.0 |
//! | [`checkpoint`] | C2SP tlog-checkpoint v1.0.0 |
//! | [`cosignature`] | C2SP tlog-cosignature v1.0.1, Ed25519 |
//! | [`tile`] | C2SP tlog-tiles v0.1.0 |
//! | [`policy`] | C2SP tlog-policy |
//! | [`proof`] | C2SP tlog-proof |
//! | [`witness`] | C2SP tlog-witness v1.0.0 |

pub mod checkpoint;
pub mod cosignature;
pub mod error;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
mod text;
pub mod tile;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use cosignature::{Cosignature, CosignatureError};
pub use error::TlogError;
pub use merkle::{Hash, MerkleError};
pub use note::{KeyMaterial, Note, NoteError, SignatureLine, VerifierKey};
pub use policy::{Policy, PolicyError};
pub use proof::{ProofError, TlogProof};
pub use tile::{TileError, TileId, TileKind};
pub use witness::{AddCheckpoint, WitnessError};

#[cfg(test)]
mod tests;
