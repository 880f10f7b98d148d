//! The agent's and the enforcement point's steps.

use placet_ledger::service::{Carried, Consume, Consumed, Ledger, NewDecision, Report};
use placet_pep::authzen::EvaluationRequest;
use placet_pep::cedar::CedarPdp;
use placet_pep::pdp::{Outcome, Pdp as _};
use placet_pep::policy::PolicyFiles;
use placet_proto::action::Action;
use placet_proto::document::{Initiator, OutcomeResult, Quorum, Verdict};
use placet_proto::time::UnixSeconds;

use crate::error::Failure;

pub fn evaluate(ledger: &Ledger, action: &Action) -> Result<String, Failure> {
    let (policy, files) = ledger.policy_files()?;
    let files = PolicyFiles::from_files(files)?;
    let pdp = CedarPdp::load(&files)?;
    let evaluation = pdp.evaluate(&EvaluationRequest::new(action.clone()))?;
    let Outcome::Requestable(requirement) = evaluation.outcome else {
        return Err(Failure::refused("demo.policy", "not requestable"));
    };
    let template = requirement.template.as_deref().and_then(|t| files.template(t));
    let (kind, id) = action.subject_ref();
    let new = NewDecision {
        request: None,
        action: action.clone(),
        audience: ledger.config().audience.clone(),
        initiator: Initiator { kind: kind.to_owned(), id: id.to_owned() },
        decision: Verdict::Requestable,
        policy,
        determining: evaluation.determining,
        reason: "approval_required".to_owned(),
        approvals: Vec::new(),
        not_after: Some(UnixSeconds(ledger.now().0 + 300)),
        quorum: Some(Quorum { required: 1 }),
    };
    let carried = Carried {
        raw: None,
        template: template.map(|t| String::from_utf8_lossy(t).into_owned()),
        allow_self: false,
    };
    Ok(ledger.create(new, carried)?)
}

pub fn consume(ledger: &Ledger, request: &str, action: &Action) -> Result<Consumed, Failure> {
    let (kind, id) = action.subject_ref();
    Ok(ledger.consume(&Consume {
        request: request.to_owned(),
        audience: ledger.config().audience.clone(),
        initiator: Initiator { kind: kind.to_owned(), id: id.to_owned() },
        action_digest: action.digest(),
        raw: None,
        idempotency: request.as_bytes().to_vec(),
    })?)
}

pub fn outcome(ledger: &Ledger, request: &str, action: &Action) -> Result<(), Failure> {
    ledger.outcome(&Report {
        request: request.to_owned(),
        audience: ledger.config().audience.clone(),
        result: OutcomeResult::Success,
        action_digest: action.digest(),
        raw: None,
        detail: "the demonstration pretends".to_owned(),
    })?;
    Ok(())
}
