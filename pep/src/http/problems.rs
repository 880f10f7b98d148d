//! The problem types of ARAP ("Error Responses"), and two of our own for limits.

use axum::http::StatusCode;
use placet_ledger::http::problem::Fault;

const NOT_REQUESTABLE: &str = "urn:openid:authzen:access-request:error:not_requestable";
const BINDING: &str = "urn:openid:authzen:access-request:error:invalid_denial_binding";
const EXPIRED: &str = "urn:openid:authzen:access-request:error:expired_denial";
const DUPLICATE: &str = "urn:openid:authzen:access-request:error:duplicate_request";
const UNKNOWN: &str = "urn:openid:authzen:access-request:error:unknown_task";
const TASK_EXPIRED: &str = "urn:openid:authzen:access-request:error:task_expired";
const STATE: &str = "urn:openid:authzen:access-request:error:invalid_task_state";
/// The profile lets implementations name more, by URI.
const TOO_MANY: &str = "https://github.com/placet-project/placet/docs/arap#too_many_open";
const TOO_FAST: &str = "https://github.com/placet-project/placet/docs/arap#too_fast";

/// Seconds after which an agent with too many open requests may try again.
const CROWDED_S: u32 = 30;

/// 400: nobody can approve this.
pub fn not_requestable(detail: &str) -> Fault {
    problem(StatusCode::BAD_REQUEST, NOT_REQUESTABLE, "not_requestable", detail)
}

/// 400: the submission is not of the denial that it names.
pub fn bad_binding(detail: &str) -> Fault {
    problem(StatusCode::BAD_REQUEST, BINDING, "invalid_denial_binding", detail)
}

/// 410: too late to ask.
pub fn expired_denial() -> Fault {
    let detail = "the denial is too old; evaluate again";
    problem(StatusCode::GONE, EXPIRED, "expired_denial", detail)
}

/// 409: the key stands for another submission.
pub fn duplicate() -> Fault {
    let detail = "this Idempotency-Key was used with another body";
    problem(StatusCode::CONFLICT, DUPLICATE, "duplicate_request", detail)
}

/// 404: no task, or none for this caller.
pub fn unknown_task() -> Fault {
    problem(StatusCode::NOT_FOUND, UNKNOWN, "unknown_task", "no such task")
}

/// 410: the handle has ended.
pub fn task_expired() -> Fault {
    problem(StatusCode::GONE, TASK_EXPIRED, "task_expired", "the task handle has expired")
}

/// 409: not in this state.
pub fn task_state() -> Fault {
    problem(StatusCode::CONFLICT, STATE, "invalid_task_state", "the task has ended")
}

/// 429: as many requests of this agent wait for persons as may.
pub fn too_many_open() -> Fault {
    let detail = "too many requests of this agent wait for persons";
    let status = StatusCode::TOO_MANY_REQUESTS;
    problem(status, TOO_MANY, "too_many_open", detail).with_retry(CROWDED_S)
}

/// 429: this agent opens requests too fast.
pub fn too_fast(retry_s: u32) -> Fault {
    let detail = "this agent opens requests too fast";
    problem(StatusCode::TOO_MANY_REQUESTS, TOO_FAST, "too_fast", detail).with_retry(retry_s)
}

fn problem(status: StatusCode, kind: &'static str, word: &str, detail: &str) -> Fault {
    Fault::new(status, word, &format!("arap.{word}"), detail).with_kind(kind)
}
