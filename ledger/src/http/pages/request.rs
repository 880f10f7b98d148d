//! One request: what would be done, why it was asked, and the two answers.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use placet_proto::document::{Body, Document, Role};
use placet_proto::json::Json;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, jcs};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use super::compare::compare;
use super::exact::{chunks, exact};
use super::parts::{
    agent_of, code_of, heading, moment, name_of, remaining, risk_badge, state_badge,
};
use super::{Page, Session, elsewhere, failed, whole};
use crate::http::evidence::{json, number};
use crate::http::problem::Fault;
use crate::http::{App, approvals, auth};
use crate::service::{AnswerRow, Opening, RequestState, RequestView, ToSign, render};
use crate::{Error, LogId};

/// Who may look at a request.
const ROLES: [Role; 2] = [Role::Approver, Role::Administrator];

/// What the page is made of.
struct Shown {
    view: RequestView,
    prepared: Prepared,
    answers: Vec<Given>,
    /// Whose approval counts, if the policy says so.
    eligible: Vec<String>,
    similar: Option<RequestView>,
    mine: bool,
    now: UnixSeconds,
    rp_id: String,
    /// The address of this page, where another device can open it.
    address: Option<String>,
}

/// Whether the person can answer.
enum Prepared {
    Ready(Box<ToSign>),
    /// Why not.
    Not(String),
}

/// An answer, with the name of who gave it.
struct Given {
    row: AnswerRow,
    name: String,
    reason: Option<String>,
    entry: String,
}

/// `GET /approve/{request}`.
pub async fn page(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let session = match auth::page(&app, &request, &ROLES).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let person = session.clone();
    match app.run(move |app| gather(app, id, &person)).await {
        Ok(shown) => {
            let title = format!("{} · {}", heading(&shown.view), code_of(&shown.view));
            let page = Page::new(&title, body(&shown)).here("/approve").script("approve.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

/// `GET /approve/{request}/state`: where it stands, and what this person answered, for a script
/// whose connection broke.
pub async fn state(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let refused = |fault: Fault| fault.response("/approve");
    let caller = auth::require(&app, &headers, &ROLES, &[]).await.map_err(refused)?;
    let person = caller.session().map(|session| session.person.clone()).unwrap_or_default();
    let found = app.run(move |app| {
        let view = app.ledger().request(&id)?;
        let mine = view.answers.iter().find(|answer| answer.person == person);
        let mine =
            mine.map(|row| Ok::<_, Error>((row.clone(), entry_of(app, row)?))).transpose()?;
        Ok((view.row.state, mine))
    });
    let (state, mine) = found.await.map_err(|error| refused(error.into()))?;
    let mut out = Json::object([("state", Json::from(state.name()))]);
    if let Some((row, entry)) = mine {
        let kind = if row.denial { "denial" } else { "approval" };
        out.insert("status", kind.into());
        out.insert("index", number(row.statement.index));
        out.insert("entry", entry.into());
        out.insert("complete", Json::Bool(state != RequestState::Open));
    }
    Ok(json(&out))
}

/// `GET /approve/{request}/qr.svg`: the address of the page, to be opened on a phone. Nothing is
/// secret in it: the phone has to sign in, and the passkey signs what that page shows.
pub async fn qr(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let refused = |fault: Fault| fault.response("/approve");
    auth::require(&app, &headers, &ROLES, &[]).await.map_err(refused)?;
    if !placet_proto::document::is_uuid_v4(&id) {
        return Err(refused(Fault::not_found()));
    }
    let address = format!("{}/approve/{id}", app.ledger().config().public_url);
    let code = QrCode::with_error_correction_level(&address, EcLevel::M)
        .map_err(|_| refused(Fault::bad_request("the address is too long for a QR code")))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(224, 224).build();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    Ok((StatusCode::OK, headers, picture).into_response())
}

fn gather(app: &App, id: String, session: &Session) -> Result<Shown, Error> {
    let ledger = app.ledger();
    let view = ledger.request(&id)?;
    let mine = view.answers.iter().any(|answer| answer.person == session.person);
    let prepared = match view.row.state {
        RequestState::Open if mine => {
            Prepared::Not("You have answered. Others must approve too.".to_owned())
        }
        RequestState::Open if !session.roles.contains(&Role::Approver) => {
            Prepared::Not("You may look at this request; approvers answer it.".to_owned())
        }
        RequestState::Open => {
            let (credential, surface) = (session.credential.clone(), "browser".to_owned());
            let opening =
                Opening { request: id.clone(), credential, surface, denial: false, reason: None };
            match ledger.open_request(&opening) {
                Ok(to_sign) => Prepared::Ready(Box::new(to_sign)),
                Err(error) => Prepared::Not(why_not(&error)),
            }
        }
        state => Prepared::Not(stands(state).to_owned()),
    };
    let answers = view.answers.iter().map(|row| given(app, row)).collect::<Result<_, Error>>()?;
    let public = &ledger.config().public_url;
    Ok(Shown {
        eligible: eligible(app, &view)?,
        similar: ledger.approved_like(&id)?,
        prepared,
        answers,
        mine,
        now: ledger.now(),
        rp_id: ledger.config().rp_id.clone(),
        address: public.starts_with("https://").then(|| format!("{public}/approve/{id}")),
        view,
    })
}

/// The persons and roles that the policy names, as words.
fn eligible(app: &App, view: &RequestView) -> Result<Vec<String>, Error> {
    let Some(quorum) = &view.decision.quorum else { return Ok(Vec::new()) };
    let people = quorum.people.iter().map(|person| name_of(app, person));
    let roles = quorum.roles.iter().map(|role| Ok(format!("any {}", role.name())));
    people.chain(roles).collect()
}

fn given(app: &App, row: &AnswerRow) -> Result<Given, Error> {
    let stored = app.ledger().log(LogId::Main).statement(row.statement.index)?;
    let reason = match stored {
        crate::Statement::Present(bytes) if row.denial => {
            match Statement::parse(&bytes)?.document.body {
                Body::Denial(denial) => denial.reason,
                _ => None,
            }
        }
        _ => None,
    };
    let (name, entry) = (name_of(app, &row.person)?, entry_of(app, row)?);
    Ok(Given { row: row.clone(), name, reason, entry })
}

fn entry_of(app: &App, row: &AnswerRow) -> Result<String, Error> {
    Ok(b64::encode_hex(app.ledger().log(LogId::Main).entry(row.statement.index)?))
}

/// What a person can do about it, where the service says what it refuses.
fn why_not(error: &Error) -> String {
    match error.code() {
        "request.invalid" => format!(
            "UNINSPECTABLE: {error}. What can't be shown whole can't be approved; the request ends \
             by itself when its time is over."
        ),
        "request.policy_changed" => {
            "Another policy came into force since this was asked. Nobody can approve it any more; \
             the agent has to ask again."
                .to_owned()
        }
        "answer.self_approval" => {
            "You are the one who started this. The policy wants the approval of somebody else."
                .to_owned()
        }
        "request.expired" => stands(RequestState::Expired).to_owned(),
        "witness.quorum" => {
            format!("Nothing can be signed at the moment: {error}. Load this page again later.")
        }
        _ => format!("You can't answer this request: {error}."),
    }
}

fn stands(state: RequestState) -> &'static str {
    match state {
        RequestState::Offered => "Nobody has asked for an approval yet.",
        RequestState::Open => "Waits for an answer.",
        RequestState::Approved => "Approved; not carried out yet.",
        RequestState::Denied => "Denied.",
        RequestState::Expired => "Expired: nobody answered, or used the approval, in time.",
        RequestState::Cancelled => "Withdrawn.",
        RequestState::Executed => "Approved and carried out; the outcome is not known yet.",
        RequestState::Done => "Approved and carried out.",
    }
}

fn body(shown: &Shown) -> Markup {
    let view = &shown.view;
    let open = view.row.state == RequestState::Open;
    html! {
        p.line {
            @if let Some(risk) = &view.risk { (risk_badge(risk)) }
            @if !open { (state_badge(view.row.state)) }
            @if open { span { (remaining(view.row.not_after, shown.now)) } }
        }
        h1 { (heading(view)) }
        p.line {
            span.small { "Action code" }
            span.code.large data-testid="code" { (code_of(view)) }
            @if open { span.small { "the agent shows the same words" } }
        }
        (circumstances(shown))
        (the_action(shown))
        (remarks(view))
        (difference(shown))
        (answering(shown))
    }
}

fn circumstances(shown: &Shown) -> Markup {
    let (view, decision) = (&shown.view, &shown.view.decision);
    html! {
        dl {
            dt { "Asked by" } dd { (agent_of(view)) }
            dt { "Carried out by" } dd { (render::escape(&decision.audience)) }
            dt { "Why you are asked" }
            dd {
                @if let Some(why) = &view.why { (render::escape(why)) br; }
                span.small {
                    "rule "
                    @for id in &decision.determining { code { (render::escape(id)) } " " }
                    "of the policy at entry " (decision.policy.index) " of the governance log"
                }
            }
            dt { "Approvals" }
            dd {
                @for given in &shown.answers { div { (answer_line(given)) } }
                (still_needed(shown))
            }
            dt { @if shown.view.row.state == RequestState::Open { "Answer by" } @else { "Until" } }
            dd { (moment(view.row.not_after)) }
        }
    }
}

fn answer_line(given: &Given) -> Markup {
    html! {
        (given.name) @if given.row.denial { " denied" } @else { " approved" }
        span.small { ", entry " (given.row.statement.index) }
        @if let Some(reason) = &given.reason { ": " q { (render::escape(reason)) } }
    }
}

fn still_needed(shown: &Shown) -> Markup {
    let row = &shown.view.row;
    let approved = shown.answers.iter().filter(|a| !a.row.denial).count() as u64;
    let missing = row.required.saturating_sub(approved);
    html! {
        @if row.state != RequestState::Open {
            @if shown.answers.is_empty() { "none" }
        }
        @else if row.required == 1 { "one person decides" }
        @else {
            (approved) " of " (row.required) " have approved; "
            @if missing == 1 { "one more is needed" } @else { (missing) " more are needed" }
        }
        @if row.state == RequestState::Open && !shown.eligible.is_empty() {
            span.small { " of " (shown.eligible.join(", ")) }
        }
    }
}

/// From the document that will be signed; without one, from the recorded decision.
fn the_action(shown: &Shown) -> Markup {
    let prepared = match &shown.prepared {
        Prepared::Ready(to_sign) => Some(to_sign),
        Prepared::Not(_) => None,
    };
    let said = prepared.map(|p| render::said(&p.text).trim_end());
    let action = prepared.and_then(|p| action_of(&p.document));
    let action = action.unwrap_or_else(|| sorted(&shown.view.decision.action.to_json()));
    html! {
        section #action aria-labelledby="action-title" {
            h2 #action-title {
                @if shown.view.row.state == RequestState::Open { "What would be done" }
                @else { "What was asked for" }
            }
            @if let Some(said) = said {
                p.label { "In the words of the policy, filled in from the action" }
                pre.said { (readable(said)) }
            }
            p.label {
                "The exact action, as the agent wrote it; what can’t be seen stands as "
                code { "\\u…" }
            }
            pre data-testid="action-json" { (readable(&exact(&action))) }
            @if let Some(raw) = &shown.view.raw {
                p.label { "What is forwarded" }
                p {
                    (raw.length) " bytes of " q { (render::escape(&raw.media_type)) }
                    ", by the agent; SHA-256 "
                    code data-testid="raw-sha256" { (b64::encode_hex(raw.sha256)) }
                }
                p.small {
                    "The ledger knows the hash and not the bytes. What is carried out is checked "
                    "against it."
                }
            }
        }
    }
}

/// Text in parts of which the script can tell whether they have been on the screen.
fn readable(text: &str) -> Markup {
    html! { @for part in chunks(text) { span.part { (part) i {} } } }
}

/// With members in the order that signed documents have.
fn sorted(value: &Json) -> Json {
    jcs::parse_canonical(&jcs::to_bytes(value)).unwrap_or_else(|_| value.clone())
}

fn action_of(document: &Document) -> Option<Json> {
    jcs::parse_canonical(document.bytes()).ok()?.get("action").cloned()
}

/// What the agent said when it asked for the approval.
fn remarks(view: &RequestView) -> Markup {
    let said = view.asked.as_ref().and_then(|text| jcs::parse_canonical(text.as_bytes()).ok());
    html! {
        @if let Some(said) = said {
            section aria-labelledby="remarks-title" {
                h2 #remarks-title { "What the agent says beside it" }
                p.small { "In the agent's words. Nobody signs this, and it decides nothing." }
                pre data-testid="remarks" { (exact(&said)) }
            }
        }
    }
}

fn difference(shown: &Shown) -> Markup {
    let Some(similar) =
        shown.similar.as_ref().filter(|_| shown.view.row.state == RequestState::Open)
    else {
        return html! {};
    };
    let (changes, more) = compare(&similar.decision.action, &shown.view.decision.action);
    html! {
        section aria-labelledby="difference-title" {
            h2 #difference-title { "Compared with the last one approved" }
            p.small {
                "The last approved " q { (render::escape(shown.view.decision.action.name())) }
                " of this agent was "
                a href={ "/approve/" (similar.row.id) } { span.code { (code_of(similar)) } }
                ". The ledger computed this; it is no part of what is signed."
            }
            @if changes.is_empty() {
                p { "The action is the same." }
            } @else {
                table.stack {
                    caption.hidden-text { "Members of the action that differ" }
                    thead { tr { th scope="col" { "Member" } th scope="col" { "Then" }
                        th scope="col" { "Now" } } }
                    tbody {
                        @for change in &changes {
                            tr {
                                th scope="row" { code { (change.path) } }
                                td data-label="Then" { @match &change.before {
                                    Some(value) => del { code { (value) } },
                                    None => span.small { "not there" },
                                } }
                                td data-label="Now" { @match &change.now {
                                    Some(value) => ins { code { (value) } },
                                    None => span.small { "not there" },
                                } }
                            }
                        }
                    }
                }
                @if more > 0 { p { (more) " more differences" } }
            }
        }
    }
}

fn answering(shown: &Shown) -> Markup {
    html! {
        section.answer #answer aria-labelledby="answer-title"
            data-request=(shown.view.row.id) data-code=(code_of(&shown.view))
            data-prepared=[prepared_json(shown)] {
            h2 #answer-title { @match shown.view.row.state {
                RequestState::Open => "Your answer",
                _ => "What became of it",
            } }
            @match &shown.prepared {
                Prepared::Ready(to_sign) => (answer_form(shown, to_sign)),
                Prepared::Not(why) => {
                    p.status #status role="status" data-testid="status" { (why) }
                    (afterwards(shown))
                }
            }
        }
    }
}

fn prepared_json(shown: &Shown) -> Option<String> {
    match &shown.prepared {
        Prepared::Ready(to_sign) => {
            Some(jcs::to_string(&approvals::to_sign_json(to_sign, &shown.rp_id)))
        }
        Prepared::Not(_) => None,
    }
}

fn answer_form(shown: &Shown, to_sign: &ToSign) -> Markup {
    let others = shown.view.row.required.saturating_sub(1);
    html! {
        @if others > 0 {
            p { "Your approval is one of " (shown.view.row.required) "; a single denial ends it." }
        }
        label { "Reason, if you deny " span.small { "(goes into the record for good)" }
            input type="text" #reason maxlength="1000" autocomplete="off"; }
        div.buttons {
            button type="button" #deny data-testid="deny" { "Deny" }
            button type="button" #approve data-testid="approve" aria-disabled="true" aria-describedby="unread" {
                "Approve" }
        }
        // Below the answers, so that these stay where they are when it goes.
        div #gate hidden {
            p #unread {}
            button.quiet type="button" #next { "Show the next part" }
        }
        p.status #status role="status" data-testid="status" {}
        p.warning #time role="status" {}
        noscript { p.notice {
            "Passkeys need JavaScript in the browser. In a terminal: "
            code { "placet approve " (shown.view.row.id) }
        } }
        dl #after hidden {
            dt { "Receipt" } dd { a #receipt href={ "/receipt/request/" (shown.view.row.id) } { code #entry {} } }
            dt { "Leaf" } dd { span #leaf {} " of the log" }
            dt { "Action code" } dd.code { (code_of(&shown.view)) }
            dt { "Evidence" } dd {
                a #evidence href={ "/v1/evidence/" (shown.view.row.id) "?wait=30" } download {
                    "Download the bundle" } }
            dt { "Next" } dd { a href="/approve" { "Back to the requests" } }
        }
        details {
            summary { "Everything that is signed" }
            div.inside {
                p.small { "Your passkey signs the document with the SHA-256 "
                    code #document data-testid="document-sha256" {
                        (b64::encode_hex(to_sign.document.sha256())) } "." }
                pre #text tabindex="0" { (to_sign.text) }
            }
        }
        @if let Some(address) = &shown.address {
            details {
                summary { "Approve on your phone" }
                div.inside {
                    img.qr src={ "/approve/" (shown.view.row.id) "/qr.svg" } loading="lazy"
                        width="224" height="224" alt="QR code with the address of this page";
                    p.small { a href=(address) { (address) } }
                }
            }
        }
    }
}

/// For a request that this person can't answer, or has.
fn afterwards(shown: &Shown) -> Markup {
    let last = shown.answers.last();
    html! {
        @if let Some(given) = last {
            dl {
                dt { "Receipt" } dd { a href={ "/receipt/request/" (shown.view.row.id) } {
                    code { (given.entry) } } }
                dt { "Leaf" } dd { (given.row.statement.index) " of the log" }
                dt { "Action code" } dd.code { (code_of(&shown.view)) }
            }
        }
        @if shown.mine || shown.view.row.state != RequestState::Open {
            p { a href={ "/v1/evidence/" (shown.view.row.id) "?wait=30" } download {
                "Download the evidence" } }
        }
        p { a href="/approve" { "Back to the requests" } }
    }
}
