//! Who may do what: one table for all routes (SPEC.md 10), kept before any handler runs.
//!
//! A handler may ask for more, and cannot ask for less. A route that the table does not know is for
//! callers that are known, whoever they are: what is forgotten here is closed to the public.

use std::sync::atomic::Ordering;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use placet_proto::document::Role;

use super::App;
use super::auth::{self, Scope};
use super::call::{self, Call};
use super::problem::Fault;

/// Everybody who is enrolled and not revoked: every session has one of these roles.
pub const ANYBODY: &[Role] = &[Role::Administrator, Role::Approver, Role::Auditor, Role::Operator];
/// Who may read what was recorded.
pub const READERS: &[Role] = &[Role::Administrator, Role::Approver, Role::Auditor];
/// Who may look at requests.
pub const ANSWERERS: &[Role] = &[Role::Administrator, Role::Approver];
/// Who may read about people.
const DIRECTORY: &[Role] = &[Role::Administrator, Role::Auditor];
/// Who may order erasures.
const ERASERS: &[Role] = &[Role::Administrator];
/// Who may read the figures.
const OPERATORS: &[Role] = &[Role::Administrator, Role::Operator];

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: everybody may.
    Public,
    /// A session with one of these roles, or a token with one of these scopes.
    Of(&'static [Role], &'static [Scope]),
    /// A session with one of these roles; who looks without one is led to sign in.
    Pages(&'static [Role]),
    /// A session of an operator or a token with scope `metrics`; if the settings say so, anybody on
    /// this machine.
    Figures,
}

/// Routes by the start of their template; the first that fits decides. `/` alone is the log's page.
const TABLE: &[(&str, Rule)] = &[
    // Both logs, which hold hashes, and what everybody needs to check receipts.
    ("/log/", Rule::Public),
    ("/gov/", Rule::Public),
    ("/.well-known/", Rule::Public),
    ("/v1/trust", Rule::Public),
    ("/v1/checkpoint", Rule::Public),
    ("/v1/consistency", Rule::Public),
    ("/v1/notes", Rule::Public),
    ("/v1/openapi.json", Rule::Public),
    // External issuers, whose statements speak for themselves, and receipts by an entry's hash.
    ("/entries", Rule::Public),
    ("/healthz", Rule::Public),
    ("/readyz", Rule::Public),
    ("/metrics", Rule::Figures),
    ("/assets/", Rule::Public),
    ("/push-sw.js", Rule::Public),
    ("/health", Rule::Public),
    ("/spec", Rule::Public),
    // Ways in: each has a secret of its own.
    ("/signin", Rule::Public),
    ("/signout", Rule::Public),
    ("/enrol", Rule::Public),
    ("/invite/", Rule::Public),
    ("/recover/", Rule::Public),
    // Programs that decide and enforce.
    ("/access/", Rule::Of(&[], &[Scope::Pep])),
    ("/v1/consume", Rule::Of(&[], &[Scope::Pep])),
    ("/v1/outcome", Rule::Of(&[], &[Scope::Pep])),
    ("/v1/transactions/challenge", Rule::Of(&[], &[Scope::Pep])),
    ("/v1/transactions/spend", Rule::Of(&[], &[Scope::Pep])),
    ("/v1/transactions/introspect", Rule::Of(&[], &[Scope::Pep])),
    // Agents, with a challenge that was signed for their PEP and the proof of a key.
    ("/v1/transactions", Rule::Public),
    // What was recorded.
    ("/v1/evidence/{request}", Rule::Of(READERS, &[Scope::EvidenceRead, Scope::Pep])),
    ("/v1/evidence", Rule::Of(READERS, &[Scope::EvidenceRead])),
    ("/v1/requests", Rule::Of(READERS, &[Scope::EvidenceRead, Scope::Pep])),
    ("/v1/entries/{log}/{index}", Rule::Of(READERS, &[Scope::EvidenceRead])),
    ("/v1/statements", Rule::Of(READERS, &[Scope::EvidenceRead])),
    ("/v1/entries", Rule::Of(READERS, &[Scope::EvidenceRead, Scope::Search])),
    ("/v1/policies", Rule::Of(READERS, &[Scope::EvidenceRead])),
    ("/v1/erasures", Rule::Of(ERASERS, &[])),
    ("/erase", Rule::Pages(ERASERS)),
    ("/history", Rule::Pages(READERS)),
    ("/receipt", Rule::Pages(READERS)),
    // Persons.
    ("/approve/{request}/state", Rule::Of(ANSWERERS, &[])),
    ("/approve/{request}/qr.svg", Rule::Of(ANSWERERS, &[])),
    ("/approve", Rule::Pages(ANSWERERS)),
    ("/v1/people", Rule::Of(DIRECTORY, &[Scope::Admin])),
    ("/people/me", Rule::Pages(ANYBODY)),
    // Whose own further key it is signs for it, whatever roles that person has.
    ("/people/enrolments", Rule::Of(ANYBODY, &[])),
    ("/people", Rule::Pages(DIRECTORY)),
    ("/policy", Rule::Pages(DIRECTORY)),
    ("/events", Rule::Of(ANYBODY, &[])),
    ("/push/", Rule::Of(ANYBODY, &[])),
];

/// What this route asks.
#[must_use]
pub fn rule(template: &str) -> Rule {
    if template == "/" {
        return Rule::Public;
    }
    let fits = |start: &str| {
        template
            .strip_prefix(start)
            .is_some_and(|rest| start.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    };
    let found = TABLE.iter().find(|(start, _)| fits(start));
    found.map_or(Rule::Of(ANYBODY, &Scope::ALL), |(_, rule)| *rule)
}

/// Lets a request through to its handler, or gives the answer that refuses it.
pub fn keep<'a>(
    app: &'a App,
    request: &Request,
    template: Option<&str>,
) -> impl Future<Output = Result<(), Response>> + Send + use<'a> {
    let headers = request.headers().clone();
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let path = request.uri().path().to_owned();
    let navigates = navigates(request);
    let with_token = headers.contains_key(header::AUTHORIZATION);
    let reads = request.method() == Method::GET && !with_token;
    // What no route answers, nobody may do: that is said to everybody alike.
    let rule = template.map_or(Rule::Public, rule);
    async move {
        let (roles, scopes) = match rule {
            Rule::Public => return Ok(()),
            Rule::Figures if is_local_and_open(app) => return Ok(()),
            Rule::Figures => (OPERATORS, &[Scope::Metrics][..]),
            Rule::Of(roles, scopes) => (roles, scopes),
            Rule::Pages(roles) => (roles, &[][..]),
        };
        let page = navigates.unwrap_or(matches!(rule, Rule::Pages(_)));
        if page && reads {
            return auth::page_for(app, headers, here, roles).await.map(drop);
        }
        if scopes.contains(&Scope::Pep) && is_open_here(app, &headers) {
            return Ok(());
        }
        let kept = auth::require(app, &headers, roles, scopes).await;
        kept.map(drop).map_err(|fault: Fault| fault.response(&path))
    }
}

/// Whether the settings open the figures to this machine, and the request came from it.
fn is_local_and_open(app: &App) -> bool {
    app.ledger().config().metrics_public && call::client().is_loopback()
}

/// Whether a program of this machine calls a development ledger that is open to those. A browser
/// that another site sends here says so by `Origin`; one with a session is a person.
fn is_open_here(app: &App, headers: &HeaderMap) -> bool {
    let open = app.0.open_here.load(Ordering::Relaxed) && call::client().is_loopback();
    let known = [header::AUTHORIZATION, header::COOKIE, header::ORIGIN];
    if !open || known.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    if let Some(call) = Call::current() {
        let (id, label) = ("this-machine".to_owned(), "this machine".to_owned());
        call.is_from(&auth::Caller::Token { id, label, scopes: vec![Scope::Pep] });
    }
    true
}

/// Whether a browser is on its way to a page, as far as the request tells: a page's own script is
/// told in a form that it can read.
pub fn navigates(request: &Request) -> Option<bool> {
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let by_mode = text("sec-fetch-mode").map(|mode| mode == "navigate");
    by_mode.or_else(|| text("accept")?.contains("text/html").then_some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC.md R-10-19.
    #[test]
    fn the_table_is_read_by_whole_segments_and_closed_for_the_rest() {
        assert_eq!(rule("/"), Rule::Public);
        assert_eq!(rule("/log/tile/{*path}"), Rule::Public);
        assert_eq!(rule("/signin/begin"), Rule::Public);
        assert_eq!(rule("/access/v1/evaluation"), Rule::Of(&[], &[Scope::Pep]));
        assert_eq!(rule("/people/me"), Rule::Pages(ANYBODY));
        assert_eq!(rule("/people/{person}"), Rule::Pages(DIRECTORY));
        assert_eq!(rule("/people/enrolments/sign"), Rule::Of(ANYBODY, &[]));
        assert_eq!(rule("/v1/people"), Rule::Of(DIRECTORY, &[Scope::Admin]));
        assert_eq!(rule("/v1/erasures/confirm"), Rule::Of(&[Role::Administrator], &[]));
        for closed in ["/signinx", "/logs", "/enrolment", "/new", "/v1/new", "/v1/trusted"] {
            assert_eq!(rule(closed), Rule::Of(ANYBODY, &Scope::ALL), "{closed}");
        }
    }
}
