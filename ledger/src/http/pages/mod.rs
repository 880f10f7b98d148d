//! The pages, rendered here; without JavaScript they show everything and sign nothing.
//!
//! What a person signs is shown from the bytes that are signed. We claim that an approval is
//! *bound* to those bytes, not that a person saw them.

mod approve;
mod enrol;
mod exact;
mod log;
mod receipt;
pub(super) mod signin;
mod spec;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use super::App;
pub use super::auth::Session;
use super::problem::Fault;

/// No inline script or style, nothing from elsewhere, no frame around it, no form that goes
/// elsewhere.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(log::page))
        .route("/log/keys/{file}", get(log::main_key))
        .route("/gov/keys/{file}", get(log::gov_key))
        .route("/receipt/{log}/{index}", get(receipt::entry_page))
        .route("/receipt/request/{request}", get(receipt::page))
        .route("/spec", get(spec::page))
        .route("/enrol", get(enrol::page))
        .route("/signin", get(signin::page))
        .route("/approve", get(approve::queue))
        .route("/approve/{request}", get(approve::page))
        .route("/assets/{name}", get(async |Path(name): Path<String>| asset(&name)))
}

/// A script or a style sheet that belongs to the pages.
fn asset(name: &str) -> Response {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let (media_type, text) = match name {
        "placet.css" => (
            "text/css; charset=utf-8",
            concat!(include_str!("placet.css"), include_str!("receipt.css")),
        ),
        "passkey.js" => (SCRIPT, include_str!("passkey.js")),
        "approve.js" => (SCRIPT, include_str!("approve.js")),
        "people.js" => (SCRIPT, include_str!("people.js")),
        "signin.js" => (SCRIPT, include_str!("signin.js")),
        _ => return Fault::not_found().response("/assets"),
    };
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")];
    (StatusCode::OK, headers, text).into_response()
}

/// One page: what stands in [`whole`]'s frame.
#[derive(Debug)]
pub struct Page<'a> {
    status: StatusCode,
    title: &'a str,
    scripts: Vec<&'static str>,
    body: Markup,
}

impl<'a> Page<'a> {
    /// A page with this title, which should hold one `h1`.
    #[must_use]
    pub fn new(title: &'a str, body: Markup) -> Self {
        Self { status: StatusCode::OK, title, scripts: Vec::new(), body }
    }

    /// With another HTTP status than 200.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// With a script of `/assets`, an ES module, such as `"approve.js"`.
    #[must_use]
    pub fn script(mut self, name: &'static str) -> Self {
        self.scripts.push(name);
        self
    }
}

/// The whole page: head, navigation by roles, what everybody has to know now, the page itself.
pub fn whole(app: &App, session: Option<&Session>, page: Page<'_>) -> Response {
    let csrf = session.map(|s| s.csrf.as_str()).filter(|csrf| !csrf.is_empty());
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(csrf) = csrf { meta name="csrf" content=(csrf); }
                title { (page.title) " – Placet" }
                link rel="stylesheet" href="/assets/placet.css";
                @for script in &page.scripts {
                    script type="module" src={ "/assets/" (script) } {}
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header { (navigation(session)) }
                (banners(app))
                main #main tabindex="-1" { (page.body) }
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
    (page.status, headers, markup.into_string()).into_response()
}

fn navigation(_session: Option<&Session>) -> Markup {
    html! {
        nav aria-label="Placet" {
            a href="/" { "Placet" }
            a href="/approve" { "Requests" }
            a href="/enrol" { "Enrol" }
        }
    }
}

/// What everybody has to know on every page.
fn banners(app: &App) -> Markup {
    html! {
        @if app.ledger().config().dev {
            p.banner { "Development ledger: what it records is evidence of nothing." }
        }
    }
}

/// A page that says what went wrong.
pub fn failed(app: &App, session: Option<&Session>, fault: &Fault) -> Response {
    let body = html! {
        h1 { (fault.title) }
        p.status data-testid="status" { (fault.detail) }
        p.small { code { (fault.code) } }
    };
    whole(app, session, Page::new(&fault.title, body).status(fault.status))
}

/// Passkeys belong to a host name: sends a browser that came by another one (such as 127.0.0.1) to
/// the right one.
pub fn elsewhere(app: &App, request: &Request) -> Option<Response> {
    let public = &app.ledger().config().public_url;
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok())?;
    if host.eq_ignore_ascii_case(super::authority(public)) {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let to = HeaderValue::from_str(&format!("{public}{path}")).ok()?;
    Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response())
}
