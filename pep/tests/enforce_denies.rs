//! A ledger that is stopped, slow, full, killed in the middle, or that says something else than an
//! answer: nothing runs.

mod common;
mod enforcing;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use common::*;
use enforcing::*;
use placet_pep::enforce::{
    Answering, EnforceError, Enforcer, Intent, Ledger, Payload, Remote, RemoteConfig, Settings,
    Verdict,
};
use placet_pep::policy::PolicyFiles;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

async fn refused(enforcer: &Enforcer, intent: Intent) -> EnforceError {
    enforcer.enforce(intent, PATIENCE, never).await.unwrap_err()
}

// SPEC.md R-10-151.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_to_the_evaluation_nothing_runs() {
    let web = Web::new();
    let with = |fault: Fault| {
        let between = Between::new(embedded(&web), move |_, _| fault.clone());
        Enforcer::with_settings(between, impatient())
    };
    let asked = || intent(&read("X0001"));
    for (fault, code) in [
        (Fault::Unreached, "enforce.unavailable"),
        (Fault::Lost, "enforce.unavailable"),
        (Fault::Hangs, "enforce.timeout"),
    ] {
        assert_eq!(refused(&with(fault), asked()).await.code(), code);
    }
    let id = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    for nonsense in [
        json!(true),
        json!({}),
        json!({"decision": "true"}),
        json!({"decision": 1}),
        json!({"decision": true, "context": []}),
        // A permit that nothing on record stands behind.
        json!({"decision": true}),
        json!({"decision": true, "context": {}}),
        // One that rests on an approval that was not brought.
        json!({"decision": true, "context": {"evaluation_id": id, "approval": {"id": id}}}),
        json!({"decision": true, "context": {"evaluation_id": id, "approval": true}}),
        json!({"decision": false, "context": {"access_request": {}}}),
    ] {
        let error = refused(&with(Fault::Says(nonsense.clone())), asked()).await;
        assert_eq!(error.code(), "enforce.answer", "{nonsense}");
    }
    let denied = refused(&with(Fault::Says(json!({"decision": false}))), asked()).await;
    assert_eq!(denied.code(), "enforce.denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_to_be_json_to_this_call() {
    type Change = fn(Response<Bytes>) -> Response<Bytes>;
    let web = Web::new();
    let changes: [(&str, Change); 7] = [
        ("of another call", |mut r| {
            r.headers_mut().insert("x-request-id", HeaderValue::from_static("00000000"));
            r
        }),
        ("of nobody's call", |mut r| {
            r.headers_mut().remove("x-request-id");
            r
        }),
        ("of another type", |mut r| {
            r.headers_mut().insert("content-type", HeaderValue::from_static("text/html"));
            r
        }),
        ("cut", |r| r.map(|b| b.slice(..b.len() - 1))),
        ("with a member twice", |r| {
            r.map(|b| {
                let text = String::from_utf8(b.to_vec()).unwrap();
                Bytes::from(text.replacen('{', "{\"decision\":true,", 1))
            })
        }),
        ("a redirect", |mut r| {
            *r.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            r
        }),
        ("an error with a decision", |mut r| {
            *r.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            r
        }),
    ];
    for (what, change) in changes {
        let between = Between::new(embedded(&web), move |_, _| Fault::Changed(change));
        let error = refused(&Enforcer::new(between), intent(&read("X0001"))).await;
        let code = if what.contains("direct") || what.contains("error") {
            "enforce.refused"
        } else {
            "enforce.answer"
        };
        assert_eq!(error.code(), code, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_spending_has_to_name_an_execution() {
    let mut web = Web::new();
    let wanted = intent(&disable("X0001"));
    let good = json!({"index": 9, "document_sha256": "00".repeat(32)});
    for nonsense in [
        json!({}),
        json!({"repeated": false}),
        json!({"execution": good}),
        json!({"execution": good, "repeated": "false"}),
        json!({"execution": {"index": 9}, "repeated": false}),
        json!({"execution": {"index": -1, "document_sha256": "00".repeat(32)}, "repeated": false}),
        json!({"execution": {"index": 9, "document_sha256": "zz"}, "repeated": false}),
        json!({"outcome": good, "repeated": false}),
    ] {
        let said = nonsense.clone();
        let between = Between::new(embedded(&web), move |route, _| match route {
            "/v1/consume" => Fault::Says(said.clone()),
            _ => Fault::None,
        });
        let enforcer = Enforcer::new(between);
        let verdict = match enforcer.evaluate(&wanted).await.unwrap() {
            Verdict::NeedsApproval(requestable) => {
                let pending = requestable.submit().await.unwrap();
                // The first of these rounds asks, the others join what is approved.
                if web.ledger.row(pending.id()).unwrap().state.name() == "open" {
                    web.answer(pending.id(), false);
                }
                pending.wait(PATIENCE).await.unwrap()
            }
            other => other,
        };
        let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
        let error = permit.run(wanted.clone(), never).await.unwrap_err();
        assert_eq!(error.code(), "enforce.answer", "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_of_other_tasks_are_not_taken() {
    let web = Web::new();
    let other = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    let approval = json!({"id": other, "approved_until": "2099-01-01T00:00:00Z", "state": "x"});
    for (status, result) in [
        // Of another request.
        ("approved", json!({"mode": "reevaluate", "approval": approval})),
        // Approved in a way that nobody here knows.
        ("approved", json!({"mode": "grant", "approval": approval})),
        ("approved", Value::Null),
        ("partial", json!({"mode": "reevaluate", "approval": approval})),
        ("yes", Value::Null),
    ] {
        let said =
            move |id: &str| json!({"task": {"id": id, "status": status}, "result": result.clone()});
        let wrong = said.clone();
        let id = uuid::Uuid::new_v4().to_string();
        let between = Between::new(embedded(&web), move |route, _| match route {
            "/access/v1/requests" => Fault::Says(wrong(&id)),
            _ => Fault::None,
        });
        let error = refused(&Enforcer::new(between), intent(&disable("X0001"))).await;
        assert!(matches!(error.code(), "enforce.answer" | "enforce.denied"), "{status} {error}");
        // A task that turns into another one.
        let between = Between::new(embedded(&web), move |route, _| match route {
            "task" => Fault::Says(said(other)),
            _ => Fault::None,
        });
        let error = refused(&Enforcer::new(between), intent(&disable("X0001"))).await;
        assert_eq!(error.code(), "enforce.answer");
    }
}

// SPEC.md R-10-154.
#[tokio::test(flavor = "multi_thread")]
async fn obligations_that_nobody_fulfils_deny() {
    let web = Web::new();
    let id = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    let redact = json!([{"id": "1", "type": "custom", "properties": {"name": "redact"}}]);
    let other = json!([{"id": "1", "type": "notification", "properties": {}}]);
    for (obligations, fulfils, runs) in [
        (redact.clone(), vec![], false),
        (redact.clone(), vec!["notification", "custom"], false),
        (redact, vec!["custom:redact"], true),
        (other.clone(), vec!["custom:redact"], false),
        (other, vec!["notification"], true),
        (json!([{"id": "1"}]), vec!["custom:redact"], false),
        (json!({"type": 1}), vec!["custom:redact"], false),
        (json!([]), vec![], true),
    ] {
        let fulfils = fulfils.into_iter().map(str::to_owned).collect();
        let context = json!({"evaluation_id": id, "obligations": obligations});
        let permit = Fault::Says(json!({"decision": true, "context": context}));
        let between = Between::new(embedded(&web), move |_, _| permit.clone());
        let settings = Settings { fulfils, ..Settings::default() };
        let enforcer = Enforcer::with_settings(between, settings);
        let done = async |_| Ok::<_, Infallible>(());
        let ran = enforcer.enforce(intent(&read("X1")), PATIENCE, done).await;
        assert_eq!(ran.is_ok(), runs, "{obligations} {ran:?}");
    }
}

// SPEC.md R-10-136.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_wants_beyond_what_came_with_the_permit_denies() {
    let mut web = Web::new();
    let settings = Settings { fulfils: vec!["custom:redact".to_owned()], ..Settings::default() };
    let enforcer = Enforcer::with_settings(embedded(&web), settings);
    let demo = PolicyFiles::demo();
    let demo = std::str::from_utf8(demo.get("policies.cedar").unwrap()).unwrap();
    let redacting = demo.replace("@approve(", "@redact(\"email\") @approve(");
    let wanted = intent(&disable("X0001"));
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    assert!(permit.obligations().is_empty());
    web.set_cedar(&redacting).unwrap();
    let error = permit.begin(wanted).await.unwrap_err();
    assert_eq!(error.code(), "enforce.obligation");
    // What is told with the permit is no surprise when the approval is spent.
    let wanted = intent(&disable("X0002"));
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    assert_eq!(permit.obligations().len(), 1);
    let (running, _) = permit.begin(wanted).await.unwrap();
    running.finish(placet_pep::enforce::Outcome::success("")).await.unwrap();
}

// SPEC.md R-10-154, R-10-136.
#[tokio::test(flavor = "multi_thread")]
async fn obligations_that_come_with_the_spending_are_fulfilled_or_nothing_runs() {
    let notify = json!([{"id": "1", "type": "notification", "properties": {"to": "ops"}}]);
    let good = json!({"index": 9, "document_sha256": "00".repeat(32)});
    for (obligations, fulfils, begins) in [
        (notify.clone(), vec![], false),
        (json!("notify"), vec!["notification".to_owned()], false),
        (notify, vec!["notification".to_owned()], true),
    ] {
        let mut web = Web::new();
        let said = json!({"execution": good, "repeated": false, "obligations": obligations});
        let between = Between::new(embedded(&web), move |route, _| match route {
            "/v1/consume" => Fault::Says(said.clone()),
            _ => Fault::None,
        });
        let settings = Settings { fulfils, ..Settings::default() };
        let enforcer = Enforcer::with_settings(between.clone(), settings);
        let wanted = intent(&disable("X0001"));
        let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
        let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
        let error = permit.begin(wanted.clone()).await.unwrap_err();
        assert_eq!(error.code(), "enforce.obligation");
        // The approval may be spent: that nothing ran is told.
        assert_eq!(between.calls("/v1/outcome"), 1);
        // Whoever resumes a permit hears of them here.
        let resume = || enforcer.resume(&wanted, &id, "key").unwrap();
        match resume().begin(wanted.clone()).await {
            Ok((running, _)) => {
                assert!(begins);
                assert_eq!(running.obligations()[0].kind, "notification");
            }
            Err(error) => assert!(!begins, "{error}"),
        }
        let error = resume().run(wanted.clone(), never).await.unwrap_err();
        assert_eq!(error.code(), "enforce.obligation");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_ledger_spends_nothing_and_nothing_runs() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let wanted = intent(&disable("X0001"));
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    fill(&web);
    // What fits before the tile that can't be written.
    let reads = intent(&read("X0001"));
    let mut denied = None;
    for _ in 0..8 {
        if let Verdict::Denied(why) = enforcer.evaluate(&reads).await.unwrap() {
            denied = Some(why);
            break;
        }
    }
    assert_eq!(denied.unwrap().reason, "decision_unavailable");
    let error = permit.run(wanted, never).await.unwrap_err();
    assert_eq!(error.code(), "enforce.refused", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_stops_in_the_middle_lets_nothing_run() {
    let mut web = Web::new();
    let served = Served::start(&web).await;
    let enforcer = Enforcer::with_settings(served.remote(&web), impatient());
    let wanted = intent(&disable("X0001"));
    let patient = Enforcer::new(served.remote(&web));
    let (_, verdict) = approve(&mut web, &patient, &wanted).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    served.stop().await;
    let error = permit.run(wanted.clone(), never).await.unwrap_err();
    assert_eq!(error.code(), "enforce.unavailable", "{error}");
    assert_eq!(refused(&enforcer, wanted).await.code(), "enforce.unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_break_off_hang_or_flood_let_nothing_run() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let whole = r#"{"decision":true,"context":{"evaluation_id":"x"}}"#;
    for (what, answer, code) in [
        ("nothing", Some(String::new()), "enforce.unavailable"),
        ("half a head", Some("HTTP/1.1 200 O".to_owned()), "enforce.unavailable"),
        (
            "half a body",
            Some(format!("{head}content-length: 99\r\n\r\n{whole}")),
            "enforce.unavailable",
        ),
        ("no HTTP", Some("220 mail.example.com ESMTP\r\n".to_owned()), "enforce.unavailable"),
        ("a flood", Some(format!("{head}content-length: 99999999\r\n\r\n")), "enforce.answer"),
        ("no id", Some(format!("{head}content-length: 49\r\n\r\n{whole}")), "enforce.answer"),
        (
            "elsewhere",
            Some(
                "HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
                    .to_owned(),
            ),
            "enforce.answer",
        ),
        ("silence", None, "enforce.timeout"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 4096];
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                match &answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => kept.push(stream),
                }
            }
        });
        let config = RemoteConfig { url, ..RemoteConfig::default() };
        let settings = Settings { call_time: Duration::from_secs(1), ..impatient() };
        let enforcer = Enforcer::with_settings(Remote::new(&config).unwrap(), settings);
        let error = refused(&enforcer, intent(&read("X0001"))).await;
        assert_eq!(error.code(), code, "{what}: {error}");
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_replaced_is_read_again_and_a_wrong_one_opens_nothing() {
    let web = Web::new();
    let served = Served::start(&web).await;
    let file = token_file(&web);
    std::fs::write(&file, "placet_000000000000_wrong").unwrap();
    let config = RemoteConfig {
        url: served.url.clone(),
        token_file: Some(file.clone()),
        ..RemoteConfig::default()
    };
    let enforcer = Enforcer::new(Remote::new(&config).unwrap());
    let asked = || intent(&read("X0001"));
    let error = refused(&enforcer, asked()).await;
    assert_eq!(error.ledger_code(), Some("http.token"), "{error}");
    std::fs::write(&file, &web.token).unwrap();
    let done = async |_| Ok::<_, Infallible>(());
    enforcer.enforce(asked(), PATIENCE, done).await.unwrap();
    served.stop().await;
}

/// A ledger that must not be asked.
struct Silent;

impl Ledger for Silent {
    fn call(&self, request: Request<Bytes>, _: usize) -> Answering<'_> {
        panic!("{} was called", request.uri());
    }
}

/// Every place of a JSON value.
fn places(value: &Value, at: String, out: &mut Vec<String>) {
    out.push(at.clone());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, v)| places(v, format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, v)| places(v, format!("{at}/{n}"), out));
        }
        _ => {}
    }
}

fn changed(value: &mut Value, how: u8) {
    match value {
        Value::String(text) if how.is_multiple_of(2) => text.push('\u{200b}'),
        Value::String(text) => *text = text.to_uppercase() + "x",
        Value::Number(n) => *value = json!(n.as_i64().unwrap_or(0) + 1),
        Value::Bool(b) => *value = json!(!*b),
        Value::Null => *value = json!(0),
        Value::Array(items) if how.is_multiple_of(2) && !items.is_empty() => drop(items.pop()),
        Value::Array(items) => items.push(json!("more")),
        Value::Object(members) => drop(members.insert("more".to_owned(), json!(1))),
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z]{0,6}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        prop::collection::vec(any::<u8>().prop_map(Value::from), 0..3).prop_map(Value::from),
    ]
}

fn properties() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,5}", leaf(), 0..4)
        .prop_map(|members| json!(members.into_iter().collect::<serde_json::Map<_, _>>()))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    })]

    // SPEC.md R-10-150.
    #[test]
    fn any_change_of_the_action_or_of_a_byte_is_refused_before_anything_is_asked(
        parts in (properties(), properties(), properties(), properties()),
        body in prop::collection::vec(any::<u8>(), 1..64),
        (place, how, byte, flip) in (any::<usize>(), any::<u8>(), any::<usize>(), 1..=255u8),
    ) {
        let (subject, verb, resource, context) = parts;
        let approved = json!({
            "subject": {"type": "agent", "id": "a", "properties": subject},
            "action": {"name": "n", "properties": verb},
            "resource": {"type": "r", "id": "1", "properties": resource},
            "context": context,
        });
        let payload = |bytes: &[u8]| Payload::new("a/b", bytes.to_vec());
        let whole = intent(&approved).with_payload(payload(&body));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = |other: Intent| {
            let enforcer = Enforcer::new(Silent);
            let id = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
            let permit = enforcer.resume(&whole, id, "key").unwrap();
            runtime.block_on(permit.run(other, never)).unwrap_err().code()
        };
        // A byte, and the length both ways.
        let mut flipped = body.clone();
        flipped[byte % body.len()] ^= flip;
        let longer: Vec<u8> = body.iter().copied().chain([flip]).collect();
        for bytes in [&flipped[..], &longer, &body[1..]] {
            let other = intent(&approved).with_payload(payload(bytes));
            prop_assert_eq!(refused(other), "enforce.mismatch");
        }
        // A member of the action, wherever it stands.
        let mut all = Vec::new();
        places(&approved, String::new(), &mut all);
        let at = &all[place % all.len()];
        let mut other = approved.clone();
        changed(other.pointer_mut(at).unwrap(), how);
        let strict = placet_proto::json::parse(other.to_string().as_bytes()).unwrap();
        // Some changes leave no action.
        if let Ok(action) = placet_proto::action::Action::from_request(&strict) {
            let same = action.to_json() == whole.action().to_json();
            let other = Intent::new(action).with_payload(payload(&body));
            // Further members beside the four are no part of an action (AuthZEN 1.0).
            prop_assert!(same == at.is_empty());
            if !same {
                prop_assert_eq!(refused(other), "enforce.mismatch");
            }
        }
    }
}
