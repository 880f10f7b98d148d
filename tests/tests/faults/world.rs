//! One log on a simulated machine, those who write to it, and what they were told.
//!
//! Whatever the machine does, these hold at all times and in all lives:
//!
//! * What was acknowledged is there, at its index, with its bytes; indices have no gap.
//! * A once key has one holder, for ever.
//! * For each size there is one root, also among those that were only shown.
//! * A checkpoint that the folder shows is one that was published, with its tiles behind it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use placet_ledger::log::Steps;
use placet_ledger::{Dir, Error, Log, LogId, NewEntry, OnceKey, Outcome, Statement};
use placet_proto::sha256;
use placet_proto::tlog::tile::new_tiles;
use placet_proto::tlog::{Checkpoint, SignedCheckpoint};

use super::machine::Machine;
use super::random::Random;

pub const ORIGIN: &str = "example.com/log";
const ROOT: &str = "/ledger";
/// Small, so that segments are closed and begun all the time.
const SEGMENT_LIMIT: u64 = 3_000;

/// Signs a checkpoint's text.
pub type Sign = fn(&str) -> Result<Vec<u8>, String>;

/// A note that has the form of a signed one.
pub fn unsigned(text: &str) -> Result<Vec<u8>, String> {
    Ok(format!("{text}\n— {ORIGIN} AAAAAAAA\n").into_bytes())
}

/// A call, and what became of it.
type Answer = (Vec<NewEntry>, Result<Outcome, Error>);

pub struct World {
    pub machine: Machine,
    pub random: Random,
    pub told: Told,
    open: Option<(Arc<Log>, Steps)>,
    sign: Sign,
    /// Serial number of the next statement.
    serial: u64,
    /// Answers that came and were not looked at.
    answers: Arc<Mutex<Vec<Answer>>>,
    /// Calls whose fate nobody told.
    doubtful: Vec<Vec<NewEntry>>,
}

/// What anybody was told.
#[derive(Default)]
pub struct Told {
    pub entries: BTreeMap<u64, Vec<u8>>,
    pub keys: HashMap<OnceKey, u64>,
    pub heads: BTreeMap<u64, [u8; 32]>,
    /// SHA-256 of the notes that were published, with their sizes.
    pub notes: Vec<([u8; 32], u64)>,
    pub erased: BTreeSet<u64>,
    /// Erasures of which nobody knows whether they were done.
    pub maybe_erased: BTreeSet<u64>,
    /// Calls that were refused for lack of space, and those that met a log that had stopped.
    pub full: u64,
    pub stopped: u64,
    /// Calls that were refused because a key was taken.
    pub conflicts: u64,
}

impl Told {
    /// Compares everything with the log as it is.
    pub fn check(&self, log: &Log) {
        for (index, told) in &self.entries {
            let entry = log.entry(*index).unwrap_or_else(|e| panic!("entry {index} is lost: {e}"));
            assert_eq!(entry, sha256(told), "entry {index} is another one");
            match log.statement(*index).unwrap() {
                Statement::Present(bytes) => {
                    assert_eq!(bytes, *told);
                    assert!(!self.erased.contains(index), "{index} was erased");
                }
                Statement::Erased => assert!(self.maybe_erased.contains(index), "{index}"),
                Statement::NotFound => panic!("statement {index} is lost"),
            }
        }
        for (key, index) in &self.keys {
            assert_eq!(log.holder(key).unwrap(), Some(*index), "the holder of a key changed");
        }
        for (size, root) in &self.heads {
            let now = log.root_at(*size).unwrap_or_else(|e| panic!("size {size} is lost: {e}"));
            assert_eq!(now, *root, "another root of size {size}: a fork");
        }
        let notes = log.notes().unwrap();
        for (sha256, size) in &self.notes {
            let note = notes.by_sha256(sha256).unwrap();
            assert_eq!(note.map(|n| n.size), Some(*size), "a published note is lost");
        }
        let published = log.checkpoint().map_or(0, |note| note.size);
        let most = self.notes.iter().map(|(_, size)| *size).max().unwrap_or(0);
        assert!(published >= most, "the published size went from {most} to {published}");
    }
}

impl World {
    /// A new machine with an empty folder; the log is not open.
    pub fn new(seed: u64, sign: Sign) -> Self {
        let machine = Machine::new(seed ^ 0x5eed);
        for folder in ["log", "gov", "bodies", "keys", "state"] {
            machine.lay_out(&Path::new(ROOT).join(folder));
        }
        Self {
            machine,
            random: Random::new(seed),
            told: Told::default(),
            open: None,
            sign,
            serial: 0,
            answers: Arc::default(),
            doubtful: Vec::new(),
        }
    }

    pub fn dir(&self) -> Dir {
        let host = Arc::new(self.machine.clone());
        Dir::on(host, Path::new(ROOT)).with_segment_limit(SEGMENT_LIMIT)
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub fn log(&self) -> &Arc<Log> {
        &self.open.as_ref().unwrap().0
    }

    /// Opens the log in a new process.
    ///
    /// # Errors
    /// What the machine's faults make of it.
    pub fn open(&mut self) -> Result<(), Error> {
        self.close();
        let (log, steps) = Log::open_stepped(&self.dir(), LogId::Main, ORIGIN, self.sign)?;
        self.open = Some((Arc::new(log), steps));
        if !self.machine.dead() {
            self.look();
        }
        Ok(())
    }

    /// The process is gone; what was not answered stays in doubt.
    pub fn close(&mut self) {
        self.open = None;
        self.take_answers();
    }

    /// The process ends in good order; what still waits is not answered.
    pub fn close_in_order(&mut self) {
        if let Some((log, steps)) = self.open.take() {
            steps.end();
            drop(log);
        }
        self.take_answers();
    }

    /// Fills the log with entries that nobody asks for later, in good order.
    pub fn prefill(&mut self, count: u64) {
        self.open().unwrap();
        for _ in 0..count {
            self.serial += 1;
            let entry = NewEntry::plain(format!("statement {}", self.serial));
            self.log().submit(vec![entry], |outcome| assert!(outcome.is_ok())).unwrap();
        }
        while self.open.as_mut().unwrap().1.step() {}
        self.close();
    }

    /// Queues a call of one to three entries: a new one, or one that may have been made before.
    pub fn submit(&mut self) {
        let again = !self.doubtful.is_empty() && self.random.one_in(2);
        let entries = if again {
            let at = self.random.below(self.doubtful.len() as u64) as usize;
            self.doubtful[at].clone()
        } else {
            self.call()
        };
        let answers = Arc::clone(&self.answers);
        let kept = entries.clone();
        let answer = move |outcome| answers.lock().unwrap().push((kept, outcome));
        self.log().submit(entries, answer).unwrap();
    }

    fn call(&mut self) -> Vec<NewEntry> {
        let count = 1 + self.random.below(3);
        // Few keys, so that many meet.
        let keys = 2 + self.told.entries.len() as u64;
        let mut taken = BTreeSet::new();
        (0..count)
            .map(|_| {
                self.serial += 1;
                let padding = "x".repeat(self.random.below(600) as usize);
                let mut entry = NewEntry::plain(format!("statement {} {padding}", self.serial));
                if !self.random.one_in(4) {
                    let key = self.random.below(keys);
                    if taken.insert(key) {
                        entry.once.push(key_of(key));
                    }
                }
                let absent = self.random.below(keys);
                if self.random.one_in(4) && !taken.contains(&absent) {
                    entry.absent.push(key_of(absent));
                }
                entry
            })
            .collect()
    }

    /// Lets the writer commit one batch.
    pub fn step(&mut self) {
        self.step_on();
    }

    /// The same; false when nothing waits.
    pub fn step_on(&mut self) -> bool {
        let more = self.open.as_mut().unwrap().1.step();
        self.take_answers();
        self.look();
        more
    }

    fn take_answers(&mut self) {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        for (entries, outcome) in answers {
            self.doubtful.retain(|call| *call != entries);
            match outcome {
                // Whatever a process said after its death, nobody heard.
                _ if self.machine.dead() => self.doubtful.push(entries),
                Ok(Outcome::Appended { first_index }) => self.acknowledged(first_index, entries),
                Ok(Outcome::Conflict { key, index }) => {
                    self.told.conflicts += 1;
                    let before = self.told.keys.insert(key, index);
                    assert!(before.is_none_or(|b| b == index), "a key has two holders");
                }
                Err(Error::Full { .. }) => self.told.full += 1,
                Err(Error::Stopped { .. }) => {
                    self.told.stopped += 1;
                    self.doubtful.push(entries);
                }
                Err(other) => panic!("{}: {other}", other.code()),
            }
        }
    }

    fn acknowledged(&mut self, first_index: u64, entries: Vec<NewEntry>) {
        for (index, entry) in (first_index..).zip(entries) {
            let before = self.told.entries.insert(index, entry.statement);
            assert!(before.is_none(), "index {index} was given out twice");
            for key in entry.once {
                let before = self.told.keys.insert(key, index);
                assert!(before.is_none(), "{key:?} was consumed twice: {before:?} and {index}");
            }
            for key in entry.absent {
                let holder = self.told.keys.get(&key);
                assert!(holder.is_none_or(|at| *at >= index), "{key:?} was not absent");
            }
        }
    }

    /// Publishes a note over a head that was seen, if there is one to sign.
    ///
    /// # Errors
    /// What the machine's faults make of it.
    pub fn publish(&mut self) -> Result<(), Error> {
        let size = self.log().checkpoint_fast().map_or(0, |fast| fast.head.size);
        let published = self.log().checkpoint().map_or(0, |note| note.size);
        if size < 2 {
            return Ok(());
        }
        let between = self.random.below(size.saturating_sub(published).saturating_add(1));
        self.publish_size(published.saturating_add(between).max(2))
    }

    /// Publishes a note over the present head.
    ///
    /// # Errors
    /// What the machine's faults make of it.
    pub fn publish_head(&mut self) -> Result<(), Error> {
        self.publish_size(self.log().size())
    }

    fn publish_size(&mut self, size: u64) -> Result<(), Error> {
        let root = self.log().root_at(size)?;
        let text = Checkpoint::new(ORIGIN, size, root).unwrap().to_text();
        // What a cosigner adds is never the same.
        self.serial += 1;
        let serial = format!("— w{} AAAAAAAA\n", self.serial);
        self.publish_note(&[(self.sign)(&text).unwrap(), serial.into_bytes()].concat())
    }

    /// # Errors
    /// What the machine's faults make of it.
    pub fn publish_note(&mut self, note: &[u8]) -> Result<(), Error> {
        let kept = self.log().publish(note)?;
        if !self.machine.dead() {
            self.told.notes.push((kept.sha256, kept.size));
            self.head_seen(kept.size, kept.root);
        }
        Ok(())
    }

    /// Erases some entry.
    ///
    /// # Errors
    /// What the machine's faults make of it.
    pub fn erase(&mut self) -> Result<(), Error> {
        let Some(last) = self.told.entries.keys().next_back().copied() else { return Ok(()) };
        let index = self.random.below(last.saturating_add(1));
        self.told.maybe_erased.insert(index);
        self.log().erase(index)?;
        if !self.machine.dead() {
            self.told.erased.insert(index);
        }
        Ok(())
    }

    /// Sees what the log shows now.
    fn look(&mut self) {
        if self.machine.dead() {
            return;
        }
        let (size, root) = self.log().head();
        self.head_seen(size, root);
        if let Some(fast) = self.log().checkpoint_fast() {
            self.head_seen(fast.head.size, fast.head.root);
        }
        if let Some(note) = self.log().checkpoint() {
            self.head_seen(note.size, note.root);
        }
    }

    fn head_seen(&mut self, size: u64, root: [u8; 32]) {
        let before = self.told.heads.insert(size, root);
        assert!(before.is_none_or(|b| b == root), "two roots of size {size}");
    }

    /// Compares everything that anybody was told with the log as it is.
    pub fn check(&mut self) {
        self.told.check(self.log());
        self.look();
    }

    /// What the folder shows to those who fetch it without the service: a whole checkpoint or
    /// none, and behind it every tile of its size. `log` knows how they have to be.
    pub fn check_shown(&self, shown: &Shown, log: &Log) {
        let Some(note) = &shown.checkpoint else {
            assert!(self.told.notes.is_empty(), "the checkpoint vanished");
            return;
        };
        let size = head_size(note).expect("a checkpoint that was never written whole is shown");
        let most = self.told.notes.iter().map(|(_, size)| *size).max().unwrap_or(0);
        assert!(size >= most, "an older checkpoint is shown");
        for tile in new_tiles(0, size) {
            let path = tile.to_string();
            let good = log.tile(&path).unwrap().unwrap();
            let full = path.rsplit_once(".p/").map(|(full, _)| full.to_owned());
            let stored = [Some(path.clone()), full]
                .into_iter()
                .flatten()
                .find_map(|path| shown.tiles.get(&path).filter(|b| b.len() >= good.len()));
            let stored = stored.unwrap_or_else(|| panic!("{path} of size {size} is missing"));
            assert_eq!(stored[..good.len()], good, "{path} of size {size}");
        }
    }

    /// Reads what the folder shows.
    pub fn shown(&self) -> Shown {
        let folder = Path::new(ROOT).join("log");
        let mut tiles = BTreeMap::new();
        let mut left = vec![folder.join("tile")];
        while let Some(folder) = left.pop() {
            use placet_ledger::host::Host as _;
            for path in self.machine.list(&folder).unwrap_or_default() {
                match self.machine.content(&path) {
                    Some(bytes) => drop(tiles.insert(relative(&path), bytes)),
                    None => left.push(path),
                }
            }
        }
        Shown { checkpoint: self.machine.content(&folder.join("checkpoint")), tiles }
    }

    /// The check of the program itself, on a real copy of the folder.
    pub fn fsck(&self) {
        let tmp = tempfile::tempdir().unwrap();
        self.machine.export(tmp.path());
        let root = tmp.path().join(ROOT.trim_start_matches('/'));
        std::fs::write(root.join("FORMAT"), placet_ledger::dir::FORMAT).unwrap();
        let dir = Dir::open_read_only(&root).unwrap();
        let report = placet_ledger::fsck::check_log(&dir, LogId::Main).unwrap();
        assert!(report.clean(), "{report:?}");
    }
}

/// What the folder shows.
pub struct Shown {
    checkpoint: Option<Vec<u8>>,
    tiles: BTreeMap<String, Vec<u8>>,
}

fn relative(path: &Path) -> String {
    let root: PathBuf = [ROOT, "log"].iter().collect();
    path.strip_prefix(root).unwrap().display().to_string()
}

fn head_size(note: &[u8]) -> Option<u64> {
    Some(SignedCheckpoint::parse(note).ok()?.checkpoint().size)
}

fn key_of(n: u64) -> OnceKey {
    OnceKey(sha256(&n.to_be_bytes()))
}
