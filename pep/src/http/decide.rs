//! From a request to a recorded decision.

use placet_ledger::Error as LedgerError;
use placet_ledger::service::{Carried, NewDecision, Reach, Refusal};
use placet_proto::action::Action;
use placet_proto::document::{Body, Decision, Initiator, Quorum, Raw, Seen, SessionSeen, Verdict};
use placet_proto::time::UnixSeconds;

use super::approval::{Approved, Unverified, verify};
use super::policy::Armed;
use super::sessions::{Counting, Hold};
use super::{Pep, tokens};
use crate::Error;
use crate::authzen::{
    AccessRequest, ApprovalEcho, EvaluationRequest, EvaluationResponse, NextAction, ResponseMeta,
};
use crate::pdp::{Approvers, Denial, Evaluation, Outcome, Pdp as _, Requirement, initiator_of};
use crate::session::{Delta, Entry};

/// Seconds for which an approval can be asked for after a denial, at most.
const DENIAL_S: u64 = 600;
/// Most policies that a decision names.
const MAX_DETERMINING: usize = 64;

/// Until when an approval can be asked for after this denial.
pub fn denial_ends(decision: &Decision) -> UnixSeconds {
    let at = decision.at;
    let ends = at.checked_add(DENIAL_S).unwrap_or(at);
    decision.not_after.map_or(ends, |over| over.min(ends))
}

/// What is asked about.
struct Asked {
    action: Action,
    initiator: Initiator,
    raw: Option<Raw>,
}

/// What became of an approval that the request brought.
enum Claim {
    /// It brought none.
    None,
    /// It counts.
    Counts(Approved),
    /// It doesn't.
    Refused(Denial),
}

impl Pep {
    /// Decides and records. An error means that nothing was permitted.
    pub(super) fn decide(
        &self,
        action: Action,
        raw: Option<Raw>,
    ) -> Result<EvaluationResponse, Error> {
        let initiator = initiator_of(&action);
        let asked = Asked { action, initiator, raw };
        let claim = self.claim(&asked)?;
        let (armed, hold) = self.armed_and_held()?;
        let now = self.0.app.ledger().now().0;
        let entered = hold.enter(&asked.action, &asked.initiator, now, |session| {
            let judged = judge(&armed, &asked, claim, session.map(|(seen, _)| seen));
            let delta = judged.as_ref().map(|(e, _)| delta(&hold, e, session)).unwrap_or_default();
            (judged, delta)
        });
        let (ours, claim, counting) = match entered {
            Ok((judged, counting)) => {
                let (ours, claim) = judged?;
                (ours, claim, counting)
            }
            Err(denial) => (denied(&asked, denial), Claim::None, None),
        };
        // Counted as ours would have it, until the other has answered.
        let evaluation = armed.pdp.complete(ours, &asked.action);
        self.record(&armed, asked, evaluation, &claim, counting)
    }

    fn claim(&self, asked: &Asked) -> Result<Claim, Error> {
        let Some(claim) = asked.action.approval() else { return Ok(Claim::None) };
        let ledger = self.0.app.ledger();
        match verify(ledger, claim, &asked.action, &asked.initiator, asked.raw.clone()) {
            Ok(approved) => Ok(Claim::Counts(approved)),
            Err(Unverified::Denied(denial)) => Ok(Claim::Refused(denial)),
            Err(Unverified::Failed(error)) => Err(error.into()),
        }
    }

    fn record(
        &self,
        armed: &Armed,
        asked: Asked,
        mut evaluation: Evaluation,
        claim: &Claim,
        counting: Option<Counting<'_>>,
    ) -> Result<EvaluationResponse, Error> {
        let ledger = self.0.app.ledger();
        // What the policy engine says of an error names entities, and these are people.
        if !evaluation.errors.is_empty() {
            let errors = evaluation.errors.len();
            tracing::warn!(errors, "a policy failed; the action is denied");
        }
        let quorum = self.reachable(&asked, &mut evaluation)?;
        let requirement = match &evaluation.outcome {
            Outcome::Requestable(requirement) => Some(requirement),
            _ => None,
        };
        let carried = requirement.map(|r| carried(armed, r, asked.raw.clone())).transpose()?;
        let new = self.new_decision(armed, &asked, &evaluation, claim, quorum);
        let recorded = ledger.decide(new, carried.unwrap_or_default())?;
        let Body::Decision(decision) = &recorded.document.body else {
            return Err(LedgerError::from(Refusal::RequestUnknown).into());
        };
        if let Some(counting) = counting {
            counting.decided(&evaluation.outcome, decision.at.0);
        }
        let expires_at = denial_ends(decision);
        let access_request = requirement
            .map(|_| self.access_request(&asked.action, &decision.request, decision.at, expires_at))
            .transpose()?;
        let (approved, refused) = match claim {
            Claim::None => (None, None),
            Claim::Counts(approved) => (Some(approved), None),
            Claim::Refused(denial) => (None, Some(denial.clone())),
        };
        // A decision about a request that there was is another evaluation, with an id of its own.
        let evaluation_id = match approved {
            None => decision.request.clone(),
            Some(_) => format!("{}.{}", decision.request, recorded.index),
        };
        let meta = ResponseMeta {
            evaluation_id,
            evaluated_at: decision.at,
            access_request,
            approval: approved
                .map(|a| ApprovalEcho { id: a.request.clone(), approved_until: a.until }),
            claimed: !matches!(claim, Claim::None),
            refused,
        };
        Ok(EvaluationResponse::new(&evaluation, &meta))
    }

    fn new_decision(
        &self,
        armed: &Armed,
        asked: &Asked,
        evaluation: &Evaluation,
        claim: &Claim,
        quorum: Option<Quorum>,
    ) -> NewDecision {
        let ledger = self.0.app.ledger();
        let request_s = ledger.config().request_s;
        let (decision, reason) = words(&evaluation.outcome);
        let approved = match claim {
            Claim::Counts(approved) => Some(approved),
            _ => None,
        };
        // That somebody brought an approval that does not count is on the record, whether or not a
        // new one may be asked for.
        let reason = match claim {
            Claim::Refused(denial) if decision != Verdict::Permit => denial.code,
            _ => reason,
        };
        let used = matches!(evaluation.outcome, Outcome::Permit(Some(_)));
        let approvals = approved.filter(|_| used).map(|a| a.approvals.clone());
        NewDecision {
            request: approved.map(|a| a.request.clone()),
            audience: ledger.config().audience.clone(),
            action: asked.action.clone(),
            initiator: asked.initiator.clone(),
            decision,
            policy: armed.policy.clone(),
            determining: evaluation.determining.iter().take(MAX_DETERMINING).cloned().collect(),
            reason: reason.to_owned(),
            approvals: approvals.unwrap_or_default(),
            not_after: quorum.as_ref().and_then(|_| ledger.now().checked_add(request_s)),
            quorum,
            obligations: evaluation.obligations.clone(),
            seen: Some(evaluation.seen.clone()).filter(|seen| *seen != Seen::default()),
        }
    }

    /// The quorum of a requestable denial. One that too few persons can meet is a plain denial:
    /// nobody shall wait for what can't come.
    fn reachable(
        &self,
        asked: &Asked,
        evaluation: &mut Evaluation,
    ) -> Result<Option<Quorum>, Error> {
        let Outcome::Requestable(requirement) = &evaluation.outcome else { return Ok(None) };
        let ledger = self.0.app.ledger();
        let needed = u64::from(requirement.quorum.max(1));
        let Some(quorum) = self.quorum(requirement)? else {
            evaluation.outcome = Outcome::Deny(unmet(Reach { needed, found: 0 }));
            return Ok(None);
        };
        let reach = ledger.reach(&quorum, &asked.initiator, &asked.action)?;
        if !reach.suffices() {
            evaluation.outcome = Outcome::Deny(unmet(reach));
            return Ok(None);
        }
        Ok(Some(quorum))
    }

    /// The quorum that a requirement asks for; nothing if nobody satisfies all policies at once.
    fn quorum(&self, requirement: &Requirement) -> Result<Option<Quorum>, Error> {
        let (required, allow_self) = (u64::from(requirement.quorum.max(1)), requirement.allow_self);
        let of = |a: Approvers| Quorum { required, people: a.people, roles: a.roles, allow_self };
        Ok(match requirement.approvers.as_slice() {
            [] => Some(of(Approvers::default())),
            [one] => Some(of(one.clone())),
            [first, more @ ..] => {
                // Two lists of persons and roles have no common list of both: the persons that
                // are in each, as of now, have.
                let ledger = self.0.app.ledger();
                let mut people = ledger.approvers_among(&first.people, &first.roles)?;
                for next in more {
                    let also = ledger.approvers_among(&next.people, &next.roles)?;
                    people.retain(|p| also.contains(p));
                }
                let fits = (1..=MAX_NAMED).contains(&people.len());
                fits.then(|| of(Approvers { people, roles: Vec::new() }))
            }
        })
    }

    fn access_request(
        &self,
        action: &Action,
        evaluation_id: &str,
        at: UnixSeconds,
        expires_at: UnixSeconds,
    ) -> Result<AccessRequest, Error> {
        let ledger = self.0.app.ledger();
        Ok(AccessRequest {
            endpoint: self.url("/access/v1/requests"),
            expires_at,
            binding_token: Some(tokens::sign_binding(
                ledger,
                action,
                evaluation_id,
                at,
                expires_at,
            )?),
            title: action.name().to_owned(),
        })
    }

    /// What is decided about an action with these approvals. Nothing is recorded; what was counted
    /// for it is taken back unless it is told otherwise.
    pub(super) fn evaluate_with<'h>(
        &self,
        armed: &Armed,
        hold: &'h Hold<'_>,
        decision: &Decision,
        approved: &Approved,
    ) -> Result<(Evaluation, Option<Counting<'h>>), Error> {
        let (action, initiator) = (&decision.action, &decision.initiator);
        let request = EvaluationRequest::new(action.clone());
        let request = request.with_approval(approved.verified.clone());
        let now = self.0.app.ledger().now().0;
        let entered = hold.enter(action, initiator, now, |session| {
            let request = in_session(request, session.map(|(seen, _)| seen));
            let ours = armed.pdp.local().evaluate(&request);
            // It will be an execution; until then it takes the place of one.
            let delta = match (hold.book(), session) {
                (Some(book), Some((_, entry))) => book.rule().executed(&entry.amounts),
                _ => Delta::default(),
            };
            (ours, delta)
        });
        let (ours, counting) = match entered {
            Ok((ours, counting)) => (ours?, counting),
            Err(denial) => (Evaluation::of(Outcome::Deny(denial), action.digest()), None),
        };
        Ok((armed.pdp.complete(ours, action), counting))
    }

    /// Whether an action would be permitted with these approvals now. Nothing is recorded, nothing
    /// counted.
    pub(super) fn permits(&self, decision: &Decision, approved: &Approved) -> Result<bool, Error> {
        let (armed, hold) = self.armed_and_held()?;
        let (evaluation, _) = self.evaluate_with(&armed, &hold, decision, approved)?;
        Ok(matches!(evaluation.outcome, Outcome::Permit(_)))
    }

    /// Records that an approved action is permitted, before it is spent: what the PEP has to do
    /// with it, and what that rests on.
    pub(super) fn record_permit(
        &self,
        armed: &Armed,
        decided: &Decision,
        approved: &Approved,
        evaluation: &Evaluation,
        counting: Option<&Counting<'_>>,
    ) -> Result<(), Error> {
        let new = NewDecision {
            request: Some(decided.request.clone()),
            audience: decided.audience.clone(),
            action: decided.action.clone(),
            initiator: decided.initiator.clone(),
            decision: Verdict::Permit,
            policy: armed.policy.clone(),
            determining: evaluation.determining.iter().take(MAX_DETERMINING).cloned().collect(),
            reason: "approved".to_owned(),
            approvals: approved.approvals.clone(),
            not_after: None,
            quorum: None,
            obligations: evaluation.obligations.clone(),
            seen: Some(evaluation.seen.clone()).filter(|seen| *seen != Seen::default()),
        };
        let recorded = self.0.app.ledger().decide(new, Carried::default())?;
        if let (Some(counting), Body::Decision(decision)) = (counting, &recorded.document.body) {
            counting.noted(&evaluation.outcome, decision.at.0);
        }
        Ok(())
    }
}

/// What our policies say, with an approval as far as it counts.
fn judge(
    armed: &Armed,
    asked: &Asked,
    claim: Claim,
    session: Option<&SessionSeen>,
) -> Result<(Evaluation, Claim), Error> {
    let plain = in_session(EvaluationRequest::new(asked.action.clone()), session);
    let ours = armed.pdp.local();
    match claim {
        Claim::None => Ok((ours.evaluate(&plain)?, Claim::None)),
        Claim::Refused(denial) => without(armed, asked, plain, denial),
        Claim::Counts(approved) => {
            let with = plain.clone().with_approval(approved.verified.clone());
            let evaluation = ours.evaluate(&with)?;
            match &evaluation.outcome {
                // It falls short of what the policy wants by now.
                Outcome::Deny(denial) if NextAction::of(denial) == NextAction::Request => {
                    let denial = denial.clone();
                    without(armed, asked, plain, denial)
                }
                _ => Ok((evaluation, Claim::Counts(approved))),
            }
        }
    }
}

/// An approval that does not count is ignored where a new one may be asked for; one that is not
/// ours ends it (ARAP, "Completion Semantics", `next_action`).
fn without(
    armed: &Armed,
    asked: &Asked,
    plain: EvaluationRequest,
    denial: Denial,
) -> Result<(Evaluation, Claim), Error> {
    let evaluation = match NextAction::of(&denial) {
        NextAction::Request => armed.pdp.local().evaluate(&plain)?,
        NextAction::None => denied(asked, denial.clone()),
    };
    Ok((evaluation, Claim::Refused(denial)))
}

fn denied(asked: &Asked, denial: Denial) -> Evaluation {
    Evaluation::of(Outcome::Deny(denial), asked.action.digest())
}

fn in_session(request: EvaluationRequest, seen: Option<&SessionSeen>) -> EvaluationRequest {
    match seen {
        Some(seen) => request.in_session(seen.clone()),
        None => request,
    }
}

fn delta(
    hold: &Hold<'_>,
    evaluation: &Evaluation,
    session: Option<(&SessionSeen, &Entry)>,
) -> Delta {
    match (hold.book(), session) {
        (Some(book), Some((_, entry))) => book.rule().decided(&evaluation.outcome, &entry.amounts),
        _ => Delta::default(),
    }
}

/// Most persons that a quorum names (SPEC.md, `quorum`).
const MAX_NAMED: usize = 64;

/// A quorum that too few persons can meet.
pub fn unmet(reach: Reach) -> Denial {
    let needed = match reach.needed {
        1 => "1 person has".to_owned(),
        n => format!("{n} persons have"),
    };
    let detail = format!("{needed} to approve this, and {} may", reach.found);
    Denial { code: "pdp.quorum_unmet", detail }
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
    Ok(Carried {
        raw,
        template,
        risk: requirement.risk.clone(),
        why: requirement.reason.clone(),
        max_age: requirement.max_age_seconds,
    })
}

fn words(outcome: &Outcome) -> (Verdict, &'static str) {
    match outcome {
        Outcome::Permit(None) => (Verdict::Permit, "permitted"),
        Outcome::Permit(Some(_)) => (Verdict::Permit, "approved"),
        Outcome::Requestable(_) => (Verdict::Requestable, "approval_required"),
        Outcome::Deny(denial) => (Verdict::Deny, denial.code),
    }
}
