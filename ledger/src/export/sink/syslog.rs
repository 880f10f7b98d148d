//! Syslog: RFC 5424 messages with octet counting over TCP (RFC 6587) or TLS (RFC 5425), with a
//! certificate of our own where the server wants one.
//!
//! The protocol acknowledges nothing: what was written may be lost when the receiver ends. So the
//! stream is rewound on each new connection, and a receiver tells by the id what it has.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use placet_proto::time::UnixSeconds;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http::{identity, roots};
use super::{Failure, Sink};
use crate::export::config::{SinkConfig, bad};
use crate::export::event::Event;

/// "log audit".
const FACILITY: u8 = 13;
/// The number that RFC 5612 sets aside for examples, until an operator names one.
const ENTERPRISE: u32 = 32473;
/// Bytes that header and structured data take at most, the origin apart: it stands in the latter,
/// where each of its bytes may be escaped.
const HEADER: usize = 640;
/// What receivers take that were not told otherwise.
const MAX_MESSAGE: usize = 8192;
/// How long the other side may take to end a connection that is ended here.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of what the other side says that are read at a time: it has nothing to say.
const MAX_TALK: usize = 64 * 1024;
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;
/// Most bytes that are handed to the system at once.
const CHUNK: usize = 64 * 1024;

/// The sink.
pub struct Syslog {
    address: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
    form: Form,
    connection: Option<Connection>,
    buffer: Vec<u8>,
}

/// How messages look.
#[derive(Debug, Clone)]
struct Form {
    facility: u8,
    hostname: Option<String>,
    enterprise: u32,
    max: usize,
}

enum Connection {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A socket whose reads and writes all end by one time. A limit for each of them alone would let
/// a receiver that moves one byte now and then hold a call for ever.
struct Socket {
    stream: TcpStream,
    until: Instant,
}

impl Syslog {
    /// A sink by the settings.
    ///
    /// # Errors
    /// `export.config`, `ledger.io`.
    pub fn new(config: &SinkConfig) -> Result<Self, crate::Error> {
        let address = config.address.clone().unwrap_or_default();
        let tls = match config.tls {
            Some(false) => None,
            _ => Some((client(config)?, server_name(config, &address)?)),
        };
        let form = Form {
            facility: config.facility.unwrap_or(FACILITY),
            hostname: config.hostname.clone(),
            enterprise: config.enterprise.unwrap_or(ENTERPRISE),
            max: config.max_message.unwrap_or(MAX_MESSAGE),
        };
        let timeout = config.timeout();
        Ok(Self { address, tls, timeout, form, connection: None, buffer: Vec::new() })
    }

    fn connect(&self) -> std::io::Result<Connection> {
        let until = until(self.timeout);
        let mut last = std::io::Error::other("its name has no addresses");
        let addresses: Vec<SocketAddr> =
            self.address.to_socket_addrs()?.take(MAX_ADDRESSES).collect();
        for (n, address) in addresses.iter().enumerate() {
            // One that does not answer leaves time for those behind it.
            let share = u32::try_from(addresses.len().saturating_sub(n)).unwrap_or(u32::MAX);
            let left = left(until)?.checked_div(share).unwrap_or_default();
            match TcpStream::connect_timeout(address, left.max(Duration::from_millis(1))) {
                Ok(stream) => return self.greet(Socket { stream, until }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn greet(&self, mut socket: Socket) -> std::io::Result<Connection> {
        socket.stream.set_nodelay(true)?;
        let Some((config, name)) = &self.tls else { return Ok(Connection::Plain(socket)) };
        let client = ClientConnection::new(Arc::clone(config), name.clone());
        let mut client = client.map_err(std::io::Error::other)?;
        while client.is_handshaking() {
            client.complete_io(&mut socket)?;
        }
        Ok(Connection::Tls(Box::new(StreamOwned::new(client, socket))))
    }

    fn passing(&mut self, error: &std::io::Error) -> Failure {
        // What a connection of which a part was written goes on with is nothing that can be read.
        self.connection = None;
        Failure::passing(format!("{}: {error}", self.address))
    }
}

impl Sink for Syslog {
    fn acknowledges(&self) -> bool {
        false
    }

    fn ready(&mut self) -> Result<bool, Failure> {
        let time = self.timeout;
        match self.connection.as_mut().map(|connection| connection.is_open(time)) {
            Some(Ok(())) => return Ok(false),
            Some(Err(error)) => tracing::warn!(address = self.address, %error, "connection lost"),
            None => {}
        }
        self.connection = None;
        let connection = self.connect().map_err(|e| self.passing(&e))?;
        self.connection = Some(connection);
        Ok(true)
    }

    fn longest(&self, origin: &str) -> usize {
        self.form.max.saturating_sub(HEADER.saturating_add(origin.len().saturating_mul(2)))
    }

    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        self.buffer.clear();
        for event in events {
            let message = self.form.message(event);
            self.buffer.extend_from_slice(format!("{} ", message.len()).as_bytes());
            self.buffer.extend_from_slice(&message);
        }
        let Some(connection) = self.connection.as_mut() else {
            return Err(Failure::passing("there is no connection"));
        };
        connection.socket().until = until(self.timeout);
        let written = connection.write(&self.buffer).map_err(|e| connection.reason(e));
        written.map_err(|e| self.passing(&e))
    }

    fn close(&mut self) -> Result<(), Failure> {
        let Some(mut connection) = self.connection.take() else { return Ok(()) };
        let closed = connection.close(self.timeout).map_err(|e| connection.reason(e));
        closed.map_err(|e| self.passing(&e))
    }
}

impl Connection {
    /// Whether the other side has not gone, as far as it said so.
    fn is_open(&mut self, time: Duration) -> std::io::Result<()> {
        self.socket().until = until(time);
        self.socket().stream.set_nonblocking(true)?;
        let looked = self.look();
        self.socket().stream.set_nonblocking(false)?;
        looked
    }

    fn look(&mut self) -> std::io::Result<()> {
        let mut said = 0_usize;
        while said < MAX_TALK {
            match self.hear() {
                Ok(0) => return Err(ErrorKind::ConnectionAborted.into()),
                Ok(read) => said = said.saturating_add(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(std::io::Error::other("it says more than a receiver of syslog has to say"))
    }

    /// Reads what the other side says, of which nothing is kept: how many bytes, none at its end.
    fn hear(&mut self) -> std::io::Result<usize> {
        let mut bytes = [0; 256];
        match self {
            Self::Plain(socket) => socket.read(&mut bytes),
            Self::Tls(stream) => {
                let read = stream.conn.read_tls(&mut stream.sock)?;
                let state = stream.conn.process_new_packets().map_err(std::io::Error::other)?;
                let unread = state.plaintext_bytes_to_read() as u64;
                let mut unread = stream.conn.reader().take(unread);
                std::io::copy(&mut unread, &mut std::io::sink())?;
                Ok(if state.peer_has_closed() { 0 } else { read })
            }
        }
    }

    /// Why the other side went, where it said so before: "broken pipe" helps nobody to find that a
    /// certificate is unknown.
    fn reason(&mut self, error: std::io::Error) -> std::io::Error {
        if self.socket().stream.set_nonblocking(true).is_err() {
            return error;
        }
        self.look().err().filter(|said| said.kind() == ErrorKind::Other).unwrap_or(error)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => {
                for chunk in bytes.chunks(CHUNK) {
                    stream.write_all(chunk)?;
                }
                stream.flush()
            }
        }
    }

    /// Says that there is no more, and waits for the other side to have read it.
    fn close(&mut self, time: Duration) -> std::io::Result<()> {
        self.socket().until = until(time.min(PATIENCE));
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut stream.sock)?;
            }
        }
        self.socket().stream.shutdown(Shutdown::Write)?;
        let mut said = 0_usize;
        while said < MAX_TALK {
            match self.hear() {
                Ok(0) => return Ok(()),
                Ok(read) => said = said.saturating_add(read),
                // It keeps the connection open: nothing is known.
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        self.stream.read(bytes)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn until(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// Time up to then, which is never zero: that would be no limit.
fn left(until: Instant) -> std::io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Form {
    /// One message. What is in it was made short enough ([`Sink::longest`]), and is never cut.
    fn message(&self, event: &Event) -> Vec<u8> {
        self.with(event, &event.encoded.line)
    }

    fn with(&self, event: &Event, message: &[u8]) -> Vec<u8> {
        let encoded = &event.encoded;
        let priority = u16::from(self.facility) * 8 + u16::from(encoded.kind.severity.syslog());
        let ms = encoded.time_ms % 1000;
        let time = UnixSeconds(encoded.time_ms / 1000).to_string();
        let time = time.trim_end_matches('Z');
        let host = event.origin.split('/').next().unwrap_or_default();
        let host = self.hostname.as_deref().unwrap_or(host);
        let host = name(host, 255);
        let id = name(encoded.kind.code, 32);
        let mut data = format!("[placet@{} uid=\"{}\"", self.enterprise, encoded.uid);
        data += &format!(" origin=\"{}\" log=\"{}\"", value(&event.origin), event.role.name());
        if let Some(leaf) = event.leaf {
            data += &format!(" leaf=\"{leaf}\"");
        }
        let head = format!("<{priority}>1 {time}.{ms:03}Z {host} placet - {id} {data}] ");
        [head.as_bytes(), message].concat()
    }
}

/// A name in the header: printable ASCII, or `-`.
fn name(text: &str, max: usize) -> String {
    let name: String = text.chars().filter(char::is_ascii_graphic).take(max).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A value in structured data.
fn value(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn client(config: &SinkConfig) -> Result<Arc<ClientConfig>, crate::Error> {
    let say = |what: String| bad(format!("sink `{}`: {what}", config.name));
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(roots(config.ca_file.as_deref())?);
    if added == 0 {
        return Err(say("there are no certificate roots; set `ca_file`".to_owned()).into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| say(e.to_string()))?
        .with_root_certificates(store);
    let client = match identity(config)? {
        None => builder.with_no_client_auth(),
        Some((chain, pem)) => {
            let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| say(e.to_string()))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| say(e.to_string()))?
        }
    };
    Ok(Arc::new(client))
}

fn server_name(config: &SinkConfig, address: &str) -> Result<ServerName<'static>, crate::Error> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = config.server_name.as_deref().unwrap_or(host).to_owned();
    let what = format!("sink `{}`: `{name}` is no name of a server", config.name);
    ServerName::try_from(name).map_err(|_| bad(what).into())
}

#[cfg(test)]
pub(super) mod tests;
