//! `POST /access/v1/search/{subject,resource,action}`.
//!
//! What a search tries is not recorded: nobody asked to do any of it, nothing is permitted by it,
//! and a log of what might have been done would drown what was. A PEP that acts on a result asks
//! for that decision, which is recorded like any other.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use placet_ledger::http::problem::Fault;
use placet_ledger::service::Ledger;
use placet_proto::b64;
use placet_proto::json::Json;

use super::evaluate::fault;
use super::input::json_body;
use super::{Body, Pep, json_bytes, reply};
use crate::Error;
use crate::authzen::{AuthzenError, SearchKind, SearchRequest, search_response};
use crate::pdp::Pdp as _;

/// `typ` of the token of a further page.
const PAGE: &str = "placet-page+jwt";
/// Seconds for which a token is good.
const PAGE_S: u64 = 3600;

/// Who may do this to that.
pub async fn subject(state: State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    search(SearchKind::Subject, state, headers, bytes).await
}

/// To what this subject may do that.
pub async fn resource(state: State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    search(SearchKind::Resource, state, headers, bytes).await
}

/// What this subject may do to that.
pub async fn action(state: State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    search(SearchKind::Action, state, headers, bytes).await
}

async fn search(
    kind: SearchKind,
    State(pep): State<Pep>,
    headers: HeaderMap,
    bytes: Body,
) -> Response {
    reply(async {
        let body = json_body(&headers, bytes)?;
        let search = SearchRequest::parse(kind, &body).map_err(fault)?;
        let worker = pep.clone();
        // Few at a time: a search may take as long as many decisions do.
        let found = pep.0.app.run_waiting(move |_| Ok(worker.page(search))).await?;
        let body = found.map_err(|error| match error {
            Error::Authzen(error) => fault(error),
            other => {
                tracing::error!(code = other.code(), %other, "a search could not be answered");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let detail = "no policy could decide";
                Fault::new(status, "Service Unavailable", other.code(), detail)
            }
        })?;
        Ok(json_bytes(StatusCode::OK, body))
    })
    .await
}

impl Pep {
    /// One page of a search under the policy in force.
    fn page(&self, search: SearchRequest) -> Result<Vec<u8>, Error> {
        let ledger = self.0.app.ledger();
        let armed = self.armed()?;
        let manifest = armed.pdp.policy().manifest;
        let search = match search.token() {
            None => search,
            Some(token) => {
                let start = read_token(ledger, token, &search, &manifest)?;
                search.beginning_at(start)
            }
        };
        let found = armed.pdp.search(&search)?;
        let next = found.next.map(|start| sign_token(ledger, start, &search, &manifest));
        let next = next.transpose()?;
        Ok(search_response(&search, &found, next.as_deref()))
    }
}

/// A token is of one search under one policy: the pages of another would not fit together, and the
/// position would be another one's.
fn sign_token(
    ledger: &Ledger,
    start: usize,
    search: &SearchRequest,
    manifest: &[u8; 32],
) -> Result<String, Error> {
    let ends = ledger.now().0.saturating_add(PAGE_S);
    let claims = Json::object([
        ("at", number(u64::try_from(start).unwrap_or(u64::MAX))),
        ("exp", number(ends)),
        ("policy", b64::encode_hex(manifest).into()),
        ("search", b64::encode_hex(search.digest()).into()),
    ]);
    Ok(ledger.jws_sign(PAGE, &claims)?)
}

fn read_token(
    ledger: &Ledger,
    token: &str,
    search: &SearchRequest,
    manifest: &[u8; 32],
) -> Result<usize, AuthzenError> {
    let foreign = AuthzenError::Page("the token is none that was given here, or too old");
    let Ok(claims) = ledger.jws_verify(PAGE, token) else { return Err(foreign) };
    let start = claims.get("at").and_then(Json::as_u64);
    let Some(start) = start.and_then(|at| usize::try_from(at).ok()) else { return Err(foreign) };
    let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
    if claims.get("exp").and_then(Json::as_u64).is_none_or(|ends| ledger.now().0 >= ends) {
        return Err(foreign);
    }
    if text("search") != b64::encode_hex(search.digest()) {
        return Err(AuthzenError::Page("the token is of another search"));
    }
    if text("policy") != b64::encode_hex(manifest) {
        return Err(AuthzenError::Page("the policy changed; begin the search again"));
    }
    Ok(start)
}

fn number(value: u64) -> Json {
    Json::try_from(value).unwrap_or(Json::Null)
}
