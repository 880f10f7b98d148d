//! Telling people that somebody waits for them, without e-mail: chat tools and other programs by
//! webhook, browsers by Web Push.
//!
//! | module | job |
//! |---|---|
//! | [`config`] | `[[notify]]` in placet.toml |
//! | [`message`] | what is told of an event, and no more than the settings allow |
//! | [`templates`] | the forms that Slack, Teams, Discord, Matrix, ntfy and programs take |
//! | [`webhooks`], [`push`] | events to deliveries |
//! | [`routes`] | subscribing a browser |
//!
//! A message says that there is something to look at, and where. What the agent wants to do is
//! read on the page, from the bytes that are signed; a chat tool is no place for that, and whoever
//! administers it could change it.

pub mod config;
pub mod message;
pub mod push;
pub mod routes;
pub mod templates;
pub mod webhooks;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::config::{NotifyTarget, Template};
use crate::Error;
use crate::service::Ledger;

/// Adds the sources of notifications to a ledger and begins to send: for a service that runs.
///
/// # Errors
/// `config.invalid`, `ledger.io`, `ledger.sqlite`.
pub fn start(ledger: &Arc<Ledger>) -> Result<(), Error> {
    let outbound = ledger.outbound();
    let targets = ledger.config().notify.clone();
    outbound.add_source(Arc::new(webhooks::Webhooks::new(targets)));
    outbound.add_source(Arc::new(push::Push::new(Arc::clone(outbound.store()))));
    outbound.start(ledger)
}
