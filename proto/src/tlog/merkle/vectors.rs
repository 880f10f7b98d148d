//! Public vectors: transparency-dev/merkle probes, its canonical tree of 8 leaves, and the log of
//! 15 entries of transparency-dev/tessera.

use super::tests::{Naive, naive_root};
use super::*;
use crate::tlog::text::parse_base64;
use crate::tlog::tile::{encode_bundle, parse_tile};
use crate::tlog::{SignedCheckpoint, VerifierKey};
use serde_json::Value;

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// `None` where the probe holds something that is not 32 bytes, which our types can't.
fn hash(value: &Value) -> Option<Hash> {
    parse_base64(value.as_str()?)?.try_into().ok()
}

fn path(row: &Value) -> Option<Vec<Hash>> {
    row["proof"].as_array().map_or(Some(vec![]), |proof| proof.iter().map(hash).collect())
}

fn number(value: &Value) -> u64 {
    // Some probes wrap an unsigned number around.
    value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)).unwrap()
}

#[test]
fn inclusion_probes() {
    let rows = rows(include_str!("../../../vectors/merkle/inclusion.json"));
    assert_eq!(rows.len(), 98);
    let mut accepted = 0;
    for row in &rows {
        let verdict = (|| {
            let (leaf, root) = (hash(&row["leafHash"])?, hash(&row["root"])?);
            let (index, size) = (number(&row["leafIdx"]), number(&row["treeSize"]));
            verify_inclusion(&leaf, index, size, &path(row)?, &root).ok()
        })();
        assert_eq!(verdict.is_none(), row["wantErr"].as_bool().unwrap(), "{}", row["name"]);
        accepted += usize::from(verdict.is_some());
    }
    assert_eq!(accepted, 6);
}

#[test]
fn consistency_probes() {
    let rows = rows(include_str!("../../../vectors/merkle/consistency.json"));
    assert_eq!(rows.len(), 98);
    let mut accepted = 0;
    for row in &rows {
        // Its "roots" are strings of 12 bytes.
        if row["name"] == "additional/sizes-are-equal-one-and-proof-is-empty" {
            continue;
        }
        let verdict = (|| {
            let (root1, root2) = (hash(&row["root1"])?, hash(&row["root2"])?);
            let (size1, size2) = (number(&row["size1"]), number(&row["size2"]));
            verify_consistency(size1, size2, &root1, &root2, &path(row)?).ok()
        })();
        assert_eq!(verdict.is_none(), row["wantErr"].as_bool().unwrap(), "{}", row["name"]);
        accepted += usize::from(verdict.is_some());
    }
    assert_eq!(accepted, 5);
}

/// transparency-dev/merkle testonly/constants.go.
#[test]
fn the_canonical_tree_of_8_leaves() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut range = CompactRange::new();
    assert_eq!(hex::encode(range.root()), roots[0]);
    for (leaf, root) in leaves.iter().zip(&roots[1..]) {
        range.append(leaf_hash(&hex::decode(leaf).unwrap())).unwrap();
        assert_eq!(hex::encode(range.root()), *root);
    }
}

#[test]
fn a_log_that_another_implementation_made() {
    let log: Value = serde_json::from_str(include_str!("../../../vectors/tlog/log.json")).unwrap();
    let entries: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    let leaves: Vec<Hash> = entries.iter().map(|e| leaf_hash(e.as_bytes())).collect();
    let tile = parse_base64(log["tile_0_000_p_15"].as_str().unwrap()).unwrap();
    assert_eq!(parse_tile(&tile, 15).unwrap(), leaves);
    let bundle = parse_base64(log["tile_entries_000_p_15"].as_str().unwrap()).unwrap();
    assert_eq!(encode_bundle(&entries).unwrap(), bundle);

    let key = VerifierKey::parse(log["vkey"].as_str().unwrap()).unwrap();
    let notes = log["checkpoints"].as_array().unwrap();
    assert_eq!(notes.len(), 16);
    let tree = Naive(leaves);
    let mut older: Option<(u64, Hash)> = None;
    for (size, note) in (0..).zip(notes) {
        let note = note.as_str().unwrap();
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        let checkpoint = signed.checkpoint();
        checkpoint.check_profile().unwrap();
        assert_eq!((checkpoint.size, checkpoint.origin.as_str()), (size, key.name()));
        assert_eq!(checkpoint.root, naive_root(&tree.0[..size as usize]));
        assert!(signed.note().signature_of(&key).is_some());
        assert_eq!(signed.note().to_bytes(), note.as_bytes());
        if let Some((size1, root1)) = older.filter(|(size1, _)| *size1 > 0) {
            let path = consistency_path(&tree, size1, size).unwrap();
            verify_consistency(size1, size, &root1, &checkpoint.root, &path).unwrap();
        }
        older = Some((size, checkpoint.root));
    }
}
