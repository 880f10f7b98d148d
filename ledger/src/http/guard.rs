//! What holds for every request: it names this server, it ends in time, no browser is led to read an
//! answer as something else, and the log says what became of it, without saying who it was.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use placet_proto::b64;

use super::App;
use super::call::Call;
use super::problem::Fault;
use super::server::Peer;

/// Longest time that a request may take, in seconds; a wait that the client asks for is shorter.
const TIMEOUT_S: u64 = 90;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Lengths of a request id of a client's that we take over.
const REQUEST_ID_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Routes that are asked for all the time by machines; what they answer well is no news.
const QUIET: [&str; 6] = ["/healthz", "/readyz", "/metrics", "/assets/", "/log/", "/gov/"];

/// The outermost layer.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let call = Arc::new(called(&request));
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let began = Instant::now();
    let work = answered(&app, request, next);
    let mut response = Arc::clone(&call).answered(work).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&call.id) {
        headers.entry(REQUEST_ID).or_insert(id);
    }
    log(&call, route.as_deref(), response.status(), began.elapsed());
    response
}

fn called(request: &Request) -> Call {
    let peer = request.extensions().get::<Peer>();
    let client = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let id = given_id(request.headers()).unwrap_or_else(fresh_id);
    Call::new(request.method().clone(), client, id)
}

async fn answered(app: &App, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    match host {
        // A page of another site that points its name at our address (DNS rebinding) stops here.
        Some(host) if app.is_our_host(host) => {
            let head = request.method() == Method::HEAD;
            let limit = Duration::from_secs(TIMEOUT_S);
            match tokio::time::timeout(limit, next.run(request)).await {
                Ok(response) => response,
                Err(_) if head => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                Err(_) => Fault::timeout().response(&path),
            }
        }
        _ => Fault::misdirected().response(&path),
    }
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
