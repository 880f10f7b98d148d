//! Appending with O(log n) memory: the roots of the full subtrees along the tree's right edge.

use super::{EMPTY_ROOT, Hash, HashReader, MerkleError, node_hash, prove};

/// The state of a tree that only grows: its size and the roots of the full subtrees that cover
/// it, left to right (one per set bit of the size, so 64 at most).
///
/// This is the *compact range* of transparency-dev/merkle starting at 0. It is enough to append
/// and to give the root; for proofs, store the full subtrees that [`CompactRange::append_with`]
/// reports and read them through a [`HashReader`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// Largest subtree first.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state stored as a size and its peaks, left to right.
    ///
    /// # Errors
    /// `merkle.path_length` if there is not exactly one peak per set bit of `size`.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Result<Self, MerkleError> {
        if usize::try_from(size.count_ones()) != Ok(peaks.len()) {
            return Err(MerkleError::PathLength { actual: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// The state of the stored tree at `size`, for example after a restart.
    ///
    /// # Errors
    /// What the reader gives.
    pub fn load<R: HashReader>(reader: &R, size: u64) -> Result<Self, R::Error> {
        Ok(Self { size, peaks: prove::peaks(reader, 0, size)? })
    }

    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees along the right edge, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends one leaf hash and gives its index.
    ///
    /// # Errors
    /// `merkle.size` if the tree already holds `u64::MAX` entries.
    pub fn append(&mut self, leaf_hash: Hash) -> Result<u64, MerkleError> {
        self.append_with(leaf_hash, |_, _, _| {})
    }

    /// Appends one leaf hash, gives its index, and reports each subtree that became full as
    /// `(level, index, hash)`: the leaf itself at level 0 first, then upward.
    ///
    /// # Errors
    /// As [`CompactRange::append`]; then nothing was reported or changed.
    pub fn append_with(
        &mut self,
        leaf_hash: Hash,
        mut full: impl FnMut(u8, u64, &Hash),
    ) -> Result<u64, MerkleError> {
        let index = self.size;
        self.size = index.checked_add(1).ok_or(MerkleError::Size { size: index })?;
        full(0, index, &leaf_hash);
        let mut root = leaf_hash;
        let mut node = index;
        let mut level = 0_u8;
        // Each trailing one bit of the old size is a full left sibling that is now completed.
        while node & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            root = node_hash(&left, &root);
            node >>= 1;
            level = level.saturating_add(1);
            full(level, node, &root);
        }
        self.peaks.push(root);
        Ok(index)
    }

    /// The root of the tree (of the empty tree: [`EMPTY_ROOT`]).
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_peaks(&self.peaks)
    }
}

/// Joins full subtrees, given left to right, into the root over all of them.
pub(super) fn fold_peaks(peaks: &[Hash]) -> Hash {
    let mut right_to_left = peaks.iter().rev();
    let Some(last) = right_to_left.next() else { return EMPTY_ROOT };
    right_to_left.fold(*last, |right, left| node_hash(left, &right))
}
