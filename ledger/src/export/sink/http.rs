//! What the sinks over HTTP share: TLS by the settings, one POST, and what its status means.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::Failure;
use crate::export::config::{SinkConfig, bad, secret, secret_text};

/// Largest file of certificates, in bytes.
const MAX_PEM: u64 = 4 << 20;
/// Most characters of what a receiver says that are kept for people.
const MAX_WORDS: usize = 300;
/// Most bytes of it in which secrets are looked for.
const MAX_SEARCHED: usize = 16 * 1024;
/// Shortest part of a URL's path or query that may be a secret.
const SECRET: usize = 8;

/// Posts to one server.
pub struct Poster {
    agent: ureq::Agent,
    /// The URL as it was configured, without `/` at its end.
    base: String,
    /// What of it is told: scheme, host and port.
    shown: String,
    headers: Vec<(String, String)>,
    hidden: Arc<[String]>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    retry_after: Option<u64>,
    /// The body, as far as it was to be read.
    pub body: Vec<u8>,
    /// What is left out of what it says.
    hidden: Arc<[String]>,
}

impl Poster {
    /// A client by the settings; `scheme` is the word in front of the token where they have none.
    ///
    /// # Errors
    /// `export.config`, `ledger.io`.
    pub fn new(config: &SinkConfig, scheme: &str) -> Result<Self, crate::Error> {
        let (mut headers, mut hidden) = (Vec::new(), Vec::new());
        if let Some(path) = &config.token_file {
            let scheme = config.token_scheme.as_deref().unwrap_or(scheme);
            let token = secret_text(path)?;
            headers.push(("authorization".to_owned(), format!("{scheme} {token}")));
            hidden.push(token);
        }
        let base = config.url.clone().unwrap_or_default();
        let base = base.trim_end_matches('/').to_owned();
        let (shown, rest) = split(&base);
        hidden.extend(
            rest.split(['/', '?', '&', '=']).filter(|p| p.len() >= SECRET).map(str::to_owned),
        );
        let shown = shown.to_owned();
        Ok(Self { agent: agent(config)?, base, shown, headers, hidden: hidden.into() })
    }

    /// The URL as it was configured, without `/` at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Posts a body, and reads at most `max` bytes of the answer.
    ///
    /// # Errors
    /// [`Failure::Passing`] where no answer came.
    pub fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        max: usize,
    ) -> Result<Answer, Failure> {
        self.call(self.agent.post(url), headers, body, max)
    }

    /// Puts a body at a signed address.
    ///
    /// # Errors
    /// As [`Poster::post`].
    pub fn put(
        &self,
        signed: &str,
        headers: &[(String, String)],
        body: &[u8],
        max: usize,
    ) -> Result<Answer, Failure> {
        self.call(self.agent.put(signed), headers, body, max)
    }

    /// Errors tell scheme, host and port and no more: what follows is a secret with many receivers
    /// of webhooks, and a signature with others.
    fn call(
        &self,
        mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        headers: &[(String, String)],
        body: &[u8],
        max: usize,
    ) -> Result<Answer, Failure> {
        for (name, value) in self.headers.iter().chain(headers) {
            request = request.header(name, value);
        }
        let url = &self.shown;
        let response = request.send(body).map_err(|e| match e {
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
                Failure::Denied { detail: format!("{url}: it is no URL that can be called") }
            }
            other => Failure::passing(format!("{url}: {other}")),
        })?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse().ok();
        let retry_after = header("retry-after");
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let reader = response.into_body().into_reader();
        let read = reader.take(max as u64).read_to_end(&mut body);
        read.map_err(|e| Failure::passing(format!("{url}: the answer broke off: {e}")))?;
        Ok(Answer { status, retry_after, body, hidden: Arc::clone(&self.hidden) })
    }
}

impl Answer {
    /// The answer, if it is one of success.
    ///
    /// # Errors
    /// What the status means: [`Failure::Passing`] for what may pass, [`Failure::Refused`] for what
    /// the events are the reason of, else [`Failure::Denied`].
    pub fn taken(self) -> Result<Self, Failure> {
        let detail = format!("HTTP {}: {}", self.status, self.words());
        match self.status {
            200..=299 => Ok(self),
            408 | 425 | 429 | 500..=599 => {
                Err(Failure::Passing { detail, retry_after: self.retry_after })
            }
            400 | 413 | 415 | 422 => Err(Failure::Refused { detail, which: None }),
            _ => Err(Failure::Denied { detail }),
        }
    }

    /// The start of the body, for people. A receiver that says what it was told says no secret.
    pub fn words(&self) -> String {
        // What a cut secret leaves would not be found any more: first out, then cut.
        let start = self.body.get(..MAX_SEARCHED).unwrap_or(&self.body);
        let mut words = String::from_utf8_lossy(start).into_owned();
        for hidden in self.hidden.iter() {
            words = words.replace(hidden, "…");
        }
        words.chars().take(MAX_WORDS).collect::<String>().trim().to_owned()
    }
}

/// A URL's scheme, host and port, and the rest.
fn split(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let host = url.get(start..).unwrap_or_default();
    let end = host.find(['/', '?', '#']).map_or(url.len(), |at| start.saturating_add(at));
    url.split_at_checked(end).unwrap_or((url, ""))
}

fn agent(config: &SinkConfig) -> Result<ureq::Agent, crate::Error> {
    let roots = roots(config.ca_file.as_deref())?;
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let identity = identity(config)?;
    let identity = identity.map(|(chain, pem)| {
        let chain: Vec<Certificate<'static>> =
            chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        let key = PrivateKey::from_pem(&pem).map_err(|e| bad(format!("`key_file`: {e}")))?;
        Ok::<_, crate::Error>(ClientCert::new_with_certs(&chain, key))
    });
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(identity.transpose()?)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(config.timeout()))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .tls_config(tls)
        .max_idle_connections_per_host(1)
        .max_idle_age(Duration::from_secs(15))
        .user_agent("placet-export")
        .build();
    Ok(config.into())
}

/// The roots by which a server is judged: those of the file and no others, or the system's.
///
/// # Errors
/// `export.config`, `ledger.io`.
pub fn roots(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, crate::Error> {
    match ca_file {
        Some(path) => certificates(path),
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

/// Our own certificates, and the bytes of the file of their key.
///
/// # Errors
/// `export.config` for a key that others may read, or a file that holds none; `ledger.io`.
#[allow(clippy::type_complexity, reason = "a pair")]
pub fn identity(
    config: &SinkConfig,
) -> Result<Option<(Vec<CertificateDer<'static>>, Vec<u8>)>, crate::Error> {
    let (Some(chain), Some(key)) = (&config.cert_file, &config.key_file) else { return Ok(None) };
    let pem = secret(key)?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|e| bad(format!("{}: it holds no key in PEM: {e}", key.display())))?;
    Ok(Some((certificates(chain)?, pem)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, crate::Error> {
    let pem = crate::export::cursor::read_small(path, MAX_PEM)?;
    let pem = pem.ok_or_else(|| bad(format!("{}: there is no such file", path.display())))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|e| bad(format!("{}: {e}", path.display())))?;
    match found.is_empty() {
        true => Err(bad(format!("{}: it holds no certificate in PEM", path.display())).into()),
        false => Ok(found),
    }
}

#[cfg(test)]
pub mod tests {
    //! A server in this process that answers as it is told.

    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A request as it came.
    #[derive(Debug)]
    pub struct Seen {
        /// Its target.
        pub target: String,
        /// Head, one line each.
        pub head: String,
        /// Body.
        pub body: Vec<u8>,
    }

    /// Answers the requests with what `answer` says to each: status and body.
    pub fn server(
        mut answer: impl FnMut(usize, &Seen) -> (u16, Vec<u8>) + Send + 'static,
    ) -> (String, Receiver<Seen>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, seen) = channel();
        std::thread::spawn(move || {
            let mut n = 0;
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut head = String::new();
                while reader.read_line(&mut head).unwrap_or(0) > 2 {}
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse().ok())?
                });
                let mut body = vec![0; length.unwrap_or(0)];
                if reader.read_exact(&mut body).is_err() {
                    continue;
                }
                let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let request = Seen { target, head, body };
                let (status, body) = answer(n, &request);
                n += 1;
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nRetry-After: 7\r\nConnection: \
                     close\r\n\r\n",
                    body.len()
                );
                let stream = reader.get_mut();
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                let _ = sender.send(request);
            }
        });
        (url, seen)
    }

    #[test]
    fn a_status_says_whether_to_come_again() {
        let answer = |status| Answer {
            status,
            retry_after: Some(7),
            body: b" no ".to_vec(),
            hidden: Arc::new([]),
        };
        assert!(answer(204).taken().is_ok());
        for status in [408, 429, 500, 503] {
            let failure = answer(status).taken().unwrap_err();
            let detail = format!("HTTP {status}: no");
            assert_eq!(failure, Failure::Passing { detail, retry_after: Some(7) });
        }
        for status in [400, 413, 422] {
            let failure = answer(status).taken().unwrap_err();
            assert!(matches!(failure, Failure::Refused { which: None, .. }));
        }
        for status in [301, 401, 403, 404] {
            assert!(matches!(answer(status).taken().unwrap_err(), Failure::Denied { .. }));
        }
    }

    #[test]
    fn no_error_tells_the_path_the_query_or_the_token() {
        let tmp = tempfile::tempdir().unwrap();
        let token = tmp.path().join("token");
        std::fs::write(&token, "TOKENSECRET").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&token, mode).unwrap();
        let poster = |url: &str| {
            let toml = format!(
                "[[sink]]\nname = \"w\"\nkind = \"webhook\"\nformat = \"json\"\nurl = \
                 \"{url}\"\ntoken_file = \"token\"\n"
            );
            let config = crate::export::Config::parse(&toml, tmp.path()).unwrap();
            Poster::new(&config.sinks[0], "Bearer").unwrap()
        };
        let (url, _seen) = server(|_, request| (404, request.head.clone().into_bytes()));
        let there = poster(&format!("{url}/hook/PATHSECRET?key=QUERYSECRET"));
        let said = there.post(there.base(), &[], b"", 4096).unwrap().taken().unwrap_err();
        let gone = poster("http://127.0.0.1:9/hook/PATHSECRET?key=QUERYSECRET");
        let away = gone.post(gone.base(), &[], b"", 4096).unwrap_err();
        assert!(said.to_string().contains("HTTP 404: POST /hook/"), "{said}");
        assert!(away.to_string().starts_with("http://127.0.0.1:9: "), "{away}");
        let none = poster("http://127.0.0.1:9/PATHSECRET{}");
        let none = none.post(none.base(), &[], b"", 4096).unwrap_err();
        for failed in [said, away, none] {
            assert!(!failed.to_string().contains("SECRET"), "{failed}");
        }
    }

    /// Answers 204 over mutual TLS, and gives its port.
    fn tls_server(config: Arc<rustls::ServerConfig>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
                let mut head = String::new();
                let mut reader = BufReader::new(&mut stream);
                while reader.read_line(&mut head).unwrap_or(0) > 2 {}
                let answer = b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer).and_then(|()| stream.flush());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        port
    }

    #[test]
    fn who_speaks_tls_is_known_by_both_sides_or_gets_nothing() {
        let tmp = tempfile::tempdir().unwrap();
        let port = tls_server(super::super::syslog::tests::certificates(tmp.path()));
        let other = tmp.path().join("other");
        std::fs::create_dir(&other).unwrap();
        super::super::syslog::tests::certificates(&other);
        let call = |host: &str, keys: &str| {
            let toml = format!(
                "[[sink]]\nname = \"w\"\nkind = \"webhook\"\nformat = \"json\"\ntimeout_s = \
                 10\nurl = \"https://{host}:{port}/in\"\n{keys}"
            );
            let config = crate::export::Config::parse(&toml, tmp.path()).unwrap();
            let poster = Poster::new(&config.sinks[0], "").unwrap();
            poster.post(poster.base(), &[], b"", 4096).map(|answer| answer.status)
        };
        let roots = "ca_file = \"ca.pem\"\n";
        let own = "cert_file = \"client.pem\"\nkey_file = \"client.key\"\n";
        assert_eq!(call("localhost", &format!("{roots}{own}")), Ok(204));
        let stranger = call("localhost", roots).unwrap_err();
        assert!(matches!(stranger, Failure::Passing { .. }), "{stranger}");
        // Another name, another authority, and the system's authorities.
        let name = call("127.0.0.1", &format!("{roots}{own}")).unwrap_err().to_string();
        assert!(name.contains("certificate"), "{name}");
        for roots in ["ca_file = \"other/ca.pem\"\n", ""] {
            let unknown = call("localhost", &format!("{roots}{own}")).unwrap_err().to_string();
            assert!(unknown.contains("certificate"), "{unknown}");
        }
    }
}
