//! Enforcement before an axum or tower service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use placet_proto::action::Action;
use placet_proto::jcs;
use placet_proto::json::Json;
use tower::{Layer, Service, ServiceExt as _};

use super::pending::Progress;
use super::{
    Denied, EnforceError, Enforcer, Intent, Outcome, Payload, Pending, Permit, Requestable, Verdict,
};
use crate::obligations::Obligation;

/// Bytes of a request's body that are buffered, hashed and forwarded, unless
/// [`EnforceLayer::limit`] says otherwise.
const BODY_LIMIT: usize = 1 << 20;
/// Media type of a body whose sender states none (RFC 9110 8.3).
const UNKNOWN_MEDIA: &str = "application/octet-stream";

/// What the service has to do before it acts on a request; an extension of every request that
/// [`EnforceLayer`] forwards. All of it is among [`super::Settings::fulfils`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obligations(pub Vec<Obligation>);

type Mapping = dyn Fn(&Parts, &Bytes) -> Result<Action, EnforceError> + Send + Sync;

/// An answer to a request that needs an approval, on its way.
pub type Challenging<'a> =
    Pin<Box<dyn Future<Output = Result<Challenged, EnforceError>> + Send + 'a>>;

/// What to do about a request that needs an approval.
#[derive(Debug)]
pub enum Challenged {
    /// It was approved meanwhile: forward it.
    Proceed(Permit),
    /// Answer the client with this.
    Answer(Response<Body>),
}

/// How clients are told that an approval is needed: a task to look at ([`Tasks`]), or a challenge
/// of another protocol.
pub trait Challenge: Send + Sync + 'static {
    /// Answers, or finds that the request may proceed.
    ///
    /// # Errors
    /// Any [`EnforceError`]; the client gets it as problem details and nothing is forwarded.
    fn challenge<'a>(&'a self, parts: &'a Parts, requestable: Requestable) -> Challenging<'a>;
}

/// Asks persons, waits for them as long as it may, and answers 403 with the task's id otherwise.
/// The client sends the same request again later: it joins the same task, and is forwarded once
/// that is approved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tasks {
    /// How long a request is held while persons are asked.
    pub patience: Duration,
}

impl Challenge for Tasks {
    fn challenge<'a>(&'a self, _: &'a Parts, requestable: Requestable) -> Challenging<'a> {
        Box::pin(async move {
            let pending = requestable.submit().await?;
            if matches!(pending.at_submission(), Progress::Open(_)) && self.patience.is_zero() {
                return Ok(Challenged::Answer(waiting(&pending)));
            }
            match pending.wait(self.patience).await {
                Ok(Verdict::Permitted(permit)) => Ok(Challenged::Proceed(permit)),
                Ok(Verdict::Denied(denied)) => Err(EnforceError::Denied(denied)),
                Ok(Verdict::NeedsApproval(_)) | Err(EnforceError::Waiting) => {
                    Ok(Challenged::Answer(waiting(&pending)))
                }
                Err(error) => Err(error),
            }
        })
    }
}

/// A [`Layer`] that forwards a request only if it is permitted, with exactly the body that was
/// hashed.
///
/// What is bound is the action that the mapping makes of a request, and media type, length and
/// SHA-256 of the body. Whatever else bears on what the service does (method, path, query, a
/// header) has to be in the action: [`described`](EnforceLayer::described) makes members of it.
#[derive(Clone)]
pub struct EnforceLayer {
    enforcer: Enforcer,
    mapping: Arc<Mapping>,
    challenge: Arc<dyn Challenge>,
    limit: usize,
}

impl EnforceLayer {
    /// A layer that makes an action of a request by `mapping`, which gets the request's head and
    /// its whole body; a request that it can't map ([`EnforceError::Unmapped`]) is refused.
    #[must_use]
    pub fn new(
        enforcer: Enforcer,
        mapping: impl Fn(&Parts, &Bytes) -> Result<Action, EnforceError> + Send + Sync + 'static,
    ) -> Self {
        let challenge = Arc::new(Tasks::default());
        Self { enforcer, mapping: Arc::new(mapping), challenge, limit: BODY_LIMIT }
    }

    /// Tells clients in another way that an approval is needed.
    #[must_use]
    pub fn challenge(self, challenge: impl Challenge) -> Self {
        Self { challenge: Arc::new(challenge), ..self }
    }

    /// Longest body, in bytes.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// What a request says of itself, as members of `action.properties`: `method`, `path`, `query`
    /// if there is one, and under `headers` each of these that it has, as an array of its values.
    ///
    /// # Errors
    /// `enforce.unmapped` for a header among them that is no text.
    pub fn described(parts: &Parts, headers: &[&str]) -> Result<Json, EnforceError> {
        let mut out = Json::object([
            ("method", Json::from(parts.method.as_str())),
            ("path", parts.uri.path().into()),
        ]);
        if let Some(query) = parts.uri.query() {
            out.insert("query", query.into());
        }
        let mut chosen = Json::Object(Vec::new());
        for name in headers {
            let values = parts.headers.get_all(*name).iter();
            let texts = values.map(|v| v.to_str().map(Json::from)).collect::<Result<Vec<_>, _>>();
            let texts = texts.map_err(|_| EnforceError::Unmapped("a header is no text"))?;
            if !texts.is_empty() {
                chosen.insert(name.to_ascii_lowercase(), texts.into());
            }
        }
        out.insert("headers", chosen);
        Ok(out)
    }

    async fn permitted(
        &self,
        parts: &Parts,
        bytes: &Bytes,
    ) -> Result<(Intent, Challenged), EnforceError> {
        let mut intent = Intent::new((self.mapping)(parts, bytes)?);
        if !bytes.is_empty() {
            let media = parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str);
            let media = media.transpose();
            let media = media.map_err(|_| EnforceError::Unmapped("its content type is no text"))?;
            let payload = Payload::new(media.unwrap_or(UNKNOWN_MEDIA), bytes.clone());
            intent = intent.with_payload(payload);
        }
        let challenged = match self.enforcer.evaluate(&intent).await? {
            Verdict::Permitted(permit) => Challenged::Proceed(permit),
            Verdict::Denied(denied) => return Err(EnforceError::Denied(denied)),
            Verdict::NeedsApproval(requestable) => {
                self.challenge.challenge(parts, requestable).await?
            }
        };
        Ok((intent, challenged))
    }

    async fn handle<S>(
        &self,
        request: Request<Body>,
        mut inner: S,
    ) -> Result<Response<Body>, S::Error>
    where
        S: Service<Request<Body>, Response = Response<Body>> + Send + 'static,
        S::Future: Send,
        S::Error: Send,
    {
        let (parts, body) = request.into_parts();
        let Ok(bytes) = to_bytes(body, self.limit).await else {
            return Ok(problem(&EnforceError::TooLarge(self.limit)));
        };
        let (intent, permit) = match self.permitted(&parts, &bytes).await {
            Ok((intent, Challenged::Proceed(permit))) => (intent, permit),
            Ok((_, Challenged::Answer(response))) => return Ok(response),
            Err(error) => return Ok(problem(&error)),
        };
        // A service that is not ready has not begun: nothing is spent for it.
        inner.ready().await?;
        // What has begun goes on when the client leaves, so that its outcome is known.
        match tokio::spawn(forward(permit, intent, parts, inner)).await {
            Ok(answered) => answered,
            Err(stopped) => match stopped.try_into_panic() {
                // As if it had happened here; its outcome is `unknown` by now.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Ok(problem(&EnforceError::Unavailable("the program ends".to_owned()))),
            },
        }
    }
}

/// Spends what the permit rests on, forwards the request once, and records the outcome.
async fn forward<S>(
    permit: Permit,
    intent: Intent,
    mut parts: Parts,
    mut ready: S,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let (running, intent) = match permit.begin(intent).await {
        Ok(begun) => begun,
        Err(error) => return Ok(problem(&error)),
    };
    parts.extensions.insert(Obligations(running.obligations().to_vec()));
    let bytes = intent.into_parts().1.map(Payload::into_bytes).unwrap_or_default();
    // The body is whole now, whatever way it came in.
    parts.headers.remove(header::TRANSFER_ENCODING);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let answered = ready.call(Request::from_parts(parts, Body::from(bytes))).await;
    let outcome = match &answered {
        Ok(response) if response.status().as_u16() < 400 => Outcome::success(""),
        Ok(response) => Outcome::failure(&format!("HTTP {}", response.status().as_u16())),
        Err(_) => Outcome::failure("the service failed"),
    };
    if let Err(error) = running.finish(outcome).await {
        tracing::warn!(code = error.code(), "the outcome of a request is not on record");
    }
    answered
}

impl<S> Layer<S> for EnforceLayer {
    type Service = EnforceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EnforceService { layer: self.clone(), inner }
    }
}

/// What [`EnforceLayer`] makes of a service.
#[derive(Clone)]
pub struct EnforceService<S> {
    layer: EnforceLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for EnforceService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    /// Always ready: the inner service is waited for once a request is permitted.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (layer, inner) = (self.layer.clone(), self.inner.clone());
        Box::pin(async move { layer.handle(request, inner).await })
    }
}

/// 403 with the task, for clients that will look again.
fn waiting(pending: &Pending) -> Response<Body> {
    let mut body = words(StatusCode::FORBIDDEN, "enforce.waiting", "a person has to approve this");
    let mut task = Json::object([("id", Json::from(pending.id())), ("status", "pending".into())]);
    if let Some(end) = pending.answer_by() {
        task.insert("answer_by", end.to_string().into());
    }
    body.insert("task", task);
    let retry = match pending.at_submission() {
        Progress::Open(retry) => *retry,
        _ => Duration::ZERO,
    };
    respond(StatusCode::FORBIDDEN, &body, Some(retry.max(Duration::from_secs(1))))
}

/// An error as problem details (RFC 9457). What the ledger said stays here: clients are not the
/// ledger's.
fn problem(error: &EnforceError) -> Response<Body> {
    let (status, detail) = match error {
        EnforceError::Denied(denied) => (StatusCode::FORBIDDEN, denied_words(denied)),
        EnforceError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        EnforceError::Unmapped(_) | EnforceError::Action(_) => {
            (StatusCode::FORBIDDEN, error.to_string())
        }
        EnforceError::Mismatch(_)
        | EnforceError::Repeated
        | EnforceError::Stale
        | EnforceError::Obligation(_)
        | EnforceError::Evidence { .. }
        | EnforceError::Waiting => (StatusCode::FORBIDDEN, "it is not permitted now".to_owned()),
        EnforceError::Refused { status, .. } if (400..500).contains(status) && *status != 429 => {
            (StatusCode::FORBIDDEN, "it is not permitted now".to_owned())
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, "no decision could be had".to_owned()),
    };
    if !matches!(error, EnforceError::Denied(_)) {
        tracing::warn!(code = error.code(), ledger = error.ledger_code(), "a request is refused");
    }
    let retry = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(2));
    respond(status, &words(status, error.code(), &detail), retry)
}

fn denied_words(denied: &Denied) -> String {
    denied.reason_user.clone().unwrap_or_else(|| denied.reason.clone())
}

fn words(status: StatusCode, code: &str, detail: &str) -> Json {
    Json::object([
        ("type", Json::from("about:blank")),
        ("title", status.canonical_reason().unwrap_or("Error").into()),
        ("status", Json::try_from(u64::from(status.as_u16())).unwrap_or(Json::Null)),
        ("code", code.into()),
        ("detail", detail.into()),
    ])
}

fn respond(status: StatusCode, body: &Json, retry: Option<Duration>) -> Response<Body> {
    let mut response = Response::new(Body::from(jcs::to_bytes(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let media = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(retry) = retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry.as_secs()));
    }
    response
}
