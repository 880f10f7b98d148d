//! Spending approvals, once, and recording what came of it.

use placet_proto::document::{
    Body, Digest, DigestRef, Execution, Initiator, Outcome, OutcomeResult, PolicyRef, Raw,
};
use placet_proto::time::UnixSeconds;

use super::Refusal;
use super::governance::read_statement;
use super::ledger::{Appended, Issue, Issuer, Ledger, idempotency_hash, once_key, terminal_key};
use super::requests::RequestView;
use super::state::{RequestRow, RequestState};
use crate::sync::read;
use crate::{Error, LogId};

/// Longest idempotency key, in bytes.
const MAX_IDEMPOTENCY: usize = 1024;

/// What a PEP asks for before it acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consume {
    /// The request.
    pub request: String,
    /// The PEP, as it was authenticated.
    pub audience: String,
    /// The agent on whose behalf it acts.
    pub initiator: Initiator,
    /// Recomputed from what is about to run.
    pub action_digest: Digest,
    /// The bytes that are about to be forwarded, where bytes are forwarded.
    pub raw: Option<Raw>,
    /// The same call repeated has the same key: 1 to 1024 bytes, chosen by the PEP.
    pub idempotency: Vec<u8>,
    /// The policy that permitted it: nothing is spent once another is in force. Without one,
    /// whoever calls answers for the policy itself.
    pub policy: Option<PolicyRef>,
}

/// What a PEP tells afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The request.
    pub request: String,
    /// The PEP, as it was authenticated.
    pub audience: String,
    /// How it ended.
    pub result: OutcomeResult,
    /// Digest of what ran.
    pub action_digest: Digest,
    /// The bytes that were forwarded.
    pub raw: Option<Raw>,
    /// Free text.
    pub detail: String,
    /// The idempotency key under which whoever tells this spent the approvals. With one, it is
    /// told of that spending or not at all; without one, the caller answers for it.
    pub idempotency: Option<Vec<u8>>,
}

/// The answer to a PEP: it may act, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// The execution statement.
    pub execution: DigestRef,
    /// When it was recorded.
    pub at: UnixSeconds,
    /// Whether this call repeats one that was answered before: the action may have run.
    pub repeated: bool,
}

impl Ledger {
    /// Spends the approvals of a request: one linearizable step. When it returns, the execution is
    /// durable and no other call can spend them. The same call with the same idempotency key gets
    /// the same answer.
    ///
    /// May wait for a cosigned checkpoint that covers the approvals.
    ///
    /// # Errors
    /// `consume.not_approved`, `consume.conflict`, `request.unknown`, `request.expired`,
    /// `request.state`, `request.policy_changed`, `witness.quorum`, `export.lag`,
    /// `request.invalid`.
    pub fn consume(&self, call: &Consume) -> Result<Consumed, Error> {
        if call.idempotency.is_empty() || call.idempotency.len() > MAX_IDEMPOTENCY {
            return Err(Refusal::Invalid("an idempotency key has 1 to 1024 bytes").into());
        }
        let view = self.request(&call.request)?;
        check_audience(&view, &call.audience, &self.config.audience)?;
        if view.row.execution.is_some() {
            return self.repeated(&view.row, call);
        }
        if !view.row.state.is_live() {
            return Err(Refusal::RequestState(view.row.state.name()).into());
        }
        if view.row.not_after <= self.now() {
            return Err(Refusal::RequestExpired.into());
        }
        self.check_export()?;
        let approvals = self.approvals(&view, call)?;
        let newest = approvals.iter().map(|a| a.index).max().unwrap_or(0);
        // SPEC.md 9.2: the execution names a checkpoint that covers what it spends.
        self.publisher(LogId::Main).covering(newest.saturating_add(1))?;
        self.spend(call, newest)
    }

    /// Size of the main log that a cosigned checkpoint has to cover before a request is consumed,
    /// so that its caller can wait for that without a thread. `None` when there is nothing to wait
    /// for: what is wrong with the call, or whether it repeats another, is for the call to say.
    ///
    /// # Errors
    /// `ledger.sqlite`, `ledger.io`.
    pub fn covers_consume(&self, request: &str) -> Result<Option<u64>, Error> {
        let live = self.known_row(request)?.filter(|row| row.state.is_live());
        if live.is_none_or(|row| row.execution.is_some()) {
            return Ok(None);
        }
        let answers = self.answers_of(request)?;
        let newest = answers.iter().map(|answer| answer.statement.index).max();
        Ok(newest.map(|index| index.saturating_add(1)))
    }

    /// As [`Ledger::covers_consume`], before the outcome is recorded.
    ///
    /// # Errors
    /// As there.
    pub fn covers_outcome(&self, request: &str) -> Result<Option<u64>, Error> {
        let row = self.known_row(request)?.filter(|row| row.outcome.is_none());
        let execution = row.and_then(|row| row.execution);
        Ok(execution.map(|execution| execution.index.saturating_add(1)))
    }

    fn known_row(&self, request: &str) -> Result<Option<RequestRow>, Error> {
        match self.row(request) {
            Err(Error::Refused(_)) => Ok(None),
            row => row.map(Some),
        }
    }

    /// The step itself. Nothing enters the governance log meanwhile: who approved may approve
    /// still, and the policy that permitted is in force still, when the execution is recorded.
    fn spend(&self, call: &Consume, covered: u64) -> Result<Consumed, Error> {
        let _still = read(&self.gate);
        let view = self.request(&call.request)?;
        if view.row.not_after <= self.now() {
            return Err(Refusal::RequestExpired.into());
        }
        if let Some(policy) = &call.policy
            && self.policy_in_force()? != *policy
        {
            return Err(Refusal::PolicyChanged.into());
        }
        let mut approvals = self.approvals(&view, call)?;
        // An answer that came while the checkpoint was waited for is not covered by it.
        approvals.retain(|a| a.index <= covered);
        if (approvals.len() as u64) < view.row.required {
            return Err(Refusal::NotApproved("too few persons have approved").into());
        }
        let at = self.now();
        let document = self.document(Body::Execution(Execution {
            request: call.request.clone(),
            audience: call.audience.clone(),
            initiator: call.initiator.clone(),
            action_digest: call.action_digest,
            raw: call.raw.clone(),
            approvals,
            idempotency: idempotency_hash(&call.idempotency),
            after: self.current_after()?,
            at,
        }))?;
        let mut issue = Issue::by_ledger(document);
        issue.issuer = Issuer::Pep;
        issue.once.push(terminal_key(&call.request));
        match self.issue(issue)? {
            Ok(appended) => Ok(Consumed { execution: appended.digest_ref(), at, repeated: false }),
            Err(_) => self.repeated(&self.row(&call.request)?, call),
        }
    }

    /// The execution that a call repeats, if it is one.
    fn repeated(&self, row: &RequestRow, call: &Consume) -> Result<Consumed, Error> {
        let Some(execution) = &row.execution else { return Err(Refusal::Ended.into()) };
        let statement = read_statement(&self.main, execution.index)?;
        let Body::Execution(e) = &statement.document.body else {
            return Err(Refusal::Spent.into());
        };
        let same = e.idempotency == idempotency_hash(&call.idempotency)
            && e.audience == call.audience
            && e.initiator == call.initiator
            && e.action_digest == call.action_digest
            && e.raw == call.raw;
        match same {
            true => Ok(Consumed { execution: execution.clone(), at: e.at, repeated: true }),
            false => Err(Refusal::Spent.into()),
        }
    }

    /// The approvals that [`Ledger::consume`] would spend on this call now.
    ///
    /// # Errors
    /// `request.unknown`, `request.state`, `request.expired`, `consume.not_approved`.
    pub fn approvals_for(&self, call: &Consume) -> Result<Vec<DigestRef>, Error> {
        let view = self.request(&call.request)?;
        check_audience(&view, &call.audience, &self.config.audience)?;
        if !view.row.state.is_live() {
            return Err(Refusal::RequestState(view.row.state.name()).into());
        }
        if view.row.not_after <= self.now() {
            return Err(Refusal::RequestExpired.into());
        }
        self.approvals(&view, call)
    }

    /// The approvals of a request that count now, for exactly this call.
    fn approvals(&self, view: &RequestView, call: &Consume) -> Result<Vec<DigestRef>, Error> {
        let refuse = |why| Err(Refusal::NotApproved(why).into());
        if view.decision.initiator != call.initiator {
            return refuse("another agent asked for it");
        }
        if view.decision.action.digest() != call.action_digest {
            return refuse("another action was approved");
        }
        if view.raw != call.raw {
            return refuse("other bytes were approved");
        }
        let now = self.now();
        let mut spent = Vec::new();
        for row in view.answers.iter().filter(|a| !a.denial) {
            let statement = read_statement(&self.main, row.statement.index)?;
            let Body::Approval(a) = &statement.document.body else {
                return refuse("an answer is no approval");
            };
            let same = a.action.digest() == call.action_digest
                && a.raw == call.raw
                && a.initiator == call.initiator
                && a.audience == call.audience
                && a.policy == view.decision.policy
                && a.not_after > now;
            if !same {
                return refuse("an approval is of another action");
            }
            let credential = &a.approver.credential;
            match self.check_may_answer(view, credential, a.after.gov.size) {
                Ok(_) => spent.push(row.statement.clone()),
                Err(Error::Refused(why)) => {
                    let why = why.code();
                    tracing::info!(request = view.row.id, why, "an approval no longer counts");
                }
                Err(error) => return Err(error),
            }
        }
        if (spent.len() as u64) < view.row.required {
            return refuse("too few persons have approved");
        }
        // No document holds more than the largest quorum.
        spent.truncate(16);
        Ok(spent)
    }

    /// Records the outcome of an execution. Told twice in the same words, it is recorded once.
    ///
    /// May wait for a cosigned checkpoint that covers the execution.
    ///
    /// # Errors
    /// `request.unknown`, `request.state` before the execution, `outcome.spender` where another
    /// call spent the approvals, `outcome.conflict`, `witness.quorum`.
    pub fn outcome(&self, report: &Report) -> Result<DigestRef, Error> {
        let view = self.request(&report.request)?;
        check_audience(&view, &report.audience, &self.config.audience)?;
        let Some(execution) = view.row.execution.clone() else {
            return Err(Refusal::RequestState(view.row.state.name()).into());
        };
        self.check_spender(report, &execution)?;
        match self.record_outcome(report, execution)? {
            Ok(appended) => Ok(appended.digest_ref()),
            Err(_) => {
                let index = self.row(&report.request)?.outcome.ok_or(Refusal::OutcomeRecorded)?;
                let statement = read_statement(&self.main, index)?;
                match &statement.document.body {
                    Body::Outcome(o)
                        if o.result == report.result
                            && o.action_digest == report.action_digest
                            && o.raw == report.raw
                            && o.detail == report.detail =>
                    {
                        let document_sha256 = *statement.document.sha256();
                        Ok(DigestRef { index, document_sha256 })
                    }
                    _ => Err(Refusal::OutcomeRecorded.into()),
                }
            }
        }
    }

    /// Who did not spend the approvals does not know what came of it.
    fn check_spender(&self, report: &Report, execution: &DigestRef) -> Result<(), Error> {
        let Some(key) = &report.idempotency else { return Ok(()) };
        let statement = read_statement(&self.main, execution.index)?;
        match &statement.document.body {
            Body::Execution(e) if e.idempotency == idempotency_hash(key) => Ok(()),
            _ => Err(Refusal::OtherSpender.into()),
        }
    }

    fn record_outcome(
        &self,
        report: &Report,
        execution: DigestRef,
    ) -> Result<Result<Appended, crate::OnceKey>, Error> {
        // As the execution covers the approvals, the outcome covers the execution.
        self.publisher(LogId::Main).covering(execution.index.saturating_add(1))?;
        let document = self.document(Body::Outcome(Outcome {
            request: report.request.clone(),
            audience: report.audience.clone(),
            execution,
            result: report.result,
            action_digest: report.action_digest,
            raw: report.raw.clone(),
            detail: report.detail.clone(),
            after: self.current_after()?,
            at: self.now(),
        }))?;
        let mut issue = Issue::by_ledger(document);
        issue.issuer = Issuer::Pep;
        issue.once.push(once_key("outcome", &[report.request.as_bytes()]));
        self.issue(issue)
    }

    /// Records that nobody knows what came of an execution.
    pub(super) fn outcome_unknown(&self, row: &RequestRow) -> Result<(), Error> {
        let Some(execution) = row.execution.clone().filter(|_| row.state == RequestState::Executed)
        else {
            return Ok(());
        };
        let statement = read_statement(&self.main, execution.index)?;
        let Body::Execution(e) = statement.document.body else { return Ok(()) };
        let report = Report {
            request: e.request,
            audience: e.audience,
            result: OutcomeResult::Unknown,
            action_digest: e.action_digest,
            raw: e.raw,
            detail: "no outcome was reported in time".to_owned(),
            idempotency: None,
        };
        // A key that is held means that the outcome came after all.
        self.record_outcome(&report, execution).map(drop)
    }
}

/// The PEP is the one that the request names, and the one whose key this service holds.
fn check_audience(view: &RequestView, audience: &str, ours: &str) -> Result<(), Error> {
    if view.decision.audience != audience || audience != ours {
        return Err(Refusal::NotApproved("another PEP asked for it").into());
    }
    Ok(())
}
