//! The layer before an axum service, and the examples.

mod common;
mod enforcing;

#[allow(dead_code)] // Their `main` is for people.
#[path = "../examples/axum.rs"]
mod axum_example;
#[allow(dead_code)]
#[path = "../examples/enforce.rs"]
mod enforce_example;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::routing::any;
use common::*;
use enforcing::*;
use placet_ledger::service::{RequestEvent, RequestState};
use placet_pep::enforce::{
    Challenge, Challenged, Challenging, EnforceError, EnforceLayer, Enforcer, Requestable, Tasks,
};
use placet_proto::document::OutcomeResult;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tower::ServiceExt as _;

/// What reached the service behind the layer.
type Reached = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

fn api(layer: EnforceLayer, status: StatusCode) -> (Router, Reached) {
    let reached = Reached::default();
    let seen = Arc::clone(&reached);
    let handler = async move |headers: HeaderMap, body: Bytes| {
        seen.lock().unwrap().push((headers, body));
        status
    };
    (Router::new().route("/{*path}", any(handler)).layer(layer), reached)
}

/// Maps `POST /NAME/ID` to an action on a user.
fn layer(enforcer: Enforcer) -> EnforceLayer {
    EnforceLayer::new(enforcer, |parts, _| {
        let mut path = parts.uri.path().split('/').skip(1);
        let (Some(name), Some(id), None) = (path.next(), path.next(), path.next()) else {
            return Err(EnforceError::Unmapped("no such route"));
        };
        let mut asked = disable(id);
        let described = EnforceLayer::described(parts, &["X-Mode"])?;
        let described = String::from_utf8(placet_proto::jcs::to_bytes(&described)).unwrap();
        asked["action"] = json!({"name": name});
        asked["action"]["properties"] = serde_json::from_str::<Value>(&described).unwrap();
        Ok(action(&asked))
    })
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

async fn send(api: &Router, path: &str, body: &'static str, headers: &[(&str, &str)]) -> Got {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Got { status: parts.status, headers: parts.headers, body }
}

/// The next request that is opened.
async fn opened(mut events: Receiver<RequestEvent>) -> String {
    loop {
        let event = events.recv().await.unwrap();
        if event.state == RequestState::Open {
            return event.request;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_permitted_is_forwarded_as_it_was_hashed() {
    let web = Web::new();
    let (api, reached) = api(layer(Enforcer::new(embedded(&web))), StatusCode::OK);
    let got = send(&api, "/read_user/X0001", "{\"a\": 1}", &[("x-other", "kept")]).await;
    assert_eq!(got.status, StatusCode::OK);
    let reached = reached.lock().unwrap();
    let (headers, body) = &reached[0];
    assert_eq!((reached.len(), &body[..]), (1, &b"{\"a\": 1}"[..]));
    assert_eq!(
        (&headers["x-other"], &headers["content-length"]),
        (&"kept".parse().unwrap(), &"8".parse().unwrap())
    );
    let raw = web.last_decision();
    assert_eq!(raw.action.name(), "read_user");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_an_approval_is_told_as_a_task_and_forwarded_once_after_it() {
    let mut web = Web::new();
    let (api, reached) = api(layer(Enforcer::new(embedded(&web))), StatusCode::IM_A_TEAPOT);
    let path = "/disable_user/X0001";
    let asked = send(&api, path, "{\"a\":1}", &[]).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.body);
    assert_eq!(asked.headers["content-type"], "application/problem+json");
    assert_eq!(asked.headers["retry-after"], "2");
    assert_eq!(asked.body["code"], "enforce.waiting");
    let id = asked.body["task"]["id"].as_str().unwrap().to_owned();
    assert!(asked.body["task"]["answer_by"].is_string());
    // The page for approvers is none of the client's business.
    assert!(!asked.body.to_string().contains("/approve/"));
    // The same request has the same task.
    assert_eq!(send(&api, path, "{\"a\":1}", &[]).await.body["task"]["id"], id.as_str());
    web.answer(&id, false);

    // Another body, query, bound header or method is another request: it waits for itself.
    for (path, body, headers) in [
        (path, "{\"a\":2}", &[][..]),
        ("/disable_user/X0001?force", "{\"a\":1}", &[]),
        (path, "{\"a\":1}", &[("x-mode", "force")]),
        ("/disable_user/X0002", "{\"a\":1}", &[]),
    ] {
        let other = send(&api, path, body, headers).await;
        assert_eq!(other.body["code"], "enforce.waiting", "{}", other.body);
        assert_ne!(other.body["task"]["id"], id.as_str());
    }
    assert!(reached.lock().unwrap().is_empty());
    let ran = send(&api, path, "{\"a\":1}", &[]).await;
    assert_eq!(ran.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(reached.lock().unwrap().len(), 1);
    let told = outcome(&web, &id).unwrap();
    assert_eq!((told.result, told.detail.as_str()), (OutcomeResult::Failure, "HTTP 418"));
    // Spent.
    let again = send(&api, path, "{\"a\":1}", &[]).await;
    assert_eq!(again.body["code"], "enforce.waiting");
    assert_ne!(again.body["task"]["id"], id.as_str());
    assert_eq!(reached.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_can_be_held_while_a_person_answers() {
    let mut web = Web::new();
    let patience = Duration::from_secs(60);
    let held = layer(Enforcer::new(embedded(&web))).challenge(Tasks { patience });
    let (api, reached) = api(held, StatusCode::OK);
    for denial in [false, true] {
        let events = web.ledger.events();
        let sent = api.clone();
        let call = tokio::spawn(async move { send(&sent, "/disable_user/X1", "{}", &[]).await });
        let id = opened(events).await;
        web.answer(&id, denial);
        let got = call.await.unwrap();
        match denial {
            false => assert_eq!(got.status, StatusCode::OK),
            true => {
                assert_eq!(got.status, StatusCode::FORBIDDEN);
                assert_eq!(got.body["code"], "enforce.denied");
                assert_eq!(got.body["detail"], "denied");
            }
        }
    }
    assert_eq!(reached.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_unmapped_or_too_long_does_not_pass() {
    let web = Web::new();
    let (api, reached) = api(layer(Enforcer::new(embedded(&web))).limit(8), StatusCode::OK);
    for (path, body, status, code) in [
        ("/delete_user/X0001", "{}", StatusCode::FORBIDDEN, "enforce.denied"),
        ("/nowhere", "{}", StatusCode::FORBIDDEN, "enforce.unmapped"),
        ("/read_user/X0001", "123456789", StatusCode::PAYLOAD_TOO_LARGE, "enforce.too_large"),
    ] {
        let got = send(&api, path, body, &[]).await;
        assert_eq!((got.status, &got.body["code"]), (status, &json!(code)), "{path}");
        assert_eq!(got.headers[header::CACHE_CONTROL], "no-store");
    }
    let binary = Request::post("/read_user/X1").header("x-mode", &b"\xff"[..]);
    let got = api.clone().oneshot(binary.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(got.status(), StatusCode::FORBIDDEN);
    assert!(reached.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_ledger_nothing_passes() {
    let web = Web::new();
    for (fault, status) in [
        (Fault::Unreached, StatusCode::SERVICE_UNAVAILABLE),
        (Fault::Hangs, StatusCode::SERVICE_UNAVAILABLE),
        (Fault::Says(json!({"decision": "yes"})), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let between = Between::new(embedded(&web), move |_, _| fault.clone());
        let enforcer = Enforcer::with_settings(between, impatient());
        let (api, reached) = api(layer(enforcer), StatusCode::OK);
        let got = send(&api, "/read_user/X0001", "{}", &[]).await;
        assert_eq!(got.status, status);
        assert_eq!(got.headers["retry-after"], "2");
        // What the ledger said, or did not, is not the client's business.
        assert_eq!(got.body["detail"], "no decision could be had");
        assert!(reached.lock().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_ends_with_an_outcome_whoever_leaves() {
    for panics in [false, true] {
        let mut web = Web::new();
        let (began, begins) = tokio::sync::oneshot::channel::<()>();
        let (go_on, goes_on) = tokio::sync::oneshot::channel::<()>();
        let once = Arc::new(Mutex::new(Some((began, goes_on))));
        let handler = async move || {
            let (began, goes_on) = once.lock().unwrap().take().unwrap();
            began.send(()).unwrap();
            goes_on.await.unwrap();
            assert!(!panics, "in the middle of a request");
        };
        let routes = Router::new().route("/{*path}", any(handler));
        let api = routes.layer(layer(Enforcer::new(embedded(&web))));
        let asked = send(&api, "/disable_user/X0001", "{}", &[]).await;
        let id = asked.body["task"]["id"].as_str().unwrap().to_owned();
        web.answer(&id, false);
        let client = tokio::spawn(async move {
            send(&api, "/disable_user/X0001", "{}", &[]).await;
        });
        begins.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        let expected = if panics { OutcomeResult::Unknown } else { OutcomeResult::Success };
        assert_eq!(outcome_comes(&web, &id).await.result, expected);
    }
}

/// RFC 9470's answer in place of a task.
struct StepUp;

impl Challenge for StepUp {
    fn challenge<'a>(
        &'a self,
        parts: &'a axum::http::request::Parts,
        requestable: Requestable,
    ) -> Challenging<'a> {
        Box::pin(async move {
            assert_eq!(parts.method, "POST");
            let words = format!("Bearer error=\"{}\"", requestable.evaluation_id());
            let response = Response::builder().status(401).header("www-authenticate", words);
            Ok(Challenged::Answer(response.body(Body::empty()).unwrap()))
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_an_approval_is_asked_for_can_be_another_protocol() {
    let web = Web::new();
    let layer = layer(Enforcer::new(embedded(&web))).challenge(StepUp);
    let (api, reached) = api(layer, StatusCode::OK);
    let got = send(&api, "/disable_user/X0001", "{}", &[]).await;
    assert_eq!(got.status, StatusCode::UNAUTHORIZED);
    let words = got.headers["www-authenticate"].to_str().unwrap();
    assert!(words.contains(&web.last_decision().request), "{words}");
    assert!(reached.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_do_what_they_say() {
    let mut web = Web::new();
    let served = Served::start(&web).await;
    let (url, file) = (served.url.clone(), token_file(&web));
    let events = web.ledger.events();
    let example = tokio::spawn(async move {
        let file = file.to_str().unwrap();
        enforce_example::disable_user(&url, file, "X0001").await.map_err(|e| e.to_string())
    });
    let id = opened(events).await;
    web.answer(&id, false);
    assert_eq!(example.await.unwrap(), Ok(()));
    assert_eq!(outcome(&web, &id).unwrap().result, OutcomeResult::Success);

    let api = axum_example::api(Enforcer::new(served.remote(&web)));
    let asked = send(&api, "/users/X0001/disable", "{}", &[]).await;
    let id = asked.body["task"]["id"].as_str().unwrap().to_owned();
    web.answer(&id, false);
    assert_eq!(send(&api, "/users/X0001/disable", "{}", &[]).await.status, StatusCode::OK);
    assert_eq!(outcome(&web, &id).unwrap().result, OutcomeResult::Success);
    served.stop().await;
}
