//! What stops a command, and with which exit code.

use std::path::{Path, PathBuf};

use placet_ledger::Error as LedgerError;
use placet_ledger::export::Error as ExportError;

use crate::exit::Exit;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A mistake on the command line.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What was read is not what it should be.
    #[error("{what}: {detail}")]
    Malformed {
        /// The file or answer.
        what: String,
        /// Stable code.
        code: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// Refused, with a reason that is known here.
    #[error("{detail}")]
    Refused {
        /// Stable code.
        code: String,
        /// Why.
        detail: String,
    },
    /// The service could not be reached.
    #[error("{url}: {detail}")]
    Unreachable {
        /// Where it was sought.
        url: String,
        /// What went wrong.
        detail: String,
    },
    /// A child process or a listener did not come up.
    #[error("{0}")]
    Start(String),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] placet_ledger::Error),
    /// A mirror can't go on.
    #[error(transparent)]
    Mirror(#[from] placet_ledger::mirror::Error),
    /// The policy could not be armed.
    #[error(transparent)]
    Pep(#[from] placet_pep::Error),
    /// Nothing could be measured.
    #[error(transparent)]
    Bench(#[from] placet_benches::Error),
    /// The software passkey can't be used.
    #[error(transparent)]
    SoftKey(#[from] placet_softkey::SoftKeyError),
}

impl Failure {
    /// Wraps an I/O error with the file that it concerns.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }

    /// Whether a reader of standard output has gone away.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// A refusal of this program's own.
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), detail: detail.into() }
    }

    /// Wraps an error of the formats with the file that it concerns.
    pub fn proto(path: &Path, error: &placet_proto::Error) -> Self {
        let what = path.display().to_string();
        Self::Malformed { what, code: error.code(), detail: error.to_string() }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Io { .. } | Self::Unreachable { .. } | Self::Start(_) => Exit::Io,
            Self::Malformed { .. } => Exit::Malformed,
            Self::Refused { .. } | Self::Pep(_) => Exit::Refused,
            // What was exported, and so seen by others, is gone: more than a folder that is behind.
            Self::Ledger(LedgerError::Export(ExportError::Rollback { .. })) => Exit::LogMisbehaved,
            Self::Ledger(error) => match error.code() {
                "export.locked" => Exit::Io,
                "export.config" | "export.cursor" => Exit::Malformed,
                "ledger.io" | "ledger.sqlite" | "ledger.full" | "ledger.stopped" | "dir.locked"
                | "dir.format" | "dir.restoring" => Exit::Io,
                "config.invalid" => Exit::Malformed,
                _ => Exit::Refused,
            },
            Self::Bench(_) => Exit::Io,
            Self::Mirror(error) => mirror_exit(error),
            Self::SoftKey(error) => match error.code() {
                "softkey.format" => Exit::Malformed,
                _ => Exit::Io,
            },
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Usage(_) => "usage",
            Self::Io { .. } => "io.error",
            Self::Malformed { code, .. } => code,
            Self::Refused { code, .. } => code,
            Self::Unreachable { .. } => "io.unreachable",
            Self::Start(_) => "io.start",
            Self::Ledger(error) => error.code(),
            Self::Pep(error) => error.code(),
            Self::Bench(error) => error.code(),
            Self::Mirror(error) => error.code(),
            Self::SoftKey(error) => error.code(),
        }
    }
}

fn mirror_exit(error: &placet_ledger::mirror::Error) -> Exit {
    use placet_ledger::mirror::Error;
    match error {
        Error::Misbehaved { .. } => Exit::LogMisbehaved,
        Error::Checkpoint { code: "witness.quorum", .. } => Exit::Open,
        Error::Checkpoint { .. } | Error::Tree { .. } | Error::Statement { .. } => Exit::Refused,
        Error::Format { .. } | Error::TooLarge { .. } | Error::Copy { .. } => Exit::Malformed,
        _ => Exit::Io,
    }
}

impl From<placet_proto::Error> for Failure {
    fn from(error: placet_proto::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<placet_pep::policy::PolicyError> for Failure {
    fn from(error: placet_pep::policy::PolicyError) -> Self {
        Self::Pep(error.into())
    }
}

impl From<placet_ledger::witness::Error> for Failure {
    fn from(error: placet_ledger::witness::Error) -> Self {
        Self::Ledger(error.into())
    }
}
