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
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
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
    if let Some(why) = health.stopped {
        problems.push(format!("the log no longer writes: {why}"));
    }
    if let Some(why) = publisher.problem {
        problems.push(format!("no cosigned checkpoint: {why}"));
    }
    let policy = ledger.publisher(id).policy();
    match ledger.log(id).checkpoint() {
        None => problems.push("no checkpoint is published yet".to_owned()),
        Some(_) if policy.is_none() => {}
        Some(note) => {
            let limit = ledger.config().recosign_idle_s.saturating_mul(STALE);
            let age = ledger.now().0.saturating_sub(note.published_at);
            if age > limit {
                problems.push(format!("the checkpoint is {age} s old"));
            }
        }
    }
    LogReady { size: health.size, published: health.published, problems }
}
