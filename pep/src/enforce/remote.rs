//! A ledger over HTTP or HTTPS.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::EnforceError;
use super::error::cut;
use super::ledger::{Answering, Ledger};
use crate::tls::{self, Trusting};

/// Time to connect, name and TLS included.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Time for which an idle connection is kept: shorter than the ledger keeps it.
const IDLE_TIME: Duration = Duration::from_secs(10);
/// Idle connections that are kept.
const MAX_IDLE: usize = 64;
/// Largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Longest token file, in bytes.
const MAX_TOKEN: u64 = 4096;

/// Where a ledger is and how it is reached.
#[derive(Debug, Clone, Default)]
pub struct RemoteConfig {
    /// `https://host[:port]`; `http://` for a ledger on this machine only.
    pub url: String,
    /// File with a token of scope `pep`. It is read again when the ledger refuses what it held.
    pub token_file: Option<PathBuf>,
    /// Certificate authorities (PEM) that may vouch for the ledger. With it no others may, the
    /// system's included.
    pub ca_file: Option<PathBuf>,
    /// This enforcement point's certificate chain and key (PEM), for a ledger or a proxy before it
    /// that asks for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

/// A ledger over the network. Connections are kept; no proxy of the environment is used and no
/// redirect is followed, so that the token goes to the ledger's address and nowhere else.
pub struct Remote {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    scheme: Scheme,
    authority: Authority,
    token: RwLock<Option<HeaderValue>>,
    token_file: Option<PathBuf>,
}

impl Remote {
    /// A client of the ledger that `config` tells of. Nothing is connected yet. To be made inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// `enforce.config` for a URL that is none or would send the token in the open, and for files
    /// that can't be read or hold something else.
    pub fn new(config: &RemoteConfig) -> Result<Self, EnforceError> {
        let (scheme, authority) = checked_url(&config.url)?;
        let token = config.token_file.as_deref().map(read_token).transpose()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIME));
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls(config)?);
        let connector = match scheme == Scheme::HTTPS {
            true => tls.https_only().enable_http1().wrap_connector(tcp),
            false => tls.https_or_http().enable_http1().wrap_connector(tcp),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD)
            .build(connector);
        let token_file = config.token_file.clone();
        Ok(Self { client, scheme, authority, token: RwLock::new(token), token_file })
    }

    async fn once(
        &self,
        request: &Request<Bytes>,
        token: Option<HeaderValue>,
        max_answer: usize,
    ) -> Result<Response<Bytes>, EnforceError> {
        let path = request.uri().path_and_query().cloned();
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        let uri = uri.path_and_query(path.map_or_else(|| "/".to_owned(), |p| p.to_string()));
        let uri = uri.build().map_err(|e| EnforceError::Config(e.to_string()))?;
        let mut sent = Request::new(Body::from(request.body().clone()));
        *sent.method_mut() = request.method().clone();
        *sent.uri_mut() = uri;
        *sent.headers_mut() = request.headers().clone();
        if let Some(token) = token {
            sent.headers_mut().insert(header::AUTHORIZATION, token);
        }
        let answered = self.client.request(sent).await.map_err(|e| unreachable(&e))?;
        let (parts, body) = answered.into_parts();
        // A length that is too large is refused before anything is read.
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let announced = announced.and_then(|length| length.parse::<usize>().ok());
        if announced.is_some_and(|length| length > max_answer) {
            return Err(EnforceError::Answer("it is too long"));
        }
        let body = to_bytes(Body::new(body), max_answer).await.map_err(|e| unreachable(&e))?;
        Ok(Response::from_parts(parts, body))
    }

    fn token(&self) -> Option<HeaderValue> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The token in the file now, if it is another one than was used.
    fn renewed(&self, used: Option<&HeaderValue>) -> Option<HeaderValue> {
        let fresh = read_token(self.token_file.as_deref()?).ok()?;
        if Some(&fresh) == used {
            return None;
        }
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Some(fresh)
    }
}

impl Ledger for Remote {
    fn call(&self, request: Request<Bytes>, max_answer: usize) -> Answering<'_> {
        Box::pin(async move {
            let token = self.token();
            let answer = self.once(&request, token.clone(), max_answer).await?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            match self.renewed(token.as_ref()) {
                // What was refused with 401 did nothing.
                Some(fresh) => self.once(&request, Some(fresh), max_answer).await,
                None => Ok(answer),
            }
        })
    }
}

fn unreachable(error: &dyn std::error::Error) -> EnforceError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    EnforceError::Unavailable(cut(&text))
}

/// Scheme and authority of a URL that a token may be sent to.
fn checked_url(url: &str) -> Result<(Scheme, Authority), EnforceError> {
    let refused = |why: &str| Err(EnforceError::Config(format!("the ledger's URL {why}")));
    let Ok(uri) = url.parse::<Uri>() else { return refused("is none") };
    let parts = uri.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return refused("starts with https:// and names a host");
    };
    if authority.as_str().contains('@') {
        return refused("names a user: give the token in a file");
    }
    if parts.path_and_query.is_some_and(|path| path.as_str() != "/") {
        return refused("ends with the host and the port");
    }
    let open = scheme == Scheme::HTTP;
    if !open && scheme != Scheme::HTTPS || open && !is_this_machine(authority.host()) {
        return refused(
            "starts with https://, unless the ledger is on this machine: the token would travel \
             in the open",
        );
    }
    Ok((scheme, authority))
}

/// By its whole name: `127.example.com` is anybody's.
fn is_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let loopback = address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    host.eq_ignore_ascii_case("localhost") || loopback
}

/// `Authorization` for a token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, EnforceError> {
    let token = token.trim();
    let plain = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    let value = plain.then(|| HeaderValue::from_str(&format!("Bearer {token}")));
    match value {
        Some(Ok(mut value)) => {
            value.set_sensitive(true);
            Ok(value)
        }
        _ => Err(EnforceError::Config("the token is none".to_owned())),
    }
}

fn read_token(path: &Path) -> Result<HeaderValue, EnforceError> {
    let bytes = tls::read_file(path, MAX_TOKEN).map_err(EnforceError::Config)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| EnforceError::Config(format!("{}: no text", path.display())))?;
    bearer(&text)
}

fn tls(config: &RemoteConfig) -> Result<ClientConfig, EnforceError> {
    let trusting = config.ca_file.as_deref().map_or(Trusting::System, Trusting::Instead);
    let own = config.client_certificate.as_ref();
    let own = own.map(|(chain, key)| (chain.as_path(), key.as_path()));
    tls::client(trusting, own).map_err(EnforceError::Config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_in_the_open_nor_to_where_a_url_only_seems_to_lead() {
        for good in [
            "https://ledger.example.com",
            "https://ledger.example.com:8420/",
            "http://127.0.0.1:8420",
            "http://localhost:8420",
            "http://[::1]:8420",
        ] {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ledger.example.com",
            "http://ledger.example.com",
            "http://127.example.com",
            "https://a@ledger.example.com",
            "https://ledger.example.com/path",
            "https://ledger.example.com/?q",
            "ftp://ledger.example.com",
        ] {
            assert_eq!(checked_url(bad).unwrap_err().code(), "enforce.config", "{bad}");
        }
    }

    #[test]
    fn tokens_are_one_line_and_not_shown() {
        let value = bearer(" placet_0_x\n").unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer placet_0_x");
        assert!(!format!("{value:?}").contains("placet"));
        for bad in ["", "\n", "a b", "a\nb", "ä"] {
            assert!(bearer(bad).is_err(), "{bad:?}");
        }
    }
}
