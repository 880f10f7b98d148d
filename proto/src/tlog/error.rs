//! The errors of all transparency-log formats, under one roof.

use super::checkpoint::CheckpointError;
use super::cosignature::CosignatureError;
use super::merkle::MerkleError;
use super::note::NoteError;
use super::policy::PolicyError;
use super::proof::ProofError;
use super::tile::TileError;
use super::witness::WitnessError;

/// Any failure of this module tree; wraps the enum of each format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogError {
    /// Trees and proofs (RFC 9162).
    #[error(transparent)]
    Merkle(#[from] MerkleError),
    /// Signed notes.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Cosignatures.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// Tiles and entry bundles.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// Witness policies.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Proof files.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The witness protocol.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl TlogError {
    /// The stable code, such as `merkle.inclusion`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Merkle(e) => e.code(),
            Self::Note(e) => e.code(),
            Self::Checkpoint(e) => e.code(),
            Self::Cosignature(e) => e.code(),
            Self::Tile(e) => e.code(),
            Self::Policy(e) => e.code(),
            Self::Proof(e) => e.code(),
            Self::Witness(e) => e.code(),
        }
    }
}
