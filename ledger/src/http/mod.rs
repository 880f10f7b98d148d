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

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use tokio::sync::Semaphore;

use self::limits::{PerClient, Rate};
use self::problem::Fault;
pub use self::server::serve;
use self::session::SignIns;
pub use self::words::action_code;
use crate::Error;
use crate::service::Ledger;
use crate::service::network::Network;

/// Largest request body that any route reads, in bytes.
pub const MAX_BODY: usize = 512 * 1024;
/// Calls that may work in the ledger at the same time; each may wait for a disk or a witness.
const MAX_WORKING: usize = 64;
/// Of these, calls that wait for witnesses on behalf of somebody who has shown nothing: they must
/// not keep decisions from being recorded when witnesses are slow.
const MAX_WAITING: usize = 8;

/// What all handlers share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    ledger: Arc<Ledger>,
    hosts: Vec<String>,
    proxies: Vec<Network>,
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    rates: Rates,
    sign_ins: SignIns,
    listeners: events::Listeners,
    queue: pages::Queue,
    issuers: Vec<scrapi::ExternalIssuer>,
}

/// How often those who have shown nothing yet may ask for work, over all of them.
struct Rates {
    /// Statements by `POST /entries`.
    statements: Rate,
    /// Evidence that is to be closed, which takes witnesses' time.
    closings: Rate,
    /// Of these, statements of each client.
    statements_of_one: PerClient,
    /// Tries at the one-time code.
    codes: Rate,
    /// Sign-ins, of each client.
    sign_ins: PerClient,
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
        Ok(Self(Arc::new(Shared {
            ledger,
            hosts,
            proxies,
            working: Arc::new(Semaphore::new(MAX_WORKING)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            rates: Rates {
                statements: Rate::new(20, 100),
                closings: Rate::new(1, 16),
                statements_of_one: PerClient::new(5, 50),
                codes: Rate::new(1, 10),
                sign_ins: PerClient::new(10, 100),
            },
            sign_ins: SignIns::new()?,
            listeners: events::Listeners::default(),
            queue: pages::Queue::default(),
            issuers,
        })))
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
    /// What `call` gives; `ledger.busy` when too many calls are at work.
    pub async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let working = Arc::clone(&self.0.working);
        let slot = working.try_acquire_owned().map_err(|_| Error::Busy)?;
        let app = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            call(&app)
        });
        task.await.unwrap_or_else(|_| Err(Error::Stopped { reason: "a call panicked".to_owned() }))
    }

    /// As [`App::run`], for calls that anybody may make and that may wait for witnesses: few at a
    /// time.
    ///
    /// # Errors
    /// As there.
    pub async fn run_waiting<T: Send + 'static>(
        &self,
        call: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.0.waiting).try_acquire_owned().map_err(|_| Error::Busy)?;
        self.run(move |app| {
            let _slot = slot;
            call(app)
        })
        .await
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
