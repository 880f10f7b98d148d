//! From a permit to an outcome: what is about to run is compared with what was permitted, approvals
//! are spent in one step, and what came of it is told, once.

use std::time::Instant;

use placet_proto::document::OutcomeResult;

use super::calls::Bound;
use super::{EnforceError, Enforcer, Intent};
use crate::obligations::Obligation;
use crate::pdp::initiator_of;

/// What is recorded of an action that was not finished.
const LEFT: (OutcomeResult, &str) =
    (OutcomeResult::Unknown, "the enforcement point left before the end");
/// What is recorded if the approval was spent and the answer to that never came.
const NOT_BEGUN: (OutcomeResult, &str) =
    (OutcomeResult::Failure, "nothing ran: it ended while the approval was being spent");
/// What is recorded where the policy asks for something that is not done here.
const NOT_FULFILLED: &str = "nothing ran: an obligation is not fulfilled here";
/// Longest text of an outcome that is recorded, in bytes.
const MAX_DETAIL: usize = 1024;

/// Leave to act, once. It is used up by acting, and good for a short time only.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    enforcer: Enforcer,
    bound: Bound,
    rests_on: RestsOn,
    asked: Instant,
    obligations: Vec<Obligation>,
}

/// What a permit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RestsOn {
    /// The policy alone. The decision is on record, and nothing is to be spent.
    Policy,
    /// An approval.
    Approval,
    /// An approval that an earlier process spent, and an action that never began.
    SpentApproval,
}

impl Permit {
    pub(super) fn plain(
        enforcer: Enforcer,
        bound: Bound,
        asked: Instant,
        obligations: Vec<Obligation>,
    ) -> Self {
        Self::new(enforcer, bound, RestsOn::Policy, asked, obligations)
    }

    pub(super) fn approved(
        enforcer: Enforcer,
        bound: Bound,
        asked: Instant,
        obligations: Vec<Obligation>,
    ) -> Self {
        Self::new(enforcer, bound, RestsOn::Approval, asked, obligations)
    }

    pub(super) fn resumed(enforcer: Enforcer, bound: Bound) -> Self {
        Self::new(enforcer, bound, RestsOn::SpentApproval, Instant::now(), Vec::new())
    }

    fn new(
        enforcer: Enforcer,
        bound: Bound,
        rests_on: RestsOn,
        asked: Instant,
        obligations: Vec<Obligation>,
    ) -> Self {
        Self { enforcer, bound, rests_on, asked, obligations }
    }

    /// The request whose approval is spent; none where the policy permits without one.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        (self.rests_on != RestsOn::Policy).then_some(self.bound.request.as_str())
    }

    /// The idempotency key under which the approval is spent: random, of this permit alone. Who
    /// keeps a journal for [`Enforcer::resume`] writes it down before [`Permit::begin`].
    #[must_use]
    pub fn key(&self) -> &str {
        &self.bound.key
    }

    /// Obligations that come with the permit, all of them among [`super::Settings::fulfils`]. Who
    /// acts carries them out first.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Runs `act` once with exactly the intent that was compared, and records how it ended:
    /// `success`, or `failure` with the error's text, which goes on the record (1024 bytes at
    /// most) and should hold no secret. If the future is dropped or `act` panics, the outcome is
    /// `unknown`.
    ///
    /// # Errors
    /// As [`Permit::begin`]: nothing ran; also `enforce.obligation` for a resumed permit with any.
    /// What comes after is in [`Ran`].
    pub async fn run<F, R, T, E>(self, intent: Intent, act: F) -> Result<Ran<T, E>, EnforceError>
    where
        F: FnOnce(Intent) -> R,
        R: Future<Output = Result<T, E>>,
        E: std::fmt::Display,
    {
        let resumed = self.rests_on == RestsOn::SpentApproval;
        let (running, intent) = self.begin(intent).await?;
        // Whoever resumed a permit was told of no obligation, and `act` could not do it.
        if let Some(new) = running.obligations.first().filter(|_| resumed) {
            let refused = EnforceError::Obligation(new.kind.clone());
            return Err(running.not_begun(refused, NOT_FULFILLED).await);
        }
        let output = act(intent).await;
        let recorded = match &output {
            Ok(_) => running.finish(Outcome::success("")).await,
            Err(error) => running.finish(Outcome::failure(&error.to_string())).await,
        };
        Ok(Ran { output, recorded })
    }

    /// Compares what is about to run with what was permitted, and spends the approval. When this
    /// returns, the intent may be carried out, once: it is handed back so that what was compared is
    /// what runs. [`Running::finish`] then tells how it ended.
    ///
    /// # Errors
    /// `enforce.stale`, `enforce.mismatch`, `enforce.evidence`, `enforce.repeated`,
    /// `enforce.obligation` where the policy by now wants more done than came with this permit; and
    /// those of the ledger: `enforce.refused` with `consume.*` or `request.*` where the approval
    /// can't be spent (any more).
    pub async fn begin(self, intent: Intent) -> Result<(Running, Intent), EnforceError> {
        if self.asked.elapsed() > self.enforcer.settings.permit_time {
            return Err(EnforceError::Stale);
        }
        self.compare(&intent)?;
        let enforcer = self.enforcer.clone();
        if self.rests_on == RestsOn::Policy {
            if let Some(rule) = &self.enforcer.settings.evidence {
                rule.check_unapproved(intent.action())?;
            }
            let obligations = self.obligations;
            let running = Running { enforcer, report: None, left: NOT_BEGUN, obligations };
            return Ok((running, intent));
        }
        if let Some(rule) = &self.enforcer.settings.evidence {
            let resumed = self.rests_on == RestsOn::SpentApproval;
            rule.check(&self.enforcer, &self.bound, intent.action(), resumed).await?;
        }
        // From here on the approval may be spent, whether or not anybody waits for the answer. What
        // is told names this permit's key: of what another spent the ledger takes no word from us.
        let report = Some(self.bound.clone());
        let obligations = Vec::new();
        let mut running = Running { enforcer, report, left: NOT_BEGUN, obligations };
        match self.spend().await {
            Ok(Ok(obligations)) => match self.unexpected(&obligations) {
                None => {
                    running.left = LEFT;
                    // All that was told is to be done, also what the second answer leaves out.
                    running.obligations = self.obligations;
                    for new in obligations {
                        if !running.obligations.iter().any(|told| same(told, &new)) {
                            running.obligations.push(new);
                        }
                    }
                    Ok((running, intent))
                }
                Some(kind) => {
                    let refused = EnforceError::Obligation(kind);
                    Err(running.not_begun(refused, NOT_FULFILLED).await)
                }
            },
            Ok(Err(why)) => {
                let refused = EnforceError::Obligation(why.to_owned());
                Err(running.not_begun(refused, NOT_FULFILLED).await)
            }
            Err(unspent) => {
                // Of a lost answer nobody knows whether it said yes; what is sure is told.
                if !unspent.perhaps {
                    running.report = None;
                }
                Err(unspent.error)
            }
        }
    }

    /// The type of an obligation that is not fulfilled here, or that whoever holds this permit was
    /// not told of. A resumed one told of none: [`Running::obligations`] does.
    fn unexpected(&self, obligations: &[Obligation]) -> Option<String> {
        let told = |new: &&Obligation| {
            self.rests_on == RestsOn::SpentApproval
                || self.obligations.iter().any(|told| same(told, new))
        };
        let unfulfilled = self.enforcer.unfulfilled(obligations);
        let untold = || obligations.iter().find(|new| !told(new)).map(|new| new.kind.clone());
        unfulfilled.or_else(untold)
    }

    fn compare(&self, intent: &Intent) -> Result<(), EnforceError> {
        if intent.action_digest() != self.bound.action_digest {
            return Err(EnforceError::Mismatch("another action"));
        }
        if initiator_of(intent.action()) != self.bound.initiator {
            return Err(EnforceError::Mismatch("another agent"));
        }
        match intent.raw() == self.bound.raw {
            true => Ok(()),
            false => Err(EnforceError::Mismatch("other bytes")),
        }
    }

    /// Spends the approval. An answer that got lost is asked for again under the same key, which
    /// nobody else knows: `repeated` then means this very permit, and nothing has begun.
    async fn spend(&self) -> Result<Result<Vec<Obligation>, &'static str>, Unspent> {
        let (calls, time) = (&self.enforcer.calls, self.enforcer.settings.consume_time);
        let first = calls.consume(&self.bound, time).await;
        let own = first.as_ref().is_err_and(EnforceError::is_lost);
        let answered = match own {
            true => calls.consume(&self.bound, time).await,
            false => first,
        };
        // A refusal of the repetition says that this permit spent nothing, whatever got lost.
        let unspent = |error: EnforceError| Unspent { perhaps: own && error.is_lost(), error };
        let spent = answered.map_err(unspent)?;
        match (spent.repeated, self.rests_on) {
            (false, _) => {}
            (true, RestsOn::SpentApproval) => self.still_runs().await?,
            (true, _) if own => {}
            (true, _) => return Err(Unspent { perhaps: false, error: EnforceError::Repeated }),
        }
        Ok(spent.obligations)
    }

    /// That no outcome is on record of an execution that an earlier process stated.
    async fn still_runs(&self) -> Result<(), Unspent> {
        let time = self.enforcer.settings.call_time;
        let running = self.enforcer.calls.is_running(&self.bound.request, time).await;
        match running {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unspent { perhaps: false, error: EnforceError::Repeated }),
            Err(error) => Err(Unspent { perhaps: false, error }),
        }
    }
}

/// Whether two obligations ask for the same; ids are those of one answer.
fn same(one: &Obligation, other: &Obligation) -> bool {
    one.kind == other.kind && one.properties == other.properties
}

/// Why an approval was not spent, and whether it may have been after all.
struct Unspent {
    perhaps: bool,
    error: EnforceError,
}

/// An action that may run now. Dropped without [`Running::finish`], its outcome is recorded as
/// `unknown` if a tokio runtime is there to do so, and by the ledger after its deadline otherwise.
#[derive(Debug)]
#[must_use]
pub struct Running {
    enforcer: Enforcer,
    report: Option<Bound>,
    obligations: Vec<Obligation>,
    /// What is told if this is dropped.
    left: (OutcomeResult, &'static str),
}

impl Running {
    /// The request whose approval was spent, if there was one.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        self.report.as_ref().map(|bound| bound.request.as_str())
    }

    /// What has to be done before the action, all of it among [`super::Settings::fulfils`], and
    /// told before by [`Permit::obligations`], but for a permit that was resumed.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Tells that an approval was spent for nothing, and hands back why.
    async fn not_begun(self, error: EnforceError, detail: &str) -> EnforceError {
        if let Err(unrecorded) = self.finish(Outcome::failure(detail)).await {
            tracing::warn!(code = unrecorded.code(), "an outcome is left to the ledger's deadline");
        }
        error
    }

    /// Records how it ended. Where the policy permitted without an approval there is no execution
    /// on record, and nothing to tell.
    ///
    /// # Errors
    /// Those of the ledger, after tries over [`super::Settings::outcome_time`]; the ledger then
    /// records `unknown` after its deadline.
    pub async fn finish(mut self, outcome: Outcome) -> Result<(), EnforceError> {
        let Some(bound) = &self.report else { return Ok(()) };
        // Until it is told the guard stays armed: whoever drops this future tells `unknown`.
        let told = self.enforcer.record(bound, &outcome).await;
        self.report = None;
        told
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(bound) = self.report.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (enforcer, (result, detail)) = (self.enforcer.clone(), self.left);
        runtime.spawn(async move {
            let outcome = Outcome::new(result, detail);
            if let Err(error) = enforcer.record(&bound, &outcome).await {
                tracing::warn!(code = error.code(), "an outcome is left to the ledger's deadline");
            }
        });
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub(super) result: OutcomeResult,
    pub(super) detail: String,
}

impl Outcome {
    /// It was done. The text goes on the record, cut to 1024 bytes; it may be empty.
    #[must_use]
    pub fn success(detail: &str) -> Self {
        Self::new(OutcomeResult::Success, detail)
    }

    /// It was tried and failed.
    #[must_use]
    pub fn failure(detail: &str) -> Self {
        Self::new(OutcomeResult::Failure, detail)
    }

    /// Nobody knows. It is never tried again.
    #[must_use]
    pub fn unknown(detail: &str) -> Self {
        Self::new(OutcomeResult::Unknown, detail)
    }

    fn new(result: OutcomeResult, detail: &str) -> Self {
        let mut end = detail.len().min(MAX_DETAIL);
        while !detail.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        Self { result, detail: detail.get(..end).unwrap_or_default().to_owned() }
    }
}

/// What ran.
#[derive(Debug)]
pub struct Ran<T, E> {
    /// What it gave.
    pub output: Result<T, E>,
    /// Whether its outcome is on record. An error here takes nothing back: the action ran.
    pub recorded: Result<(), EnforceError>,
}

impl<T, E> Ran<T, E> {
    /// What it gave, for whom the record is the operator's business.
    ///
    /// # Errors
    /// Those of the action.
    pub fn into_output(self) -> Result<T, E> {
        self.output
    }
}
