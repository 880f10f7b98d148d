//! Who calls, and what they may do (SPEC.md 10).
//!
//! Persons come with the session that their passkey began, programs with a token. A route names the
//! roles and scopes that it is for, and [`require`] or [`page`] lets in who has one of them. No
//! role and no scope implies another.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::document::Role;
use placet_proto::time::UnixSeconds;

use super::call::{self, Call};
use super::problem::Fault;
use super::{App, csrf, session};
use crate::Error;
pub use crate::service::Scope;
use crate::service::sessions::FRESH_S;

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The person's id.
    pub person: String,
    /// The credential that signed in.
    pub credential: Vec<u8>,
    /// The roles that it holds now, read from the roster at this request; at least one.
    pub roles: Vec<Role>,
    /// What every post of this session repeats in `X-CSRF-Token`.
    pub csrf: String,
    /// Until when the passkey was used so recently that the person can be taken to be still there.
    pub fresh_until: UnixSeconds,
}

impl Session {
    /// Whether the person holds this role now.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person, by a session.
    Person(Session),
    /// A program, by a token.
    Token {
        /// The token's id.
        id: String,
        /// What the operator calls it.
        label: String,
        /// What it may do.
        scopes: Vec<Scope>,
    },
}

impl Caller {
    /// The session, if a person calls.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Person(session) => Some(session),
            Self::Token { .. } => None,
        }
    }

    fn may(&self, roles: &[Role], scopes: &[Scope]) -> bool {
        match self {
            Self::Person(session) => roles.iter().any(|role| session.is(*role)),
            Self::Token { scopes: own, .. } => scopes.iter().any(|scope| own.contains(scope)),
        }
    }
}

/// Who calls, if anybody that is known: by `Authorization: Bearer`, else by the session's cookie. A
/// session that has ended is nobody; a token that opens nothing is refused, since whoever sends one
/// means to be somebody. A post of a session has to come from a page of ours.
///
/// # Errors
/// 401 `http.token`, 403 `http.csrf`, and those of the ledger.
pub async fn caller(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Fault> {
    let known = Call::current().and_then(|call| call.caller().cloned());
    let found = match (known, headers.get(header::AUTHORIZATION)) {
        (Some(known), _) => Some(known),
        (None, Some(given)) => Some(by_token(app, given).await?),
        (None, None) => by_session(app, headers).await?.map(Caller::Person),
    };
    if let (Some(call), Some(caller)) = (Call::current(), &found) {
        call.is_from(caller);
    }
    if let Some(Caller::Person(session)) = &found {
        csrf::check(app, headers, session)?;
    }
    Ok(found)
}

/// Lets in a person who holds one of these roles, or a program whose token has one of these scopes.
///
/// # Errors
/// 401 with `WWW-Authenticate` for nobody, 403 `http.forbidden`, and those of [`caller`].
pub async fn require(
    app: &App,
    headers: &HeaderMap,
    roles: &[Role],
    scopes: &[Scope],
) -> Result<Caller, Fault> {
    let caller = caller(app, headers).await?.ok_or_else(Fault::unauthorized)?;
    if caller.may(roles, scopes) {
        return Ok(caller);
    }
    Err(match &caller {
        Caller::Person(_) => forbidden(roles),
        Caller::Token { .. } => {
            let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            let wanted = if names.is_empty() { "no".to_owned() } else { names.join(" or ") };
            Fault::forbidden("http.scope", &format!("this is for tokens with {wanted} scope"))
        }
    })
}

/// As [`require`], for what persons alone may do.
///
/// # Errors
/// As there.
pub async fn require_person(
    app: &App,
    headers: &HeaderMap,
    roles: &[Role],
) -> Result<Session, Fault> {
    match require(app, headers, roles, &[]).await? {
        Caller::Person(session) => Ok(session),
        Caller::Token { .. } => Err(forbidden(roles)),
    }
}

/// As [`require_person`], for what changes at once and is signed by nobody: the names and ids of
/// the directory, of which no log may tell, so that a signature over them could be checked by
/// nobody later. A passkey that was used a moment ago shows as much as one more touch would.
///
/// # Errors
/// As there; 403 `session.stale`.
pub async fn require_fresh(
    app: &App,
    headers: &HeaderMap,
    roles: &[Role],
) -> Result<Session, Fault> {
    let session = require_person(app, headers, roles).await?;
    if app.ledger().now() < session.fresh_until {
        return Ok(session);
    }
    let detail = "sign in again: this takes a passkey that was used in the last five minutes";
    Err(Fault::forbidden("session.stale", detail))
}

/// Lets a browser see a page if its person holds one of these roles.
///
/// # Errors
/// Nobody is sent to the sign-in page, which leads back here; who may not see it gets a page that
/// says so.
pub fn page<'a>(
    app: &'a App,
    request: &Request,
    roles: &'a [Role],
) -> impl Future<Output = Result<Session, Response>> + Send + use<'a> {
    // A request's body can't be shared between threads: the work goes on without it.
    let headers = request.headers().clone();
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    page_for(app, headers, here, roles)
}

/// As [`page`], for who has taken the request apart.
pub(super) async fn page_for(
    app: &App,
    headers: HeaderMap,
    here: String,
    roles: &[Role],
) -> Result<Session, Response> {
    let refused = |fault: &Fault| super::pages::signin::refused(app, None, fault);
    let found = caller(app, &headers).await.map_err(|fault| refused(&fault))?;
    let Some(Caller::Person(session)) = found else {
        return Err(to_sign_in(&here));
    };
    if roles.iter().any(|role| session.is(*role)) {
        return Ok(session);
    }
    Err(super::pages::signin::refused(app, Some(&session), &forbidden(roles)))
}

/// The session of a request, if there is one; posts are not looked at any closer. For pages that
/// everybody may see.
///
/// # Errors
/// Those of the ledger.
pub async fn by_session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Fault> {
    let Some(secret) = session::secret_in(app, headers) else { return Ok(None) };
    let csrf = secret.csrf();
    let found = match app.ledger().session_at_hand(&secret) {
        Some(found) => Some(found),
        None => lookup(app, move |app| app.ledger().session(&secret)).await?,
    };
    Ok(found.map(|signed_in| Session {
        person: signed_in.person,
        credential: signed_in.credential,
        roles: signed_in.roles,
        csrf,
        fresh_until: UnixSeconds(signed_in.since.0.saturating_add(FRESH_S)),
    }))
}

async fn by_token(app: &App, given: &HeaderValue) -> Result<Caller, Fault> {
    let given = given.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let refused = || Fault::unauthorized_with("http.token", "this token opens nothing");
    let token = given.ok_or_else(refused)?;
    let found = lookup(app, move |app| {
        let ledger = app.ledger();
        ledger.access().token(&token, ledger.now())
    });
    let row = found.await?.ok_or_else(refused)?;
    Ok(Caller::Token { id: row.id, label: row.label, scopes: row.scopes })
}

/// A look into a file, off the async threads. It takes none of the places of those who work in the
/// ledger: who is refused must not depend on how busy it is. It takes one of its address, since it
/// is done for callers whom nothing has counted yet.
async fn lookup<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
) -> Result<T, Fault> {
    let place = app.0.lookups.enter(call::address()).await?;
    let app = app.clone();
    let found = tokio::task::spawn_blocking(move || {
        let _place = place;
        work(&app)
    });
    let found = found.await;
    Ok(found.unwrap_or_else(|_| Err(Error::Stopped { reason: "a call panicked".to_owned() }))?)
}

fn forbidden(roles: &[Role]) -> Fault {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let detail = match names.is_empty() {
        true => "this is for programs with a token".to_owned(),
        false => format!("this is for persons with the role {}", names.join(" or ")),
    };
    Fault::forbidden("http.forbidden", &detail)
}

fn to_sign_in(here: &str) -> Response {
    let to = format!("/signin?next={}", session::encode_next(here));
    let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/signin"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
