//! What the service sends to others, and how they can tell that it was the service.
//!
//! | module | job |
//! |---|---|
//! | [`url`], [`address`], [`client`] | calls that no URL can turn against our own network |
//! | [`delivery`], [`store`], [`worker`] | a durable queue: in order per endpoint, at least once |
//! | [`sign`], [`webpush`] | RFC 9421 signatures; RFC 8291 encryption and RFC 8292 tokens |
//! | [`event`], [`feed`] | from the entries of the logs to deliveries |
//! | [`routes`] | `/.well-known/jwks.json`: the key that signs tokens and deliveries |
//!
//! [`Outbound`] is the door, and [`Ledger::outbound`] gives it. Nothing is sent before
//! [`Outbound::start`], so that a command that opens a ledger for a moment sends nothing.
//!
//! The ledger never waits for any of this: what happened is read from the logs by a thread of its
//! own, and sent by others.

pub mod address;
pub mod client;
pub mod delivery;
mod error;
pub mod event;
pub mod feed;
pub mod routes;
pub mod sign;
pub mod store;
pub mod url;
pub mod webpush;
pub mod worker;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use placet_proto::time::UnixSeconds;

pub use self::client::{Allowed, Client, Rules};
pub use self::delivery::Delivery;
pub use self::error::Error;
pub use self::event::{Event, EventKind};
use self::feed::Feed;
pub use self::feed::Source;
use self::store::{EndpointStatus, Store};
pub use self::worker::Sender;
use self::worker::Worker;
use crate::service::keys::ServiceKeys;
use crate::service::{Clock, Config, Ledger};
use crate::sync::lock;
use crate::{Dir, Error as LedgerError};

/// Name of the database below `state/`.
pub const FILE_NAME: &str = "outbound.sqlite";

/// Queue, reader and senders of one ledger.
pub struct Outbound {
    store: Arc<Store>,
    worker: Arc<Worker>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Outbound {
    /// Opens the queue of a folder; nothing is sent yet.
    ///
    /// # Errors
    /// `ledger.io`, `ledger.sqlite`, `config.invalid`.
    pub fn open(
        dir: &Dir,
        config: &Config,
        keys: &ServiceKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LedgerError> {
        let store = Arc::new(Store::open(&dir.state().join(FILE_NAME))?);
        let sender = Sender::new(dir, config, keys, Arc::clone(&clock))?;
        let worker = Worker::new(Arc::clone(&store), sender, Arc::clone(&clock));
        let feed = Arc::new(Feed::new(Arc::clone(&store)));
        let worker = Arc::new(worker);
        Ok(Self { store, worker, feed, clock, threads: Mutex::default() })
    }

    /// Adds a source of deliveries; before [`Outbound::start`], or it misses events.
    pub fn add_source(&self, source: Arc<dyn Source>) {
        self.feed.add(source);
    }

    /// Begins to read the logs and to send.
    ///
    /// # Errors
    /// `config.invalid`; `ledger.io` when no thread can be started.
    pub fn start(&self, ledger: &Arc<Ledger>) -> Result<(), LedgerError> {
        self.worker.sender().client()?;
        let mut threads = lock(&self.threads);
        if !threads.is_empty() {
            return Ok(());
        }
        let start = |name: String, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name).spawn(run);
            thread.map_err(LedgerError::io("start", "a thread for deliveries"))
        };
        for n in 0..worker::THREADS {
            let worker = Arc::clone(&self.worker);
            threads.push(start(format!("send-{n}"), Box::new(move || worker.run()))?);
        }
        let (feed, worker) = (Arc::clone(&self.feed), Arc::clone(&self.worker));
        let ledger = Arc::downgrade(ledger);
        let (store, mut seen) = (Arc::clone(&self.store), self.store.queued());
        let run = move || {
            feed.run(&ledger, || {
                // Something is recorded all the time, and there is hardly ever anything to send.
                let queued = store.queued();
                if std::mem::replace(&mut seen, queued) != queued {
                    worker.wake();
                }
            });
        };
        threads.push(start("events".to_owned(), Box::new(run))?);
        Ok(())
    }

    /// Queues deliveries, all or none; they are durable when this returns.
    ///
    /// # Errors
    /// `outbound.delivery`, `ledger.limit`, `ledger.sqlite`.
    pub fn push(&self, deliveries: &[Delivery]) -> Result<(), LedgerError> {
        self.store.push(deliveries, self.clock.now())?;
        self.worker.wake();
        Ok(())
    }

    /// Reads a URL that somebody registers, and checks what can be checked without calling it.
    ///
    /// # Errors
    /// `outbound.url`, `outbound.address`, `config.invalid`.
    pub fn check_url(&self, url: &str) -> Result<url::Target, LedgerError> {
        Ok(self.worker.sender().client()?.check(url)?)
    }

    /// Tells of something that is in no log, such as an enrolment that waits.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn notice(&self, event: &Event) -> Result<(), LedgerError> {
        self.feed.notice(event)
    }

    /// A person's new passkey waits for an administrator. That it does is kept elsewhere: a failure
    /// here is no reason to refuse it.
    pub(crate) fn enrolment_waiting(&self, person: &str, document_sha256: &[u8; 32]) {
        let kind = EventKind::EnrolmentWaiting;
        let event = Event::of_person(kind, Some(person), document_sha256, self.clock.now());
        if let Err(error) = self.notice(&event) {
            tracing::warn!(%error, "administrators were not told of an enrolment that waits");
        }
    }

    /// A request was opened.
    pub(crate) fn opened(&self, request: &str) {
        self.feed.opened(request);
    }

    /// What was to be told of a request that was erased is told no more.
    pub(crate) fn forget(&self, request: &str) -> Result<(), LedgerError> {
        self.store.forget(request)
    }

    /// Something was recorded.
    pub(crate) fn wake(&self) {
        self.feed.wake();
    }

    /// The queue.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The sending side.
    #[must_use]
    pub fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// The reading side.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// How all endpoints are doing, and the time by which that was.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn status(&self) -> Result<(UnixSeconds, Vec<EndpointStatus>), LedgerError> {
        Ok((self.clock.now(), self.store.status()?))
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.feed.stop();
        self.worker.stop();
        for thread in lock(&self.threads).drain(..) {
            // The last reference to the ledger may be the one that the reading thread holds.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread for deliveries panicked");
            }
        }
    }
}

/// The rules for calls in the settings.
///
/// # Errors
/// `config.invalid`.
pub fn rules(config: &Config) -> Result<Rules, Error> {
    let allowed = config.outbound_allow.iter().map(|entry| Allowed::parse(entry));
    Ok(Rules { dev: config.dev, allowed: allowed.collect::<Result<_, _>>()? })
}
