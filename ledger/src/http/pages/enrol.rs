//! The page on which the first person enrols a passkey.

use axum::extract::{Request, State};
use axum::response::Response;
use maud::html;

use super::{Page, elsewhere, failed, whole};
use crate::http::App;
use crate::http::problem::Fault;

/// `GET /enrol`.
pub async fn page(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let first = match app.run(|app| Ok(app.ledger().enrolments()?.is_empty())).await {
        Ok(first) => first,
        Err(error) => return failed(&app, None, &Fault::from(error)),
    };
    let body = html! {
        h1 { "Enrol a passkey" }
        @if first {
            p { "The first person becomes administrator and approver. "
                "The one-time code was printed when the ledger was made." }
            form #enrol data-form="enrol" {
                label { "One-time code"
                    input type="text" name="code" data-testid="enrol-code" required
                        autocomplete="off" autocapitalize="characters" spellcheck="false"; }
                label { "Name"
                    input type="text" name="name" data-testid="enrol-name" required
                        maxlength="200" autocomplete="name"; }
                div.buttons { button type="submit" data-testid="enrol-submit" { "Enrol" } }
            }
            p.status #status role="status" data-testid="status" {}
            p #next hidden {
                a href="/people/me" data-testid="enrol-second" { "Enrol a second passkey now" }
                ": if you lose the only one, nobody can let you in quickly."
            }
            p.small {
                "You are asked for the passkey twice: once to make it, once to show that it "
                "works. The log holds a number for you; your name is kept apart and can be erased."
            }
            noscript { p.warning { "Passkeys need JavaScript in the browser." } }
        } @else {
            p.status #status role="status" data-testid="status" {
                "This ledger has its first person."
            }
            p { "Others come by an invitation: an administrator makes one on the page "
                a href="/people" { "People" } "." }
            p { a href="/people/me" { "A further passkey of your own" } }
        }
    };
    whole(&app, None, Page::new("Enrol", body).script("people.js"))
}
