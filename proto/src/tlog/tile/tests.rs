//! Tables from C2SP tlog-tiles and from transparency-dev/tessera api/layout (Apache-2.0).

use super::*;
use crate::tlog::merkle::{
    CompactRange, consistency_path, inclusion_path, leaf_hash, root_at, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;
use std::collections::HashMap;

fn hashes(level: u8, index: u64, width: u16) -> TileId {
    TileId { kind: TileKind::Hashes(level), index, width }
}

fn entries(index: u64, width: u16) -> TileId {
    TileId { kind: TileKind::Entries, index, width }
}

#[test]
fn paths_read_and_write() {
    for (id, path) in [
        (hashes(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (hashes(0, 1_234_067, 89), "tile/0/x001/x234/067.p/89"),
        (hashes(0, 0, 256), "tile/0/000"),
        (hashes(0, 0, 255), "tile/0/000.p/255"),
        (hashes(1, 0, 256), "tile/1/000"),
        (hashes(15, 455_667, 256), "tile/15/x455/667"),
        (hashes(15, 123_456_789, 41), "tile/15/x123/x456/789.p/41"),
        (hashes(63, 999_999_999_999_999_999, 255), "tile/63/x999/x999/x999/x999/x999/999.p/255"),
        (entries(0, 256), "tile/entries/000"),
        (entries(0, 8), "tile/entries/000.p/8"),
        (entries(255, 253), "tile/entries/255.p/253"),
        (entries(123_456_789, 256), "tile/entries/x123/x456/789"),
        (hashes(2, 1000, 1), "tile/2/x001/000.p/1"),
    ] {
        assert_eq!(id.to_string(), path);
        assert_eq!(path.parse::<TileId>(), Ok(id));
    }
}

#[test]
fn paths_in_another_form_are_refused() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/0/x001/x234/067.p/",
        "tile/0/x001/x234/067.p",
        "tile/0/x001/x234/",
        "tile/0/x001/x234",
        "tile/0/x001/",
        "tile/0/x001",
        "tile/1/x001/.p/abc",
        "tile/64/x001/002",
        "tile/-1/x001/002",
        "tile/abc/x001/002",
        "tile/data/x001/002",
        "tile/8/001/002",
        "tile/8/x001/0002",
        "tile/8/x001/-002",
        "tile/8/x001/002.p/256",
        "tile/8/x001/002.p/0",
        "tile/8/x001/002.p/01",
        "tile/8/x001/002.p/1/",
        "tile/8/x001/002.p/1.p/1",
        "tile/8/x000/002",
        "tile/8/x001.p/1/002",
        "tile/8/X001/002",
        "tile/63/x999/x999/x999/x999/x999/x999/999.p/255",
        "/tile/0/000",
        "tile//000",
        "tile/0/../000",
        "tile/0/%30%30%30",
        "tile/8/0/000",
    ] {
        assert_eq!(path.parse::<TileId>(), Err(TileError::Path), "{path:?}");
    }
}

#[test]
fn the_worked_example_of_the_specification() {
    let mut of: HashMap<TileKind, Vec<TileId>> = HashMap::new();
    for id in new_tiles(0, 70_000) {
        of.entry(id.kind).or_default().push(id);
    }
    let level = |l: u8| &of[&TileKind::Hashes(l)];
    assert_eq!(level(0).len(), 274);
    assert!(level(0)[..273].iter().all(TileId::is_full));
    assert_eq!(level(0)[273], hashes(0, 273, 112));
    assert_eq!(*level(1), [hashes(1, 0, 256), hashes(1, 1, 17)]);
    assert_eq!(*level(2), [hashes(2, 0, 1)]);
    assert_eq!(of[&TileKind::Entries].len(), 274);
    assert_eq!(of.len(), 4);

    let at_256: Vec<TileId> = new_tiles(0, 256).collect();
    assert_eq!(at_256, [entries(0, 256), hashes(0, 0, 256), hashes(1, 0, 1)]);
}

#[test]
fn growing_writes_only_what_changed() {
    let ids: Vec<String> = new_tiles(261, 527).map(|id| id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "tile/entries/001",
            "tile/entries/002.p/15",
            "tile/0/001",
            "tile/0/002.p/15",
            "tile/1/000.p/2"
        ]
    );
    assert_eq!(new_tiles(527, 527).count(), 0);
    assert_eq!(new_tiles(0, 0).count(), 0);
    let one_more: Vec<String> = new_tiles(527, 528).map(|id| id.to_string()).collect();
    assert_eq!(one_more, ["tile/entries/002.p/16", "tile/0/002.p/16"]);
}

#[test]
fn bundles_have_one_form() {
    let entries: [&[u8]; 3] = [b"one", b"", b"three"];
    let bytes = encode_bundle(&entries).unwrap();
    assert_eq!(bytes, b"\x00\x03one\x00\x00\x00\x05three");
    assert_eq!(parse_bundle(&bytes, 3).unwrap(), entries);
    assert_eq!(parse_bundle(&bytes, 2), Err(TileError::Bundle));
    assert_eq!(parse_bundle(&bytes, 4), Err(TileError::Bundle));
    assert_eq!(parse_bundle(&bytes[..9], 3), Err(TileError::Bundle));
    assert_eq!(parse_bundle(&bytes, 257), Err(TileError::TooLarge));
    assert_eq!(encode_bundle(&[vec![0; 65_536]]), Err(TileError::TooLarge));
    assert_eq!(encode_bundle(&vec![b"a"; 257]), Err(TileError::TooLarge));
    assert!(encode_bundle(&[vec![0; 65_535]]).is_ok());
}

#[test]
fn tiles_have_the_length_of_their_width() {
    assert_eq!(parse_tile(&[7; 64], 2).unwrap(), [[7; 32]; 2]);
    for (length, width) in [(64, 1), (64, 3), (63, 2), (65, 2), (257 * 32, 257)] {
        assert_eq!(parse_tile(&vec![0; length], width).unwrap_err().code(), "tile.length");
    }
}

/// Writes only the tiles that [`new_tiles`] names, from the full subtrees of an append.
#[derive(Default)]
struct Files {
    nodes: HashMap<(u8, u64), Hash>,
    tiles: HashMap<TileId, Vec<Hash>>,
}

impl TileSource for &Files {
    type Error = crate::tlog::TlogError;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Self::Error> {
        Ok(self.tiles.get(&id).cloned().ok_or(TileError::Range)?)
    }
}

fn grow(files: &mut Files, range: &mut CompactRange, to: u64) {
    let from = range.size();
    while range.size() < to {
        let leaf = leaf_hash(&range.size().to_be_bytes());
        range
            .append_with(leaf, |level, index, hash| {
                files.nodes.insert((level, index), *hash);
            })
            .unwrap();
    }
    for id in new_tiles(from, to) {
        let TileKind::Hashes(level) = id.kind else { continue };
        let first = id.index * 256;
        let nodes = (first..first + u64::from(id.width)).map(|i| files.nodes[&(level * 8, i)]);
        files.tiles.insert(id, nodes.collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn proofs_from_tiles_alone_verify(
        steps in prop::collection::vec(1_u64..700, 1..5),
        seed in any::<u64>(),
    ) {
        let (mut files, mut range) = (Files::default(), CompactRange::new());
        let mut older = Vec::new();
        for step in steps {
            let size = range.size() + step;
            grow(&mut files, &mut range, size);
            let tree = TileTree::new(&files, size);
            let root = range.root();
            prop_assert_eq!(root_at(&tree, size).unwrap(), root);
            let index = seed % size;
            let path = inclusion_path(&tree, index, size).unwrap();
            let leaf = leaf_hash(&index.to_be_bytes());
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &path, &root), Ok(()));
            older.push((size, root));
            for (old_size, old_root) in &older {
                let path = consistency_path(&tree, *old_size, size).unwrap();
                let verified = verify_consistency(*old_size, size, old_root, &root, &path);
                prop_assert_eq!(verified, Ok(()));
            }
        }
    }

    #[test]
    fn every_path_that_is_written_is_read(
        level in 0_u8..64, index in 0_u64..1_000_000_000_000_000_000, width in 1_u16..=256,
    ) {
        for id in [hashes(level, index, width), entries(index, width)] {
            prop_assert_eq!(id.to_string().parse::<TileId>(), Ok(id));
        }
    }

    #[test]
    fn a_bundle_reads_as_it_was_written(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..=256),
    ) {
        let bytes = encode_bundle(&entries).unwrap();
        prop_assert_eq!(parse_bundle(&bytes, entries.len() as u16).unwrap(), entries);
    }
}
