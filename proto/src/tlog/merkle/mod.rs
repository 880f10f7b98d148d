//! RFC 9162 section 2.1: the SHA-256 Merkle tree of a log.
//!
//! The tree over `size` entries splits at the largest power of two below `size`, so that the
//! subtree over an aligned, complete run of `2^level` entries never changes once it is full. Those
//! *full subtrees*, named by `(level, index)`, are all that storage has to keep: see
//! [`HashReader`] for reading them back and [`CompactRange`] for producing them.

mod hash;
mod prove;
mod range;
mod verify;

pub use hash::{EMPTY_ROOT, HASH_LEN, Hash, empty_root, leaf_hash, node_hash};
pub use prove::{HashReader, consistency_path, inclusion_path, range_root, root_at};
pub use range::CompactRange;
pub use verify::{
    root_from_inclusion, verify_consistency, verify_consistency_from_any, verify_inclusion,
};

/// The most hashes that a path can hold in a tree of up to 2^63 - 1 entries: 63 for inclusion, one
/// more for consistency. C2SP formats allow 63 in both.
pub const MAX_PATH_LEN: usize = 64;

/// Why a proof was refused, or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// The leaf index is not below the tree size.
    #[error("leaf index {index} is not below the tree size {size}")]
    Index {
        /// The leaf index asked for, from 0.
        index: u64,
        /// The tree size, in entries.
        size: u64,
    },
    /// A tree size is out of range here: zero where a proof would say nothing, or too large.
    #[error("tree size {size} is not usable here")]
    Size {
        /// The tree size, in entries.
        size: u64,
    },
    /// The older size of a consistency proof is above the newer one.
    #[error("older tree size {size1} is above the newer one, {size2}")]
    SizeOrder {
        /// The older tree size, in entries.
        size1: u64,
        /// The newer tree size, in entries.
        size2: u64,
    },
    /// The path does not have the one length that the sizes call for.
    #[error("the proof has {actual} hashes, which is not the length for these sizes")]
    PathLength {
        /// How many hashes the proof has.
        actual: usize,
    },
    /// The inclusion path leads to another root.
    #[error("the inclusion path does not lead to this root")]
    Inclusion,
    /// The consistency path does not join the two roots.
    #[error("the consistency path does not join these roots")]
    Consistency,
    /// Two roots are given for one and the same tree size, and they differ.
    #[error("two different roots for one tree size")]
    SameSizeRoots,
}

impl MerkleError {
    /// The stable code of this error, for logs and reports.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index { .. } => "merkle.index",
            Self::Size { .. } => "merkle.size",
            Self::SizeOrder { .. } => "merkle.size_order",
            Self::PathLength { .. } => "merkle.path_length",
            Self::Inclusion => "merkle.inclusion",
            Self::Consistency => "merkle.consistency",
            Self::SameSizeRoots => "merkle.same_size_roots",
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod vectors;
