use std::fs::File;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::host::{Real, real};

const LIMIT: u64 = 4096;

fn key(n: u8) -> OnceKey {
    OnceKey([n; 32])
}

/// Appends batches of statements; every third entry takes a key.
fn append(journal: &Journal, batch: &[Vec<u8>]) -> Result<u64, Error> {
    let keys = [key(7)];
    let records: Vec<Record<'_>> = batch
        .iter()
        .enumerate()
        .map(|(at, statement)| Record {
            hash: Sha256::digest(statement).into(),
            statement,
            once: if at % 3 == 0 { &keys } else { &[] },
        })
        .collect();
    journal.append(&records)
}

fn open(folder: &Path, floor: u64) -> Result<Journal, Error> {
    Journal::open_with(&real(), folder, LogId::Main, true, floor, LIMIT)
}

fn contents(journal: &Journal) -> Vec<Vec<u8>> {
    (0..journal.size())
        .map(|index| match journal.statement(index).unwrap() {
            Statement::Present(bytes) => bytes,
            other => panic!("{index}: {other:?}"),
        })
        .collect()
}

fn batches() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let statement = proptest::collection::vec(1u8.., 1..300);
    proptest::collection::vec(proptest::collection::vec(statement, 1..6), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_torn_last_batch_vanishes_whole_at_every_length(batches in batches()) {
        let tmp = tempfile::tempdir().unwrap();
        let journal = open(tmp.path(), 0).unwrap();
        let (last, before) = batches.split_last().unwrap();
        before.iter().for_each(|batch| assert!(append(&journal, batch).is_ok()));
        let acknowledged = contents(&journal);
        append(&journal, last).unwrap();
        let all = contents(&journal);
        drop(journal);
        let file = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap().pop().unwrap();
        let whole = std::fs::read(&file.path).unwrap();
        let segment = Segment::open(&Real, &file.path, false).unwrap();
        let start = segment.scan().unwrap().last.unwrap().0 as usize;
        // One length in 23 is enough for the bodies; all are tried in the fixed part of the header.
        let lengths = (start..whole.len()).filter(|len| *len < start + 40 || len % 23 == 0);
        for len in lengths.chain([whole.len() - 1]) {
            std::fs::write(&file.path, &whole[..len]).unwrap();
            // A reader sees the same and changes nothing.
            let reader =
                Journal::open_with(&real(), tmp.path(), LogId::Main, false, 0, LIMIT).unwrap();
            prop_assert_eq!(&contents(&reader), &acknowledged);
            prop_assert_eq!(std::fs::metadata(&file.path).unwrap().len(), len as u64);
            let journal = open(tmp.path(), acknowledged.len() as u64).unwrap();
            prop_assert_eq!(&contents(&journal), &acknowledged);
            append(&journal, last).unwrap();
            prop_assert_eq!(&contents(&journal), &all);
            if len > start {
                let error = {
                    std::fs::write(&file.path, &whole[..len]).unwrap();
                    open(tmp.path(), all.len() as u64).unwrap_err()
                };
                prop_assert_eq!(error.code(), "journal.corrupt", "below the floor nothing is cut");
            }
        }
        // Right length, but the last blocks never reached the disk.
        let mut zeroes = whole.clone();
        zeroes[whole.len() - 1] ^= 0xff;
        std::fs::write(&file.path, &zeroes).unwrap();
        prop_assert_eq!(contents(&open(tmp.path(), 0).unwrap()), acknowledged);
    }

    #[test]
    fn batches_read_back_across_segments(batches in batches()) {
        let tmp = tempfile::tempdir().unwrap();
        let journal = open(tmp.path(), 0).unwrap();
        let mut expected = Vec::new();
        for batch in &batches {
            prop_assert_eq!(append(&journal, batch).unwrap(), expected.len() as u64);
            expected.extend(batch.iter().cloned());
        }
        prop_assert_eq!(&contents(&journal), &expected);
        let reopened = Journal::open(&real(), tmp.path(), LogId::Main, false, 0).unwrap();
        prop_assert_eq!(&contents(&reopened), &expected);
        let mut visited = Vec::new();
        let (from, to) = (expected.len() as u64 / 3, expected.len() as u64);
        reopened.visit(from..to, |index, entry| {
            visited.push((index, entry.hash));
            ControlFlow::Continue(())
        }).unwrap();
        let hashes: Vec<(u64, Hash)> = (from..to)
            .map(|index| (index, Sha256::digest(&expected[index as usize]).into()))
            .collect();
        prop_assert_eq!(visited, hashes);
    }
}

/// Ten batches over several segments.
fn ten() -> (tempfile::TempDir, Journal) {
    let tmp = tempfile::tempdir().unwrap();
    let journal = open(tmp.path(), 0).unwrap();
    for n in 1..=10u8 {
        append(&journal, &[vec![n; 700], vec![n + 99; 500]]).unwrap();
    }
    (tmp, journal)
}

#[test]
fn damage_before_the_last_batch_is_an_error() {
    let (tmp, journal) = ten();
    drop(journal);
    let files = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap();
    assert!(files.len() > 2);
    let last = &files.last().unwrap().path;
    let whole = std::fs::read(last).unwrap();
    let frames = Segment::open(&Real, last, false).unwrap().scan().unwrap().frames;
    assert!(frames.len() > 1, "the case needs two frames in the last segment");
    for at in [0, 9, 13, 20, 40, 80] {
        let mut bytes = whole.clone();
        bytes[frames[0].offset as usize + at] ^= 1;
        std::fs::write(last, bytes).unwrap();
        assert_eq!(open(tmp.path(), 0).unwrap_err().code(), "journal.corrupt", "header byte {at}");
    }
    std::fs::write(last, &whole).unwrap();
    // A body: found when it is read, since opening does not read all bodies.
    let mut bytes = whole.clone();
    bytes[frames[1].offset as usize - 1] ^= 1;
    std::fs::write(last, bytes).unwrap();
    let journal = open(tmp.path(), 0).unwrap();
    let index = frames[1].first - 1;
    assert_eq!(journal.statement(index).unwrap_err().code(), "journal.corrupt");
    assert!(matches!(journal.statement(index + 1), Ok(Statement::Present(_))));
}

#[test]
fn missing_and_renamed_segments_are_noticed() {
    for gone in 0..2 {
        let (tmp, journal) = ten();
        drop(journal);
        let files = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap();
        std::fs::remove_file(&files[gone].path).unwrap();
        assert_eq!(open(tmp.path(), 0).unwrap_err().code(), "journal.corrupt");
    }
    let (tmp, journal) = ten();
    drop(journal);
    let files = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap();
    let other = tmp.path().join(format!("log-{:020}.seg", 5));
    std::fs::rename(&files[1].path, other).unwrap();
    assert_eq!(open(tmp.path(), 0).unwrap_err().code(), "journal.corrupt");
}

#[test]
fn a_closed_segment_that_lost_its_end_is_noticed() {
    let (tmp, journal) = ten();
    drop(journal);
    let files = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap();
    let before = &files[files.len() - 2].path;
    let frames = Segment::open(&Real, before, false).unwrap().scan().unwrap().frames;
    let file = File::options().write(true).open(before).unwrap();
    file.set_len(frames.last().unwrap().offset).unwrap();
    assert_eq!(open(tmp.path(), 0).unwrap_err().code(), "journal.corrupt");
    std::fs::remove_file(before.with_extension("idx")).unwrap();
    assert_eq!(open(tmp.path(), 0).unwrap_err().code(), "journal.corrupt");
}

#[test]
fn frame_lists_are_made_again_when_missing_or_damaged() {
    let (tmp, journal) = ten();
    let expected = contents(&journal);
    drop(journal);
    let lists: Vec<_> = std::fs::read_dir(tmp.path())
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "idx"))
        .collect();
    assert!(lists.len() > 1);
    std::fs::remove_file(&lists[0]).unwrap();
    std::fs::write(&lists[1], b"damaged").unwrap();
    assert_eq!(contents(&open(tmp.path(), 0).unwrap()), expected);
    assert!(lists[0].exists());
}

#[test]
fn a_statement_that_holds_a_frame_is_not_taken_for_one() {
    let tmp = tempfile::tempdir().unwrap();
    let journal = open(tmp.path(), 0).unwrap();
    append(&journal, &[b"first".to_vec()]).unwrap();
    // Without knowledge of the salt the best forgery is a frame of another journal.
    let frame = Frame { first: 2, content: Content::Erasure(0) };
    append(&journal, &[frame.encode(&[0; 32]), vec![1; 100]]).unwrap();
    drop(journal);
    let file = SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap().pop().unwrap();
    let segment = Segment::open(&Real, &file.path, false).unwrap();
    let start = segment.scan().unwrap().last.unwrap().0 as usize;
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes[start + 20] ^= 1;
    std::fs::write(&file.path, bytes).unwrap();
    assert_eq!(open(tmp.path(), 0).unwrap().size(), 1, "torn, not corrupt");
}

#[test]
fn erasing_zeroes_the_body_and_nothing_else() {
    let (tmp, journal) = ten();
    for index in [19, 0] {
        let before = journal.entry(index).unwrap();
        journal.erase(index).unwrap();
        assert_eq!(journal.statement(index).unwrap(), Statement::Erased);
        assert_eq!(journal.entry(index).unwrap(), before);
    }
    append(&journal, &[b"after".to_vec()]).unwrap();
    drop(journal);
    let journal = open(tmp.path(), 21).unwrap();
    for index in 0..21 {
        let erased = journal.statement(index).unwrap() == Statement::Erased;
        assert_eq!(erased, index == 0 || index == 19, "{index}");
    }
    let found = std::fs::read_dir(tmp.path()).unwrap().any(|item| {
        std::fs::read(item.unwrap().path()).unwrap().windows(500).any(|w| w == [109; 500])
    });
    assert!(!found, "no copy of the statement is left");
}

#[test]
fn an_erasure_that_a_crash_cut_short_is_finished() {
    let (tmp, journal) = ten();
    journal.erase(19).unwrap();
    let place = journal.locate(19).unwrap();
    drop(journal);
    // Half of the old body is back, as if the crash had come in the middle of zeroing.
    place.segment.file().write_all_at(&[109; 250], place.offset).unwrap();
    let journal = open(tmp.path(), 20).unwrap();
    assert_eq!(journal.statement(19).unwrap(), Statement::Erased);
}

#[test]
fn after_a_failed_write_nothing_is_written_and_all_is_readable() {
    let (_tmp, journal) = ten();
    // A file that is open for reading only makes the next write fail as a broken disk does.
    let active = read(&journal.segments).active.clone().unwrap();
    let broken = Segment::open(&Real, &active.path, false).unwrap();
    broken.set_frames(active.frames());
    write(&journal.segments).active = Some(Arc::new(broken));
    let expected = contents(&journal);
    for _ in 0..2 {
        let error = append(&journal, &[b"x".to_vec()]).unwrap_err();
        assert_eq!(error.code(), "ledger.stopped");
        assert!(error.to_string().contains("write"), "{error}");
    }
    // Even with a good file: a failure is final.
    write(&journal.segments).active = Some(active);
    assert_eq!(append(&journal, &[b"x".to_vec()]).unwrap_err().code(), "ledger.stopped");
    assert_eq!(journal.erase(0).unwrap_err().code(), "ledger.stopped");
    assert_eq!(contents(&journal), expected);
    assert!(journal.failed().unwrap().contains("write"));
}

#[test]
fn the_two_logs_of_a_folder_do_not_mix() {
    let tmp = tempfile::tempdir().unwrap();
    let journal = open(tmp.path(), 0).unwrap();
    append(&journal, &[b"main".to_vec()]).unwrap();
    let gov = Journal::open(&real(), tmp.path(), LogId::Gov, true, 0).unwrap();
    assert_eq!(gov.size(), 0);
    append(&gov, &[b"gov".to_vec()]).unwrap();
    assert_eq!(contents(&gov), [b"gov"]);
    assert_eq!(contents(&open(tmp.path(), 1).unwrap()), [b"main"]);
}

/// A segment is listed before the next one is made. When there is no space for that, or it goes
/// with the power, the segment grows on, and the list that is found later may be the first one.
#[test]
fn a_list_that_is_older_than_its_segment_is_not_believed() {
    let tmp = tempfile::tempdir().unwrap();
    let journal = open(tmp.path(), 0).unwrap();
    append(&journal, &[vec![1; 100]]).unwrap();
    let active = read(&journal.segments).active.clone().unwrap();
    sidecar::write(&Real, &active);
    let list = active.path.with_extension("idx");
    let old = std::fs::read(&list).unwrap();
    append(&journal, &[vec![2; 100]]).unwrap();
    // So long that it needs a segment of its own.
    append(&journal, &[vec![3; LIMIT as usize]]).unwrap();
    let all = contents(&journal);
    drop(journal);
    assert_eq!(SegmentFile::list(&Real, tmp.path(), LogId::Main).unwrap().len(), 2);
    assert_ne!(std::fs::read(&list).unwrap(), old);
    std::fs::write(&list, &old).unwrap();
    let journal = open(tmp.path(), 3).unwrap();
    assert_eq!(contents(&journal), all);
}
