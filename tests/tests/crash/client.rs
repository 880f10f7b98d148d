//! A client that tells an answer from a connection that broke.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use placet_proto::tlog::SignedCheckpoint;
use placet_softkey::{Assertion, SoftKey};
use serde_json::{Value, json};

/// Far longer than any answer takes; only so that a test ends.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One connection to the service. Clones have connections of their own.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: String,
    /// Cookie and CSRF token of a person who is signed in.
    session: Option<(String, String)>,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        let (url, token) = (self.url.clone(), self.token.clone());
        Self { agent: new_agent(), url, token, session: None }
    }
}

/// Size and root of a checkpoint.
pub type Head = (u64, [u8; 32]);

impl Client {
    pub fn new(url: &str, token: &str) -> Self {
        let token = format!("Bearer {token}");
        Self { agent: new_agent(), url: url.to_owned(), token, session: None }
    }

    /// Status and JSON of an answer that came whole; `None` when the connection broke.
    pub fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let call = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let call = call.header("Authorization", &self.token).header("Origin", "cli://localhost");
        read(call.send(body.to_string()).ok()?)
    }

    /// As the person who is signed in.
    pub fn post_signed_in(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let (cookie, csrf) = self.session.as_ref().expect("nobody is signed in");
        let call = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let call = call.header("Cookie", cookie).header("X-CSRF-Token", csrf);
        read(call.header("Origin", "cli://localhost").send(body.to_string()).ok()?)
    }

    /// Signs in; `None` when the connection broke.
    pub fn sign_in(&mut self, key: &mut SoftKey) -> Option<()> {
        let (status, answer) = self.try_sign_in(key)?;
        assert_eq!(status, 200, "{answer}");
        Some(())
    }

    /// Signs in, if the service lets; what it said last.
    pub fn try_sign_in(&mut self, key: &mut SoftKey) -> Option<(u16, Value)> {
        let post = |path: &str, body: Value| {
            let call = self.agent.post(format!("{}{path}", self.url));
            let call = call.content_type("application/json").header("Origin", "cli://localhost");
            call.send(body.to_string()).ok()
        };
        let (status, begun) = read(post("/signin/begin", json!({}))?)?;
        if status != 200 {
            return Some((status, begun));
        }
        let challenge = from_base64url(&begun["options"]["challenge"]);
        let credential = credential(&key.assert(&challenge, "cli://localhost"));
        let body = json!({"message": begun["message"], "credential": credential});
        let response = post("/signin/finish", body)?;
        let cookie = response.headers().get("set-cookie").cloned();
        let (status, answer) = read(response)?;
        if status == 200 {
            let cookie = cookie.expect("a session has a cookie");
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.session = Some((cookie, answer["csrf"].as_str().unwrap().to_owned()));
        }
        Some((status, answer))
    }

    pub fn get(&self, path: &str) -> Option<(u16, Value)> {
        let call = self.agent.get(format!("{}{path}", self.url));
        read(call.header("Authorization", &self.token).call().ok()?)
    }

    /// The checkpoint at a path, if there is one.
    pub fn head(&self, path: &str) -> Option<Head> {
        let mut response = self.agent.get(format!("{}{path}", self.url)).call().ok()?;
        if response.status() != 200 {
            return None;
        }
        let note = response.body_mut().read_to_vec().ok()?;
        let signed = SignedCheckpoint::parse(&note).expect("the service serves checkpoints");
        let checkpoint = signed.checkpoint();
        Some((checkpoint.size, checkpoint.root))
    }
}

fn new_agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).proxy(None);
    config.http_status_as_error(false).build().new_agent()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Option<(u16, Value)> {
    let status = response.status().as_u16();
    // A body that broke off is no answer: ureq knows its length.
    let text = response.body_mut().read_to_string().ok()?;
    Some((status, serde_json::from_str(&text).expect("the service answers in JSON")))
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64url(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// An assertion in the JSON of WebAuthn.
pub fn credential(made: &Assertion) -> Value {
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
