//! The log of record on one node: journal and once index as one [`Store`].

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;

use crate::Error;
use crate::journal::{Journal, Record};
use crate::once::OnceIndex;
use crate::storage::{Committed, Group, Hash, OnceKey, Outcome, Statement, Store, Visit};
use crate::sync::lock;

/// Journal and once index of one log.
#[derive(Debug)]
pub struct FileStore {
    journal: Journal,
    /// None for a reader, who does not ask for keys.
    once: Option<OnceIndex>,
    /// Checking keys and writing them down is one step.
    committing: Mutex<()>,
}

impl FileStore {
    /// Puts the two together; the index is brought up to the journal.
    ///
    /// # Errors
    /// What reading the journal or writing the index gives.
    pub fn new(journal: Journal, once: Option<OnceIndex>) -> Result<FileStore, Error> {
        if let Some(once) = &once {
            once.catch_up(&journal)?;
        }
        Ok(FileStore { journal, once, committing: Mutex::default() })
    }

    fn once(&self) -> Result<&OnceIndex, Error> {
        self.once.as_ref().ok_or(Error::ReadOnly)
    }
}

impl Store for FileStore {
    fn size(&self) -> u64 {
        self.journal.size()
    }

    fn commit(&self, groups: &[Group]) -> Result<Committed, Error> {
        let once = self.once()?;
        let _one = lock(&self.committing);
        once.make_room()?;
        let first_index = self.journal.size();
        let mut batch = Batch { next: first_index, taken: HashMap::new(), records: Vec::new() };
        let outcomes =
            groups.iter().map(|group| batch.add(group, once)).collect::<Result<Vec<_>, Error>>()?;
        let Batch { next, taken, records } = batch;
        if !records.is_empty() {
            self.journal.append(&records)?;
            once.record(taken, next);
            // The index is derived; what it can't take now stays in memory and is tried again.
            match once.apply_if_due() {
                // Its file can't be relied on any more: nothing is consumed until it is read again.
                Err(error @ Error::Stopped { .. }) => return Err(error),
                Err(error) => tracing::warn!(%error, "the once index lags behind"),
                Ok(()) => {}
            }
        }
        let entries = records.iter().map(|record| record.hash).collect();
        Ok(Committed { first_index, entries, outcomes })
    }

    fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        self.once()?.holder(key)
    }

    fn entries(&self, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        let mut hashes = Vec::new();
        self.journal.visit(range, |_, entry| {
            hashes.push(entry.hash);
            ControlFlow::Continue(())
        })?;
        Ok(hashes)
    }

    fn statement(&self, index: u64) -> Result<Statement, Error> {
        self.journal.statement(index)
    }

    fn visit(&self, range: Range<u64>, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.journal.visit_statements(range, visit)
    }

    fn erase(&self, index: u64) -> Result<(), Error> {
        self.journal.erase(index)
    }

    fn stopped(&self) -> Option<String> {
        self.journal.failed()
    }

    fn settle(&self) {
        if let Some(Err(error)) = self.once.as_ref().map(OnceIndex::apply) {
            tracing::warn!(%error, "the once index lags behind");
        }
    }
}

/// A frame in the making.
struct Batch<'a> {
    next: u64,
    taken: HashMap<OnceKey, u64>,
    records: Vec<Record<'a>>,
}

impl<'a> Batch<'a> {
    /// Adds a whole group, or nothing of it.
    fn add(&mut self, group: &'a Group, once: &OnceIndex) -> Result<Outcome, Error> {
        let first_index = self.next;
        let mut index = first_index;
        let mut mine: Vec<(OnceKey, u64)> = Vec::new();
        for (_, entry) in group.entries() {
            for key in entry.once.iter().chain(&entry.absent) {
                let before = mine.iter().find(|(k, _)| k == key).map(|(_, i)| *i);
                let holder = match before.or_else(|| self.taken.get(key).copied()) {
                    None => once.holder(key)?,
                    held => held,
                };
                if let Some(index) = holder {
                    return Ok(Outcome::Conflict { key: *key, index });
                }
            }
            mine.extend(entry.once.iter().map(|key| (*key, index)));
            index = index.saturating_add(1);
        }
        self.taken.extend(mine);
        self.next = index;
        self.records.extend(group.entries().iter().map(|(hash, entry)| Record {
            hash: *hash,
            statement: &entry.statement,
            once: &entry.once,
        }));
        Ok(Outcome::Appended { first_index })
    }
}
