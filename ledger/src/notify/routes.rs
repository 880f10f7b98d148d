//! Subscribing a browser to Web Push.
//!
//! | route | what | who |
//! |---|---|---|
//! | `GET /push/key` | what browsers bind a subscription to | who is signed in |
//! | `POST /push/subscribe` | `{endpoint, p256dh, auth}` | who is signed in, for themselves |
//! | `POST /push/unsubscribe` | `{endpoint}` | likewise |
//! | `GET /push-sw.js` | the service worker | everybody: it knows nothing |
//! | `GET /assets/push.js` | what the button does | everybody |

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use placet_proto::json::{self, Json};
use placet_proto::{b64, jcs};

use super::push::Subscription;
use crate::http::App;
use crate::http::auth::{Caller, Session, caller};
use crate::http::problem::Fault;
use crate::outbound::url::MAX_URL;
use crate::outbound::webpush::Receiver;

const PATH: &str = "/push";
/// Largest body of a request, in bytes.
const MAX_BODY: usize = 4096;

/// The routes.
pub fn routes() -> Router<App> {
    let script = |text: &'static str| {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        get(async move || (headers, text))
    };
    Router::new()
        .route("/push/key", get(key))
        .route("/push/subscribe", post(subscribe))
        .route("/push/unsubscribe", post(unsubscribe))
        .route("/push-sw.js", script(include_str!("push-sw.js")))
        .route("/assets/push.js", script(include_str!("push.js")))
}

/// The part of a page by which a person turns notifications of this browser on and off. The page
/// needs the script `push.js`, without which this shows nothing.
#[must_use]
pub fn button() -> Markup {
    html! {
        section #push hidden aria-labelledby="push-title" {
            h2 #push-title { "Notifications in this browser" }
            p.small {
                "When somebody waits for you, this browser says so: code, risk and deadline, no \
                 word of what an agent wants to do. The message goes through the push service of \
                 the browser's maker, encrypted."
            }
            button #push-button type="button" aria-pressed="false" data-testid="push" {
                "Turn notifications on"
            }
            p #push-status role="status" data-testid="push-status" {}
        }
    }
}

async fn key(State(app): State<App>, headers: HeaderMap) -> Response {
    reply(async {
        signed_in(&app, &headers).await?;
        let key = app.ledger().push_key()?;
        Ok(Json::object([("key", Json::from(key.as_str()))]))
    })
    .await
}

async fn subscribe(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    reply(async {
        let session = signed_in(&app, &headers).await?;
        let input = read(body, &["endpoint", "p256dh", "auth"])?;
        let bad = |what: &str| Fault::bad_request(format!("`{what}` is not what a browser gives"));
        let p256dh = b64::decode_url_array(text(&input, "p256dh")?).map_err(|_| bad("p256dh"))?;
        let auth = b64::decode_url_array(text(&input, "auth")?).map_err(|_| bad("auth"))?;
        let subscription = Subscription {
            person: session.person,
            credential: session.credential,
            url: text(&input, "endpoint")?.to_owned(),
            receiver: Receiver { p256dh, auth },
        };
        app.run(move |app| app.ledger().subscribe(&subscription)).await?;
        Ok(Json::object([("subscribed", Json::from(true))]))
    })
    .await
}

async fn unsubscribe(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    reply(async {
        let session = signed_in(&app, &headers).await?;
        let input = read(body, &["endpoint"])?;
        let url = text(&input, "endpoint")?.to_owned();
        app.run(move |app| app.ledger().unsubscribe(&session.person, &url)).await?;
        Ok(Json::object([("subscribed", Json::from(false))]))
    })
    .await
}

/// Whoever is signed in, whatever their roles: everybody is told of a recovery.
async fn signed_in(app: &App, headers: &HeaderMap) -> Result<Session, Fault> {
    match caller(app, headers).await? {
        Some(Caller::Person(session)) => Ok(session),
        Some(Caller::Token { .. }) => {
            Err(Fault::forbidden("http.forbidden", "a browser belongs to a person"))
        }
        None => Err(Fault::unauthorized()),
    }
}

fn read(body: Result<Bytes, BytesRejection>, members: &[&str]) -> Result<Json, Fault> {
    let bytes = body.map_err(|_| Fault::too_large())?;
    let json = json::parse_limited(&bytes, MAX_BODY)
        .map_err(|e| Fault::bad_request(format!("the body is not acceptable JSON: {e}")))?;
    let known = |(name, _): &(String, Json)| members.contains(&name.as_str());
    match json.as_object() {
        Some(object) if object.iter().all(known) => Ok(json),
        _ => Err(Fault::bad_request(format!("the members are {}", members.join(", ")))),
    }
}

fn text<'a>(input: &'a Json, name: &str) -> Result<&'a str, Fault> {
    let value = input.get(name).and_then(Json::as_str).filter(|text| text.len() <= MAX_URL);
    value.ok_or_else(|| Fault::bad_request(format!("`{name}` is missing or too long")))
}

async fn reply(answer: impl Future<Output = Result<Json, Fault>>) -> Response {
    match answer.await {
        Ok(json) => {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (headers, jcs::to_bytes(&json)).into_response()
        }
        Err(fault) => fault.response(PATH),
    }
}
