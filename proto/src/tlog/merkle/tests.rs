//! Property tests against a naive recursive tree and against rs_merkle.

use super::*;
use proptest::prelude::*;
use rs_merkle::Hasher as _;

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

/// The tree in which all leaves are equal, of any size.
struct Uniform(Vec<Hash>);

impl HashReader for Uniform {
    type Error = MerkleError;

    fn subtree(&self, level: u8, _: u64) -> Result<Hash, MerkleError> {
        Ok(self.0[usize::from(level)])
    }
}

#[test]
fn the_largest_trees_do_not_overflow() {
    let mut levels = vec![leaf_hash(b"")];
    for _ in 0..63 {
        let below = levels[levels.len() - 1];
        levels.push(node_hash(&below, &below));
    }
    let tree = Uniform(levels);
    let sizes = [1, 2, 3, 1 << 32, (1 << 62) + 1, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];
    for size in sizes {
        let root = root_at(&tree, size).unwrap();
        for index in [0, 1, size / 2, size / 3, size - 1] {
            let index = index.min(size - 1);
            let path = inclusion_path(&tree, index, size).unwrap();
            assert!(size > i64::MAX as u64 || path.len() < MAX_PATH_LEN);
            verify_inclusion(&tree.0[0], index, size, &path, &root).unwrap();
            let longer = [path.as_slice(), &[root]].concat();
            assert!(verify_inclusion(&tree.0[0], index, size, &longer, &root).is_err());
        }
        for size1 in sizes.into_iter().chain([size / 3 + 1, size - size / 7]) {
            let size1 = size1.min(size);
            let root1 = root_at(&tree, size1).unwrap();
            let path = consistency_path(&tree, size1, size).unwrap();
            assert!(size > i64::MAX as u64 || path.len() <= MAX_PATH_LEN);
            verify_consistency(size1, size, &root1, &root, &path).unwrap();
        }
    }
    let mut full = CompactRange::load(&tree, u64::MAX).unwrap();
    assert_eq!(full.root(), root_at(&tree, u64::MAX).unwrap());
    assert_eq!(full.append([0; 32]).unwrap_err().code(), "merkle.size");
    assert_eq!(full.size(), u64::MAX);
    assert_eq!(range_root(&tree, 1, 3).unwrap_err().code(), "merkle.size");
    assert_eq!(range_root(&tree, 3, 1).unwrap_err().code(), "merkle.size_order");
    assert!(CompactRange::from_parts(3, vec![[0; 32]]).is_err());
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

    #[test]
    fn no_mutation_of_an_inclusion_proof_verifies(
        size in 1_u64..400, pick in any::<(u64, usize, usize)>(),
    ) {
        let tree = Naive(leaves(size as usize));
        let root = naive_root(&tree.0);
        let index = pick.0 % size;
        let leaf = tree.0[index as usize];
        let path = inclusion_path(&tree, index, size).unwrap();
        let accepts = |leaf: &Hash, index, size, path: &[Hash], root: &Hash| {
            verify_inclusion(leaf, index, size, path, root).is_ok()
        };
        prop_assert!(accepts(&leaf, index, size, &path, &root));
        prop_assert_eq!(root_from_inclusion(&leaf, index, size, &path), Ok(root));
        for changed in mutations(&path, pick.1, pick.2) {
            prop_assert!(!accepts(&leaf, index, size, &changed, &root));
        }
        prop_assert!(!accepts(&flip(&leaf, pick.2), index, size, &path, &root));
        prop_assert!(!accepts(&leaf, index, size, &path, &flip(&root, pick.2)));
        prop_assert!(!accepts(&leaf, index + 1, size, &path, &root));
        prop_assert!(index == 0 || !accepts(&leaf, index - 1, size, &path, &root));
        prop_assert!(!accepts(&leaf, size, size, &path, &root));
        // Another size may ask for the same steps (a path binds a size only through its root), so
        // it is refused unless the walk is the same one.
        for other in [size - 1, size + 1] {
            let same_walk = other > index && steps(index, other) == steps(index, size);
            prop_assert_eq!(accepts(&leaf, index, other, &path, &root), same_walk);
        }
    }

    #[test]
    fn no_mutation_of_a_consistency_proof_verifies(
        size2 in 2_u64..400, pick in any::<(u64, usize, usize)>(),
    ) {
        let tree = Naive(leaves(size2 as usize));
        let size1 = 1 + pick.0 % (size2 - 1);
        let root1 = naive_root(&tree.0[..size1 as usize]);
        let root2 = naive_root(&tree.0);
        let path = consistency_path(&tree, size1, size2).unwrap();
        let accepts = |size1, size2, root1: &Hash, root2: &Hash, path: &[Hash]| {
            verify_consistency(size1, size2, root1, root2, path).is_ok()
        };
        prop_assert!(accepts(size1, size2, &root1, &root2, &path));
        for changed in mutations(&path, pick.1, pick.2) {
            prop_assert!(!accepts(size1, size2, &root1, &root2, &changed));
        }
        prop_assert!(!accepts(size1, size2, &flip(&root1, pick.2), &root2, &path));
        prop_assert!(!accepts(size1, size2, &root1, &flip(&root2, pick.2), &path));
        prop_assert!(!accepts(size1, size2, &root2, &root1, &path));
        prop_assert!(!accepts(size2, size1, &root1, &root2, &path));
        prop_assert!(!accepts(size1, size1, &root1, &root2, &path));
        prop_assert!(!accepts(0, size2, &EMPTY_ROOT, &root2, &path));
        prop_assert!(!accepts(0, size2, &EMPTY_ROOT, &root2, &[]));
        prop_assert!(verify_consistency_from_any(0, size2, &EMPTY_ROOT, &root2, &[]).is_ok());
        prop_assert!(verify_consistency_from_any(0, size2, &EMPTY_ROOT, &root2, &path).is_err());
        prop_assert!(verify_consistency_from_any(0, size2, &root1, &root2, &[]).is_err());
    }

    #[test]
    fn roots_agree_with_rs_merkle(entries in prop::collection::vec(any::<[u8; 4]>(), 1..300)) {
        let leaves: Vec<Hash> = entries.iter().map(|e| Rfc6962::hash(e)).collect();
        let theirs = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&leaves);
        let mut range = CompactRange::new();
        for entry in &entries {
            range.append(leaf_hash(entry)).unwrap();
        }
        prop_assert_eq!(theirs.root(), Some(range.root()));
        let tree = Naive(leaves);
        for index in [0, entries.len() / 2, entries.len() - 1] {
            let ours = inclusion_path(&tree, index as u64, entries.len() as u64).unwrap();
            let proof = theirs.proof(&[index]);
            prop_assert_eq!(proof.proof_hashes(), ours.as_slice());
        }
    }
}

/// rs_merkle hashes without the prefixes of RFC 6962 unless it is told so.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = Hash;

    fn hash(data: &[u8]) -> Hash {
        leaf_hash(data)
    }

    fn concat_and_hash(left: &Hash, right: Option<&Hash>) -> Hash {
        right.map_or(*left, |right| node_hash(left, right))
    }
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut changed = *hash;
    changed[bit % 256 / 8] ^= 1 << (bit % 8);
    changed
}

/// One flipped bit, one hash dropped, added or swapped with its neighbour.
fn mutations(path: &[Hash], at: usize, bit: usize) -> Vec<Vec<Hash>> {
    let at = if path.is_empty() { 0 } else { at % path.len() };
    let mut longer = path.to_vec();
    longer.insert(at, leaf_hash(b"added"));
    let mut appended = path.to_vec();
    appended.push(leaf_hash(b"added"));
    let mut all = vec![longer, appended];
    if !path.is_empty() {
        let mut flipped = path.to_vec();
        flipped[at] = flip(&path[at], bit);
        let mut shorter = path.to_vec();
        shorter.remove(at);
        all.extend([flipped, shorter]);
    }
    if at + 1 < path.len() {
        let mut swapped = path.to_vec();
        swapped.swap(at, at + 1);
        all.push(swapped);
    }
    all
}

/// The sides on which the siblings of a path stand, by the recursive definition of RFC 9162
/// section 2.1.3.1, root first.
fn steps(index: u64, size: u64) -> Vec<bool> {
    if size == 1 {
        return vec![];
    }
    let middle = size.next_power_of_two() / 2;
    let (right, rest) = if index < middle {
        (true, steps(index, middle))
    } else {
        (false, steps(index - middle, size - middle))
    };
    [vec![right], rest].concat()
}
