//! Why a mirror does not go on.

use std::path::{Path, PathBuf};

use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::merkle::MerkleError;
use placet_proto::tlog::tile::TileError;

/// Everything that can stop one step of a mirror. The copy is whole after each of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two checkpoints that the log signed can't both be true.
    #[error("{detail}")]
    Misbehaved {
        /// What shows it to everybody.
        evidence: Box<Misbehaviour>,
        /// How, in a sentence.
        detail: String,
    },
    /// The checkpoint that was served does not count: signature, window, quorum.
    #[error("{detail}")]
    Checkpoint {
        /// Code of the verifier.
        code: &'static str,
        /// Why.
        detail: String,
    },
    /// What was served is not of the form that it should be.
    #[error("{path}: {source}")]
    Format {
        /// Where, relative to the log.
        path: String,
        /// What is wrong.
        source: placet_proto::Error,
    },
    /// What was served is not the tree of the checkpoint that was served with it.
    #[error("{path}: it is not of the tree of the checkpoint of size {size}")]
    Tree {
        /// Where, relative to the log.
        path: String,
        /// Size in the checkpoint.
        size: u64,
    },
    /// A statement is not the one that its entry stands for.
    #[error("the statement served for index {index} is another one")]
    Statement {
        /// Its index.
        index: u64,
    },
    /// An answer is longer than its kind may be.
    #[error("{path}: longer than {max} bytes")]
    TooLarge {
        /// What was asked for.
        path: String,
        /// The limit.
        max: usize,
    },
    /// The server has no such file.
    #[error("{path}: not there (HTTP status 404)")]
    NotFound {
        /// What was asked for.
        path: String,
    },
    /// The server answered something else than success.
    #[error("{path}: HTTP status {status}")]
    Status {
        /// What was asked for.
        path: String,
        /// Its answer.
        status: u16,
        /// When it wants to be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// The server compresses what it sends, unasked.
    #[error("{path}: compressed, which is not read here; serve it as it is")]
    Encoding {
        /// What was asked for.
        path: String,
    },
    /// The server could not be reached.
    #[error("{path}: {detail}")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// Why.
        detail: String,
    },
    /// The copy on disk is damaged, of another log, or not of the keys that were given.
    #[error("{path}: {reason}", path = path.display())]
    Copy {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another mirror writes this copy.
    #[error("{path} is in use by another mirror", path = path.display())]
    Locked {
        /// The copy.
        path: PathBuf,
    },
    /// The operating system refused a file operation.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Misbehaved { .. } => "log.equivocation",
            Self::Checkpoint { code, .. } => code,
            Self::Format { source, .. } => source.code(),
            Self::Tree { .. } => "mirror.tree",
            Self::Statement { .. } => "mirror.statement",
            Self::TooLarge { .. } => "mirror.too_large",
            Self::NotFound { .. } => "mirror.not_found",
            Self::Status { .. } => "mirror.status",
            Self::Encoding { .. } => "mirror.encoding",
            Self::Unreachable { .. } => "io.unreachable",
            Self::Copy { .. } => "mirror.copy",
            Self::Locked { .. } => "dir.locked",
            Self::Io { .. } => "io.error",
        }
    }

    /// Whether asking again later can help: what is wrong lies with the server or on the way to
    /// it, and shows nothing about the log.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        !matches!(
            self,
            Self::Misbehaved { .. } | Self::Copy { .. } | Self::Locked { .. } | Self::Io { .. }
        )
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_path_buf(), source }
    }

    pub(super) fn format(path: &str, source: impl Into<placet_proto::Error>) -> Self {
        Self::Format { path: path.to_owned(), source: source.into() }
    }
}

// Sizes are checked before proofs are made, so that these two say that a file is not what it
// should be.
impl From<TileError> for Error {
    fn from(e: TileError) -> Self {
        Self::format("tile", placet_proto::tlog::TlogError::from(e))
    }
}

impl From<MerkleError> for Error {
    fn from(e: MerkleError) -> Self {
        Self::format("tile", placet_proto::tlog::TlogError::from(e))
    }
}
