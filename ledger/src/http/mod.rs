//! The ledger over HTTP: C2SP files, SCRAPI, evidence, and the pages on which persons enrol and
//! answer.
//!
//! | module | paths |
//! |---|---|
//! | [`tiles`] | `/log/..`, `/gov/..`: C2SP tlog-tiles, read by everybody |
//! | [`scrapi`] | `/entries`, `/.well-known/scitt-keys`: draft-ietf-scitt-scrapi-11 |
//! | [`evidence`] | `/v1/evidence/{request}`, `/v1/requests/{request}`, `/v1/trust` |
//! | [`v1`] | `/v1/entries`, `/v1/consistency`, `/v1/checkpoint`, `/v1/openapi.json` |
//! | [`approvals`] | what the pages' script and `placet approve` post |
//! | [`pages`] | `/`, `/enrol`, `/approve`, `/approve/{request}` |
//! | [`session`] | `/signin`, `/signout`; [`auth`], [`csrf`], [`rules`]: who may do what |
//! | [`erasures`] | `/v1/erasures/..`: what an administrator orders erased |
//! | [`people`] | enrolling, inviting, and changing who may do what |
//! | [`health`], [`metrics`] | `/healthz`, `/readyz`, `/metrics` |
//! | [`server`] | the listener: connections, time limits, graceful end |
//!
//! [`router`] puts them together with the routes of other crates (the policy decision point).
//!
//! Nothing here decides whom to believe: an assertion goes to [`Ledger`] as it came, and the
//! verifier's own code judges it. What this layer adds is limits: on bytes, on time, on how much
//! runs at once, and on how often somebody who has shown nothing yet may make the ledger work.

pub mod approvals;
pub mod auth;
pub mod call;
pub mod csrf;
pub mod erasures;
pub mod events;
pub mod evidence;
mod guard;
pub mod health;
pub mod limits;
pub mod metrics;
mod paced;
pub mod pages;
pub mod people;
pub mod policy;
pub mod problem;
pub mod rules;
pub mod scrapi;
pub mod server;
pub mod session;
pub mod tiles;
pub mod tls;
pub mod v1;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;

use self::call::Who;
use self::limits::{PerCaller, Places, Rate};
use self::problem::Fault;
pub use self::server::serve;
use self::session::SignIns;
pub use self::words::action_code;
use crate::Error;
use crate::service::network::Network;
use crate::service::{Config, Ledger};

/// Largest request body that any route reads, in bytes.
pub const MAX_BODY: usize = 512 * 1024;
/// Calls that may work in the ledger at the same time; each may wait for a disk or a witness.
const MAX_WORKING: usize = 64;
/// Of these, calls that only read and may wait for witnesses: they must not keep decisions from
/// being recorded when witnesses are slow. Consuming and telling the outcome wait before they take
/// a place; what an administrator signs waits in that person's share.
const MAX_WAITING: usize = 16;
/// Looks at the same time at whom a session or token belongs to; an address gets half of them.
const MAX_LOOKUPS: usize = 64;
/// How long a call waits for its place before it is told that the ledger is busy.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds of its pace that a caller may use at once.
const AT_ONCE_S: u32 = 10;

/// Places that one caller may have at work. A token is a program that may speak for all agents of a
/// company; behind an address there may be all its persons, signing in.
fn working_share(who: &Who) -> usize {
    match who {
        Who::Person(_) => 8,
        Who::Token(_) | Who::Address(_) => MAX_WORKING / 2,
    }
}

/// Of these, places of calls that wait for witnesses.
fn waiting_share(who: &Who) -> usize {
    match who {
        Who::Token(_) => MAX_WAITING / 2,
        Who::Person(_) | Who::Address(_) => MAX_WAITING / 4,
    }
}

/// What all handlers share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    ledger: Arc<Ledger>,
    hosts: Vec<String>,
    proxies: Vec<Network>,
    working: Places<Who>,
    waiting: Places<Who>,
    lookups: Places<Who>,
    rates: Rates,
    sign_ins: SignIns,
    listeners: events::Listeners,
    queue: pages::Queue,
    issuers: Vec<scrapi::ExternalIssuer>,
    /// Whether programs on this machine need no token: in development only.
    open_here: AtomicBool,
}

/// How often each caller may ask for work; what those who have shown nothing yet ask for has a
/// bound for all of them, too, far above that of one.
struct Rates {
    /// Calls of any kind, of each person who is signed in.
    persons: PerCaller<Who>,
    /// Calls of any kind, of each token.
    tokens: PerCaller<Who>,
    /// Calls of any kind, of each address, where nobody is known.
    addresses: PerCaller<Who>,
    /// Statements by `POST /entries`, of each address.
    statements: PerCaller<Who>,
    /// Evidence that is to be closed, which takes witnesses' time, of each caller.
    closings: PerCaller<Who>,
    /// Tries at the one-time code, of each address.
    codes: PerCaller<Who>,
    /// Steps of signing in and of registering a key, of each address.
    sign_ins: PerCaller<Who>,
}

impl Rates {
    fn new(config: &Config) -> Self {
        let of = |per_second: u32| PerCaller::new(per_second, per_second.saturating_mul(AT_ONCE_S));
        Self {
            persons: of(config.person_rate),
            tokens: of(config.token_rate),
            addresses: of(config.address_rate),
            statements: PerCaller::new(5, 50).within(Rate::new(100, 1000)),
            closings: PerCaller::new(1, 16).within(Rate::new(20, 160)),
            codes: PerCaller::new(1, 10).within(Rate::new(20, 200)),
            sign_ins: of(config.sign_in_rate)
                .within(Rate::new(config.sign_in_rate.saturating_mul(10), 10_000)),
        }
    }

    /// Counts a call of whoever it turned out to be from.
    fn call(&self, who: Who) -> Result<(), Fault> {
        match who {
            Who::Person(_) => self.persons.take(who),
            Who::Token(_) => self.tokens.take(who),
            Who::Address(_) => self.addresses.take(who),
        }
    }
}

impl App {
    /// The state of the routes. `addresses` are further values of the Host header that name this
    /// server, beside the authority of `public_url`: the address that it listens on.
    ///
    /// # Errors
    /// `ledger.sqlite`, `ledger.io`, and what reading the genesis gives.
    pub fn new(ledger: Arc<Ledger>, addresses: &[String]) -> Result<Self, Error> {
        let authority = authority(&ledger.config().public_url).to_owned();
        let mut hosts = vec![authority];
        hosts.extend(addresses.iter().cloned());
        let issuers = scrapi::external_issuers(&ledger)?;
        let proxies = ledger.config().trusted_proxies()?;
        let rates = Rates::new(ledger.config());
        Ok(Self(Arc::new(Shared {
            ledger,
            hosts,
            proxies,
            working: Places::new(MAX_WORKING, working_share, PATIENCE),
            waiting: Places::new(MAX_WAITING, waiting_share, PATIENCE),
            lookups: Places::new(MAX_LOOKUPS, |_| MAX_LOOKUPS / 2, PATIENCE),
            rates,
            sign_ins: SignIns::new()?,
            listeners: events::Listeners::default(),
            queue: pages::Queue::default(),
            issuers,
            open_here: AtomicBool::new(false),
        })))
    }

    /// Lets programs on this machine decide and enforce without a token. A ledger that is not for
    /// development stays closed.
    pub fn open_to_this_machine(&self) {
        self.0.open_here.store(self.ledger().config().dev, Ordering::Relaxed);
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    /// Runs a call that blocks, off the async threads. It goes on when the client leaves: what it
    /// records must not depend on who listens.
    ///
    /// # Errors
    /// What `call` gives; `ledger.busy` when too many calls, or too many of this caller, are at
    /// work for too long.
    pub async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.0.working.enter(call::who()).await?;
        let app = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            call(&app)
        });
        task.await.unwrap_or_else(|_| Err(Error::Stopped { reason: "a call panicked".to_owned() }))
    }

    /// As [`App::run`], for calls that may wait for witnesses: few at a time.
    ///
    /// # Errors
    /// As there.
    pub async fn run_waiting<T: Send + 'static>(
        &self,
        call: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.0.waiting.enter(call::who()).await?;
        self.run(move |app| {
            let _slot = slot;
            call(app)
        })
        .await
    }

    /// As [`App::run`], once a cosigned checkpoint of the main log covers the size that `size`
    /// tells, if any. That is waited for without a place, so that slow witnesses hold up no call
    /// that does not need them.
    ///
    /// # Errors
    /// As [`App::run`]; `witness.quorum`.
    pub async fn run_covered<T: Send + 'static>(
        &self,
        size: impl FnOnce(&App) -> Result<Option<u64>, Error> + Send + 'static,
        call: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if let Some(size) = self.run(size).await? {
            self.ledger().publisher(crate::LogId::Main).covered(size).await?;
        }
        self.run(call).await
    }

    fn is_our_host(&self, host: &str) -> bool {
        self.0.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }
}

/// Host and port of an origin.
fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, authority)| authority)
}

/// All routes, behind the limits. `more` are the routes of other crates; they are behind the same
/// ones.
pub fn router(app: App, more: Router) -> Router {
    let missing = app.clone();
    Router::new()
        .merge(tiles::routes())
        .merge(scrapi::routes())
        .merge(evidence::routes())
        .merge(v1::routes())
        .merge(approvals::routes())
        .merge(pages::routes())
        .merge(events::routes())
        .merge(people::routes())
        .merge(erasures::routes())
        .merge(policy::routes())
        .merge(session::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(crate::outbound::routes::routes())
        .merge(crate::notify::routes::routes())
        .with_state(app.clone())
        .merge(more)
        .fallback(move |request: Request| pages::missing(missing.clone(), request))
        .method_not_allowed_fallback(async |request: Request| {
            Fault::method().response(request.uri().path())
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app, guard::guard))
}
