//! `consistency`, with proofs, with copies of a log, and with a log that lies.

mod common;

use std::fs;
use std::path::Path;

use common::{Ran, Story};
use placet_forge::MemLog;
use placet_proto::b64;
use placet_proto::json::{self, Json};
use placet_proto::tlog::merkle::leaf_hash;
use placet_proto::tlog::tile::{TILE_WIDTH, TileKind, encode_bundle, new_tiles};

fn compare(story: &Story, more: &[&str]) -> Ran {
    let arguments = ["consistency", "old", "new", "--trust", "trust.json"];
    story.run(arguments.iter().chain(more))
}

fn notes(story: &Story, old: u64, new: u64) {
    story.write("old", &story.forge.main.checkpoint(old).to_bytes());
    story.write("new", &story.forge.main.checkpoint(new).to_bytes());
}

/// Writes a log as C2SP tlog-tiles lays it out, with its statements.
fn write_copy(log: &MemLog, dir: &Path) {
    let entries: Vec<[u8; 32]> = log.statements.iter().map(|s| placet_proto::sha256(s)).collect();
    for id in new_tiles(0, log.size()) {
        let first = usize::try_from(id.index).unwrap() * usize::from(TILE_WIDTH);
        let run = &entries[first..first + usize::from(id.width)];
        let bytes = match id.kind {
            TileKind::Entries => encode_bundle(run).unwrap(),
            TileKind::Hashes(_) => run.iter().flat_map(|e| leaf_hash(e)).collect(),
        };
        let path = dir.join(id.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::write(dir.join("checkpoint"), log.checkpoint(log.size()).to_bytes()).unwrap();
    fs::create_dir_all(dir.join("statements")).unwrap();
    for (i, statement) in log.statements.iter().enumerate() {
        fs::write(dir.join("statements").join(i.to_string()), statement).unwrap();
    }
}

#[test]
fn a_proof_or_a_copy_joins_two_checkpoints() {
    let story = Story::closed();
    notes(&story, 3, 6);
    let ran = compare(&story, &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("[consistency.unproved]"));

    let lines: Vec<String> =
        story.forge.main.consistency(3, 6).iter().map(b64::encode_std).collect();
    story.write("proof", (lines.join("\n") + "\n").as_bytes());
    assert_eq!(compare(&story, &["--proof", "proof"]).code, 0);
    story.write("proof", b"");
    let ran = compare(&story, &["--proof", "proof"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("[log.consistency]"));
    story.write("proof", b"nonsense\n");
    assert_eq!(compare(&story, &["--proof", "proof"]).code, 4);

    write_copy(&story.forge.main, &story.path("copy"));
    assert_eq!(compare(&story, &["--log", "copy"]).code, 0);
    // The order of the arguments is not believed.
    notes(&story, 6, 3);
    assert_eq!(compare(&story, &["--log", "copy"]).code, 0);
    notes(&story, 6, 6);
    assert_eq!(compare(&story, &[]).code, 0);
    assert!(!story.path("log-misbehaved.json").exists());
}

#[test]
fn two_roots_for_one_size_are_misbehaviour_with_evidence() {
    let story = Story::closed();
    story.write("old", &story.forge.main.checkpoint(6).to_bytes());
    story.write("new", &story.forge.main.checkpoint_of(6, [7; 32]).to_bytes());
    let ran = compare(&story, &["--out", "proof.json"]);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.out.starts_with("LOG MISBEHAVED  example.org/placet  [log.equivocation]\n"));
    let evidence = json::parse(&fs::read(story.path("proof.json")).unwrap()).unwrap();
    let notes = evidence.get("notes").and_then(Json::as_array).unwrap();
    for (note, file) in notes.iter().zip(["old", "new"]) {
        assert_eq!(note.as_str().unwrap().as_bytes(), fs::read(story.path(file)).unwrap());
    }
}

#[test]
fn a_rewritten_history_is_found_in_a_copy() {
    let story = Story::closed();
    write_copy(&story.forge.main, &story.path("copy"));
    story.write("old", &story.forge.main.checkpoint_of(3, [7; 32]).to_bytes());
    story.write("new", &story.forge.main.checkpoint(6).to_bytes());
    assert_eq!(compare(&story, &["--log", "copy"]).code, 6);
    assert!(story.path("log-misbehaved.json").is_file());
    // A copy of some other tree shows nothing about this one.
    notes(&story, 3, 6);
    let tile = story.path("copy").join("tile/0/000.p/6");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    assert_eq!(compare(&story, &["--log", "copy"]).code, 3);
}

#[test]
fn what_the_log_did_not_sign_says_nothing_about_it() {
    let story = Story::closed();
    let mut forged = story.forge.main.checkpoint(6);
    let other = story.forge.gov.checkpoint(4);
    forged.retain_signatures(|_| false);
    forged.set_signature(other.signatures()[0].clone()).unwrap();
    story.write("old", &story.forge.main.checkpoint(6).to_bytes());
    story.write("new", &forged.to_bytes());
    let ran = compare(&story, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("[log.checkpoint]"), "{}", ran.out);
    story.write("new", &other.to_bytes());
    assert_eq!(compare(&story, &[]).code, 2, "two different logs");
    story.write("new", b"nonsense");
    assert_eq!(compare(&story, &[]).code, 4);
}

#[test]
fn the_whole_log_shows_that_an_approval_was_spent_once() {
    let story = Story::closed();
    write_copy(&story.forge.main, &story.path("copy"));
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("pass     consumption.unique"));
    // An erased body could have been the second execution.
    fs::remove_file(story.path("copy").join("statements/4")).unwrap();
    assert_ne!(story.check("evidence.placet", &["--log", "copy"]).code, 0);
    assert_eq!(story.check("evidence.placet", &["--log", "absent"]).code, 5);
}
