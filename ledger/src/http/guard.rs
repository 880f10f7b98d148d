//! What holds for every request: it names this server, it ends in time, no browser is led to read
//! an answer as something else, and the log says what became of it, without saying who it was.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use placet_proto::b64;

use super::App;
use super::call::{self, Call};
use super::problem::Fault;
use super::rules;
use super::server::Peer;

/// Longest time that a request may take, in seconds; a wait that the client asks for is shorter.
const TIMEOUT_S: u64 = 90;
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// A year, in which browsers come by TLS only.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Lengths of a request id of a client's that we take over.
const REQUEST_ID_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Longest X-Request-ID that is repeated, in bytes.
const MAX_ECHOED: usize = 256;
/// Routes that are asked for all the time by machines; what they answer well is no news.
const QUIET: [&str; 6] = ["/healthz", "/readyz", "/metrics", "/assets/", "/log/", "/gov/"];

/// Routes whose answers cost nothing.
const FREE: [&str; 4] = ["/assets/", "/healthz", "/readyz", "/push-sw.js"];

/// The outermost layer.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let call = Arc::new(called(&app, &request));
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let echoed = request.headers().get(&REQUEST_ID).filter(|id| id.len() <= MAX_ECHOED).cloned();
    let began = Instant::now();
    let work = answered(&app, request, route.as_deref(), next);
    let mut response = Arc::clone(&call).answered(work).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.ledger().config().public_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // A client's own comes back as it was sent (AuthZEN 1.0).
    if let Some(id) = echoed.or_else(|| HeaderValue::from_str(&call.id).ok()) {
        headers.insert(REQUEST_ID, id);
    }
    log(&call, route.as_deref(), response.status(), began.elapsed());
    response
}

fn called(app: &App, request: &Request) -> Call {
    let peer = peer_of(request);
    let client = match is_proxy(app, peer) {
        true => forwarded_for(app, request.headers(), peer),
        false => peer,
    };
    let id = given_id(request.headers()).unwrap_or_else(fresh_id);
    Call::new(request.method().clone(), client, id)
}

fn peer_of(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical())
}

fn is_proxy(app: &App, address: IpAddr) -> bool {
    app.0.proxies.iter().any(|proxy| proxy.contains(address))
}

/// Whom a trusted proxy speaks for: the last address in `X-Forwarded-For` that is no trusted proxy
/// itself. What stands before it anybody could have written, in any bytes: a proxy may have put its
/// word on the same line. If its own word is no address, the client is nobody that is known, and
/// least of all the proxy itself.
fn forwarded_for(app: &App, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
    let given: Vec<&[u8]> = lines.flat_map(|line| line.split(|b| *b == b',')).collect();
    let mut client = if given.is_empty() { peer } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    for text in given.iter().rev() {
        let text = std::str::from_utf8(text).unwrap_or_default().trim();
        // Some proxies name the port too.
        let address = text.parse().or_else(|_| text.parse().map(|a: SocketAddr| a.ip()));
        let Ok(address) = address else { break };
        client = IpAddr::to_canonical(&address);
        if !is_proxy(app, client) {
            break;
        }
    }
    client
}

/// The host that the client asked for: that of `X-Forwarded-Host` by a trusted proxy.
pub(super) fn host_of(app: &App, request: &Request) -> Option<String> {
    let forwarded = is_proxy(app, peer_of(request)).then(|| request.headers().get(FORWARDED_HOST));
    let host = forwarded.flatten().or_else(|| request.headers().get(header::HOST))?;
    host.to_str().ok().map(str::to_owned)
}

/// A proxy that says that the client came without TLS, where there has to be some: sends who reads
/// to the right address, and refuses who writes, since what it sent has been in the open.
fn in_the_open(app: &App, request: &Request) -> Option<Response> {
    let public = &app.ledger().config().public_url;
    let proto = request.headers().get(FORWARDED_PROTO)?;
    let open = proto.as_bytes().eq_ignore_ascii_case(b"http");
    if !open || !public.starts_with("https://") || !is_proxy(app, peer_of(request)) {
        return None;
    }
    if request.method() != Method::GET {
        let fault = Fault::forbidden("http.insecure", "this service is reached by https only");
        return Some(fault.response(request.uri().path()));
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let to = HeaderValue::from_str(&format!("{public}{path}")).ok()?;
    Some((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response())
}

async fn answered(app: &App, request: Request, route: Option<&str>, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(response) = in_the_open(app, &request) {
        return response;
    }
    match host_of(app, &request).as_deref() {
        // A page of another site that points its name at our address (DNS rebinding) stops here.
        Some(host) if app.is_our_host(host) => {
            let head = request.method() == Method::HEAD;
            let limit = Duration::from_secs(TIMEOUT_S);
            let kept = rules::keep(app, &request, route);
            let work = async {
                match (kept.await, counted(app, route)) {
                    (_, Err(fault)) => fault.response(&path),
                    (Ok(()), Ok(())) => next.run(request).await,
                    (Err(refused), Ok(())) => refused,
                }
            };
            match tokio::time::timeout(limit, work).await {
                Ok(response) => response,
                Err(_) if head => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                Err(_) => Fault::timeout().response(&path),
            }
        }
        _ => Fault::misdirected().response(&path),
    }
}

/// Counts a call among those of its caller, once it is known who that is. What is small, the same
/// for all, and asked for with every page is not counted.
fn counted(app: &App, route: Option<&str>) -> Result<(), Fault> {
    let free = route.is_some_and(|route| FREE.iter().any(|free| route.starts_with(free)));
    if free { Ok(()) } else { app.0.rates.call(call::who()) }
}

/// A client's id for its request, if it is made of what UUIDs and trace ids are made of: the log
/// repeats it, and must not come to hold a name by this way.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(&REQUEST_ID)?.to_str().ok()?;
    let plain = given.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (plain && REQUEST_ID_BYTES.contains(&given.len())).then(|| given.to_owned())
}

fn fresh_id() -> String {
    let mut bytes = [0; 8];
    // Without random bytes requests share an id, which only makes the log harder to read.
    let _ = getrandom::fill(&mut bytes);
    b64::encode_hex(bytes)
}

/// One line for each request: the route, never the path; the kind of caller, never who.
fn log(call: &Call, route: Option<&str>, status: StatusCode, took: Duration) {
    let (id, caller) = (call.id.as_str(), call.kind());
    let (method, route) = (method_name(&call.method), route.unwrap_or("none"));
    let (status, ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    if status < 400 && QUIET.iter().any(|quiet| route.starts_with(quiet)) {
        tracing::debug!(target: "placet::http", id, method, route, status, ms, caller, "answered");
    } else {
        tracing::info!(target: "placet::http", id, method, route, status, ms, caller, "answered");
    }
}

/// The method, where it is one of HTTP's: a client may send any word in its place.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_can_hold_no_name_are_taken_over() {
        let take = |id: &str| {
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).unwrap())]);
            given_id(&headers)
        };
        for good in ["4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab", "0123abcd", &"a".repeat(64)] {
            assert_eq!(take(good).as_deref(), Some(good));
        }
        for bad in ["", "abc", "Alice Example", "alice@example.com", &"a".repeat(65)] {
            assert_eq!(take(bad), None, "{bad}");
        }
        assert_eq!(fresh_id().len(), 16);
        assert_eq!(method_name(&Method::from_bytes(b"ALICE").unwrap()), "other");
    }
}
