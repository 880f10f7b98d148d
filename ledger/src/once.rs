//! Which entry took which once key: exact for ever, on disk, memory bounded.
//!
//! The journal is the truth, and what is here follows it: what a crash loses is replayed when the
//! index is opened. A key is in one of three places, or in two while it moves:
//!
//! 1. in memory, some ten thousand at most;
//! 2. in a SQLite file, what was in memory when the log was closed;
//! 3. in runs: sorted files that never change. A run is written when enough keys are in memory, and
//!    eight of a size become one of the next. So each key is written a few times in long stretches,
//!    however large the log is. In a B-tree each new key dirties a page of its own as soon as the
//!    tree is larger than the memory for it: hundreds of times as much.
//!
//! Runs are named after the entries that they cover, which lie one behind the other from entry 0
//! on. So a folder of them needs no list: of those that begin at one entry the longest counts, and
//! what it covers is left over from a merge that was not finished.

mod filter;
mod merge;
#[cfg(test)]
mod odd;
mod run;
mod table;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;

use self::run::{MAX_FILTER, Row, Run};
use self::table::Table;
use crate::Error;
use crate::dir::{Dir, LogId};
use crate::host::Host;
use crate::journal::Journal;
use crate::log::once_path;
use crate::storage::OnceKey;
use crate::sync::{lock, read, write};

/// Keys in memory from which on they become a run.
const RUN_AT: usize = 16_384;
/// Entries, with few keys among them, from which on the SQLite file takes what there is, so that
/// they need not be read again at the next start.
const MARK_AT: u64 = 65_536;
/// Keys that the SQLite file takes at once without anybody noticing.
const FEW: usize = 256;
/// Keys in memory that can't be moved, from which on nothing more is recorded.
const MAX_PENDING: usize = 65_536;
/// Entries that are replayed at a time.
const REPLAY_CHUNK: u64 = 16_384;
/// Entries of a run whose keys [`OnceIndex::for_each`] has in memory at a time.
const VISIT_CHUNK: u64 = 1 << 20;

/// The index of once keys of one log.
#[derive(Debug)]
pub struct OnceIndex {
    shared: Arc<Shared>,
    /// Where the keys of a busy log go while it goes on.
    work: Mutex<Work>,
}

#[derive(Debug, Default)]
struct Work {
    moving: Option<JoinHandle<()>>,
    merging: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    host: Arc<dyn Host>,
    /// Of the runs.
    folder: PathBuf,
    table: Table,
    state: RwLock<State>,
    run_at: usize,
    /// The index is being closed: a merge ends where it is.
    closing: AtomicBool,
    /// A flush that failed: nothing is moved any more, and nothing recorded.
    failed: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct State {
    pending: HashMap<OnceKey, u64>,
    /// Keys that are on their way into a run, and the size of the log up to which they go.
    frozen: Option<(Arc<HashMap<OnceKey, u64>>, u64)>,
    /// Most keys that the SQLite file can have.
    rows: u64,
    runs: Vec<Arc<Run>>,
    /// Size of the log up to which the files are complete.
    applied_to: u64,
    /// Size of the log up to which memory and files together are.
    size: u64,
}

/// Opening.
impl OnceIndex {
    /// Opens the files of a log, or makes them, without reading the journal. `path` is the SQLite
    /// file; the runs are in the folder `runs`.
    ///
    /// What can't be read is moved aside or removed, and made anew: it is derived.
    ///
    /// # Errors
    /// [`Error::Sqlite`], [`Error::Io`].
    pub fn open(
        host: &Arc<dyn Host>,
        path: &Path,
        runs: &Path,
        writable: bool,
    ) -> Result<OnceIndex, Error> {
        OnceIndex::open_with(host, path, runs, writable, RUN_AT)
    }

    fn open_with(
        host: &Arc<dyn Host>,
        path: &Path,
        folder: &Path,
        writable: bool,
        run_at: usize,
    ) -> Result<OnceIndex, Error> {
        let table = Table::open(path, writable)?;
        let runs = merge::open_runs(&**host, folder, writable)?;
        let covered = runs.last().map_or(0, |run| run.entries.end);
        let mut marks = table.marks()?;
        if marks.from > covered {
            // Runs that the file relies on are lost: what they held is replayed.
            if writable {
                table.clear(covered)?;
            }
            marks = table::Marks { from: covered, to: covered, rows: 0 };
        }
        let size = marks.to.max(covered);
        let state = State { rows: marks.rows, runs, applied_to: size, size, ..State::default() };
        let shared = Shared {
            host: Arc::clone(host),
            folder: folder.to_path_buf(),
            table,
            state: state.into(),
            run_at,
            closing: AtomicBool::new(false),
            failed: Mutex::default(),
        };
        Ok(OnceIndex { shared: Arc::new(shared), work: Mutex::default() })
    }

    /// Replays what the journal has and the files lack.
    ///
    /// # Errors
    /// [`Error::Sqlite`], [`Error::Full`], and what the journal gives.
    pub fn catch_up(&self, journal: &Journal) -> Result<(), Error> {
        while self.size() < journal.size() {
            let start = self.size();
            let end = journal.size().min(start.saturating_add(REPLAY_CHUNK));
            let mut keys = Vec::new();
            journal.visit(start..end, |index, entry| {
                keys.extend(entry.once.iter().map(|key| (*key, index)));
                ControlFlow::Continue(())
            })?;
            self.record(keys, end);
            if end < journal.size() {
                self.make_room()?;
                self.apply_if_due()?;
            }
        }
        // What a crash had in memory stays there, so that starting again writes nothing.
        Ok(())
    }
}

/// Asking.
impl OnceIndex {
    /// Size of the log up to which this is complete.
    pub fn size(&self) -> u64 {
        read(&self.shared.state).size
    }

    /// The entry that took `key`.
    ///
    /// # Errors
    /// [`Error::Sqlite`], [`Error::Io`].
    pub fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        // What is on its way from one place to the next is in both while this is held.
        let state = read(&self.shared.state);
        let frozen = || state.frozen.as_ref().and_then(|(keys, _)| keys.get(key));
        if let Some(index) = state.pending.get(key).or_else(frozen) {
            return Ok(Some(*index));
        }
        if state.rows > 0
            && let Some(index) = self.shared.table.holder(key)?
        {
            return Ok(Some(index));
        }
        for run in state.runs.iter().rev() {
            if let Some(index) = run.find(key)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Calls `visit` with every key and its entry, mostly in the order of the entries. For checks
    /// of the whole.
    ///
    /// # Errors
    /// [`Error::Sqlite`], [`Error::Io`].
    pub fn for_each(&self, mut visit: impl FnMut(OnceKey, u64)) -> Result<(), Error> {
        let state = read(&self.shared.state);
        for run in &state.runs {
            let mut from = run.entries.start;
            while from < run.entries.end {
                let end = from.saturating_add(VISIT_CHUNK).min(run.entries.end);
                // An entry outside the range of its run is wrong, and is shown all the same.
                let first = from == run.entries.start;
                let mut rows: Vec<Row> = Vec::new();
                for row in run.reader() {
                    let (key, entry) = row?;
                    if (from..end).contains(&entry) || first && !run.entries.contains(&entry) {
                        rows.push((key, entry));
                    }
                }
                rows.sort_unstable_by_key(|(_, entry)| *entry);
                rows.into_iter().for_each(|(key, entry)| visit(key, entry));
                from = end;
            }
        }
        self.shared.table.for_each(&mut visit)?;
        let frozen = state.frozen.iter().flat_map(|(keys, _)| keys.iter());
        for (key, index) in state.pending.iter().chain(frozen) {
            visit(*key, *index);
        }
        Ok(())
    }
}

/// Following the journal.
impl OnceIndex {
    /// Takes note of keys of entries that are durable; the log has `size` entries now.
    pub fn record(&self, keys: impl IntoIterator<Item = (OnceKey, u64)>, size: u64) {
        let mut state = write(&self.shared.state);
        for (key, index) in keys {
            state.pending.entry(key).or_insert(index);
        }
        state.size = size;
    }

    /// Lets the keys be moved to the files if there are many; others do that meanwhile.
    ///
    /// # Errors
    /// [`Error::Sqlite`]; the keys stay in memory then. [`Error::Stopped`] after a flush that
    /// failed.
    pub fn apply_if_due(&self) -> Result<(), Error> {
        if let Some(reason) = lock(&self.shared.failed).clone() {
            return Err(Error::Stopped { reason });
        }
        let mut work = lock(&self.work);
        let (many, behind, merge) = {
            let state = read(&self.shared.state);
            let behind = state.size.saturating_sub(state.applied_to) >= MARK_AT;
            let few = state.pending.len() <= if behind { FEW } else { 0 };
            let many = !few && (behind || state.held() >= self.shared.run_at as u64);
            (many, behind && state.frozen.is_none(), merge::due(&state.runs).is_some())
        };
        if merge && is_idle(&work.merging) {
            let shared = Arc::clone(&self.shared);
            work.merging = start("once-merge", move || shared.merge_all());
        }
        if !is_idle(&work.moving) {
            return Ok(());
        }
        if many {
            self.shared.freeze();
            let shared = Arc::clone(&self.shared);
            work.moving = start("once-move", move || shared.move_or_warn());
        } else if behind {
            self.shared.insert()?;
        }
        Ok(())
    }

    /// Whether memory has room for the keys of another batch; if not, waits until some are moved.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Sqlite`], [`Error::Io`].
    pub fn make_room(&self) -> Result<(), Error> {
        let few = || read(&self.shared.state).pending.len() < MAX_PENDING;
        if few() {
            return Ok(());
        }
        let mut work = lock(&self.work);
        join(&mut work.moving);
        // Twice: what was frozen, then the rest.
        while !few() {
            self.shared.freeze();
            self.shared.move_frozen().map_err(Error::or_full)?;
        }
        Ok(())
    }

    /// Moves all keys to the files.
    ///
    /// # Errors
    /// [`Error::Sqlite`], [`Error::Full`], [`Error::Io`]; the keys stay in memory then.
    pub fn apply(&self) -> Result<(), Error> {
        let mut work = lock(&self.work);
        join(&mut work.moving);
        self.shared.move_frozen()?;
        if read(&self.shared.state).held() >= self.shared.run_at as u64 {
            self.shared.freeze();
            return self.shared.move_frozen();
        }
        self.shared.insert()
    }
}

impl Drop for OnceIndex {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let mut work = lock(&self.work);
        join(&mut work.moving);
        join(&mut work.merging);
    }
}

impl State {
    /// Keys that are in no run and on their way into none.
    fn held(&self) -> u64 {
        self.rows.saturating_add(self.pending.len() as u64)
    }
}

impl Shared {
    /// Sets the keys in memory apart for the next run, unless others wait for that already.
    fn freeze(&self) {
        let mut state = write(&self.state);
        if state.frozen.is_none() && !state.pending.is_empty() {
            let keys = std::mem::take(&mut state.pending);
            state.frozen = Some((Arc::new(keys), state.size));
        }
    }

    /// Writes what was set apart, with what the SQLite file has, as a run.
    fn move_frozen(&self) -> Result<(), Error> {
        let (frozen, from) = {
            let state = read(&self.state);
            (state.frozen.clone(), state.runs.last().map_or(0, |run| run.entries.end))
        };
        let Some((keys, size)) = frozen else { return Ok(()) };
        let mut rows: Vec<Row> = keys.iter().map(|(key, index)| (*key, *index)).collect();
        // What a crash left there is in a run already.
        let not_in_a_run = |index: &u64| *index >= from;
        self.table.for_each(&mut |key, index| {
            rows.extend(Some(index).filter(not_in_a_run).map(|index| (key, index)));
        })?;
        rows.sort_unstable();
        let run = merge::write_run(self, from..size, rows)?;
        let mut state = write(&self.state);
        state.runs.push(Arc::new(run));
        state.frozen = None;
        state.applied_to = size;
        drop(state);
        // Until here its keys are in both.
        self.table.clear(size)?;
        write(&self.state).rows = 0;
        Ok(())
    }

    fn move_or_warn(&self) {
        if let Err(error) = self.move_frozen() {
            // They stay in memory, and are tried again with the next ones.
            tracing::warn!(%error, "the once index lags behind");
            self.note_failure(&error);
        }
    }

    /// Remembers a flush that failed in another thread than the one that has to be told.
    fn note_failure(&self, error: &Error) {
        if let Error::Stopped { reason } = error {
            *lock(&self.failed) = Some(reason.clone());
        }
    }

    /// Moves the keys in memory, which are few, to the SQLite file.
    fn insert(&self) -> Result<(), Error> {
        let (mut rows, covered, size) = {
            let state = read(&self.state);
            let rows: Vec<Row> = state.pending.iter().map(|(k, i)| (*k, *i)).collect();
            (rows, state.runs.last().map_or(0, |run| run.entries.end), state.size)
        };
        // In the order of the B-tree, which touches fewer pages.
        rows.sort_unstable();
        // Before they are there, so that nobody looks past them.
        write(&self.state).rows += rows.len() as u64;
        self.table.insert(&rows, covered, size)?;
        let mut state = write(&self.state);
        for (key, _) in &rows {
            state.pending.remove(key);
        }
        state.applied_to = size;
        Ok(())
    }

    fn merge_all(&self) {
        while !self.closing.load(Ordering::Relaxed) {
            let runs = read(&self.state).runs.clone();
            let Some(due) = merge::due(&runs) else { return };
            let inputs = runs.get(due).unwrap_or_default();
            match merge::merge(self, inputs) {
                Ok(Some(merged)) => self.replace(inputs, merged),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "runs of once keys were not merged");
                    self.note_failure(&error);
                    return;
                }
            }
        }
    }

    /// Puts a merged run into the place of its inputs, whose files go.
    fn replace(&self, inputs: &[Arc<Run>], merged: Run) {
        let covers = |run: &Run| {
            run.entries.start >= merged.entries.start && run.entries.end <= merged.entries.end
        };
        let mut state = write(&self.state);
        let at = state.runs.iter().position(|run| covers(run)).unwrap_or(state.runs.len());
        state.runs.retain(|run| !covers(run));
        state.runs.insert(at, Arc::new(merged));
        drop(state);
        for run in inputs {
            // One that stays is removed at the next start.
            let _ = self.host.remove_file(run.path());
        }
    }

    /// Memory that is left for the filter of one more run.
    fn filter_memory(&self) -> usize {
        let used: usize = read(&self.state).runs.iter().map(|run| run.memory()).sum();
        MAX_FILTER.saturating_sub(used)
    }
}

fn start(name: &str, job: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(job);
    // Without a thread the keys stay in memory for now, and `make_room` moves them itself.
    started.inspect_err(|error| tracing::warn!(%error, name, "no thread")).ok()
}

fn is_idle(thread: &Option<JoinHandle<()>>) -> bool {
    thread.as_ref().is_none_or(JoinHandle::is_finished)
}

fn join(thread: &mut Option<JoinHandle<()>>) {
    if thread.take().is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a thread of the once index panicked");
    }
}

/// Removes the files of both logs, which are made again when the logs are opened.
///
/// # Errors
/// [`Error::ReadOnly`], [`Error::Io`].
pub fn forget(dir: &Dir) -> Result<(), Error> {
    if !dir.writable() {
        return Err(Error::ReadOnly);
    }
    let gone = |path: &Path, removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    };
    for id in LogId::ALL {
        let path = once_path(dir, id);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            let name = PathBuf::from(name);
            gone(&name, std::fs::remove_file(&name))?;
        }
        let runs = runs_path(dir, id);
        gone(&runs, std::fs::remove_dir_all(&runs))?;
    }
    Ok(())
}

/// Folder of the runs of a log.
pub(crate) fn runs_path(dir: &Dir, id: LogId) -> PathBuf {
    dir.state().join(format!("once-{}.runs", id.name()))
}

#[cfg(test)]
mod tests;
