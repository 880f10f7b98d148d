//! Whether the process lives, and whether it can do its work.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::App;
use super::evidence::number;
use crate::LogId;

/// A note may be so many times older than it is renewed before it counts as stale.
const STALE: u64 = 3;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/health", get(health))
}

/// 200 only while the checkpoints of both logs are fresh: for monitors that watch a log from
/// outside and have nothing to do with its innards.
async fn health(State(app): State<App>) -> Response {
    let stale: Vec<String> = LogId::ALL.into_iter().filter_map(|id| staleness(&app, id)).collect();
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    match stale.is_empty() {
        true => (StatusCode::OK, headers, "ok\n".to_owned()).into_response(),
        false => {
            let text = format!("{}\n", stale.join("\n"));
            (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
        }
    }
}

/// Why the checkpoint of a log is not fresh, if it is not.
pub fn staleness(app: &App, id: LogId) -> Option<String> {
    let ledger = app.ledger();
    let origin = ledger.log(id).origin();
    match ledger.log(id).checkpoint() {
        None => Some(format!("{origin}: no checkpoint is published yet")),
        // Without witnesses an idle log has nothing to renew.
        Some(_) if ledger.publisher(id).policy().is_none() => None,
        Some(note) => {
            let limit = ledger.config().recosign_idle_s.saturating_mul(STALE);
            let age = ledger.now().0.saturating_sub(note.published_at);
            (age > limit).then(|| format!("{origin}: the checkpoint is {age} s old"))
        }
    }
}

/// 200 while both logs write and their witnesses follow, else 503; either way with the reasons.
async fn ready(State(app): State<App>) -> Response {
    let logs: Vec<(&str, LogReady)> =
        LogId::ALL.into_iter().map(|id| (id.name(), log_ready(&app, id))).collect();
    let ok = logs.iter().all(|(_, log)| log.problems.is_empty());
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = Json::object([("ready", Json::Bool(ok))]);
    for (name, log) in logs {
        let problems: Vec<Json> = log.problems.into_iter().map(Json::from).collect();
        let members = [
            ("size", number(log.size)),
            ("published", number(log.published)),
            ("problems", problems.into()),
        ];
        body.insert(name, Json::object(members));
    }
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, headers, jcs::to_bytes(&body)).into_response()
}

struct LogReady {
    size: u64,
    published: u64,
    problems: Vec<String>,
}

fn log_ready(app: &App, id: LogId) -> LogReady {
    let ledger = app.ledger();
    let (health, publisher) = match id {
        LogId::Main => ledger.health().main,
        LogId::Gov => ledger.health().gov,
    };
    let mut problems = Vec::new();
    if let Some(why) = health.stopped.or_else(|| ledger.stopped()) {
        problems.push(format!("the log no longer writes: {why}"));
    }
    if let Some(why) = publisher.problem {
        problems.push(format!("no cosigned checkpoint: {why}"));
    }
    problems.extend(staleness(app, id));
    LogReady { size: health.size, published: health.published, problems }
}
