//! The page on which a person signs in.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::html;

use super::{Page, elsewhere, failed, whole};
use crate::http::auth::{self, Session};
use crate::http::problem::Fault;
use crate::http::{App, session};

/// `?next=PATH`: where a sign-in leads. `again=1` asks who is signed in, too.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Next {
    next: Option<String>,
    again: Option<String>,
}

/// `GET /signin`. Who is signed in goes on at once.
pub async fn page(
    State(app): State<App>,
    query: Result<Query<Next>, QueryRejection>,
    request: Request,
) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let Query(query) = query.unwrap_or_default();
    let again = query.again.is_some();
    let next = session::local_next(query.next.as_deref());
    match auth::by_session(&app, request.headers()).await {
        Ok(None) => {}
        Ok(Some(_)) if again => {}
        Ok(Some(_)) => {
            let to = HeaderValue::from_str(next).unwrap_or(HeaderValue::from_static("/approve"));
            return (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
        }
        Err(fault) => return failed(&app, None, &fault),
    }
    let body = html! {
        h1 { "Sign in" }
        p { "With the passkey that you enrolled here. There is no password." }
        @if again { p { "What you want to do takes a passkey that was used in the last five "
            "minutes. Nothing was changed yet." } }
        form #signin data-next=(next) data-again[again] {
            div.buttons { button type="submit" data-testid="signin-submit" {
                "Sign in with a passkey" } }
        }
        p.status #status role="status" data-testid="status" {}
        p.small {
            "No passkey here yet? An administrator of this ledger invites you. "
            "A session ends after an hour without use, and after twelve hours in any case."
        }
        noscript { p.warning { "Passkeys need JavaScript in the browser." } }
    };
    whole(&app, None, Page::new("Sign in", body).script("signin.js"))
}

/// A page for who may not see what they asked for.
pub fn refused(app: &App, session: Option<&Session>, fault: &Fault) -> Response {
    failed(app, session, fault)
}
