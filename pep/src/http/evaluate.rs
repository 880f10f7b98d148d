//! `POST /access/v1/evaluation` and `/access/v1/evaluations`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use placet_ledger::http::problem::Fault;
use placet_proto::action::Action;
use placet_proto::document::Raw;

use super::{Body, Pep, input, json_bytes, reply};
use crate::authzen::{
    AuthzenError, EvaluationRequest, EvaluationResponse, EvaluationsRequest, Merging, Semantic,
    batch_response,
};

/// One decision. Beside AuthZEN's members the body may have `raw`, the bytes that the PEP will
/// forward.
pub async fn one(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    reply(async {
        let bytes = input::json_body(&headers, bytes)?;
        let request = EvaluationRequest::parse(&bytes).map_err(fault)?;
        let raw = input::raw(&input::object(&bytes, None)?)?;
        let response = decide(&pep, request.action().clone(), raw).await;
        Ok(json_bytes(StatusCode::OK, response.to_bytes()))
    })
    .await
}

/// Several decisions, in order.
pub async fn many(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    reply(async {
        let bytes = input::json_body(&headers, bytes)?;
        let merging = match pep.0.app.ledger().config().strict_defaults {
            true => Merging::Replace,
            false => Merging::FillIdentifiers,
        };
        let answer = match EvaluationsRequest::parse(&bytes, merging).map_err(fault)? {
            EvaluationsRequest::Single(request) => {
                let raw = input::raw(&input::object(&bytes, None)?)?;
                decide(&pep, request.action().clone(), raw).await.to_bytes()
            }
            EvaluationsRequest::Batch { items, semantic } => {
                batch_response(&batch(&pep, items, semantic).await)
            }
        };
        Ok(json_bytes(StatusCode::OK, answer))
    })
    .await
}

async fn batch(
    pep: &Pep,
    items: Vec<Result<EvaluationRequest, AuthzenError>>,
    semantic: Semantic,
) -> Vec<EvaluationResponse> {
    let mut responses = Vec::with_capacity(items.len());
    for item in items {
        let response = match item {
            Ok(request) => decide(pep, request.action().clone(), None).await,
            Err(error) => EvaluationResponse::item_error(&error),
        };
        let last = semantic.ends_at(response.decision);
        responses.push(response);
        if last {
            break;
        }
    }
    responses
}

/// The decision, recorded; a denial when it could not be reached or recorded.
async fn decide(pep: &Pep, action: Action, raw: Option<Raw>) -> EvaluationResponse {
    let worker = pep.clone();
    // Errors of the policy are answers here, so that they are not taken for errors of the ledger.
    let decided = pep.0.app.run(move |_| Ok(worker.decide(action, raw))).await;
    let (code, text) = match decided {
        Ok(Ok(response)) => return response,
        Ok(Err(error)) => (error.code(), error.to_string()),
        Err(error) => (error.code(), error.to_string()),
    };
    tracing::error!(code, text, "no decision was recorded; the answer is deny");
    EvaluationResponse::fault("decision_unavailable")
}

/// The answer to a body that is no request.
pub fn fault(error: AuthzenError) -> Fault {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let title = status.canonical_reason().unwrap_or("Bad Request");
    Fault::new(status, title, error.code(), error.to_string())
}
