//! Who is enrolled, who is invited, and what waits for an administrator.

use axum::extract::{Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::document::Role;

use super::parts::moment;
use super::person::{key_line, recoveries, role_boxes, role_names, signing};
use super::{Page, Session, elsewhere, failed, whole};
use crate::Error;
use crate::http::problem::Fault;
use crate::http::{App, auth};
use crate::service::{
    Invitation, InvitationState, Ledger, Occasion, PersonView, RecoveryView, WaitingEnrolment,
};

struct Shown {
    people: Vec<PersonView>,
    waiting: Vec<WaitingEnrolment>,
    invitations: Vec<(Invitation, InvitationState)>,
    recoveries: Vec<RecoveryView>,
    administrator_keys: usize,
}

/// `GET /people`.
pub async fn page(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let roles = [Role::Administrator, Role::Auditor];
    let session = match auth::page(&app, &request, &roles).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match app.run(|app| gather(app.ledger())).await {
        Ok(shown) => {
            let page = Page::new("People", markup(&shown, &session)).script("people.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

fn gather(ledger: &Ledger) -> Result<Shown, Error> {
    Ok(Shown {
        people: ledger.people()?,
        waiting: ledger.waiting_enrolments()?,
        invitations: ledger.invitations()?,
        recoveries: ledger.running_recoveries()?,
        administrator_keys: ledger.administrator_keys()?,
    })
}

fn markup(shown: &Shown, session: &Session) -> Markup {
    let acts = session.is(Role::Administrator);
    html! {
        h1 { "People" }
        @if shown.administrator_keys < 2 {
            p.notice data-testid="last-administrator" {
                @if shown.administrator_keys == 1 {
                    "One passkey alone can administrate this ledger. If it is lost, only a "
                    "recovery helps, which takes days: "
                    a href="/people/me" { "enrol a second one" } ", or make another administrator."
                } @else {
                    "Nobody can administrate this ledger. The operator can begin a recovery: "
                    code { "placet people recover" }
                }
            }
        }
        (recoveries(&shown.recoveries, acts || session.is(Role::Approver)))
        p.status #status role="status" data-testid="status" {}
        (signing())
        @if !shown.waiting.is_empty() {
            h2 { "Waiting to be let in" }
            @for w in &shown.waiting { (waiting(w, session)) }
        }
        h2 { "Enrolled" }
        ul.queue data-testid="people" { @for p in &shown.people { (person(p)) } }
        @if acts {
            (invite_form())
        }
        (invitations(&shown.invitations, acts))
    }
}

fn person(p: &PersonView) -> Markup {
    html! {
        li {
            p.line {
                a.what href={ "/people/" (p.person) } {
                    (p.name.as_deref().unwrap_or("(name erased)"))
                }
                span { (role_names(&p.roles)) }
            }
            @for key in &p.keys { div.small { (key_line(key)) } }
        }
    }
}

fn waiting(w: &WaitingEnrolment, session: &Session) -> Markup {
    let named = w.authoriser.as_ref().is_some_and(|a| a.credential == session.credential);
    let acts = session.is(Role::Administrator) || named;
    html! {
        section data-testid="waiting" {
            h3 { (w.name) " – " (role_names(&w.roles)) }
            dl {
                dt { "Passkey" } dd { (w.class.name()) ", attestation " (w.attestation_fmt) }
                dt { "Fingerprint" } dd { strong.code data-testid="fingerprint" { (w.words()) } }
                @if w.occasion == Occasion::Own { dt { "By" } dd { "the person's own passkey" } }
                dt { "Until" } dd { (moment(w.until)) }
            }
            p.small { "Compare these words with the person, by telephone or face to face: the "
                "same ones stand on their screen. Whoever has the link can make a passkey; only "
                "the words tell whose it is." }
            @if !w.possessed {
                p { "The new passkey has to sign first." }
            }
            @if acts {
                div.buttons {
                    button type="button" data-act="reject" data-id=(w.id)
                        data-testid="reject" { "Refuse" }
                    @if named {
                        button type="button" data-act="authorise" data-id=(w.id)
                            data-testid="authorise" disabled[!w.possessed] { "Authorise" }
                    } @else {
                        button type="button" data-act="take-over" data-id=(w.id)
                            data-testid="take-over" { "Authorise it myself" }
                    }
                }
                @if !named {
                    p.small { "It names another administrator's passkey. If you authorise it, the "
                        "new person has to sign once more." }
                }
            }
        }
    }
}

fn invite_form() -> Markup {
    html! {
        h2 { "Invite" }
        form data-form="invite" {
            label { "Name"
                input type="text" name="name" required maxlength="200" autocomplete="off"
                    data-testid="invite-name"; }
            (role_boxes(&[Role::Approver]))
            label { "Ids in other systems, such as e-mail addresses, with commas between (optional)"
                input type="text" name="identities" maxlength="2000" autocomplete="off"; }
            div.buttons { button type="submit" data-testid="invite-submit" { "Make a link" } }
        }
        div #link-for hidden {
            p { "Give this link to nobody else, over a channel that you trust:" }
            pre #link data-testid="invite-link" {}
        }
    }
}

fn invitations(all: &[(Invitation, InvitationState)], acts: bool) -> Markup {
    html! {
        @if !all.is_empty() {
            h2 { "Invitations" }
            ul.queue.requests {
                @for (i, state) in all {
                    li {
                        p.line {
                            strong { (i.name) }
                            span.badge { (state.name()) }
                            @if i.recovery { span.badge.strong { "recovery" } }
                            span.small { "until " (moment(i.expires)) }
                        }
                        @if acts && cancellable(state) {
                            p.when {
                                button.quiet type="button" data-act="cancel" data-id=(i.id)
                                    data-testid="cancel"
                                    aria-label={ "Take back the invitation of " (i.name) } {
                                    "Take back" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cancellable(state: &InvitationState) -> bool {
    matches!(state, InvitationState::Open | InvitationState::Sign(_) | InvitationState::Waiting(_))
}

/// The banner on every page while a recovery runs.
pub fn recovery_banner(running: &[RecoveryView]) -> Markup {
    html! {
        @for r in running {
            p.banner role="alert" data-testid="recovery-banner" {
                strong { "Recovery." }
                " A new passkey is announced for " (r.name.as_deref().unwrap_or(&r.person))
                "; it will count from " (moment(r.effective_from)) " on. "
                a href="/people/me#recoveries" { "If that is wrong, object." }
            }
        }
    }
}
