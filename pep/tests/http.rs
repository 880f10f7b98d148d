//! From a denial to an outcome over HTTP, and everything that must not lead there.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use common::*;
use placet_ledger::{LogId, NewEntry};
use placet_pep::policy::PolicyFiles;
use placet_proto::document::Verdict;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn from_a_denial_to_an_outcome() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let path = format!("/access/v1/requests/{id}");
    let pending = web.get(&path).await;
    assert_eq!(pending.headers["retry-after"], "2");
    let pending = pending.ok();
    assert_eq!(
        pending["task"]["progress"],
        json!({"current_step": 1, "total_steps": 1, "step_name": "approval"})
    );
    let review = format!("http://localhost:8420/approve/{id}");
    assert_eq!(pending["task"]["links"]["review"], review);
    assert!(pending.get("result").is_none());

    web.answer(&id, false);
    let approved = web.get(&path).await.ok();
    assert_eq!(approved["task"]["status"], "approved");
    assert_eq!(approved["result"]["mode"], "reevaluate");
    let approval = &approved["result"]["approval"];

    let mut again = action.clone();
    again["context"] = json!({"approval": approval});
    let permitted = web.post("/access/v1/evaluation", &again).await.ok();
    assert_eq!(permitted["decision"], true, "{permitted}");
    assert_eq!(permitted["context"]["approval"]["id"], json!(id));
    let recorded = web.last_decision();
    assert_eq!((recorded.decision, recorded.request), (Verdict::Permit, id.clone()));
    assert_eq!(recorded.approvals.len(), 1);

    let call = consume(&id, &action, "call-1");
    let consumed = web.post("/v1/consume", &call).await.ok();
    assert_eq!(consumed["repeated"], false);
    let repeated = web.post("/v1/consume", &call).await.ok();
    assert_eq!(
        (&repeated["repeated"], &repeated["execution"]),
        (&json!(true), &consumed["execution"])
    );
    let other = web.post("/v1/consume", &consume(&id, &action, "call-2")).await;
    assert_eq!(
        (other.status, &other.body["code"]),
        (StatusCode::CONFLICT, &json!("consume.conflict"))
    );

    let report = json!({
        "request": id, "result": "success", "action_digest": digest(&action), "detail": "done"
    });
    let told = web.post("/v1/outcome", &report).await.ok();
    assert!(told["outcome"]["index"].as_u64() > consumed["execution"]["index"].as_u64());
    // Spent: the approval opens nothing any more.
    let late = web.post("/access/v1/evaluation", &again).await.ok();
    assert_eq!(late["decision"], false);
    assert_eq!(late["context"]["reason"], "approval_expired");
    assert_eq!(late["context"]["next_action"], "request");
    // Who reads the log sees that it was brought again, though a new one may be asked for.
    let recorded = web.last_decision();
    assert_eq!(recorded.decision, Verdict::Requestable);
    assert_eq!((recorded.reason.as_str(), recorded.approvals.len()), ("pdp.approval_spent", 0));
    // The task stays what it was; the approval says that its time is over.
    let spent = web.get(&path).await.ok();
    assert_eq!(spent["task"]["status"], "approved");
    let until =
        |task: &Value| task["result"]["approval"]["approved_until"].as_str().unwrap().to_owned();
    assert!(until(&spent) < until(&approved), "{spent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_recorded_before_they_are_answered() {
    let web = Web::new();
    let before = web.ledger.log(LogId::Main).size();
    let mut read = disable("X0001");
    read["action"]["name"] = json!("read_user");
    let permitted = web.post("/access/v1/evaluation", &read).await.ok();
    assert_eq!(permitted["decision"], true);
    assert_eq!(web.ledger.log(LogId::Main).size(), before + 1);
    let recorded = web.last_decision();
    assert_eq!(recorded.decision, Verdict::Permit);
    assert_eq!(json!(recorded.request), permitted["context"]["evaluation_id"]);
    assert_eq!(recorded.determining, ["support-bot-reads-users"]);
    let mut delete = disable("X0001");
    delete["action"]["name"] = json!("delete_user");
    let denied = web.post("/access/v1/evaluation", &delete).await.ok();
    assert_eq!(
        (&denied["decision"], &denied["context"]["reason"]),
        (&json!(false), &json!("policy_denied"))
    );
    assert_eq!(web.last_decision().decision, Verdict::Deny);

    let batch = json!({"evaluations": [read, delete, {"subject": 1}]});
    let answers = web.post("/access/v1/evaluations", &batch).await.ok();
    let decisions: Vec<_> =
        answers["evaluations"].as_array().unwrap().iter().map(|a| a["decision"].clone()).collect();
    assert_eq!(decisions, [true, false, false]);
    assert_eq!(answers["evaluations"][2]["context"]["error"]["status"], 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_opens_the_action_that_was_approved_and_no_other() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let task = web.get(&format!("/access/v1/requests/{id}")).await.ok();
    let approval = task["result"]["approval"].clone();
    let try_it = async |mut action: Value, approval: Value| {
        action["context"] = json!({"approval": approval});
        let answer = web.post("/access/v1/evaluation", &action).await.ok();
        assert_eq!(answer["decision"], false, "{answer}");
        answer["context"]["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(try_it(disable("X0002"), approval.clone()).await, "out_of_scope");
    let mut other_agent = action.clone();
    other_agent["subject"]["id"] = json!("other-bot");
    // Which the policy knows nothing of: another approval would not help it either.
    assert_eq!(try_it(other_agent, approval.clone()).await, "policy_denied");
    for (member, value) in [
        ("approved_until", json!("2099-01-01T00:00:00Z")),
        ("more", json!(true)),
        ("id", json!("4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab")),
        ("id", json!(1)),
    ] {
        let mut changed = approval.clone();
        changed[member] = value;
        assert_eq!(try_it(action.clone(), changed).await, "approval_unverifiable", "{member}");
    }

    let other = disable("X0002");
    let refused = web.post("/v1/consume", &consume(&id, &other, "k")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.body["code"], "consume.not_approved");
    let mut raw = consume(&id, &action, "k");
    raw["raw"] = json!({"media_type": "text/plain", "length": 1, "sha256": "00".repeat(32)});
    assert_eq!(web.post("/v1/consume", &raw).await.status, StatusCode::FORBIDDEN);
    let mut agent = consume(&id, &action, "k");
    agent["initiator"]["id"] = json!("other-bot");
    assert_eq!(web.post("/v1/consume", &agent).await.status, StatusCode::FORBIDDEN);
    // After all that the approval is still there, for the right call.
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();
}

// SPEC.md R-10-8.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_worth_nothing_under_a_policy_that_no_longer_permits() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let task = web.get(&format!("/access/v1/requests/{id}")).await.ok();
    let mut again = action.clone();
    again["context"] = json!({"approval": task["result"]["approval"]});
    assert_eq!(web.post("/access/v1/evaluation", &again).await.ok()["decision"], true);

    web.set_policy(&PolicyFiles::deny_all()).unwrap();

    assert_eq!(web.post("/access/v1/evaluation", &again).await.ok()["decision"], false);
    let refused = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    assert_eq!(refused.body["code"], "consume.not_approved");
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
}

// SPEC.md R-10-16.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_denied() {
    let web = Web::new();
    let mut read = disable("X0001");
    read["action"]["name"] = json!("read_user");
    assert_eq!(web.post("/access/v1/evaluation", &read).await.ok()["decision"], true);
    // Almost a whole tile, which has to be durable before anything is signed over it.
    let log = web.ledger.log(LogId::Main);
    let few = 254u64.checked_sub(log.size()).unwrap();
    log.append((0..few).map(|n| NewEntry::plain(format!("filler {n}"))).collect()).unwrap();
    // A file where the tiles' folder was, as good as a full disk.
    let tiles = web.ledger.dir().tiles(LogId::Main).join("tile");
    // The log may be writing tiles of its fast checkpoint: a file gets in between two of them.
    let blocked = (0..10_000).any(|_| {
        std::fs::remove_dir_all(&tiles).ok();
        std::fs::write(&tiles, "").is_ok()
    });
    assert!(blocked);
    assert_eq!(web.post("/access/v1/evaluation", &read).await.ok()["decision"], true);
    for _ in 0..3 {
        let denied = web.post("/access/v1/evaluation", &read).await.ok();
        assert_eq!(denied["decision"], false, "{denied}");
        assert_eq!(denied["context"]["reason"], "decision_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_without_an_approval() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN, "{}", early.body);
    web.answer(&id, true);
    let task = web.get(&format!("/access/v1/requests/{id}")).await.ok();
    assert_eq!(task["task"]["status"], "denied");
    let denied = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(denied.status, StatusCode::CONFLICT);
    let report = json!({"request": id, "result": "success", "action_digest": digest(&action)});
    assert_eq!(web.post("/v1/outcome", &report).await.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_there_is_metadata_and_nothing_else() {
    let web = Web::new();
    let size = web.ledger.log(LogId::Main).size();
    for path in [
        "/access/v1/evaluation",
        "/access/v1/evaluations",
        "/access/v1/requests",
        "/v1/consume",
        "/v1/outcome",
    ] {
        for token in [None, Some("Bearer wrong"), Some("Basic x")] {
            let mut request = Request::post(path).header(header::HOST, "localhost:8420");
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let body = Body::from(disable("X0001").to_string());
            let answer = web.send(request.body(body).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
    assert_eq!(web.ledger.log(LogId::Main).size(), size);
    let request = Request::get("/.well-known/authzen-configuration")
        .header(header::HOST, "localhost:8420")
        .header("x-request-id", "r-1");
    let answer = web.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers["x-request-id"], "r-1");
    let metadata = answer.ok();
    assert_eq!(metadata["policy_decision_point"], "http://localhost:8420");
    assert_eq!(metadata["jwks_uri"], "http://localhost:8420/.well-known/jwks.json");
    let capability = "urn:openid:authzen:capability:access-request";
    assert_eq!(metadata["capabilities"], json!([capability]));
    assert_eq!(metadata["access_request_endpoint"], "http://localhost:8420/access/v1/requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_evaluations_are_refused_and_not_recorded() {
    let web = Web::new();
    let size = web.ledger.log(LogId::Main).size();
    let mut missing = disable("X0001");
    missing.as_object_mut().unwrap().remove("resource");
    let answer = web.post("/access/v1/evaluation", &missing).await;
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (StatusCode::BAD_REQUEST, &json!("action.missing"))
    );
    let mut bad_raw = disable("X0001");
    bad_raw["raw"] = json!({"media_type": "a/b"});
    let answer = web.post("/access/v1/evaluation", &bad_raw).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let mut long = disable("X0001");
    long["context"] = json!({"x": "y".repeat(600 * 1024)});
    let answer = web.post("/access/v1/evaluation", &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(web.ledger.log(LogId::Main).size(), size);
}
