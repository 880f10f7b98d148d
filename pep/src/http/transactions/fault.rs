//! Errors of the authorization endpoint, in the form of RFC 6749 5.2.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::problem::Fault;
use placet_proto::jcs;
use placet_proto::json::Json;

use crate::identity::IdentityError;
use crate::identity::error::DPOP_ALGORITHMS;

/// An error on its way to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthFault {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_s: Option<u32>,
}

impl OauthFault {
    fn new(error: &'static str, description: &str) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { status, error, description: description.to_owned(), retry_s: None }
    }

    /// The request has another form, or its challenge or handle does not hold.
    pub fn invalid(description: &str) -> Self {
        Self::new("invalid_request", description)
    }

    /// Persons have not answered yet.
    pub fn pending(retry_s: u32) -> Self {
        let fault = Self::new("authorization_pending", "persons have not answered yet");
        Self { retry_s: Some(retry_s), ..fault }
    }

    /// It is refused, for good.
    pub fn denied(description: &str) -> Self {
        Self::new("access_denied", description)
    }

    /// Its time is over.
    pub fn expired() -> Self {
        Self::new("expired_token", "the time for this is over")
    }

    /// The answer.
    pub fn response(&self) -> Response {
        let body = Json::object([
            ("error", Json::from(self.error)),
            ("error_description", self.description.as_str().into()),
        ]);
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (self.status, headers, jcs::to_bytes(&body)).into_response();
        if let Some(seconds) = self.retry_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.error == "invalid_dpop_proof" {
            let value = format!(r#"DPoP error="invalid_dpop_proof", algs="{DPOP_ALGORITHMS}""#);
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
            }
        }
        response
    }
}

impl From<IdentityError> for OauthFault {
    fn from(error: IdentityError) -> Self {
        let fault = Self::new("invalid_dpop_proof", &error.to_string());
        match error {
            IdentityError::Unavailable(_) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self { status, error: "temporarily_unavailable", retry_s: Some(5), ..fault }
            }
            _ => fault,
        }
    }
}

impl From<Fault> for OauthFault {
    fn from(fault: Fault) -> Self {
        let error = match fault.status {
            StatusCode::TOO_MANY_REQUESTS => "slow_down",
            status if status.is_server_error() => "temporarily_unavailable",
            StatusCode::CONFLICT | StatusCode::GONE | StatusCode::FORBIDDEN => "access_denied",
            _ => "invalid_request",
        };
        let status = match error {
            // RFC 6749 knows 400; what is ours to mend is told as such.
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, error, description: fault.detail, retry_s: fault.retry_s }
    }
}

impl From<placet_ledger::Error> for OauthFault {
    fn from(error: placet_ledger::Error) -> Self {
        Fault::from(error).into()
    }
}
