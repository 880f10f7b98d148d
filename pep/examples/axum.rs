//! An API whose requests run only if the policy, and the persons that it asks for, permit them.
//!
//! ```text
//! cargo run --example axum -- http://localhost:8420 DIR/keys/pep-token
//! curl -X POST -d '{"why": "left"}' -H 'content-type: application/json' \
//!     http://127.0.0.1:3000/users/X0001/disable
//! ```
//!
//! The answer is 403 with the id of a task until a person has approved exactly this request; the
//! same request is then forwarded, once.

use std::error::Error;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::request::Parts;
use axum::routing::post;
use placet_pep::enforce::{EnforceError, EnforceLayer, Enforcer, Remote, RemoteConfig};
use placet_proto::action::Action;
use placet_proto::json::Json;

/// The API, enforced.
pub fn api(enforcer: Enforcer) -> Router {
    Router::new()
        .route("/users/{id}/disable", post(disable))
        .layer(EnforceLayer::new(enforcer, action))
}

async fn disable(Path(id): Path<String>, body: Bytes) -> String {
    format!("disabled {id} ({} bytes)\n", body.len())
}

/// What a request asks for. Which agent calls has to come from its credentials; here there is one.
fn action(parts: &Parts, _: &Bytes) -> Result<Action, EnforceError> {
    let id = parts.uri.path().strip_prefix("/users/").and_then(|p| p.strip_suffix("/disable"));
    let id = id.ok_or(EnforceError::Unmapped("no such route"))?;
    let object = |members: [(&str, &str); 2]| Json::object(members.map(|(n, v)| (n, v.into())));
    let mut verb = Json::object([("name", Json::from("disable_user"))]);
    verb.insert("properties", EnforceLayer::described(parts, &["content-type"])?);
    Ok(Action::from_request(&Json::object([
        ("subject", object([("type", "agent"), ("id", "support-bot")])),
        ("action", verb),
        ("resource", object([("type", "user"), ("id", id)])),
    ]))?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, token_file] = arguments.as_slice() else {
        return Err("arguments: URL TOKEN-FILE".into());
    };
    let (url, token_file) = (url.clone(), Some(token_file.into()));
    let ledger = Remote::new(&RemoteConfig { url, token_file, ..RemoteConfig::default() })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, api(Enforcer::new(ledger))).await?;
    Ok(())
}
