//! How a passkey comes in: with the one-time code, by an invitation, or as somebody's second.
//!
//! | path | what |
//! |---|---|
//! | `POST /enrol/begin` | `{name, code}`: the first person |
//! | `POST /invite/{token}/begin` | whom an administrator, or a recovery, invites |
//! | `POST /people/me/begin` | a further key of the person who is signed in |
//! | `POST /enrol/register`, `/enrol/sign` | what came back, of each of these |
//! | `GET /invite/{token}/state` | where it stands, for the page that waits |
//! | `POST /invite/{token}/complete` | the second part of a recovery |

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{get, post};
use placet_proto::b64;
use placet_proto::document::Body as DocumentBody;
use placet_proto::json::Json;
use placet_proto::sshsig::Namespace;

use super::{Body, PATH, anybody, enrolled_json, no_such_link, recorded, reply};
use crate::http::App;
use crate::http::approvals::{self, create_options, get_options};
use crate::http::evidence::json;
use crate::http::problem::Fault;
use crate::http::{auth, call};
use crate::service::{
    Enrolled, EnrolmentToSign, Invitation, InvitationState, Registration, RegistrationChallenge,
    WaitingEnrolment,
};

/// Longest token of a link, in bytes.
const MAX_TOKEN: usize = 64;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/enrol/begin", post(first))
        .route("/enrol/register", post(register))
        .route("/enrol/sign", post(sign))
        .route("/invite/{token}/begin", post(invited))
        .route("/invite/{token}/state", get(state))
        .route("/invite/{token}/complete", post(complete))
        .route("/people/me/begin", post(own))
}

/// `{name, code}`.
async fn first(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["name", "code"])?;
        let (name, code) = (input.text("name", 1024)?, input.text("code", 64)?);
        app.0.rates.codes.take(call::address())?;
        Ok(begun(&app.run(move |app| app.ledger().begin_bootstrap(&code, &name)).await?))
    })
    .await
}

/// `{}`.
async fn invited(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    reply(async {
        approvals::input(&app, &headers, body)?.only(&[])?;
        app.0.rates.sign_ins.take(call::address())?;
        let token = checked(token)?;
        let who = auth::by_session(&app, &headers).await?.map(|s| s.person);
        let begin = move |app: &App| app.ledger().begin_invited(&token, who.as_deref());
        Ok(begun(&app.run(begin).await?))
    })
    .await
}

/// `{roles?}`: at most those that the person has.
async fn own(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = anybody(&app, &headers).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["roles"])?;
        let roles = input.given_roles("roles")?;
        let begin = move |app: &App| {
            let roles = Some(roles.as_slice()).filter(|roles| !roles.is_empty());
            app.ledger().begin_own(&session.credential, roles)
        };
        Ok(begun(&app.run(begin).await?))
    })
    .await
}

/// `{registration, credential, software?}`: what `navigator.credentials.create()` gave.
async fn register(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["registration", "credential", "software"])?;
        app.0.rates.sign_ins.take(call::address())?;
        let id = input.text("registration", 64)?;
        let registered = input.registered("credential", input.flag("software")?)?;
        let credential = input.credential_id("credential")?;
        let signing = app.run(move |app| app.ledger().register(&id, &registered)).await?;
        Ok(to_sign(&app, &signing, credential))
    })
    .await
}

/// `{registration, namespace, credential}`: an assertion over what was to be signed. Who enrolled
/// without anybody else's signature is signed in by it.
async fn sign(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let work = async {
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["registration", "namespace", "credential"])?;
        app.0.rates.sign_ins.take(call::address())?;
        let id = input.text("registration", 64)?;
        let namespace = Namespace::from_name(&input.text("namespace", 64)?)
            .ok_or_else(|| Fault::bad_request("no such namespace"))?;
        let signed = input.signed("credential")?;
        if namespace == Namespace::Recover {
            let appended = app.run(move |app| app.ledger().announce_recovery(&id, signed)).await?;
            return Ok((recorded(&appended, None, "announced"), None));
        }
        let enrolled =
            app.run(move |app| app.ledger().sign_enrolment(&id, namespace, signed)).await?;
        let cookie = match (&enrolled, namespace) {
            (Enrolled::Recorded { appended, note_missing: None }, Namespace::EnrolPossess) => {
                match &appended.document.body {
                    DocumentBody::Enrolment(e) => {
                        Some(app.start_session(&e.person, &e.credential).await?)
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        Ok((enrolled_json(&enrolled), cookie))
    };
    match work.await {
        Ok((value, cookie)) => {
            let mut response = json(&value);
            if let Some(cookie) = cookie {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err::<_, Fault>(fault) => fault.response(PATH),
    }
}

/// Where an invitation stands, with what is to be signed now.
async fn state(State(app): State<App>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    reply(async {
        let token = checked(token)?;
        let who = auth::by_session(&app, &headers).await?.map(|s| s.person);
        let found = app.run(move |app| {
            let (invitation, state) = app.ledger().invitation(&token, who.as_deref())?;
            let signing = match &state {
                InvitationState::Sign(r) => Some(app.ledger().to_be_signed(r)?),
                _ => None,
            };
            Ok((invitation, state, signing))
        });
        let (invitation, state, signing) = found.await?;
        Ok(state_json(&app, &invitation, &state, signing.as_ref()))
    })
    .await
}

/// `{}`: what the announced key signs when its time has come.
async fn complete(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    reply(async {
        approvals::input(&app, &headers, body)?.only(&[])?;
        app.0.rates.sign_ins.take(call::address())?;
        let token = checked(token)?;
        let completing = app.run_waiting(move |app| {
            let ledger = app.ledger();
            match ledger.invitation(&token, None)?.1 {
                InvitationState::Announced(r, _) => {
                    let signing = ledger.complete_recovery(&r.id)?;
                    Ok(Some((credential_of(&r), r.id, signing)))
                }
                _ => Ok(None),
            }
        });
        let found = completing.await?;
        let (credential, id, signing) = found.ok_or_else(no_such_link)?;
        let mut out = to_sign(&app, &signing, credential);
        out.insert("registration", id.into());
        Ok(out)
    })
    .await
}

fn begun(begun: &RegistrationChallenge) -> Json {
    Json::object([
        ("registration", Json::from(begun.registration.as_str())),
        ("person", begun.person.as_str().into()),
        ("options", create_options(begun)),
    ])
}

fn to_sign(app: &App, signing: &EnrolmentToSign, credential: Vec<u8>) -> Json {
    let rp_id = &app.ledger().config().rp_id;
    let mut out = Json::object([
        ("document", Json::from(b64::encode_url(signing.document.bytes()))),
        ("namespace", signing.namespace.as_str().into()),
        ("possess", get_options(&signing.possess, rp_id, &[credential])),
    ]);
    if let Some((authoriser, challenge)) = &signing.authorise {
        let authoriser = std::slice::from_ref(authoriser);
        out.insert("authorise", get_options(challenge, rp_id, authoriser));
    }
    out
}

fn state_json(
    app: &App,
    invitation: &Invitation,
    state: &InvitationState,
    signing: Option<&EnrolmentToSign>,
) -> Json {
    let mut out = match (state, signing) {
        (InvitationState::Sign(r), Some(signing)) => {
            let mut out = to_sign(app, signing, credential_of(r));
            out.insert("registration", r.id.as_str().into());
            out
        }
        _ => Json::Object(Vec::new()),
    };
    out.insert("state", state.name().into());
    out.insert("expires", invitation.expires.to_string().into());
    match state {
        InvitationState::Sign(r) | InvitationState::Waiting(r) => add_words(&mut out, r),
        InvitationState::Announced(r, from) => {
            add_words(&mut out, r);
            out.insert("effective_from", from.to_string().into());
            out.insert("early", Json::Bool(app.ledger().now() < *from));
        }
        _ => {}
    }
    out
}

fn add_words(out: &mut Json, registration: &Registration) {
    if let Some(waiting) = WaitingEnrolment::of(registration) {
        out.insert("words", waiting.words().into());
    }
}

fn credential_of(registration: &Registration) -> Vec<u8> {
    registration.enrolment().map(|(_, e)| e.credential.clone()).unwrap_or_default()
}

fn checked(token: String) -> Result<String, Fault> {
    if token.len() <= MAX_TOKEN { Ok(token) } else { Err(no_such_link()) }
}
