//! Every finding is made to happen once.

use std::path::PathBuf;

use rusqlite::Connection;

use super::*;
use crate::checkpoint::Head;
use crate::host::Real;
use crate::journal::{Content, Frame, Segment, SegmentFile};
use crate::log::{Log, notes_path, once_path};
use crate::storage::{NewEntry, OnceKey};

const ORIGIN: &str = "example.com/log";

fn sign(text: &str) -> Result<Vec<u8>, String> {
    Ok(format!("{text}\n— {ORIGIN} AAAAAAAA\n").into_bytes())
}

fn open(dir: &Dir) -> Log {
    Log::open(dir, LogId::Main, ORIGIN, sign).unwrap()
}

fn note_at(log: &Log, size: u64) -> Vec<u8> {
    let root = log.root_at(size).unwrap();
    sign(&Head { origin: ORIGIN.into(), size, root }.text()).unwrap()
}

fn key(n: u64) -> OnceKey {
    let mut key = [3; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    OnceKey(key)
}

/// 600 entries in frames of 100, one key each, notes of the sizes 300 and 600, entry 5 erased.
fn closed() -> (tempfile::TempDir, Dir) {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(tmp.path()).unwrap();
    let log = open(&dir);
    for start in (0..600u64).step_by(100) {
        let entry = |n: u64| NewEntry { once: vec![key(n)], ..NewEntry::plain(n.to_string()) };
        log.append((start..start + 100).map(entry).collect()).unwrap();
        if start == 200 {
            log.publish(&note_at(&log, 300)).unwrap();
        }
    }
    log.erase(5).unwrap();
    log.publish(&note_at(&log, 600)).unwrap();
    drop(log);
    (tmp, dir)
}

fn codes(dir: &Dir) -> Vec<(&'static str, Option<u64>)> {
    let report = check_log(dir, LogId::Main).unwrap();
    report.findings.iter().map(|found| (found.code, found.index)).collect()
}

fn segment(dir: &Dir) -> PathBuf {
    SegmentFile::list(&Real, &dir.bodies(), LogId::Main).unwrap().pop().unwrap().path
}

/// Changes a file with `change`.
fn edit(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

fn sql(path: PathBuf, statement: &str) {
    Connection::open(path).unwrap().execute_batch(statement).unwrap();
}

/// Offset of each frame of entries.
fn frames(dir: &Dir) -> Vec<usize> {
    let scan = Segment::open(&Real, &segment(dir), false).unwrap().scan().unwrap();
    scan.frames.iter().map(|frame| frame.offset as usize).collect()
}

/// Offset of the body of entry 100 * `frame`.
fn body(dir: &Dir, frame: usize) -> usize {
    let at = frames(dir)[frame];
    let header = Segment::open(&Real, &segment(dir), false).unwrap().frame_at(at as u64);
    at + header.unwrap().unwrap().header_len()
}

#[test]
fn a_sound_folder_is_clean_also_while_it_is_written() {
    let (_tmp, dir) = closed();
    let reports = check(&dir).unwrap();
    let (log, findings) = (LogId::Main, Vec::new());
    assert_eq!(reports[0], Report { log, size: 600, erased: 1, notes: 2, findings, more: 0 });
    assert!(reports[1].clean());
    assert_eq!(reports[1].size, 0);
    // With an open writer that has not published what it wrote.
    let log = open(&dir);
    log.append(vec![NewEntry::plain(*b"more"); 90]).unwrap();
    assert_eq!(codes(&dir), []);
    drop(log);
    return_to(&dir);
}

/// Opening and closing changes nothing that a check would see.
fn return_to(dir: &Dir) {
    drop(open(dir));
    assert_eq!(codes(dir), []);
}

#[test]
fn journal_findings() {
    let (_tmp, dir) = closed();
    edit(segment(&dir), |bytes| bytes.truncate(bytes.len() - 1));
    // The last frame is the record of the erasure.
    assert_eq!(codes(&dir), [("journal.torn", Some(600)), ("journal.zeroed", Some(5))]);

    let (_tmp, dir) = closed();
    let at = frames(&dir)[3];
    edit(segment(&dir), |bytes| bytes[at + 50] ^= 1);
    assert_eq!(codes(&dir)[0], ("journal.corrupt", Some(300)));

    let (_tmp, dir) = closed();
    let at = body(&dir, 2);
    edit(segment(&dir), |bytes| bytes[at] ^= 1);
    assert_eq!(codes(&dir), [("journal.body", Some(200))]);
    edit(segment(&dir), |bytes| bytes[at..at + 3].fill(0));
    assert_eq!(codes(&dir), [("journal.zeroed", Some(200))]);

    let (_tmp, dir) = closed();
    let at = body(&dir, 0) + 5;
    edit(segment(&dir), |bytes| bytes[at] = b'5');
    assert_eq!(codes(&dir), [("journal.erasure_unfinished", Some(5))]);
    return_to(&dir);

    let (_tmp, dir) = closed();
    std::fs::rename(segment(&dir), dir.bodies().join(format!("log-{:020}.seg", 7))).unwrap();
    assert_eq!(codes(&dir)[0].0, "journal.chain");
}

#[test]
fn tile_findings() {
    let (_tmp, dir) = closed();
    let tiles = dir.tiles(LogId::Main).join("tile");
    for path in ["0/001", "1/000.p/2", "entries/000", "entries/002.p/88", "0/002.p/88"] {
        let (_tmp, dir) = closed();
        edit(dir.tiles(LogId::Main).join("tile").join(path), |bytes| bytes[40] ^= 1);
        assert!(codes(&dir).iter().all(|(code, _)| *code == "tile.wrong"), "{path}");
        assert!(!codes(&dir).is_empty(), "{path}");
        std::fs::remove_file(dir.tiles(LogId::Main).join("tile").join(path)).unwrap();
        assert_eq!(codes(&dir), [("tile.missing", None)], "{path}");
    }
    std::fs::write(tiles.join("notes.txt"), "").unwrap();
    assert_eq!(codes(&dir), [("tile.stray", None)]);
    std::fs::rename(tiles.join("notes.txt"), tiles.join("0/003")).unwrap();
    assert_eq!(codes(&dir), [("tile.stray", None)]);
}

#[test]
fn checkpoint_findings() {
    let show = |dir: &Dir, name: &str, note: &[u8]| {
        std::fs::write(dir.tiles(LogId::Main).join(name), note).unwrap();
    };
    let note = |size, root| sign(&Head { origin: ORIGIN.into(), size, root }.text()).unwrap();
    let (_tmp, dir) = closed();
    show(&dir, "checkpoint-fast", b"?");
    assert_eq!(codes(&dir), [("checkpoint.malformed", None)]);
    show(&dir, "checkpoint-fast", &note(601, [0; 32]));
    assert_eq!(codes(&dir), [("checkpoint.rollback", None)]);
    show(&dir, "checkpoint-fast", &note(599, [0; 32]));
    assert_eq!(codes(&dir), [("checkpoint.root", None)]);

    let (_tmp, dir) = closed();
    edit(dir.tiles(LogId::Main).join("checkpoint"), |note| note.extend("— w AAAAAAAA\n".bytes()));
    assert_eq!(codes(&dir), [("checkpoint.not_kept", None)]);
    std::fs::remove_file(dir.tiles(LogId::Main).join("checkpoint")).unwrap();
    assert_eq!(codes(&dir), [("checkpoint.stale", None)]);

    let (_tmp, dir) = closed();
    let shown = std::fs::read(dir.tiles(LogId::Main).join("checkpoint")).unwrap();
    let log = open(&dir);
    for line in ["— w AAAAAAAA\n", "— w BBBBBBBB\n"] {
        log.publish(&[&note_at(&log, 600), line.as_bytes()].concat()).unwrap();
    }
    drop(log);
    show(&dir, "checkpoint", &shown);
    assert_eq!(codes(&dir), [("checkpoint.stale", None)]);
}

#[test]
fn note_findings() {
    let (_tmp, dir) = closed();
    sql(notes_path(&dir, LogId::Main), "UPDATE note SET size = 301 WHERE row = 1");
    assert_eq!(codes(&dir), [("note.damaged", None)]);

    let (_tmp, dir) = closed();
    sql(notes_path(&dir, LogId::Main), "UPDATE note SET row = 9 WHERE row = 1");
    assert_eq!(codes(&dir), [("note.order", None)]);

    let (_tmp, dir) = closed();
    std::fs::write(notes_path(&dir, LogId::Main), vec![b'x'; 4096]).unwrap();
    assert_eq!(codes(&dir), [("notes.unreadable", None)]);
}

#[test]
fn once_findings() {
    let path = |dir: &Dir| once_path(dir, LogId::Main);
    let (_tmp, dir) = closed();
    sql(path(&dir), "DELETE FROM once WHERE entry = 7");
    assert_eq!(codes(&dir), [("once.missing", Some(7))]);

    let (_tmp, dir) = closed();
    sql(path(&dir), "INSERT INTO once VALUES (zeroblob(32), 9)");
    assert_eq!(codes(&dir), [("once.wrong", Some(9))]);
    sql(path(&dir), "DELETE FROM once WHERE key = zeroblob(32)");
    sql(path(&dir), "UPDATE once SET entry = 8 WHERE entry = 7");
    assert_eq!(codes(&dir), [("once.missing", Some(7)), ("once.wrong", Some(8))]);

    let (_tmp, dir) = closed();
    sql(path(&dir), "UPDATE mark SET applied_to = 601");
    assert_eq!(codes(&dir), [("once.ahead", None)]);

    let (_tmp, dir) = closed();
    std::fs::write(path(&dir), vec![b'x'; 4096]).unwrap();
    assert_eq!(codes(&dir), [("once.unreadable", None)]);
    // Derived: opening makes it again.
    return_to(&dir);
}

/// A last frame whose entry takes a key that another one has, as a broken writer would write it.
fn take_a_key_twice(dir: &Dir) {
    let log = open(dir);
    let once = vec![key(1000)];
    log.append(vec![NewEntry { once, ..NewEntry::plain(*b"last") }]).unwrap();
    drop(log);
    // The same frame again with key 7 instead.
    let path = segment(dir);
    let segment = Segment::open(&Real, &path, false).unwrap();
    let (offset, mut frame) = segment.scan().unwrap().last.unwrap();
    if let Content::Entries(entries) = &mut frame.content {
        entries[0].once = vec![key(7)];
    }
    let header = Frame::encode(&frame, &segment.header.salt);
    let at = offset as usize;
    edit(path, |bytes| bytes[at..at + header.len()].copy_from_slice(&header));
}

#[test]
fn a_key_that_two_entries_took_is_found() {
    let (_tmp, dir) = closed();
    take_a_key_twice(&dir);
    let found = codes(&dir);
    assert!(found.contains(&("once.duplicate", Some(600))), "{found:?}");
    assert!(found.contains(&("once.wrong", Some(600))), "{found:?}");
}

/// As [`closed`], with a search index.
fn closed_and_indexed() -> (tempfile::TempDir, Dir) {
    let (tmp, dir) = closed();
    let main = std::sync::Arc::new(open(&dir));
    let gov = Log::open(&dir, LogId::Gov, "example.com/log/gov", sign).unwrap();
    let index = crate::index::Index::open(&dir, &main, &std::sync::Arc::new(gov)).unwrap();
    LogId::ALL.into_iter().for_each(|id| index.catch_up(id).unwrap());
    drop(index);
    (tmp, dir)
}

/// What makes a finding of this code; every code of the table has to be here.
fn make(code: &str, dir: &Dir) {
    let shown = |name: &str| dir.tiles(LogId::Main).join(name);
    let show = |size, root| {
        let note = sign(&Head { origin: ORIGIN.into(), size, root }.text()).unwrap();
        std::fs::write(shown("checkpoint-fast"), note).unwrap();
    };
    let flip = |path: PathBuf, at: usize| edit(path, |bytes| bytes[at] ^= 1);
    let zero = |at: usize| edit(segment(dir), |bytes| bytes[at..at + 3].fill(0));
    let last = |path: PathBuf| edit(path, |bytes| bytes.truncate(bytes.len() - 1));
    let notes = |statement| sql(notes_path(dir, LogId::Main), statement);
    let once = |statement| sql(once_path(dir, LogId::Main), statement);
    let index = |statement| sql(dir.index(), statement);
    match code {
        "journal.chain" => std::fs::rename(segment(dir), dir.bodies().join(MISNAMED)).unwrap(),
        "journal.corrupt" => flip(segment(dir), frames(dir)[3] + 50),
        "journal.torn" => last(segment(dir)),
        "journal.body" => flip(segment(dir), body(dir, 2)),
        "journal.zeroed" => zero(body(dir, 2)),
        "journal.erasure_unfinished" => {
            let at = body(dir, 0) + 5;
            edit(segment(dir), |bytes| bytes[at] = b'5');
        }
        "tile.missing" => std::fs::remove_file(shown("tile/0/001")).unwrap(),
        "tile.wrong" => flip(shown("tile/0/001"), 40),
        "tile.stray" => std::fs::write(shown("tile/0/003"), "").unwrap(),
        "checkpoint.malformed" => std::fs::write(shown("checkpoint"), "?").unwrap(),
        "checkpoint.rollback" => show(601, [0; 32]),
        "checkpoint.root" => show(599, [0; 32]),
        "checkpoint.not_kept" => {
            edit(shown("checkpoint"), |note| note.extend("— w AAAAAAAA\n".bytes()));
        }
        "checkpoint.stale" => std::fs::remove_file(shown("checkpoint")).unwrap(),
        "note.damaged" => notes("UPDATE note SET size = 301 WHERE row = 1"),
        "note.order" => notes("UPDATE note SET row = 9 WHERE row = 1"),
        "notes.unreadable" => notes("DROP TABLE note"),
        "once.unreadable" => once("DROP TABLE once"),
        "once.missing" => once("DELETE FROM once WHERE entry = 7"),
        "once.wrong" => once("INSERT INTO once VALUES (zeroblob(32), 9)"),
        "once.duplicate" => take_a_key_twice(dir),
        "once.ahead" => once("UPDATE mark SET applied_to = 601"),
        "index.unreadable" => index("DROP TABLE entry"),
        "index.missing" => index("DELETE FROM entry WHERE log = 0 AND entry = 3"),
        "index.wrong" => index("UPDATE entry SET kind = 'denial' WHERE log = 0 AND entry = 3"),
        "index.stray" => index("INSERT INTO term VALUES (17, 0, 3)"),
        "index.not_erased" => index("UPDATE entry SET kind = 'denial' WHERE entry = 5"),
        "index.ahead" => index("UPDATE indexed SET size = 601 WHERE log = 0"),
        other => panic!("nothing makes {other}"),
    }
}

/// No segment begins with this entry.
const MISNAMED: &str = "log-00000000000000000007.seg";

#[test]
fn every_code_of_the_table_has_something_that_makes_it() {
    let documented = include_str!("mod.rs");
    for code in CODES {
        assert!(documented.contains(&format!("`{code}`")), "{code} is not in the table");
        let (_tmp, dir) = closed_and_indexed();
        assert_eq!(codes(&dir), []);
        make(code, &dir);
        let found = codes(&dir);
        assert!(found.iter().any(|(found, _)| *found == code), "{code}: {found:?}");
    }
}

#[test]
fn findings_are_bounded() {
    let (_tmp, dir) = closed();
    let mut insert = String::from("BEGIN;");
    for n in 0..MAX_FINDINGS + 5 {
        insert.push_str(&format!("INSERT INTO once VALUES (CAST('{n:032}' AS BLOB), 1);"));
    }
    sql(once_path(&dir, LogId::Main), &(insert + "COMMIT"));
    let report = check_log(&dir, LogId::Main).unwrap();
    assert_eq!((report.findings.len(), report.more), (MAX_FINDINGS, 5));
}

#[test]
fn a_running_writer_gives_no_findings() {
    let (_tmp, dir) = closed();
    let log = open(&dir);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 600..1000u64 {
                let once = vec![key(n)];
                log.append(vec![NewEntry { once, ..NewEntry::plain(n.to_string()) }]).unwrap();
                if n % 10 == 0 {
                    log.erase(n - 300).unwrap();
                    log.publish(&note_at(&log, n)).unwrap();
                }
            }
        });
        while !writer.is_finished() {
            let report = check_log(&dir, LogId::Main).unwrap();
            // The one thing that can't be told apart from a crash without waiting.
            let real = |found: &&Finding| found.code != "journal.erasure_unfinished";
            assert_eq!(report.findings.iter().find(real), None);
        }
    });
    drop(log);
    assert_eq!(check_log(&dir, LogId::Main).unwrap().erased, 41);
}
