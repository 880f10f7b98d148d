//! Property tests against a naive recursive tree.

use super::*;
use proptest::prelude::*;

/// Straight from the definition, RFC 9162 section 2.1.1.
pub(super) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let middle = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(middle);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// A tree that computes every subtree anew.
pub(super) struct Naive(pub Vec<Hash>);

impl HashReader for Naive {
    type Error = MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MerkleError> {
        let width = 1_usize << level;
        let start = usize::try_from(index).unwrap() * width;
        Ok(naive_root(&self.0[start..start + width]))
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn every_proof_of_every_small_tree_verifies() {
    let tree = Naive(leaves(70));
    for size in 1..=70_u64 {
        let root = naive_root(&tree.0[..size as usize]);
        assert_eq!(root_at(&tree, size).unwrap(), root);
        for index in 0..size {
            let path = inclusion_path(&tree, index, size).unwrap();
            verify_inclusion(&tree.0[index as usize], index, size, &path, &root).unwrap();
        }
        for size1 in 1..=size {
            let root1 = naive_root(&tree.0[..size1 as usize]);
            let path = consistency_path(&tree, size1, size).unwrap();
            verify_consistency(size1, size, &root1, &root, &path).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn append_agrees_with_the_definition(count in 0_usize..600) {
        let tree = Naive(leaves(count));
        let mut range = CompactRange::new();
        for (i, leaf) in tree.0.iter().enumerate() {
            prop_assert_eq!(range.append(*leaf).unwrap(), i as u64);
        }
        prop_assert_eq!(range.root(), naive_root(&tree.0));
        prop_assert_eq!(CompactRange::load(&tree, count as u64).unwrap(), range);
    }
}
