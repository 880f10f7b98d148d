//! Sends what waits in the [`Store`]: a few threads, at most one attempt per endpoint at a time.
//!
//! A receiver that hangs costs one thread ten seconds and then waits ever longer; nobody else
//! waits for it, the ledger least of all.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use placet_proto::time::UnixSeconds;

use super::client::{Call, Client, Reply};
use super::delivery::{Auth, Delivery, MAX_AGE_S, Verdict, judge, pause};
use super::sign::{self, Signed};
use super::store::{Job, Store};
use super::url::Target;
use super::webpush;
use crate::service::keys::ServiceKeys;
use crate::service::{Clock, Config};
use crate::sync::lock;
use crate::{Dir, Error, service};

/// Threads that send.
pub const THREADS: usize = 6;
/// Of these, those that endpoints of one sort can keep busy: agents' callbacks that hang, or
/// browsers', must not hold up what the operator is told.
const MAX_OF_SORT: usize = 2;
/// Longest sleep: a clock that was set must not delay anything for longer.
const MAX_SLEEP: Duration = Duration::from_secs(30);
/// Largest token file, in bytes.
const MAX_TOKEN_FILE: u64 = 4096;

/// Makes one attempt at a delivery, with fresh signatures.
pub struct Sender {
    keys: ServiceKeys,
    /// Contact for operators of push services (RFC 8292, 2.1): `public_url`.
    contact: String,
    /// The folder that names of token files start from.
    root: std::path::PathBuf,
    clock: Arc<dyn Clock>,
    make: Box<dyn Fn() -> Result<Client, super::Error> + Send + Sync>,
    client: OnceLock<Client>,
}

impl Sender {
    /// A sender with the settings of a folder. Its client is made when it is first needed, for
    /// reading the certificates of a system takes time.
    ///
    /// # Errors
    /// `config.invalid`.
    pub fn new(
        dir: &Dir,
        config: &Config,
        keys: &ServiceKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let rules = super::rules(config)?;
        let ca_file = config.outbound_ca_file.as_ref().map(|file| dir.root().join(file));
        let make = move || Client::new(rules.clone(), ca_file.as_deref());
        let (contact, root) = (config.public_url.clone(), dir.root().to_owned());
        Ok(Self::with(keys, contact, root, clock, make))
    }

    /// A sender with another client.
    pub(super) fn with(
        keys: &ServiceKeys,
        contact: String,
        root: std::path::PathBuf,
        clock: Arc<dyn Clock>,
        make: impl Fn() -> Result<Client, super::Error> + Send + Sync + 'static,
    ) -> Self {
        let make = Box::new(make);
        Self { keys: keys.clone(), contact, root, clock, make, client: OnceLock::new() }
    }

    /// The client.
    ///
    /// # Errors
    /// `config.invalid`.
    pub fn client(&self) -> Result<&Client, Error> {
        if self.client.get().is_none() {
            let made = (self.make)()?;
            // Whoever comes second has made one in vain.
            let _ = self.client.set(made);
        }
        self.client.get().ok_or_else(|| Error::Stopped { reason: "no client".to_owned() })
    }

    /// Makes one attempt, with fresh signatures. The inner error is the receiver's or the URL's,
    /// the outer one our own.
    ///
    /// # Errors
    /// `key.file`, `ledger.io`, `config.invalid`.
    pub fn send(&self, delivery: &Delivery) -> Result<Result<Reply, super::Error>, Error> {
        let target = match Target::parse(&delivery.url) {
            Ok(target) => target,
            Err(error) => return Ok(Err(error)),
        };
        let mut headers = delivery.headers.clone();
        let now = self.clock.now();
        match &delivery.auth {
            Auth::Vapid => {
                let push = &self.keys.push;
                let value = webpush::authorization(push, &target, &self.contact, now)?;
                headers.push(("authorization".to_owned(), value));
            }
            Auth::Signature => {}
            Auth::Token(file) => {
                let token = self.token(file)?;
                headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            }
        }
        if delivery.auth != Auth::Vapid {
            let signed = Signed {
                method: delivery.method,
                url: &target.url,
                content_type: delivery.content_type(),
                body: &delivery.body,
                message: &delivery.message,
                at: now,
            };
            headers.extend(sign::fields(&self.keys.service, &signed)?);
        }
        let call = Call {
            method: delivery.method,
            target: &target,
            headers: &headers,
            body: &delivery.body,
        };
        Ok(self.client()?.send(&call))
    }

    fn token(&self, file: &str) -> Result<String, Error> {
        use std::io::Read as _;
        let path = self.root.join(file);
        let opened = std::fs::File::open(&path).map_err(Error::io("open", &path))?;
        let mut text = String::new();
        opened.take(MAX_TOKEN_FILE).read_to_string(&mut text).map_err(Error::io("read", &path))?;
        let token = text.trim();
        match !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(token.to_owned()),
            false => {
                let why = format!("{}: a token is one line of visible characters", path.display());
                Err(super::Error::Config(why).into())
            }
        }
    }
}

/// What the sending threads share.
pub struct Worker {
    store: Arc<Store>,
    sender: Sender,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    busy: HashSet<String>,
    stop: bool,
}

impl Worker {
    /// A worker for this queue.
    #[must_use]
    pub fn new(store: Arc<Store>, sender: Sender, clock: Arc<dyn Clock>) -> Self {
        Self { store, sender, clock, state: Mutex::default(), changed: Condvar::new() }
    }

    /// What makes its attempts.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Looks again: something was queued.
    pub fn wake(&self) {
        // The lock keeps a thread that has just looked in vain from missing this.
        drop(lock(&self.state));
        self.changed.notify_all();
    }

    /// Ends the threads, after the attempts that are under way.
    pub fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }

    /// What a sending thread does.
    pub fn run(&self) {
        loop {
            let mut state = lock(&self.state);
            if state.stop {
                return;
            }
            match self.store.due(self.clock.now(), &state.busy, MAX_OF_SORT) {
                Ok(Some(job)) => {
                    state.busy.insert(job.delivery.endpoint.clone());
                    drop(state);
                    let done = self.attempt(&job);
                    lock(&self.state).busy.remove(&job.delivery.endpoint);
                    self.changed.notify_all();
                    if let Err(error) = done {
                        tracing::warn!(%error, "the result of a delivery was not kept");
                        self.sleep(MAX_SLEEP);
                    }
                }
                Ok(None) => {
                    let next = self.store.next_due(&state.busy, MAX_OF_SORT).ok().flatten();
                    let now = self.clock.now().0;
                    let sleep = next.map_or(MAX_SLEEP, |at| {
                        Duration::from_secs(at.0.saturating_sub(now).max(1)).min(MAX_SLEEP)
                    });
                    drop(self.changed.wait_timeout(state, sleep));
                }
                Err(error) => {
                    drop(state);
                    tracing::warn!(%error, "the queue of deliveries can't be read");
                    self.sleep(MAX_SLEEP);
                }
            }
        }
    }

    /// Makes one attempt at whatever is due; whether there was anything. For tests and for
    /// programs without threads.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn step(&self) -> Result<bool, Error> {
        match self.store.due(self.clock.now(), &HashSet::new(), MAX_OF_SORT)? {
            Some(job) => self.attempt(&job).map(|()| true),
            None => Ok(false),
        }
    }

    fn sleep(&self, time: Duration) {
        let state = lock(&self.state);
        if !state.stop {
            drop(self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn attempt(&self, job: &Job) -> Result<(), Error> {
        let delivery = &job.delivery;
        let begun = self.clock.now();
        if delivery.expires.is_some_and(|at| at <= begun) {
            return self.store.bury(job, begun, "its time was over", begun);
        }
        let verdict = match self.sender.send(delivery) {
            Ok(result) => judge(delivery, job.attempts, &result),
            // A file or key of our own; somebody may mend it.
            Err(error) => Verdict::Retry { after: None, why: error.to_string() },
        };
        let now = self.clock.now();
        let jitter = service::random_number();
        let next = |after| UnixSeconds(now.0.saturating_add(pause(job.failures, after, jitter)));
        match verdict {
            Verdict::Delivered => self.store.delivered(job, now),
            Verdict::Gone => self.store.gone(&delivery.endpoint),
            Verdict::Dead(why) => {
                warn(job, &why, "a delivery was given up");
                // The next one may be what this receiver takes: no long pause.
                self.store.bury(job, now, &why, now)
            }
            Verdict::Retry { why, .. } if now.0 >= job.created.0.saturating_add(MAX_AGE_S) => {
                warn(job, &why, "a delivery was given up after three days");
                self.store.bury(job, next(None), &why, now)
            }
            Verdict::Retry { after, why } => {
                if job.failures == 0 {
                    warn(job, &why, "a delivery failed; it will be repeated");
                }
                self.store.failed(job, next(after), &why, now)
            }
        }
    }
}

/// Endpoints are named, URLs are not: those of chat tools are secrets.
fn warn(job: &Job, why: &str, what: &'static str) {
    let Delivery { endpoint, message, .. } = &job.delivery;
    tracing::warn!(%endpoint, %message, attempts = job.attempts, why, "{what}");
}
