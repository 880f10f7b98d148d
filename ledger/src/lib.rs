//! The ledger: logs on disk, sequencing, tiles, checkpoints.
//!
//! A [`Dir`] holds two logs of one make, [`LogId::Main`] and [`LogId::Gov`]. A [`Log`] takes opaque
//! statements, decides their order, makes them durable before anybody is answered, and proves
//! inclusion and consistency. What a statement means is the business of the layers above.
//!
//! | module | job |
//! |---|---|
//! | [`dir`] | layout of the folder, format, lock |
//! | [`host`] | files and time: the machine, or a test that is one |
//! | [`log`] | one log: the door to everything below |
//! | [`storage`] | the contracts between engine and storage |
//! | [`journal`], [`once`], [`filestore`] | the log of record and its uniqueness, as files |
//! | [`objects`], [`tiles`] | the Merkle tree as C2SP tiles |
//! | [`checkpoint`], [`notes`] | signing, publishing, keeping checkpoints |
//! | [`backup`] | everything that can't be made again, and back from there |
//! | [`copy`] | a copy for those who verify |
//! | [`export`] | the logs as events, for a SIEM |
//! | [`fsck`] | reading everything again and comparing it |
//! | [`mirror`] | following a log of somebody else's, into such a copy |
//! | [`index`] | the search index, derived from both logs |
//! | [`http`] | the API and the pages |
//! | [`notify`] | telling people that somebody waits for them |
//! | [`outbound`] | what the service sends to others |
//! | [`witness`] | cosignatures: client, server, built in |
//!
//! Durability in one sentence: the journal's frame is flushed before an answer, tiles are flushed
//! before the note over them is published, and everything but the journal and the published notes
//! can be made again.

pub mod backup;
pub mod checkpoint;
pub mod copy;
pub mod dir;
mod error;
pub mod export;
pub mod filestore;
pub mod fsck;
pub mod host;
pub mod http;
pub mod index;
pub mod journal;
pub mod log;
pub mod mirror;
pub mod notes;
pub mod notify;
pub mod objects;
pub mod once;
pub mod outbound;
mod sequencer;
pub mod service;
pub mod sqlite;
pub mod storage;
mod sync;
pub mod tiles;
pub mod witness;

pub use checkpoint::{CheckpointSigner, FastCheckpoint};
pub use dir::{Dir, LogId};
pub use error::Error;
pub use log::{Health, Log};
pub use notes::{Note, Notes};
pub use storage::{NewEntry, OnceKey, Outcome, Statement};
