//! Objects as files of one folder: the publishable `log/` and `gov/`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::journal::sync_folder;
use crate::storage::Objects;
use crate::sync::lock;

/// Files below one folder. Temporary ones are made in another folder of the same file system, so
/// that the first holds nothing but what may be published.
#[derive(Debug)]
pub struct FileObjects {
    root: PathBuf,
    tmp: PathBuf,
    serial: AtomicU64,
    unsynced: Mutex<BTreeSet<PathBuf>>,
    /// After a failed flush nobody knows what is on the disk; only opening anew repairs that.
    failed: Mutex<Option<String>>,
}

impl FileObjects {
    /// Objects below `root`, with temporary files in `tmp`, which is emptied.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(root: &Path, tmp: &Path, writable: bool) -> Result<FileObjects, Error> {
        if writable {
            match std::fs::remove_dir_all(tmp) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("empty", tmp)(error));
                }
                _ => std::fs::create_dir_all(tmp).map_err(Error::io("create", tmp))?,
            }
        }
        Ok(FileObjects {
            root: root.to_path_buf(),
            tmp: tmp.to_path_buf(),
            serial: AtomicU64::new(0),
            unsynced: Mutex::default(),
            failed: Mutex::default(),
        })
    }

    fn write(&self, path: &Path, bytes: &[u8], durable: bool) -> Result<(), Error> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let tmp = self.tmp.join(serial.to_string());
        let mut file = File::create(&tmp).map_err(Error::io("create", &tmp))?;
        file.write_all(bytes).map_err(Error::io("write", &tmp))?;
        if durable {
            file.sync_all().map_err(Error::io("flush", &tmp))?;
        }
        match std::fs::rename(&tmp, path) {
            // The folder of a tile is made when its first tile comes.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(&self.root);
                std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
                std::fs::rename(&tmp, path).map_err(Error::io("rename", path))
            }
            renamed => renamed.map_err(Error::io("rename", path)),
        }
    }

    fn sync_all(&self, paths: &BTreeSet<PathBuf>) -> Result<(), Error> {
        let mut folders = BTreeSet::new();
        for path in paths {
            match File::open(path) {
                Ok(file) => file.sync_all().map_err(Error::io("flush", path))?,
                // A partial tile that gave way to the full one.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("open", path)(error)),
            }
            let below = |folder: &&Path| folder.starts_with(&self.root);
            folders.extend(path.ancestors().skip(1).take_while(below).map(Path::to_path_buf));
        }
        for folder in folders.iter().filter(|folder| folder.exists()) {
            sync_folder(folder)?;
        }
        Ok(())
    }
}

impl Objects for FileObjects {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.root.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
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
        if let Some(reason) = lock(&self.failed).clone() {
            return Err(Error::Stopped { reason });
        }
        let paths = std::mem::take(&mut *lock(&self.unsynced));
        self.sync_all(&paths).inspect_err(|error| {
            *lock(&self.failed) = Some(error.to_string());
        })
    }

    fn unsynced(&self) -> usize {
        lock(&self.unsynced).len()
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.root.join(path);
        self.write(&path, bytes, true)?;
        sync_folder(path.parent().unwrap_or(&self.root))
    }

    fn remove_below(&self, path: &str) {
        // Best effort by contract: what stays is a valid partial tile.
        let _ = std::fs::remove_dir_all(self.root.join(path));
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
        let objects = FileObjects::open(&root, &scratch, true).unwrap();
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
