//! The once index against the journal, in both directions.

use super::Found;
use crate::Error;
use crate::dir::{Dir, LogId};
use crate::host::real;
use crate::journal::{EntryHeader, Journal};
use crate::log::once_path;
use crate::once::{OnceIndex, runs_path};
use crate::storage::OnceKey;

pub(super) struct OnceCheck {
    index: Option<OnceIndex>,
    applied_to: u64,
    /// Keys whose holder in the index is another entry than the one that was read.
    elsewhere: Vec<(OnceKey, u64, u64)>,
}

impl OnceCheck {
    pub(super) fn open(dir: &Dir, log: LogId, found: &Found) -> OnceCheck {
        let path = once_path(dir, log);
        let opened = || OnceIndex::open(&real(), &path, &runs_path(dir, log), false);
        let index = match path.exists().then(opened).transpose() {
            Ok(index) => index,
            Err(error) => {
                found.add("once.unreadable", None, error.to_string());
                None
            }
        };
        let applied_to = index.as_ref().map_or(0, OnceIndex::size);
        OnceCheck { index, applied_to, elsewhere: Vec::new() }
    }

    pub(super) fn entry(
        &mut self,
        index: u64,
        entry: &EntryHeader,
        found: &Found,
    ) -> Result<(), Error> {
        let Some(once) = self.index.as_ref().filter(|_| index < self.applied_to) else {
            return Ok(());
        };
        for key in &entry.once {
            match once.holder(key) {
                Ok(Some(holder)) if holder == index => {}
                Ok(Some(holder)) => {
                    if self.elsewhere.len() < super::MAX_FINDINGS {
                        self.elsewhere.push((*key, index, holder));
                    }
                }
                Ok(None) => found.add("once.missing", Some(index), format!("{key:?}")),
                Err(error) => {
                    found.add("once.unreadable", Some(index), error.to_string());
                    self.index = None;
                    break;
                }
            }
        }
        Ok(())
    }

    /// The other direction: every key of the index was taken by the entry that it names.
    pub(super) fn finish(
        self,
        dir: &Dir,
        log: LogId,
        size: u64,
        found: &Found,
    ) -> Result<(), Error> {
        let Some(once) = self.index else { return Ok(()) };
        if self.applied_to > size {
            let detail = format!("it covers {} entries, the journal has {size}", self.applied_to);
            found.add("once.ahead", None, detail);
        }
        let journal = match Journal::open(&real(), &dir.bodies(), log, false, 0) {
            Ok(journal) => journal,
            // The journal's own check has said why.
            Err(Error::JournalCorrupt { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let took = |key: &OnceKey, index: u64| {
            journal.entry(index).is_ok_and(|entry| entry.once.contains(key))
        };
        for (key, index, holder) in &self.elsewhere {
            if took(key, *holder) {
                let detail = format!("{key:?} is held by entry {holder} already");
                found.add("once.duplicate", Some(*index), detail);
            } else {
                found.add("once.missing", Some(*index), format!("{key:?}"));
            }
        }
        let wrong = once.for_each(|key, index| {
            if index < size && !took(&key, index) {
                found.add("once.wrong", Some(index), format!("{key:?}"));
            }
        });
        if let Err(error) = wrong {
            found.add("once.unreadable", None, error.to_string());
        }
        Ok(())
    }
}
