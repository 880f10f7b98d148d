//! The policy that is in force, and the way to another one.

use axum::extract::{Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::b64;
use placet_proto::document::{PolicyRef, Role};

use super::person::signing;
use super::{Page, elsewhere, failed, whole};
use crate::http::policy::{PolicyFile, compare};
use crate::http::problem::Fault;
use crate::http::{App, auth};

/// `GET /policy`.
pub async fn page(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let roles = [Role::Administrator, Role::Auditor];
    let session = match auth::page(&app, &request, &roles).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match app.run(|app| app.ledger().policy_files()).await {
        Ok((policy, files)) => {
            let acts = session.is(Role::Administrator);
            let body = markup(&policy, &compare(&files, &files), acts);
            let page = Page::new("Policy", body).here("/policy").script("policy.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

fn markup(policy: &PolicyRef, files: &[PolicyFile], acts: bool) -> Markup {
    let manifest = b64::encode_hex(policy.manifest);
    html! {
        h1 { "Policy" }
        p { "It decides what agents may do, and where a person has to approve. Decisions and "
            "approvals name it." }
        dl {
            dt { "In force since" }
            dd { a href={ "/receipt/gov/" (policy.index) } {
                "entry " (policy.index) " of the governance log" } }
            dt { "Manifest, SHA-256" } dd { code data-testid="manifest" { (manifest) } }
        }
        p.status #status role="status" data-testid="status" {}
        (signing())
        div #policy-files {}
        @if acts {
            h2 { "Put another one in force" }
            form #policy-form {
                label { "The folder that holds it: all *.cedar, schema.cedarschema, and entities, "
                    "mapping, verification and templates if there are any"
                    input #policy-folder type="file" webkitdirectory multiple required
                        data-testid="policy-folder"; }
                div.buttons {
                    button type="submit" data-testid="policy-open" { "Look at what changes" }
                }
            }
        }
        h2 { "Files" }
        @for file in files {
            details {
                summary { code { (file.name) } }
                pre tabindex="0" { (file.text) }
            }
        }
        @if files.is_empty() { p { "None: everything is denied." } }
    }
}
