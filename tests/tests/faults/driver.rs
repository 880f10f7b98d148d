//! One log in a process of its own, written and read under a fault; says what it was told.
//!
//! This program runs itself: with `FAULTS_DIR` in the environment the test is the driver.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use placet_ledger::{Dir, Error, Log, LogId, NewEntry, OnceKey, Outcome};
use placet_proto::sha256;
use placet_proto::tlog::Checkpoint;

use super::world::{ORIGIN, Told, unsigned};

/// Small, so that a segment is closed in each life.
const SEGMENT_LIMIT: u64 = 3_000;

/// What the driver does, in two lives; a letter each.
///
/// a append, k append with a key that was used, p publish, e erase, r begin anew
const WORK: &str = "aapakepraapka";

/// Works on the folder and tells the file `said` what it was told.
pub fn drive(dir: &Path, said: &Path, free: Option<&Path>) {
    let said = File::options().append(true).create(true).open(said).unwrap();
    let mut driver = Driver { said, log: None, serial: 0 };
    driver.work(dir, WORK);
    if let Some(free) = free {
        // The disk was full, perhaps. From here on everything has to succeed, in the same process.
        File::create(free).unwrap();
        driver.say("space");
        driver.work(dir, "aappeak");
    }
    driver.say("end");
}

/// Opens the folder, or makes it if there is none yet. It is locked as long as the second part
/// lives.
///
/// # Errors
/// What the faults make of it.
pub fn open(dir: &Path) -> Result<(Log, Dir), Error> {
    let dir = match Dir::is_vacant(dir) {
        true => Dir::init(dir)?,
        false => Dir::open(dir)?,
    };
    let dir = dir.with_segment_limit(SEGMENT_LIMIT);
    let log = Log::open(&dir, LogId::Main, ORIGIN, unsigned)?;
    Ok((log, dir))
}

struct Driver {
    said: File,
    log: Option<(Log, Dir)>,
    serial: u64,
}

impl Driver {
    fn work(&mut self, dir: &Path, work: &str) {
        for act in work.chars() {
            if self.log.is_none() || act == 'r' {
                self.log = None;
                let opened = open(dir).inspect_err(|e| self.say(&format!("error {e}")));
                self.log = opened.ok();
            }
            let done = match act {
                'a' => self.append(None),
                'k' => self.append(Some(2)),
                'p' => self.publish(),
                'e' => self.erase(),
                _ => Ok(()),
            };
            match done {
                Err(Error::Full { .. }) => self.say("full"),
                Err(error) => self.say(&format!("error {error}")),
                Ok(()) => {}
            }
            self.look();
        }
    }

    fn log(&self) -> Result<&Log, Error> {
        self.log.as_ref().map(|(log, _)| log).ok_or(Error::ReadOnly)
    }

    fn append(&mut self, key: Option<u64>) -> Result<(), Error> {
        self.serial += 1;
        let key = key.unwrap_or(self.serial);
        let statement = format!("statement {} {}", self.serial, "x".repeat(500));
        let once = vec![key_of(key)];
        let entry = NewEntry { once, ..NewEntry::plain(statement.clone()) };
        match self.log()?.append(vec![entry])? {
            Outcome::Appended { first_index } => {
                self.say(&format!("entry {first_index} {key} {statement}"));
            }
            Outcome::Conflict { index, .. } => self.say(&format!("key {index} {key}")),
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), Error> {
        let (size, root) = self.log()?.head();
        if size < 2 {
            return Ok(());
        }
        let note = unsigned(&Checkpoint::new(ORIGIN, size, root).unwrap().to_text()).unwrap();
        self.serial += 1;
        let line = format!("— w{} AAAAAAAA\n", self.serial);
        let note = self.log()?.publish(&[note, line.into_bytes()].concat())?;
        self.say(&format!("note {} {size}", hex::encode(note.sha256)));
        Ok(())
    }

    fn erase(&mut self) -> Result<(), Error> {
        self.say("erasing 1");
        self.log()?.erase(1)?;
        self.say("erased 1");
        Ok(())
    }

    fn look(&mut self) {
        let Ok(log) = self.log() else { return };
        let mut heads = vec![log.head()];
        heads.extend(log.checkpoint_fast().map(|fast| (fast.head.size, fast.head.root)));
        heads.extend(log.checkpoint().map(|note| (note.size, note.root)));
        let mut text = String::new();
        for (size, root) in heads {
            writeln!(text, "head {size} {}", hex::encode(root)).unwrap();
        }
        // Reading goes on, whatever has happened.
        for index in 0..log.size() {
            if let Err(error) = log.statement(index) {
                writeln!(text, "unreadable {index} {error}").unwrap();
            }
        }
        self.said.write_all(text.as_bytes()).unwrap();
    }

    fn say(&mut self, line: &str) {
        self.said.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

fn key_of(n: u64) -> OnceKey {
    OnceKey(sha256(&n.to_be_bytes()))
}

/// What the lines of a driver mean.
pub fn understand(told: &mut Told, lines: &str) {
    for line in lines.lines() {
        let mut words = line.split(' ');
        let word = words.next().unwrap();
        let mut next = || words.next().unwrap();
        match word {
            "entry" => {
                let (index, key) = (next().parse().unwrap(), next().parse().unwrap());
                let (_, statement) = line.split_once("statement").unwrap();
                let statement = format!("statement{statement}").into_bytes();
                assert!(told.entries.insert(index, statement).is_none(), "{index} twice");
                assert!(told.keys.insert(key_of(key), index).is_none(), "consumed twice");
            }
            "key" => {
                let (index, key) = (next().parse().unwrap(), next().parse().unwrap());
                let before = told.keys.insert(key_of(key), index);
                assert!(before.is_none_or(|b| b == index), "a key has two holders");
            }
            "head" => {
                let (size, root) = (next().parse().unwrap(), hash(next()));
                let before = told.heads.insert(size, root);
                assert!(before.is_none_or(|b| b == root), "two roots of size {size}");
            }
            "note" => told.notes.push((hash(next()), next().parse().unwrap())),
            "erasing" => drop(told.maybe_erased.insert(next().parse().unwrap())),
            "erased" => drop(told.erased.insert(next().parse().unwrap())),
            "full" => told.full += 1,
            "error" => told.stopped += 1,
            "space" | "end" => {}
            _ => panic!("{line}"),
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}
