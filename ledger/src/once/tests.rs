use super::*;
use crate::host::real;

/// Keys of one run in these tests.
const SMALL: usize = 50;

fn key(n: u64) -> OnceKey {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    OnceKey(key)
}

struct Place {
    tmp: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { tmp: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.tmp.path().join("once.sqlite")
    }

    fn runs(&self) -> PathBuf {
        self.tmp.path().join("once.runs")
    }

    fn open(&self, writable: bool) -> OnceIndex {
        OnceIndex::open_with(&real(), &self.path(), &self.runs(), writable, SMALL).unwrap()
    }

    fn run_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.runs()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }
}

/// Records entries with one key each, as a log would that commits ten at a time.
fn grow(index: &OnceIndex, entries: std::ops::Range<u64>) {
    for first in entries.clone().step_by(10) {
        let end = (first + 10).min(entries.end);
        index.make_room().unwrap();
        index.record((first..end).map(|n| (key(n), n)), end);
        index.apply_if_due().unwrap();
    }
}

fn settle(index: &OnceIndex) {
    index.apply().unwrap();
    let mut work = lock(&index.work);
    join(&mut work.moving);
    join(&mut work.merging);
    drop(work);
    index.shared.merge_all();
}

fn assert_holds(index: &OnceIndex, size: u64) {
    assert_eq!(index.size(), size);
    for n in 0..size {
        assert_eq!(index.holder(&key(n)).unwrap(), Some(n));
    }
    assert!((size..size + 500).all(|n| index.holder(&key(n)).unwrap().is_none()));
    let mut seen = Vec::new();
    index.for_each(|key, entry| seen.push((entry, key))).unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..size).map(|n| (n, key(n))).collect::<Vec<_>>());
}

#[test]
fn keys_are_found_in_memory_on_disk_and_after_reopening() {
    let place = Place::new();
    let index = place.open(true);
    index.record((0..30).map(|n| (key(n), n)), 30);
    assert_holds(&index, 30);
    index.apply().unwrap();
    assert!(read(&index.shared.state).pending.is_empty());
    index.record([(key(9000), 30), (key(5), 30)], 31);
    index.apply().unwrap();
    drop(index);
    let index = place.open(false);
    assert_eq!(index.size(), 31);
    assert_eq!(index.holder(&key(5)).unwrap(), Some(5), "the first holder stays");
    assert_eq!(index.holder(&key(9000)).unwrap(), Some(30));
    assert_eq!(index.holder(&key(4000)).unwrap(), None);
    assert!(!place.runs().exists(), "few keys need no run");
}

#[test]
fn many_keys_become_few_runs() {
    let place = Place::new();
    let index = place.open(true);
    grow(&index, 0..5000);
    assert_holds(&index, 5000);
    settle(&index);
    assert_holds(&index, 5000);
    let runs = read(&index.shared.state).runs.len();
    assert!((1..8).contains(&runs), "{runs} runs");
    drop(index);
    assert_eq!(place.run_files().len(), runs, "nothing is left over");
    for writable in [false, true] {
        assert_holds(&place.open(writable), 5000);
    }
}

#[test]
fn what_memory_lost_is_what_is_missing() {
    let place = Place::new();
    let index = place.open(true);
    grow(&index, 0..1000);
    settle(&index);
    // Behind the last run, and never applied.
    index.record((1000..1020).map(|n| (key(n), n)), 1020);
    assert_holds(&index, 1020);
    drop(index);
    let index = place.open(true);
    assert_holds(&index, 1000);
    grow(&index, 1000..1020);
    assert_holds(&index, 1020);
}

#[test]
fn left_overs_of_a_crash_are_removed_and_count_for_nothing() {
    let place = Place::new();
    let index = place.open(true);
    grow(&index, 0..100);
    settle(&index);
    drop(index);
    let files = place.run_files();
    // A merge that was done, and one that was not; a run that nothing leads to.
    let rows: Vec<Row> = (0..100).map(|n| (key(n), n)).collect();
    let mut merged = rows.iter().copied().map(Ok);
    run::write(&*real(), &place.runs(), 0..100, 100, &mut merged).unwrap();
    std::fs::write(place.runs().join("x.tmp"), b"half").unwrap();
    let mut later = rows.iter().copied().map(Ok);
    run::write(&*real(), &place.runs(), 700..800, 100, &mut later).unwrap();
    let index = place.open(true);
    assert_holds(&index, 100);
    let name = format!("{:020}-{:020}.run", 0, 100);
    assert_eq!(place.run_files(), [place.runs().join(name)]);
    assert!(!files.is_empty());
}

#[test]
fn a_damaged_run_is_made_again_from_the_journal() {
    let place = Place::new();
    let index = place.open(true);
    grow(&index, 0..60);
    settle(&index);
    grow(&index, 60..200);
    index.apply().unwrap();
    drop(index);
    let first = place.run_files().remove(0);
    let end = run::entries_of(&first).unwrap().end;
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[8] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let error = OnceIndex::open(&real(), &place.path(), &place.runs(), false).unwrap_err();
    assert!(error.to_string().contains("not whole"), "{error}");
    let index = place.open(true);
    assert_eq!(index.size(), 0, "nothing counts behind what is lost, up to {end}");
    assert_eq!(index.holder(&key(150)).unwrap(), None);
    grow(&index, 0..200);
    assert_holds(&index, 200);
}

#[test]
fn keys_stay_in_memory_while_they_cannot_be_written() {
    let place = Place::new();
    let index = place.open(true);
    // A file in the place of the folder: no run can be written.
    std::fs::write(place.runs(), b"").unwrap();
    grow(&index, 0..500);
    assert_holds(&index, 500);
    assert!(index.apply().is_err());
    assert_holds(&index, 500);
    std::fs::remove_file(place.runs()).unwrap();
    settle(&index);
    assert_holds(&index, 500);
}

#[test]
fn entries_without_keys_are_not_read_again() {
    let place = Place::new();
    let index = place.open(true);
    index.record([(key(1), 1)], MARK_AT + 1);
    index.apply_if_due().unwrap();
    drop(index);
    let index = place.open(true);
    assert_eq!(index.size(), MARK_AT + 1);
    assert_eq!(index.holder(&key(1)).unwrap(), Some(1));
}

#[test]
fn a_file_that_is_no_database_is_made_anew() {
    let place = Place::new();
    std::fs::write(place.path(), vec![b'x'; 8192]).unwrap();
    let index = place.open(true);
    assert_eq!(index.size(), 0);
    assert!(place.path().with_extension("sqlite.damaged").exists());
}

// A kill between writing a run and emptying the SQLite file; then keys go into that file; then the
// run is damaged.
#[test]
fn a_run_that_the_file_relies_on_is_missed() {
    let place = Place::new();
    let index = place.open(true);
    index.record((0..30).map(|n| (key(n), n)), 30);
    index.apply().unwrap();
    let before = std::fs::read(place.path()).unwrap();
    index.record((30..60).map(|n| (key(n), n)), 60);
    index.apply().unwrap();
    drop(index);
    let run = place.run_files().pop().unwrap();
    for suffix in ["-wal", "-shm"] {
        let mut name = place.path().into_os_string();
        name.push(suffix);
        let _ = std::fs::remove_file(name);
    }
    std::fs::write(place.path(), before).unwrap();
    let index = place.open(true);
    assert_eq!(index.size(), 60, "the run is there");
    index.record((60..70).map(|n| (key(n), n)), 70);
    index.shared.insert().unwrap();
    drop(index);
    std::fs::write(&run, b"damaged").unwrap();
    let index = place.open(true);
    assert_eq!(index.size(), 0, "all is replayed");
    assert_eq!(index.holder(&key(65)).unwrap(), None);
}
