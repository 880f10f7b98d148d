//! `GET /.well-known/authzen-configuration`.

use axum::extract::State;
use axum::response::Response;
use placet_proto::json::Json;

use super::{Pep, json, reply};
use crate::obligations::SUPPORTED;

/// ARAP's capability.
const CAPABILITY: &str = "urn:openid:authzen:capability:access-request";
/// `typ` of `signed_metadata`.
const TYPE: &str = "placet-metadata+jwt";

/// What this decision point is and offers, plain and signed by the service key that `jwks_uri`
/// publishes. One decision point has one identifier, `public_url`: there are no tenants.
pub async fn get(State(pep): State<Pep>) -> Response {
    reply(async {
        let mut plain = members(&pep);
        let mut claims = plain.clone();
        claims.insert("iss", pep.url("").into());
        let now = pep.0.app.ledger().now().0;
        claims.insert("iat", Json::try_from(now).unwrap_or(Json::Null));
        plain.insert("signed_metadata", pep.0.app.ledger().jws_sign(TYPE, &claims)?.into());
        Ok(json(&plain))
    })
    .await
}

fn members(pep: &Pep) -> Json {
    Json::object([
        ("policy_decision_point", Json::from(pep.url(""))),
        ("access_evaluation_endpoint", pep.url("/access/v1/evaluation").into()),
        ("access_evaluations_endpoint", pep.url("/access/v1/evaluations").into()),
        ("search_subject_endpoint", pep.url("/access/v1/search/subject").into()),
        ("search_resource_endpoint", pep.url("/access/v1/search/resource").into()),
        ("search_action_endpoint", pep.url("/access/v1/search/action").into()),
        ("access_request_endpoint", pep.url("/access/v1/requests").into()),
        ("jwks_uri", pep.url("/.well-known/jwks.json").into()),
        ("capabilities", vec![Json::from(CAPABILITY)].into()),
        ("supported_obligations", SUPPORTED.map(Json::from).to_vec().into()),
    ])
}
