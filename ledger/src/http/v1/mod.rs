//! Reading both logs: search, single entries with their proofs, consistency, checkpoints.
//!
//! | route | answers |
//! |---|---|
//! | `GET /v1/entries` | a page of the search index ([`crate::index`]) |
//! | `GET /v1/entries/{log}/{index}` | one statement, its COSE Receipt and its inclusion proof |
//! | `GET /v1/statements/{log}/{index}` | statements for a copy of the log, many at once |
//! | `GET /v1/policies` | the policies that were ever in force, the newest first |
//! | `GET /v1/policies/files/{sha256}` | a file of one of them |
//! | `GET /v1/consistency` | RFC 9162 consistency proof between two sizes |
//! | `GET /v1/notes/{log}/{row}` | every cosigned checkpoint that was published, in order |
//! | `GET /v1/checkpoint` | the cosigned checkpoint and the witnesses behind it |
//! | `GET /v1/openapi.json` | this API, OpenAPI 3.1 |
//!
//! Evidence bundles and requests are in [`super::evidence`]. The whole is described in
//! `docs/api.md`.

mod entries;
mod params;
mod policies;
mod proofs;
mod statements;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use placet_proto::b64;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

pub(super) use self::params::{Params, RawQuery};
use super::App;
use super::auth::{self, Scope};
use super::problem::Fault;
pub use super::rules::READERS;
use crate::storage::Hash;
use crate::{Log, LogId, Note};

/// Tokens of which scopes may search.
const SEARCHING: [Scope; 2] = [Scope::EvidenceRead, Scope::Search];
/// Tokens of which scopes may read whole statements: what is found by a search is less than that.
const READING: [Scope; 1] = [Scope::EvidenceRead];

/// Where these routes are.
pub(super) const PATH: &str = "/v1";
/// The description of all routes, as it is served and as tests compare it with them.
pub const OPENAPI: &str = include_str!("../../../../proto/openapi/placet.json");

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/entries", get(entries::search))
        .route("/v1/entries/{log}/{index}", get(entries::entry))
        .route("/v1/statements/{log}/{index}", get(statements::run))
        .route("/v1/policies", get(policies::list))
        .route("/v1/policies/files/{sha256}", get(policies::file))
        .route("/v1/consistency", get(proofs::consistency))
        .route("/v1/notes/{log}/{row}", get(proofs::notes))
        .route("/v1/checkpoint", get(proofs::checkpoint))
        .route("/v1/openapi.json", get(openapi))
}

async fn openapi() -> Response {
    let media_type = HeaderValue::from_static("application/json");
    (StatusCode::OK, [(header::CONTENT_TYPE, media_type)], OPENAPI).into_response()
}

/// The word for a log in paths, queries and answers.
#[must_use]
pub fn log_name(id: LogId) -> &'static str {
    match id {
        LogId::Main => "main",
        LogId::Gov => "gov",
    }
}

/// The log of this name.
#[must_use]
pub fn log_of(name: &str) -> Option<LogId> {
    LogId::ALL.into_iter().find(|id| log_name(*id) == name)
}

/// The first published note that covers an entry, or none yet.
pub(super) fn covering(log: &Log, index: u64) -> Result<Option<Note>, crate::Error> {
    log.notes().map_or(Ok(None), |notes| notes.covering(index, 0))
}

/// Lets in those who may read statements.
pub(super) async fn admit(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    auth::require(app, headers, READERS, &READING).await.map(drop)
}

/// Lets in those who may search.
async fn admit_search(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    auth::require(app, headers, READERS, &SEARCHING).await.map(drop)
}

fn time(seconds: u64) -> Json {
    UnixSeconds(seconds).to_string().into()
}

fn hex(hash: &Hash) -> Json {
    b64::encode_hex(hash).into()
}

fn path_json(path: &[Hash]) -> Json {
    path.iter().map(hex).collect::<Vec<_>>().into()
}

async fn answer(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(|fault| fault.response(PATH))
}
