//! Whether a post comes from a page of ours, or from a client that speaks for itself.
//!
//! A browser sends a session's cookie with whatever a page makes it send. Three things have to hold
//! before a session counts in a request that may change something: the Origin header is ours, Fetch
//! Metadata (where the browser sends it) says that the page is ours, and the request repeats a
//! token that only our pages know.

use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::App;
use super::auth::Session;
use super::call::Call;
use super::problem::Fault;

/// What a post of a session repeats.
pub const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request of a session. One that only reads needs nothing.
///
/// # Errors
/// 403 `http.origin`, `http.csrf`.
pub fn check(app: &App, headers: &HeaderMap, session: &Session) -> Result<(), Fault> {
    // Outside of the router the method is not known: then it may be a post.
    let reads = Call::current().is_some_and(|c| [Method::GET, Method::HEAD].contains(&c.method));
    if reads {
        return Ok(());
    }
    surface(app, headers)?;
    let given = headers.get(&TOKEN).map(|value| value.as_bytes()).unwrap_or_default();
    let wanted = session.csrf.as_bytes();
    let differing = given.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b));
    if given.len() != wanted.len() || differing != 0 {
        let detail = "the header X-CSRF-Token is not this session's; load the page again";
        return Err(Fault::forbidden("http.csrf", detail));
    }
    Ok(())
}

/// Where the person is, by the Origin header: `browser` or `cli`. Requests that pages of others
/// made are refused.
///
/// # Errors
/// 403 `http.origin`.
pub fn surface(app: &App, headers: &HeaderMap) -> Result<&'static str, Fault> {
    let text = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let origin = text(&header::ORIGIN).unwrap_or_default();
    if !app.ledger().config().allowed_origins().iter().any(|ours| ours == origin) {
        let detail = "the Origin header is none of this ledger's origins";
        return Err(Fault::new(StatusCode::FORBIDDEN, "Forbidden", "http.origin", detail));
    }
    if text(&SITE).is_some_and(|site| site != "same-origin") {
        let detail = "the browser says that a page of another site sent this";
        return Err(Fault::new(StatusCode::FORBIDDEN, "Forbidden", "http.origin", detail));
    }
    Ok(if origin.starts_with("cli://") { "cli" } else { "browser" })
}
