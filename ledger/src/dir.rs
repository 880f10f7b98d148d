//! A folder on disk: layout, format, the lock of its one writer.
//!
//! ```text
//! FORMAT        "placet/0\n"; a newer one is refused
//! FROZEN        where it is, nothing is added any more
//! RESTORING     where it is and FORMAT is not, a restore goes on or was interrupted
//! placet.toml   settings, not read here
//! log/  gov/    checkpoints and tiles of the two logs, publishable as they are
//! bodies/       the journals: statements (erasable), hashes, once keys
//! keys/         private keys, 0700, files 0600
//! state/        lock, once index, published notes, marks
//! index.sqlite  the search index, derived, not written here
//! ```

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::Error;
use crate::host::{self, Host};
use crate::journal::{SEGMENT_LIMIT, sync_folder};
use crate::sync::lock;

/// Content of `FORMAT`.
pub const FORMAT: &str = "placet/0\n";
/// Name of the file that freezes a folder.
pub const FROZEN: &str = "FROZEN";
/// Name of the file that says that a backup is being restored here.
pub const RESTORING: &str = "RESTORING";
/// Most bytes that are read of a lock or format file.
const MAX_SMALL_FILE: u64 = 4096;
const FOLDERS: [(&str, u32); 5] =
    [("log", 0o755), ("gov", 0o755), ("bodies", 0o700), ("keys", 0o700), ("state", 0o700)];

/// Which of the two logs of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogId {
    /// Decisions, approvals, executions and what belongs to them: folder `log/`.
    Main,
    /// Genesis, keys, policies, enrolments, revocations, roles: folder `gov/`, never erased.
    Gov,
}

impl LogId {
    /// Both.
    pub const ALL: [LogId; 2] = [LogId::Main, LogId::Gov];

    /// "log" or "gov": the folder, and the start of the names of its other files.
    pub fn name(self) -> &'static str {
        match self {
            LogId::Main => "log",
            LogId::Gov => "gov",
        }
    }
}

/// The lock of a folder, held until it is dropped.
#[derive(Debug)]
pub(crate) struct DirLock(#[expect(dead_code, reason = "held, not read")] Mutex<File>);

/// An open folder. A writable one holds the lock until it is dropped.
#[derive(Debug)]
pub struct Dir {
    host: Arc<dyn Host>,
    root: PathBuf,
    writable: bool,
    segment_limit: u64,
    lock: Option<Mutex<File>>,
}

impl Dir {
    /// Lays out a new folder at `root` and opens it for writing. An interrupted `init` can be
    /// repeated: `FORMAT` is written last.
    ///
    /// # Errors
    /// [`Error::DirNotEmpty`] when there is a ledger or anything else than `placet.toml`,
    /// [`Error::Restoring`], [`Error::DirLocked`], [`Error::Io`].
    pub fn init(root: &Path) -> Result<Dir, Error> {
        std::fs::create_dir_all(root).map_err(Error::io("create", root))?;
        if root.join(RESTORING).exists() && !root.join("FORMAT").exists() {
            return Err(Error::Restoring { path: root.to_path_buf() });
        }
        for item in std::fs::read_dir(root).map_err(Error::io("list", root))? {
            let name = item.map_err(Error::io("list", root))?.file_name();
            let ours = FOLDERS.iter().any(|(folder, _)| name == *folder);
            if !ours && name != "placet.toml" && name != "FORMAT.tmp" {
                return Err(Error::DirNotEmpty { path: root.to_path_buf() });
            }
        }
        Dir::lay_out(root)?;
        let dir = Dir::locked(root)?;
        // Somebody may have restored a ledger here meanwhile.
        if root.join("FORMAT").exists() || root.join(RESTORING).exists() {
            return Err(Error::DirNotEmpty { path: root.to_path_buf() });
        }
        Dir::write_format(root)?;
        Ok(dir)
    }

    /// The lock of a writer on a folder that is laid out and no ledger yet.
    pub(crate) fn lock_for_restoring(root: &Path) -> Result<DirLock, Error> {
        take_lock(root).map(DirLock)
    }

    /// Makes the five folders, durably: they must not be missing where `FORMAT` is there.
    pub(crate) fn lay_out(root: &Path) -> Result<(), Error> {
        for (folder, mode) in FOLDERS {
            let path = root.join(folder);
            let mut builder = std::fs::DirBuilder::new();
            builder.mode(mode).recursive(true).create(&path).map_err(Error::io("create", &path))?;
        }
        sync_folder(root)
    }

    /// Makes a folder one that holds a ledger, durably. The last thing to do.
    pub(crate) fn write_format(root: &Path) -> Result<(), Error> {
        let tmp = root.join("FORMAT.tmp");
        let mut file = File::create(&tmp).map_err(Error::io("create", &tmp))?;
        file.write_all(FORMAT.as_bytes()).map_err(Error::io("write", &tmp))?;
        file.sync_all().map_err(Error::io("flush", &tmp))?;
        let path = root.join("FORMAT");
        std::fs::rename(&tmp, &path).map_err(Error::io("rename", &tmp))?;
        sync_folder(root)?;
        // A folder that was just made has a name only once its parent is flushed.
        root.parent().map_or(Ok(()), sync_folder)
    }

    /// Takes away the mark of a restore that came to its end. Behind FORMAT it means nothing.
    pub(crate) fn forget_restoring(root: &Path) {
        // Best effort: one that stays is taken away at the next start.
        let _ = std::fs::remove_file(root.join(RESTORING));
    }

    /// Whether `init` would work: the folder is missing, empty or only half laid out.
    pub fn is_vacant(root: &Path) -> bool {
        !root.join("FORMAT").exists()
            && std::fs::read_dir(root).map_or(true, |mut items| {
                items.all(|item| {
                    item.is_ok_and(|item| {
                        let name = item.file_name();
                        FOLDERS.iter().any(|(folder, _)| name == *folder)
                            || name == "placet.toml"
                            || name == "FORMAT.tmp"
                    })
                })
            })
    }

    /// Opens a folder for writing.
    ///
    /// # Errors
    /// [`Error::DirFormat`] when there is no ledger or one that is newer than this program,
    /// [`Error::Restoring`] when one is being restored, [`Error::DirLocked`] when another process
    /// writes it, [`Error::Frozen`], [`Error::Io`].
    pub fn open(root: &Path) -> Result<Dir, Error> {
        check_format(root)?;
        let dir = Dir::locked(root)?;
        // Behind the lock: who freezes holds it.
        if root.join(FROZEN).exists() {
            return Err(Error::Frozen { path: root.to_path_buf() });
        }
        Dir::forget_restoring(root);
        Ok(dir)
    }

    /// Opens a folder for reading, whether or not somebody writes it.
    ///
    /// # Errors
    /// [`Error::DirFormat`], [`Error::Io`].
    pub fn open_read_only(root: &Path) -> Result<Dir, Error> {
        check_format(root)?;
        Ok(Dir {
            host: host::real(),
            root: root.to_path_buf(),
            writable: false,
            segment_limit: SEGMENT_LIMIT,
            lock: None,
        })
    }

    /// A folder of another machine, to be written, which has its five folders already. There is
    /// no lock: whoever simulates a machine sees to it that there is one writer.
    pub fn on(host: Arc<dyn Host>, root: &Path) -> Dir {
        Dir {
            host,
            root: root.to_path_buf(),
            writable: true,
            segment_limit: SEGMENT_LIMIT,
            lock: None,
        }
    }

    /// The same, with another length in bytes at which a segment of a journal is closed, so that a
    /// test need not write megabytes to see the next one begun.
    #[must_use]
    pub fn with_segment_limit(self, bytes: u64) -> Dir {
        Dir { segment_limit: bytes, ..self }
    }

    /// Length in bytes at which a segment of a journal is closed.
    pub fn segment_limit(&self) -> u64 {
        self.segment_limit
    }

    fn locked(root: &Path) -> Result<Dir, Error> {
        let lock = Some(take_lock(root)?);
        Ok(Dir {
            host: host::real(),
            root: root.to_path_buf(),
            writable: true,
            segment_limit: SEGMENT_LIMIT,
            lock,
        })
    }

    /// Freezes it: from now on nobody opens it for writing. `text` says why, to people. The present
    /// writer should stop.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Io`].
    pub fn freeze(&self, text: &str) -> Result<(), Error> {
        if !self.writable() {
            return Err(Error::ReadOnly);
        }
        let (tmp, path) = (self.state().join("FROZEN.tmp"), self.root.join(FROZEN));
        let mut file = File::create(&tmp).map_err(Error::io("create", &tmp))?;
        file.write_all(text.as_bytes()).map_err(Error::io("write", &tmp))?;
        file.sync_all().map_err(Error::io("flush", &tmp))?;
        std::fs::rename(&tmp, &path).map_err(Error::io("rename", &path))?;
        sync_folder(&self.root)
    }

    /// Tells whoever finds the folder locked where the holder listens.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::Io`].
    pub fn set_address(&self, address: &str) -> Result<(), Error> {
        let file = self.lock.as_ref().ok_or(Error::ReadOnly)?;
        write_holder(&mut lock(file), address).map_err(Error::io("write", self.lock_path()))
    }

    /// Whether it may be written.
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// The machine that it is on.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `log/` or `gov/`.
    pub fn tiles(&self, log: LogId) -> PathBuf {
        self.root.join(log.name())
    }

    /// `bodies/`.
    pub fn bodies(&self) -> PathBuf {
        self.root.join("bodies")
    }

    /// `state/`.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// `keys/`.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// `index.sqlite`.
    pub fn index(&self) -> PathBuf {
        self.root.join("index.sqlite")
    }

    /// Writes a new private key file with mode 0600, durably.
    ///
    /// # Errors
    /// [`Error::ReadOnly`]; [`Error::Io`], also when the file exists: keys are never overwritten.
    pub fn write_key(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if !self.writable() {
            return Err(Error::ReadOnly);
        }
        let path = self.keys().join(name);
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("create", &path))?;
        file.write_all(bytes).map_err(Error::io("write", &path))?;
        file.sync_all().map_err(Error::io("flush", &path))?;
        sync_folder(&self.keys())
    }

    fn lock_path(&self) -> PathBuf {
        self.state().join("lock")
    }
}

fn take_lock(root: &Path) -> Result<Mutex<File>, Error> {
    let path = root.join("state").join("lock");
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {
            write_holder(&mut file, "").map_err(Error::io("write", &path))?;
            Ok(Mutex::new(file))
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The text is only for the message; what can't be read is left out.
            let _ = file.take(MAX_SMALL_FILE).read_to_string(&mut holder);
            let holder = holder.trim().to_owned();
            let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
            Err(Error::DirLocked { path: root.to_path_buf(), holder })
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

fn write_holder(file: &mut File, address: &str) -> std::io::Result<()> {
    let pid = std::process::id();
    let text = match address {
        "" => format!("process {pid}\n"),
        address => format!("process {pid}, {address}\n"),
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn check_format(root: &Path) -> Result<(), Error> {
    let wrong = |reason: String| Error::DirFormat { path: root.to_path_buf(), reason };
    let path = root.join("FORMAT");
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if root.join(RESTORING).exists() {
                return Err(Error::Restoring { path: root.to_path_buf() });
            }
            return Err(wrong("there is no ledger here; `placet init` makes one".to_owned()));
        }
        opened => opened.map_err(Error::io("open", &path))?,
    };
    let mut text = String::new();
    file.take(MAX_SMALL_FILE).read_to_string(&mut text).map_err(Error::io("read", &path))?;
    if text == FORMAT {
        return Ok(());
    }
    let found = text.trim_end().escape_debug().to_string();
    Err(wrong(format!("its format is {found:?}, this program knows {:?}", FORMAT.trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_holds_the_folder() {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().join("ledger");
        assert!(Dir::is_vacant(&root));
        let dir = Dir::init(&root).unwrap();
        assert!(!Dir::is_vacant(&root));
        dir.set_address("http://127.0.0.1:7411").unwrap();
        let error = Dir::open(&root).unwrap_err();
        assert_eq!(error.code(), "dir.locked");
        assert!(error.to_string().contains("http://127.0.0.1:7411"), "{error}");
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        let reader = Dir::open_read_only(&root).unwrap();
        assert!(!reader.writable());
        assert_eq!(reader.set_address("x").unwrap_err().code(), "ledger.read_only");
        drop(dir);
        assert!(Dir::open(&root).unwrap().writable());
    }

    #[test]
    fn formats_that_are_not_ours_are_refused() {
        let tmp = tempfile::tempdir().unwrap();
        assert_eq!(Dir::open(tmp.path()).unwrap_err().code(), "dir.format");
        drop(Dir::init(tmp.path()).unwrap());
        assert_eq!(Dir::init(tmp.path()).unwrap_err().code(), "dir.not_empty");
        for text in ["placet/1\n", "placet/0", "", "placet/0\n\n"] {
            std::fs::write(tmp.path().join("FORMAT"), text).unwrap();
            assert_eq!(Dir::open(tmp.path()).unwrap_err().code(), "dir.format");
            assert_eq!(Dir::open_read_only(tmp.path()).unwrap_err().code(), "dir.format");
        }
    }

    #[test]
    fn an_interrupted_init_can_be_repeated_and_foreign_files_are_respected() {
        let tmp = tempfile::tempdir().unwrap();
        drop(Dir::init(tmp.path()).unwrap());
        std::fs::remove_file(tmp.path().join("FORMAT")).unwrap();
        std::fs::write(tmp.path().join("placet.toml"), "").unwrap();
        drop(Dir::init(tmp.path()).unwrap());
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("thesis.tex"), "").unwrap();
        assert!(!Dir::is_vacant(other.path()));
        assert_eq!(Dir::init(other.path()).unwrap_err().code(), "dir.not_empty");
    }

    #[test]
    fn a_frozen_folder_is_read_and_not_written() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(tmp.path()).unwrap();
        dir.freeze("moved to another origin\n").unwrap();
        drop(dir);
        assert_eq!(Dir::open(tmp.path()).unwrap_err().code(), "dir.frozen");
        let reader = Dir::open_read_only(tmp.path()).unwrap();
        assert_eq!(reader.freeze("").unwrap_err().code(), "ledger.read_only");
    }

    #[test]
    fn keys_are_private_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt;
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(tmp.path()).unwrap();
        dir.write_key("issuer", b"secret").unwrap();
        assert_eq!(dir.write_key("issuer", b"other").unwrap_err().code(), "ledger.io");
        let path = dir.keys().join("issuer");
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&dir.keys())), (0o600, 0o700));
    }
}
