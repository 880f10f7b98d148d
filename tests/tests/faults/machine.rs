//! A machine in memory that loses power, fills up and fails to flush when it is told to.
//!
//! It keeps to what POSIX promises and to nothing more:
//!
//! * A write reaches the disk with a sync of that file, or before it, or never, in sectors of 512
//!   bytes and in any order. A file that was extended may have zeroes where nothing arrived.
//! * A name that was made, changed or removed is durable with a sync of its folder; before that,
//!   each change arrives or does not, by itself.
//! * A sync that fails leaves its pages clean: a later one that succeeds does not write them,
//!   unless they were written to again. (Linux; known as "fsyncgate".)
//! * What a process wrote and did not flush is still shown to the next process, until the power
//!   is cut.
//!
//! SQLite databases are kept in memory and count as durable at each commit, as `synchronous=FULL`
//! promises; those that do not ask for that (`once-*`) may be lost. What SQLite does with files is
//! the business of the tests with the real program.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use placet_ledger::host::{Access, Host, HostFile};
use rusqlite::Connection;

use super::random::Random;

const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// What goes wrong at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before it.
    KillBefore,
    /// The process dies behind it.
    KillAfter,
    /// It fails with EIO.
    Io,
    /// It fails with ENOSPC, a write after half of its bytes, and so does everything that needs
    /// space until [`Machine::free`].
    Full,
    /// A write writes half of its bytes and says so.
    Short,
}

/// What of the unsynced reaches the disk when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    Nothing,
    /// Every name, and nothing of what was written behind them.
    Names,
    Everything,
    /// Each sector and each name by the toss of a coin.
    Some,
}

/// The machine. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Machine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    id: u64,
    // In the order of their ids, since each of them has luck of its own when the power is cut: the
    // same seed has to give the same disk.
    files: BTreeMap<u64, Data>,
    names: Names,
    disk_names: Names,
    /// Changes of names that are not durable, in order.
    pending: Vec<Change>,
    operations: u64,
    plan: Option<(u64, Fault)>,
    hit: bool,
    dead: bool,
    full: bool,
    random: Random,
    now: SystemTime,
    databases: BTreeMap<PathBuf, (u64, Connection)>,
    generation: u64,
}

#[derive(Clone, Debug, Default)]
struct Names {
    files: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
enum Change {
    Make(PathBuf, u64),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, u64),
    MakeFolder(PathBuf),
    RemoveFolder(PathBuf),
}

/// Content as a process sees it and as the disk has it.
#[derive(Clone, Debug, Default)]
struct Data {
    seen: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl Machine {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Mutex::new(State {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            files: BTreeMap::new(),
            names: Names::default(),
            disk_names: Names::default(),
            pending: Vec::new(),
            operations: 0,
            plan: None,
            hit: false,
            dead: false,
            full: false,
            random: Random::new(seed),
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            databases: BTreeMap::new(),
            generation: 0,
        })))
    }

    /// Makes a folder durably, without counting.
    pub fn lay_out(&self, folder: &Path) {
        let mut state = self.state();
        let State { names, disk_names, .. } = &mut *state;
        for names in [names, disk_names] {
            names.folders.extend(folder.ancestors().map(Path::to_path_buf));
        }
    }

    /// Operations that change something, so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets `fault` happen at that operation.
    pub fn plan(&self, at: u64, fault: Fault) {
        let mut state = self.state();
        (state.plan, state.hit) = (Some((at, fault)), false);
    }

    /// Whether the planned fault happened.
    pub fn hit(&self) -> bool {
        self.state().hit
    }

    /// Whether the process is dead: each of its operations fails.
    pub fn dead(&self) -> bool {
        self.state().dead
    }

    /// Sets the clock forward or back.
    pub fn jump(&self, seconds: i64) {
        let mut state = self.state();
        let by = Duration::from_secs(seconds.unsigned_abs());
        state.now = if seconds < 0 { state.now - by } else { state.now + by };
    }

    /// Ends the shortage of space.
    pub fn free(&self) {
        self.state().full = false;
    }

    /// A new process after the last one died. No fault is planned any more, and none excuses what
    /// this one does.
    pub fn restart(&self) {
        let mut state = self.state();
        (state.dead, state.plan, state.full, state.hit) = (false, None, false, false);
    }

    /// Cuts the power: the process is gone, and what was not durable may be.
    pub fn power_cut(&self, survives: Survives) {
        let mut state = self.state();
        state.cut(survives);
        (state.dead, state.plan, state.full) = (true, None, false);
    }

    /// The content of a file, as a process sees it.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.files.get(path).and_then(|id| state.files.get(id)).map(|d| d.seen.clone())
    }

    /// The same machine once more, at this moment, with other luck; without databases.
    pub fn copy(&self, seed: u64) -> Self {
        let state = self.state();
        let copy = Self::new(seed);
        {
            let mut new = copy.state();
            new.files.clone_from(&state.files);
            new.names.clone_from(&state.names);
            new.disk_names.clone_from(&state.disk_names);
            new.pending.clone_from(&state.pending);
        }
        copy
    }

    /// Takes up a file, durably.
    pub fn import(&self, path: &Path, bytes: Vec<u8>) {
        self.lay_out(path.parent().unwrap());
        let mut state = self.state();
        let id = state.files.len() as u64;
        let data = Data { seen: bytes.clone(), disk: bytes, dirty: BTreeSet::new() };
        state.files.insert(id, data);
        state.names.files.insert(path.to_path_buf(), id);
        state.disk_names.files.insert(path.to_path_buf(), id);
    }

    /// Copies everything into a real folder, databases included. Nobody else may read it, as with
    /// the keys that may be among it.
    pub fn export(&self, to: &Path) {
        use std::os::unix::fs::OpenOptionsExt as _;
        let state = self.state();
        let real = |path: &Path| to.join(path.strip_prefix("/").unwrap());
        for folder in &state.names.folders {
            std::fs::create_dir_all(real(folder)).unwrap();
        }
        for (path, id) in &state.names.files {
            let mut options = std::fs::File::options();
            let file = options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = file.open(real(path)).unwrap();
            std::io::Write::write_all(&mut file, &state.files[id].seen).unwrap();
        }
        for (path, (_, connection)) in &state.databases {
            // Else SQLite would put it beside its source, in memory.
            let target = format!("file:{}?vfs=unix", real(path).display());
            connection.execute("VACUUM INTO ?1", [target]).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// What an operation has to do.
enum Do {
    All,
    Half { then_full: bool },
}

impl State {
    /// Counts an operation and decides about it. `space` tells whether it needs any.
    fn operate(&mut self, space: bool) -> io::Result<Do> {
        if self.dead {
            return Err(io::Error::other("the process is dead"));
        }
        let at = self.operations;
        self.operations += 1;
        match self.plan {
            Some((planned, fault)) if planned == at => {
                self.hit = true;
                match fault {
                    Fault::KillBefore => {
                        self.dead = true;
                        return Err(io::Error::other("the process is dead"));
                    }
                    Fault::KillAfter => self.dead = true,
                    Fault::Io => return Err(io::Error::from_raw_os_error(5)),
                    Fault::Full => self.full = true,
                    Fault::Short => return Ok(Do::Half { then_full: false }),
                }
            }
            _ => {}
        }
        match self.full && space {
            true => Ok(Do::Half { then_full: true }),
            false => Ok(Do::All),
        }
    }

    /// For operations that do not come in halves.
    fn operate_whole(&mut self, space: bool) -> io::Result<()> {
        match self.operate(space)? {
            Do::Half { then_full: true } => Err(io::Error::from_raw_os_error(28)),
            _ => Ok(()),
        }
    }

    /// An operation that the plan killed behind itself was done, and nobody hears of it.
    fn answer<T>(&self, value: T) -> io::Result<T> {
        if self.dead { Err(io::Error::other("the process is dead")) } else { Ok(value) }
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent().is_some_and(|parent| self.names.folders.contains(parent)) {
            true => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn change(&mut self, change: Change) {
        self.names.apply(&change);
        self.pending.push(change);
    }

    fn sync_folder(&mut self, folder: &Path) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            if change.folder() == Some(folder) {
                self.disk_names.apply(&change);
            } else {
                self.pending.push(change);
            }
        }
    }

    fn cut(&mut self, survives: Survives) {
        let State { pending, disk_names, random, .. } = self;
        for change in pending.drain(..) {
            let arrives = match survives {
                Survives::Nothing => false,
                Survives::Names | Survives::Everything => true,
                Survives::Some => random.one_in(2),
            };
            // A name in a folder that never was has no place.
            if arrives && change.folder().is_none_or(|f| disk_names.folders.contains(f)) {
                disk_names.apply(&change);
            }
        }
        let folders = disk_names.folders.clone();
        disk_names.files.retain(|path, _| path.parent().is_some_and(|p| folders.contains(p)));
        self.names = self.disk_names.clone();
        for data in self.files.values_mut() {
            data.cut(survives, &mut self.random);
        }
        let lost: Vec<PathBuf> = self.databases.keys().filter(|p| is_derived(p)).cloned().collect();
        for path in lost {
            let loses = match survives {
                Survives::Nothing | Survives::Names => true,
                Survives::Everything => false,
                Survives::Some => self.random.one_in(2),
            };
            if loses {
                self.databases.remove(&path);
            }
        }
    }
}

fn is_derived(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("once-"))
}

impl Names {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Make(path, id) => drop(self.files.insert(path.clone(), *id)),
            Change::Remove(path) => drop(self.files.remove(path)),
            Change::Rename(from, to, id) => {
                // What the old name means by now may be another file.
                if self.files.get(from) == Some(id) {
                    self.files.remove(from);
                }
                self.files.insert(to.clone(), *id);
            }
            Change::MakeFolder(path) => drop(self.folders.insert(path.clone())),
            Change::RemoveFolder(path) => {
                self.files.retain(|file, _| !file.starts_with(path));
                self.folders.retain(|folder| !folder.starts_with(path));
            }
        }
    }
}

impl Change {
    /// The folder whose sync makes it durable.
    fn folder(&self) -> Option<&Path> {
        match self {
            Change::Make(path, _)
            | Change::Remove(path)
            | Change::Rename(_, path, _)
            | Change::MakeFolder(path)
            | Change::RemoveFolder(path) => path.parent(),
        }
    }
}

impl Data {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        let old = self.seen.len();
        if end > old {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset.min(old) / PAGE..=end.saturating_sub(1) / PAGE);
    }

    fn set_size(&mut self, size: usize) {
        let first = self.seen.len().min(size) / PAGE;
        self.seen.resize(size, 0);
        self.dirty.retain(|page| page * PAGE < size);
        self.dirty.extend(first..=size.saturating_sub(1) / PAGE);
    }

    fn sync(&mut self) {
        self.disk.resize(self.seen.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            let range = page * PAGE..((page + 1) * PAGE).min(self.seen.len());
            if let (Some(disk), Some(seen)) =
                (self.disk.get_mut(range.clone()), self.seen.get(range))
            {
                disk.copy_from_slice(seen);
            }
        }
    }

    fn cut(&mut self, survives: Survives, random: &mut Random) {
        match survives {
            Survives::Nothing | Survives::Names => {}
            Survives::Everything => self.disk.clone_from(&self.seen),
            Survives::Some if self.seen != self.disk => self.tear(random),
            Survives::Some => {}
        }
        self.seen.clone_from(&self.disk);
        self.dirty.clear();
    }

    fn tear(&mut self, random: &mut Random) {
        let (old, new) = (self.disk.len(), self.seen.len());
        let size = match random.below(3) {
            0 => old,
            1 => new,
            _ => {
                let between = old.min(new) + random.below(old.abs_diff(new) as u64 + 1) as usize;
                between.next_multiple_of(SECTOR).min(old.max(new))
            }
        };
        self.disk.resize(size, 0);
        for at in (0..size).step_by(SECTOR) {
            let range = at..(at + SECTOR).min(size).min(new);
            if random.one_in(2)
                && let (Some(disk), Some(seen)) =
                    (self.disk.get_mut(range.clone()), self.seen.get(range))
            {
                disk.copy_from_slice(seen);
            }
        }
    }
}

#[derive(Debug)]
struct OpenFile {
    machine: Machine,
    id: u64,
}

impl Host for Machine {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn HostFile>> {
        let mut state = self.state();
        let found = state.names.files.get(path).copied();
        let id = match (found, access) {
            (Some(id), Access::Read | Access::Write) => {
                if state.dead {
                    return Err(io::Error::other("the process is dead"));
                }
                id
            }
            (None, Access::Read | Access::Write) => return Err(io::ErrorKind::NotFound.into()),
            (Some(id), Access::Create) => {
                state.operate_whole(false)?;
                state.files.entry(id).or_default().set_size(0);
                id
            }
            (None, Access::Create) => {
                state.check_parent(path)?;
                state.operate_whole(true)?;
                let id = state.files.len() as u64;
                state.files.insert(id, Data::default());
                state.change(Change::Make(path.to_path_buf(), id));
                id
            }
        };
        state.answer(Box::new(OpenFile { machine: self.clone(), id }) as Box<dyn HostFile>)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.content(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.state();
        if !state.names.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.names.files.keys().chain(&state.names.folders);
        Ok(all.filter(|path| path.parent() == Some(folder)).cloned().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        let state = self.state();
        state.names.files.contains_key(path) || state.names.folders.contains(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check_parent(to)?;
        let id = *state.names.files.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.operate_whole(true)?;
        state.change(Change::Rename(from.to_path_buf(), to.to_path_buf(), id));
        state.answer(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.operate_whole(false)?;
        state.change(Change::Remove(path.to_path_buf()));
        state.answer(())
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        let missing: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|f| !state.names.folders.contains(*f))
            .map(Path::to_path_buf)
            .collect();
        for folder in missing.into_iter().rev() {
            state.operate_whole(true)?;
            state.change(Change::MakeFolder(folder));
        }
        state.answer(())
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.operate_whole(false)?;
        state.change(Change::RemoveFolder(folder.to_path_buf()));
        state.answer(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        // Names are in the journal of the file system: a sync that failed leaves them waiting.
        state.operate_whole(false)?;
        state.sync_folder(folder);
        state.answer(())
    }

    fn database(&self, path: &Path) -> PathBuf {
        let mut state = self.state();
        let name = |id: u64, generation: u64| {
            PathBuf::from(format!("file:/placet-faults-{id}-{generation}?vfs=memdb"))
        };
        if let Some((generation, _)) = state.databases.get(path) {
            return name(state.id, *generation);
        }
        state.generation += 1;
        let uri = name(state.id, state.generation);
        // Kept open, since the last one to close it takes it away.
        let keeper = Connection::open(&uri).unwrap();
        let generation = state.generation;
        state.databases.insert(path.to_path_buf(), (generation, keeper));
        uri
    }

    /// Each look at the clock takes a moment.
    fn now(&self) -> SystemTime {
        let mut state = self.state();
        state.now += Duration::from_millis(20);
        state.now
    }
}

impl HostFile for OpenFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.machine.state().files[&self.id].seen.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.machine.state();
        let seen = &state.files[&self.id].seen;
        let rest = seen.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.machine.state();
        let decided = state.operate(true)?;
        let data = state.files.get_mut(&self.id).unwrap();
        let offset = offset as usize;
        let len = match decided {
            Do::All => bytes.len(),
            // What is there already takes no new space.
            Do::Half { then_full: true } if offset + bytes.len() <= data.seen.len() => bytes.len(),
            Do::Half { then_full: true } if bytes.len() < 2 => {
                return Err(io::Error::from_raw_os_error(28));
            }
            Do::Half { .. } => bytes.len().div_ceil(2),
        };
        data.write(&bytes[..len], offset);
        state.answer(len)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let mut state = self.machine.state();
        state.operate_whole(false)?;
        state.files.get_mut(&self.id).unwrap().set_size(size as usize);
        state.answer(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.machine.state();
        if let Err(error) = state.operate_whole(false) {
            if !state.dead {
                state.files.get_mut(&self.id).unwrap().dirty.clear();
            }
            return Err(error);
        }
        state.files.get_mut(&self.id).unwrap().sync();
        state.answer(())
    }
}
