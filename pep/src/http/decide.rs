//! From a request to a recorded decision.

use placet_ledger::Error as LedgerError;
use placet_ledger::service::{
    Carried, Consume, Ledger, NewDecision, Refusal, RequestState, RequestView,
};
use placet_ledger::{LogId, Statement as Stored};
use placet_proto::action::Action;
use placet_proto::document::{DigestRef, Initiator, Quorum, Raw, Verdict};
use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use super::Pep;
use super::input::initiator_of;
use super::policy::Armed;
use crate::Error;
use crate::authzen::{
    AccessRequest, ApprovalEcho, EvaluationRequest, EvaluationResponse, ResponseMeta,
};
use crate::pdp::{Denial, Evaluation, Method, Outcome, Pdp as _, Requirement, VerifiedApproval};

/// Seconds for which an approval can be asked for after a denial.
pub const DENIAL_S: u64 = 600;
/// Seconds for which a request can be answered and its approvals spent.
const OPEN_S: u64 = 3600;
/// Most policies that a decision names.
const MAX_DETERMINING: usize = 64;

/// Approvals that the log holds for an action, and that count now.
pub struct Approved {
    /// What policies see of them.
    pub verified: VerifiedApproval,
    /// The statements.
    pub approvals: Vec<DigestRef>,
    /// The request that they answer.
    pub request: String,
    /// Until when they can be spent.
    pub until: UnixSeconds,
    /// When the last of them was recorded, by the ledger's clock.
    pub at: UnixSeconds,
}

impl Pep {
    /// Decides and records. An error means that nothing was permitted.
    pub(super) fn decide(
        &self,
        action: Action,
        raw: Option<Raw>,
    ) -> Result<EvaluationResponse, Error> {
        let armed = self.armed()?;
        let ledger = self.0.app.ledger();
        let initiator = initiator_of(&action);
        let claim =
            action.approval().map(|claim| verify(ledger, claim, &action, &initiator, raw.clone()));
        let request = EvaluationRequest::new(action.clone());
        let (evaluation, approved) = match claim {
            None => (armed.pdp.evaluate(&request)?, None),
            Some(Ok(approved)) => {
                let request = request.with_approval(approved.verified.clone());
                (armed.pdp.evaluate(&request)?, Some(approved))
            }
            Some(Err(Unverified::Denied(denial))) => (denied(&action, denial), None),
            Some(Err(Unverified::Failed(error))) => return Err(error.into()),
        };
        self.record(&armed, action, initiator, raw, evaluation, approved)
    }

    fn record(
        &self,
        armed: &Armed,
        action: Action,
        initiator: Initiator,
        raw: Option<Raw>,
        evaluation: Evaluation,
        approved: Option<Approved>,
    ) -> Result<EvaluationResponse, Error> {
        let ledger = self.0.app.ledger();
        let now = ledger.now();
        for error in &evaluation.errors {
            tracing::warn!(error, "a policy failed; the action is denied");
        }
        let title = action.name().to_owned();
        let (decision, reason) = words(&evaluation.outcome);
        let requirement = match &evaluation.outcome {
            Outcome::Requestable(requirement) => Some(requirement),
            _ => None,
        };
        let used = matches!(evaluation.outcome, Outcome::Permit(Some(_)));
        let approvals = approved.as_ref().filter(|_| used).map(|a| a.approvals.clone());
        let new = NewDecision {
            request: approved.as_ref().map(|a| a.request.clone()),
            audience: ledger.config().audience.clone(),
            action,
            initiator,
            decision,
            policy: armed.policy.clone(),
            determining: evaluation.determining.iter().take(MAX_DETERMINING).cloned().collect(),
            reason: reason.to_owned(),
            approvals: approvals.unwrap_or_default(),
            not_after: requirement.and_then(|_| now.checked_add(OPEN_S)),
            quorum: requirement.map(|r| Quorum::of(u64::from(r.quorum.max(1)))),
        };
        let carried = requirement.map(|r| carried(armed, r, raw)).transpose()?.unwrap_or_default();
        let recorded = ledger.decide(new, carried)?;
        let expires_at = now.checked_add(DENIAL_S).unwrap_or(now);
        let meta = ResponseMeta {
            evaluation_id: recorded.document.body.request().unwrap_or_default().to_owned(),
            evaluated_at: now,
            access_request: Some(AccessRequest {
                endpoint: self.url("/access/v1/requests"),
                expires_at,
                title,
            }),
            approval: approved.map(|a| ApprovalEcho { id: a.request, approved_until: a.until }),
        };
        Ok(EvaluationResponse::new(&evaluation, &meta))
    }

    /// Whether the policy in force permits an action with these approvals. Nothing is recorded.
    pub(super) fn still_permits(&self, action: Action, approved: &Approved) -> Result<bool, Error> {
        let request = EvaluationRequest::new(action).with_approval(approved.verified.clone());
        let evaluation = self.armed()?.pdp.evaluate(&request)?;
        Ok(matches!(evaluation.outcome, Outcome::Permit(_)))
    }
}

fn carried(
    armed: &Armed,
    requirement: &Requirement,
    raw: Option<Raw>,
) -> Result<Carried, LedgerError> {
    let template = match &requirement.template {
        None => None,
        Some(name) => {
            let text = armed.files.template(name).and_then(|b| std::str::from_utf8(b).ok());
            Some(text.ok_or(Refusal::Invalid("a template is missing or no text"))?.to_owned())
        }
    };
    let (risk, why) = (requirement.risk.clone(), requirement.reason.clone());
    Ok(Carried { raw, template, allow_self: armed.allow_self, risk, why })
}

fn words(outcome: &Outcome) -> (Verdict, &'static str) {
    match outcome {
        Outcome::Permit(None) => (Verdict::Permit, "permitted"),
        Outcome::Permit(Some(_)) => (Verdict::Permit, "approved"),
        Outcome::Requestable(_) => (Verdict::Requestable, "approval_required"),
        Outcome::Deny(denial) => (Verdict::Deny, denial.code),
    }
}

fn denied(action: &Action, denial: Denial) -> Evaluation {
    Evaluation {
        outcome: Outcome::Deny(denial),
        action_digest: action.digest(),
        determining: Vec::new(),
        errors: Vec::new(),
    }
}

/// Why a claimed approval was not found in the log.
enum Unverified {
    Denied(Denial),
    Failed(LedgerError),
}

impl Unverified {
    fn denied(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Denied(Denial { code, detail: detail.into() })
    }
}

/// Looks a claimed approval up in the log: what it says of itself counts for nothing, and it must
/// say exactly what we said.
fn verify(
    ledger: &Ledger,
    claim: &Json,
    action: &Action,
    initiator: &Initiator,
    raw: Option<Raw>,
) -> Result<Approved, Unverified> {
    let unknown = || Unverified::denied("pdp.approval_unverifiable", "no such approval");
    let id = claim.get("id").and_then(Json::as_str).ok_or_else(unknown)?;
    let view = ledger.request(id).map_err(|error| match error.code() {
        "request.unknown" => unknown(),
        _ => Unverified::Failed(error),
    })?;
    match view.row.state {
        RequestState::Approved => {}
        RequestState::Expired => {
            return Err(Unverified::denied("pdp.approval_expired", "its time is over"));
        }
        _ => return Err(unknown()),
    }
    if view.decision.action.digest() != action.digest() || view.decision.initiator != *initiator {
        return Err(Unverified::denied("pdp.approval_digest", "the approval is of another action"));
    }
    let approved = approved(ledger, &view, raw).map_err(|error| match error.code() {
        "request.expired" => Unverified::denied("pdp.approval_expired", error.to_string()),
        "consume.not_approved" | "request.state" => {
            Unverified::denied("pdp.approval_unverifiable", error.to_string())
        }
        _ => Unverified::Failed(error),
    })?;
    match jcs::to_bytes(claim) == jcs::to_bytes(&approval_json(&approved)) {
        true => Ok(approved),
        false => Err(Unverified::denied("pdp.approval_unverifiable", "it was changed")),
    }
}

/// The approvals of a request that count now.
pub fn approved(
    ledger: &Ledger,
    view: &RequestView,
    raw: Option<Raw>,
) -> Result<Approved, LedgerError> {
    let call = Consume {
        request: view.row.id.clone(),
        audience: ledger.config().audience.clone(),
        initiator: view.decision.initiator.clone(),
        action_digest: view.decision.action.digest(),
        raw,
        idempotency: Vec::new(),
    };
    let approvals = ledger.approvals_for(&call)?;
    let mut times = Vec::with_capacity(approvals.len());
    for approval in &approvals {
        let stored = ledger.log(LogId::Main).statement(approval.index)?;
        let Stored::Present(bytes) = stored else {
            return Err(Refusal::Erased(approval.index).into());
        };
        times.push(Statement::parse(&bytes)?.header.iat);
    }
    let oldest = times.iter().copied().min().unwrap_or(0);
    let verified = VerifiedApproval {
        action_digest: call.action_digest,
        method: Method::Webauthn,
        approvers: u32::try_from(approvals.len()).unwrap_or(u32::MAX),
        // The verifier's code accepts no assertion without it.
        user_verified: true,
        age_seconds: ledger.now().0.saturating_sub(oldest),
    };
    let at = UnixSeconds(times.iter().copied().max().unwrap_or(0));
    let (request, until) = (call.request, view.row.not_after);
    Ok(Approved { verified, approvals, request, until, at })
}

/// ARAP's approval object. It grants nothing; it names what the log holds.
pub fn approval_json(approved: &Approved) -> Json {
    Json::object([
        ("id", Json::from(approved.request.as_str())),
        ("approved_at", approved.at.to_string().into()),
        ("approved_until", approved.until.to_string().into()),
    ])
}
