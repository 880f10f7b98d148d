//! What the page about an erasure and `placet erase` post.
//!
//! | path | who |
//! |---|---|
//! | `POST /v1/erasures/prepare` | administrator |
//! | `POST /v1/erasures/confirm` | the same administrator |
//!
//! A session prepares; what erases is the passkey's signature over the order, which names each
//! statement and the reason.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use placet_proto::document::Role;
use placet_proto::json::Json;
use placet_proto::{b64, sha256};

use super::App;
use super::approvals::{self, own_credential, to_sign_json};
use super::auth;
use super::evidence::{json, number};
use super::problem::Fault;
use crate::service::ErasurePlan;

const PATH: &str = "/v1/erasures";
/// Longest reason, in bytes: that of a text in a document.
pub(super) const MAX_REASON: usize = 4096;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/erasures/prepare", post(prepare))
        .route("/v1/erasures/confirm", post(confirm))
}

type Body = Result<Bytes, BytesRejection>;

/// `{leaf, reason}`: the order that the administrator has to sign, and what it is about.
async fn prepare(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = auth::require_person(&app, &headers, &[Role::Administrator]).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["leaf", "reason"])?;
        let (leaf, reason) = (input.number("leaf")?, input.text("reason", MAX_REASON)?);
        let signer = session.credential;
        let prepared =
            app.run(move |app| app.ledger().prepare_erasure(leaf, &reason, &signer)).await?;
        let mut out = to_sign_json(&prepared.to_sign, &app.ledger().config().rp_id);
        let ErasurePlan { request, leaves, left } = prepared.plan;
        out.insert("leaves", leaves.into_iter().map(number).collect::<Vec<_>>().into());
        out.insert("left", number(left));
        if let Some(request) = request {
            out.insert("request", request.into());
        }
        Ok(out)
    })
    .await
}

/// `{document, credential}`: the assertion over the order with this SHA-256.
async fn confirm(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    reply(async {
        let session = auth::require_person(&app, &headers, &[Role::Administrator]).await?;
        let input = approvals::input(&app, &headers, body)?;
        input.only(&["document", "credential"])?;
        let document = b64::decode_hex_array::<32>(&input.text("document", 64)?)
            .map_err(|_| Fault::bad_request("`document` is a SHA-256 in hexadecimal"))?;
        let signed = input.signed("credential")?;
        own_credential(&app, &session, Some(signed.credential.clone())).await?;
        let erased = app.run(move |app| app.ledger().confirm_erasure(&document, signed)).await?;
        Ok(Json::object([
            ("status", Json::from("erased")),
            ("index", number(erased.order.index)),
            ("entry", b64::encode_hex(sha256(&erased.order.statement)).into()),
            ("left", number(erased.left)),
        ]))
    })
    .await
}

async fn reply(work: impl Future<Output = Result<Json, Fault>>) -> Response {
    match work.await {
        Ok(value) => json(&value),
        Err(fault) => fault.response(PATH),
    }
}
