//! The pages, rendered here; without JavaScript they show everything and sign nothing.
//!
//! What a person signs is shown from the bytes that are signed. We claim that an approval is
//! *bound* to those bytes, not that a person saw them.

mod approve;
mod enrol;
mod exact;
mod log;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use super::App;
use super::problem::Fault;

/// No inline script or style, nothing from elsewhere, no frame around it, no form that goes
/// elsewhere.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const SCRIPT: &str = include_str!("placet.js");
const STYLE: &str = include_str!("placet.css");

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(log::page))
        .route("/enrol", get(enrol::page))
        .route("/approve", get(approve::queue))
        .route("/approve/{request}", get(approve::page))
        .route("/assets/placet.js", get(async || asset(SCRIPT, "text/javascript; charset=utf-8")))
        .route("/assets/placet.css", get(async || asset(STYLE, "text/css; charset=utf-8")))
}

fn asset(text: &'static str, media_type: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")];
    (StatusCode::OK, headers, text).into_response()
}

/// A whole page.
fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Placet" }
                link rel="stylesheet" href="/assets/placet.css";
                script src="/assets/placet.js" defer {}
            }
            body {
                header { nav {
                    a href="/" { "Placet" }
                    a href="/approve" { "Requests" }
                    a href="/enrol" { "Enrol" }
                } }
                main { (body) }
            }
        }
    };
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    (status, headers, markup.into_string()).into_response()
}

/// A page that says what went wrong.
fn failed(fault: &Fault) -> Response {
    let body = html! {
        h1 { (fault.title) }
        p.status data-testid="status" { (fault.detail) }
        p.small { code { (fault.code) } }
    };
    page(fault.status, &fault.title, &body)
}

/// Passkeys belong to a host name: sends a browser that came by another one (such as 127.0.0.1) to
/// the right one.
fn elsewhere(app: &App, request: &Request) -> Option<Response> {
    let public = &app.ledger().config().public_url;
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok())?;
    if host.eq_ignore_ascii_case(super::authority(public)) {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let to = HeaderValue::from_str(&format!("{public}{path}")).ok()?;
    Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response())
}
