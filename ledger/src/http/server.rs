//! The listener: HTTP/1.1, in the open or by TLS, with limits on connections, headers and slow
//! clients, and an end that lets requests finish.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use super::limits::network_of;
use super::paced::Paced;
use super::tls::Tls;
use crate::service::network::Network;
use crate::sync::lock;

/// Connections that are open at the same time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// Of these, connections from one address that is neither this machine's nor a trusted proxy's,
/// unless [`Serving`] says otherwise; more are closed at once.
const MAX_OF_ADDRESS: u32 = 1024;
/// Open files that are kept for everything but connections: logs, databases, calls to others.
const OTHER_FILES: u64 = 512;
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Most header fields of a request.
const MAX_HEADERS: usize = 64;
/// Time for a client to send the head of a request, and to keep a connection without one.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Time for a TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Time for requests to finish at the end.
const END_TIME: Duration = Duration::from_secs(20);
/// Pause after a failure to accept: out of file descriptors, mostly.
const PAUSE: Duration = Duration::from_millis(200);

/// Whose connection a request came by; an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The certificates by which the client of a connection authenticated, the leaf first: what the
/// verifier of [`Tls::with_clients`] accepted. Empty without TLS, and for a client that showed
/// none. An extension of the request.
#[derive(Debug, Clone, Default)]
pub struct ClientCertificates(Arc<OnceLock<Vec<CertificateDer<'static>>>>);

impl ClientCertificates {
    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.0.get().map_or(&[], Vec::as_slice)
    }
}

/// Whether the server ends; an extension of the request, for answers that go on until then.
#[derive(Debug, Clone)]
pub struct Ending(watch::Receiver<bool>);

impl Ending {
    /// One that ends when `true` is sent.
    #[must_use]
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits for the end.
    pub async fn begins(&mut self) {
        if self.0.wait_for(|ending| *ending).await.is_err() {
            // Whoever could end it is gone.
            std::future::pending::<()>().await;
        }
    }
}

/// How a listener is served.
#[derive(Clone, Default)]
pub struct Serving {
    /// The certificate; without one the listener speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Proxies in front, whose connections are those of many clients.
    pub proxies: Vec<Network>,
    /// Connections that are open from one address.
    pub of_address: Option<u32>,
}

/// Serves plain HTTP until `end` is ready, then lets the requests that run finish, twenty seconds
/// at most. What fails on one connection ends that connection and no more.
pub async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) {
    serve_with(listener, Serving::default(), router, end).await;
}

/// As [`serve`], over TLS or behind proxies.
pub async fn serve_with(
    listener: TcpListener,
    serving: Serving,
    router: Router,
    end: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(most_connections(raise_open_files())));
    let clients = Clients::new(serving.of_address.unwrap_or(MAX_OF_ADDRESS));
    let graceful = GracefulShutdown::new();
    let (ends, ending) = Ending::new();
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let shared =
            peer.ip().is_loopback() || serving.proxies.iter().any(|p| p.contains(peer.ip()));
        let Some(place) = clients.enter(peer.ip(), shared) else { continue };
        let (watcher, tls, ending) = (graceful.watcher(), serving.tls.clone(), ending.clone());
        let certificates = ClientCertificates::default();
        let shown = certificates.clone();
        let router = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(shown.clone());
            request.extensions_mut().insert(ending.clone());
            request.map(Body::new)
        });
        tokio::spawn(async move {
            let service = TowerToHyperService::new(router);
            connection(stream, tls, service, watcher, &certificates).await;
            drop((slot, place));
        });
    }
    drop(listener);
    ends.send_replace(true);
    if tokio::time::timeout(END_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

async fn connection<S>(
    stream: TcpStream,
    tls: Option<Tls>,
    service: S,
    watcher: Watcher,
    certificates: &ClientCertificates,
) where
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // An answer is written at once: waiting for more of it only adds time.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return http(stream, service, watcher).await;
    };
    match tokio::time::timeout(HANDSHAKE_TIME, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
            // Set once, before the first request is read.
            let _ = certificates.0.set(shown.to_vec());
            http(stream, service, watcher).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn http<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    watcher: Watcher,
) where
    S: HttpService<Incoming, ResBody = Body> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Paced::new(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Connections by client; no more than there are connections.
#[derive(Debug, Clone)]
struct Clients {
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
    most: u32,
}

/// One connection's place; dropped with it.
struct Place(Option<(Clients, IpAddr)>);

impl Clients {
    fn new(most: u32) -> Self {
        Self { open: Arc::default(), most }
    }

    fn enter(&self, address: IpAddr, shared: bool) -> Option<Place> {
        if shared {
            return Some(Place(None));
        }
        let client = network_of(address);
        let mut open = lock(&self.open);
        let count = open.entry(client).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place(Some((self.clone(), client))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((clients, client)) = &self.0 else { return };
        let mut open = lock(&clients.open);
        if let Some(count) = open.get_mut(client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(client);
            }
        }
    }
}

/// Lets this process open as many files as the system allows it to, and gives how many; none if
/// there is no limit.
fn raise_open_files() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    limit.current
}

/// Connections must not take the files that the logs need.
fn most_connections(open_files: Option<u64>) -> usize {
    let left = open_files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES));
    let most = usize::try_from(left).unwrap_or(usize::MAX).clamp(64, MAX_CONNECTIONS);
    if most < MAX_CONNECTIONS {
        tracing::warn!(most, "few files may be open (LimitNOFILE, ulimit -n): fewer connections");
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_logs_their_files() {
        assert_eq!(most_connections(None), MAX_CONNECTIONS);
        assert_eq!(most_connections(Some(1 << 20)), MAX_CONNECTIONS);
        assert_eq!(most_connections(Some(1024)), 512);
        assert_eq!(most_connections(Some(100)), 64);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(raise_open_files(), limit.maximum);
    }

    #[test]
    fn a_client_has_so_many_connections_and_gives_them_back() {
        let clients = Clients::new(8);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let places: Vec<_> = (0..8).map(|_| clients.enter(address, false)).collect();
        assert!(places.iter().all(Option::is_some) && clients.enter(address, false).is_none());
        assert!(clients.enter("192.0.2.2".parse().unwrap(), false).is_some());
        assert!(clients.enter(address, true).is_some(), "a proxy is many clients");
        drop(places);
        assert!(lock(&clients.open).is_empty());
    }
}
