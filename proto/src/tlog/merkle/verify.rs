//! Checking proofs: RFC 9162 sections 2.1.3.2 and 2.1.4.2.
//!
//! The steps and their variable names (`fn`, `sn`, here `first` and `last`) are those of the RFC,
//! so that the code can be read beside it. A path that is too short or too long is refused: the
//! length follows from the sizes alone.
//!
//! A proof binds index and sizes only as far as they change the walk: neighbouring sizes can share
//! one. So a size is worth nothing unless it was signed together with the root, as in a checkpoint.

use super::{EMPTY_ROOT, Hash, MerkleError, node_hash};

/// Checks that the entry with this leaf hash is number `index` of the tree of `size` entries with
/// this root (RFC 9162 section 2.1.3.2). `path` runs from the leaf's sibling to the root's child.
///
/// # Errors
/// `merkle.index` if `index` is not below `size`, `merkle.path_length` if the path has not the one
/// length for these numbers, `merkle.inclusion` if it leads to another root.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), MerkleError> {
    let computed = root_from_inclusion(leaf_hash, index, size, path)?;
    if computed == *root { Ok(()) } else { Err(MerkleError::Inclusion) }
}

/// The root to which an inclusion path leads, for formats in which the root is not stated but
/// signed (RFC 9942 receipts).
///
/// # Errors
/// As [`verify_inclusion`], save `merkle.inclusion`.
pub fn root_from_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
) -> Result<Hash, MerkleError> {
    if index >= size {
        return Err(MerkleError::Index { index, size });
    }
    let mut walk = Walk { first: index, last: size - 1 };
    let mut root = *leaf_hash;
    for sibling in path {
        root = match walk.step().ok_or(MerkleError::PathLength { actual: path.len() })? {
            Side::Left => node_hash(sibling, &root),
            Side::Right => node_hash(&root, sibling),
        };
    }
    walk.finish(path)?;
    Ok(root)
}

/// Checks that the tree of `size1` entries is a prefix of the tree of `size2` entries (RFC 9162
/// section 2.1.4.2). Equal sizes take equal roots and an empty path.
///
/// `size1 == 0` is refused, because a proof from the empty tree is empty and says nothing; where
/// that is meant (a witness sees a log for the first time), use [`verify_consistency_from_any`].
///
/// # Errors
/// `merkle.size` for `size1 == 0`, `merkle.size_order` for `size1 > size2`, `merkle.path_length`,
/// `merkle.same_size_roots`, or `merkle.consistency`.
pub fn verify_consistency(
    size1: u64,
    size2: u64,
    root1: &Hash,
    root2: &Hash,
    path: &[Hash],
) -> Result<(), MerkleError> {
    if size1 > size2 {
        return Err(MerkleError::SizeOrder { size1, size2 });
    }
    if size1 == 0 {
        return Err(MerkleError::Size { size: size1 });
    }
    if size1 == size2 {
        return verify_same_size(root1, root2, path);
    }
    let wrong_length = MerkleError::PathLength { actual: path.len() };
    // A complete older tree is itself a node of the newer one and is left out of the path.
    let (start, rest) = if size1.is_power_of_two() {
        (root1, path)
    } else {
        path.split_first().ok_or(wrong_length)?
    };
    let mut walk = Walk { first: size1 - 1, last: size2 - 1 };
    walk.skip_right_edges();
    let (mut older, mut newer) = (*start, *start);
    for sibling in rest {
        match walk.step().ok_or(wrong_length)? {
            Side::Left => {
                older = node_hash(sibling, &older);
                newer = node_hash(sibling, &newer);
            }
            Side::Right => newer = node_hash(&newer, sibling),
        }
    }
    walk.finish(path)?;
    if older == *root1 && newer == *root2 { Ok(()) } else { Err(MerkleError::Consistency) }
}

/// [`verify_consistency`], but `size1 == 0` is allowed: then `root1` must be the root of the empty
/// tree and the path empty, and nothing is shown about `root2` (except when `size2` is 0 too).
///
/// # Errors
/// As [`verify_consistency`], save `merkle.size`.
pub fn verify_consistency_from_any(
    size1: u64,
    size2: u64,
    root1: &Hash,
    root2: &Hash,
    path: &[Hash],
) -> Result<(), MerkleError> {
    if size1 != 0 {
        return verify_consistency(size1, size2, root1, root2, path);
    }
    if !path.is_empty() {
        return Err(MerkleError::PathLength { actual: path.len() });
    }
    let newer_fits = size2 != 0 || *root2 == EMPTY_ROOT;
    if *root1 == EMPTY_ROOT && newer_fits { Ok(()) } else { Err(MerkleError::SameSizeRoots) }
}

fn verify_same_size(root1: &Hash, root2: &Hash, path: &[Hash]) -> Result<(), MerkleError> {
    if !path.is_empty() {
        return Err(MerkleError::PathLength { actual: path.len() });
    }
    if root1 == root2 { Ok(()) } else { Err(MerkleError::SameSizeRoots) }
}

/// On which side of the node computed so far its sibling stands.
enum Side {
    Left,
    Right,
}

/// The climb from a leaf to the root: the index of the current node and of the last node of its
/// level (`fn` and `sn` in the RFC).
struct Walk {
    first: u64,
    last: u64,
}

impl Walk {
    /// Climbs past one sibling; `None` if the root has already been reached.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.first & 1 == 1 || self.first == self.last {
            // A node without right sibling rises unchanged until it is a right child.
            while self.first & 1 == 0 && self.first != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn skip_right_edges(&mut self) {
        while self.first & 1 == 1 {
            self.up();
        }
    }

    fn up(&mut self) {
        self.first >>= 1;
        self.last >>= 1;
    }

    fn finish(&self, path: &[Hash]) -> Result<(), MerkleError> {
        if self.last == 0 { Ok(()) } else { Err(MerkleError::PathLength { actual: path.len() }) }
    }
}
