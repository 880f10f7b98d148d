//! Reads a whole folder again and says what does not fit together. Repairs nothing.
//!
//! | code | finding |
//! |---|---|
//! | `journal.chain` | a segment is missing, misnamed, or does not begin where the last one ended |
//! | `journal.corrupt` | a frame is damaged where no crash explains it |
//! | `journal.torn` | the last batch is torn; opening the log cuts it off |
//! | `journal.body` | a statement does not match its entry |
//! | `journal.zeroed` | a statement is zeroed without a record of its erasure |
//! | `journal.erasure_unfinished` | a statement stands although its erasure is recorded (or a writer is at it) |
//! | `tile.missing` | a tile of the published tree is not there |
//! | `tile.wrong` | a tile differs from the journal |
//! | `tile.stray` | a file that is no tile, or a tile beyond the log |
//! | `checkpoint.malformed` | `checkpoint` or `checkpoint-fast` can't be read |
//! | `checkpoint.rollback` | one of them, or a note, has a size beyond the journal |
//! | `checkpoint.root` | one of them, or a note, has another root than the journal |
//! | `checkpoint.not_kept` | `checkpoint` is not among the published notes |
//! | `checkpoint.stale` | `checkpoint` is older than the newest published note |
//! | `note.damaged` | a published note differs from what is recorded about it |
//! | `note.order` | a published note is smaller than the one before it |
//! | `notes.unreadable`, `once.unreadable` | one of the SQLite files can't be read |
//! | `once.missing` | a key that an entry took is not in the once index |
//! | `once.wrong` | the once index names another entry, or a key that nobody took |
//! | `once.duplicate` | two entries took one key |
//! | `index.unreadable` | the search index can't be read |
//! | `index.missing` | an entry that the search index covers is not found by all that it has |
//! | `index.wrong`, `index.stray` | the search index says something else than the statement |
//! | `index.not_erased` | the search index still knows what an erased statement was found by |
//! | `index.ahead` | the search index is ahead of the journal |
//! | `once.ahead` | the once index is ahead of the journal |

mod heads;
mod index;
mod once;
mod scan;
mod tree;

use std::sync::{Arc, Mutex};

use crate::Error;
use crate::dir::{Dir, LogId};
use crate::journal::EntryHeader;
use crate::sync::lock;

/// Every code that a finding can have. Each has a test that makes it happen.
pub const CODES: [&str; 28] = [
    "journal.chain",
    "journal.corrupt",
    "journal.torn",
    "journal.body",
    "journal.zeroed",
    "journal.erasure_unfinished",
    "tile.missing",
    "tile.wrong",
    "tile.stray",
    "checkpoint.malformed",
    "checkpoint.rollback",
    "checkpoint.root",
    "checkpoint.not_kept",
    "checkpoint.stale",
    "note.damaged",
    "note.order",
    "notes.unreadable",
    "once.unreadable",
    "once.missing",
    "once.wrong",
    "once.duplicate",
    "once.ahead",
    "index.unreadable",
    "index.missing",
    "index.wrong",
    "index.stray",
    "index.not_erased",
    "index.ahead",
];
/// Findings that are kept for each log; more are only counted.
pub const MAX_FINDINGS: usize = 1000;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code, see the table of this module.
    pub code: &'static str,
    /// In which log.
    pub log: LogId,
    /// The entry concerned, where there is one.
    pub index: Option<u64>,
    /// What was found, for people.
    pub detail: String,
}

/// What a check of one log read and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which log.
    pub log: LogId,
    /// Entries in the journal, up to the first damage.
    pub size: u64,
    /// Statements that were erased, with a record of it.
    pub erased: u64,
    /// Published notes that were compared.
    pub notes: u64,
    /// The findings, at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
}

impl Report {
    /// Whether all fits.
    pub fn clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks both logs. The folder may be in use: what is written meanwhile is left out.
///
/// # Errors
/// [`Error::Io`] when the folder can't be read; damage is a finding, not an error.
pub fn check(dir: &Dir) -> Result<Vec<Report>, Error> {
    LogId::ALL.iter().map(|log| check_log(dir, *log)).collect()
}

/// Checks one log.
///
/// # Errors
/// As [`check`].
pub fn check_log(dir: &Dir, log: LogId) -> Result<Report, Error> {
    let found = Found::new(log);
    // What speaks of the journal is read before it, so that a running writer is never ahead.
    let mut heads = heads::Heads::read(dir, log, &found)?;
    let mut once = once::OnceCheck::open(dir, log, &found);
    let index = index::IndexCheck::open(dir, log, &found)?;
    let mut tree = tree::TreeCheck::new(dir, log, heads.published(), &found)?;
    let scanned = scan::scan(&dir.bodies(), log, &found, |at, entry: &EntryHeader| {
        once.entry(at, entry, &found)?;
        heads.before_entry(at, &mut tree, &found)?;
        tree.entry(entry.hash)
    })?;
    heads.at_end(scanned.size, &mut tree, &found)?;
    tree.finish(|| scan::size_now(&dir.bodies(), log), &found)?;
    if scanned.whole {
        once.finish(dir, log, scanned.size, &found)?;
        index.finish(dir, log, scanned.size, &found)?;
    }
    let (findings, more) = found.take();
    let Scanned { size, erased, .. } = scanned;
    Ok(Report { log, size, erased, notes: heads.compared(), findings, more })
}

/// What reading the journal gave.
#[derive(Debug)]
struct Scanned {
    size: u64,
    erased: u64,
    /// Whether the journal can be opened for looking up entries.
    whole: bool,
}

/// Where findings are collected.
#[derive(Clone)]
struct Found {
    log: LogId,
    list: Arc<Mutex<(Vec<Finding>, u64)>>,
}

impl Found {
    fn new(log: LogId) -> Found {
        Found { log, list: Arc::default() }
    }

    fn add(&self, code: &'static str, index: Option<u64>, detail: impl Into<String>) {
        debug_assert!(CODES.contains(&code), "{code} is not among the codes");
        let mut list = lock(&self.list);
        if list.0.len() < MAX_FINDINGS {
            list.0.push(Finding { code, log: self.log, index, detail: detail.into() });
        } else {
            list.1 = list.1.saturating_add(1);
        }
    }

    fn take(&self) -> (Vec<Finding>, u64) {
        std::mem::take(&mut *lock(&self.list))
    }
}

#[cfg(test)]
mod tests;
