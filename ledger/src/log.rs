//! One log: sequencer, record, tree, checkpoints. See [`Log`].

mod core;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use placet_proto::tlog::tile::TileId;
use tokio::sync::{oneshot, watch};

use self::core::Core;
pub(crate) use self::core::{notes_path, once_path};
use crate::Error;
use crate::checkpoint::{CheckpointSigner, FastCheckpoint};
use crate::dir::{Dir, LogId};
use crate::notes::{Note, Notes};
use crate::sequencer::{Commit, Sequencer, Writer};
use crate::storage::{Group, Hash, NewEntry, OnceKey, Outcome, Statement};
use crate::sync::{lock, read, write};

/// One of the two logs of a folder, open.
///
/// Appending goes through one writer thread that commits in batches. When [`Log::append`] returns,
/// the entries are durable, part of the tree, and covered by [`Log::checkpoint_fast`].
/// Tiles follow from the journal; those of a published checkpoint are durable before it is.
///
/// All methods may be called from any thread. The blocking ones wait for the disk at most, save
/// for [`Log::append`] and [`Log::wait_for_size`].
pub struct Log {
    // Dropped first: it ends the thread, which uses the rest.
    sequencer: Option<Sequencer>,
    core: Arc<Core>,
}

/// The writer of a log that was opened with [`Log::open_stepped`].
pub struct Steps {
    writer: Writer,
}

impl Steps {
    /// Commits one batch of what was submitted, and answers; false when nothing waits, or nothing
    /// is written any more.
    pub fn step(&mut self) -> bool {
        self.writer.turn()
    }

    /// Ends the log as closing it in good order does: what memory holds is moved to the files.
    /// Without it the process ends in the middle of its work, as when it is killed.
    pub fn end(self) {
        self.writer.end();
    }
}

/// How a log is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Number of durable entries.
    pub size: u64,
    /// Size of the published checkpoint, 0 if there is none.
    pub published: u64,
    /// Calls that wait for the writer.
    pub queued: usize,
    /// Why nothing is written any more, if so. Opening the folder anew repairs what can be.
    pub stopped: Option<String>,
}

/// Opening.
impl Log {
    /// Opens a log for writing. `origin` is its name in checkpoints; `signer` holds its
    /// checkpoint key.
    ///
    /// What a crash left undone is done: a torn batch is cut off, the once index replayed, tiles
    /// made again.
    ///
    /// # Errors
    /// [`Error::JournalCorrupt`]; [`Error::Rollback`] when the journal is behind, or differs from,
    /// what was signed or published from it; [`Error::ReadOnly`] for a folder opened for reading;
    /// [`Error::Sign`], [`Error::Io`], [`Error::Sqlite`].
    pub fn open(
        dir: &Dir,
        id: LogId,
        origin: &str,
        signer: impl CheckpointSigner,
    ) -> Result<Log, Error> {
        let core = Log::open_core(dir, id, origin, signer)?;
        let sequencer = Sequencer::start(id.name(), Arc::clone(&core) as Arc<dyn Commit>)?;
        Ok(Log { sequencer: Some(sequencer), core })
    }

    /// As [`Log::open`], without a thread: what is submitted is committed when [`Steps::step`] is
    /// called, so that a simulation decides what comes before what. [`Log::append`] would wait for
    /// ever.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_stepped(
        dir: &Dir,
        id: LogId,
        origin: &str,
        signer: impl CheckpointSigner,
    ) -> Result<(Log, Steps), Error> {
        let core = Log::open_core(dir, id, origin, signer)?;
        let (sequencer, writer) = Sequencer::by_hand(Arc::clone(&core) as Arc<dyn Commit>);
        Ok((Log { sequencer: Some(sequencer), core }, Steps { writer }))
    }

    fn open_core(
        dir: &Dir,
        id: LogId,
        origin: &str,
        signer: impl CheckpointSigner,
    ) -> Result<Arc<Core>, Error> {
        if !dir.writable() {
            return Err(Error::ReadOnly);
        }
        let core = Core::open(dir, id, origin, Some(Box::new(signer)))?;
        core.sign_head()?;
        // Others are told of the head from memory; the file may be late.
        core.offer_unless_full()?;
        Ok(Arc::new(core))
    }

    /// Opens a log for reading, at the size that it has now. Nothing is written or repaired.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_read_only(dir: &Dir, id: LogId, origin: &str) -> Result<Log, Error> {
        Ok(Log { sequencer: None, core: Arc::new(Core::open(dir, id, origin, None)?) })
    }
}

/// Writing.
impl Log {
    /// Appends the entries together, one behind the other, or none of them, and waits until that
    /// is durable.
    ///
    /// # Errors
    /// [`Error::InvalidEntry`] outside the limits, [`Error::Busy`] when too much waits,
    /// [`Error::Full`] when there is no space, [`Error::Stopped`] after a failure,
    /// [`Error::ReadOnly`].
    pub fn append(&self, entries: Vec<NewEntry>) -> Result<Outcome, Error> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.submit(entries, move |outcome| drop(answer.send(outcome)))?;
        answered.recv().unwrap_or_else(|_| Err(writer_ended()))
    }

    /// As [`Log::append`], without blocking the thread. Dropping the future does not undo the
    /// call.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub async fn append_async(&self, entries: Vec<NewEntry>) -> Result<Outcome, Error> {
        let (answer, answered) = oneshot::channel();
        self.submit(entries, move |outcome| drop(answer.send(outcome)))?;
        answered.await.unwrap_or_else(|_| Err(writer_ended()))
    }

    /// As [`Log::append`]; `answer` is called once, on the writer thread, and must be quick.
    ///
    /// # Errors
    /// [`Error::InvalidEntry`] and [`Error::ReadOnly`] at once; all others go to `answer`.
    pub fn submit(
        &self,
        entries: Vec<NewEntry>,
        answer: impl FnOnce(Result<Outcome, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let sequencer = self.sequencer.as_ref().ok_or(Error::ReadOnly)?;
        sequencer.submit(Group::new(entries)?, Box::new(answer));
        Ok(())
    }

    /// Erases the statement at `index` for ever, durably; its entry, its place in the tree and its
    /// once keys stay. Erasing twice is not an error.
    ///
    /// # Errors
    /// [`Error::NotErasable`] for the governance log, [`Error::OutOfRange`], [`Error::ReadOnly`],
    /// [`Error::Stopped`], [`Error::JournalCorrupt`].
    pub fn erase(&self, index: u64) -> Result<(), Error> {
        if self.core.id == LogId::Gov {
            return Err(Error::NotErasable);
        }
        self.core.store.erase(index)?;
        write(&self.core.withheld).remove(&index);
        Ok(())
    }

    /// Lets these statements read as erased from now on, until this log is closed or they are.
    ///
    /// # Errors
    /// [`Error::NotErasable`] for the governance log.
    pub fn withhold(&self, indices: impl IntoIterator<Item = u64>) -> Result<(), Error> {
        if self.core.id == LogId::Gov {
            return Err(Error::NotErasable);
        }
        write(&self.core.withheld).extend(indices);
        Ok(())
    }

    /// Publishes a cosigned note as the new `checkpoint`, behind its tiles, and keeps it for ever.
    /// Whoever calls has checked the signatures and the witness policy.
    ///
    /// # Errors
    /// [`Error::CheckpointInconsistent`] when origin, size or root are not those of this log,
    /// [`Error::CheckpointSmaller`] when a larger one is published, [`Error::ReadOnly`],
    /// [`Error::Full`], [`Error::Stopped`], [`Error::Io`], [`Error::Sqlite`].
    pub fn publish(&self, note: &[u8]) -> Result<Note, Error> {
        if self.sequencer.is_none() {
            return Err(Error::ReadOnly);
        }
        self.core.publish(note)
    }
}

/// Reading.
impl Log {
    /// Which log this is.
    pub fn id(&self) -> LogId {
        self.core.id
    }

    /// Its name in checkpoints.
    pub fn origin(&self) -> &str {
        &self.core.origin
    }

    /// Number of entries that are durable and in the tree.
    pub fn size(&self) -> u64 {
        self.core.tree.size()
    }

    /// Size and root, of one moment.
    pub fn head(&self) -> (u64, Hash) {
        self.core.tree.head()
    }

    /// The root now.
    pub fn root(&self) -> Hash {
        self.head().1
    }

    /// The root at any size up to the present one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TileCorrupt`], [`Error::Io`].
    pub fn root_at(&self, size: u64) -> Result<Hash, Error> {
        self.core.tree.root_at(size)
    }

    /// The log entry at `index`: the SHA-256 of its statement, erased or not.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::JournalCorrupt`], [`Error::Io`].
    pub fn entry(&self, index: u64) -> Result<Hash, Error> {
        let size = self.size();
        let out_of_range = Error::OutOfRange { what: "index", asked: index, size };
        if index >= size {
            return Err(out_of_range);
        }
        self.entries(index..index.saturating_add(1))?.pop().ok_or(out_of_range)
    }

    /// The log entries of a range, in order: 32 bytes each in memory, so callers bound the range.
    ///
    /// # Errors
    /// As [`Log::entry`].
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Hash>, Error> {
        self.core.store.entries(range)
    }

    /// The statement at `index`, checked against its entry.
    ///
    /// # Errors
    /// [`Error::JournalCorrupt`], [`Error::Io`].
    pub fn statement(&self, index: u64) -> Result<Statement, Error> {
        let statement = self.core.store.statement(index)?;
        // Looked at afterwards: who read while it was being withheld gets nothing of it.
        match read(&self.core.withheld).contains(&index) && statement != Statement::NotFound {
            true => Ok(Statement::Erased),
            false => Ok(statement),
        }
    }

    /// Calls `visit` with each index of `range` and its statement, in order, until it breaks.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the range ends beyond the log, else as [`Log::statement`].
    pub fn visit(
        &self,
        range: Range<u64>,
        mut visit: impl FnMut(u64, Statement) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.core.store.visit(range, &mut |index, statement| {
            // The lock ends here: what is called may ask for it again.
            let withheld = read(&self.core.withheld).contains(&index);
            visit(index, if withheld { Statement::Erased } else { statement })
        })
    }

    /// The entry that took `key`, if any.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] on a log opened for reading, [`Error::Sqlite`].
    pub fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        self.core.store.holder(key)
    }

    /// The inclusion path of entry `index` in the tree of `size`, leaf to root.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TileCorrupt`], [`Error::Io`].
    pub fn inclusion_path(&self, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
        self.core.tree.inclusion(index, size)
    }

    /// The consistency path from the tree of `size1` to that of `size2`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Proto`] (`merkle.size_order`), [`Error::TileCorrupt`],
    /// [`Error::Io`].
    pub fn consistency_path(&self, size1: u64, size2: u64) -> Result<Vec<Hash>, Error> {
        self.core.tree.consistency(size1, size2)
    }

    /// The bytes behind a tile path ("tile/0/x001/234.p/5", "tile/entries/000"), of any width that
    /// exists by now; none for what does not exist or is no tile path.
    ///
    /// # Errors
    /// [`Error::TileCorrupt`], [`Error::Io`].
    pub fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        path.parse::<TileId>().map_or(Ok(None), |tile| self.core.tree.tile(tile))
    }

    /// The newest log-signed checkpoint; none below size 2.
    pub fn checkpoint_fast(&self) -> Option<FastCheckpoint> {
        read(&self.core.fast).clone()
    }

    /// The published checkpoint.
    pub fn checkpoint(&self) -> Option<Note> {
        read(&self.core.published).clone()
    }

    /// Every note that was published; none on a folder that was opened for reading and has none.
    pub fn notes(&self) -> Option<&Notes> {
        self.core.notes.as_ref()
    }

    /// How the log is doing.
    pub fn health(&self) -> Health {
        let core = &self.core;
        let sequencer = self.sequencer.as_ref();
        Health {
            size: self.size(),
            published: read(&core.published).as_ref().map_or(0, |note| note.size),
            queued: sequencer.map_or(0, Sequencer::queued),
            stopped: sequencer
                .and_then(Sequencer::stopped)
                .or_else(|| core.store.stopped())
                .or_else(|| lock(&core.failed).clone()),
        }
    }

    /// Waits until the log has `size` entries, at most `timeout`, and gives its size then.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the writer ended before.
    pub fn wait_for_size(&self, size: u64, timeout: Duration) -> Result<u64, Error> {
        let until = Instant::now().checked_add(timeout);
        let mut growth = lock(&self.core.growth);
        while growth.size < size {
            if let Some(reason) = growth.ended.clone() {
                return Err(Error::Stopped { reason });
            }
            let left = until.map_or(timeout, |t| t.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            let waited = self.core.grown.wait_timeout(growth, left);
            growth = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(growth.size)
    }

    /// The size as it grows, for tasks.
    pub fn watch_size(&self) -> watch::Receiver<u64> {
        self.core.sizes.subscribe()
    }
}

fn writer_ended() -> Error {
    Error::Stopped { reason: "the writer ended".to_owned() }
}

#[cfg(test)]
mod tests;
