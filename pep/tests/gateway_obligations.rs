//! What a policy wants beyond yes and no, at the HTTP gateway: another sign-in, a rate, narrow
//! parameters, members that the caller does not see. What is not carried out is a denial.

mod common;
mod enforcing;
mod gatewaying;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use common::{Web, files};
use enforcing::{embedded, outcome};
use gatewaying::*;
use placet_ledger::http;
use placet_pep::enforce::Enforcer;
use placet_pep::gateway::Gateway;
use placet_pep::gateway::config::Config;
use placet_pep::identity::{Answer, Identify, Identity, IdentityError, Presented, Proof};
use placet_pep::policy::PolicyFiles;
use placet_proto::document::OutcomeResult;
use placet_proto::json::{self, Json};
use tokio::net::TcpListener;

const READ: &str = "GET /users/7";
const DISABLE: &str = "POST /users/X0001/disable";

/// A ledger whose policy permits reading with these annotations, and disabling with them once a
/// person has approved.
fn annotated(annotations: &str) -> Web {
    let mut all = files(&policy());
    let cedar = String::from_utf8(all["policies.cedar"].clone()).unwrap();
    let cedar = cedar.replace("@id(\"support-bot", &format!("{annotations}\n@id(\"support-bot"));
    let cedar = cedar.replace("@id(\"disable-", &format!("{annotations}\n@id(\"disable-"));
    assert_eq!(cedar.matches(annotations).count(), 2);
    all.insert("policies.cedar".to_owned(), cedar.into_bytes());
    let mut web = Web::new();
    web.set_policy(&PolicyFiles::from_files(all).unwrap()).unwrap();
    web
}

async fn before(web: &Web, upstream: &str) -> String {
    serve(&gateway(Enforcer::new(embedded(web)), &table(upstream, ""))).await
}

/// An API whose answers have what a caller must not see, in forms that can be read and in others.
async fn talkative() -> (String, Hits) {
    async fn answer(State(hits): State<Hits>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let (method, target) = (parts.method.to_string(), parts.uri.path().to_owned());
        let body = axum::body::Bytes::new();
        hits.lock().unwrap().push(Hit { method, target, headers: parts.headers, body });
        let user = r#"{"data": [{"id": 7, "Email": "ann@example.com"}], "email": null}"#;
        let json = ("content-type", "application/json; charset=utf-8");
        match parts.uri.path() {
            "/users/html" => ([("content-type", "text/html")], user).into_response(),
            "/users/none" => user.into_response(),
            "/users/packed" => ([json, ("content-encoding", "br")], user).into_response(),
            "/users/cut" => ([json], r#"{"email": "ann@example"#).into_response(),
            "/users/long" => {
                let long = format!("{user}{}", " ".repeat(1 << 20));
                ([json], long).into_response()
            }
            "/users/part" => (StatusCode::PARTIAL_CONTENT, [json], user).into_response(),
            "/users/patch" => {
                let patch = r#"[{"op": "add", "path": "/email", "value": "ann@example.com"}]"#;
                ([("content-type", "application/json-patch+json")], patch).into_response()
            }
            "/users/page" => {
                (StatusCode::NOT_FOUND, [("content-type", "text/html")], "none").into_response()
            }
            "/users/empty" => StatusCode::NO_CONTENT.into_response(),
            "/users/wrong" => (StatusCode::BAD_REQUEST, [json], user).into_response(),
            _ => ([json, ("etag", "\"1\""), ("x-api", "yes")], user).into_response(),
        }
    }
    let hits = Hits::default();
    let router = Router::new().fallback(answer).with_state(Arc::clone(&hits));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(http::serve(listener, router, std::future::pending()));
    (address, hits)
}

// SPEC.md R-10-149.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_redacted_is_not_in_the_answer_or_there_is_none() {
    let web = annotated("@redact(\"resource.email\")");
    let (upstream, hits) = talkative().await;
    let address = before(&web, &upstream).await;
    let shown = call(&address, READ, &[("Accept-Encoding", "gzip, br")], "").await;
    assert_eq!((shown.status, shown.body.as_str()), (200, r#"{"data":[{"id":7}]}"#), "{shown:?}");
    assert_eq!((shown.header("etag"), shown.header("x-api")), (None, Some("yes")));
    let asked = hits.lock().unwrap().pop().unwrap();
    assert_eq!(asked.headers["accept-encoding"], "identity");
    let wrong = call(&address, "GET /users/wrong", &[], "").await;
    assert_eq!((wrong.status, wrong.body.contains("ann@")), (400, false));
    assert_eq!(call(&address, "GET /users/empty", &[], "").await.status, 204);
    for way in ["html", "none", "packed", "cut", "long", "part", "patch"] {
        let said = call(&address, &format!("GET /users/{way}"), &[], "").await;
        assert_eq!((said.status, said.code().as_str()), (502, "gateway.withheld"), "{way}");
        assert!(!said.body.contains("ann@example"), "{way}");
    }
    // Who is told nothing of the answer is told its status: a call that failed may be repeated.
    let page = call(&address, "GET /users/page", &[], "").await;
    assert_eq!((page.status, page.body.contains("HTTP 404")), (502, true), "{page:?}");
}

// SPEC.md R-10-142, R-10-149.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_header_is_not_changed_so_that_an_answer_can_be_redacted() {
    let web = annotated("@redact(\"resource.email\")");
    let (upstream, hits) = talkative().await;
    let bound = "query = [\"fields\"]\nbind = [\"accept-encoding\"]";
    let table = table(&upstream, "").replace("query = [\"fields\"]", bound);
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table)).await;
    for headers in [&[("Accept-Encoding", "gzip")][..], &[]] {
        let said = call(&address, READ, headers, "").await;
        assert_eq!((said.status, said.code().as_str()), (403, "gateway.denied"), "{headers:?}");
    }
    assert!(hits.lock().unwrap().is_empty());
    let said = call(&address, READ, &[("Accept-Encoding", "identity")], "").await;
    assert_eq!((said.status, said.body.as_str()), (200, r#"{"data":[{"id":7}]}"#), "{said:?}");
}

// SPEC.md R-10-147, R-10-149.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_withheld_stands_on_record_as_what_was_done() {
    let mut web = annotated("@redact(\"resource.email\")");
    let (upstream, hits) = api().await;
    let address = before(&web, &upstream).await;
    let request = call(&address, DISABLE, &[], "").await.request();
    web.answer(&request, false);
    let named = [("Placet-Request", request.as_str())];
    // It answers in plain text.
    let said = call(&address, DISABLE, &named, "").await;
    assert_eq!((said.status, said.code().as_str()), (502, "gateway.withheld"));
    assert_eq!(said.header("placet-request"), Some(request.as_str()));
    let recorded = outcome(&web, &request).unwrap();
    assert_eq!(recorded.result, OutcomeResult::Success);
    assert_eq!(recorded.detail, "HTTP 200; its answer is withheld: it is no JSON in UTF-8");
    assert_eq!(call(&address, DISABLE, &named, "").await.status, 403, "it is spent");
    assert_eq!(hits.lock().unwrap().len(), 1);
}

// SPEC.md R-10-147.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_here_can_do_is_a_denial() {
    let web = annotated("@notify(\"security\")");
    let (upstream, hits) = api().await;
    let address = before(&web, &upstream).await;
    let said = call(&address, READ, &[], "").await;
    assert_eq!((said.status, said.code().as_str()), (403, "gateway.denied"));
    assert!(said.body.contains("obligation_unsupported"), "{said:?}");
    assert!(hits.lock().unwrap().is_empty());

    // Where another server forwards the call its answer is not seen here.
    let web = annotated("@redact(\"resource.email\")");
    let more = "forward_auth = \"nginx\"\nfront_hosts = [\"api.example\"]";
    let gateway = gateway(Enforcer::new(embedded(&web)), &table(&upstream, more));
    let address = serve(&gateway).await;
    let asks = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/users/7"),
        ("X-Original-Host", "api.example"),
    ];
    let said = call(&address, "GET /.placet/authorize", &asks, "").await;
    assert_eq!((said.status, said.code().as_str()), (403, "gateway.denied"), "{said:?}");
}

// SPEC.md R-10-147.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_for_each_subject_and_action_and_spends_nothing() {
    let mut web = annotated("@rate_limit(\"2/1h\")");
    let (upstream, hits) = api().await;
    let address = before(&web, &upstream).await;
    for _ in 0..2 {
        assert_eq!(call(&address, READ, &[], "").await.status, 200);
    }
    let over = call(&address, "GET /users/8", &[], "").await;
    assert_eq!((over.status, over.code().as_str()), (429, "gateway.rate"));
    let again: u64 = over.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=225).contains(&again), "{again}");
    assert_eq!(hits.lock().unwrap().drain(..).count(), 2);

    // Another action has a rate of its own; a call that is too much spends no approval.
    let mut asked = Vec::new();
    for id in ["X1", "X2", "X3"] {
        let line = format!("POST /users/{id}/disable");
        let request = call(&address, &line, &[], "").await.request();
        web.answer(&request, false);
        let said = call(&address, &line, &[("Placet-Request", request.as_str())], "").await;
        asked.push((said.status, web.ledger.row(&request).unwrap().execution.is_some()));
    }
    assert_eq!(asked, [(200, true), (200, true), (429, false)]);
    assert_eq!(hits.lock().unwrap().len(), 2);
}

// SPEC.md R-10-147.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_narrow_already_or_is_told_what_is_missing() {
    let web = annotated("@narrow(\"limit=50\")");
    let (upstream, hits) = api().await;
    let table = table(&upstream, "")
        .replace("query = [\"fields\"]", "parameters = { limit = \"{query.limit?}\" }");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table)).await;
    for wide in [READ, "GET /users/7?limit=51", "GET /users/7?limit=500"] {
        let said = call(&address, wide, &[], "").await;
        assert_eq!((said.status, said.code().as_str()), (403, "gateway.narrow"), "{wide}");
        assert!(said.body.contains("limit"));
    }
    assert_eq!(call(&address, "GET /users/7?limit=50", &[], "").await.status, 200);
    let hit = hits.lock().unwrap().pop().unwrap();
    assert_eq!((hit.target.as_str(), hits.lock().unwrap().len()), ("/users/7?limit=50", 0));
}

/// Callers whose tokens say how their subject signed in: the secret is the claims.
struct Claiming;

impl Identify for Claiming {
    fn identify<'a>(&'a self, presented: Presented<'a>) -> Answer<'a> {
        Box::pin(async move {
            let given = presented.headers.get("authorization").and_then(|v| v.to_str().ok());
            let claims = match given {
                Some("Bearer strong") => r#"{"acr":"urn:example:loa:3","amr":["hwk","mfa"]}"#,
                Some("Bearer weak") => r#"{"acr":"urn:example:loa:1","amr":["pwd"]}"#,
                _ => return Err(IdentityError::Missing),
            };
            Ok(Identity {
                source: "corp".to_owned(),
                kind: "agent".to_owned(),
                id: "support-bot".to_owned(),
                properties: Json::Object(Vec::new()),
                client_id: None,
                proof: Proof::Bearer,
                expires: None,
                claims: json::parse(claims.as_bytes()).unwrap(),
            })
        })
    }
}

// SPEC.md R-10-148.
#[tokio::test(flavor = "multi_thread")]
async fn a_stronger_sign_in_is_asked_for_before_anything_is_spent() {
    let mut web = annotated("@step_up(\"urn:example:loa:3 mfa\")");
    let (upstream, hits) = api().await;
    let config = Config::parse(&table(&upstream, ""), Path::new("gateway.toml")).unwrap();
    let enforcer = Enforcer::new(embedded(&web));
    let gateway = Gateway::new(config, enforcer, Arc::new(Claiming), None).unwrap();
    let address = serve(&gateway).await;
    let (weak, strong) = (("Authorization", "Bearer weak"), ("Authorization", "Bearer strong"));
    let asked = |said: &Said| {
        assert_eq!((said.status, said.code().as_str()), (401, "gateway.step_up"), "{said:?}");
        assert_eq!(
            said.header("www-authenticate"),
            Some(
                "Bearer error=\"insufficient_user_authentication\", \
                 acr_values=\"urn:example:loa:3\""
            )
        );
        assert!(said.body.contains("by mfa"), "{said:?}");
    };
    asked(&call(&address, READ, &[weak], "").await);
    assert_eq!(call(&address, READ, &[strong], "").await.status, 200);
    assert_eq!(hits.lock().unwrap().drain(..).count(), 1);

    let request = call(&address, DISABLE, &[weak], "").await.request();
    web.answer(&request, false);
    let named = ("Placet-Request", request.as_str());
    asked(&call(&address, DISABLE, &[weak, named], "").await);
    assert!(web.ledger.row(&request).unwrap().execution.is_none(), "nothing was spent");
    assert_eq!(call(&address, DISABLE, &[strong, named], "").await.status, 200);
    assert_eq!(hits.lock().unwrap().len(), 1);

    // A denial that a sign-in could change says so to those who had none.
    let mut all = files(&policy());
    let cedar = "@id(\"night\") @step_up(\"urn:example:loa:3\")\n\
                 forbid (principal, action == Action::\"read_user\", resource);";
    all.insert("policies.cedar".to_owned(), cedar.as_bytes().to_vec());
    web.set_policy(&PolicyFiles::from_files(all).unwrap()).unwrap();
    let said = call(&address, READ, &[weak], "").await;
    assert_eq!((said.status, said.code().as_str()), (401, "gateway.step_up"));
    let said = call(&address, READ, &[strong], "").await;
    assert_eq!((said.status, said.code().as_str()), (403, "gateway.denied"));
}
