//! Errors as HTTP answers, in the form that the path's specification asks for: CBOR problem details
//! (RFC 9290) for SCRAPI, JSON problem details (RFC 9457) for programs, plain text for the rest.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::cbor::{MapWriter, Writer};
use placet_proto::jcs;
use placet_proto::json::Json;

use crate::Error;
use crate::service::Refusal;

/// Seconds after which somebody who was told to come back may.
const RETRY_S: u32 = 2;

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// A short heading, the same for all errors of its kind. SCRAPI defines some.
    pub title: String,
    /// What happened, for people.
    pub detail: String,
    /// The stable code, for programs.
    pub code: String,
    /// A URI for the kind of error, where a specification defines one.
    pub kind: Option<&'static str>,
    /// Seconds after which it may go better.
    pub retry_s: Option<u32>,
}

impl Fault {
    /// An error with this status, heading, code and text.
    #[must_use]
    pub fn new(status: StatusCode, title: &str, code: &str, detail: impl Into<String>) -> Self {
        let (title, code) = (title.to_owned(), code.to_owned());
        Self { status, title, detail: detail.into(), code, kind: None, retry_s: None }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Malformed request", "http.malformed", detail)
    }

    /// 401: nobody that is known calls.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::unauthorized_with("http.token", "this needs a session or a bearer token")
    }

    /// 401 with this code and text.
    #[must_use]
    pub fn unauthorized_with(code: &str, detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", code, detail)
    }

    /// 403 with this code and text.
    #[must_use]
    pub fn forbidden(code: &str, detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", code, detail)
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found", "http.not_found", "nothing is here")
    }

    /// 405.
    #[must_use]
    pub fn method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "Method Not Allowed", "http.method", "this path has other methods")
    }

    /// 413.
    #[must_use]
    pub fn too_large() -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, "Content Too Large", "http.too_large", "the body is too long")
    }

    /// 415.
    #[must_use]
    pub fn media_type(wanted: &str) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let detail = format!("the body must be {wanted}");
        Self::new(status, "Unsupported Media Type", "http.media_type", detail)
    }

    /// 429.
    #[must_use]
    pub fn too_many() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "Too Many Requests", "http.rate", "come back a little later")
    }

    /// 421: the Host header names another server.
    #[must_use]
    pub fn misdirected() -> Self {
        let status = StatusCode::MISDIRECTED_REQUEST;
        let detail = "the Host header names no address of this server; see `public_url`";
        Self::new(status, "Misdirected Request", "http.host", detail)
    }

    /// 503 after too long a time.
    #[must_use]
    pub fn timeout() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(
            status,
            "Timeout",
            "http.timeout",
            "this took too long; look before you repeat it",
        )
    }

    /// The same with a problem type.
    #[must_use]
    pub fn with_kind(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// The same with a time to come back.
    #[must_use]
    pub fn with_retry(self, seconds: u32) -> Self {
        Self { retry_s: Some(seconds), ..self }
    }

    /// The answer, in the form for this path.
    #[must_use]
    pub fn response(&self, path: &str) -> Response {
        let (media_type, body) = match form(path) {
            Form::Cbor => ("application/concise-problem-details+cbor", self.cbor()),
            Form::Json => ("application/problem+json", self.json()),
            Form::Text => {
                let text = format!("{}: {}\n", self.title, self.detail);
                ("text/plain; charset=utf-8", text.into_bytes())
            }
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"placet\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        let later = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        if later.contains(&self.status) {
            headers.insert(header::RETRY_AFTER, self.retry_s.unwrap_or(RETRY_S).into());
        }
        response
    }

    fn cbor(&self) -> Vec<u8> {
        let mut map = MapWriter::new();
        map.int(-1, |w| w.text(&self.title)).int(-2, |w| w.text(&self.detail));
        let mut writer = Writer::new();
        writer.map(map);
        writer.into_bytes()
    }

    fn json(&self) -> Vec<u8> {
        jcs::to_bytes(&Json::object([
            ("type", Json::from(self.kind.unwrap_or("about:blank"))),
            ("title", self.title.as_str().into()),
            ("status", u32::from(self.status.as_u16()).into()),
            ("detail", self.detail.as_str().into()),
            ("code", self.code.as_str().into()),
        ]))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (code, status) = (error.code(), status_of(&error));
        if status.is_server_error() {
            tracing::error!(code, %error, "a request failed");
        }
        let title = status.canonical_reason().unwrap_or("Error");
        let detail = match status {
            // Paths of files are nobody's business.
            StatusCode::INTERNAL_SERVER_ERROR => {
                "an internal error; the server's log has more".into()
            }
            _ => error.to_string(),
        };
        Self::new(status, title, code, detail)
    }
}

/// The HTTP status of an error of the ledger.
#[must_use]
pub fn status_of(error: &Error) -> StatusCode {
    match error.code() {
        "request.unknown" | "person.unknown" | "enrol.unknown" | "invite.unknown"
        | "log.out_of_range" => StatusCode::NOT_FOUND,
        "log.erased" | "request.erased" | "invite.expired" | "invite.cancelled" => StatusCode::GONE,
        "request.invalid"
        | "jws.invalid"
        | "outbound.url"
        | "outbound.address"
        | "ledger.invalid_entry" => StatusCode::BAD_REQUEST,
        "person.not_authorised"
        | "answer.self_approval"
        | "answer.not_eligible"
        | "answer.assertion"
        | "enrol.code"
        | "enrol.unattested"
        | "invite.person"
        | "consume.not_approved" => StatusCode::FORBIDDEN,
        "request.state"
        | "request.expired"
        | "request.ended"
        | "request.policy_changed"
        | "answer.repeated"
        | "answer.document_unknown"
        | "enrol.repeated"
        | "enrol.signed"
        | "enrol.possession"
        | "enrol.authoriser"
        | "invite.used"
        | "person.ambiguous"
        | "people.last_administrator"
        | "erase.changed"
        | "recovery.running"
        | "recovery.early"
        | "recovery.objected"
        | "consume.conflict"
        | "outcome.spender"
        | "outcome.conflict" => StatusCode::CONFLICT,
        "agent.limit" => StatusCode::TOO_MANY_REQUESTS,
        "erase.unfinished" | "export.lag" | "ledger.busy" | "ledger.full" | "ledger.limit"
        | "ledger.stopped" | "ledger.timeout" | "witness.quorum" => StatusCode::SERVICE_UNAVAILABLE,
        _ => match error {
            // Bytes of a client's that do not parse, and policies that can't decide.
            Error::Proto(_) | Error::Refused(Refusal::Policy { .. }) => StatusCode::BAD_REQUEST,
            Error::Witness(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

enum Form {
    Cbor,
    Json,
    Text,
}

fn form(path: &str) -> Form {
    let below = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if below("/entries") || below("/.well-known/scitt-keys") {
        return Form::Cbor;
    }
    if [
        "/v1", "/access", "/enrol", "/approve", "/signin", "/push", "/signout", "/people",
        "/policy", "/events",
    ]
    .iter()
    .any(|p| below(p))
    {
        return Form::Json;
    }
    Form::Text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_gets_the_form_of_its_specification() {
        for (path, media_type) in [
            ("/entries", "application/concise-problem-details+cbor"),
            ("/entries/x", "application/concise-problem-details+cbor"),
            ("/.well-known/scitt-keys/x", "application/concise-problem-details+cbor"),
            ("/entriesx", "text/plain; charset=utf-8"),
            ("/v1/trust", "application/problem+json"),
            ("/log/tile/0/000", "text/plain; charset=utf-8"),
        ] {
            let response = Fault::not_found().response(path);
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            assert_eq!(response.headers()[header::CONTENT_TYPE], media_type, "{path}");
        }
        let retry = Fault::too_many().response("/entries");
        assert_eq!(retry.headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn problem_details_are_those_of_rfc_9290() {
        let fault = Fault::new(StatusCode::NOT_FOUND, "A", "x.y", "b");
        // {-1: "A", -2: "b"}
        assert_eq!(fault.cbor(), [0xa2, 0x20, 0x61, b'A', 0x21, 0x61, b'b']);
        let json = String::from_utf8(fault.json()).unwrap();
        assert_eq!(
            json,
            r#"{"code":"x.y","detail":"b","status":404,"title":"A","type":"about:blank"}"#
        );
    }
}
