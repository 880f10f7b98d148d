//! The pages, rendered here; without JavaScript they show everything and sign nothing.
//!
//! What a person signs is shown from the bytes that are signed. We claim that an approval is
//! *bound* to those bytes, not that a person saw them.

mod compare;
mod enrol;
mod erase;
mod exact;
mod history;
mod invite;
mod log;
pub(super) mod parts;
mod people;
mod person;
mod policy;
mod queue;
mod receipt;
mod request;
pub(super) mod signin;
mod spec;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use placet_proto::document::Role;

pub use self::queue::Queue;
pub use super::auth::Session;
use super::problem::Fault;
use super::{App, auth};

/// No inline script or style, nothing from elsewhere, no frame around it, no form that goes
/// elsewhere.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(log::page))
        .route("/log/keys/{file}", get(log::main_key))
        .route("/gov/keys/{file}", get(log::gov_key))
        .route("/receipt/{log}/{index}", get(receipt::entry_page))
        .route("/receipt/request/{request}", get(receipt::page))
        .route("/erase/{leaf}", get(erase::page))
        .route("/spec", get(spec::page))
        .route("/enrol", get(enrol::page))
        .route("/signin", get(signin::page))
        .route("/invite/{token}", get(invite::page))
        .route("/people", get(people::page))
        .route("/people/me", get(person::me))
        .route("/people/{person}", get(person::page))
        .route("/policy", get(policy::page))
        .route("/approve", get(queue::page))
        .route("/approve/{request}", get(request::page))
        .route("/approve/{request}/state", get(request::state))
        .route("/approve/{request}/qr.svg", get(request::qr))
        .route("/history", get(history::page))
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
        "icon.svg" => ("image/svg+xml", include_str!("icon.svg")),
        "passkey.js" => (SCRIPT, include_str!("passkey.js")),
        "frame.js" => (SCRIPT, include_str!("frame.js")),
        "events.js" => (SCRIPT, include_str!("events.js")),
        "queue.js" => (SCRIPT, include_str!("queue.js")),
        "approve.js" => (SCRIPT, include_str!("approve.js")),
        "people.js" => (SCRIPT, include_str!("people.js")),
        "erase.js" => (SCRIPT, include_str!("erase.js")),
        "policy.js" => (SCRIPT, include_str!("policy.js")),
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
    here: &'static str,
    wide: bool,
    body: Markup,
}

impl<'a> Page<'a> {
    /// A page with this title, which should hold one `h1`.
    #[must_use]
    pub fn new(title: &'a str, body: Markup) -> Self {
        Self { status: StatusCode::OK, title, scripts: Vec::new(), here: "", wide: false, body }
    }

    /// With another HTTP status than 200.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// As part of this entry of the navigation, such as `"/approve"`.
    #[must_use]
    pub fn here(self, here: &'static str) -> Self {
        Self { here, ..self }
    }

    /// With room for a table.
    #[must_use]
    pub fn wide(self) -> Self {
        Self { wide: true, ..self }
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
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/placet.css";
                @if session.is_some() { script type="module" src="/assets/frame.js" {} }
                @for script in &page.scripts {
                    script type="module" src={ "/assets/" (script) } {}
                }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    (navigation(session, page.here))
                    (banners(app))
                }
                main #main.wide[page.wide] tabindex="-1" { (page.body) }
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

fn navigation(session: Option<&Session>, here: &str) -> Markup {
    use Role::{Administrator, Approver, Auditor};
    let entries: [(&str, &str, &[Role]); 4] = [
        ("/approve", "Requests", &[Approver, Administrator]),
        ("/history", "History", &[Approver, Administrator, Auditor]),
        ("/people", "People", &[Administrator, Auditor]),
        ("/policy", "Policy", &[Administrator, Auditor]),
    ];
    let link = |path: &str, text: &str| {
        html! { a href=(path) aria-current=[(path == here).then_some("page")] { (text) } }
    };
    html! {
        nav aria-label="Placet" {
            a.mark href="/" aria-current=[(here == "/").then_some("page")] { "Placet" }
            @match session {
                Some(session) => {
                    @for (path, text, roles) in entries {
                        @if roles.iter().any(|role| session.is(*role)) { (link(path, text)) }
                    }
                    (link("/people/me", "Me"))
                    button #signout type="button" data-testid="signout" { "Sign out" }
                },
                None => (link("/signin", "Sign in")),
            }
        }
    }
}

/// What everybody has to know on every page.
fn banners(app: &App) -> Markup {
    html! {
        @if app.ledger().config().dev {
            p.banner.quiet {
                strong { "Development ledger" } ": evidence of nothing."
            }
        }
        (people::recovery_banner(&app.ledger().running_recoveries().unwrap_or_default()))
    }
}

/// A page that says what went wrong.
pub fn failed(app: &App, session: Option<&Session>, fault: &Fault) -> Response {
    let (title, hint) = in_words(fault.status);
    let title = title.unwrap_or(&fault.title);
    let body = html! {
        h1 { (title) }
        p.status data-testid="status" { (sentence(&fault.detail)) }
        @if let Some(hint) = hint { p { (hint) } }
        p {
            @match session {
                Some(session) if session.is(Role::Approver) => a href="/approve" { "Requests" },
                Some(_) => a href="/people/me" { "My passkeys" },
                None => a href="/signin" { "Sign in" },
            }
            " · " a href="/" { "About this ledger" }
        }
        p.small { "Code for whoever helps you: " code { (fault.code) } }
    };
    whole(app, session, Page::new(title, body).status(fault.status))
}

/// What a status says to a person, and what can be done about it.
fn in_words(status: StatusCode) -> (Option<&'static str>, Option<&'static str>) {
    match status.as_u16() {
        400 => (Some("That address has a mistake in it"), None),
        403 => (
            Some("This page is for others"),
            Some("Roles are given by administrators; ask one if you need this."),
        ),
        404 => (Some("Not found"), Some("Look whether the whole address was copied.")),
        410 => (Some("This has ended"), None),
        429 => (Some("Too often"), Some("Wait for a moment, then load the page again.")),
        503 => (Some("Busy at the moment"), Some("Wait for a moment, then load the page again.")),
        _ => (None, None),
    }
}

/// With a capital at its start and a stop at its end.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", rest.as_str())
}

/// For a path that nothing answers: a page for browsers, a problem for programs.
pub async fn missing(app: App, request: Request) -> Response {
    let fault = Fault::not_found();
    if !super::rules::navigates(&request).unwrap_or(false) {
        return fault.response(request.uri().path());
    }
    let headers = request.headers().clone();
    drop(request);
    let session = auth::by_session(&app, &headers).await.unwrap_or_default();
    failed(&app, session.as_ref(), &fault)
}

/// Passkeys belong to a host name: sends a browser that came by another one (such as 127.0.0.1) to
/// the right one.
pub fn elsewhere(app: &App, request: &Request) -> Option<Response> {
    let public = &app.ledger().config().public_url;
    // As the client wrote it: a proxy may call us by another name, and would be sent in circles.
    let host = super::guard::host_of(app, request)?;
    if host.eq_ignore_ascii_case(super::authority(public)) {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let to = HeaderValue::from_str(&format!("{public}{path}")).ok()?;
    Some((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_a_sentence() {
        assert_eq!(sentence("é is no id"), "É is no id.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence(""), ".");
    }
}
