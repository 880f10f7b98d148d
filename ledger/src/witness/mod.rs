//! Witnesses: C2SP tlog-witness v1.0.0, client and server, and one built in.
//!
//! A witness remembers the largest checkpoint of a log that it has seen and cosigns only what is
//! consistent with it. A log that shows two histories needs every witness of a quorum to take part
//! in the lie. What is trusted, and what it could do:
//!
//! | part | trusted by | if it lies |
//! |---|---|---|
//! | [`Witness`], its key and state | those who list its key | it helps to show two histories, or lies about time |
//! | [`WitnessClient`], [`WitnessGroup`] | the log that runs them | nothing: readers check again |
//! | the network between them | nobody | it can only delay |
//!
//! | module | job |
//! |---|---|
//! | [`engine`] | the decision to cosign, without HTTP |
//! | [`state`] | what must be durable before an answer |
//! | [`folder`] | a witness's folder: settings, key, lock |
//! | [`server`] | the engine over HTTP |
//! | [`builtin`] | the engine in the same process, for the embedded default |
//! | [`client`] | asking one witness |
//! | [`group`] | asking all witnesses of a policy, and the quorum |

pub mod builtin;
pub mod client;
pub mod engine;
mod error;
pub mod folder;
pub mod group;
mod http;
mod key;
pub mod server;
pub mod state;

pub use client::{Answer, ProofSource, Transport, WitnessClient};
pub use engine::{Clock, Refusal, Witness, system_clock};
pub use error::Error;
pub use folder::WitnessFolder;
pub use group::{Cosigned, WitnessGroup, WitnessStatus};
pub use http::HttpTransport;
pub use key::{CosignerKey, verify_cosignature, verify_log_signatures};

#[cfg(test)]
mod tests;
