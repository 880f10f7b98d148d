//! The approval object of ARAP, told in a result and brought back in `context.approval`.
//!
//! It grants nothing: what it says must be what this service signed, and what counts is what the
//! log holds now (ARAP, "Completion Semantics").

use placet_ledger::service::{Consume, Ledger, Refusal, RequestView};
use placet_ledger::{Error as LedgerError, LogId, Statement as Stored};
use placet_proto::action::Action;
use placet_proto::document::{DigestRef, Initiator, Raw, is_uuid_v4};
use placet_proto::json::Json;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use super::tokens;
use crate::pdp::{Denial, Method, VerifiedApproval};

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
}

/// Why a claimed approval does not count.
pub enum Unverified {
    /// It is not what it has to be.
    Denied(Denial),
    /// Nobody can say: nothing is permitted.
    Failed(LedgerError),
}

impl Unverified {
    fn denied(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Denied(Denial { code, detail: detail.into() })
    }
}

/// Checks a claimed approval: signed by us and unchanged, for this action, this agent and these
/// bytes, and in the log, where it counts still.
pub fn verify(
    ledger: &Ledger,
    claim: &Json,
    action: &Action,
    initiator: &Initiator,
    raw: Option<Raw>,
) -> Result<Approved, Unverified> {
    let unverifiable = |why| Unverified::denied("pdp.approval_unverifiable", why);
    let expired = |why: String| Unverified::denied("pdp.approval_expired", why);
    let scope = |why| Unverified::denied("pdp.approval_digest", why);
    let state = read(ledger, claim).ok_or_else(|| unverifiable("it is not one that was given"))?;
    let view = ledger.request(&state.approval_id).map_err(|error| match error.code() {
        "request.unknown" | "log.erased" => unverifiable("no such approval"),
        _ => Unverified::Failed(error),
    })?;
    let decision = &view.decision;
    if decision.audience != ledger.config().audience {
        return Err(unverifiable("it was given to another PEP"));
    }
    let bound = tokens::binding_hash(action, &state.members) == state.binding_hash;
    if !bound || decision.action.digest() != action.digest() || decision.initiator != *initiator {
        return Err(scope("the approval is of another action"));
    }
    if view.raw != raw {
        return Err(scope("the approval is of other bytes"));
    }
    // An approval that is brought again is not one that was late: those who watch tell them apart.
    if view.row.execution.is_some() {
        return Err(Unverified::denied("pdp.approval_spent", "it was spent"));
    }
    if state.approved_until <= ledger.now() {
        return Err(expired("its time is over".to_owned()));
    }
    approved(ledger, &view, raw).map_err(|error| match error {
        // Spent, withdrawn, over, or the person who gave it may no longer do so.
        LedgerError::Refused(
            Refusal::RequestExpired | Refusal::RequestState(_) | Refusal::NotApproved(_),
        ) => expired(error.to_string()),
        _ => Unverified::Failed(error),
    })
}

/// The state that a claim carries, if all of the claim says what the state says.
fn read(ledger: &Ledger, claim: &Json) -> Option<tokens::State> {
    let members = claim.as_object()?;
    let known = ["id", "approved_at", "approved_until", "state"];
    members.iter().all(|(name, _)| known.contains(&name.as_str())).then_some(())?;
    let member = |name: &str| claim.get(name).and_then(Json::as_str);
    let state = tokens::verify_state(ledger, member("state")?)?;
    let id = member("id").filter(|id| is_uuid_v4(id))?;
    let same = id == state.approval_id
        && member("approved_until")? == state.approved_until.to_string()
        && member("approved_at").is_none_or(|at| at == state.approved_at.to_string());
    same.then_some(state)
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
        policy: None,
    };
    let approvals = ledger.approvals_for(&call)?;
    let mut oldest = u64::MAX;
    for approval in &approvals {
        oldest = oldest.min(stated_at(ledger, approval.index)?.0);
    }
    let verified = VerifiedApproval {
        action_digest: call.action_digest,
        method: Method::Webauthn,
        approvers: u32::try_from(approvals.len()).unwrap_or(u32::MAX),
        // The verifier's code accepts no assertion without it.
        user_verified: true,
        age_seconds: ledger.now().0.saturating_sub(oldest),
    };
    Ok(Approved { verified, approvals, request: call.request, until: view.row.not_after })
}

/// Whether as many persons approved as the policy asked for, whatever came after.
pub fn was_approved(view: &RequestView) -> bool {
    view.answers.iter().filter(|a| !a.denial).count() as u64 >= view.row.required
}

/// ARAP's approval object for a request that was approved. What ended it ends the approval.
pub fn object(ledger: &Ledger, view: &RequestView) -> Result<Json, LedgerError> {
    let needed = usize::try_from(view.row.required).unwrap_or(usize::MAX);
    let (mut oldest, mut at) = (u64::MAX, 0);
    for answer in view.answers.iter().filter(|a| !a.denial).take(needed) {
        let stated = stated_at(ledger, answer.statement.index)?.0;
        (oldest, at) = (oldest.min(stated), at.max(stated));
    }
    let mut until = view.row.not_after.0;
    if let Some(max_age) = view.max_age {
        until = until.min(oldest.saturating_add(max_age));
    }
    let ends = [view.row.ended, view.row.execution.as_ref().map(|e| e.index)];
    for index in ends.into_iter().flatten() {
        until = until.min(stated_at(ledger, index)?.0);
    }
    let (at, until) = (UnixSeconds(at), UnixSeconds(until));
    let state = tokens::sign_state(ledger, view, at, until)?;
    Ok(Json::object([
        ("id", Json::from(view.row.id.as_str())),
        ("approved_at", at.to_string().into()),
        ("approved_until", until.to_string().into()),
        ("state", state.into()),
    ]))
}

/// When a statement of the main log was made, by the ledger's clock.
pub fn stated_at(ledger: &Ledger, index: u64) -> Result<UnixSeconds, LedgerError> {
    match ledger.log(LogId::Main).statement(index)? {
        Stored::Present(bytes) => Ok(UnixSeconds(Statement::parse(&bytes)?.header.iat)),
        _ => Err(Refusal::Erased(index).into()),
    }
}
