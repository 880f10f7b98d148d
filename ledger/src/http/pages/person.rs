//! One person: keys, roles, identities; and everybody's own page.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::b64;
use placet_proto::document::Role;

use super::parts::moment;
use super::{Page, Session, elsewhere, failed, whole};
use crate::http::problem::Fault;
use crate::http::{App, auth};
use crate::service::{KeyView, PersonView, RecoveryView, render};

/// `GET /people/{person}`.
pub async fn page(
    State(app): State<App>,
    Path(person): Path<String>,
    request: Request,
) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let roles = [Role::Administrator, Role::Auditor];
    let session = match auth::page(&app, &request, &roles).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match app.run(move |app| app.ledger().person(&person)).await {
        Ok(person) => {
            let page = Page::new("Person", markup(&person, &session)).script("people.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

/// `GET /people/me`.
pub async fn me(State(app): State<App>, request: Request) -> Response {
    if let Some(response) = elsewhere(&app, &request) {
        return response;
    }
    let session = match auth::page(&app, &request, &Role::ALL).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let person = session.person.clone();
    let found =
        app.run(move |app| Ok((app.ledger().person(&person)?, app.ledger().running_recoveries()?)));
    match found.await {
        Ok((person, running)) => {
            let body = own(&person, &running, &session);
            let page = Page::new("My passkeys", body).script("people.js").script("push.js");
            whole(&app, Some(&session), page)
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

fn markup(p: &PersonView, session: &Session) -> Markup {
    let acts = session.is(Role::Administrator);
    html! {
        h1 { (p.name.as_deref().unwrap_or("(name erased)")) }
        dl {
            dt { "Person" } dd { code { (p.person) } }
            dt { "Roles" } dd data-testid="roles" { (role_names(&p.roles)) }
            @if !p.identities.is_empty() { dt { "Known as" } dd { (p.identities.join(", ")) } }
        }
        p.status #status role="status" data-testid="status" {}
        (signing())
        h2 { "Passkeys" }
        @for key in &p.keys { (key_section(key, acts, session)) }
        @if acts {
            h2 { "Roles" }
            form data-form="roles" data-person=(p.person) {
                (role_boxes(&p.roles))
                div.buttons { button type="submit" data-testid="roles-submit" { "Change roles" } }
            }
            @if p.name.is_some() {
                (directory(p))
            }
        }
    }
}

fn directory(p: &PersonView) -> Markup {
    html! {
        h2 { "Directory" }
        form data-form="identities" data-person=(p.person) {
            label { "Ids in other systems, with commas between. An agent that acts for one of them "
                "can't be approved by this person."
                input type="text" name="identities" maxlength="2000" autocomplete="off"
                    value=(p.identities.join(", ")); }
            div.buttons { button type="submit" { "Save the ids" } }
        }
        details {
            summary { "Invite " (p.name.as_deref().unwrap_or("this person")) " to a further passkey" }
            form data-form="invite" {
                input type="hidden" name="person" value=(p.person);
                (role_boxes(&p.roles))
                div.buttons { button type="submit" { "Make a link for a further passkey" } }
            }
        }
        div #link-for hidden {
            p { "Give this link to nobody else, over a channel that you trust:" }
            pre #link data-testid="invite-link" {}
        }
        h2 { "Erasure" }
        p { "The name and the ids stand in no log. Erased, they are gone for ever; the number "
            "stays." }
        div.buttons {
            button type="button" data-act="erase" data-person=(p.person)
                data-testid="erase-name" { "Erase the name" }
        }
    }
}

fn own(p: &PersonView, running: &[RecoveryView], session: &Session) -> Markup {
    let usable = p.keys.iter().filter(|k| !k.roles.is_empty()).count();
    html! {
        h1 { "My passkeys" }
        p { (p.name.as_deref().unwrap_or_default()) " – " (role_names(&p.roles)) }
        @if usable < 2 {
            p.notice data-testid="second-wanted" {
                "You have one passkey. If you lose it, an administrator has to let you in again: "
                "enrol a second one now, on another device or a security key."
            }
        }
        div.buttons {
            button type="button" data-act="second" data-testid="second-submit" {
                "Enrol a further passkey" }
        }
        p.status #status role="status" data-testid="status" {}
        (signing())
        (recoveries(running, session.is(Role::Administrator) || session.is(Role::Approver)))
        h2 { "Enrolled" }
        @for key in &p.keys { (key_section(key, true, session)) }
        (crate::notify::routes::button())
    }
}

fn key_section(key: &KeyView, acts: bool, session: &Session) -> Markup {
    let here = key.credential == session.credential;
    let thumbprint = b64::encode_hex(key.thumbprint);
    html! {
        section data-testid="key" data-key=(thumbprint) {
            h3.code { (key.words()) }
            dl {
                dt { "Thumbprint" } dd { code { (thumbprint) } }
                dt { "Kind" } dd { (key.class.name()) ", attestation " (key.attestation_fmt) }
                dt { "State" } dd data-testid="key-state" {
                    (state(key)) @if here { ", signed in with it here" } }
                dt { "Enrolled" } dd { "entry " (key.index) " of the governance log" }
                @if let Some((from, index, reason)) = &key.revoked {
                    dt { "Revoked" }
                    dd { "as of " (moment(*from)) " by entry " (index) ": "
                        (render::escape(reason)) }
                }
            }
            @if acts && key.revoked.is_none() {
                details {
                    summary { "Revoke this passkey" }
                    form data-form="revoke" data-key=(thumbprint) {
                        label { "Why"
                            input type="text" name="reason" required maxlength="1000"
                                autocomplete="off" data-testid="revoke-reason"; }
                        label { "Not to be trusted since (UTC); empty for now"
                            input type="datetime-local" name="effective_from"; }
                        div.buttons { button type="submit" data-testid="revoke-submit" {
                            "Revoke" } }
                    }
                }
            }
        }
    }
}

fn state(key: &KeyView) -> &'static str {
    match key {
        KeyView { revoked: Some(_), .. } => "revoked",
        KeyView { problem: Some(_), .. } => "not authorised",
        KeyView { covered: false, .. } => "waiting for a cosigned checkpoint",
        KeyView { roles, .. } if roles.is_empty() => "without a role",
        _ => "ready",
    }
}

/// One line about a key.
pub fn key_line(key: &KeyView) -> Markup {
    html! { strong { (key.words()) } " · " (key.class.name()) " · " (state(key)) }
}

/// The names of roles, for people.
pub fn role_names(roles: &[Role]) -> String {
    match roles.is_empty() {
        true => "no role".to_owned(),
        false => roles.iter().map(|r| r.name()).collect::<Vec<_>>().join(", "),
    }
}

/// Boxes for roles.
pub fn role_boxes(set: &[Role]) -> Markup {
    let what = |role| match role {
        Role::Administrator => "lets people in and out, signs policies",
        Role::Approver => "answers requests",
        Role::Auditor => "reads everything",
        Role::Operator => "runs the service",
    };
    html! {
        fieldset {
            legend { "Roles" }
            @for role in Role::ALL {
                label.check {
                    input type="checkbox" name="role" value=(role.name())
                        checked[set.contains(&role)] data-testid={ "role-" (role.name()) };
                    (role.name()) " – " (what(role))
                }
            }
        }
    }
}

/// What is to be signed, and the buttons: hidden until something is.
pub fn signing() -> Markup {
    html! {
        section.signing #sign hidden aria-labelledby="sign-question" {
            h2 #sign-question {}
            pre #sign-text {}
            div.buttons {
                button type="button" #sign-cancel data-testid="sign-cancel" { "No" }
                button type="button" #sign-now data-testid="sign-now" { "Yes" }
            }
        }
    }
}

/// Recoveries that run, with a button for those who may object.
pub fn recoveries(running: &[RecoveryView], acts: bool) -> Markup {
    html! {
        @if !running.is_empty() {
            section #recoveries {
                h2 { "Recoveries" }
                @for r in running {
                    h3 { (r.name.as_deref().unwrap_or(&r.person)) " – " (role_names(&r.roles)) }
                    dl {
                        dt { "Fingerprint" } dd { strong.code { (r.words()) } }
                        dt { "Counts from" } dd { (moment(r.effective_from)) }
                        dt { "Announced" } dd { "entry " (r.index) " of the governance log" }
                    }
                    p { "Ask the person, by another way, whether these are the words on their "
                        "screen. If not, object: your passkey's signature ends it." }
                    @if acts {
                        div.buttons {
                            button type="button" data-act="object"
                                data-key=(b64::encode_hex(r.key)) data-testid="object" {
                                "Object" }
                        }
                    }
                }
            }
        }
    }
}
