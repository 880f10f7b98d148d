//! What the pages about people and `placet people` post and read.
//!
//! A session prepares; what is recorded in the governance log is authorised by a passkey's
//! signature over the document that says it.
//!
//! | path | who |
//! |---|---|
//! | `GET /v1/people` | administrator, auditor, tokens of scope `admin` |
//! | `POST /people/invite`, `/people/invite/cancel` | administrator |
//! | `POST /people/enrolments/..` | administrator; of an own further key that person |
//! | `POST /people/me/change/open`, `/people/me/change/sign` | everybody who is signed in; the ledger says who may sign what |
//! | `POST /people/identities`, `/people/erase-name` | administrator, whose session is fresh |
//! | the rest | [`join`] |

pub mod join;
mod view;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use placet_proto::document::{Role, Signer};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::App;
use super::approvals::{self, Input, get_options, to_sign_json};
use super::auth::{self, Scope, Session};
use super::evidence::{json, number};
use super::problem::Fault;
use crate::service::{Appended, Change, Enrolled, Invite, render};

const PATH: &str = "/v1/people";
/// Everybody who can sign in.
pub(super) const ANYBODY: [Role; 4] = Role::ALL;
/// Longest reason of a revocation, in bytes.
const MAX_REASON: usize = 4096;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/people", get(list))
        .route("/people/invite", post(invite))
        .route("/people/invite/cancel", post(cancel))
        .route("/people/enrolments/open", post(open_enrolment))
        .route("/people/enrolments/sign", post(sign_enrolment))
        .route("/people/enrolments/take-over", post(take_over))
        .route("/people/enrolments/reject", post(reject))
        .route("/people/me/change/open", post(open_change))
        .route("/people/me/change/sign", post(sign_change))
        .route("/people/identities", post(identities))
        .route("/people/erase-name", post(erase_name))
        .merge(join::routes())
}

type Body = Result<Bytes, BytesRejection>;

/// Everybody, what waits, what runs.
async fn list(State(app): State<App>, headers: HeaderMap) -> Response {
    reply(async {
        let roles = [Role::Administrator, Role::Auditor];
        auth::require(&app, &headers, &roles, &[Scope::Admin]).await?;
        app.run(|app| view::everything(app.ledger())).await.map_err(Fault::from)
    })
    .await
}

/// `{name, roles, identities?, person?}`: makes a link that is told once.
async fn invite(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = administrator(&app, &headers).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["name", "roles", "identities", "person"])?;
        let person = input.optional_text("person", 64)?;
        let name = match &person {
            Some(_) => input.optional_text("name", 1024)?.unwrap_or_default(),
            None => input.text("name", 1024)?,
        };
        let invite = Invite {
            name,
            roles: input.roles("roles")?,
            identities: input.texts("identities", 32)?,
            person,
        };
        let by = session.credential;
        let invited = app.run(move |app| app.ledger().invite(&invite, &by)).await?;
        let url = format!("{}/invite/{}", app.ledger().config().public_url, invited.token);
        Ok(Json::object([
            ("id", Json::from(invited.id.as_str())),
            ("person", invited.person.as_str().into()),
            ("url", url.into()),
            ("expires", invited.expires.to_string().into()),
        ]))
    })
    .await
}

/// `{id}`: takes an invitation back.
async fn cancel(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = administrator(&app, &headers).await?;
        let id = only_id(&approvals::input(&app, &headers, body)?)?;
        let by = signer(&session);
        app.run(move |app| app.ledger().cancel_invitation(&id, &by)).await?;
        Ok(done("cancelled"))
    })
    .await
}

/// `{id}`: what the administrator has to sign, and what it says.
async fn open_enrolment(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = anybody(&app, &headers).await?;
        let id = only_id(&approvals::input(&app, &headers, body)?)?;
        let by = session.credential.clone();
        let opened = app.run(move |app| {
            let (document, challenge) = app.ledger().open_authorisation(&id, &by)?;
            let text = render::render("", document.bytes())?;
            Ok((document, challenge, text))
        });
        let (document, challenge, text) = opened.await?;
        let rp_id = &app.ledger().config().rp_id;
        Ok(Json::object([
            ("bytes", Json::from(b64::encode_url(document.bytes()))),
            ("text", text.into()),
            ("options", get_options(&challenge, rp_id, &[session.credential])),
        ]))
    })
    .await
}

/// `{id, credential}`: the authoriser's assertion over a waiting enrolment.
async fn sign_enrolment(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        anybody(&app, &headers).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["id", "credential"])?;
        let (id, signed) = (input.text("id", 64)?, input.signed("credential")?);
        let enrolled = app.run(move |app| app.ledger().authorise_enrolment(&id, signed)).await?;
        Ok(enrolled_json(&enrolled))
    })
    .await
}

/// `{id}`: the administrator who is signed in will authorise it.
async fn take_over(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = administrator(&app, &headers).await?;
        let id = only_id(&approvals::input(&app, &headers, body)?)?;
        app.run(move |app| app.ledger().take_over_enrolment(&id, &session.credential)).await?;
        Ok(done("waiting"))
    })
    .await
}

/// `{id}`: refuses a waiting enrolment.
async fn reject(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = anybody(&app, &headers).await?;
        let id = only_id(&approvals::input(&app, &headers, body)?)?;
        let by = signer(&session);
        app.run(move |app| app.ledger().reject_enrolment(&id, &by)).await?;
        Ok(done("rejected"))
    })
    .await
}

/// `{act: "revoke", key, effective_from?, reason, confirm?}`, with `key` a thumbprint or its
/// beginning, or `{act: "role", person, roles, confirm?}`: the document that is to be signed.
/// `confirm` says that the last administrator is meant.
async fn open_change(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = anybody(&app, &headers).await?;
        let input = approvals::input(&app, &headers, body)?;
        let confirmed = input.flag("confirm")?;
        let wanted = Wanted::read(&input)?;
        let by = session.credential;
        let prepared = app.run(move |app| {
            let change = wanted.change(app)?;
            match confirmed {
                true => app.ledger().prepare_last_change(&change, &by),
                false => app.ledger().prepare_change(&change, &by),
            }
        });
        Ok(to_sign_json(&prepared.await?, &app.ledger().config().rp_id))
    })
    .await
}

/// `{document, credential}`: the assertion over the document with this SHA-256.
async fn sign_change(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        anybody(&app, &headers).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["document", "credential"])?;
        let document = b64::decode_hex_array::<32>(&input.text("document", 64)?)
            .map_err(|_| Fault::bad_request("`document` is a SHA-256 in hexadecimal"))?;
        let signed = input.signed("credential")?;
        let (appended, note_missing) =
            app.run(move |app| app.ledger().confirm_change(&document, signed)).await?;
        Ok(recorded(&appended, note_missing.as_deref(), "recorded"))
    })
    .await
}

/// `{person, identities}`: replaces the ids by which AuthZEN subjects name a person.
async fn identities(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let by = auth::require_fresh(&app, &headers, &[Role::Administrator]).await?;
        let by = signer(&by);
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["person", "identities"])?;
        let (person, ids) = (input.text("person", 64)?, input.texts("identities", 32)?);
        app.run(move |app| app.ledger().set_identities_by(&person, &ids, &by)).await?;
        Ok(done("recorded"))
    })
    .await
}

/// `{person}`: erases name and identities for ever.
async fn erase_name(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = auth::require_fresh(&app, &headers, &[Role::Administrator]).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["person"])?;
        let (person, by) = (input.text("person", 64)?, signer(&session));
        app.run(move |app| app.ledger().erase_name_by(&person, &by)).await?;
        Ok(done("erased"))
    })
    .await
}

/// A change as it is named by people.
enum Wanted {
    Revoke { key: String, effective_from: Option<UnixSeconds>, reason: String },
    Roles { person: String, roles: Vec<Role> },
}

impl Wanted {
    fn read(input: &Input) -> Result<Self, Fault> {
        match input.text("act", 16)?.as_str() {
            "revoke" => {
                input.only(&["act", "key", "effective_from", "reason", "confirm"])?;
                let from = input.optional_text("effective_from", 32)?;
                let from = from.map(|text| UnixSeconds::parse(&text)).transpose();
                let effective_from = from.map_err(|_| {
                    Fault::bad_request("`effective_from` is a time such as 2026-11-22T04:00:00Z")
                })?;
                let key = input.text("key", 256)?;
                Ok(Self::Revoke { key, effective_from, reason: input.text("reason", MAX_REASON)? })
            }
            "role" => {
                input.only(&["act", "person", "roles", "confirm"])?;
                // Without roles a person may do nothing; that has to be said.
                let roles = input.given_roles("roles")?;
                Ok(Self::Roles { person: input.text("person", 64)?, roles })
            }
            _ => Err(Fault::bad_request("`act` is revoke or role")),
        }
    }

    fn change(self, app: &App) -> Result<Change, crate::Error> {
        let ledger = app.ledger();
        Ok(match self {
            Self::Roles { person, roles } => Change::Roles { person, roles },
            Self::Revoke { key, effective_from, reason } => Change::Revoke {
                credential: ledger.credential_of_key(&key)?,
                effective_from: effective_from.unwrap_or_else(|| ledger.now()),
                reason,
            },
        })
    }
}

async fn administrator(app: &App, headers: &HeaderMap) -> Result<Session, Fault> {
    auth::require_person(app, headers, &[Role::Administrator]).await
}

pub(super) async fn anybody(app: &App, headers: &HeaderMap) -> Result<Session, Fault> {
    auth::require_person(app, headers, &ANYBODY).await
}

fn signer(session: &Session) -> Signer {
    Signer { person: session.person.clone(), credential: session.credential.clone() }
}

fn only_id(input: &Input) -> Result<String, Fault> {
    input.only(&["id"])?;
    input.text("id", 64)
}

fn done(status: &str) -> Json {
    Json::object([("status", Json::from(status))])
}

/// What became of an enrolment.
fn enrolled_json(enrolled: &Enrolled) -> Json {
    match enrolled {
        Enrolled::Waiting(namespace) => Json::object([
            ("status", Json::from("waiting")),
            ("namespace", namespace.as_str().into()),
        ]),
        Enrolled::Recorded { appended, note_missing } => {
            recorded(appended, note_missing.as_deref(), "enrolled")
        }
    }
}

fn recorded(appended: &Appended, note_missing: Option<&str>, status: &str) -> Json {
    let mut out = Json::object([
        ("status", Json::from(status)),
        ("index", number(appended.index)),
        ("entry", b64::encode_hex(sha256(&appended.statement)).into()),
    ]);
    if let Some(why) = note_missing {
        out.insert("note_missing", why.into());
    }
    out
}

async fn reply(work: impl Future<Output = Result<Json, Fault>>) -> Response {
    match work.await {
        Ok(value) => json(&value),
        Err(fault) => fault.response(PATH),
    }
}

/// 404 of a link that is none: it says nothing about which links there are.
fn no_such_link() -> Fault {
    let detail = "no such invitation";
    Fault::new(StatusCode::NOT_FOUND, "Not Found", "invite.unknown", detail)
}
