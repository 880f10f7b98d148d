//! The AuthZEN working group's certification scenario for the Authorization API 1.0, over HTTP, by
//! the numbers of its sections; what the OpenID Foundation's conformance suite asks beyond it; and
//! the working group's interoperability scenarios of searches and API gateways.

mod common;

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use common::*;
use placet_ledger::service::Scope;
use placet_pep::policy::PolicyFiles;
use serde_json::{Value, json};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";

fn folder(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authzen")).join(name)
}

fn under(name: &str) -> Web {
    let mut web = Web::new();
    web.set_policy(&PolicyFiles::read(&folder(name)).unwrap()).unwrap();
    web
}

fn cases(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder(path)).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["evaluation"].as_array().unwrap().clone()
}

fn ask(subject: Value, action: Value, resource: Value) -> Value {
    json!({"subject": subject, "action": action, "resource": resource})
}

fn alice() -> Value {
    json!({"type": "user", "id": "alice"})
}

fn bob() -> Value {
    json!({"type": "user", "id": "bob"})
}

fn admin() -> Value {
    json!({"type": "user", "id": "bob", "properties": {"role": "admin"}})
}

fn record(n: u8) -> Value {
    json!({"type": "record", "id": format!("record-{n}")})
}

fn with_status(n: u8, status: &str) -> Value {
    json!({"type": "record", "id": format!("record-{n}"), "properties": {"status": status}})
}

fn name(name: &str) -> Value {
    json!({"name": name})
}

fn delete(soft: bool) -> Value {
    json!({"name": "delete", "properties": {"soft": soft}})
}

fn context() -> Value {
    json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"})
}

/// `base` with further members.
fn and(mut base: Value, more: Value) -> Value {
    let members = more.as_object().unwrap().clone();
    base.as_object_mut().unwrap().extend(members);
    base
}

fn decisions(answer: &Value) -> Vec<bool> {
    let items = answer["evaluations"].as_array().unwrap();
    items.iter().map(|item| item["decision"].as_bool().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_2_2_requests_are_decided() {
    let web = under("certification");
    let more = ask(
        json!({"type": "user", "id": "alice",
            "properties": {"department": "Sales", "role": "manager"}}),
        json!({"name": "read", "properties": {"method": "GET"}}),
        json!({"type": "record", "id": "record-1",
            "properties": {"status": "active", "owner": "bob"}}),
    );
    let read = || ask(alice(), name("read"), record(1));
    let unknown = json!({"foo": "bar", "futureField": {"nested": true}});
    for (case, request, expected) in [
        ("2.2.1", read(), true),
        ("1.4 rule 2", ask(alice(), name("write"), record(1)), true),
        ("1.4 rule 3", ask(bob(), name("read"), record(1)), true),
        ("2.2.2", ask(bob(), name("write"), record(1)), false),
        ("2.2.3", and(read(), json!({"context": context()})), true),
        ("2.2.4", ask(alice(), name("write"), with_status(2, "archived")), false),
        ("2.2.5", ask(admin(), name("write"), with_status(2, "archived")), true),
        ("2.2.6", ask(alice(), delete(true), record(1)), true),
        ("2.2.7", ask(alice(), delete(false), record(1)), false),
        ("2.2.8", more, true),
        ("2.2.9", and(read(), unknown), true),
    ] {
        // 2.6: the same again and again.
        for _ in 0..3 {
            let answer = web.post(EVALUATION, &request).await;
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{case}");
            let answer = answer.ok();
            assert_eq!(answer["decision"], json!(expected), "{case}: {answer}");
            assert!(answer.get("context").is_none_or(Value::is_object), "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_2_4_what_is_no_request_is_400() {
    let web = under("certification");
    let good = ask(alice(), name("read"), record(1));
    let mut bad = Vec::new();
    for (part, members) in
        [("subject", &["type", "id"][..]), ("action", &["name"]), ("resource", &["type", "id"])]
    {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(part);
        bad.push(without);
        for member in members {
            let mut without = good.clone();
            without[part].as_object_mut().unwrap().remove(*member);
            bad.push(without);
            let mut wrong = good.clone();
            wrong[part][member] = json!(123);
            bad.push(wrong);
        }
        let mut wrong = good.clone();
        wrong[part] = json!("alice");
        bad.push(wrong);
    }
    bad.push(json!([good]));
    bad.push(json!("text"));
    bad.push(json!({}));
    for body in &bad {
        for path in [EVALUATION, EVALUATIONS] {
            let answer = web.post(path, body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body}");
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        }
    }
    for body in ["", "{", "null", "{\"subject\":", "\u{feff}{}"] {
        for path in [EVALUATION, EVALUATIONS, SUBJECTS, RESOURCES, ACTIONS] {
            let answer = raw(&web, Method::POST, path, "application/json", body, &[]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {body:?}");
        }
    }
}

/// A request with these headers and no others, but for the token.
async fn raw(
    web: &Web,
    method: Method,
    path: &str,
    media: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost:8420")
        .header(header::AUTHORIZATION, format!("Bearer {}", web.token));
    if !media.is_empty() {
        request = request.header(header::CONTENT_TYPE, media);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    web.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_2_4_3_content_types_and_methods() {
    let web = under("certification");
    let evaluation = ask(alice(), name("read"), record(1)).to_string();
    let search = ask(json!({"type": "user"}), name("read"), record(1)).to_string();
    for (path, body) in [(EVALUATION, &evaluation), (EVALUATIONS, &evaluation), (SUBJECTS, &search)]
    {
        for media in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            let answer = raw(&web, Method::POST, path, media, body, &[]).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {media}");
        }
        for media in ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""] {
            let answer = raw(&web, Method::POST, path, media, body, &[]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {media}");
        }
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = raw(&web, method.clone(), path, "application/json", body, &[]).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    let unknown = raw(&web, Method::POST, "/access/v1/none", "application/json", "{}", &[]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_2_5_and_credentials() {
    let web = under("certification");
    let body = ask(alice(), name("read"), record(1)).to_string();
    let search = ask(json!({"type": "user"}), name("read"), record(1)).to_string();
    for (path, body) in [(EVALUATION, &body), (EVALUATIONS, &body), (SUBJECTS, &search)] {
        let headers = [("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716")];
        let answer = raw(&web, Method::POST, path, "application/json", body, &headers).await;
        assert_eq!(answer.headers["x-request-id"], headers[0].1);
        let bad = raw(&web, Method::POST, path, "application/json", "{", &headers).await;
        assert_eq!(
            (bad.status, &bad.headers["x-request-id"]),
            (StatusCode::BAD_REQUEST, &answer.headers["x-request-id"])
        );
        for credentials in [None, Some("Bearer nonsense"), Some("Basic YTpi")] {
            let mut request = Request::post(path)
                .header(header::HOST, "localhost:8420")
                .header(header::CONTENT_TYPE, "application/json");
            if let Some(credentials) = credentials {
                request = request.header(header::AUTHORIZATION, credentials);
            }
            let answer = web.send(request.body(Body::from(body.clone())).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {credentials:?}");
            assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
        }
        let (ledger, scopes) = (&web.ledger, [Scope::Search, Scope::EvidenceRead]);
        let made = ledger.access().create_token("other", &scopes, None, ledger.now()).unwrap();
        let request = Request::post(path)
            .header(header::HOST, "localhost:8420")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", made.1));
        let answer = web.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_3_2_items_are_decided_in_order() {
    let web = under("certification");
    for (case, request, expected) in [
        (
            "3.2.1",
            json!({"subject": alice(), "action": name("read"),
                "evaluations": [{"resource": record(1)}, {"resource": record(2)}]}),
            vec![true, true],
        ),
        (
            "3.2.2",
            json!({"subject": bob(), "resource": record(1),
                "evaluations": [{"action": name("read")}, {"action": name("write")}]}),
            vec![true, false],
        ),
        (
            "3.2.3",
            json!({"subject": alice(), "action": name("write"), "evaluations": [
                {"resource": with_status(1, "active")}, {"resource": with_status(2, "archived")}]}),
            vec![true, false],
        ),
        (
            "3.2.4",
            json!({"action": name("write"), "resource": with_status(2, "archived"),
                "evaluations": [{"subject": alice()}, {"subject": admin()}]}),
            vec![false, true],
        ),
        (
            "3.2.5",
            json!({"evaluations": [ask(alice(), name("read"), record(1)),
                ask(bob(), name("write"), record(1))]}),
            vec![true, false],
        ),
        (
            "3.2.6",
            json!({"subject": alice(), "action": name("read"), "context": context(),
                "evaluations": [{"resource": record(1)}, {"resource": record(2),
                "context": {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}}]}),
            vec![true, true],
        ),
        (
            "3.2.7",
            json!({"subject": alice(), "action": name("write"),
                "resource": with_status(1, "active"),
                "evaluations": [{}, {"resource": with_status(2, "archived")}]}),
            vec![true, false],
        ),
        (
            "3.4.1",
            json!({"subject": alice(), "action": name("read"),
                "options": {"evaluations_semantic": "execute_all"},
                "evaluations": [{"resource": record(1)}, {}]}),
            vec![true, false],
        ),
    ] {
        let answer = web.post(EVALUATIONS, &request).await.ok();
        assert_eq!(decisions(&answer), expected, "{case}: {answer}");
        assert!(answer.get("decision").is_none(), "{case}");
        if case == "3.4.1" {
            assert_eq!(answer["evaluations"][1]["context"]["error"]["status"], 400);
        }
    }
    let single = ask(alice(), name("read"), record(1));
    for (case, more) in [("3.4.2", json!({})), ("3.4.3", json!({"evaluations": []}))] {
        let answer = web.post(EVALUATIONS, &and(single.clone(), more)).await.ok();
        assert_eq!(answer["decision"], true, "{case}");
        assert!(answer.get("evaluations").is_none(), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_end_where_their_semantic_says() {
    let web = under("certification");
    let batch = |semantic: Value| {
        json!({"subject": alice(), "options": {"evaluations_semantic": semantic},
            "resource": with_status(2, "archived"),
            "evaluations": [{"action": name("read")}, {"action": name("write")},
                {"action": name("read")}, {"action": name("write")}]})
    };
    for (semantic, expected) in [
        ("execute_all", vec![true, false, true, false]),
        ("deny_on_first_deny", vec![true, false]),
        ("permit_on_first_permit", vec![true]),
    ] {
        let before = web.ledger.log(placet_ledger::LogId::Main).size();
        let answer = web.post(EVALUATIONS, &batch(json!(semantic))).await.ok();
        assert_eq!(decisions(&answer), expected, "{semantic}");
        // What is not answered was not decided.
        let recorded = web.ledger.log(placet_ledger::LogId::Main).size() - before;
        assert_eq!(recorded, expected.len() as u64, "{semantic}");
    }
    for unknown in [json!("any"), json!(1), Value::Null] {
        let answer = web.post(EVALUATIONS, &batch(unknown.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{unknown}");
        assert_eq!(answer.body["code"], "authzen.semantic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_are_merged_as_the_setting_says() {
    // The conformance suite: a default fills the type that an item leaves out.
    let batch = json!({"subject": alice(), "action": name("write"), "resource": {"type": "record"},
        "evaluations": [{"resource": {"id": "record-1"}}, {"resource": {"id": "record-2"}}]});
    let web = under("certification");
    let filled = web.post(EVALUATIONS, &batch).await.ok();
    assert_eq!(decisions(&filled), [true, false]);
    assert!(filled["evaluations"][1]["context"].get("error").is_none());
    // The scenario: an item's object is complete or it is none.
    let mut web = Web::with(|config| config.strict_defaults = true);
    web.set_policy(&PolicyFiles::read(&folder("certification")).unwrap()).unwrap();
    let strict = web.post(EVALUATIONS, &batch).await.ok();
    assert_eq!(decisions(&strict), [false, false]);
    assert_eq!(strict["evaluations"][0]["context"]["error"]["status"], 400);
    // Whatever the setting, properties are never filled in.
    let batch = json!({"subject": admin(), "action": name("write"),
        "resource": with_status(3, "archived"),
        "evaluations": [{"resource": {"type": "record", "id": "record-3"}}, {}]});
    assert_eq!(decisions(&web.post(EVALUATIONS, &batch).await.ok()), [false, true]);
}

fn found(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap().iter();
    let id = |r: &Value| r.get("id").or(r.get("name")).unwrap().as_str().unwrap().to_owned();
    results.map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn search_4_2_to_4_4_finds_what_is_permitted() {
    let web = under("certification");
    let (user, some) = (json!({"type": "user"}), json!({"type": "record"}));
    let actions = |s: Value, r: Value| json!({"subject": s, "resource": r});
    let in_context = |request: Value| and(request, json!({"context": context()}));
    let who = ask(user.clone(), name("read"), record(1));
    let what = ask(alice(), name("read"), some.clone());
    let how = actions(alice(), record(1));
    for (case, path, request, expected) in [
        ("4.2.1", SUBJECTS, who.clone(), vec!["alice", "bob"]),
        ("4.2.2", SUBJECTS, in_context(who.clone()), vec!["alice", "bob"]),
        ("4.2.3", SUBJECTS, ask(alice(), name("read"), record(1)), vec!["alice", "bob"]),
        ("4.2.4", SUBJECTS, ask(user, name("write"), with_status(2, "archived")), vec!["bob"]),
        ("4.3.1", RESOURCES, what.clone(), vec!["record-1", "record-2"]),
        ("4.3.2", RESOURCES, in_context(what.clone()), vec!["record-1", "record-2"]),
        ("4.3.3", RESOURCES, ask(alice(), name("read"), record(1)), vec!["record-1", "record-2"]),
        ("4.3.4", RESOURCES, ask(admin(), name("write"), some), vec!["record-2"]),
        ("4.4.1", ACTIONS, how.clone(), vec!["read", "write"]),
        ("4.4.2", ACTIONS, in_context(how), vec!["read", "write"]),
        ("4.4.3", ACTIONS, actions(admin(), with_status(2, "archived")), vec!["read", "write"]),
    ] {
        let before = web.ledger.log(placet_ledger::LogId::Main).size();
        let answer = web.post(path, &request).await.ok();
        assert_eq!(found(&answer), expected, "{case}: {answer}");
        assert_eq!(answer["page"]["next_token"], "", "{case}");
        for result in answer["results"].as_array().unwrap() {
            match path {
                ACTIONS => assert!(result.get("type").is_none()),
                SUBJECTS => assert_eq!(result["type"], "user"),
                _ => assert_eq!(result["type"], "record"),
            }
        }
        // Nothing is recorded by a search.
        assert_eq!(web.ledger.log(placet_ledger::LogId::Main).size(), before, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_4_6_and_4_7_the_unknown_is_empty_and_the_incomplete_400() {
    let web = under("certification");
    let nobody = json!({"type": "user", "id": "nonexistent-user"});
    let nothing = json!({"type": "record", "id": "nonexistent"});
    let ship = json!({"type": "spaceship"});
    let this_ship = json!({"type": "spaceship", "id": "x"});
    let actions = |s: &Value, r: &Value| json!({"subject": s, "resource": r});
    let (user, some) = (json!({"type": "user"}), json!({"type": "record"}));
    for (path, request) in [
        (ACTIONS, actions(&nobody, &record(1))),
        (ACTIONS, actions(&alice(), &nothing)),
        (ACTIONS, actions(&this_ship, &record(1))),
        (RESOURCES, ask(nobody, name("read"), some.clone())),
        (RESOURCES, ask(this_ship.clone(), name("read"), some.clone())),
        (RESOURCES, ask(alice(), name("read"), ship.clone())),
        (RESOURCES, ask(alice(), name("unknown"), some.clone())),
        (SUBJECTS, ask(user.clone(), name("read"), nothing)),
        (SUBJECTS, ask(ship, name("read"), record(1))),
        (SUBJECTS, ask(user.clone(), name("read"), this_ship)),
    ] {
        let answer = web.post(path, &request).await.ok();
        assert_eq!(answer["results"], json!([]), "{path} {request}");
    }
    for (path, request) in [
        (SUBJECTS, json!({"subject": user, "resource": record(1)})),
        (SUBJECTS, json!({"action": name("read"), "resource": record(1)})),
        (SUBJECTS, ask(json!({"id": "alice"}), name("read"), record(1))),
        (RESOURCES, json!({"action": name("read"), "resource": some})),
        (RESOURCES, ask(alice(), json!({}), some.clone())),
        (ACTIONS, json!({"subject": alice()})),
        (ACTIONS, json!({"resource": record(1)})),
        (SUBJECTS, ask(user.clone(), name("read"), some.clone())),
        (RESOURCES, ask(user.clone(), name("read"), some.clone())),
        (ACTIONS, actions(&user, &record(1))),
        (ACTIONS, actions(&alice(), &some)),
    ] {
        let answer = web.post(path, &request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {request}");
    }
}

// SPEC.md R-10-75.
#[tokio::test(flavor = "multi_thread")]
async fn search_4_5_pages_belong_to_one_search_under_one_policy() {
    let mut web = under("certification");
    let who = ask(json!({"type": "user"}), name("read"), record(1));
    let first = web.post(SUBJECTS, &and(who.clone(), json!({"page": {"limit": 1}}))).await.ok();
    assert_eq!((found(&first), &first["page"]["count"]), (vec!["alice".to_owned()], &json!(1)));
    let token = first["page"]["next_token"].as_str().unwrap().to_owned();
    assert!(!token.is_empty());
    let page = json!({"page": {"token": token}});
    let second = web.post(SUBJECTS, &and(who.clone(), page.clone())).await.ok();
    assert_eq!(
        (found(&second), &second["page"]["next_token"]),
        (vec!["bob".to_owned()], &json!(""))
    );
    // Of another search, of another kind, changed, or of nobody.
    let other = ask(json!({"type": "user"}), name("write"), record(1));
    let foreign = json!({"page": {"token": format!("{token}x")}});
    for (path, request) in [
        (SUBJECTS, and(other, page.clone())),
        (SUBJECTS, and(and(who.clone(), json!({"context": {}, "a": 1})), foreign)),
        (SUBJECTS, and(who.clone(), json!({"page": {"token": "2"}}))),
        (SUBJECTS, and(who.clone(), json!({"page": {"limit": -1}}))),
        (SUBJECTS, and(who.clone(), json!({"page": []}))),
        (RESOURCES, and(ask(alice(), name("read"), json!({"type": "record"})), page.clone())),
    ] {
        let answer = web.post(path, &request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{request}");
    }
    web.clock.forward(3600);
    let old = web.post(SUBJECTS, &and(who.clone(), page)).await;
    assert_eq!((old.status, &old.body["code"]), (StatusCode::BAD_REQUEST, &json!("authzen.page")));
    let first = web.post(SUBJECTS, &and(who.clone(), json!({"page": {"limit": 1}}))).await.ok();
    let page = json!({"page": {"token": first["page"]["next_token"]}});
    web.set_policy(&PolicyFiles::read(&folder("search")).unwrap()).unwrap();
    let late = web.post(SUBJECTS, &and(who, page)).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    assert!(late.body["detail"].as_str().unwrap().contains("policy changed"), "{}", late.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_6_says_what_there_is_and_signs_it() {
    let web = Web::new();
    let answer = web.get("/.well-known/authzen-configuration").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
    let plain = answer.ok();
    let base = "http://localhost:8420";
    assert_eq!(plain["policy_decision_point"], base);
    for (member, path) in [
        ("access_evaluation_endpoint", EVALUATION),
        ("access_evaluations_endpoint", EVALUATIONS),
        ("search_subject_endpoint", SUBJECTS),
        ("search_resource_endpoint", RESOURCES),
        ("search_action_endpoint", ACTIONS),
    ] {
        assert_eq!(plain[member], format!("{base}{path}"));
    }
    assert!(plain["capabilities"].as_array().unwrap().iter().all(Value::is_string));
    let token = plain["signed_metadata"].as_str().unwrap();
    let claims = web.ledger.jws_verify("placet-metadata+jwt", token).unwrap();
    let claims = String::from_utf8(placet_proto::jcs::to_bytes(&claims)).unwrap();
    let mut claims: Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["iss"], base);
    assert!(claims.as_object_mut().unwrap().remove("iat").unwrap().is_u64());
    claims.as_object_mut().unwrap().remove("iss");
    let mut rest = plain.clone();
    rest.as_object_mut().unwrap().remove("signed_metadata");
    assert_eq!(claims, rest);
    // There are no tenants.
    let tenant = web.get("/.well-known/authzen-configuration/tenant1").await;
    assert_eq!(tenant.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_scenario_has_the_expected_answers() {
    let web = under("search");
    let mut count = 0;
    for (path, file) in [
        (SUBJECTS, "search/subject.json"),
        (RESOURCES, "search/resource.json"),
        (ACTIONS, "search/action.json"),
        (RESOURCES, "search/idp.json"),
    ] {
        for case in cases(file) {
            let mut actual = found(&web.post(path, &case["request"]).await.ok());
            let mut expected = found(&case["expected"]);
            actual.sort();
            expected.sort();
            assert_eq!(actual, expected, "{path} {}", case["request"]);
            count += 1;
        }
    }
    assert_eq!(count, 60 + 18 + 120 + 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_scenario_has_the_expected_answers() {
    let web = under("gateways");
    let cases = cases("gateways/decisions.json");
    assert_eq!(cases.len(), 25);
    for case in cases {
        let answer = web.post(EVALUATION, &case["request"]).await.ok();
        assert_eq!(answer["decision"], case["expected"], "{}", case["request"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_todo_scenario_has_the_expected_answers() {
    let todo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authzen_interop"));
    let mut web = Web::new();
    web.set_policy(&PolicyFiles::read(todo).unwrap()).unwrap();
    let text = std::fs::read_to_string(todo.join("decisions-authorization-api-1_0-02.json"));
    let file: Value = serde_json::from_str(&text.unwrap()).unwrap();
    for case in file["evaluation"].as_array().unwrap() {
        let answer = web.post(EVALUATION, &case["request"]).await.ok();
        assert_eq!(answer["decision"], case["expected"], "{}", case["request"]);
    }
    for case in file["evaluations"].as_array().unwrap() {
        let answer = web.post(EVALUATIONS, &case["request"]).await.ok();
        let expected = json!({"evaluations": case["expected"]});
        assert_eq!(decisions(&answer), decisions(&expected), "{}", case["request"]);
    }
}
