//! Objects as files of one folder: the publishable `log/` and `gov/`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::Error;
use crate::host::{Access, Host};
use crate::storage::Objects;
use crate::sync::lock;

/// Files below one folder. Temporary ones are made in another folder of the same file system, so
/// that the first holds nothing but what may be published.
#[derive(Debug)]
pub struct FileObjects {
    host: Arc<dyn Host>,
    root: PathBuf,
    tmp: PathBuf,
    serial: AtomicU64,
    unsynced: Mutex<BTreeSet<PathBuf>>,
    /// One sync at a time: who comes second must not find nothing to do while the first, which
    /// took everything, is still at it.
    syncing: Mutex<()>,
    /// After a failed flush nobody knows what is on the disk; only opening anew repairs that.
    failed: Mutex<Option<String>>,
}

impl FileObjects {
    /// Objects below `root`, with temporary files in `tmp`, which is emptied.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(
        host: &Arc<dyn Host>,
        root: &Path,
        tmp: &Path,
        writable: bool,
    ) -> Result<FileObjects, Error> {
        if writable {
            host.create_folders(tmp).map_err(Error::io("create", tmp))?;
            // Emptied and not made anew, which takes space that there may not be.
            for left in host.list(tmp).map_err(Error::io("list", tmp))? {
                host.remove_file(&left).map_err(Error::io("remove", &left))?;
            }
        }
        Ok(FileObjects {
            host: Arc::clone(host),
            root: root.to_path_buf(),
            tmp: tmp.to_path_buf(),
            serial: AtomicU64::new(0),
            unsynced: Mutex::default(),
            syncing: Mutex::default(),
            failed: Mutex::default(),
        })
    }

    fn write(&self, path: &Path, bytes: &[u8], durable: bool) -> Result<(), Error> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let tmp = self.tmp.join(serial.to_string());
        let written = self.write_via(&tmp, path, bytes, durable);
        if written.is_err() {
            // It would take up space until the next start. Often it is not there at all.
            let _ = self.host.remove_file(&tmp);
        }
        written
    }

    fn write_via(&self, tmp: &Path, path: &Path, bytes: &[u8], durable: bool) -> Result<(), Error> {
        let full = |action, path: &Path, error| Error::io(action, path)(error).or_full();
        let file = self.host.open(tmp, Access::Create).map_err(|e| full("create", tmp, e))?;
        file.write_all_at(bytes, 0).map_err(|e| full("write", tmp, e))?;
        if durable {
            file.sync().map_err(Error::io("flush", tmp)).map_err(|e| self.fail(e))?;
        }
        match self.host.rename(tmp, path) {
            // The folder of a tile is made when its first tile comes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(&self.root);
                self.host.create_folders(folder).map_err(|e| full("create", folder, e))?;
                self.host.rename(tmp, path).map_err(|e| full("rename", path, e))
            }
            renamed => renamed.map_err(|e| full("rename", path, e)),
        }
    }

    fn check_not_failed(&self) -> Result<(), Error> {
        match lock(&self.failed).clone() {
            Some(reason) => Err(Error::Stopped { reason }),
            None => Ok(()),
        }
    }

    /// Remembers a failed flush.
    fn fail(&self, error: Error) -> Error {
        let reason = error.to_string();
        *lock(&self.failed) = Some(reason.clone());
        Error::Stopped { reason }
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        let flush = |error| Error::io("flush", folder)(error).or_out_of_files();
        self.host.sync_folder(folder).map_err(flush)
    }

    fn sync_all(&self, paths: &BTreeSet<PathBuf>) -> Result<(), Error> {
        let mut folders = BTreeSet::new();
        for path in paths {
            match self.host.open(path, Access::Read) {
                Ok(file) => file.sync().map_err(Error::io("flush", path))?,
                // A partial tile that gave way to the full one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("open", path)(error).or_out_of_files()),
            }
            let below = |folder: &&Path| folder.starts_with(&self.root);
            folders.extend(path.ancestors().skip(1).take_while(below).map(Path::to_path_buf));
        }
        for folder in folders.iter().filter(|folder| self.host.exists(folder)) {
            self.sync_folder(folder)?;
        }
        Ok(())
    }
}

impl Objects for FileObjects {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.root.join(path);
        match self.host.read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.root.join(path);
        self.write(&path, bytes, false)?;
        lock(&self.unsynced).insert(path);
        Ok(())
    }

    fn offer(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write(&self.root.join(path), bytes, false)
    }

    fn sync(&self) -> Result<(), Error> {
        let _one = lock(&self.syncing);
        self.check_not_failed()?;
        let paths = std::mem::take(&mut *lock(&self.unsynced));
        self.sync_all(&paths).map_err(|error| match error {
            // Nothing was flushed in vain: the next try begins anew.
            Error::Full { .. } => {
                lock(&self.unsynced).extend(paths);
                error
            }
            other => self.fail(other),
        })
    }

    fn unsynced(&self) -> usize {
        lock(&self.unsynced).len()
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.check_not_failed()?;
        let path = self.root.join(path);
        self.write(&path, bytes, true)?;
        let synced = self.sync_folder(path.parent().unwrap_or(&self.root));
        synced.map_err(|error| match error {
            Error::Full { .. } => error,
            other => self.fail(other),
        })
    }

    fn remove_below(&self, path: &str) {
        // Best effort by contract: what stays is a valid partial tile.
        let _ = self.host.remove_folder(&self.root.join(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_appear_whole_and_temporary_files_elsewhere() {
        let tmp = tempfile::tempdir().unwrap();
        let (root, scratch) = (tmp.path().join("log"), tmp.path().join("tmp"));
        std::fs::create_dir(&root).unwrap();
        let objects = FileObjects::open(&crate::host::real(), &root, &scratch, true).unwrap();
        assert_eq!(objects.get("tile/0/000.p/3").unwrap(), None);
        objects.put("tile/0/000.p/3", b"abc").unwrap();
        objects.put("tile/0/000", b"abcd").unwrap();
        assert_eq!(objects.unsynced(), 2);
        objects.remove_below("tile/0/000.p");
        objects.sync().unwrap();
        assert_eq!(objects.unsynced(), 0);
        assert_eq!(objects.get("tile/0/000.p/3").unwrap(), None);
        assert_eq!(objects.get("tile/0/000").unwrap().as_deref(), Some(&b"abcd"[..]));
        objects.replace("checkpoint", b"one").unwrap();
        objects.replace("checkpoint", b"two").unwrap();
        assert_eq!(objects.get("checkpoint").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    }
}
