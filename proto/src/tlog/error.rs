//! The errors of all transparency-log formats, under one roof.

use super::merkle::MerkleError;

/// Any failure of this module tree; wraps the enum of each format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogError {
    /// Trees and proofs (RFC 9162).
    #[error(transparent)]
    Merkle(#[from] MerkleError),
}

impl TlogError {
    /// The stable code, such as `merkle.inclusion`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Merkle(e) => e.code(),
        }
    }
}
