use std::sync::mpsc::channel;

use placet_proto::tlog::merkle::{leaf_hash, root_from_inclusion, verify_consistency};
use placet_proto::tlog::tile::encode_bundle;
use sha2::{Digest, Sha256};

use super::*;
use crate::checkpoint::Head;

const ORIGIN: &str = "example.com/log";

/// A note with the right text and a line that looks like a signature.
fn sign(text: &str) -> Result<Vec<u8>, String> {
    Ok(format!("{text}\n— {ORIGIN} AAAAAAAA\n").into_bytes())
}

fn open(dir: &Dir) -> Log {
    Log::open(dir, LogId::Main, ORIGIN, sign).unwrap()
}

fn fresh() -> (tempfile::TempDir, Dir, Log) {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(tmp.path()).unwrap();
    let log = open(&dir);
    (tmp, dir, log)
}

fn statement(n: u64) -> Vec<u8> {
    format!("statement {n}").into_bytes()
}

fn fill(log: &Log, from: u64, to: u64) {
    let indices: Vec<u64> = (from..to).collect();
    for chunk in indices.chunks(200) {
        let entries = chunk.iter().map(|n| NewEntry::plain(statement(*n))).collect();
        let first_index = chunk[0];
        assert_eq!(log.append(entries).unwrap(), Outcome::Appended { first_index });
    }
}

fn note_at(log: &Log, size: u64) -> Vec<u8> {
    let root = log.root_at(size).unwrap();
    sign(&Head { origin: ORIGIN.into(), size, root }.text()).unwrap()
}

#[test]
fn what_is_acknowledged_is_proved_under_the_fast_checkpoint() {
    let (_tmp, _dir, log) = fresh();
    assert_eq!(log.checkpoint_fast(), None);
    fill(&log, 0, 1);
    assert_eq!(log.checkpoint_fast(), None, "size 1 is not signed");
    fill(&log, 1, 700);
    let fast = log.checkpoint_fast().unwrap();
    assert_eq!((fast.head.size, fast.head.root), (700, log.root()));
    for index in [0, 1, 255, 256, 511, 512, 699] {
        let entry = log.entry(index).unwrap();
        assert_eq!(entry, <Hash>::from(Sha256::digest(statement(index))));
        for size in [index + 1, (index + 300).min(700), 700] {
            let path = log.inclusion_path(index, size).unwrap();
            let root = root_from_inclusion(&leaf_hash(&entry), index, size, &path).unwrap();
            assert_eq!(root, log.root_at(size).unwrap());
        }
    }
    for (size1, size2) in [(1, 2), (255, 256), (256, 700), (513, 699), (700, 700)] {
        let path = log.consistency_path(size1, size2).unwrap();
        let (root1, root2) = (log.root_at(size1).unwrap(), log.root_at(size2).unwrap());
        verify_consistency(size1, size2, &root1, &root2, &path).unwrap();
    }
    assert_eq!(log.inclusion_path(700, 700).unwrap_err().code(), "log.out_of_range");
    assert_eq!(log.inclusion_path(0, 701).unwrap_err().code(), "log.out_of_range");
    assert_eq!(log.consistency_path(9, 8).unwrap_err().code(), "merkle.size_order");
    assert_eq!(log.root_at(0).unwrap(), <Hash>::from(Sha256::digest(b"")));
}

// SPEC.md R-10-3.
#[test]
fn everything_is_there_after_reopening() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 300);
    log.publish(&note_at(&log, 280)).unwrap();
    fill(&log, 300, 900);
    let head = log.head();
    drop(log);
    let reader = Dir::open_read_only(dir.root()).unwrap();
    let reader = Log::open_read_only(&reader, LogId::Main, ORIGIN).unwrap();
    let log = open(&dir);
    for log in [&reader, &log] {
        assert_eq!(log.head(), head);
        assert_eq!(log.checkpoint_fast().unwrap().head.size, 900);
        assert_eq!(log.checkpoint().unwrap().size, 280);
        assert_eq!(log.statement(899).unwrap(), Statement::Present(statement(899)));
        assert_eq!(log.statement(900).unwrap(), Statement::NotFound);
        assert!(log.inclusion_path(17, 899).is_ok());
        let mut seen = 0;
        log.visit(600..900, |index, found| {
            assert_eq!(found, Statement::Present(statement(index)));
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(seen, 300);
    }
    let refused = reader.append(vec![NewEntry::plain(*b"x")]).unwrap_err();
    assert_eq!(refused.code(), "ledger.read_only");
    assert_eq!(reader.publish(b"").unwrap_err().code(), "ledger.read_only");
    fill(&log, 900, 901);
}

// SPEC.md R-10-4.
#[test]
fn keys_are_taken_once_and_a_group_is_all_or_nothing() {
    let (_tmp, dir, log) = fresh();
    let key = |n: u8| OnceKey([n; 32]);
    let entry = |once: &[u8], absent: &[u8]| NewEntry {
        once: once.iter().map(|n| key(*n)).collect(),
        absent: absent.iter().map(|n| key(*n)).collect(),
        ..NewEntry::plain(*b"body")
    };
    let appended = |first_index| Outcome::Appended { first_index };
    let conflict = |n, index| Outcome::Conflict { key: key(n), index };
    assert_eq!(log.append(vec![entry(&[], &[]), entry(&[1, 2], &[3])]).unwrap(), appended(0));
    assert_eq!(log.append(vec![entry(&[3], &[]), entry(&[1], &[])]).unwrap(), conflict(1, 1));
    assert_eq!(log.size(), 2, "nothing of a refused group is recorded");
    assert_eq!(log.append(vec![entry(&[3], &[4])]).unwrap(), appended(2));
    assert_eq!(log.append(vec![entry(&[4], &[3])]).unwrap(), conflict(3, 2));
    // An absent key that an earlier entry of the same group takes: nobody would hold it.
    let never = log.append(vec![entry(&[5], &[]), entry(&[], &[5])]).unwrap_err();
    assert_eq!(never.code(), "ledger.invalid_entry");
    assert_eq!(log.holder(&key(5)).unwrap(), None);
    drop(log);
    let log = open(&dir);
    assert_eq!(log.append(vec![entry(&[2], &[])]).unwrap(), conflict(2, 1));
    assert_eq!(log.holder(&key(3)).unwrap(), Some(2));
    drop(log);
    std::fs::remove_file(once_path(&dir, LogId::Main)).unwrap();
    let log = open(&dir);
    assert_eq!(log.append(vec![entry(&[2], &[])]).unwrap(), conflict(2, 1));
}

#[test]
fn concurrent_callers_with_one_key_have_one_winner() {
    let (_tmp, _dir, log) = fresh();
    let (answers, answered) = channel();
    for caller in 0..64u8 {
        let answers = answers.clone();
        let once = vec![OnceKey([9; 32])];
        let entry = NewEntry { once, ..NewEntry::plain(vec![caller + 1; 9]) };
        log.submit(vec![entry], move |outcome| answers.send(outcome.unwrap()).unwrap()).unwrap();
    }
    let outcomes: Vec<Outcome> = answered.iter().take(64).collect();
    let won = outcomes.iter().filter(|o| **o == Outcome::Appended { first_index: 0 }).count();
    let lost = Outcome::Conflict { key: OnceKey([9; 32]), index: 0 };
    assert_eq!((won, outcomes.iter().filter(|o| **o == lost).count()), (1, 63));
    assert_eq!(log.size(), 1);
}

#[test]
fn notes_that_contradict_the_log_are_not_published() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 10);
    let other = |origin: &str, size, root| Head { origin: origin.into(), size, root }.text();
    let code = |text: String| log.publish(&sign(&text).unwrap()).unwrap_err().code();
    assert_eq!(code(other("example.org", 10, log.root())), "checkpoint.inconsistent");
    assert_eq!(code(other(ORIGIN, 10, [0; 32])), "checkpoint.inconsistent");
    assert_eq!(code(other(ORIGIN, 11, log.root())), "checkpoint.inconsistent");
    let one = log.root_at(1).unwrap();
    assert_eq!(code(other(ORIGIN, 1, one)), "checkpoint.inconsistent");
    assert_eq!(log.checkpoint(), None);
    let first = log.publish(&note_at(&log, 8)).unwrap();
    assert_eq!(log.publish(&note_at(&log, 7)).unwrap_err().code(), "checkpoint.smaller");
    let mut again = note_at(&log, 8);
    again.extend_from_slice("— witness AAAAAAAA\n".as_bytes());
    let second = log.publish(&again).unwrap();
    assert_eq!((second.row, second.size), (first.row + 1, 8));
    let shown = std::fs::read(dir.tiles(LogId::Main).join("checkpoint")).unwrap();
    assert_eq!(shown, again);
    assert_eq!(log.publish(&note_at(&log, 8)).unwrap(), first, "an old note hides no newer one");
    assert_eq!(log.checkpoint().as_ref(), Some(&second));
    let sha256 = Sha256::digest(&again).into();
    assert_eq!(log.notes().unwrap().by_sha256(&sha256).unwrap(), Some(second));
}

#[test]
fn the_folder_holds_the_tiles_of_what_is_published() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 513);
    log.publish(&note_at(&log, 513)).unwrap();
    let root = dir.tiles(LogId::Main);
    for path in ["tile/0/000", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"] {
        let file = std::fs::read(root.join(path)).unwrap();
        assert_eq!(Some(file), log.tile(path).unwrap(), "{path}");
    }
    let leaf = leaf_hash(&log.entry(512).unwrap());
    assert_eq!(log.tile("tile/0/002.p/1").unwrap().unwrap(), leaf);
    let bundle = std::fs::read(root.join("tile/entries/001")).unwrap();
    assert_eq!(bundle, encode_bundle(&log.entries(256..512).unwrap()).unwrap());
    assert_eq!(log.tile("tile/entries/001.p/3").unwrap().unwrap(), bundle[..102]);
    for path in ["tile/0/002", "tile/0/002.p/2", "tile/0/003.p/1", "tile/2/000.p/1", "checkpoint"] {
        assert_eq!(log.tile(path).unwrap(), None, "{path}");
    }
    log.publish(&note_at(&log, 513)).unwrap();
    fill(&log, 513, 800);
    log.publish(&note_at(&log, 800)).unwrap();
    assert!(!root.join("tile/0/002.p").exists(), "partials give way to the full tile");
    assert!(root.join("tile/0/003.p/32").exists());
}

#[test]
fn lost_or_damaged_tiles_are_made_again_from_the_journal() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 600);
    log.publish(&note_at(&log, 600)).unwrap();
    let head = log.head();
    drop(log);
    let tile = dir.tiles(LogId::Main).join("tile/1/000.p/2");
    let good = std::fs::read(&tile).unwrap();
    let mut bad = good.clone();
    bad[3] ^= 1;
    std::fs::write(&tile, bad).unwrap();
    let log = open(&dir);
    assert_eq!(log.head(), head);
    assert!(log.inclusion_path(3, 600).is_ok());
    log.publish(&note_at(&log, 600)).unwrap();
    drop(log);
    assert_eq!(std::fs::read(&tile).unwrap(), good);
    std::fs::remove_dir_all(dir.tiles(LogId::Main).join("tile")).unwrap();
    let log = open(&dir);
    assert_eq!(log.head(), head);
    assert!(log.consistency_path(300, 600).is_ok());
}

#[test]
fn a_journal_that_was_rolled_back_or_replaced_is_refused() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 5);
    let early = copy_bodies(&dir);
    fill(&log, 5, 9);
    log.publish(&note_at(&log, 9)).unwrap();
    drop(log);
    let restore = |files: &[(std::path::PathBuf, Vec<u8>)]| {
        std::fs::read_dir(dir.bodies())
            .unwrap()
            .for_each(|file| std::fs::remove_file(file.unwrap().path()).unwrap());
        files.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    };
    let late = copy_bodies(&dir);
    restore(&early);
    let code = || Log::open(&dir, LogId::Main, ORIGIN, sign).err().unwrap().code();
    assert_eq!(code(), "log.rollback");
    // Another history of the same length.
    let (_tmp2, dir2, log2) = fresh();
    fill(&log2, 0, 8);
    log2.append(vec![NewEntry::plain(*b"another")]).unwrap();
    drop(log2);
    let forged: Vec<_> = copy_bodies(&dir2)
        .into_iter()
        .map(|(path, bytes)| (dir.bodies().join(path.file_name().unwrap()), bytes))
        .collect();
    restore(&forged);
    assert_eq!(code(), "log.rollback");
    restore(&late);
    assert_eq!(open(&dir).size(), 9);
    assert_eq!(
        Log::open(&dir, LogId::Main, "example.com/other", sign).err().unwrap().code(),
        "log.rollback"
    );
}

fn copy_bodies(dir: &Dir) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    std::fs::read_dir(dir.bodies())
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn a_note_that_was_kept_but_not_shown_is_shown_after_a_crash() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 9);
    let old = note_at(&log, 5);
    log.publish(&old).unwrap();
    let new = note_at(&log, 9);
    log.publish(&new).unwrap();
    drop(log);
    let shown = dir.tiles(LogId::Main).join("checkpoint");
    std::fs::write(&shown, old).unwrap();
    assert_eq!(open(&dir).checkpoint().unwrap().note, new);
    assert_eq!(std::fs::read(&shown).unwrap(), new);
}

// SPEC.md R-10-6.
#[test]
fn erasing_leaves_entry_tree_and_keys() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 3);
    let (head, entry) = (log.head(), log.entry(1).unwrap());
    log.erase(1).unwrap();
    log.erase(1).unwrap();
    assert_eq!(log.erase(3).unwrap_err().code(), "log.out_of_range");
    drop(log);
    let log = open(&dir);
    assert_eq!(log.statement(1).unwrap(), Statement::Erased);
    assert_eq!(log.statement(2).unwrap(), Statement::Present(statement(2)));
    assert_eq!((log.head(), log.entry(1).unwrap()), (head, entry));
    assert!(log.inclusion_path(1, 3).is_ok());
}

#[test]
fn waiting_ends_when_the_log_has_grown() {
    let (_tmp, _dir, log) = fresh();
    let minute = Duration::from_secs(60);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait_for_size(3, minute).unwrap());
        fill(&log, 0, 3);
        assert_eq!(waiter.join().unwrap(), 3);
    });
    assert_eq!(log.wait_for_size(4, Duration::ZERO).unwrap(), 3);
    assert_eq!(*log.watch_size().borrow(), 3);
    let health = Health { size: 3, published: 0, queued: 0, stopped: None };
    assert_eq!(log.health(), health);
}

#[tokio::test]
async fn appending_works_from_tasks() {
    let (_tmp, _dir, log) = fresh();
    let (one, two) = tokio::join!(
        log.append_async(vec![NewEntry::plain(*b"one")]),
        log.append_async(vec![NewEntry::plain(*b"two")]),
    );
    assert_ne!(one.unwrap(), two.unwrap());
    let empty = log.append_async(vec![]).await.unwrap_err();
    assert_eq!(empty.code(), "ledger.invalid_entry");
}

#[test]
fn a_signer_that_fails_stops_the_log_and_reading_goes_on() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(tmp.path()).unwrap();
    let signer = |text: &str| match text.contains("\n3\n") {
        true => Err("token removed".to_owned()),
        false => sign(text),
    };
    let log = Log::open(&dir, LogId::Main, ORIGIN, signer).unwrap();
    fill(&log, 0, 2);
    let error = log.append(vec![NewEntry::plain(*b"x")]).unwrap_err();
    assert_eq!(error.code(), "ledger.stopped");
    assert!(log.health().stopped.unwrap().contains("token removed"));
    assert_eq!(log.append(vec![NewEntry::plain(*b"x")]).unwrap_err().code(), "ledger.stopped");
    assert_eq!(log.statement(1).unwrap(), Statement::Present(statement(1)));
    assert!(log.wait_for_size(9, Duration::from_secs(60)).is_err());
}

// SPEC.md R-10-2.
#[test]
fn tiles_that_cannot_be_made_durable_stop_the_log() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 3);
    // Opened again, it has written the files of the fast checkpoint and will not again.
    drop(log);
    let log = open(&dir);
    let note = note_at(&log, 3);
    // A folder in the place of a file that is renamed into: the write fails.
    let tile = dir.tiles(LogId::Main).join("tile/0/000.p");
    std::fs::remove_dir_all(&tile).unwrap();
    std::fs::create_dir_all(tile.join("3/x")).unwrap();
    assert_eq!(log.publish(&note).unwrap_err().code(), "ledger.io");
    assert_eq!(log.checkpoint(), None, "nothing is published without its tiles");
    std::fs::remove_dir_all(&tile).unwrap();
    assert_eq!(log.publish(&note).unwrap().size, 3, "a tile that was not written may be repeated");
    *lock(&log.core.failed) = Some("the disk broke".to_owned());
    let error = log.append(vec![NewEntry::plain(*b"x")]).unwrap_err();
    assert_eq!(error.code(), "ledger.stopped");
    assert_eq!(log.health().stopped.as_deref().map(|r| r.contains("the disk broke")), Some(true));
    assert_eq!(log.statement(0).unwrap(), Statement::Present(statement(0)));
}

#[test]
fn visiting_gives_a_part_in_order_and_stops_when_told() {
    let (_tmp, _dir, log) = fresh();
    fill(&log, 0, 500);
    log.erase(260).unwrap();
    let mut seen = Vec::new();
    log.visit(150..420, |index, found| {
        match found {
            Statement::Present(bytes) => assert_eq!(bytes, statement(index)),
            other => assert_eq!((index, other), (260, Statement::Erased)),
        }
        seen.push(index);
        if index == 410 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen, (150..=410).collect::<Vec<_>>());
    let beyond = log.visit(0..501, |_, _| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(beyond.code(), "log.out_of_range");
}

#[test]
fn tiles_that_the_power_took_are_made_again_behind_the_published_size() {
    let (_tmp, dir, log) = fresh();
    fill(&log, 0, 280);
    log.publish(&note_at(&log, 280)).unwrap();
    fill(&log, 280, 900);
    let head = log.head();
    drop(log);
    let tile = dir.tiles(LogId::Main).join("tile");
    assert!(tile.join("0/001.p/24").exists(), "it stays until the full tile is durable");
    // Names that reached the disk without their content.
    for path in ["0/001", "0/002", "1/000.p/3", "entries/001", "0/003.p/132"] {
        std::fs::write(tile.join(path), "").unwrap();
    }
    let log = open(&dir);
    assert_eq!(log.head(), head);
    log.publish(&note_at(&log, 900)).unwrap();
    drop(log);
    let report = crate::fsck::check_log(&dir, LogId::Main).unwrap();
    assert!(report.clean(), "{report:?}");
}

#[test]
fn the_governance_log_is_never_erased() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(tmp.path()).unwrap();
    let log = Log::open(&dir, LogId::Gov, ORIGIN, sign).unwrap();
    fill(&log, 0, 3);
    assert_eq!(log.erase(1).unwrap_err().code(), "log.not_erasable");
    assert_eq!(log.statement(1).unwrap(), Statement::Present(statement(1)));
}
