//! What the pages' script posts: options for `navigator.credentials`, and what came back.
//!
//! The script relays and decides nothing. Challenges come from the ledger, assertions go to it, and
//! the verifier's own code judges them. A session opens documents for its own person only, so that
//! nobody can push another's out; each answer is authorised by the passkey's signature over that
//! very answer.

mod options;
mod read;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::post;
use placet_proto::document::{self, Role};
use placet_proto::json::Json;
use placet_proto::{b64, sha256};

pub(super) use self::options::{
    create as create_options, get as get_options, to_sign as to_sign_json,
};
pub(super) use self::read::Input;
use super::auth::{self, Session};
use super::csrf::surface;
use super::evidence::{json, number};
use super::problem::Fault;
use super::{App, MAX_BODY};
use crate::service::{Answered, Opening, RequestState};

const PATH: &str = "/approve";
/// Longest reason of a denial, in bytes.
const MAX_REASON: usize = 4096;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/approve/{request}/open", post(open))
        .route("/approve/{request}/answer", post(answer))
}

type Body = Result<Bytes, BytesRejection>;

/// `{credential?, denial, reason?}`: makes the document that is to be signed, by the credential of
/// the session or another one of its person.
async fn open(
    State(app): State<App>,
    Path(request): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    reply(async {
        let surface = surface(&app, &headers)?;
        let input = input(&app, &headers, body)?;
        input.only(&["credential", "denial", "reason"])?;
        let session = auth::require_person(&app, &headers, &[Role::Approver]).await?;
        let credential = input.optional_bytes("credential", document::MAX_CREDENTIAL)?;
        let credential = own_credential(&app, &session, credential).await?;
        let opening = Opening {
            request,
            credential,
            surface: surface.to_owned(),
            denial: input.flag("denial")?,
            reason: input.optional_text("reason", MAX_REASON)?,
        };
        let to_sign = app.run(move |app| app.ledger().open_request(&opening)).await?;
        Ok(options::to_sign(&to_sign, &app.ledger().config().rp_id))
    })
    .await
}

/// `{document, credential}`: the assertion over the document with this SHA-256.
async fn answer(
    State(app): State<App>,
    Path(request): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    reply(async {
        let input = input(&app, &headers, body)?;
        input.only(&["document", "credential"])?;
        let document = b64::decode_hex_array::<32>(&input.text("document", 64)?)
            .map_err(|_| Fault::bad_request("`document` is a SHA-256 in hexadecimal"))?;
        let session = auth::require_person(&app, &headers, &[Role::Approver]).await?;
        let signed = input.signed("credential")?;
        own_credential(&app, &session, Some(signed.credential.clone())).await?;
        let answered = app.run(move |app| app.ledger().answer(&document, signed)).await?;
        if answered.appended.document.body.request() != Some(request.as_str()) {
            // Recorded all the same: the person signed that document, whatever the path says.
            // The path is the client's and may hold anything, so the log does not repeat it.
            tracing::warn!("an answer came by the path of another request");
        }
        Ok(answered_json(&answered))
    })
    .await
}

fn answered_json(answered: &Answered) -> Json {
    let appended = &answered.appended;
    let request = appended.document.body.request().unwrap_or_default();
    Json::object([
        ("status", Json::from(appended.document.kind().name())),
        ("state", answered.state.name().into()),
        ("complete", Json::Bool(answered.state != RequestState::Open)),
        ("request", request.into()),
        ("index", number(appended.index)),
        ("entry", b64::encode_hex(sha256(&appended.statement)).into()),
        ("document", b64::encode_hex(appended.document.sha256()).into()),
        ("evidence", format!("/v1/evidence/{request}?wait=30").into()),
    ])
}

/// The body, from a page of ours or a client that states one of our origins.
pub(super) fn input(app: &App, headers: &HeaderMap, body: Body) -> Result<Input, Fault> {
    surface(app, headers)?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if media_type != Some("application/json") {
        return Err(Fault::media_type("application/json"));
    }
    let body = body.map_err(|_| Fault::too_large())?;
    Input::parse(&body, MAX_BODY)
}

/// The credential that is named, if it is enrolled for the person of this session; without one, the
/// session's.
pub(super) async fn own_credential(
    app: &App,
    session: &Session,
    named: Option<Vec<u8>>,
) -> Result<Vec<u8>, Fault> {
    let Some(named) = named.filter(|named| *named != session.credential) else {
        return Ok(session.credential.clone());
    };
    let person = session.person.clone();
    let wanted = named.clone();
    let enrolled = app.run(move |app| app.ledger().enrolments()).await?;
    match enrolled.iter().any(|e| e.credential == wanted && e.person == person) {
        true => Ok(named),
        false => {
            let detail = "this passkey is not one of the person who is signed in";
            Err(Fault::forbidden("http.person", detail))
        }
    }
}

async fn reply(work: impl Future<Output = Result<Json, Fault>>) -> Response {
    match work.await {
        Ok(value) => json(&value),
        Err(fault) => fault.response(PATH),
    }
}
