//! Transactions: challenges for PEPs, the endpoint to which agents bring them, and what resources
//! ask about the tokens that come of it (SPEC.md 10, docs/tokens.md).
//!
//! | path | who | what |
//! |---|---|---|
//! | `POST /v1/transactions/challenge` | PEP | a challenge for a requestable denial |
//! | `POST /v1/transactions` | whoever has one, with DPoP | asks for the approval, polls, is given the token |
//! | `POST /v1/transactions/spend` | resource | spends a token's transaction, once |
//! | `POST /v1/transactions/introspect` | resource | RFC 7662 |
//! | `GET /.well-known/oauth-authorization-server` | all | metadata after RFC 8414 |
//! | `GET /.well-known/placet-{token,challenge}-jwks.json` | all | the keys |

mod authorize;
mod fault;
mod mint;
mod resource;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::problem::Fault;
use placet_ledger::service::RequestState;
use placet_proto::document::is_uuid_v4;
use placet_proto::jcs;
use placet_proto::json::Json;

pub use authorize::authorize;
pub use resource::{introspect, spend};

use super::submit::new_id;
use super::{Body, Pep, body, input, json, reply, tokens};
use crate::identity::error::DPOP_ALGORITHMS;
use crate::tokens::challenge::{self, Challenge, Shown};
use crate::tokens::keys::Signer;
use crate::tokens::{DETAILS_TYPE, token};

/// Longest identifier of a resource, in bytes.
const MAX_RESOURCE: usize = 255;
/// Length of a thumbprint in base64url.
const THUMBPRINT: usize = 43;
/// Where agents bring challenges.
pub const PATH: &str = "/v1/transactions";

/// `{request, resource?, jkt?}`: the challenge for a request that a requestable denial offered.
/// `resource` is who will be shown the token, `jkt` the key of the agent where the PEP knows it.
pub async fn make_challenge(State(pep): State<Pep>, bytes: Body) -> Response {
    reply(async {
        let value = input::object(&body(bytes)?, Some(&["request", "resource", "jkt"]))?;
        let request = input::text(&value, "request", 64)?;
        let given = |name: &str, max| value.get(name).map(|_| input::text(&value, name, max));
        let resource = match given("resource", MAX_RESOURCE).transpose()? {
            Some(resource) if resource.bytes().all(|b| b.is_ascii_graphic()) => resource,
            Some(_) => return Err(Fault::bad_request("`resource` is a URI")),
            None => pep.0.app.ledger().config().audience.clone(),
        };
        let jkt = given("jkt", THUMBPRINT).transpose()?;
        if jkt.as_ref().is_some_and(|jkt| jkt.len() != THUMBPRINT) {
            return Err(Fault::bad_request("`jkt` is an RFC 7638 thumbprint in base64url"));
        }
        let worker = pep.clone();
        let work = move |_: &_| Ok(worker.challenge(&request, resource, jkt));
        Ok(json(&pep.0.app.run(work).await??))
    })
    .await
}

/// Metadata after RFC 8414, with what the two drafts add.
pub async fn metadata(State(pep): State<Pep>) -> Response {
    let algorithms = DPOP_ALGORITHMS.split(' ').map(Json::from).collect();
    let none = || Json::Array(Vec::new());
    json(&Json::object([
        ("issuer", Json::from(pep.url(""))),
        ("jwks_uri", pep.url("/.well-known/placet-token-jwks.json").into()),
        ("transaction_authorization_endpoint", pep.url(PATH).into()),
        ("introspection_endpoint", pep.url("/v1/transactions/introspect").into()),
        ("txn_challenge_jwks_uri", pep.url("/.well-known/placet-challenge-jwks.json").into()),
        ("txn_challenge_signing_alg_values_supported", vec![Json::from("ES256")].into()),
        ("dpop_signing_alg_values_supported", Json::Array(algorithms)),
        ("authorization_details_types_supported", vec![Json::from(DETAILS_TYPE)].into()),
        ("response_types_supported", none()),
        ("grant_types_supported", none()),
    ]))
}

/// The key of access tokens.
pub async fn token_jwks(State(pep): State<Pep>) -> Response {
    jwk_set(&pep.0.token_keys.token)
}

/// The key of challenges.
pub async fn challenge_jwks(State(pep): State<Pep>) -> Response {
    jwk_set(&pep.0.token_keys.challenge)
}

fn jwk_set(key: &Signer) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    ([kind], jcs::to_bytes(&key.jwks())).into_response()
}

impl Pep {
    fn challenge(
        &self,
        request: &str,
        resource: String,
        jkt: Option<String>,
    ) -> Result<Json, Fault> {
        let ledger = self.0.app.ledger();
        let unknown = || Fault::bad_request("`request` is none that a person could approve now");
        if !is_uuid_v4(request) {
            return Err(unknown());
        }
        let view = ledger.request(request)?;
        let waits = matches!(
            view.row.state,
            RequestState::Offered | RequestState::Open | RequestState::Approved
        );
        let now = ledger.now();
        if !waits || view.decision.audience != ledger.config().audience {
            return Err(unknown());
        }
        let ends = now.checked_add(challenge::LIFE_S).unwrap_or(now).min(view.row.not_after);
        if ends <= now {
            return Err(unknown());
        }
        let action = &view.decision.action;
        let members = tokens::bound_members(action);
        let why = view.why.as_deref().unwrap_or("a person has to approve this action");
        let shown = Shown {
            details: token::details(&resource, action, &members, view.raw.as_ref(), None),
            reason: why.to_owned(),
            act: action.subject().get("properties").and_then(|p| p.get("act")).cloned(),
            at: now,
            jti: new_id()?,
        };
        let made =
            Challenge { resource, txn: new_id()?, request: request.to_owned(), jkt, expires: ends };
        let signed = made.sign(&self.0.token_keys.challenge, &self.url(""), &shown)?;
        let left = Json::try_from(ends.0.saturating_sub(now.0)).unwrap_or(Json::Null);
        Ok(Json::object([
            ("www_authenticate", Json::from(challenge::www_authenticate(&signed))),
            ("transaction_challenge", signed.into()),
            ("transaction_authorization_endpoint", self.url(PATH).into()),
            ("txn", made.txn.into()),
            ("expires_in", left),
        ]))
    }
}
