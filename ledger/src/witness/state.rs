//! What a witness must not forget: the last checkpoint it cosigned of each log.
//!
//! One file per log holds that cosigned note, byte for byte as it is served to monitors. It is
//! replaced by writing beside it, flushing, renaming and flushing the folder; only then may the
//! cosignature leave the witness. A crash before that leaves the old file, a crash after it a
//! checkpoint that the log will ask for again.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use placet_proto::tlog::note::MAX_NOTE_LEN;
use sha2::{Digest, Sha256};

use super::Error;
use crate::sync::lock;

/// Where a witness keeps its last note of each log.
///
/// `save` returns only when the note would survive a power cut. The caller sees to it that calls
/// for one origin do not overlap.
pub trait StateStore: Send + Sync {
    /// The last note saved for this origin, if any.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::State`].
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Replaces the note of this origin, durably.
    ///
    /// # Errors
    /// [`Error::Io`]; then either note may be there, and the new one must not be answered with.
    fn save(&self, origin: &str, note: &[u8]) -> Result<(), Error>;
}

/// A folder with one file per log, named by [`origin_hash`].
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    /// A flush that failed: what is on the disk is not known, and nothing is cosigned any more
    /// until the folder is opened anew.
    failed: Mutex<Option<String>>,
    /// A lock that is held as long as the store is used.
    _lock: Option<File>,
}

impl FolderStore {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(folder)
            .map_err(Error::io("create", folder))?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        Ok(Self { folder: folder.to_path_buf(), failed: Mutex::default(), _lock: None })
    }

    /// The same store, which holds this locked file until it is dropped.
    #[must_use]
    pub fn with_lock(self, lock: File) -> Self {
        Self { _lock: Some(lock), ..self }
    }
}

impl StateStore for FolderStore {
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.folder.join(origin_hash(origin));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("open", &path)(e)),
        };
        let mut note = Vec::new();
        // One byte more than a note may have: the parser then refuses it.
        let limit = MAX_NOTE_LEN as u64 + 1;
        file.take(limit).read_to_end(&mut note).map_err(Error::io("read", &path))?;
        Ok(Some(note))
    }

    fn save(&self, origin: &str, note: &[u8]) -> Result<(), Error> {
        let mut failed = lock(&self.failed);
        if let Some(reason) = &*failed {
            let source = std::io::Error::other(reason.clone());
            return Err(Error::io("write behind a failed flush", &self.folder)(source));
        }
        let mut flushed =
            |done: Result<(), Error>| done.inspect_err(|error| *failed = Some(error.to_string()));
        let path = self.folder.join(origin_hash(origin));
        let tmp = path.with_extension("tmp");
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&tmp)
            .map_err(Error::io("create", &tmp))?;
        file.write_all(note).map_err(Error::io("write", &tmp))?;
        flushed(file.sync_all().map_err(Error::io("flush", &tmp)))?;
        std::fs::rename(&tmp, &path).map_err(Error::io("rename", &tmp))?;
        flushed(sync_folder(&self.folder))
    }
}

/// SHA-256 of the origin in hexadecimal: how tlog-witness names a log in paths.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    hex::encode(Sha256::digest(origin.as_bytes()))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("flush", folder))
}
