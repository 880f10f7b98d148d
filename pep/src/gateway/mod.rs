//! The HTTP enforcement point, `placet gateway http`: what an agent's request is, whether it may
//! run, and that what runs is what was approved.
//!
//! * [`config`]: `gateway.toml`, the route table. What it does not list is denied.
//! * [`target`], [`template`], [`routes`]: targets read strictly, and which route is theirs.
//! * [`call`], [`value`]: the action that a request is (AuthZEN's subject, action, resource and
//!   context), with its body where the route binds it.
//! * [`headers`]: which headers are refused, forwarded and bound.
//! * [`admit`]: from an action to a permit, by way of persons where the policy wants them.
//! * [`proxy`]: the reverse proxy over [`upstream`]; [`forward_auth`]: nginx `auth_request` and
//!   Caddy `forward_auth`; [`envoy`]: `envoy.service.auth.v3` over gRPC.
//! * [`duties`]: the obligations that are carried out here, over [`rates`] and [`redact`].
//! * [`shares`]: how many calls are at work, of all callers and of each.
//! * [`answers`]: what callers are told; [`challenge`]: the hook for a `transaction_challenge`.
//!
//! In the two modes where another server forwards the request, an approval is spent when that
//! server asks, and the record says that nobody here saw what came of it.

pub mod admit;
pub mod answers;
pub mod call;
pub mod challenge;
pub mod config;
pub mod duties;
pub mod envoy;
pub mod forward_auth;
pub mod headers;
pub mod proxy;
pub mod rates;
pub mod redact;
pub mod refusal;
pub mod routes;
pub mod shares;
pub mod target;
pub mod tasks;
pub mod template;
pub mod upstream;
pub mod value;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::routing::{any, get};
use placet_ledger::http::server::{ClientCertificates, Peer};
use placet_ledger::service::{Clock as _, SystemClock};

use self::challenge::Challenge;
use self::config::Config;
pub use self::config::ConfigError;
use self::duties::Duties;
use self::rates::{Over, Rates};
pub use self::refusal::Refusal;
use self::shares::{Share, Shares};
use self::target::Target;
use self::tasks::Tasks;
use self::upstream::Upstream;
use crate::enforce::{Enforcer, Intent};
use crate::identity::{Identify, Identity, Presented};

/// One gateway. Cloning it is cheap.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    config: Config,
    enforcer: Enforcer,
    identify: Arc<dyn Identify>,
    challenge: Option<Arc<dyn Challenge>>,
    upstream: Option<Upstream>,
    calls: Shares,
    waits: Shares,
    rates: Rates,
    tasks: Tasks,
}

/// Calls of one caller that wait for persons at the same time; a further one is answered at once.
const MAX_WAITS: usize = 8;

impl Gateway {
    /// A gateway over one ledger. Of the obligations that come with permits it carries out those of
    /// [`duties`], whatever the enforcer's own settings say. `challenge` fills the transaction
    /// challenge for clients that ask for one.
    ///
    /// # Errors
    /// What is wrong with the API's certificates or name, in words.
    pub fn new(
        config: Config,
        enforcer: Enforcer,
        identify: Arc<dyn Identify>,
        challenge: Option<Arc<dyn Challenge>>,
    ) -> Result<Self, String> {
        let upstream = config.upstream.clone().map(Upstream::new).transpose()?;
        let calls = Shares::new(config.most_calls, config.most_calls_each);
        // Some places are left for calls that wait for nobody.
        let waits = Shares::new(config.most_calls.div_ceil(2), MAX_WAITS);
        let tasks = Tasks::default();
        let enforcer = enforcer.fulfilling(&duties::FULFILS);
        let rates = Rates::default();
        let shared =
            Shared { config, enforcer, identify, challenge, upstream, calls, waits, rates, tasks };
        Ok(Self(Arc::new(shared)))
    }

    /// The gateway over HTTP, for [`placet_ledger::http::server::serve_with`]. `/.placet/` is its
    /// own and never forwarded.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/.placet/authorize", any(forward_auth::authorize))
            .route("/.placet/requests/{id}", get(tasks::status))
            .route("/.placet/healthz", get(|| async { "ok\n" }))
            .route("/.placet/{*rest}", any(answers::nothing_here))
            .fallback(proxy::handle)
            .with_state(self.clone())
    }

    /// A place for a call of this caller, to be kept until nothing of the call is left.
    fn place(&self, identity: &Identity) -> Result<Share, Refusal> {
        self.0.calls.take(&caller(identity)).ok_or(Refusal::Busy)
    }

    /// Counts a call that is about to pass, where the policy limits its rate.
    fn count(&self, identity: &Identity, intent: &Intent, duties: &Duties) -> Result<(), Refusal> {
        // Who it is decides, not by which credential it came.
        let who = [&identity.kind, identity.id.as_str(), intent.action().name()].join("\0");
        match self.0.rates.take(&identity.source, &who, &duties.limits, Instant::now()) {
            Ok(()) => Ok(()),
            Err(Over::Limit(time)) => Err(Refusal::Rate(time)),
            Err(Over::Full) => Err(Refusal::Busy),
        }
    }

    /// For how long this caller may wait, and its place to do so: not past the end of its
    /// credential, and not with more calls than its part.
    fn waiting(&self, identity: &Identity, wished: Duration) -> (Duration, Option<Share>) {
        let now = SystemClock.now();
        let left = identity.expires.map(|end| Duration::from_secs(end.0.saturating_sub(now.0)));
        let wait = left.map_or(wished, |left| wished.min(left));
        match (!wait.is_zero()).then(|| self.0.waits.take(&caller(identity))).flatten() {
            Some(share) => (wait, Some(share)),
            None => (Duration::ZERO, None),
        }
    }

    /// Who calls. The address that a DPoP proof names is the configured one: a header that anybody
    /// may set does not say where this gateway is.
    async fn identify(
        &self,
        method: &Method,
        target: &Target,
        headers: &HeaderMap,
        certificates: Option<&ClientCertificates>,
    ) -> Result<Identity, Refusal> {
        let base = self.0.config.public_url.as_deref().unwrap_or("http://localhost");
        let url = format!("{base}{}", target.raw());
        let presented = Presented {
            method: method.as_str(),
            url: &url,
            headers,
            certificates: certificates.map_or(&[], ClientCertificates::chain),
            now: SystemClock.now(),
        };
        Ok(self.0.identify.identify(presented).await?)
    }

    /// Refuses whoever is none of the proxies that may ask on behalf of others.
    fn check_proxy(&self, peer: Option<&Peer>) -> Result<(), Refusal> {
        let address: Option<IpAddr> = peer.map(|peer| peer.0.ip());
        let known = |address| self.0.config.proxies.iter().any(|proxy| proxy.contains(address));
        match address {
            Some(address) if known(address) => Ok(()),
            _ => Err(Refusal::Proxy),
        }
    }
}

fn caller(identity: &Identity) -> String {
    [identity.source.as_str(), &identity.kind, &identity.id].join("\0")
}
