//! The main log's tree, recomputed from its entries: enough of it in memory to give every root
//! with no more than 255 entries beside it.

use placet_proto::tlog::merkle::{
    CompactRange, Hash, HashReader, MerkleError, leaf_hash, node_hash, root_at,
};

/// Entries under a node that is kept: a tile's.
const WIDTH: u64 = 256;
/// Level of such a node.
const LEVEL: u8 = 8;

/// The nodes of the tree from level 8 on: an eighth of a byte for each entry.
#[derive(Debug, Clone, Default)]
pub struct MainTree {
    /// `levels[k][i]` covers entries `i · 2^(8+k) .. (i+1) · 2^(8+k)`.
    levels: Vec<Vec<Hash>>,
}

impl MainTree {
    /// The node over a full tile of 256 entries.
    ///
    /// # Errors
    /// `merkle.index` if there are not 256.
    pub fn node(entries: &[Hash]) -> Result<Hash, MerkleError> {
        let mut range = CompactRange::new();
        for entry in entries {
            range.append(leaf_hash(entry))?;
        }
        match range.size() {
            WIDTH => Ok(range.root()),
            size => Err(MerkleError::Index { index: WIDTH, size }),
        }
    }

    /// Appends the node of the next full tile.
    pub fn append(&mut self, node: Hash) {
        let (mut level, mut node) = (0_usize, node);
        loop {
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(node);
            // A right child completes its parent.
            let [.., left, right] = row.as_slice() else { return };
            if row.len() % 2 == 1 {
                return;
            }
            node = node_hash(left, right);
            level = level.saturating_add(1);
        }
    }

    /// Entries under full tiles.
    #[must_use]
    pub fn full(&self) -> u64 {
        self.levels.first().map_or(0, |row| row.len() as u64).saturating_mul(WIDTH)
    }

    /// The root at `size`, where `rest` are the entries from the last multiple of 256 at or below
    /// `size` on; more of them are ignored.
    ///
    /// # Errors
    /// `merkle.index` for a size that the tree and `rest` do not reach.
    pub fn root(&self, size: u64, rest: &[Hash]) -> Result<Hash, MerkleError> {
        root_at(&Reader { tree: self, size, rest }, size)
    }
}

struct Reader<'a> {
    tree: &'a MainTree,
    size: u64,
    rest: &'a [Hash],
}

impl Reader<'_> {
    fn below_tile(&self, level: u8, index: u64) -> Option<Hash> {
        let width = 1_u64.checked_shl(level.into())?;
        let first = index.checked_mul(width)?.checked_sub(self.size - self.size % WIDTH)?;
        let from = usize::try_from(first).ok()?;
        let to = from.checked_add(usize::try_from(width).ok()?)?;
        let mut range = CompactRange::new();
        for entry in self.rest.get(from..to)? {
            range.append(leaf_hash(entry)).ok()?;
        }
        Some(range.root())
    }
}

impl HashReader for Reader<'_> {
    type Error = MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MerkleError> {
        let found = match level.checked_sub(LEVEL) {
            Some(above) => self
                .tree
                .levels
                .get(usize::from(above))
                .and_then(|row| row.get(usize::try_from(index).ok()?).copied()),
            None => self.below_tile(level, index),
        };
        found.ok_or(MerkleError::Index { index, size: self.size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_appending_one_by_one() {
        let entries: Vec<Hash> =
            (0..1500_u32).map(|n| placet_proto::sha256(&n.to_be_bytes())).collect();
        let mut tree = MainTree::default();
        for tile in entries.chunks_exact(256) {
            tree.append(MainTree::node(tile).unwrap());
        }
        assert_eq!(tree.full(), 1280);
        let mut range = CompactRange::new();
        for size in 0..=1500_usize {
            let rest = &entries[size / 256 * 256..];
            assert_eq!(tree.root(size as u64, rest), Ok(range.root()), "{size}");
            if let Some(entry) = entries.get(size) {
                range.append(leaf_hash(entry)).unwrap();
            }
        }
        assert!(tree.root(1501, &entries[1280..]).is_err());
        assert!(tree.root(1 << 40, &[]).is_err() && tree.root(u64::MAX, &[]).is_err());
        assert!(MainTree::node(&entries[..255]).is_err());
    }
}
