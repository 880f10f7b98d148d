//! A foreign AuthZEN decision point that has to agree, with our own policies laid over it.
//!
//! A mapping with `[pdp]` names it; the mapping is a file of the policy, so that the manifest hash
//! in every receipt covers which decision point was asked. What is permitted is what both permit:
//!
//! | ours | foreign | together |
//! |---|---|---|
//! | deny | not asked | deny |
//! | requestable | permit | requestable: the step-up overlay |
//! | permit | permit | permit |
//! | requestable, permit | deny, or no answer | deny, which no approval lifts |
//!
//! It is sent subject, action, resource and context, and nothing else, for some refuse what they
//! do not know; of the answer `decision` and `context.obligations` count, and what else it says is
//! ignored. No X-Request-ID is asked back, and no batch is sent.

mod answer;
mod breaker;
mod call;
mod discovery;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use placet_ledger::outbound::client::Client;
use placet_proto::{action::Action, document::RemoteSeen, jcs, json::Json};

use self::{answer::Answer, breaker::Breaker, discovery::Endpoint};
use crate::{
    Error,
    authzen::{EvaluationRequest, SearchRequest},
    cedar::CedarPdp,
    obligations::add,
    pdp::{Denial, Evaluation, Found, Outcome, Pdp, PolicyIdentity},
    withhold::withhold,
};

pub use call::{Caller, Reply};
pub use discovery::identifier;

/// The most calls at once; more are denied, so that a slow decision point holds up nobody else.
const MAX_AT_ONCE: usize = 16;
/// The code of a denial because no answer came.
const UNAVAILABLE: &str = "pdp.remote_unavailable";

/// Which foreign decision point is asked, and how: `[pdp]` of the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteRule {
    /// Its identifier: an URL without query and fragment.
    pub identifier: String,
    /// Whether its metadata is asked for; else the default path is used.
    pub discovery: bool,
    /// The evaluation endpoint, where it is given.
    pub evaluation: Option<String>,
    /// The time of a call, in milliseconds.
    pub timeout_ms: u64,
    /// The members of the context that are sent; `None`: all.
    pub context: Option<Vec<String>>,
}

/// A foreign decision point.
pub struct RemotePdp {
    rule: RemoteRule,
    caller: Box<dyn Caller>,
    /// Sent as a bearer token, to this decision point only.
    token: Option<String>,
    manifest: [u8; 32],
    endpoint: Mutex<Option<Endpoint>>,
    breaker: Mutex<Breaker>,
    at_once: AtomicUsize,
}

impl std::fmt::Debug for RemotePdp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemotePdp").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl RemotePdp {
    /// One that is called through the ledger's client, which reaches public addresses and those
    /// that the operator listed (`outbound_allow`). `manifest`: the hash of the policy that names
    /// it. Nothing is called yet.
    #[must_use]
    pub fn new(
        rule: RemoteRule,
        client: Client,
        token: Option<String>,
        manifest: [u8; 32],
    ) -> Self {
        Self::with(rule, Box::new(call::Through(client)), token, manifest)
    }

    /// One that is called in another way.
    #[must_use]
    pub fn with(
        rule: RemoteRule,
        caller: Box<dyn Caller>,
        token: Option<String>,
        manifest: [u8; 32],
    ) -> Self {
        Self {
            rule,
            caller,
            token,
            manifest,
            endpoint: Mutex::default(),
            breaker: Mutex::default(),
            at_once: AtomicUsize::new(0),
        }
    }

    /// Its identifier.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.rule.identifier
    }

    /// Asks. Whatever is not an answer is a denial: `pdp.remote_unavailable` where none came,
    /// `pdp.remote_answer` where one came that can't be used.
    ///
    /// # Errors
    /// The denial.
    fn ask(&self, action: &Action) -> Result<Answer, Denial> {
        let _place = Place::take(&self.at_once)
            .ok_or_else(|| unavailable(format!("{MAX_AT_ONCE} calls to it are under way")))?;
        if !lock(&self.breaker).admits(Instant::now()) {
            return Err(unavailable("it failed several times; it is not asked for a while"));
        }
        let answer = self.call(action);
        let mut breaker = lock(&self.breaker);
        // Whoever answers is there, whatever he says: an agent that makes it refuse a request must
        // not keep others from asking.
        match &answer {
            Err(denial) if denial.code == UNAVAILABLE => {
                tracing::warn!(detail = denial.detail, "a foreign decision point is not there");
                breaker.failed(Instant::now());
            }
            _ => breaker.succeeded(),
        }
        answer
    }

    fn call(&self, action: &Action) -> Result<Answer, Denial> {
        let ends = Instant::now().checked_add(Duration::from_millis(self.rule.timeout_ms));
        let left = || {
            let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
            left.filter(|left| !left.is_zero()).ok_or_else(|| unavailable("it took too long"))
        };
        let url = self.endpoint(left()?)?;
        let headers = self.headers("content-type");
        let body = jcs::to_bytes(&self.request(action));
        let reply = self.caller.post(&url, &headers, &body, left()?).map_err(unavailable)?;
        answer::read(&reply)
    }

    /// Where evaluations go: as its metadata says, which are kept for an hour.
    fn endpoint(&self, time: Duration) -> Result<String, Denial> {
        if let Some(url) = &self.rule.evaluation {
            return Ok(url.clone());
        }
        if !self.rule.discovery {
            return Ok(discovery::default_path(&self.rule.identifier));
        }
        let now = Instant::now();
        if let Some(known) = lock(&self.endpoint).as_ref().filter(|known| known.is_fresh(now)) {
            return Ok(known.url.clone());
        }
        let url = discovery::metadata_url(&self.rule.identifier);
        let reply = self.caller.get(&url, &self.headers("accept"), time).map_err(unavailable)?;
        let url = discovery::read(&self.rule.identifier, &reply)?;
        *lock(&self.endpoint) = Some(Endpoint { url: url.clone(), since: now });
        Ok(url)
    }

    fn headers(&self, json: &str) -> Vec<(String, String)> {
        let mut headers = vec![(json.to_owned(), "application/json".to_owned())];
        if let Some(token) = &self.token {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        headers
    }

    /// The least that an evaluation is: some decision points refuse members that they do not know.
    fn request(&self, action: &Action) -> Json {
        let mut out = Json::object([
            ("subject", action.subject().clone()),
            ("action", action.action().clone()),
            ("resource", action.resource().clone()),
        ]);
        let mut context = action.context();
        if let (Some(names), Json::Object(members)) = (&self.rule.context, &mut context) {
            members.retain(|(name, _)| names.contains(name));
        }
        if context.as_object().is_some_and(|members| !members.is_empty()) {
            out.insert("context", context);
        }
        out
    }
}

impl Pdp for RemotePdp {
    /// What it says alone. An approval changes nothing here.
    fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluation, Error> {
        let action = request.action();
        let start = Evaluation::of(Outcome::Permit(None), action.digest());
        Ok(self.agree(start, action))
    }

    /// It is asked for no searches: many have none.
    fn search(&self, _: &SearchRequest) -> Result<Found, Error> {
        Ok(Found::default())
    }

    fn policy(&self) -> PolicyIdentity {
        let engine = format!("authzen {}", self.rule.identifier);
        PolicyIdentity { manifest: self.manifest, engine }
    }
}

impl RemotePdp {
    /// Lays an evaluation of ours over what it says; see the table above.
    #[must_use]
    pub fn agree(&self, mut ours: Evaluation, action: &Action) -> Evaluation {
        if matches!(ours.outcome, Outcome::Deny(_)) {
            return ours;
        }
        let answer = self.ask(action);
        let decision = answer.as_ref().ok().map(|answer| answer.decision);
        ours.seen.remote = Some(RemoteSeen { pdp: self.rule.identifier.clone(), decision });
        let permitted = matches!(ours.outcome, Outcome::Permit(_));
        let denial = match answer {
            Ok(Answer { decision: true, obligations }) => {
                let carried = if permitted { &mut ours.obligations } else { &mut ours.promised };
                add(carried, obligations);
                withhold(&mut ours, action);
                return ours;
            }
            Ok(Answer { decision: false, obligations }) => {
                // What ours wanted of a permit is of no permit now.
                if permitted {
                    ours.obligations.clear();
                }
                add(&mut ours.obligations, obligations);
                let detail = format!("{} denies it", self.rule.identifier);
                Denial { code: "pdp.remote_denied", detail }
            }
            Err(denial) => {
                if permitted {
                    ours.obligations.clear();
                }
                denial
            }
        };
        // It was none of ours that decided.
        ours.determining.clear();
        ours.promised.clear();
        ours.outcome = Outcome::Deny(denial);
        withhold(&mut ours, action);
        ours
    }
}

/// Our policies, with a foreign decision point under them where the mapping names one.
#[derive(Debug)]
pub struct Overlay {
    local: CedarPdp,
    remote: Option<RemotePdp>,
}

impl Overlay {
    /// Ours over another.
    #[must_use]
    pub fn new(local: CedarPdp, remote: Option<RemotePdp>) -> Self {
        Self { local, remote }
    }

    /// Ours alone.
    #[must_use]
    pub fn local(&self) -> &CedarPdp {
        &self.local
    }

    /// What becomes of an evaluation of ours once the other was asked.
    #[must_use]
    pub fn complete(&self, ours: Evaluation, action: &Action) -> Evaluation {
        match &self.remote {
            Some(remote) => remote.agree(ours, action),
            None => ours,
        }
    }
}

impl Pdp for Overlay {
    fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluation, Error> {
        let ours = self.local.evaluate(request)?;
        Ok(self.complete(ours, request.action()))
    }

    /// Nothing, where another has to agree: it would have to be asked about every candidate.
    fn search(&self, search: &SearchRequest) -> Result<Found, Error> {
        match self.remote {
            Some(_) => Ok(Found::default()),
            None => self.local.search(search),
        }
    }

    fn policy(&self) -> PolicyIdentity {
        self.local.policy()
    }
}

/// One of the calls that may be under way.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(taken: &'a AtomicUsize) -> Option<Self> {
        let next = |n: usize| n.checked_add(1).filter(|n| *n <= MAX_AT_ONCE);
        let done = taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        done.ok().map(|_| Self(taken))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn unavailable(detail: impl Into<String>) -> Denial {
    Denial { code: UNAVAILABLE, detail: detail.into() }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
