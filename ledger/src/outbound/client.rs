//! Calls to servers whose URLs somebody else chose: a chat tool's webhook, an agent's callback, a
//! browser's push service.
//!
//! A name is resolved once, every address that it has must be one that may be called, and the
//! connection goes to these very addresses, so that a name can't change its mind in between (DNS
//! rebinding). No redirect is followed, no proxy of the environment is used, no connection is kept,
//! and time and bytes are bounded for the whole call.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::Error;
use super::address::{Reach, reach};
use super::url::{Host, Target};

/// Time for a whole call: name, connection, TLS, request and answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Most bytes of the head of an answer.
const MAX_HEAD: usize = 16 * 1024;
/// Most bytes of a file of certificates.
const MAX_CA_FILE: u64 = 4 << 20;
/// Most addresses of a name that are looked at; a name with more is refused.
const MAX_ADDRESSES: usize = 16;

/// Whom the client may call beyond public HTTPS servers at port 443.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether servers on this machine may be called, over HTTP too: for trying out.
    pub dev: bool,
    /// The allow-list.
    pub allowed: Vec<Allowed>,
}

/// An entry of the allow-list: `host` or `host:port`. Such a host may have private and loopback
/// addresses, and may be called without TLS; with a port in the entry, at that port too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    host: Host,
    port: Option<u16>,
}

impl Allowed {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |why: &dyn std::fmt::Display| {
            Error::Config(format!("`outbound_allow`: {text}: host or host:port ({why})"))
        };
        if text.contains(['/', '?']) {
            return Err(bad(&"no URL"));
        }
        let target = Target::parse(&format!("https://{text}/")).map_err(|e| bad(&e))?;
        let with_port = text.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        Ok(Self { host: target.host, port: with_port.then_some(target.port) })
    }

    /// An entry without a port is for the scheme's own: who lists a chat server does not mean the
    /// database on the same machine.
    fn covers(&self, target: &Target) -> bool {
        let port = self.port.unwrap_or(if target.https { 443 } else { 80 });
        self.host == target.host && port == target.port
    }
}

impl Rules {
    /// Whether a URL may be called at all, as far as can be told without resolving its name.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Address`].
    pub fn check(&self, target: &Target) -> Result<(), Error> {
        let trusted = self.allowed.iter().any(|entry| entry.covers(target));
        if let Host::Address(address) = target.host {
            self.check_addresses(target, &[address])?;
        }
        if trusted || self.dev && is_local(&target.host) {
            return Ok(());
        }
        match (target.https, target.port) {
            (false, _) => Err(Error::Url("it is not https; see `outbound_allow`")),
            (true, 443) => Ok(()),
            (true, _) => Err(Error::Url("its port is not 443; see `outbound_allow`")),
        }
    }

    /// Whether all of these addresses of the target's host may be called.
    fn check_addresses(&self, target: &Target, addresses: &[IpAddr]) -> Result<(), Error> {
        let trusted = self.allowed.iter().any(|entry| entry.covers(target));
        let refused = addresses.iter().map(|a| reach(*a)).find(|reach| match reach {
            Reach::Public => false,
            Reach::Loopback => !(trusted || self.dev && is_local(&target.host)),
            Reach::Private => !trusted,
            Reach::Never(_) => true,
        });
        match refused {
            None => Ok(()),
            Some(reach) => {
                Err(Error::Address { host: target.host.to_string(), what: reach.words() })
            }
        }
    }
}

/// Whether a host is this machine by its very name.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Name(name) => name == "localhost",
        Host::Address(address) => reach(*address) == Reach::Loopback,
    }
}

/// Resolves names; tests bring one of their own.
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name, within the time.
    ///
    /// # Errors
    /// Why there are none, for people.
    fn lookup(&self, name: &str, time: Duration) -> Result<Vec<IpAddr>, String>;
}

/// The resolver of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str, time: Duration) -> Result<Vec<IpAddr>, String> {
        // The system's call has no time limit of its own; a thread that hangs in it ends with it.
        let (sender, receiver) = mpsc::sync_channel(1);
        let asked = (name.to_owned(), 0);
        let resolve = move || drop(sender.send(asked.to_socket_addrs()));
        let builder = std::thread::Builder::new().name("lookup".to_owned());
        builder.spawn(resolve).map_err(|e| e.to_string())?;
        let found = receiver.recv_timeout(time).map_err(|_| "its name was not resolved in time")?;
        let found = found.map_err(|e| format!("its name was not resolved: {e}"))?;
        Ok(found.take(MAX_ADDRESSES + 1).map(|address| address.ip()).collect())
    }
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// Method.
    pub method: Method,
    /// Where to.
    pub target: &'a Target,
    /// Header fields beside Host, Content-Length and User-Agent.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// The methods that are used; deliveries have no GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, without a body.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    /// The method of a delivery of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Post, Self::Put].into_iter().find(|m| m.name() == name)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, if it was given so.
    pub retry_after: Option<u64>,
    /// The body, at most [`MAX_ANSWER`] bytes of it.
    pub body: Vec<u8>,
    /// Whether the body is longer, or broke off.
    pub truncated: bool,
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    rules: Arc<Rules>,
    lookup: Arc<dyn Lookup>,
    config: Config,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the system's certificate roots and those of `ca_file`.
    ///
    /// # Errors
    /// [`Error::Config`] for a file that can't be read or holds no certificates.
    pub fn new(rules: Rules, ca_file: Option<&Path>) -> Result<Self, Error> {
        let mut roots: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        if let Some(path) = ca_file {
            roots.extend(read_roots(path)?);
        }
        if roots.is_empty() {
            tracing::warn!("no certificate roots: https calls fail; see `outbound_ca_file`");
        }
        Ok(Self::with(rules, Arc::new(SystemLookup), roots, TIMEOUT))
    }

    /// A client with another resolver, other roots and another time limit.
    #[must_use]
    pub fn with(
        rules: Rules,
        lookup: Arc<dyn Lookup>,
        roots: Vec<Certificate<'static>>,
        timeout: Duration,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Config::builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(tls)
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .accept_encoding("identity")
            .user_agent("placet")
            .build();
        Self { rules: Arc::new(rules), lookup, config }
    }

    /// Reads a URL and checks what can be checked without calling it: for when it is registered.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Address`].
    pub fn check(&self, url: &str) -> Result<Target, Error> {
        let target = Target::parse(url)?;
        self.rules.check(&target)?;
        Ok(target)
    }

    /// Makes a call. A redirect is an answer like any other.
    ///
    /// # Errors
    /// [`Error`]; nothing was sent unless it is [`Error::Unreachable`].
    pub fn send(&self, call: &Call<'_>) -> Result<Reply, Error> {
        self.send_within(call, self.config.timeouts().global.unwrap_or(TIMEOUT))
    }

    /// As [`Client::send`], with another time for the whole call.
    ///
    /// # Errors
    /// As there.
    pub fn send_within(&self, call: &Call<'_>, time: Duration) -> Result<Reply, Error> {
        let began = Instant::now();
        self.rules.check(call.target)?;
        let addresses = self.resolve(call.target, time)?;
        self.rules.check_addresses(call.target, &addresses)?;
        let port = call.target.port;
        let pinned = Pinned(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
        let connector = DefaultConnector::default();
        let agent = ureq::Agent::with_parts(self.config.clone(), connector, pinned);
        // What resolving took is gone.
        let time = time.saturating_sub(began.elapsed());
        let url = &call.target.url;
        let response = match call.method {
            Method::Get => prepared(agent.get(url), call, time).call(),
            Method::Post => prepared(agent.post(url), call, time).send(call.body),
            Method::Put => prepared(agent.put(url), call, time).send(call.body),
        };
        let response = response.map_err(unreachable)?;
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = response.status().as_u16();
        let (body, truncated) = read_bounded(response.into_body().into_reader());
        Ok(Reply { status, retry_after, body, truncated })
    }

    fn resolve(&self, target: &Target, time: Duration) -> Result<Vec<IpAddr>, Error> {
        let addresses = match &target.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.lookup.lookup(name, time).map_err(Error::Unreachable)?,
        };
        match addresses.len() {
            0 => Err(Error::Unreachable("its name has no addresses".to_owned())),
            1..=MAX_ADDRESSES => Ok(addresses),
            _ => Err(Error::Url("its host has too many addresses")),
        }
    }
}

fn prepared<B>(
    request: ureq::RequestBuilder<B>,
    call: &Call<'_>,
    time: Duration,
) -> ureq::RequestBuilder<B> {
    let request = request.config().timeout_global(Some(time)).build();
    let headers = call.headers.iter();
    headers.fold(request, |request, (name, value)| request.header(name, value))
}

fn unreachable(error: ureq::Error) -> Error {
    match error {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => {
            Error::Url("it, or a header field, is no valid HTTP")
        }
        error => Error::Unreachable(error.to_string().chars().take(200).collect()),
    }
}

/// Whatever comes after the limit, or never comes, is left where it is.
fn read_bounded(reader: impl std::io::Read) -> (Vec<u8>, bool) {
    use std::io::Read as _;
    let mut body = Vec::new();
    let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
    let whole = reader.take(limit.saturating_add(1)).read_to_end(&mut body).is_ok();
    let truncated = !whole || body.len() > MAX_ANSWER;
    body.truncate(MAX_ANSWER);
    (body, truncated)
}

fn read_roots(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    use std::io::Read as _;
    let bad = |why: String| Error::Config(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|e| bad(e.to_string()))?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE).read_to_end(&mut pem).map_err(|e| bad(e.to_string()))?;
    let mut roots = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        match item.map_err(|e| bad(e.to_string()))? {
            PemItem::Certificate(certificate) => roots.push(certificate),
            _ => return Err(bad("it holds something else than certificates".to_owned())),
        }
    }
    match roots.is_empty() {
        true => Err(bad("it holds no certificate in PEM".to_owned())),
        false => Ok(roots),
    }
}

/// Gives the addresses that were checked, whatever the name says by now.
#[derive(Debug)]
struct Pinned(Vec<SocketAddr>);

impl Resolver for Pinned {
    fn resolve(
        &self,
        _: &axum::http::Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut out = self.empty();
        for address in self.0.iter().take(MAX_ADDRESSES) {
            out.push(*address);
        }
        Ok(out)
    }
}
