//! The one error type of the ledger, with codes that stay the same between releases.

use std::path::{Path, PathBuf};

use placet_proto::tlog::{MerkleError, TlogError};

/// Everything that the ledger can refuse or fail at.
///
/// [`Error::code`] is stable and is what programs compare; the text is for people and may change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was attempted, as a verb ("open", "write").
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process writes this folder.
    #[error("{path} is in use by {holder}: stop it, or use its address", path = path.display())]
    DirLocked {
        /// The folder.
        path: PathBuf,
        /// Process id and address, as the holder wrote them; empty fields when it wrote none.
        holder: String,
    },
    /// The folder holds no ledger, or one in a format that this program does not know.
    #[error("{path}: {reason}", path = path.display())]
    DirFormat {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// `init` on a folder that already holds a ledger or something else.
    #[error("{path} is not empty: choose another folder", path = path.display())]
    DirNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A restore was interrupted in this folder, or goes on.
    #[error(
        "{path}: a backup is being restored here: if nobody is at it any more, run `placet log \
         restore` again with the same backup, or remove the folder",
        path = path.display()
    )]
    Restoring {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that is no backup, or not a whole one.
    #[error("{path}: {reason}", path = path.display())]
    Backup {
        /// The backup, or the file in it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The log was frozen: it is read for ever and written no more.
    #[error("{path} is frozen: it can be read, and nothing is added any more", path = path.display())]
    Frozen {
        /// The folder.
        path: PathBuf,
    },
    /// A segment of the journal is damaged in a place that no crash can explain.
    #[error("{path} is damaged at byte {offset}: {reason}; restore it from a backup", path = path.display())]
    JournalCorrupt {
        /// The segment.
        path: PathBuf,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// The journal holds less than, or something else than, what was signed or published from it.
    #[error("{log}: the journal was rolled back or replaced: {reason}")]
    Rollback {
        /// Which log ("log" or "gov").
        log: &'static str,
        /// Which statement of size or root is contradicted.
        reason: String,
    },
    /// Too much is queued: try again later. Nothing was recorded.
    #[error("the ledger has too much queued; try again")]
    Busy,
    /// The writer stopped after a failed write, or was closed; whether the last call was recorded
    /// is unknown until the log is opened again. Reading goes on.
    #[error("the ledger no longer writes: {reason}")]
    Stopped {
        /// The failure that stopped it.
        reason: String,
    },
    /// There is no space left, or too many files are open. Nothing was recorded or damaged: the
    /// same call can succeed later.
    #[error("no space left, or too many open files: nothing was recorded in {}", path.display())]
    Full {
        /// What was to be written.
        path: PathBuf,
    },
    /// This log was opened for reading only.
    #[error("the log was opened for reading only")]
    ReadOnly,
    /// A call that can never succeed: empty, too large, or it takes one once key twice.
    #[error("invalid entry: {reason}")]
    InvalidEntry {
        /// Which limit or rule.
        reason: &'static str,
    },
    /// The governance log is never erased: who could approve then is computed from all of it.
    #[error("entries of the governance log are never erased")]
    NotErasable,
    /// An index or size beyond the log.
    #[error("{what} {asked} is beyond the log, which has size {size}")]
    OutOfRange {
        /// "index" or "size".
        what: &'static str,
        /// What was asked for.
        asked: u64,
        /// Size of the log at that moment.
        size: u64,
    },
    /// A tile that must exist is missing or has the wrong length.
    #[error("tile {path}: {reason}")]
    TileCorrupt {
        /// Path below the log's folder.
        path: String,
        /// What was found.
        reason: String,
    },
    /// A note that must not be published: another origin, a larger size or another root.
    #[error("refused to publish the note: {reason}")]
    CheckpointInconsistent {
        /// The contradiction.
        reason: String,
    },
    /// A note of a size below the published one.
    #[error("refused to publish size {size}, size {published} is published")]
    CheckpointSmaller {
        /// Size in the note.
        size: u64,
        /// Size that is published.
        published: u64,
    },
    /// The signer refused or failed.
    #[error("signing a checkpoint: {reason}")]
    Sign {
        /// What the signer said.
        reason: String,
    },
    /// One of the small SQLite files failed.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A witness, or the quorum of them.
    #[error(transparent)]
    Witness(#[from] crate::witness::Error),
    /// A call to somebody else's server, or the queue before it.
    #[error(transparent)]
    Outbound(#[from] crate::outbound::Error),
    /// Nothing can be exported, or not to this sink.
    #[error(transparent)]
    Export(#[from] crate::export::Error),
    /// The service refused; nothing was recorded.
    #[error(transparent)]
    Refused(#[from] crate::service::Refusal),
    /// Bytes that do not parse, or a proof over an impossible pair of sizes.
    #[error(transparent)]
    Proto(#[from] placet_proto::Error),
}

impl From<MerkleError> for Error {
    fn from(error: MerkleError) -> Error {
        Error::Proto(TlogError::from(error).into())
    }
}

impl Error {
    /// The stable code, for programs and for the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Io { .. } => "ledger.io",
            Error::DirLocked { .. } => "dir.locked",
            Error::DirFormat { .. } => "dir.format",
            Error::DirNotEmpty { .. } => "dir.not_empty",
            Error::Restoring { .. } => "dir.restoring",
            Error::Backup { .. } => "backup.invalid",
            Error::Frozen { .. } => "dir.frozen",
            Error::JournalCorrupt { .. } => "journal.corrupt",
            Error::Rollback { .. } => "log.rollback",
            Error::Busy => "ledger.busy",
            Error::Stopped { .. } => "ledger.stopped",
            Error::Full { .. } => "ledger.full",
            Error::ReadOnly => "ledger.read_only",
            Error::InvalidEntry { .. } => "ledger.invalid_entry",
            Error::NotErasable => "log.not_erasable",
            Error::OutOfRange { .. } => "log.out_of_range",
            Error::TileCorrupt { .. } => "tile.corrupt",
            Error::CheckpointInconsistent { .. } => "checkpoint.inconsistent",
            Error::CheckpointSmaller { .. } => "checkpoint.smaller",
            Error::Sign { .. } => "checkpoint.sign",
            Error::Sqlite { .. } => "ledger.sqlite",
            Error::Witness(error) => error.code(),
            Error::Outbound(error) => error.code(),
            Error::Export(error) => error.code(),
            Error::Refused(refusal) => refusal.code(),
            Error::Proto(error) => error.code(),
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// The same, as [`Error::Full`] if it is about space. Not for a failed flush, after which
    /// nobody knows what is on the disk.
    pub(crate) fn or_full(self) -> Error {
        match self {
            Error::Io { path, source, .. } if crate::host::is_full(&source) => Error::Full { path },
            Error::Sqlite { path, source }
                if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                Error::Full { path }
            }
            other => other,
        }
    }

    /// The same, as [`Error::Full`] if too many files are open: for what opens a file or folder and
    /// flushes it, and has not come to the flush.
    pub(crate) fn or_out_of_files(self) -> Error {
        match self {
            Error::Io { path, source, .. } if crate::host::is_out_of_files(&source) => {
                Error::Full { path }
            }
            other => other,
        }
    }

    /// Whether another connection kept SQLite from this.
    pub(crate) fn is_sqlite_busy(&self) -> bool {
        let busy = rusqlite::ErrorCode::DatabaseBusy;
        matches!(self, Error::Sqlite { source, .. } if source.sqlite_error_code() == Some(busy))
    }

    /// For `map_err` on SQLite calls; `path` is the database.
    pub fn sqlite(path: impl AsRef<Path>) -> impl FnOnce(rusqlite::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Sqlite { path, source }
    }
}
