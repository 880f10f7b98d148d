//! The exporter: the logs as a stream of events for a SIEM (SPEC.md 18).
//!
//! The log is the queue. The exporter only reads the folder, beside the service or without it, so
//! that it can't slow an append, and each sink has a cursor of its own, so that a slow one harms no
//! other. What a log exports is a function of the log: for each published note, in the order of
//! publication, the leaves that it covers and no earlier one did, then the note itself. So nothing
//! leaves that no witness saw, and a later look gives the same bytes.
//!
//! | module | job |
//! |---|---|
//! | [`source`] | the two logs as a stream, from any position |
//! | [`orders`] | what is ordered to be erased, and not erased yet |
//! | [`cursor`] | where a sink stands, on disk |
//! | [`config`] | `export.toml` |
//! | [`run`] | a thread for each sink |
//! | [`sink`] | the receivers |
//! | [`lag`] | refusing to decide while a sink that has to follow does not |
//! | [`status`] | lag, last acknowledgement, last error; metrics |

pub mod config;
pub mod cursor;
mod deadletter;
pub mod event;
mod finding;
pub mod lag;
pub mod orders;
pub mod run;
pub mod sink;
pub mod source;
pub mod status;
mod worker;

use std::path::PathBuf;

use placet_proto::misbehaviour::Misbehaviour;

use crate::storage::Hash;

pub use config::{Config, SinkConfig};
pub use event::{Event, encoder, hash_key};
pub use source::{Position, Source};
pub use worker::Ended;

/// Why something can't be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `export.toml`, or a file that it names, is not what it should be.
    #[error("{0}")]
    Config(String),
    /// A cursor that can't be read, or belongs to another log.
    #[error("{}: {reason}", path.display())]
    Cursor {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another exporter has this sink.
    #[error("sink {sink}: another exporter runs it (its lock is held)")]
    Locked {
        /// The sink.
        sink: String,
    },
    /// The log is not the one that was exported: it lost entries, or others stand in their place.
    #[error("{}: {}", .0.origin, .0.detail)]
    Rollback(Box<RolledBack>),
}

/// How a log is not the one that was exported.
#[derive(Debug)]
pub struct RolledBack {
    /// The log.
    pub origin: String,
    /// What contradicts what.
    pub detail: String,
    /// Size and root up to which events were exported.
    pub exported: (u64, Hash),
    /// The root of that size now, where the log has that size.
    pub found_root: Option<Hash>,
    /// Two signed notes that can't both be true, where there are two.
    pub evidence: Option<Misbehaviour>,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "export.config",
            Self::Cursor { .. } => "export.cursor",
            Self::Locked { .. } => "export.locked",
            Self::Rollback(_) => "log.rollback",
        }
    }
}
