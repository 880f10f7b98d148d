//! Requests to a witness over HTTP.

use std::io::Read;
use std::time::Duration;

use super::Error;
use super::client::{Answer, Transport};

/// The longest answer that is read, in bytes: far more than the signature lines of one witness.
const MAX_ANSWER: u64 = 64 << 10;

/// `POST <prefix>/add-checkpoint`. Only `http:` for now; put a TLS proxy in front of a remote one.
#[derive(Debug)]
pub struct HttpTransport {
    url: String,
    agent: ureq::Agent,
}

impl HttpTransport {
    /// A transport to the witness with this submission prefix, an `http://` URL with or without
    /// final slash. `timeout` bounds a whole request.
    ///
    /// # Errors
    /// [`Error::Config`] if the URL is not one.
    pub fn new(prefix: &str, timeout: Duration) -> Result<Self, Error> {
        let host = prefix.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || prefix.contains(['?', '#', ' ']) {
            return Err(Error::config(format!("{prefix}: a witness URL starts with http://")));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // A witness has one address; following others would let it send us anywhere.
            .max_redirects(0)
            .proxy(None)
            .user_agent("placet")
            .build()
            .new_agent();
        Ok(Self { url: format!("{}/add-checkpoint", prefix.trim_end_matches('/')), agent })
    }
}

impl Transport for HttpTransport {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error> {
        let unreachable = |e: &dyn std::fmt::Display| Error::Unreachable { reason: e.to_string() };
        let response = self
            .agent
            .post(&self.url)
            .content_type("text/plain; charset=utf-8")
            .send(body)
            .map_err(|e| unreachable(&e))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let reader = response.into_body().into_reader();
        reader.take(MAX_ANSWER + 1).read_to_end(&mut body).map_err(|e| unreachable(&e))?;
        if u64::try_from(body.len()).unwrap_or(u64::MAX) > MAX_ANSWER {
            return Err(Error::Answer { reason: "it is too long" });
        }
        Ok(Answer { status, body })
    }
}
