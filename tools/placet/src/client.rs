//! The service over HTTP, from the side of agents, approvers and those who collect evidence.

mod agent;
mod erase;
mod people;
mod person;
mod policies;
mod search;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use placet_pep::tls::Trusting;
use placet_proto::jcs;
use placet_proto::json::{self, Json};

use crate::cli::Tls;
use crate::error::Failure;
use crate::folder::read_text;

pub use agent::Task;
pub use person::ToSign;

/// Longer than any wait that the service grants.
const TIMEOUT: Duration = Duration::from_secs(100);
/// Largest answer in JSON, in bytes.
const MAX_JSON: usize = 4 * 1024 * 1024;
/// Largest bundle, in bytes: that of the format, and one to see that there is more.
const MAX_BUNDLE: usize = placet_proto::bundle::MAX_BUNDLE;
/// Longest token, in bytes.
const MAX_TOKEN: u64 = 4096;

/// One service.
pub struct Client {
    base: String,
    token: Option<String>,
    session: Option<Session>,
    agent: ureq::Agent,
}

/// What a sign-in gave. It is kept in memory only.
struct Session {
    cookie: String,
    csrf: String,
}

/// An answer of the service.
struct Answer {
    status: u16,
    evidence: Option<String>,
    cookie: Option<String>,
    body: Vec<u8>,
}

impl Client {
    /// A client of the service at this URL, whose certificate is judged by the system's roots and
    /// those of `tls`, with the token in a file if one is given.
    ///
    /// # Errors
    /// A URL that is none; those of reading the token.
    pub fn new(url: &str, tls: &Tls, token_file: Option<&Path>) -> Result<Self, Failure> {
        let base = checked_base(url)?;
        let token = token_file.map(read_token).transpose()?;
        let agent = agent(tls, TIMEOUT)?;
        Ok(Self { base: base.to_owned(), token, session: None, agent })
    }

    /// The bundle about a request, and what is still open in it.
    ///
    /// # Errors
    /// Those of the service.
    pub fn evidence(
        &self,
        request: &str,
        wait: Option<Duration>,
    ) -> Result<(Vec<u8>, Vec<String>), Failure> {
        let wait = wait.map(|w| format!("?wait={}", w.as_secs())).unwrap_or_default();
        let path = format!("/v1/evidence/{}{wait}", segment(request)?);
        let answer = self.get(&path, MAX_BUNDLE)?;
        let open = match answer.evidence.as_deref() {
            Some("complete") => Vec::new(),
            _ => vec!["the time interval or the roster is not closed".to_owned()],
        };
        Ok((answer.checked()?, open))
    }

    /// Waits until a request is in another state than `seen`, a minute at most.
    ///
    /// # Errors
    /// Those of the service.
    pub fn request_after(&self, request: &str, seen: &str) -> Result<Json, Failure> {
        self.get_json(&format!("/v1/requests/{}?seen={seen}&wait=60", segment(request)?))
    }

    /// Requests that wait for answers, the most urgent first.
    ///
    /// # Errors
    /// Those of the service.
    pub fn waiting(&self) -> Result<Vec<Json>, Failure> {
        let list = self.get_json("/v1/requests")?;
        let items = list.get("requests").and_then(Json::as_array);
        items.map(<[Json]>::to_vec).ok_or_else(|| self.malformed("it has no list of requests"))
    }

    fn get_json(&self, path: &str) -> Result<Json, Failure> {
        let answer = self.get(path, MAX_JSON)?;
        self.parse(&answer.checked()?)
    }

    fn post_json(&self, path: &str, body: &Json, origin: Option<&str>) -> Result<Json, Failure> {
        let answer = self.post(path, &jcs::to_bytes(body), origin)?;
        self.parse(&answer.checked()?)
    }

    fn get(&self, path: &str, max: usize) -> Result<Answer, Failure> {
        let mut call = self.agent.get(format!("{}{path}", self.base));
        // Tasks are the PEP's, whoever else this client speaks for.
        let as_person = self.session.as_ref().filter(|_| !path.starts_with("/access/"));
        if let Some(session) = as_person {
            call = call.header("Cookie", &session.cookie);
        } else if let Some(token) = &self.token {
            call = call.header("Authorization", format!("Bearer {token}"));
        }
        self.read(call.call(), max)
    }

    /// With an origin a person posts, by the session; without one a program, by the token.
    fn post(&self, path: &str, body: &[u8], origin: Option<&str>) -> Result<Answer, Failure> {
        let mut call =
            self.agent.post(format!("{}{path}", self.base)).content_type("application/json");
        match (origin, &self.session, &self.token) {
            (Some(origin), Some(session), _) => {
                call = call.header("Origin", origin).header("Cookie", &session.cookie);
                call = call.header("X-CSRF-Token", &session.csrf);
            }
            (Some(origin), None, _) => call = call.header("Origin", origin),
            (None, _, Some(token)) => {
                call = call.header("Authorization", format!("Bearer {token}"));
            }
            (None, _, None) => {}
        }
        self.read(call.send(body), MAX_JSON)
    }

    fn read(
        &self,
        answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
        max: usize,
    ) -> Result<Answer, Failure> {
        let response = answered.map_err(|e| self.unreachable(&e))?;
        let status = response.status().as_u16();
        let header = response.headers().get("placet-evidence");
        let evidence = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        let mut body = Vec::new();
        let limit = (max as u64).saturating_add(1);
        let mut reader = response.into_body().into_reader().take(limit);
        reader.read_to_end(&mut body).map_err(|e| self.unreachable(&e))?;
        if body.len() > max {
            return Err(self.malformed("the answer is too long"));
        }
        Ok(Answer { status, evidence, cookie, body })
    }

    fn parse(&self, body: &[u8]) -> Result<Json, Failure> {
        json::parse_limited(body, MAX_JSON).map_err(|e| self.malformed(&e.to_string()))
    }

    fn malformed(&self, detail: &str) -> Failure {
        let what = format!("the answer of {}", self.base);
        Failure::Malformed { what, code: "http.answer", detail: detail.to_owned() }
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Unreachable { url: self.base.clone(), detail: error.to_string() }
    }
}

/// A URL that secrets may be sent to, without a final slash.
///
/// # Errors
/// A URL that is none, that names a user, or in the open and not of this machine.
pub(crate) fn checked_base(url: &str) -> Result<&str, Failure> {
    let base = url.trim_end_matches('/');
    let refused = |detail: &str| Err(Failure::Usage(detail.to_owned()));
    let parsed = base.parse::<ureq::http::Uri>().ok();
    let Some((uri, authority)) = parsed.as_ref().and_then(|uri| Some((uri, uri.authority()?)))
    else {
        return refused("the URL starts with https:// or http://, and names a host");
    };
    if authority.as_str().contains('@') {
        return refused("the URL names a user before the host: give the token in a file");
    }
    match uri.scheme_str() {
        Some("https") => Ok(base),
        Some("http") if is_this_machine(authority.host()) => Ok(base),
        Some("http") => refused(
            "the URL starts with https://, unless the service is on this machine: tokens and \
             sessions would travel in the open",
        ),
        _ => refused("the URL starts with https:// or http://"),
    }
}

/// By its whole name: `127.example.com` is anybody's.
fn is_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let loopback = address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    host.eq_ignore_ascii_case("localhost") || loopback
}

/// The token in a file.
///
/// # Errors
/// Those of reading it.
pub(crate) fn read_token(path: &Path) -> Result<String, Failure> {
    Ok(read_text(path, MAX_TOKEN)?.trim().to_owned())
}

/// An HTTP client that asks the address that it was given and no other.
///
/// # Errors
/// Those of reading the certificate roots.
pub(crate) fn agent(tls: &Tls, timeout: Duration) -> Result<ureq::Agent, Failure> {
    Ok(ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .tls_config(roots(tls)?)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("placet/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent())
}

/// The system's certificate roots, and those of a file.
fn roots(tls: &Tls) -> Result<ureq::tls::TlsConfig, Failure> {
    let trusting = tls.ca_file.as_deref().map_or(Trusting::System, Trusting::Beside);
    placet_pep::tls::blocking(trusting).map_err(Failure::Usage)
}

impl Answer {
    /// The body of a success; a problem document becomes a refusal.
    fn checked(self) -> Result<Vec<u8>, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let problem = json::parse_limited(&self.body, MAX_JSON).unwrap_or(Json::Null);
        let text = |name: &str| problem.get(name).and_then(Json::as_str).map(str::to_owned);
        Err(Failure::Refused {
            code: text("code").unwrap_or_else(|| "http.status".to_owned()),
            detail: text("detail").unwrap_or_else(|| format!("HTTP status {}", self.status)),
        })
    }
}

/// A request id as a part of a path.
fn segment(request: &str) -> Result<&str, Failure> {
    if placet_proto::document::is_uuid_v4(request) {
        return Ok(request);
    }
    Err(Failure::Usage(format!("{request:?} is no request id, which is a lowercase UUIDv4")))
}

/// A string member of an answer.
pub(crate) fn text(value: &Json, path: &[&str]) -> Result<String, Failure> {
    let found = path.iter().try_fold(value, |value, name| value.get(name)).and_then(Json::as_str);
    found.map(str::to_owned).ok_or_else(|| Failure::Malformed {
        what: "the service's answer".to_owned(),
        code: "http.answer",
        detail: format!("it has no text {}", path.join(".")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_in_the_open_on_this_machine_only() {
        for good in [
            "https://placet.example.com",
            "https://placet.example.com:8443/below/",
            "http://localhost:8420/",
            "http://127.0.0.1",
            "http://127.9.9.9:1",
            "http://[::1]:8420",
        ] {
            assert_eq!(checked_base(good).unwrap(), good.trim_end_matches('/'));
        }
        for bad in [
            "http://127.evil.example/",
            "http://127.0.0.1.evil.example",
            "http://localhost:x@evil.example/",
            "http://localhost@evil.example/",
            "https://user:secret@placet.example.com",
            "http://localhost.evil.example",
            "http://128.0.0.1",
            "http://[::2]",
            "ftp://localhost",
            "localhost:8420",
            "localhost",
            "/placet",
            "http://",
            "https://",
            "",
        ] {
            assert!(matches!(checked_base(bad), Err(Failure::Usage(_))), "{bad}");
        }
    }
}
