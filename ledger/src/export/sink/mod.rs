//! The receivers. A sink is used by one thread, blocks as long as its time limits allow, and keeps
//! nothing that the cursor does not know.

pub mod elastic;
pub mod file;
pub mod http;
pub mod otlp;
mod parquet;
pub mod s3;
pub mod splunk;
pub mod syslog;
pub mod webhook;

use std::time::Duration;

use placet_proto::event::Format;

use self::elastic::Elastic;
use self::file::{FileSink, Rotation};
use self::otlp::Otlp;
use self::s3::S3;
use self::splunk::Splunk;
use self::syslog::Syslog;
use self::webhook::Webhook;
use crate::export::config::{SinkConfig, SinkKind};
use crate::export::cursor::FileMark;
use crate::export::event::Event;

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may be taken later: the receiver is away, busy, or did not acknowledge in time.
    #[error("{detail}")]
    Passing {
        /// What happened.
        detail: String,
        /// Seconds that the receiver wants to be left alone.
        retry_after: Option<u64>,
    },
    /// These events, or one of the batch that the receiver does not name, will never be taken.
    #[error("{detail}")]
    Refused {
        /// What the receiver said.
        detail: String,
        /// Which of the batch, ascending; all others were taken then. None where it took nothing,
        /// or does not say what.
        which: Option<Vec<usize>>,
    },
    /// Nothing will be taken as this sink is configured: no access, no such place.
    #[error("{detail}")]
    Denied {
        /// What the receiver said.
        detail: String,
    },
}

impl Failure {
    /// A failure that may pass.
    pub fn passing(detail: impl Into<String>) -> Self {
        Self::Passing { detail: detail.into(), retry_after: None }
    }
}

/// A receiver.
pub trait Sink: Send {
    /// Whether [`Sink::deliver`] returns only when the receiver has the events for good. Else the
    /// stream is rewound whenever the connection is a new one.
    fn acknowledges(&self) -> bool {
        true
    }

    /// Longest line of an event of the log named `origin` that the receiver takes, in bytes; of
    /// what is longer a reference is sent.
    fn longest(&self, origin: &str) -> usize {
        let _ = origin;
        usize::MAX
    }

    /// Gets ready to take events; says whether the connection is a new one.
    ///
    /// # Errors
    /// [`Failure::Passing`], [`Failure::Denied`].
    fn ready(&mut self) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Sends the events, in order.
    ///
    /// # Errors
    /// [`Failure`]; after one that may pass, all of them are sent again.
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure>;

    /// Where a file stands, to be kept with the cursor.
    fn mark(&self) -> Option<FileMark> {
        None
    }

    /// Ends in good order, as far as that is possible.
    ///
    /// # Errors
    /// What came to light by it: the last events may be lost.
    fn close(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// The receiver that the settings describe; `mark` is what the cursor says of the file.
///
/// # Errors
/// `export.config`, `ledger.io`, `key.file`.
pub fn make(
    config: &SinkConfig,
    format: Format,
    mark: Option<FileMark>,
) -> Result<Box<dyn Sink>, crate::Error> {
    Ok(match config.kind {
        SinkKind::File => {
            let rotation = Rotation {
                bytes: config.rotate_bytes.unwrap_or(0),
                age: Duration::from_secs(config.rotate_s.unwrap_or(0)),
                keep: config.keep.unwrap_or(0),
            };
            Box::new(FileSink::new(config.path.clone().unwrap_or_default(), rotation, mark))
        }
        SinkKind::Syslog => Box::new(Syslog::new(config)?),
        SinkKind::Webhook => Box::new(Webhook::new(config, format)?),
        SinkKind::SplunkHec => Box::new(Splunk::new(config, format)?),
        SinkKind::Elastic => Box::new(Elastic::new(config, format)?),
        SinkKind::Otlp => Box::new(Otlp::new(config, format)?),
        SinkKind::S3 => Box::new(S3::new(config)?),
    })
}
