//! One client of the service, with an address, and where it has them a token or a session.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Far longer than any answer takes; only so that a run ends.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Times that a client asks again after 429 or 503, as the service tells it to.
const TRIES: usize = 30;
/// Longest time between two tries, in seconds.
const MAX_RETRY_S: u64 = 5;
/// What a command line states as its origin.
pub const ORIGIN: &str = "cli://localhost";

/// See the module.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    address: String,
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

impl Client {
    /// A client that comes from an address of its own, `n` being below 2^16.
    pub fn new(url: &str, network: u8, n: u32) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).proxy(None);
        let agent = config.http_status_as_error(false).build().new_agent();
        let address = format!("10.{network}.{}.{}", n >> 8 & 255, n & 255);
        Self { agent, url: url.to_owned(), address, headers: Vec::new() }
    }

    /// Sends this header with everything.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn get(&self, path: &str) -> Answer {
        self.answered(|| {
            let mut call = self.agent.get(format!("{}{path}", self.url));
            for (name, value) in self.all() {
                call = call.header(name, value);
            }
            call.call()
        })
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.answered(|| {
            let call = self.agent.post(format!("{}{path}", self.url));
            let mut call = call.content_type("application/json").header("Origin", ORIGIN);
            for (name, value) in self.all() {
                call = call.header(name, value);
            }
            call.send(&body)
        })
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let from = std::iter::once(("X-Forwarded-For", self.address.as_str()));
        from.chain(self.headers.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// A connection that breaks is a failure of the test: nobody kills the service here.
    fn answered(
        &self,
        call: impl Fn() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Answer {
        for _ in 0..TRIES {
            let began = Instant::now();
            let mut response = call().expect("the service answers");
            let status = response.status().as_u16();
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            let (cookie, retry) = (header("set-cookie"), header("retry-after"));
            let text = response.body_mut().read_to_string().expect("an answer comes whole");
            let took = began.elapsed();
            if !matches!(status, 429 | 503) {
                return Answer { status, cookie, text, took };
            }
            // As the service says, but never so long that a run does not end.
            let seconds: u64 = retry.and_then(|text| text.parse().ok()).unwrap_or(1);
            std::thread::sleep(Duration::from_secs(seconds.min(MAX_RETRY_S)));
        }
        panic!("still too busy after {TRIES} tries");
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
