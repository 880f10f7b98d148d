//! The search index: from a request, a person, an agent, a digest to the entries of both logs.
//!
//! `index.sqlite` is derived from the logs and nothing else rests on it: what is unique is decided
//! by the log, and every hit is read from the log again before anybody sees it. It can be deleted
//! at any time; [`Index::open`] makes it again, and `fsck` compares it with the logs.
//!
//! The file holds no readable value. What is searched for (an action digest, an agent's name, a
//! person's id) stands in it as 64 bits of HMAC-SHA-256 under a key of this folder, `keys/index`:
//! an unsalted digest of an action outside an erasable body could be guessed. Erasing a body takes
//! its rows along ([`Index::erase_rows`]).
//!
//! | module | job |
//! |---|---|
//! | `terms` | what a statement is found by; the key |
//! | `store` | the tables |
//! | `search` | filters, pages, cursors |
//! | `follow` | the thread that keeps up with both logs |

mod follow;
pub mod search;
pub(crate) mod store;
pub(crate) mod terms;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use self::follow::Follower;
pub use self::search::{Cursor, Filter, Hit, MAX_LIMIT, Page};
use self::store::Store;
use self::terms::{Key, Row};
use crate::sync::lock;
use crate::{Dir, Error, Log, LogId};

/// Entries that are indexed in one transaction.
const BATCH: u64 = 512;

/// The index of both logs of a folder, and the thread that keeps it up to them.
pub struct Index {
    // Dropped first: it ends the thread, which uses the rest.
    follower: Option<Follower>,
    inner: Arc<Inner>,
}

/// What the thread and the callers share.
struct Inner {
    key: Key,
    store: Store,
    main: Arc<Log>,
    gov: Arc<Log>,
    /// One batch at a time. Who reads statements for the index holds it, so that erased bodies
    /// can't come back by a batch that was read before.
    writing: Mutex<()>,
}

impl Index {
    /// Opens the index of a folder that is open for writing, and starts to follow both logs. A
    /// file that is missing, damaged, of another version or of another key is made again.
    ///
    /// # Errors
    /// `ledger.sqlite`, `ledger.io`, `ledger.read_only`.
    pub fn open(dir: &Dir, main: &Arc<Log>, gov: &Arc<Log>) -> Result<Self, Error> {
        let key = Key::load_or_create(dir)?;
        let store = Store::open(&dir.index(), &key)?;
        let (main, gov) = (Arc::clone(main), Arc::clone(gov));
        let inner = Arc::new(Inner { key, store, main, gov, writing: Mutex::default() });
        let follower = Follower::start(Arc::clone(&inner))?;
        Ok(Self { follower: Some(follower), inner })
    }

    /// How many entries of a log are indexed: all those before this number.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn indexed_to(&self, id: LogId) -> Result<u64, Error> {
        self.inner.store.indexed_to(id)
    }

    /// Indexes what a log holds by now.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the log.
    pub fn catch_up(&self, id: LogId) -> Result<(), Error> {
        self.inner.catch_up(id, || false)
    }

    /// The entry of a log with this hash. The log decides: a hit is looked up there.
    ///
    /// # Errors
    /// As [`Index::catch_up`].
    pub fn find(&self, id: LogId, entry: &[u8; 32]) -> Result<Option<u64>, Error> {
        if let Some(found) = self.inner.lookup(id, entry)? {
            return Ok(Some(found));
        }
        self.catch_up(id)?;
        self.inner.lookup(id, entry)
    }

    /// Entries of the main log that are orders to erase this one, ascending: a few at most.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the log.
    pub fn orders(&self, index: u64) -> Result<Vec<u64>, Error> {
        let entry = self.inner.main.entry(index)?;
        let term = self.inner.key.term(terms::Field::Entry, &entry);
        let of_others = || {
            let mut holders = self.inner.store.holders(LogId::Main, term)?;
            holders.retain(|holder| *holder != index);
            Ok::<_, Error>(holders)
        };
        let found = of_others()?;
        if !found.is_empty() {
            return Ok(found);
        }
        // Who asks has seen that it is erased: the order may have come a moment ago.
        self.catch_up(LogId::Main)?;
        of_others()
    }

    /// Forgets what an erased statement was found by. To be called when the body is erased: its
    /// row says from now on that something erased is there, as after a rebuild.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the log.
    pub fn erase_rows(&self, id: LogId, index: u64) -> Result<(), Error> {
        let _one = lock(&self.inner.writing);
        if index >= self.inner.store.indexed_to(id)? {
            return Ok(());
        }
        let row = Row::erased(&self.inner.key, &self.inner.log(id).entry(index)?);
        self.inner.store.replace(id, index, &row)
    }

    /// Makes the whole index again from the logs.
    ///
    /// # Errors
    /// As [`Index::catch_up`].
    pub fn rebuild(&self) -> Result<(), Error> {
        {
            let _one = lock(&self.inner.writing);
            self.inner.store.clear()?;
        }
        LogId::ALL.into_iter().try_for_each(|id| self.catch_up(id))
    }

    /// One page of the entries that fit; see [`search`].
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the logs.
    pub fn search(
        &self,
        filter: &Filter,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        if cursor.is_none() {
            // Who asks right after recording something finds it; a long way behind is not waited
            // for.
            for id in filter.logs() {
                let behind = self.inner.log(id).size().saturating_sub(self.indexed_to(id)?);
                if (1..=BATCH).contains(&behind) {
                    self.catch_up(id)?;
                }
            }
        }
        search::run(&self.inner, filter, cursor, limit)
    }

    /// Reads a cursor that an earlier page of the same filter gave; none if it is no such.
    #[must_use]
    pub fn cursor(&self, text: &str, filter: &Filter) -> Option<Cursor> {
        Cursor::read(text, filter, &self.inner.key)
    }

    /// Every row, for comparisons.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn dump(&self) -> Result<Vec<String>, Error> {
        self.inner.store.dump()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.follower.take();
    }
}

impl Inner {
    fn log(&self, id: LogId) -> &Arc<Log> {
        match id {
            LogId::Main => &self.main,
            LogId::Gov => &self.gov,
        }
    }

    /// Indexes up to the size of the log, batch by batch, unless it is to stop.
    fn catch_up(&self, id: LogId, stop: impl Fn() -> bool) -> Result<(), Error> {
        let log = self.log(id);
        while !stop() {
            let _one = lock(&self.writing);
            let done = self.store.indexed_to(id)?;
            let end = log.size().min(done.saturating_add(BATCH));
            if done >= end {
                return Ok(());
            }
            let mut issuers = self.store.issuers(id)?;
            let known = issuers.len();
            let rows = self.rows(log, done, end, &mut issuers)?;
            let new = (issuers.len() > known).then_some(&issuers);
            self.store.append(id, done, &rows, new)?;
        }
        Ok(())
    }

    fn rows(
        &self,
        log: &Log,
        from: u64,
        to: u64,
        issuers: &mut BTreeSet<[u8; 32]>,
    ) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        let mut entries = log.entries(from..to)?.into_iter();
        log.visit(from..to, |_, statement| {
            let Some(entry) = entries.next() else { return ControlFlow::Break(()) };
            rows.push(Row::of(&self.key, &entry, &statement, issuers));
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    fn lookup(&self, id: LogId, entry: &[u8; 32]) -> Result<Option<u64>, Error> {
        let term = self.key.term(terms::Field::Entry, entry);
        for index in self.store.holders(id, term)? {
            if index < self.log(id).size() && self.log(id).entry(index)? == *entry {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}
