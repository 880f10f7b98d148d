//! Making proofs from a stored tree: RFC 9162 sections 2.1.3.1 and 2.1.4.1.

use super::range::fold_peaks;
use super::{Hash, MerkleError};

/// A stored tree: gives the hash of any full subtree.
///
/// Subtree `(level, index)` covers entries `index * 2^level .. (index + 1) * 2^level`; level 0 are
/// the leaf hashes. The functions of this module ask only for subtrees that are full at the size
/// they were given.
pub trait HashReader {
    /// What reading can fail with; proof functions give their own errors through it.
    type Error: From<MerkleError>;

    /// The hash of the full subtree at this level and index.
    ///
    /// # Errors
    /// Whatever the storage fails with, a subtree that is not there included.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

impl<R: HashReader + ?Sized> HashReader for &R {
    type Error = R::Error;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        (**self).subtree(level, index)
    }
}

/// The root of the tree of the first `size` entries (of none: the root of the empty tree).
///
/// # Errors
/// What the reader gives.
pub fn root_at<R: HashReader>(reader: &R, size: u64) -> Result<Hash, R::Error> {
    range_root(reader, 0, size)
}

/// The inclusion path of entry `index` in the tree of `size` entries, from the leaf's sibling
/// upward (RFC 9162 section 2.1.3.1).
///
/// # Errors
/// `merkle.index` if `index` is not below `size`, else what the reader gives.
pub fn inclusion_path<R: HashReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, R::Error> {
    if index >= size {
        return Err(MerkleError::Index { index, size }.into());
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The consistency path between the trees of `size1` and of `size2` entries (RFC 9162 section
/// 2.1.4.1); empty for equal sizes and for `size1 == 0`.
///
/// # Errors
/// `merkle.size_order` if `size1 > size2`, else what the reader gives.
pub fn consistency_path<R: HashReader>(
    reader: &R,
    size1: u64,
    size2: u64,
) -> Result<Vec<Hash>, R::Error> {
    if size1 > size2 {
        return Err(MerkleError::SizeOrder { size1, size2 }.into());
    }
    let mut path = Vec::new();
    if size1 == 0 || size1 == size2 {
        return Ok(path);
    }
    let (mut start, mut end) = (0, size2);
    while size1 != end {
        let middle = start + split(end - start);
        if size1 <= middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    // The verifier knows the older root, so a subtree that is the whole older tree is left out.
    if start != 0 {
        path.push(range_root(reader, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The root over entries `start..end`, where that range is a node of some tree: `start` must be a
/// multiple of the smallest power of two that is at least `end - start` (0 always is).
///
/// # Errors
/// `merkle.size_order` if `start > end`, `merkle.size` if the range is not aligned, else what
/// the reader gives.
pub fn range_root<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<Hash, R::Error> {
    Ok(fold_peaks(&peaks(reader, start, end)?))
}

/// The full subtrees that cover entries `start..end`, left to right, largest first.
pub(super) fn peaks<R: HashReader>(
    reader: &R,
    start: u64,
    end: u64,
) -> Result<Vec<Hash>, R::Error> {
    let Some(width) = end.checked_sub(start) else {
        return Err(MerkleError::SizeOrder { size1: start, size2: end }.into());
    };
    // A width above 2^63 has no power of two over it in a u64; then only start 0 is aligned.
    let aligned = match width.checked_next_power_of_two() {
        Some(full_width) => start & (full_width - 1) == 0,
        None => start == 0,
    };
    if !aligned {
        return Err(MerkleError::Size { size: width }.into());
    }
    let mut roots = Vec::new();
    let mut at = start;
    for level in (0..64_u8).rev() {
        if width >> level & 1 == 1 {
            roots.push(reader.subtree(level, at >> level)?);
            // The last addend ends at `end`, so the sum stays within a u64.
            at = at.saturating_add(1 << level);
        }
    }
    Ok(roots)
}

/// Where a tree of `size >= 2` entries splits: the largest power of two below its size.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}
