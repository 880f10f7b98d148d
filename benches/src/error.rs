//! What stops a benchmark.

use std::path::{Path, PathBuf};

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be written, or a thread not started.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file, or what was started.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The ledger under test refused or failed.
    #[error(transparent)]
    Ledger(#[from] placet_ledger::Error),
    /// What was measured did not do what it was measured for.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Io { .. } => "bench.io",
            Self::Ledger(error) => error.code(),
            Self::Failed(_) => "bench.failed",
        }
    }

    /// Wraps an I/O error with what it concerns.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// Something that must not happen did.
    pub fn failed(what: impl std::fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }
}

impl From<placet_proto::Error> for Error {
    fn from(error: placet_proto::Error) -> Self {
        Self::Ledger(error.into())
    }
}
