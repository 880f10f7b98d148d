//! From a request to a recorded decision.

use placet_ledger::Error as LedgerError;
use placet_ledger::service::{Carried, NewDecision, Reach, Refusal};
use placet_proto::action::Action;
use placet_proto::document::{Body, Decision, Initiator, PolicyRef, Quorum, Raw, Verdict};
use placet_proto::time::UnixSeconds;

use super::approval::{Approved, Unverified, verify};
use super::input::initiator_of;
use super::policy::Armed;
use super::{Pep, tokens};
use crate::Error;
use crate::authzen::{
    AccessRequest, ApprovalEcho, EvaluationRequest, EvaluationResponse, NextAction, ResponseMeta,
};
use crate::pdp::{Approvers, Denial, Evaluation, Outcome, Pdp as _, Requirement};

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
        let armed = self.armed()?;
        let initiator = initiator_of(&action);
        let asked = Asked { action, initiator, raw };
        let plain = EvaluationRequest::new(asked.action.clone());
        let (evaluation, claim) = match self.claim(&asked)? {
            Claim::None => (armed.pdp.evaluate(&plain)?, Claim::None),
            Claim::Refused(denial) => self.without(&armed, plain, denial)?,
            Claim::Counts(approved) => {
                let with = plain.clone().with_approval(approved.verified.clone());
                let evaluation = armed.pdp.evaluate(&with)?;
                match &evaluation.outcome {
                    // It falls short of what the policy wants by now.
                    Outcome::Deny(denial) if NextAction::of(denial) == NextAction::Request => {
                        let denial = denial.clone();
                        self.without(&armed, plain, denial)?
                    }
                    _ => (evaluation, Claim::Counts(approved)),
                }
            }
        };
        self.record(&armed, asked, evaluation, &claim)
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

    /// An approval that does not count is ignored where a new one may be asked for; one that is
    /// not ours ends it (ARAP, "Completion Semantics", `next_action`).
    fn without(
        &self,
        armed: &Armed,
        plain: EvaluationRequest,
        denial: Denial,
    ) -> Result<(Evaluation, Claim), Error> {
        let evaluation = match NextAction::of(&denial) {
            NextAction::Request => armed.pdp.evaluate(&plain)?,
            NextAction::None => Evaluation {
                outcome: Outcome::Deny(denial.clone()),
                action_digest: plain.action().digest(),
                determining: Vec::new(),
                errors: Vec::new(),
            },
        };
        Ok((evaluation, Claim::Refused(denial)))
    }

    fn record(
        &self,
        armed: &Armed,
        asked: Asked,
        mut evaluation: Evaluation,
        claim: &Claim,
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

    /// The policy in force, if it permits an action with these approvals. Nothing is recorded.
    pub(super) fn permits(
        &self,
        action: Action,
        approved: &Approved,
    ) -> Result<Option<PolicyRef>, Error> {
        let armed = self.armed()?;
        let request = EvaluationRequest::new(action).with_approval(approved.verified.clone());
        let evaluation = armed.pdp.evaluate(&request)?;
        let permitted = matches!(evaluation.outcome, Outcome::Permit(_));
        Ok(permitted.then(|| armed.policy.clone()))
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
