//! The two hashes of the tree and the root of the empty one.

use sha2::{Digest, Sha256};

/// A SHA-256 value: a leaf hash, a node or a root.
pub type Hash = [u8; HASH_LEN];

/// The length of a [`type@Hash`] in bytes.
pub const HASH_LEN: usize = 32;

/// The root of the tree without entries: SHA-256 of the empty string.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The root of the tree without entries, as a function for symmetry with the others.
#[must_use]
pub const fn empty_root() -> Hash {
    EMPTY_ROOT
}

/// The hash of one entry: SHA-256(0x00 ‖ entry), RFC 9162 section 2.1.1.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into()
}

/// The hash of two neighbouring subtrees: SHA-256(0x01 ‖ left ‖ right), RFC 9162 section 2.1.1.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}
