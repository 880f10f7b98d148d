//! What callers are told: problem details (RFC 9457), and the challenge of RFC 9470.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::jcs;
use placet_proto::json::Json;

use super::admit::{Asked, REQUEST, Stop};
use super::headers;
use super::refusal::Refusal;
use crate::tokens::challenge::insufficient_user_authentication;

/// Where the kinds of problems are described.
const KINDS: &str = "https://github.com/placet-project/placet/docs/gateway-http#";
/// Seconds after which a client may look again.
const RETRY_S: u16 = 5;

/// An answer before it is HTTP, so that Envoy can be told the same.
#[derive(Debug, Clone)]
pub struct Told {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, problem details in JSON.
    pub body: Vec<u8>,
}

impl Told {
    /// What stops a call. `base` is the gateway's public address.
    #[must_use]
    pub fn of(stop: &Stop, base: Option<&str>) -> Self {
        match stop {
            Stop::Refused(refusal) => Self::refused(refusal),
            Stop::Waiting(asked) => Self::waiting(asked, base.unwrap_or_default()),
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        let status = refusal.status();
        let mut told = Self::problem(status, refusal.code(), &refusal.to_string(), &[]);
        if let Refusal::Identity(error) = refusal
            && status == StatusCode::UNAUTHORIZED
        {
            for value in error.www_authenticate() {
                told.headers.append(header::WWW_AUTHENTICATE, headers::value(&value));
            }
        }
        if let Refusal::StepUp(step, scheme) = refusal {
            let wanted = std::slice::from_ref(&step.acr);
            let value = insufficient_user_authentication(scheme, wanted, None);
            told.headers.append(header::WWW_AUTHENTICATE, headers::value(&value));
        }
        if let Refusal::Rate(time) = refusal {
            let seconds = time.as_millis().div_ceil(1000).clamp(1, u128::from(u16::MAX));
            let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
            told.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            told.headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_S));
        }
        told
    }

    /// 401 with a challenge; for clients that want to look at a task themselves 403 with its link
    /// (ARAP).
    fn waiting(asked: &Asked, base: &str) -> Self {
        let status = match asked.wishes.task {
            true => StatusCode::FORBIDDEN,
            false => StatusCode::UNAUTHORIZED,
        };
        let endpoint = format!("{base}/.placet/requests/{}", asked.request);
        let mut task = Json::object([
            ("id", Json::from(asked.request.as_str())),
            ("status", "pending".into()),
            ("status_endpoint", endpoint.into()),
        ]);
        if let Some(end) = asked.answer_by {
            task.insert("answer_by", end.to_string().into());
        }
        let detail = "a person has to approve this request; then repeat it with Placet-Request";
        let more = [("request", Json::from(asked.request.as_str())), ("task", task)];
        let mut told = Self::problem(status, "gateway.approval_required", detail, &more);
        if !asked.wishes.task {
            let standard = || insufficient_user_authentication("Bearer", &["phr".to_owned()], None);
            let value = asked.challenge.clone().unwrap_or_else(standard);
            told.headers.insert(header::WWW_AUTHENTICATE, headers::value(&value));
        }
        told.headers.insert(HeaderName::from_static(REQUEST), headers::value(&asked.request));
        told.headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_S));
        told
    }

    fn problem(status: StatusCode, code: &str, detail: &str, more: &[(&str, Json)]) -> Self {
        let title = status.canonical_reason().unwrap_or("Refused");
        let mut body = Json::object([
            ("type", Json::from(format!("{KINDS}{code}"))),
            ("title", title.into()),
            ("status", Json::try_from(u64::from(status.as_u16())).unwrap_or(Json::Null)),
            ("code", code.into()),
            ("detail", detail.into()),
        ]);
        for (name, value) in more {
            body.insert(*name, value.clone());
        }
        let mut headers = HeaderMap::new();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self { status, headers, body: jcs::to_bytes(&body) }
    }
}

/// What stops a call, as an answer.
pub fn stopped(stop: &Stop, base: Option<&str>) -> Response {
    let told = Told::of(stop, base);
    let mut response = (told.status, told.body).into_response();
    *response.headers_mut() = told.headers;
    response
}

/// 404, for paths below `/.placet/` that are none.
pub async fn nothing_here() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
