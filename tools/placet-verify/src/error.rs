//! What stops a command, and with which exit code.

use std::io;
use std::path::Path;

use crate::codes;
use crate::escape;
use crate::exit::Exit;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A mistake on the command line.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file, escaped.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The input is not what it should be.
    #[error("{path}: {detail}")]
    Malformed {
        /// The file, escaped.
        path: String,
        /// Stable code.
        code: &'static str,
        /// What was wrong, escaped.
        detail: String,
    },
    /// What was asked for can't be done with this evidence.
    #[error("{detail}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// Why, escaped.
        detail: String,
    },
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Io { .. } => Exit::Io,
            Self::Malformed { .. } => Exit::Malformed,
            Self::Refused { .. } => Exit::Failed,
        }
    }

    /// The stable code, if this failure has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Usage(_) => None,
            Self::Io { .. } => Some(codes::IO),
            Self::Malformed { code, .. } | Self::Refused { code, .. } => Some(code),
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: shown(path), source }
    }

    pub(crate) fn malformed(path: &Path, code: &'static str, detail: &str) -> Self {
        Self::Malformed { path: shown(path), code, detail: escape::line(detail) }
    }

    pub(crate) fn proto(path: &Path, error: &placet_proto::Error) -> Self {
        Self::malformed(path, error.code(), &error.to_string())
    }

    pub(crate) fn refused(code: &'static str, detail: &str) -> Self {
        Self::Refused { code, detail: escape::line(detail) }
    }
}

/// A path for people: escaped, and `-` named.
pub(crate) fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "standard input".to_owned();
    }
    escape::line(&path.to_string_lossy())
}
