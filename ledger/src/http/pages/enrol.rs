//! The page on which a person enrols a passkey.

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
        } @else {
            p { "An administrator authorises this with a passkey, on this device." }
        }
        form #enrol {
            @if first {
                label { "One-time code"
                    input type="text" name="code" data-testid="enrol-code" required
                        autocomplete="off" autocapitalize="characters" spellcheck="false"; }
            }
            label { "Name"
                input type="text" name="name" data-testid="enrol-name" required maxlength="200"
                    autocomplete="name"; }
            @if !first {
                fieldset {
                    legend { "May" }
                    label.check { input type="checkbox" name="approver" checked; "approve" }
                    label.check {
                        input type="checkbox" name="administrator"; "administrate" }
                }
            }
            div.buttons { button type="submit" data-testid="enrol-submit" { "Enrol" } }
        }
        p.status #status role="status" data-testid="status" {}
        p.small {
            "You are asked for the passkey twice: once to make it, once to show that it works. "
            "The log holds a number for you; your name is kept apart and can be erased."
        }
        noscript { p.warning { "Passkeys need JavaScript in the browser." } }
    };
    whole(&app, None, Page::new("Enrol", body).script("people.js"))
}
