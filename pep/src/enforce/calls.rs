//! The calls of an enforcement point, and how their answers are read. Every answer has to be one
//! to this very call; what is not understood permits nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use placet_proto::b64;
use placet_proto::document::{Digest, Initiator, OutcomeResult, Raw, is_uuid_v4};
use placet_proto::jcs;
use placet_proto::json::{self, Json};
use uuid::Uuid;

use super::EnforceError;
use super::error::cut;
use super::ledger::Ledger;
use crate::obligations::{self, Obligation};

/// Largest answer in JSON, in bytes.
const MAX_JSON: usize = 1 << 20;
/// Longest time for which a ledger's word is taken when it says to come back later.
const MAX_RETRY: Duration = Duration::from_secs(60);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is asked, whoever it is asked of.
pub(super) struct Ask<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Json>,
    idempotency_key: Option<&'a str>,
    time: Duration,
    max_answer: usize,
}

impl<'a> Ask<'a> {
    fn get(path: &'a str, time: Duration) -> Self {
        let (method, max_answer) = (Method::GET, MAX_JSON);
        Self { method, path, body: None, idempotency_key: None, time, max_answer }
    }

    fn post(path: &'a str, body: &'a Json, time: Duration) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path, time) }
    }
}

/// A decision.
pub(super) struct Decision {
    pub permitted: bool,
    pub context: Json,
}

/// Where a task stands.
pub(super) struct TaskState {
    pub id: String,
    pub status: String,
    pub review: Option<String>,
    pub answer_by: Option<String>,
    pub approval: Option<Json>,
    pub retry_after: Duration,
}

/// An approval that was spent.
pub(super) struct Spent {
    /// Whether this call repeats one that was answered before.
    pub repeated: bool,
    /// What is to be done before anybody acts; or why that can't be read.
    pub obligations: Result<Vec<Obligation>, &'static str>,
}

/// What a consume is about, and the outcome after it.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    /// The idempotency key, of one permit alone: who spent, and so whose outcome counts.
    pub key: String,
    pub request: String,
    pub initiator: Initiator,
    pub action_digest: Digest,
    pub raw: Option<Raw>,
}

/// The calls.
#[derive(Clone)]
pub(super) struct Calls(pub Arc<dyn Ledger>);

impl Calls {
    /// `POST /access/v1/evaluation`. `action` is the request in JSON, with the approval if any.
    pub async fn evaluate(
        &self,
        action: Json,
        raw: Option<&Raw>,
        time: Duration,
    ) -> Result<Decision, EnforceError> {
        let mut body = action;
        if let Some(raw) = raw {
            body.insert("raw", raw_json(raw));
        }
        let (answer, _) = self.json(&Ask::post("/access/v1/evaluation", &body, time)).await?;
        let permitted = answer.get("decision").and_then(Json::as_bool);
        let permitted = permitted.ok_or(EnforceError::Answer("it has no decision"))?;
        let empty = Json::Object(Vec::new());
        let context = answer.get("context").cloned().unwrap_or(empty);
        match context.as_object() {
            Some(_) => Ok(Decision { permitted, context }),
            None => Err(EnforceError::Answer("its context is no object")),
        }
    }

    /// `POST /access/v1/requests`.
    pub async fn submit(
        &self,
        body: &Json,
        key: &str,
        time: Duration,
    ) -> Result<TaskState, EnforceError> {
        let ask = Ask::post("/access/v1/requests", body, time);
        let (answer, retry) = self.json(&Ask { idempotency_key: Some(key), ..ask }).await?;
        task_state(&answer, retry)
    }

    /// `GET /access/v1/requests/{task}`; with `wait` the ledger answers when something changes.
    pub async fn task(
        &self,
        id: &str,
        wait: Duration,
        time: Duration,
    ) -> Result<TaskState, EnforceError> {
        let path = match wait.as_secs() {
            0 => format!("/access/v1/requests/{id}"),
            seconds => format!("/access/v1/requests/{id}?wait={seconds}"),
        };
        let time = time.saturating_add(wait);
        let (answer, retry) = self.json(&Ask::get(&path, time)).await?;
        let state = task_state(&answer, retry)?;
        match state.id == id {
            true => Ok(state),
            false => Err(EnforceError::Answer("it is about another task")),
        }
    }

    /// `POST /access/v1/requests/{task}/cancel`.
    pub async fn cancel(&self, id: &str, time: Duration) -> Result<(), EnforceError> {
        let path = format!("/access/v1/requests/{id}/cancel");
        let body = Json::Object(Vec::new());
        self.json(&Ask::post(&path, &body, time)).await.map(drop)
    }

    /// `POST /v1/consume`.
    pub async fn consume(&self, bound: &Bound, time: Duration) -> Result<Spent, EnforceError> {
        let initiator = [
            ("type", Json::from(bound.initiator.kind.as_str())),
            ("id", bound.initiator.id.as_str().into()),
        ];
        let mut body = bound_json(bound);
        body.insert("initiator", Json::object(initiator));
        let (answer, _) = self.json(&Ask::post("/v1/consume", &body, time)).await?;
        check_reference(answer.get("execution"))?;
        let repeated = answer.get("repeated").and_then(Json::as_bool);
        let unsaid = EnforceError::Answer("it does not say whether the call was repeated");
        let repeated = repeated.ok_or(unsaid)?;
        Ok(Spent { repeated, obligations: obligations::read(&answer) })
    }

    /// `POST /v1/outcome`. The ledger refuses it where another key spent the approval.
    pub async fn outcome(
        &self,
        bound: &Bound,
        result: OutcomeResult,
        detail: &str,
        time: Duration,
    ) -> Result<(), EnforceError> {
        let mut body = bound_json(bound);
        body.insert("result", result.name().into());
        if !detail.is_empty() {
            body.insert("detail", detail.into());
        }
        let (answer, _) = self.json(&Ask::post("/v1/outcome", &body, time)).await?;
        check_reference(answer.get("outcome"))
    }

    /// `GET /v1/requests/{request}`: whether an execution is recorded and no outcome yet.
    pub async fn is_running(&self, request: &str, time: Duration) -> Result<bool, EnforceError> {
        let path = format!("/v1/requests/{request}");
        let (answer, _) = self.json(&Ask::get(&path, time)).await?;
        if answer.get("request").and_then(Json::as_str) != Some(request) {
            return Err(EnforceError::Answer("it is about another request"));
        }
        Ok(answer.get("execution").is_some() && answer.get("outcome").is_none())
    }

    /// `GET /v1/evidence/{request}`: the bundle, closed within `wait` if that is possible.
    pub async fn evidence(
        &self,
        request: &str,
        wait: Duration,
        time: Duration,
    ) -> Result<Bytes, EnforceError> {
        let path = match wait.as_secs() {
            0 => format!("/v1/evidence/{request}"),
            seconds => format!("/v1/evidence/{request}?wait={seconds}"),
        };
        let max_answer = placet_proto::bundle::MAX_BUNDLE;
        let ask = Ask { max_answer, ..Ask::get(&path, time.saturating_add(wait)) };
        self.send(&ask).await.map(Response::into_body)
    }

    async fn json(&self, ask: &Ask<'_>) -> Result<(Json, Duration), EnforceError> {
        let answer = self.send(ask).await?;
        let media = answer.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let media = media.and_then(|media| media.split(';').next()).unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(EnforceError::Answer("it is no JSON"));
        }
        let retry = retry_after(&answer).unwrap_or_default();
        let json = json::parse_limited(answer.body(), MAX_JSON);
        let json = json.map_err(|_| EnforceError::Answer("it is no acceptable JSON"))?;
        Ok((json, retry))
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Response<Bytes>, EnforceError> {
        let id = Uuid::new_v4().to_string();
        let body = ask.body.map(|body| Bytes::from(jcs::to_bytes(body)));
        let mut request = Request::builder().method(&ask.method).uri(ask.path);
        request = request.header(&REQUEST_ID, &id);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(key) = ask.idempotency_key {
            request = request.header(&IDEMPOTENCY_KEY, key);
        }
        let request = request.body(body.unwrap_or_default());
        let request = request.map_err(|e| EnforceError::Config(e.to_string()))?;
        let called = tokio::time::timeout(ask.time, self.0.call(request, ask.max_answer));
        let answer = called.await.map_err(|_| EnforceError::Timeout)??;
        let status = answer.status();
        let of_us = answer.headers().get(&REQUEST_ID).map(HeaderValue::as_bytes);
        // A proxy says so by itself: the ledger may or may not have heard, and permits nothing.
        if matches!(status.as_u16(), 502..=504) && of_us.is_none() {
            return Err(EnforceError::Unavailable(format!("HTTP {}", status.as_u16())));
        }
        // An answer that was mixed up on the way, or that stood in a cache, is to another call.
        if of_us != Some(id.as_bytes()) {
            return Err(EnforceError::Answer("it is to another call (X-Request-ID)"));
        }
        match status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => Ok(answer),
            _ => Err(refused(&answer)),
        }
    }
}

fn refused(answer: &Response<Bytes>) -> EnforceError {
    let problem = json::parse_limited(answer.body(), MAX_JSON).ok();
    let member = |name: &str| {
        let text = problem.as_ref().and_then(|p| p.get(name)).and_then(Json::as_str);
        cut(text.unwrap_or_default())
    };
    EnforceError::Refused {
        status: answer.status().as_u16(),
        code: member("code"),
        detail: member("detail"),
        retry_after: retry_after(answer),
    }
}

fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY))
}

fn task_state(answer: &Json, retry: Duration) -> Result<TaskState, EnforceError> {
    let task = answer.get("task").ok_or(EnforceError::Answer("it has no task"))?;
    let text = |name: &str| task.get(name).and_then(Json::as_str);
    // It becomes a part of paths.
    let id = text("id").filter(|id| is_uuid_v4(id));
    let id = id.ok_or(EnforceError::Answer("its task has no id"))?.to_owned();
    let status = text("status").ok_or(EnforceError::Answer("its task has no status"))?.to_owned();
    let link = task.get("links").and_then(|links| links.get("review")).and_then(Json::as_str);
    let display = task.get("display");
    let answer_by = display.and_then(|d| d.get("github.com/placet-project/answer_by"));
    let result = answer.get("result").filter(|_| status == "approved");
    let mode = result.and_then(|r| r.get("mode")).and_then(Json::as_str);
    // What another mode would mean is not known here (ARAP: then it is not approved).
    let approval = result.filter(|_| mode == Some("reevaluate")).and_then(|r| r.get("approval"));
    Ok(TaskState {
        id,
        status,
        review: link.map(str::to_owned),
        answer_by: answer_by.and_then(Json::as_str).map(str::to_owned),
        approval: approval.cloned(),
        retry_after: retry,
    })
}

fn bound_json(bound: &Bound) -> Json {
    let mut body = Json::object([
        ("request", Json::from(bound.request.as_str())),
        ("action_digest", b64::encode_hex(bound.action_digest).into()),
        ("idempotency_key", bound.key.as_str().into()),
    ]);
    if let Some(raw) = &bound.raw {
        body.insert("raw", raw_json(raw));
    }
    body
}

fn raw_json(raw: &Raw) -> Json {
    Json::object([
        ("media_type", Json::from(raw.media_type.as_str())),
        ("length", Json::try_from(raw.length).unwrap_or(Json::Null)),
        ("sha256", b64::encode_hex(raw.sha256).into()),
    ])
}

/// A statement that was recorded: `{index, document_sha256}`.
fn check_reference(reference: Option<&Json>) -> Result<(), EnforceError> {
    let index = reference.and_then(|r| r.get("index")).and_then(Json::as_u64);
    let sha256 = reference.and_then(|r| r.get("document_sha256")).and_then(Json::as_str);
    let named = sha256.is_some_and(|text| b64::decode_hex_array::<32>(text).is_ok());
    match index {
        Some(_) if named => Ok(()),
        _ => Err(EnforceError::Answer("it names no statement")),
    }
}
