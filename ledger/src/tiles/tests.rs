use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::storage::{Committed, Group, OnceKey, Statement, Visit};

/// Objects in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Objects for Memory {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(lock(&self.0).get(path).cloned())
    }
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        lock(&self.0).insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }
    fn offer(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.put(path, bytes)
    }
    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }
    fn unsynced(&self) -> usize {
        0
    }
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.put(path, bytes)
    }
    fn remove_below(&self, path: &str) {
        lock(&self.0).retain(|name, _| !name.starts_with(&format!("{path}/")));
    }
}

/// A record that holds entries and nothing else.
struct Entries(Vec<Hash>);

impl Store for Entries {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn commit(&self, _: &[Group]) -> Result<Committed, Error> {
        Err(Error::ReadOnly)
    }
    fn holder(&self, _: &OnceKey) -> Result<Option<u64>, Error> {
        Err(Error::ReadOnly)
    }
    fn entries(&self, range: std::ops::Range<u64>) -> Result<Vec<Hash>, Error> {
        Ok(self.0[range.start as usize..range.end as usize].to_vec())
    }
    fn statement(&self, _: u64) -> Result<Statement, Error> {
        Ok(Statement::NotFound)
    }
    fn visit(&self, _: std::ops::Range<u64>, _: &mut Visit<'_>) -> Result<(), Error> {
        Ok(())
    }
    fn erase(&self, _: u64) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }
    fn stopped(&self) -> Option<String> {
        None
    }
}

fn entry(n: u64) -> Hash {
    Sha256::digest(n.to_be_bytes()).into()
}

fn entries(count: u64) -> Vec<Hash> {
    (0..count).map(entry).collect()
}

/// The tree as RFC 9162 section 2.1.1 writes it down.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => merkle::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            merkle::node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let objects = Arc::new(Memory::default());
    let tree = Tree::empty(Arc::clone(&objects) as Arc<dyn Objects>, true);
    entries(70_000).chunks(256 * 3 + 7).for_each(|chunk| assert!(tree.extend(chunk).is_ok()));
    tree.write_partials(70_000, true, 0).unwrap();
    let names = lock(&objects.0).keys().cloned().collect::<Vec<_>>();
    let count = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((count("tile/0/"), count("tile/1/"), count("tile/2/")), (274, 2, 1));
    assert_eq!(count("tile/entries/"), 274);
    for name in ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
    let leaves: Vec<Hash> = entries(70_000).iter().map(|entry| leaf_hash(entry)).collect();
    for size in [0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 69_999, 70_000] {
        assert_eq!(tree.root_at(size).unwrap(), naive_root(&leaves[..size as usize]), "{size}");
    }
    let tile = objects.get("tile/1/000").unwrap().unwrap();
    assert_eq!(naive_root(&leaves[256 * 9..256 * 10]), tile[9 * 32..10 * 32]);
}

#[test]
fn a_damaged_tile_gives_an_error_and_not_a_wrong_proof() {
    let objects = Arc::new(Memory::default());
    let tree = Tree::empty(Arc::clone(&objects) as Arc<dyn Objects>, true);
    tree.extend(&entries(1000)).unwrap();
    lock(&tree.cache).clear();
    let good = objects.get("tile/0/001").unwrap().unwrap();
    let mut bad = good.clone();
    bad[77] ^= 1;
    for bytes in [&bad[..], &good[..8191], b""] {
        objects.put("tile/0/001", bytes).unwrap();
        lock(&tree.cache).clear();
        assert_eq!(tree.inclusion(300, 1000).unwrap_err().code(), "tile.corrupt");
    }
    lock(&objects.0).remove("tile/0/001");
    assert_eq!(tree.inclusion(300, 1000).unwrap_err().code(), "tile.corrupt");
    assert!(tree.inclusion(700, 1000).is_ok(), "other proofs are not affected");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn proofs_hold_and_a_reloaded_tree_is_the_same(
        steps in proptest::collection::vec(1u64..400, 1..8), mark: u64, a: u64, b: u64, index: u64,
    ) {
        let size: u64 = steps.iter().sum();
        let mark = mark % (size + 1);
        let all = entries(size);
        let objects = Arc::new(Memory::default());
        let tree = Tree::empty(Arc::clone(&objects) as Arc<dyn Objects>, true);
        let mut at = 0;
        for step in steps {
            tree.extend(&all[at..at + step as usize]).unwrap();
            at += step as usize;
            if (at - step as usize..=at).contains(&(mark as usize)) {
                tree.write_partials(mark, true, 0).unwrap();
            }
        }
        let leaves: Vec<Hash> = all.iter().map(|entry| leaf_hash(entry)).collect();
        let store = Entries(all);
        let reloaded = Tree::load(Arc::clone(&objects) as _, &store, mark, true).unwrap();
        let reader = Tree::load(Arc::new(Memory::default()), &store, 0, false).unwrap();
        let (size1, size2) = ((a % size + 1).min(b % size + 1), (a % size + 1).max(b % size + 1));
        let root1 = naive_root(&leaves[..size1 as usize]);
        let root2 = naive_root(&leaves[..size2 as usize]);
        let index = index % size2;
        for tree in [&tree, &reloaded, &reader] {
            prop_assert_eq!(tree.size(), size);
            prop_assert_eq!(tree.head().1, naive_root(&leaves));
            prop_assert_eq!(tree.root_at(size1).unwrap(), root1);
            let path = tree.inclusion(index, size2).unwrap();
            merkle::verify_inclusion(&leaves[index as usize], index, size2, &path, &root2).unwrap();
            let path = tree.consistency(size1, size2).unwrap();
            merkle::verify_consistency(size1, size2, &root1, &root2, &path).unwrap();
        }
    }
}
