//! The search index against the journal: what each statement is found by, in both directions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Found;
use crate::dir::{Dir, LogId};
use crate::host::real;
use crate::index::store::Store;
use crate::index::terms::{Key, Row};
use crate::journal::Journal;
use crate::{Error, storage};

/// The index as it was before the journal was read, so that a running writer is never ahead.
pub(super) struct IndexCheck(Option<Open>);

struct Open {
    store: Store,
    key: Key,
    indexed: u64,
}

impl IndexCheck {
    /// An index that is missing, or of another version or key, is no finding: it is made again
    /// when the folder is opened.
    pub(super) fn open(dir: &Dir, log: LogId, found: &Found) -> Result<Self, Error> {
        let path = dir.index();
        let (Some(key), true) = (Key::load(dir)?, path.exists()) else { return Ok(Self(None)) };
        let opened = Store::open_read_only(&path, &key).and_then(|store| {
            let Some(store) = store else { return Ok(None) };
            let indexed = store.indexed_to(log)?;
            Ok(Some((store, indexed)))
        });
        Ok(Self(match opened {
            Ok(opened) => opened.map(|(store, indexed)| Open { store, key, indexed }),
            Err(error) => {
                found.add("index.unreadable", None, error.to_string());
                None
            }
        }))
    }

    /// Compares every row. That the index lags behind is no finding.
    pub(super) fn finish(
        self,
        dir: &Dir,
        log: LogId,
        size: u64,
        found: &Found,
    ) -> Result<(), Error> {
        let Some(open) = self.0 else { return Ok(()) };
        match open.compare(dir, log, size, found) {
            Err(error @ Error::Sqlite { .. }) => {
                found.add("index.unreadable", None, error.to_string());
                Ok(())
            }
            // The journal's own check has said why.
            Err(Error::JournalCorrupt { .. }) => Ok(()),
            done => done,
        }
    }
}

impl Open {
    fn compare(&self, dir: &Dir, log: LogId, size: u64, found: &Found) -> Result<(), Error> {
        if self.indexed > size {
            let detail = format!("it covers {} entries, the journal has {size}", self.indexed);
            found.add("index.ahead", None, detail);
        }
        let journal = Journal::open(&real(), &dir.bodies(), log, false, 0)?;
        let mut issuers = BTreeSet::new();
        let mut failed = Ok(());
        journal.visit_statements(0..self.indexed.min(size), &mut |index, body| {
            let compared = journal.entry(index).and_then(|entry| {
                let wanted = Row::of(&self.key, &entry.hash, &body, &mut issuers);
                self.one(log, index, &body, &wanted, found)
            });
            match compared {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed?;
        let (expected, there) = self.store.balance(log)?;
        if let Some(stray @ 1..) = there.checked_sub(expected) {
            let detail = format!("{stray} terms stand for entries that do not have them");
            found.add("index.stray", None, detail);
        }
        Ok(())
    }

    fn one(
        &self,
        log: LogId,
        index: u64,
        body: &storage::Statement,
        wanted: &Row,
        found: &Found,
    ) -> Result<(), Error> {
        let Some(row) = self.store.row(log, index)? else {
            found.add("index.missing", Some(index), "the entry has no row");
            return Ok(());
        };
        if row == *wanted {
            for term in &wanted.terms {
                if !self.store.holds(log, *term, index)? {
                    found.add("index.missing", Some(index), "a search does not find the entry");
                    break;
                }
            }
        } else if *body == storage::Statement::Erased {
            let detail = "the statement is erased, and what it was found by is still there";
            found.add("index.not_erased", Some(index), detail);
        } else {
            found.add("index.wrong", Some(index), "the row is not that of the statement");
        }
        Ok(())
    }
}
