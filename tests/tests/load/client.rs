//! One client of the service, with an address, and where it has them a token or a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::ended_badly;
use super::meter::Meter;

/// Far longer than any answer takes; only so that a run ends.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Times that a client asks again after 429 or 503, as the service tells it to.
const TRIES: usize = 10;
/// Longest time between two tries, in seconds.
const MAX_RETRY_S: u64 = 5;

/// See the module.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    meter: Arc<Meter>,
    headers: Vec<(&'static str, String)>,
}

/// An answer that came whole.
pub struct Answer {
    pub status: u16,
    pub cookie: Option<String>,
    pub text: String,
    /// From sending to the last byte, of the try that was answered.
    pub took: Duration,
}

type Called = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

impl Client {
    /// A client that comes from this address, as a trusted proxy tells it.
    pub fn new(url: &str, address: &str, meter: &Arc<Meter>) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).proxy(None);
        let agent = config.http_status_as_error(false).build().new_agent();
        let headers = vec![("X-Forwarded-For", address.to_owned())];
        Self { agent, url: url.to_owned(), meter: Arc::clone(meter), headers }
    }

    /// Sends this header with everything.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The origin of its pages: the service itself.
    pub fn origin(&self) -> &str {
        &self.url
    }

    pub fn get(&self, path: &str) -> Answer {
        self.answered("GET", path, || {
            let mut call = self.agent.get(format!("{}{path}", self.url));
            for (name, value) in &self.headers {
                call = call.header(*name, value);
            }
            call.call()
        })
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.answered("POST", path, || {
            let call = self.agent.post(format!("{}{path}", self.url));
            let mut call = call.content_type("application/json").header("Origin", &self.url);
            for (name, value) in &self.headers {
                call = call.header(*name, value);
            }
            call.send(&body)
        })
    }

    /// An answer that goes on for as long as the service wants.
    pub fn stream(&self, path: &str) -> Option<impl std::io::Read + use<>> {
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false);
        let mut call = config.build().new_agent().get(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            call = call.header(*name, value);
        }
        let response = call.call().ok()?;
        self.meter.answered("GET", path, response.status().as_u16(), None);
        (response.status() == 200).then(|| response.into_body().into_reader())
    }

    /// A connection that breaks is a failure of the test: nobody kills the service here.
    fn answered(&self, method: &str, path: &str, call: impl Fn() -> Called) -> Answer {
        for _ in 0..TRIES {
            assert!(!ended_badly(), "another thread has failed");
            let began = Instant::now();
            let mut response = call().unwrap_or_else(|e| panic!("{method} {path}: {e}"));
            let status = response.status().as_u16();
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            let (cookie, retry) = (header("set-cookie"), header("retry-after"));
            let text = response.body_mut().read_to_string().expect("an answer comes whole");
            let took = began.elapsed();
            self.meter.answered(method, path, status, Some(took));
            if !matches!(status, 429 | 503) {
                return Answer { status, cookie, text, took };
            }
            // As the service says, but never so long that a run does not end.
            let seconds: u64 = retry.and_then(|text| text.parse().ok()).unwrap_or(1);
            std::thread::sleep(Duration::from_secs(seconds.min(MAX_RETRY_S)));
        }
        panic!("{method} {path}: still too busy after {TRIES} tries");
    }
}

impl Answer {
    /// The JSON of an answer with this status.
    pub fn json(&self, wanted: u16) -> Value {
        assert_eq!(self.status, wanted, "{}", self.text);
        serde_json::from_str(&self.text).expect("the service answers in JSON")
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// An assertion as pages post it.
pub fn credential(made: &placet_softkey::Assertion) -> Value {
    json!({
        "id": base64url(&made.credential_id),
        "type": "public-key",
        "response": {
            "authenticatorData": base64url(&made.authenticator_data),
            "clientDataJSON": base64url(&made.client_data_json),
            "signature": base64url(&made.signature),
        },
    })
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64url(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().expect("base64url")).expect("base64url")
}
