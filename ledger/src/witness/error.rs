//! What can go wrong at a witness and on the way to one.

use std::path::{Path, PathBuf};

/// Why a witness could not be opened or asked, or why its answer does not count.
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
    /// Another process has the witness's folder open.
    #[error("{path} is in use by another witness process", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The settings are wrong: witness.toml, a policy, a verifier key.
    #[error("witness settings: {reason}")]
    Config {
        /// What is wrong and where.
        reason: String,
    },
    /// The key file is malformed or readable by others.
    #[error("{path}: {reason}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// The stored checkpoint is not one that this witness wrote. Restore it; deleting it would
    /// make the witness forget what it has cosigned.
    #[error("the state for {origin} is damaged: {reason}")]
    State {
        /// The log.
        origin: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No connection, a timeout, or an answer above its limit.
    #[error("the witness can't be reached: {reason}")]
    Unreachable {
        /// What the transport said.
        reason: String,
    },
    /// The witness says that it can't answer now (429 or 5xx).
    #[error("the witness is unavailable (status {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// The witness does not know the log (404), or not this key of it (403).
    #[error("the witness does not know this log or this key of it (status {status})")]
    UnknownLog {
        /// The HTTP status.
        status: u16,
    },
    /// The witness refused for another reason.
    #[error("the witness refused (status {status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The start of what it said, printable characters only.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("the witness gave a wrong answer: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// ALARM: the witness has cosigned more than the log has. The log was rolled back, or somebody
    /// else signs with its key.
    #[error("the witness holds size {witness_size}, the log has only {log_size}")]
    Ahead {
        /// The size that the witness holds.
        witness_size: u64,
        /// The size of the log.
        log_size: u64,
    },
    /// ALARM: the witness holds another root than ours for this size, or one that ours does not
    /// extend. The log has two histories.
    #[error("the witness holds another history of the log at size {size}")]
    Fork {
        /// The size that the witness holds.
        size: u64,
    },
    /// The witness has cosigned a larger checkpoint of this log since. No alarm: ask again with a
    /// newer one.
    #[error("the witness already holds the larger size {size}")]
    Superseded {
        /// The size that the witness holds.
        size: u64,
    },
    /// The cosignature in the answer is missing, does not verify, or has time 0.
    #[error("the cosignature does not count: {reason}")]
    Cosignature {
        /// Why not.
        reason: &'static str,
    },
    /// The log could not make the consistency proof.
    #[error("no consistency proof: {reason}")]
    Proof {
        /// What the log said.
        reason: String,
    },
    /// The quorum of the policy is not satisfied. Nothing may be published as cosigned.
    #[error("{cosigned} of {asked} witnesses cosigned, which does not satisfy the policy")]
    Quorum {
        /// How many cosigned.
        cosigned: usize,
        /// How many the policy lists.
        asked: usize,
    },
}

impl Error {
    /// The stable code, for programs and for the documentation.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "witness.io",
            Self::Locked { .. } => "witness.locked",
            Self::Config { .. } => "witness.config",
            Self::Key { .. } => "witness.key",
            Self::State { .. } => "witness.state",
            Self::Unreachable { .. } => "witness.unreachable",
            Self::Unavailable { .. } => "witness.unavailable",
            Self::UnknownLog { .. } => "witness.unknown_log",
            Self::Refused { .. } => "witness.refused",
            Self::Answer { .. } => "witness.answer",
            Self::Ahead { .. } => "witness.ahead",
            Self::Fork { .. } => "witness.fork",
            Self::Superseded { .. } => "witness.superseded",
            Self::Cosignature { .. } => "witness.cosignature",
            Self::Proof { .. } => "witness.proof",
            Self::Quorum { .. } => "witness.quorum",
        }
    }

    /// Whether a person has to look: the log's history, not the network, is in doubt.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Fork { .. })
    }

    /// For `map_err` on file operations.
    pub(super) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn config(reason: impl Into<String>) -> Self {
        Self::Config { reason: reason.into() }
    }
}
