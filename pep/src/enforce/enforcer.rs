//! From an intent to a verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use placet_proto::action::Action;
use placet_proto::document::{Raw, is_uuid_v4};
use placet_proto::json::Json;
use uuid::Uuid;

use super::calls::{Bound, Calls};
use super::evidence::EvidenceRule;
use super::verdict::{Denied, Verdict};
use super::{EnforceError, Intent, Ledger, Outcome, Permit, Ran, Requestable};
use crate::obligations::{self, Obligation};
use crate::pdp::initiator_of;

/// Rounds of asking persons in [`Enforcer::enforce`]: a policy may change while they answer.
const MAX_ROUNDS: usize = 3;

/// How an enforcement point behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time for the ledger's answer to an evaluation, a submission or a look at a task.
    pub call_time: Duration,
    /// Time for spending an approval, which may take the time of witnesses.
    pub consume_time: Duration,
    /// Time for recording an outcome, all tries together.
    pub outcome_time: Duration,
    /// How long after the decision a permit can be used. What permitted it may change.
    pub permit_time: Duration,
    /// Obligations that whoever uses the permit carries out before it acts: types of the AuthZEN
    /// Obligations profile, and `custom:NAME` for custom ones, such as `custom:redact`. A permit
    /// with any other is a denial.
    pub fulfils: Vec<String>,
    /// What the evidence of an approval has to show before it is spent; nothing: the ledger's word
    /// is taken.
    pub evidence: Option<EvidenceRule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            call_time: Duration::from_secs(10),
            consume_time: Duration::from_secs(30),
            outcome_time: Duration::from_secs(30),
            permit_time: Duration::from_secs(60),
            fulfils: Vec::new(),
            evidence: None,
        }
    }
}

/// A policy enforcement point over one ledger. Cloning it is cheap.
#[derive(Clone)]
pub struct Enforcer {
    pub(super) calls: Calls,
    pub(super) settings: Arc<Settings>,
}

impl std::fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enforcer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Enforcer {
    /// An enforcement point with the usual settings.
    #[must_use]
    pub fn new(ledger: impl Ledger) -> Self {
        Self::with_settings(ledger, Settings::default())
    }

    /// An enforcement point with these settings.
    #[must_use]
    pub fn with_settings(ledger: impl Ledger, settings: Settings) -> Self {
        Self { calls: Calls(Arc::new(ledger)), settings: Arc::new(settings) }
    }

    /// The same over the same ledger, with [`Settings::fulfils`] of whoever uses it.
    #[must_use]
    pub fn fulfilling(self, obligations: &[&str]) -> Self {
        let fulfils = obligations.iter().map(|name| (*name).to_owned()).collect();
        let settings = Arc::new(Settings { fulfils, ..(*self.settings).clone() });
        Self { calls: self.calls, settings }
    }

    /// Asks whether this may run. The decision is on record when this returns.
    ///
    /// # Errors
    /// Those of the ledger: `enforce.unavailable`, `.timeout`, `.refused`, `.answer`. Nothing may
    /// run then.
    pub async fn evaluate(&self, intent: &Intent) -> Result<Verdict, EnforceError> {
        self.decide(intent.action(), intent.raw(), None).await
    }

    /// Does it all: asks, waits for persons up to `patience` where they are needed, spends their
    /// approval, runs `act` once with the intent, and records the outcome.
    ///
    /// # Errors
    /// As [`Enforcer::evaluate`], [`super::Pending::wait`] and [`Permit::run`]; `enforce.denied`
    /// for a denial, `enforce.waiting` when nobody has answered in time. Nothing ran then.
    pub async fn enforce<F, R, T, E>(
        &self,
        intent: Intent,
        patience: Duration,
        act: F,
    ) -> Result<Ran<T, E>, EnforceError>
    where
        F: FnOnce(Intent) -> R,
        R: Future<Output = Result<T, E>>,
        E: std::fmt::Display,
    {
        let until = Instant::now().checked_add(patience);
        let mut verdict = self.evaluate(&intent).await?;
        for _ in 0..MAX_ROUNDS {
            match verdict {
                Verdict::Permitted(permit) => return permit.run(intent, act).await,
                Verdict::Denied(denied) => return Err(EnforceError::Denied(denied)),
                Verdict::NeedsApproval(requestable) => {
                    let left = until.map(|end| end.saturating_duration_since(Instant::now()));
                    let pending = requestable.submit().await?;
                    verdict = pending.wait(left.unwrap_or(patience)).await?;
                }
            }
        }
        Err(EnforceError::Waiting)
    }

    /// The permit of an approval that this enforcement point spent before, for one whose own
    /// journal says that the action **never began**: it crashed after [`Permit::begin`] was called
    /// and before the action was. `request` and `key` are those of the first permit
    /// ([`Permit::request`], [`Permit::key`]), which the journal wrote down before that call.
    ///
    /// Where the ledger already holds an outcome (`unknown`, after its deadline), this permit is
    /// refused with `enforce.repeated`. Never call it for an action that may have begun, nor from
    /// two processes: the ledger can't tell, and says so with `repeated`.
    ///
    /// # Errors
    /// `enforce.config` for a request that is no UUIDv4.
    pub fn resume(
        &self,
        intent: &Intent,
        request: &str,
        key: &str,
    ) -> Result<Permit, EnforceError> {
        if !is_uuid_v4(request) {
            return Err(EnforceError::Config("the request is no UUIDv4".to_owned()));
        }
        let bound = Bound { key: key.to_owned(), ..bound(intent.action(), intent.raw(), request) };
        Ok(Permit::resumed(self.clone(), bound))
    }

    pub(super) async fn decide(
        &self,
        action: &Action,
        raw: Option<Raw>,
        approval: Option<&Json>,
    ) -> Result<Verdict, EnforceError> {
        let mut body = action.to_json();
        if let Some(approval) = approval {
            let mut context = action.context();
            context.insert("approval", approval.clone());
            body.insert("context", context);
        }
        let asked = Instant::now();
        let decision = self.calls.evaluate(body, raw.as_ref(), self.settings.call_time).await?;
        let context = decision.context;
        if !decision.permitted {
            let requestable = Requestable::read(self, action, &raw, &context)?;
            return Ok(match requestable {
                Some(requestable) => Verdict::NeedsApproval(requestable),
                None => Verdict::Denied(Denied::read(&context)),
            });
        }
        // Without one nothing is on record.
        if context.get("evaluation_id").and_then(Json::as_str).is_none() {
            return Err(EnforceError::Answer("its permit has no evaluation id"));
        }
        let obligations = match obligations::read(&context) {
            Ok(obligations) if self.unfulfilled(&obligations).is_none() => obligations,
            read => {
                let id = context.get("evaluation_id").and_then(Json::as_str).unwrap_or_default();
                let mut denied = Denied::because("obligation_unsupported", id);
                denied.obligations = read.unwrap_or_default();
                return Ok(Verdict::Denied(denied));
            }
        };
        let used = context.get("approval").map(|echo| echo.get("id").and_then(Json::as_str));
        let given = approval.and_then(|a| a.get("id")).and_then(Json::as_str);
        let request = match (used, given) {
            (None, _) => None,
            (Some(Some(used)), Some(given)) if used == given => Some(given),
            _ => return Err(EnforceError::Answer("its permit rests on another approval")),
        };
        let bound = bound(action, raw, request.unwrap_or_default());
        Ok(Verdict::Permitted(match request {
            Some(_) => Permit::approved(self.clone(), bound, asked, obligations),
            None => Permit::plain(self.clone(), bound, asked, obligations),
        }))
    }

    /// The type of the first obligation that nobody here carries out.
    pub(super) fn unfulfilled(&self, obligations: &[Obligation]) -> Option<String> {
        let supported: Vec<&str> = self.settings.fulfils.iter().map(String::as_str).collect();
        let unfulfilled = obligations::unfulfilled(obligations, &supported);
        let first = unfulfilled.first()?;
        let name = obligations::custom_name(first).map(|name| format!(":{name}"));
        Some(format!("{}{}", first.kind, name.unwrap_or_default()))
    }

    /// Records an outcome, again and again until the time is over. Told twice it is recorded once.
    pub(super) async fn record(
        &self,
        bound: &Bound,
        outcome: &Outcome,
    ) -> Result<(), EnforceError> {
        let time = self.settings.outcome_time;
        let end = Instant::now().checked_add(time);
        let mut pause = Duration::from_millis(50);
        loop {
            let left = end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
            let told = self.calls.outcome(bound, outcome.result, &outcome.detail, left).await;
            let error = match told {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let wanted = match &error {
                EnforceError::Refused { retry_after: Some(time), .. } => *time,
                _ => pause,
            };
            let left = end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
            if !error.is_transient() || wanted >= left {
                return Err(error);
            }
            tokio::time::sleep(wanted).await;
            pause = pause.saturating_mul(2).min(Duration::from_secs(5));
        }
    }
}

fn bound(action: &Action, raw: Option<Raw>, request: &str) -> Bound {
    Bound {
        key: Uuid::new_v4().to_string(),
        request: request.to_owned(),
        initiator: initiator_of(action),
        action_digest: action.digest(),
        raw,
    }
}
