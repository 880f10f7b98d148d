//! What resources ask: `POST /v1/transactions/spend` and `/v1/transactions/introspect`.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::problem::Fault;
use placet_proto::document::{Digest, Raw};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{jcs, sha256};

use super::MAX_RESOURCE;
use super::authorize::form;
use crate::http::{Body, Pep, body, input, json, reply};
use crate::identity::jws::MAX_TOKEN;
use crate::tokens::resource::{Authorized, TokenError, allows};
use crate::tokens::spent::Spending;
use crate::tokens::{text, token};

/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 1024;
/// Seconds beyond a token's end for which its transaction is remembered as spent.
const REMEMBER_S: u64 = 60;

/// `{token, resource, action_digest, raw?, idempotency_key}`: once this is answered with 200 the
/// resource may act, once. `repeated` says that the same call was answered before.
///
/// The proof of possession is the resource's to check: it knows the URL that was called.
pub async fn spend(State(pep): State<Pep>, bytes: Body) -> Response {
    reply(async {
        let known = ["token", "resource", "action_digest", "raw", "idempotency_key"];
        let value = input::object(&body(bytes)?, Some(&known))?;
        let call = Spend {
            token: input::text(&value, "token", MAX_TOKEN)?,
            resource: input::text(&value, "resource", MAX_RESOURCE)?,
            action_digest: input::digest(&value, "action_digest")?,
            raw: input::raw(&value)?,
            key: sha256(input::text(&value, "idempotency_key", MAX_KEY)?.as_bytes()),
        };
        let worker = pep.clone();
        let (authorized, repeated) = pep.0.app.run(move |_| Ok(worker.spend(&call))).await??;
        Ok(json(&Json::object([
            ("txn", Json::from(authorized.txn)),
            ("request", authorized.request.into()),
            ("repeated", Json::Bool(repeated)),
        ])))
    })
    .await
}

/// `token` in a form: RFC 7662. A token that was spent is not active.
pub async fn introspect(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    let work = async {
        let form = form(&headers, bytes)?;
        let token = form.iter().find(|(name, _)| name == "token").map(|(_, token)| token.clone());
        let token = token.ok_or_else(|| super::fault::OauthFault::invalid("`token` is missing"))?;
        let worker = pep.clone();
        let found = pep.0.app.run(move |_| Ok(worker.introspect(&token))).await??;
        Ok::<_, super::fault::OauthFault>(found)
    };
    match work.await {
        Ok(found) => {
            let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (StatusCode::OK, [no_store, kind], jcs::to_bytes(&found)).into_response()
        }
        Err(fault) => fault.response(),
    }
}

struct Spend {
    token: String,
    resource: String,
    action_digest: Digest,
    raw: Option<Raw>,
    key: [u8; 32],
}

impl Pep {
    fn spend(&self, call: &Spend) -> Result<(Authorized, bool), Fault> {
        let now = self.0.app.ledger().now();
        let key = &self.0.token_keys.token;
        let claims = token::read(key, &self.url(""), &call.token, now)
            .ok_or_else(|| refused(TokenError::Invalid("it is none of ours, or over")))?;
        let authorized = allows(&claims, &call.resource, &call.action_digest, call.raw.as_ref())
            .map_err(refused)?;
        let until = remembered(authorized.expires);
        match self.0.spent.spend(&authorized.txn, &call.key, until, now)? {
            Spending::First => Ok((authorized, false)),
            Spending::Repeated => Ok((authorized, true)),
            Spending::Taken => Err(refused(TokenError::Spent)),
            Spending::Full => Err(refused(TokenError::Full)),
        }
    }

    fn introspect(&self, token: &str) -> Result<Json, Fault> {
        let now = self.0.app.ledger().now();
        let inactive = Json::object([("active", Json::Bool(false))]);
        let found = token::read(&self.0.token_keys.token, &self.url(""), token, now);
        let Some(mut claims) = found else { return Ok(inactive) };
        let txn = text(&claims, "txn").unwrap_or_default().to_owned();
        let expires = claims.get("exp").and_then(Json::as_u64).unwrap_or_default();
        if self.0.spent.is_spent(&txn, remembered(UnixSeconds(expires)))? {
            return Ok(inactive);
        }
        claims.insert("active", Json::Bool(true));
        claims.insert("token_type", "DPoP".into());
        Ok(claims)
    }
}

/// Until when the transaction of a token with this end is remembered.
fn remembered(expires: UnixSeconds) -> UnixSeconds {
    UnixSeconds(expires.0.saturating_add(REMEMBER_S))
}

fn refused(error: TokenError) -> Fault {
    let status = match error {
        TokenError::Spent => StatusCode::CONFLICT,
        TokenError::Action(_) => StatusCode::FORBIDDEN,
        TokenError::Full => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let title = status.canonical_reason().unwrap_or("Error");
    Fault::new(status, title, error.code(), error.to_string())
}
