//! C2SP tlog-tiles over HTTP: `checkpoint`, `tile/..` and, for those who do not wait for
//! witnesses, `checkpoint-fast`.

use std::str::FromStr as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use placet_proto::tlog::tile::TileId;

use super::App;
use super::problem::Fault;
use crate::LogId;

/// A tile never changes: its name says how many hashes are in it.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A checkpoint is renewed every second at most.
const SHORT: &str = "public, max-age=2";
const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// The routes of both logs.
pub fn routes() -> Router<App> {
    LogId::ALL.into_iter().fold(Router::new(), |router, id| {
        let prefix = match id {
            LogId::Main => "/log",
            LogId::Gov => "/gov",
        };
        let path = |name: &str| format!("{prefix}/{name}");
        router
            .route(&path("checkpoint"), get(move |State(app): State<App>| published(app, id)))
            .route(&path("checkpoint-fast"), get(move |State(app): State<App>| fast(app, id)))
            .route(
                &path("tile/{*path}"),
                get(move |State(app): State<App>, Path(path): Path<String>| tile(app, id, path)),
            )
    })
}

/// The newest cosigned note.
async fn published(app: App, id: LogId) -> Response {
    let note = app.ledger().log(id).checkpoint();
    note.map_or_else(not_found, |note| file(note.note, TEXT, SHORT))
}

/// The newest note of the log itself.
async fn fast(app: App, id: LogId) -> Response {
    let note = app.ledger().log(id).checkpoint_fast();
    note.map_or_else(not_found, |note| file(note.note, TEXT, SHORT))
}

async fn tile(app: App, id: LogId, path: String) -> Response {
    // Only what is a tile in its one spelling goes further; no path is ever made of a client's
    // text.
    let Ok(tile) = TileId::from_str(&format!("tile/{path}")) else { return not_found() };
    let found = app.run(move |app| app.ledger().log(id).tile(&tile.to_string())).await;
    match found {
        Ok(Some(bytes)) => file(bytes, BINARY, IMMUTABLE),
        Ok(None) => not_found(),
        Err(error) => Fault::from(error).response("/log"),
    }
}

fn file(bytes: Vec<u8>, media_type: &'static str, cache: &'static str) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, cache),
        // Public data: a verifier in a browser may read it from any page.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (StatusCode::OK, headers, bytes).into_response()
}

fn not_found() -> Response {
    Fault::not_found().response("/log")
}
