//! `/.well-known/jwks.json`: the public half of the service key (RFC 7517).

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use placet_proto::jcs;

use crate::http::App;
use crate::http::problem::Fault;

const PATH: &str = "/.well-known/jwks.json";
/// Readers may keep it for five minutes: a key that is replaced is rarely replaced in haste.
const CACHE: &str = "public, max-age=300";

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route(PATH, get(keys))
}

async fn keys(State(app): State<App>) -> Response {
    match app.ledger().jwks() {
        Ok(set) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json")),
                (header::CACHE_CONTROL, HeaderValue::from_static(CACHE)),
            ];
            (headers, jcs::to_bytes(&set)).into_response()
        }
        Err(error) => Fault::from(error).response(PATH),
    }
}
