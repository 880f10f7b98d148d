//! The page behind the link of an invitation: it follows the invited person from making a passkey
//! to being able to sign in.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::b64;

use super::{Page, elsewhere, failed, whole};
use crate::http::App;
use crate::http::auth;
use crate::http::problem::Fault;
use crate::service::{Invitation, InvitationState, Registration, WaitingEnrolment};

/// `GET /invite/{token}`.
pub async fn page(State(app): State<App>, Path(token): Path<String>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let session = match auth::by_session(&app, request.headers()).await {
        Ok(session) => session,
        Err(fault) => return failed(&app, None, &fault),
    };
    let who = session.as_ref().map(|s| s.person.clone());
    let asked = token.clone();
    let found = app.run(move |app| app.ledger().invitation(&asked, who.as_deref())).await;
    let (invitation, state) = match found {
        Ok(found) => found,
        Err(error) => return failed(&app, session.as_ref(), &Fault::from(error)),
    };
    let gone = matches!(
        state,
        InvitationState::Cancelled | InvitationState::Rejected | InvitationState::Expired
    );
    let status = if gone { StatusCode::GONE } else { StatusCode::OK };
    let early = match &state {
        InvitationState::Announced(_, from) => app.ledger().now() < *from,
        _ => false,
    };
    let body = markup(&token, &invitation, &state, early);
    let page = Page::new("Invitation", body).status(status).script("people.js");
    whole(&app, session.as_ref(), page)
}

fn markup(token: &str, invitation: &Invitation, state: &InvitationState, early: bool) -> Markup {
    let waits = matches!(state, InvitationState::Waiting(_) | InvitationState::Uncovered(_));
    let credential = registered(state).and_then(|r| r.enrolment());
    let credential = credential.map(|(_, e)| b64::encode_url(&e.credential));
    html! {
        section data-token=(token) data-state=(state.name()) data-credential=[credential]
            data-follow[waits || early] data-early[early] {
            h1 { "A passkey for " (invitation.name) }
            @if invitation.recovery {
                p.warning { "This replaces lost passkeys. Everybody who uses this ledger is told, "
                    "and can object." }
            }
            p { "Roles: " (roles(invitation)) }
            p.status #status role="status" data-testid="status" { (said(state)) }
            (words(state))
            @if let Some(label) = button(state) {
                div.buttons {
                    button type="button" data-act="begin" data-testid="invite-begin"
                        disabled[early] { (label) }
                }
            }
            @if matches!(state, InvitationState::Ready(_)) {
                p { a href="/people/me" data-testid="invite-signin" { "Sign in" }
                    " – and enrol a second passkey: without one, losing the first locks you out." }
            }
            p.small {
                "You are asked for the passkey twice: once to make it, once to show that it works. "
                "The log holds a number for you; your name is kept apart and can be erased."
            }
            noscript { p.warning { "Passkeys need JavaScript in the browser." } }
        }
    }
}

fn roles(invitation: &Invitation) -> String {
    match invitation.roles.is_empty() {
        true => "those that you had".to_owned(),
        false => invitation.roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", "),
    }
}

fn said(state: &InvitationState) -> String {
    match state {
        InvitationState::Open => "Make a passkey on this device, or on a key that you plug in.",
        InvitationState::Sign(_) => "Your passkey has to sign, to show that it works.",
        InvitationState::Waiting(_) => "Waiting for an administrator.",
        InvitationState::Announced(_, from) => {
            return format!(
                "Your new passkey is announced. If nobody objects it can be enrolled from {} on, \
                 on this page.",
                from.to_string().replacen('T', " ", 1).replace('Z', " UTC")
            );
        }
        InvitationState::Uncovered(_) => "Recorded. Waiting for a cosigned checkpoint.",
        InvitationState::Ready(_) => "Ready: you can sign in with this passkey.",
        InvitationState::Cancelled => "This invitation was taken back. Ask for another.",
        InvitationState::Rejected => "This passkey was refused. Ask who invited you.",
        InvitationState::Expired => "This invitation is too old. Ask for another.",
    }
    .to_owned()
}

fn registered(state: &InvitationState) -> Option<&Registration> {
    match state {
        InvitationState::Sign(r)
        | InvitationState::Waiting(r)
        | InvitationState::Announced(r, _) => Some(r),
        _ => None,
    }
}

/// The fingerprint words, shown by the script in the browser that made the passkey and in no other:
/// whose link was used by a thief must not come to say the thief's words.
fn words(state: &InvitationState) -> Markup {
    let Some(waiting) = registered(state).and_then(WaitingEnrolment::of) else { return html! {} };
    html! {
        div #made-here hidden {
            p.code.large data-testid="fingerprint" { (waiting.words()) }
            p.small { "The fingerprint of your new passkey. Say these words to an administrator, "
                "by telephone or face to face. If they see other ones, somebody else has used "
                "your link." }
        }
        p.warning #made-elsewhere data-testid="made-elsewhere" {
            "A passkey was made with this link, and not in this browser. If that was you, its "
            "words stand in the browser that you used. If it was not, tell an administrator: "
            "somebody else has your link."
        }
    }
}

fn button(state: &InvitationState) -> Option<&'static str> {
    match state {
        InvitationState::Open => Some("Make a passkey"),
        InvitationState::Sign(_) => Some("Sign with the passkey"),
        InvitationState::Announced(..) => Some("Enrol the passkey"),
        _ => None,
    }
}
