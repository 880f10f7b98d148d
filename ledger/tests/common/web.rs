//! The router over a fixture: what is sent to it, what it answers, and what a page's script makes
//! of a passkey. What a test's own callers show stands in that test.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use placet_ledger::http::{self, App};
use placet_softkey::{Assertion, SoftKey};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Fixture, ORIGIN};

/// The host by which requests come.
pub const HOST: &str = "localhost:8420";
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 24;

/// All routes of a fixture's ledger.
pub fn router(fixture: &Fixture) -> Router {
    let app = App::new(fixture.ledger.clone(), &[]).unwrap();
    http::router(app, Router::new())
}

/// Sends a request and reads the whole answer.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await.unwrap().to_vec();
    let text = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status, headers: parts.headers, body, text }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The body, as far as it is text.
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Null for what is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }

    /// Cookie and CSRF token of a sign-in.
    pub fn session(&self) -> (String, String) {
        let cookie = self.header("set-cookie").split(';').next().unwrap().to_owned();
        (cookie, self.json()["csrf"].as_str().unwrap().to_owned())
    }
}

pub fn bytes(value: &Value) -> Vec<u8> {
    B64.decode(value.as_str().unwrap()).unwrap()
}

/// What the page's script gets from `navigator.credentials.get()` with these options.
pub fn assertion(key: &mut SoftKey, options: &Value) -> Value {
    assertion_over(key, &bytes(&options["challenge"]))
}

/// As [`assertion`], over a challenge.
pub fn assertion_over(key: &mut SoftKey, challenge: &[u8]) -> Value {
    credential(key.assert(challenge, ORIGIN))
}

pub fn credential(made: Assertion) -> Value {
    json!({
        "id": B64.encode(made.credential_id),
        "response": {
            "clientDataJSON": B64.encode(made.client_data_json),
            "authenticatorData": B64.encode(made.authenticator_data),
            "signature": B64.encode(made.signature),
        },
    })
}
