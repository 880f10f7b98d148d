//! Answers of a foreign decision point, read tolerantly where the standard is open and strictly
//! where it is not.

use placet_proto::json::{self, Json};

use super::{Reply, unavailable};
use crate::{
    obligations::{self, Obligation},
    pdp::Denial,
};

/// The longest answer, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub decision: bool,
    pub obligations: Vec<Obligation>,
}

/// Reads the answer to an evaluation.
pub(super) fn read(reply: &Reply) -> Result<Answer, Denial> {
    let value = body(reply)?;
    let Some(Json::Bool(decision)) = value.get("decision") else {
        return Err(unusable("it has no decision that is true or false"));
    };
    let obligations = match value.get("context") {
        None | Some(Json::Null) => Vec::new(),
        Some(context) if context.as_object().is_none() => {
            return Err(unusable("its context is no object"));
        }
        // A permit with obligations that nobody can read is a permit that nobody can enforce.
        Some(context) => obligations::read(context).map_err(unusable)?,
    };
    Ok(Answer { decision: *decision, obligations })
}

/// The JSON object of a reply. The content type is not looked at: not all give one.
pub(super) fn body(reply: &Reply) -> Result<Json, Denial> {
    // What stands before it says that it is not there, or it says itself that it has no time.
    if matches!(reply.status, 429 | 502 | 503 | 504) {
        return Err(unavailable(format!("its status is {}", reply.status)));
    }
    if reply.status != 200 {
        return Err(unusable(format!("its status is {}", reply.status)));
    }
    if reply.truncated {
        return Err(unusable("it is too long, or broke off"));
    }
    let value = json::parse_limited(&reply.body, MAX_BYTES);
    let value = value.map_err(|e| unusable(format!("it is not acceptable JSON: {e}")))?;
    match value.as_object() {
        Some(_) => Ok(value),
        None => Err(unusable("it is no object")),
    }
}

pub(super) fn unusable(detail: impl Into<String>) -> Denial {
    Denial { code: "pdp.remote_answer", detail: format!("of the answer: {}", detail.into()) }
}
