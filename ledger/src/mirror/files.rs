//! The copy on disk (SPEC.md 6.6).
//!
//! What was fetched waits in `.staging` until the whole tree has been checked; then it is moved to
//! its place, flushed, and `checkpoint` is replaced. So a reader finds a whole copy at any moment,
//! and so does the next start after a kill at any moment.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use placet_proto::misbehaviour::{MAX_NOTE, Misbehaviour, Noted};
use placet_proto::tlog::TileId;
use placet_proto::tlog::merkle::Hash;
use placet_proto::tlog::tile::{TILE_WIDTH, TileSource, new_tiles, parse_tile};

use super::Error;

/// Checkpoints of different sizes that are kept. Beyond that, every second one of the older half
/// is given up.
pub const MAX_KEPT: usize = 1024;
/// Files of evidence that are written beside each other.
const MAX_EVIDENCE: u32 = 100;

/// A copy, open for one writer.
#[derive(Debug)]
pub struct CopyDir {
    root: PathBuf,
    /// Held, not read: the lock ends with it.
    _lock: File,
}

impl CopyDir {
    /// Opens a copy, or begins one.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io("create", root))?;
        let path = root.join(".lock");
        let lock = File::options().create(true).append(true).open(&path);
        let lock = lock.map_err(Error::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: root.to_path_buf() });
            }
            Err(fs::TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        Ok(Self { root: root.to_path_buf(), _lock: lock })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The checkpoint that the copy stands at.
    pub(super) fn checkpoint(&self) -> Result<Option<Noted>, Error> {
        let path = self.root.join("checkpoint");
        let Some(bytes) = read(&path, MAX_NOTE)? else { return Ok(None) };
        let noted = Noted::parse(&bytes);
        noted.map(Some).map_err(|e| Error::Copy { path, reason: e.to_string() })
    }

    /// Where a fetched file waits.
    pub(super) fn staged(&self, name: &str) -> PathBuf {
        self.root.join(".staging").join(name)
    }

    /// A file of the copy.
    pub(super) fn placed(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn stage(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        replace(&self.staged(name), bytes, false)
    }

    /// Forgets what was fetched and not checked.
    pub(super) fn unstage(&self) -> Result<(), Error> {
        remove_all(&self.root.join(".staging").join("tile"))
    }

    /// Moves the tiles between two sizes to their places and makes `note` the checkpoint of the
    /// copy. Everything is durable before it.
    pub(super) fn advance(&self, from: u64, note: &Noted) -> Result<(), Error> {
        let to = note.signed.checkpoint().size;
        for id in new_tiles(from, to) {
            let name = id.to_string();
            let (staged, placed) = (self.staged(&name), self.placed(&name));
            if staged.exists() {
                make_parent(&placed)?;
                fs::rename(&staged, &placed).map_err(Error::io("rename", &placed))?;
            }
        }
        self.flush()?;
        self.set_checkpoint(note)?;
        // Readers that began before this moment may still ask for them; full tiles answer too.
        for id in new_tiles(0, from).filter(|id| !id.is_full()) {
            if TileId::at_size(id.kind, id.index, to).is_some_and(|now| now.width != id.width) {
                remove(&self.placed(&id.to_string()))?;
            }
        }
        self.unstage()
    }

    /// Makes a note the checkpoint of the copy, and keeps it among the others.
    pub(super) fn set_checkpoint(&self, note: &Noted) -> Result<(), Error> {
        replace(&self.root.join("checkpoint"), &note.bytes, true)?;
        self.keep(note)
    }

    /// Keeps a checkpoint that was shown: one of each size, the newest.
    pub(super) fn keep(&self, note: &Noted) -> Result<(), Error> {
        let folder = self.root.join("checkpoints");
        replace(&folder.join(note.signed.checkpoint().size.to_string()), &note.bytes, true)?;
        let mut sizes = self.kept()?;
        if sizes.len() <= MAX_KEPT {
            return Ok(());
        }
        sizes.truncate(sizes.len() / 2);
        for size in sizes.iter().skip(1).step_by(2) {
            remove(&folder.join(size.to_string()))?;
        }
        Ok(())
    }

    /// Sizes of the checkpoints that are kept, ascending.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn kept(&self) -> Result<Vec<u64>, Error> {
        let folder = self.root.join("checkpoints");
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Error::io("list", &folder))?,
        };
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut sizes: Vec<u64> = names.filter_map(|name| name.parse().ok()).collect();
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// Writes evidence beside the copy, over nothing that is there, and gives its path. The same
    /// evidence is written once.
    ///
    /// # Errors
    /// [`Error::Copy`] when there are a hundred others; [`Error::Io`].
    pub fn keep_evidence(&self, evidence: &Misbehaviour) -> Result<PathBuf, Error> {
        let bytes = evidence.to_bytes();
        for n in 1..=MAX_EVIDENCE {
            let path = self.root.join(match n {
                1 => "log-misbehaved.json".to_owned(),
                n => format!("log-misbehaved-{n}.json"),
            });
            match read(&path, bytes.len())? {
                None => {
                    replace(&path, &bytes, true)?;
                    return Ok(path);
                }
                Some(there) if there == bytes => return Ok(path),
                Some(_) => {}
            }
        }
        let reason = format!("it holds {MAX_EVIDENCE} files of evidence: move them elsewhere");
        Err(Error::Copy { path: self.root.clone(), reason })
    }

    /// Everything written so far to the file system of the copy is durable.
    pub(super) fn flush(&self) -> Result<(), Error> {
        let folder = File::open(&self.root).map_err(Error::io("open", &self.root))?;
        rustix::fs::syncfs(&folder).map_err(|e| Error::io("flush", &self.root)(e.into()))
    }
}

/// The tiles of the copy, which were checked before they came there.
impl TileSource for &CopyDir {
    type Error = Error;

    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Error> {
        let exact = self.placed(&id.to_string());
        let full = self.placed(&TileId::full(id.kind, id.index).to_string());
        let path = if exact.is_file() { exact } else { full };
        let damaged = |reason: String| Error::Copy { path: path.clone(), reason };
        let bytes = read(&path, 32 * usize::from(TILE_WIDTH))?;
        let bytes = bytes.ok_or_else(|| damaged("it is missing".to_owned()))?;
        let wanted = bytes.get(..usize::from(id.width).saturating_mul(32)).unwrap_or(&bytes);
        parse_tile(wanted, id.width).map_err(|e| damaged(e.to_string()))
    }
}

/// A file of at most `max` bytes, one byte more if it is longer; nothing if there is none.
pub(super) fn read(path: &Path, max: usize) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io("open", path))?,
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(Some(bytes))
}

/// Puts a file into its place in one step, durably or not yet.
pub(super) fn replace(path: &Path, bytes: &[u8], durable: bool) -> Result<(), Error> {
    make_parent(path)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut file = File::create(&part).map_err(Error::io("create", &part))?;
    file.write_all(bytes).map_err(Error::io("write", &part))?;
    if durable {
        file.sync_all().map_err(Error::io("flush", &part))?;
    }
    fs::rename(&part, path).map_err(Error::io("rename", path))?;
    match path.parent().filter(|_| durable) {
        None => Ok(()),
        Some(folder) => {
            let handle = File::open(folder).map_err(Error::io("open", folder))?;
            handle.sync_all().map_err(Error::io("flush", folder))
        }
    }
}

pub(super) fn make_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        None => Ok(()),
        Some(folder) => fs::create_dir_all(folder).map_err(Error::io("create", folder)),
    }
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}
