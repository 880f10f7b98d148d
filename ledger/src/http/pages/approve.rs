//! The queue of requests, and the page on which a person answers one.

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::{Document, Role};
use placet_proto::{b64, jcs};

use super::exact::exact;
use super::{Page, elsewhere, failed, whole};
use crate::Error;
use crate::http::problem::Fault;
use crate::http::{App, action_code, approvals};
use crate::service::{Opening, RequestState, RequestView, ToSign, render};

/// Requests that one page lists.
const MAX_LISTED: usize = 100;

/// `GET /approve`: what waits for persons, the most urgent first.
pub async fn queue(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let found = app.run(|app| {
        let rows = app.ledger().requests(RequestState::Open)?;
        let all = rows.len();
        let views: Result<Vec<RequestView>, Error> =
            rows.iter().take(MAX_LISTED).map(|row| app.ledger().request(&row.id)).collect();
        Ok((all, views?))
    });
    let (all, views) = match found.await {
        Ok(found) => found,
        Err(error) => return failed(&app, None, &Fault::from(error)),
    };
    let body = html! {
        h1 { "Requests" }
        @if views.is_empty() { p { "Nothing waits for an answer." } }
        ul.queue {
            @for view in &views {
                li {
                    a href={ "/approve/" (view.row.id) } { (heading(view)) }
                    div.small {
                        code { (code_of(view)) } " · until " (view.row.not_after.to_string())
                    }
                }
            }
        }
        @if all > views.len() { p { (all.saturating_sub(views.len())) " more" } }
    };
    whole(&app, None, Page::new("Requests", body))
}

/// `?as=CREDENTIAL`: whose answer the page prepares. It authorises nothing.
#[derive(Debug, serde::Deserialize)]
pub struct As {
    r#as: Option<String>,
}

/// What one page is made of.
struct Shown {
    view: RequestView,
    /// The approval, ready to be signed, if it is known who would sign it.
    prepared: Result<Option<ToSign>, Error>,
    rp_id: String,
    entry: Option<String>,
}

/// `GET /approve/{request}`.
pub async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<As>,
    request: Request,
) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    if let Err(fault) = app.0.rates.openings.take() {
        return failed(&app, None, &fault);
    }
    let named = query.r#as.and_then(|text| b64::decode_url(&text, 1023).ok());
    match app.run(move |app| gather(app, id, named)).await {
        Ok(shown) => {
            let page = Page::new("Request", answer_page(&shown)).script("approve.js");
            whole(&app, None, page)
        }
        Err(error) => failed(&app, None, &Fault::from(error)),
    }
}

fn gather(app: &App, id: String, named: Option<Vec<u8>>) -> Result<Shown, Error> {
    let ledger = app.ledger();
    let view = ledger.request(&id)?;
    let credential = match named {
        Some(credential) => Some(credential),
        None => only_approver(app)?,
    };
    let prepared = match credential {
        Some(credential) if view.row.state == RequestState::Open => {
            let surface = "browser".to_owned();
            let opening = Opening { request: id, credential, surface, denial: false, reason: None };
            ledger.open_request(&opening).map(Some)
        }
        _ => Ok(None),
    };
    let last = view.answers.last().map(|a| a.statement.index);
    let entry = last.or(view.row.ended).map(|i| ledger.log(crate::LogId::Main).entry(i));
    let entry = entry.transpose()?.map(b64::encode_hex);
    Ok(Shown { view, prepared, rp_id: ledger.config().rp_id.clone(), entry })
}

/// The one credential that can answer, where there is just one.
fn only_approver(app: &App) -> Result<Option<Vec<u8>>, Error> {
    let enrolments = app.ledger().enrolments()?;
    let mut approvers = enrolments.into_iter().filter(|e| e.roles.contains(&Role::Approver));
    let first = approvers.next();
    Ok(first.filter(|_| approvers.next().is_none()).map(|e| e.credential))
}

fn answer_page(shown: &Shown) -> Markup {
    let view = &shown.view;
    html! {
        p.code title="Tells this request from others" { (code_of(view)) }
        h1 { (heading(view)) }
        (the_action(shown))
        (circumstances(view))
        @if view.row.state == RequestState::Open { (answering(shown)) } @else { (ended(shown)) }
    }
}

/// From the document that will be signed; without one, from the recorded decision.
fn the_action(shown: &Shown) -> Markup {
    let prepared = shown.prepared.as_ref().ok().and_then(Option::as_ref);
    let signed = prepared.map(|p| &p.document);
    // The policy's own words come first in the text, then the list of all members.
    let said = prepared.map(|p| render::said(&p.text).trim_end());
    let action = signed.and_then(action_of).unwrap_or_else(|| shown.view.decision.action.to_json());
    html! {
        section {
            h2 { "What would be done" }
            @if let Some(said) = said { pre.said { (said) } }
            p.small {
                "The exact action. All of it is the agent's proposal, in the agent's words; "
                "invisible characters are written as " code { "\\u…" } "."
            }
            pre data-testid="action-json" { (exact(&action)) }
            @if let Some(raw) = &shown.view.raw {
                p.small {
                    "Forwarded as " (raw.length) " bytes of "
                    q { (render::escape(&raw.media_type)) } ", SHA-256 "
                    code { (b64::encode_hex(raw.sha256)) }
                }
            }
        }
    }
}

fn action_of(document: &Document) -> Option<placet_proto::json::Json> {
    let json = jcs::parse_canonical(document.bytes()).ok()?;
    json.get("action").cloned()
}

fn circumstances(view: &RequestView) -> Markup {
    let decision = &view.decision;
    let approvals = view.answers.iter().filter(|a| !a.denial).count();
    html! {
        dl {
            dt { "Asked by" }
            dd { (render::escape(&decision.initiator.kind)) " "
                q { (render::escape(&decision.initiator.id)) } }
            dt { "Carried out by" } dd { (render::escape(&decision.audience)) }
            dt { "Policy" }
            dd {
                @for id in &decision.determining { (render::escape(id)) " " }
                span.small { "entry " (decision.policy.index) " of the governance log" }
            }
            dt { "Expires" } dd { time datetime=(view.row.not_after.to_string()) {
                (view.row.not_after.to_string()) } }
            dt { "Approvals" } dd { (approvals) " of " (view.row.required) }
        }
    }
}

fn answering(shown: &Shown) -> Markup {
    let prepared = shown.prepared.as_ref().ok().and_then(Option::as_ref);
    let json = prepared.map(|p| jcs::to_string(&approvals::to_sign_json(p, &shown.rp_id)));
    let problem = shown.prepared.as_ref().err().map(ToString::to_string);
    html! {
        section #answer data-request=(shown.view.row.id) data-prepared=[json] {
            details {
                summary { "Everything that is signed" }
                pre #text { @if let Some(p) = prepared { (p.text) } }
            }
            label { "Reason, if you deny (goes into the record)"
                input type="text" #reason maxlength="1000" autocomplete="off"; }
            div.buttons {
                button type="button" #deny data-testid="deny" { "Deny" }
                button type="button" #approve data-testid="approve" { "Approve" }
            }
            p.status #status role="status" data-testid="status" {
                @if let Some(problem) = problem { (problem) }
            }
            p #after hidden { a #evidence { "Evidence bundle" } }
            noscript { p.warning {
                "Passkeys need JavaScript in the browser. In a terminal: "
                code { "placet approve " (shown.view.row.id) }
            } }
        }
    }
}

fn ended(shown: &Shown) -> Markup {
    let row = &shown.view.row;
    let said = match row.state {
        RequestState::Offered => "Nobody has asked for an approval yet.",
        RequestState::Approved => "Approved; not carried out yet.",
        RequestState::Denied => "Denied.",
        RequestState::Expired => "Expired: nobody answered, or used the approval, in time.",
        RequestState::Cancelled => "Withdrawn.",
        RequestState::Executed => "Approved and carried out; the outcome is not known yet.",
        RequestState::Done => "Approved and carried out.",
        RequestState::Open => "Open.",
    };
    html! {
        p.status data-testid="status" { (said) }
        @if let Some(entry) = &shown.entry {
            p.small { "Receipt: " a href={ "/entries/" (entry) } { code { (entry) } } }
        }
        p { a href={ "/v1/evidence/" (row.id) "?wait=30" } { "Evidence bundle" } }
    }
}

fn heading(view: &RequestView) -> String {
    let action = &view.decision.action;
    let (kind, id) = action.resource_ref();
    let words = [action.name(), kind, id].map(render::escape);
    words.join(" ")
}

fn code_of(view: &RequestView) -> String {
    action_code(&view.row.id, &view.decision.action.digest())
}
