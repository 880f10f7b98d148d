//! `POST /v1/consume` and `POST /v1/outcome`: before and after the PEP acts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use placet_ledger::Error as LedgerError;
use placet_ledger::http::App;
use placet_ledger::http::problem::Fault;
use placet_ledger::service::{Consume, Consumed, Refusal, Report, RequestView};
use placet_proto::b64;
use placet_proto::document::{DigestRef, OutcomeResult, Seen};
use placet_proto::json::Json;

use super::approval::approved;
use super::{Body, Pep, body, input, json, reply};
use crate::Error;
use crate::obligations::{self, Obligation};
use crate::pdp::Outcome;

/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 1024;
/// Times that a call decides again because the policy changed under it.
const MAX_TRIES: usize = 3;
/// Longest text of an outcome, in bytes.
const MAX_DETAIL: usize = 4096;

/// `{request, initiator {type, id}, action_digest, raw?, idempotency_key}`: once this is answered
/// with 200 the PEP may act, once. `repeated` says that the same call was answered before, so that
/// the action may have run. `obligations`, where there are any, are to be fulfilled
/// before it acts; a PEP that can't reports a failure instead.
pub async fn consume(State(pep): State<Pep>, bytes: Body) -> Response {
    reply(async {
        let known = ["request", "initiator", "action_digest", "raw", "idempotency_key"];
        let value = input::object(&body(bytes)?, Some(&known))?;
        let call = Consume {
            request: input::text(&value, "request", 64)?,
            audience: pep.0.app.ledger().config().audience.clone(),
            initiator: input::initiator(&value)?,
            action_digest: input::digest(&value, "action_digest")?,
            raw: input::raw(&value)?,
            idempotency: input::text(&value, "idempotency_key", MAX_KEY)?.into_bytes(),
            policy: None,
        };
        let worker = pep.clone();
        let request = call.request.clone();
        let size = move |app: &App| app.ledger().covers_consume(&request);
        let consumed = pep.0.app.run_covered(size, move |_| Ok(worker.consume(&call)));
        let consumed = consumed.await??;
        let (consumed, obligations) = consumed;
        let mut out = Json::object([("execution", reference(&consumed.execution))]);
        out.insert("repeated", Json::Bool(consumed.repeated));
        if !obligations.is_empty() {
            out.insert("obligations", obligations::to_json(&obligations));
        }
        Ok(json(&out))
    })
    .await
}

impl Pep {
    /// Spends the approvals of a request, if the policy in force permits it with them. What
    /// permitted is in force still when the approvals are spent, or it is decided again.
    pub(super) fn consume(&self, call: &Consume) -> Result<(Consumed, Vec<Obligation>), Fault> {
        let ledger = self.0.app.ledger();
        for _ in 0..MAX_TRIES {
            let view = ledger.request(&call.request)?;
            // Spent already: whether this call repeats the one that did is for the ledger to say.
            if let Some(execution) = &view.row.execution {
                let consumed = ledger.consume(call)?;
                return Ok((consumed, self.told_before(call, execution.index)?));
            }
            // What comes next is recorded: nothing is, for a call that can't spend.
            check(call, &view)?;
            let approved = approved(ledger, &view, call.raw.clone())?;
            let (armed, hold) = self.armed_and_held().map_err(undecided)?;
            let decided = self.evaluate_with(&armed, &hold, &view.decision, &approved);
            let (evaluation, counting) = decided.map_err(undecided)?;
            if !matches!(evaluation.outcome, Outcome::Permit(_)) {
                let why = Refusal::NotApproved("the policy in force does not permit it");
                return Err(LedgerError::from(why).into());
            }
            // A permit that asks for nothing and rests on nothing else is in the execution already.
            if !evaluation.obligations.is_empty() || evaluation.seen != Seen::default() {
                let counting = counting.as_ref();
                self.record_permit(&armed, &view.decision, &approved, &evaluation, counting)
                    .map_err(undecided)?;
            }
            let policy = Some(armed.policy.clone());
            match ledger.consume(&Consume { policy, ..call.clone() }) {
                Err(LedgerError::Refused(Refusal::PolicyChanged)) => {}
                other => {
                    let consumed = other?;
                    if consumed.repeated {
                        // The same call, at the same time, was decided by itself.
                        let index = consumed.execution.index;
                        return Ok((consumed, self.told_before(call, index)?));
                    }
                    if let Some(counting) = counting {
                        counting.executed(consumed.at.0);
                    }
                    return Ok((consumed, evaluation.obligations));
                }
            }
        }
        Err(LedgerError::from(Refusal::PolicyChanged).into())
    }

    /// The obligations of the permit under which a request was spent at an index.
    fn told_before(&self, call: &Consume, index: u64) -> Result<Vec<Obligation>, Fault> {
        let permit = self.0.app.ledger().permit_before(&call.request, index)?;
        Ok(permit.map(|permit| permit.obligations).unwrap_or_default())
    }

    /// What the policy in force would have a PEP do with an approval that can be spent; nothing is
    /// spent or recorded.
    pub(super) fn obligations(&self, view: &RequestView) -> Result<Vec<Obligation>, Fault> {
        let approved = approved(self.0.app.ledger(), view, view.raw.clone())?;
        let (armed, hold) = self.armed_and_held().map_err(undecided)?;
        let decided = self.evaluate_with(&armed, &hold, &view.decision, &approved);
        Ok(decided.map_err(undecided)?.0.obligations)
    }
}

/// That a call is about what was approved. The bytes are compared with the approvals.
fn check(call: &Consume, view: &RequestView) -> Result<(), LedgerError> {
    let refuse = |why| Err(Refusal::NotApproved(why).into());
    if call.idempotency.is_empty() {
        return Err(Refusal::Invalid("an idempotency key has 1 to 1024 bytes").into());
    }
    if view.decision.initiator != call.initiator {
        return refuse("another agent asked for it");
    }
    match view.decision.action.digest() == call.action_digest {
        true => Ok(()),
        false => refuse("another action was approved"),
    }
}

fn undecided(error: Error) -> Fault {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Fault::new(status, "Service Unavailable", error.code(), "no policy could decide")
}

/// `{request, result, action_digest, raw?, detail?, idempotency_key?}`: how it ended, `result`
/// being `success`, `failure` or `unknown`. With the key of the consume, only the call that spent
/// the approvals is listened to.
pub async fn outcome(State(pep): State<Pep>, bytes: Body) -> Response {
    reply(async {
        let known = ["request", "result", "action_digest", "raw", "detail", "idempotency_key"];
        let value = input::object(&body(bytes)?, Some(&known))?;
        let result = OutcomeResult::from_name(&input::text(&value, "result", 32)?)
            .ok_or_else(|| Fault::bad_request("`result` is no result of an action"))?;
        let detail = match value.get("detail") {
            None => String::new(),
            Some(_) => input::text(&value, "detail", MAX_DETAIL)?,
        };
        let idempotency = match value.get("idempotency_key") {
            None => None,
            Some(_) => Some(input::text(&value, "idempotency_key", MAX_KEY)?.into_bytes()),
        };
        let report = Report {
            request: input::text(&value, "request", 64)?,
            audience: pep.0.app.ledger().config().audience.clone(),
            result,
            action_digest: input::digest(&value, "action_digest")?,
            raw: input::raw(&value)?,
            detail,
            idempotency,
        };
        let request = report.request.clone();
        let size = move |app: &App| app.ledger().covers_outcome(&request);
        let recorded = pep.0.app.run_covered(size, move |app| app.ledger().outcome(&report));
        let recorded = recorded.await?;
        Ok(json(&Json::object([("outcome", reference(&recorded))])))
    })
    .await
}

fn reference(r: &DigestRef) -> Json {
    let index = Json::try_from(r.index).unwrap_or(Json::Null);
    let sha256 = b64::encode_hex(r.document_sha256);
    Json::object([("index", index), ("document_sha256", sha256.into())])
}
