//! An agent's side and an enforcement point's: AuthZEN, ARAP, consume, outcome.

use placet_proto::action::Action;
use placet_proto::b64;
use placet_proto::json::Json;

use super::{Client, segment, text};
use crate::error::Failure;

/// What the decision point answered.
#[derive(Debug)]
pub struct Decision {
    /// Whether the action may go ahead.
    pub permitted: bool,
    /// Why not, with the words for people if there are any.
    pub reason: Option<String>,
    /// What a submission says of this denial, if an approval can be asked for.
    pub denial: Option<Json>,
}

/// An access request that a person has to answer.
#[derive(Debug)]
pub struct Task {
    /// Its id, which is the request's.
    pub id: String,
    /// `pending`, `approved`, `denied`, `expired` or `cancelled`.
    pub status: String,
    /// The page on which a person answers.
    pub page: String,
    /// Until when it can be answered and its approval spent.
    pub expires_at: String,
    /// The approval, once there is one that can be used.
    pub approval: Option<Json>,
}

impl Client {
    /// Asks whether an action is permitted, with an approval that a task gave if there is one.
    ///
    /// # Errors
    /// Those of the service.
    pub fn evaluate(&self, action: &Action, approval: Option<Json>) -> Result<Decision, Failure> {
        let mut body = action.to_json();
        if let Some(approval) = approval {
            let mut context = action.context();
            context.insert("approval", approval);
            body.insert("context", context);
        }
        let answer = self.post_json("/access/v1/evaluation", &body, None)?;
        let permitted = answer.get("decision").and_then(Json::as_bool);
        let context = answer.get("context");
        Ok(Decision {
            permitted: permitted.ok_or_else(|| self.malformed("it has no decision"))?,
            reason: context.and_then(reason),
            denial: context.filter(|_| permitted == Some(false)).and_then(denial),
        })
    }

    /// Asks for an approval after a requestable denial, which [`Decision::denial`] tells.
    ///
    /// # Errors
    /// Those of the service.
    pub fn submit(&self, action: &Action, denial: &Json) -> Result<Task, Failure> {
        let mut body = action.to_json();
        body.insert("denial", denial.clone());
        read_task(&self.post_json("/access/v1/requests", &body, None)?)
    }

    /// Where a task stands.
    ///
    /// # Errors
    /// Those of the service.
    pub fn task(&self, id: &str) -> Result<Task, Failure> {
        read_task(&self.get_json(&format!("/access/v1/requests/{}", segment(id)?))?)
    }

    /// Spends the approvals of a request for exactly this action; when this returns the caller may
    /// act, once. Gives the index of the execution and whether an earlier call got the same answer.
    ///
    /// # Errors
    /// `consume.*`, and those of the service.
    pub fn consume(
        &self,
        request: &str,
        action: &Action,
        idempotency_key: &str,
    ) -> Result<(u64, bool), Failure> {
        let (kind, id) = action.subject_ref();
        let initiator = Json::object([("type", Json::from(kind)), ("id", id.into())]);
        let body = Json::object([
            ("request", Json::from(request)),
            ("initiator", initiator),
            ("action_digest", b64::encode_hex(action.digest()).into()),
            ("idempotency_key", idempotency_key.into()),
        ]);
        let answer = self.post_json("/v1/consume", &body, None)?;
        let index = answer.get("execution").and_then(|e| e.get("index")).and_then(Json::as_u64);
        let repeated = answer.get("repeated").and_then(Json::as_bool);
        index.zip(repeated).ok_or_else(|| self.malformed("it names no execution"))
    }

    /// Tells that the action ran.
    ///
    /// # Errors
    /// `outcome.conflict`, and those of the service.
    pub fn succeeded(&self, request: &str, action: &Action, detail: &str) -> Result<(), Failure> {
        let body = Json::object([
            ("request", Json::from(request)),
            ("result", "success".into()),
            ("action_digest", b64::encode_hex(action.digest()).into()),
            ("detail", detail.into()),
        ]);
        self.post_json("/v1/outcome", &body, None).map(drop)
    }
}

/// ARAP's `denial`: members of the denial's context, as they were.
fn denial(context: &Json) -> Option<Json> {
    let request = context.get("access_request")?;
    let mut out = Json::Object(Vec::new());
    let told = ["evaluation_id", "evaluated_at", "reason"].map(|name| (context, name));
    let asked = ["expires_at", "binding_token", "template"].map(|name| (request, name));
    for (of, name) in told.into_iter().chain(asked) {
        if let Some(value) = of.get(name) {
            out.insert(name, value.clone());
        }
    }
    Some(out)
}

fn reason(context: &Json) -> Option<String> {
    let reason = context.get("reason").and_then(Json::as_str)?;
    let words = context.get("reason_user").and_then(|r| r.get("en")).and_then(Json::as_str);
    Some(words.map_or_else(|| reason.to_owned(), |words| format!("{reason}: {words}")))
}

/// Member of a task's `display`: until when the request can be answered.
const ANSWER_BY: &str = "github.com/placet-project/answer_by";

fn read_task(answer: &Json) -> Result<Task, Failure> {
    let member = |path: &[&str]| text(answer, path);
    Ok(Task {
        id: member(&["task", "id"])?,
        status: member(&["task", "status"])?,
        page: member(&["task", "links", "review"])?,
        expires_at: member(&["task", "display", ANSWER_BY])
            .or_else(|_| member(&["task", "expires_at"]))?,
        approval: answer.get("result").and_then(|r| r.get("approval")).cloned(),
    })
}
