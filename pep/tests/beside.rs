//! Over HTTP: obligations, session memory, and a foreign decision point that has to agree.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::{get, post};
use common::*;
use placet_ledger::service::Config;
use placet_pep::policy::PolicyFiles;
use placet_proto::document::{Decision, Verdict};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
    entity Agent;
    entity Table;
    action export appliesTo { principal: [Agent], resource: [Table], context: {
      action?: { records?: Long }, action_digest: String,
      approval?: { digest: String, method: String },
      session?: { records: Long, permits: Long, denials: Long, approvals: Long },
    } };"#;

const MAPPING: &str = r#"
    [session]
    window = "10m"
    volumes = {records = "action.records"}
    [canary]
    subject = {type = "agent", id = "nobody"}
    action = {name = "export"}
    resource = {type = "table", id = "t"}"#;

/// Few at once without asking, more with an approval, and nobody else anything.
const POLICIES: &str = r#"
    @id("few") @redact("ssn,email") @notify("audit")
    permit (principal == Agent::"bot", action == Action::"export", resource)
      when { context has session && context.session.records <= 50 };
    @id("many") @narrow("limit=100") @approve("passkey") @self_approval("allow")
    permit (principal == Agent::"bot", action == Action::"export", resource)
      when { context has session && context.session.records <= 200
             && context has approval && context.approval.digest == context.action_digest };"#;

fn policy(policies: &str, mapping: &str) -> PolicyFiles {
    let named = [("a.cedar", policies), ("schema.cedarschema", SCHEMA), ("mapping.toml", mapping)];
    let files = named.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    PolicyFiles::from_files(files.into()).unwrap()
}

fn web() -> Web {
    let mut web = Web::new();
    web.set_policy(&policy(POLICIES, MAPPING)).unwrap();
    web
}

fn export(records: u64, session: &str) -> Value {
    json!({
        "subject": {"type": "agent", "id": "bot"},
        "action": {"name": "export", "properties": {"records": records}},
        "resource": {"type": "table", "id": "t"},
        "context": {"session_id": session},
    })
}

async fn decide(web: &Web, action: &Value) -> (Value, Decision) {
    let answer = web.post("/access/v1/evaluation", action).await.ok();
    (answer, web.last_decision())
}

fn seen(decision: &Decision, name: &str) -> u64 {
    let seen = decision.seen.as_ref().unwrap().session.as_ref().unwrap();
    seen.count(name).unwrap()
}

fn spend(request: &str, action: &Value, key: &str) -> Value {
    let mut call = consume(request, action, key);
    call["initiator"]["id"] = json!("bot");
    call
}

// SPEC.md R-10-130, R-10-131.
#[tokio::test(flavor = "multi_thread")]
async fn obligations_are_answered_and_recorded_and_what_was_permitted_counts() {
    let web = web();
    let (answer, recorded) = decide(&web, &export(30, "s")).await;
    assert_eq!(answer["decision"], true);
    let expected = json!([
        {"id": "few/redact", "type": "custom",
         "properties": {"name": "redact", "fields": ["ssn", "email"]}},
        {"id": "few/notify", "type": "notification",
         "properties": {"to": "audit", "body": "permitted by few", "topic": "permitted"}},
    ]);
    assert_eq!(answer["context"]["obligations"], expected);
    let ids: Vec<&str> = recorded.obligations.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, ["few/redact", "few/notify"]);
    assert_eq!((seen(&recorded, "records"), seen(&recorded, "permits")), (30, 0));

    // 60 of 50 in this session; another has its own count.
    let (answer, recorded) = decide(&web, &export(30, "s")).await;
    assert_eq!(answer["context"]["reason"], "approval_required", "{answer}");
    assert_eq!((seen(&recorded, "records"), seen(&recorded, "permits")), (60, 1));
    assert!(recorded.obligations.is_empty());
    assert_eq!(decide(&web, &export(30, "t")).await.0["decision"], true);
    // What is not declared to be possible is not permitted.
    let mut can = export(1, "u");
    can["context"]["supported_obligations"] = json!(["notification"]);
    let (answer, recorded) = decide(&web, &can).await;
    assert_eq!(answer["decision"], false);
    assert_eq!(recorded.reason, "pdp.obligation_unsupported");
    // A session is told by nobody else.
    let mut told = export(1, "u");
    told["context"]["session"] = json!({"records": 0});
    assert_eq!(decide(&web, &told).await.1.reason, "pdp.reserved");
    assert_eq!(decide(&web, &export(0, "u")).await.1.decision, Verdict::Permit);
    let last = decide(&web, &export(0, "u")).await.1;
    assert_eq!((seen(&last, "permits"), seen(&last, "denials")), (1, 2));

    let metadata = web.get("/.well-known/authzen-configuration").await.ok();
    let types = json!(["step-up", "notification", "custom"]);
    assert_eq!(metadata["supported_obligations"], types);
}

// SPEC.md R-10-131, R-10-136.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_counts_when_it_is_spent_and_over_a_restart() {
    let mut web = web();
    decide(&web, &export(50, "s")).await;
    let big = export(100, "s");
    let id = web.ask(&big).await;
    web.answer(&id, false);
    let task = web.get(&format!("/access/v1/requests/{id}")).await.ok();
    let mut again = big.clone();
    again["context"]["approval"] = task["result"]["approval"].clone();
    let (answer, recorded) = decide(&web, &again).await;
    assert_eq!(answer["decision"], true, "{answer}");
    assert_eq!(seen(&recorded, "records"), 150);
    assert_eq!(answer["context"]["obligations"][0]["id"], "many/narrow");

    let call = spend(&id, &big, "k");
    let consumed = web.post("/v1/consume", &call).await.ok();
    assert_eq!(
        (&consumed["repeated"], &consumed["obligations"][0]["id"]),
        (&json!(false), &json!("many/narrow"))
    );
    // The permit under which it was spent is on record.
    let recorded = web.last_decision();
    assert_eq!((recorded.decision, recorded.approvals.len()), (Verdict::Permit, 1));
    assert_eq!((seen(&recorded, "records"), recorded.obligations.len()), (150, 1));
    let repeated = web.post("/v1/consume", &call).await.ok();
    assert_eq!(
        (&repeated["repeated"], &repeated["obligations"]),
        (&json!(true), &consumed["obligations"])
    );

    let next = decide(&web, &export(1, "s")).await.1;
    let counts = |d: &Decision| (seen(d, "records"), seen(d, "permits"), seen(d, "approvals"));
    // Two permits without an approval or to spend it, and the one that was recorded for that.
    assert_eq!(counts(&next), (151, 3, 1));
    let web = web.restart();
    let next = decide(&web, &export(1, "s")).await.1;
    assert_eq!(counts(&next), (151, 3, 1));
    web.clock.forward(700);
    let later = decide(&web, &export(1, "s")).await.1;
    assert_eq!(counts(&later), (1, 0, 0));
}

// SPEC.md R-10-132.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_no_more_is_permitted_than_the_limit_lets() {
    let web = Arc::new(web());
    let calls = (0..12).map(|_| {
        let web = Arc::clone(&web);
        tokio::spawn(async move {
            let answer = web.post("/access/v1/evaluation", &export(10, "s")).await.ok();
            answer["decision"] == true
        })
    });
    let mut permitted = 0;
    for call in calls.collect::<Vec<_>>() {
        permitted += usize::from(call.await.unwrap());
    }
    assert_eq!(permitted, 5);
}

// SPEC.md R-10-131: a policy that counts something else counts it from the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_comes_into_force_knows_what_was_before() {
    let mut web = Web::new();
    let without = MAPPING.replace("[session]\n    window = \"10m\"\n    volumes", "# volumes");
    let plain = "@id(\"all\") permit (principal == Agent::\"bot\", action, resource);";
    web.set_policy(&policy(plain, &without)).unwrap();
    let (answer, recorded) = decide(&web, &export(40, "s")).await;
    assert_eq!((&answer["decision"], recorded.seen), (&json!(true), None));
    web.set_policy(&policy(POLICIES, MAPPING)).unwrap();
    let recorded = decide(&web, &export(1, "s")).await.1;
    assert_eq!((seen(&recorded, "records"), seen(&recorded, "permits")), (41, 1));
}

/// A decision point on this machine that answers as it is told.
async fn foreign(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, named) = (Arc::clone(&asked), url.clone());
    let metadata = move || async move { json!({"policy_decision_point": named}).to_string() };
    let evaluation = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        answer
    };
    let router = Router::new()
        .route("/.well-known/authzen-configuration", get(metadata))
        .route("/access/v1/evaluation", post(evaluation));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

fn web_with(url: &str) -> Web {
    let host = url.trim_start_matches("http://").to_owned();
    let mut web = Web::with(|config| config.outbound_allow = vec![host]);
    let mapping = MAPPING.replace("[canary]", &format!("[pdp]\nurl = \"{url}\"\n[canary]"));
    web.set_policy(&policy(POLICIES, &mapping)).unwrap();
    web
}

// SPEC.md R-10-134.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_decision_point_has_to_agree() {
    let (url, asked) = foreign(
        r#"{"decision":true,"context":{"obligations":[
            {"id":"1","type":"custom","properties":{"vendor":"x"}}]}}"#,
    )
    .await;
    let mut web = web_with(&url);
    let (answer, recorded) = decide(&web, &export(1, "s")).await;
    assert_eq!(answer["decision"], true, "{answer} {recorded:?}");
    assert_eq!(answer["context"]["obligations"].as_array().unwrap().len(), 3);
    assert_eq!(recorded.determining, ["few"]);
    let remote = recorded.seen.unwrap().remote.unwrap();
    assert_eq!((remote.pdp.as_str(), remote.decision), (url.as_str(), Some(true)));
    // Ours asks for a person all the same, and what ours denies is not asked about.
    let big = export(100, "s");
    let id = web.ask(&big).await;
    web.answer(&id, false);
    let consumed = web.post("/v1/consume", &spend(&id, &big, "k")).await.ok();
    assert_eq!(consumed["obligations"].as_array().unwrap().len(), 2);
    let before = asked.load(Ordering::SeqCst);
    let mut other = export(1, "s");
    other["subject"]["id"] = json!("other");
    assert_eq!(decide(&web, &other).await.1.reason, "pdp.denied");
    assert_eq!(asked.load(Ordering::SeqCst), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consume_that_can_t_spend_puts_nothing_on_record() {
    let mut web = web();
    let big = export(100, "s");
    let id = web.ask(&big).await;
    web.answer(&id, false);
    let size = || web.ledger.log(placet_ledger::LogId::Main).size();
    let before = size();
    let mut other_action = spend(&id, &big, "k");
    other_action["action_digest"] = json!("00".repeat(32));
    let mut other_agent = spend(&id, &big, "k");
    other_agent["initiator"]["id"] = json!("other");
    let mut no_key = spend(&id, &big, "k");
    no_key["idempotency_key"] = json!("");
    for call in [other_action, other_agent, no_key] {
        let refused = web.post("/v1/consume", &call).await;
        assert!(refused.status.is_client_error(), "{call}");
        assert_eq!(size(), before, "{call}");
    }
    web.post("/v1/consume", &spend(&id, &big, "k")).await.ok();
    assert_eq!(size(), before + 2);
}

// SPEC.md R-10-134.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_foreign_decision_point_denies_no_approval_lifts() {
    let (url, _) = foreign(r#"{"decision":false,"context":{"access_request":{}}}"#).await;
    let web = web_with(&url);
    for records in [1, 100] {
        let (answer, recorded) = decide(&web, &export(records, "s")).await;
        assert_eq!(answer["context"]["reason"], "policy_denied", "{answer}");
        assert_eq!(recorded.reason, "pdp.remote_denied");
    }
    // What was denied so has no volume.
    let last = decide(&web, &export(2, "s")).await.1;
    assert_eq!((seen(&last, "records"), seen(&last, "denials")), (2, 2));

    let (broken, _) = foreign(r#"{"decision":"yes"}"#).await;
    let web = web_with(&broken);
    let recorded = decide(&web, &export(1, "s")).await.1;
    assert_eq!(recorded.reason, "pdp.remote_answer");
    // Nobody listens there; and an address that the operator did not list is not called.
    let web = web_with("http://127.0.0.1:9");
    assert_eq!(decide(&web, &export(1, "s")).await.1.reason, "pdp.remote_unavailable");
    assert_eq!(web.last_decision().seen.unwrap().remote.unwrap().decision, None);
}

/// Another ledger of ours, as a decision point for the first, and the URL that it has.
async fn other_of_ours() -> (Web, String) {
    let listener = tokio::net::TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut other = Web::with(|config| {
        *config = Config::local("other/test", port);
        config.publish_ms = 20;
    });
    let all = r#"@id("theirs") permit (principal == Agent::"bot", action, resource)
        unless { context has action && context.action has records && context.action.records > 100 };"#;
    let mapping = MAPPING.replace("[session]\n    window = \"10m\"\n    volumes", "# volumes");
    other.set_policy(&policy(all, &mapping)).unwrap();
    let router = other.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = other.ledger.config().public_url.clone();
    (other, url)
}

// SPEC.md R-10-134, R-10-135.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_ours_is_such_a_decision_point_for_who_has_its_token() {
    let (other, url) = other_of_ours().await;
    let web = |token: Option<String>| {
        let mut web = Web::with(|config| {
            config.outbound_allow = vec![url.trim_start_matches("http://").to_owned()];
        });
        if let Some(token) = token {
            std::fs::write(web.tmp.path().join("d/keys/pdp-token"), token).unwrap();
        }
        let table = format!("[pdp]\nurl = \"{url}\"\ntimeout_ms = 5000\n[canary]");
        web.set_policy(&policy(POLICIES, &MAPPING.replace("[canary]", &table))).unwrap();
        web
    };
    let with = web(Some(format!("{url} {}\n", other.token)));
    let (answer, recorded) = decide(&with, &export(1, "s")).await;
    assert_eq!(answer["decision"], true, "{recorded:?}");
    let asked = other.last_decision();
    assert_eq!((asked.decision, asked.determining), (Verdict::Permit, vec!["theirs".to_owned()]));
    assert_eq!(asked.action.digest(), recorded.action.digest());
    let (answer, recorded) = decide(&with, &export(101, "t")).await;
    assert_eq!(
        (&answer["decision"], recorded.reason.as_str()),
        (&json!(false), "pdp.remote_denied")
    );

    // Without a token, and with one that is for another, it is not answered.
    for token in [None, Some(format!("http://localhost:1 {}", other.token))] {
        let without = web(token);
        let recorded = decide(&without, &export(1, "s")).await.1;
        assert_eq!(recorded.reason, "pdp.remote_answer");
    }
}
