//! What an erasure takes along, and the form by which an administrator orders it.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::Role;
use placet_proto::statement::Statement;

use super::{Page, elsewhere, failed, person, whole};
use crate::http::problem::Fault;
use crate::http::{App, auth, erasures};
use crate::service::ErasurePlan;
use crate::service::render::escape;
use crate::{Error, LogId, storage};

/// A leaf that would go, with the kind of what stands there.
type Leaf = (u64, &'static str);

/// `GET /erase/{leaf}`.
pub async fn page(State(app): State<App>, Path(leaf): Path<String>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let session = match auth::page(&app, &request, &[Role::Administrator]).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let Ok(leaf) = leaf.parse::<u64>() else {
        return failed(&app, Some(&session), &Fault::not_found());
    };
    match app.run(move |app| gather(app, leaf)).await {
        Ok((plan, leaves)) => {
            let page = Page::new("Erase", body(leaf, &plan, &leaves)).script("erase.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

/// The way to this page from that of a leaf or a request.
pub fn link(leaf: u64, what: &str) -> Markup {
    html! {
        p { a href={ "/erase/" (leaf) } data-testid="erase-link" { "Erase what " (what) } }
    }
}

fn gather(app: &App, leaf: u64) -> Result<(ErasurePlan, Vec<Leaf>), Error> {
    let plan = app.ledger().erasure_plan(leaf)?;
    let log = app.ledger().log(LogId::Main);
    let mut leaves = Vec::with_capacity(plan.leaves.len());
    for index in &plan.leaves {
        let kind = match log.statement(*index)? {
            storage::Statement::Present(bytes) => match Statement::parse(&bytes) {
                Ok(statement) if plan.request.is_some() => statement.kind().name(),
                _ => "external statement",
            },
            _ => "erased",
        };
        leaves.push((*index, kind));
    }
    Ok((plan, leaves))
}

fn body(leaf: u64, plan: &ErasurePlan, leaves: &[Leaf]) -> Markup {
    html! {
        h1 { "Erase what leaf " (leaf) " says" }
        p.notice {
            "What is erased can't be brought back. The entries stay in the log, and so does your "
            "order, with your id and the reason. Evidence about it is undecided from then on: "
            code { "body.erased" } "."
        }
        @if let Some(request) = &plan.request {
            p {
                "All statements about "
                a href={ "/receipt/request/" (request) } { "request " (request) }
                " that hold the action or refer to it go together:"
            }
        } @else {
            p { "This statement was registered by somebody else, and goes alone:" }
        }
        ul.plain data-testid="erase-leaves" {
            @for (index, kind) in leaves {
                li { a href={ "/receipt/main/" (index) } { "leaf " (index) } " · " (escape(kind)) }
            }
        }
        @if plan.left > 0 {
            p {
                (plan.left) " more are left for further orders, since one names at most 256: you "
                "will be asked for a signature for each."
            }
        }
        p {
            "Copies that others made before (exports, mirrors, bundles, backups) are theirs to "
            "erase."
        }
        form data-form="erase" data-leaf=(leaf) {
            label { "Why. This stays in the log for ever: write nothing here that has to be erased."
                input type="text" name="reason" required maxlength=(erasures::MAX_REASON / 4)
                    autocomplete="off" data-testid="erase-reason"; }
            div.buttons {
                button type="submit" data-testid="erase-submit" { "Prepare the order" }
            }
        }
        p.status #status role="status" data-testid="status" {}
        (person::signing())
    }
}
