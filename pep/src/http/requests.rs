//! ARAP: asking for an approval, and following it.

use std::collections::{HashMap, VecDeque};
use std::sync::PoisonError;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use placet_ledger::http::evidence::MAX_WAIT_S;
use placet_ledger::http::problem::Fault;
use placet_ledger::service::{Ledger, RequestState, RequestView};
use placet_proto::action::Action;
use placet_proto::document::is_uuid_v4;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::decide::{DENIAL_S, approval_json, approved};
use super::input::{initiator_of, object};
use super::{Body, Pep, body, json_bytes, reply};

/// Seconds after which a pending task is worth another look.
const RETRY_S: u32 = 2;
/// Keys of repeated submissions that are remembered.
const MAX_REPEATS: usize = 4096;
/// Longest Idempotency-Key, in bytes.
const MAX_KEY: usize = 255;

/// Submissions by their Idempotency-Key, the oldest forgotten first.
#[derive(Default)]
pub struct Repeats {
    by_key: HashMap<Vec<u8>, String>,
    order: VecDeque<Vec<u8>>,
}

impl Repeats {
    /// Whether this key stands for this request, or for none yet.
    fn accepts(&mut self, key: &[u8], request: &str) -> bool {
        if let Some(known) = self.by_key.get(key) {
            return known == request;
        }
        if self.order.len() >= MAX_REPEATS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.order.push_back(key.to_vec());
        self.by_key.insert(key.to_vec(), request.to_owned());
        true
    }
}

/// `POST /access/v1/requests`: opens the request that a requestable denial offered.
pub async fn submit(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    reply(async {
        let value = object(&body(bytes)?, None)?;
        if value.get("items").is_some() {
            return Err(not_requestable("one action at a time can be approved"));
        }
        let action = Action::from_request(&value).map_err(|e| Fault::bad_request(e.to_string()))?;
        let denial = value.get("denial").unwrap_or(&Json::Null);
        let id = denial.get("evaluation_id").and_then(Json::as_str).filter(|id| is_uuid_v4(id));
        let id = id.ok_or_else(|| bad_binding("`denial.evaluation_id` is missing"))?.to_owned();
        let view = find(&pep, id).await?.ok_or_else(|| bad_binding("no such evaluation"))?;
        check_binding(&pep, &view, &action)?;
        if let Some(key) = headers.get("idempotency-key") {
            let key = key.as_bytes();
            if key.is_empty() || key.len() > MAX_KEY {
                return Err(Fault::bad_request("an Idempotency-Key has 1 to 255 bytes"));
            }
            let mut repeats = pep.0.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            if !repeats.accepts(key, &view.row.id) {
                let detail = "this Idempotency-Key was used for another request";
                return Err(problem(StatusCode::CONFLICT, DUPLICATE, "duplicate_request", detail));
            }
        }
        if view.row.state == RequestState::Offered {
            let id = view.row.id.clone();
            pep.0.app.run(move |app| app.ledger().submit(&id)).await?;
        }
        let view = find(&pep, view.row.id).await?.ok_or_else(unknown_task)?;
        task_response(&pep, view, StatusCode::ACCEPTED).await
    })
    .await
}

/// `?wait=SECONDS`: a longer look at a pending task, beside what the profile defines.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Wait {
    #[serde(default)]
    wait: u64,
}

/// `GET /access/v1/requests/{task}`.
pub async fn task(
    State(pep): State<Pep>,
    Path(task): Path<String>,
    query: Result<Query<Wait>, QueryRejection>,
) -> Response {
    reply(async {
        let Query(query) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
        let wait = query.wait.min(MAX_WAIT_S);
        let view = find(&pep, task).await?.ok_or_else(unknown_task)?;
        if wait > 0 && view.row.state == RequestState::Open {
            let (id, wait) = (&view.row.id, Duration::from_secs(wait));
            pep.0.app.ledger().wait_for_change(id, RequestState::Open, wait).await?;
        }
        let view = find(&pep, view.row.id).await?.ok_or_else(unknown_task)?;
        if view.row.state == RequestState::Offered {
            return Err(unknown_task());
        }
        task_response(&pep, view, StatusCode::OK).await
    })
    .await
}

/// `POST /access/v1/requests/{task}/cancel`.
pub async fn cancel(State(pep): State<Pep>, Path(task): Path<String>) -> Response {
    reply(async {
        let view = find(&pep, task).await?.ok_or_else(unknown_task)?;
        let id = view.row.id.clone();
        let reason = "withdrawn by who asked";
        let cancelled = pep.0.app.run(move |app| app.ledger().cancel(&id, reason)).await;
        if let Err(error) = cancelled {
            return Err(match error.code() {
                "request.ended" | "request.state" => {
                    let detail = "the task has ended";
                    problem(StatusCode::CONFLICT, STATE, "invalid_task_state", detail)
                }
                _ => error.into(),
            });
        }
        let view = find(&pep, view.row.id).await?.ok_or_else(unknown_task)?;
        task_response(&pep, view, StatusCode::OK).await
    })
    .await
}

async fn find(pep: &Pep, id: String) -> Result<Option<RequestView>, Fault> {
    let found = pep.0.app.run(move |app| match app.ledger().request(&id) {
        Ok(view) => Ok(Some(view)),
        Err(error) if error.code() == "request.unknown" => Ok(None),
        Err(error) => Err(error),
    });
    Ok(found.await?)
}

/// The submission is of the action that was denied, by the same agent, and in time.
fn check_binding(pep: &Pep, view: &RequestView, action: &Action) -> Result<(), Fault> {
    let ledger = pep.0.app.ledger();
    let decision = &view.decision;
    if decision.audience != ledger.config().audience {
        return Err(bad_binding("another PEP asked"));
    }
    if decision.action.digest() != action.digest() || decision.initiator != initiator_of(action) {
        return Err(bad_binding("another action was denied"));
    }
    let asked_in_time = ledger.now().0 < decision.at.0.saturating_add(DENIAL_S);
    if view.row.state == RequestState::Offered && !asked_in_time {
        let detail = "the denial is too old; evaluate again";
        return Err(problem(StatusCode::GONE, EXPIRED, "expired_denial", detail));
    }
    Ok(())
}

async fn task_response(
    pep: &Pep,
    view: RequestView,
    status: StatusCode,
) -> Result<Response, Fault> {
    let worker = pep.clone();
    let (body, pending) = pep
        .0
        .app
        .run(move |app| {
            let pending = status_of(view.row.state) == "pending";
            Ok((task_json(&worker, app.ledger(), &view), pending))
        })
        .await?;
    let mut response = json_bytes(status, jcs::to_bytes(&body));
    if pending {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_S));
    }
    Ok(response)
}

fn task_json(pep: &Pep, ledger: &Ledger, view: &RequestView) -> Json {
    let row = &view.row;
    let endpoint = pep.url(&format!("/access/v1/requests/{}", row.id));
    let approvals = view.answers.iter().filter(|a| !a.denial).count();
    let steps = |n: u64| Json::from(u32::try_from(n).unwrap_or(u32::MAX));
    let progress = Json::object([
        ("current_step", steps(approvals as u64)),
        ("total_steps", steps(row.required)),
    ]);
    let links = Json::object([
        ("review", Json::from(pep.url(&format!("/approve/{}", row.id)))),
        ("cancel", format!("{endpoint}/cancel").into()),
    ]);
    let task = Json::object([
        ("id", Json::from(row.id.as_str())),
        ("status", status_of(row.state).into()),
        ("status_endpoint", endpoint.into()),
        ("expires_at", row.not_after.to_string().into()),
        ("progress", progress),
        ("links", links),
    ]);
    let mut out = Json::object([("task", task)]);
    if row.state == RequestState::Approved
        && let Ok(approved) = approved(ledger, view, view.raw.clone())
    {
        let result = [("mode", Json::from("reevaluate")), ("approval", approval_json(&approved))];
        out.insert("result", Json::object(result));
    }
    out
}

/// ARAP's word for a state. What is spent stays approved, without a result to use.
fn status_of(state: RequestState) -> &'static str {
    match state {
        RequestState::Offered | RequestState::Open => "pending",
        RequestState::Approved | RequestState::Executed | RequestState::Done => "approved",
        RequestState::Denied => "denied",
        RequestState::Expired => "expired",
        RequestState::Cancelled => "cancelled",
    }
}

const NOT_REQUESTABLE: &str = "urn:openid:authzen:access-request:error:not_requestable";
const BINDING: &str = "urn:openid:authzen:access-request:error:invalid_denial_binding";
const EXPIRED: &str = "urn:openid:authzen:access-request:error:expired_denial";
const DUPLICATE: &str = "urn:openid:authzen:access-request:error:duplicate_request";
const UNKNOWN: &str = "urn:openid:authzen:access-request:error:unknown_task";
const STATE: &str = "urn:openid:authzen:access-request:error:invalid_task_state";

fn problem(status: StatusCode, kind: &'static str, word: &str, detail: &str) -> Fault {
    Fault::new(status, word, &format!("arap.{word}"), detail).with_kind(kind)
}

fn not_requestable(detail: &str) -> Fault {
    problem(StatusCode::BAD_REQUEST, NOT_REQUESTABLE, "not_requestable", detail)
}

fn bad_binding(detail: &str) -> Fault {
    problem(StatusCode::BAD_REQUEST, BINDING, "invalid_denial_binding", detail)
}

fn unknown_task() -> Fault {
    problem(StatusCode::NOT_FOUND, UNKNOWN, "unknown_task", "no such task")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_one_request_and_memory_is_bounded() {
        let mut repeats = Repeats::default();
        assert!(repeats.accepts(b"k", "a") && repeats.accepts(b"k", "a"));
        assert!(!repeats.accepts(b"k", "b"));
        for i in 0..MAX_REPEATS {
            assert!(repeats.accepts(&i.to_be_bytes(), "c"));
        }
        assert_eq!((repeats.by_key.len(), repeats.order.len()), (MAX_REPEATS, MAX_REPEATS));
        assert!(repeats.accepts(b"k", "b"), "the oldest is forgotten");
    }
}
