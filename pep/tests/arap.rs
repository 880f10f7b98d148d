//! The Access Request and Approval Profile against the real router: binding, idempotency, tasks,
//! bundles, re-evaluation, limits, and each problem type.

mod common;

use axum::http::StatusCode;
use common::*;
use placet_proto::b64;
use placet_proto::document::{Role, Verdict};
use serde_json::{Value, json};

const REQUESTS: &str = "/access/v1/requests";

fn problem(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.body);
    let kind = answer.body["type"].as_str().unwrap();
    (answer.status.as_u16(), kind.rsplit([':', '#']).next().unwrap())
}

/// The claims of a compact JWS, unchecked.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&b64::decode_url(claims, 4096).unwrap()).unwrap()
}

/// A token with one character of its signature changed.
fn forged(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 4);
    let last: String = last.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect();
    format!("{rest}{last}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requestable_denial_carries_a_token_that_binds_to_it() {
    let web = Web::new();
    let mut action = disable("X0001");
    action["context"] = json!({"ticket": "T-1", "reason": "machinery"});
    action["subject"]["properties"] = json!({"act": {"sub": "helper"}});
    let denied = web.denied(&action).await;
    let token = denied["access_request"]["binding_token"].as_str().unwrap();
    let claims = claims(token);
    assert_eq!(claims["iss"], "http://localhost:8420");
    assert_eq!(claims["aud"], "http://localhost:8420/access/v1/requests");
    assert_eq!(claims["evaluation_id"], denied["evaluation_id"]);
    assert_eq!(claims["denial_expires_at"], denied["access_request"]["expires_at"]);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 600);
    assert_eq!(claims["binding_context_members"], json!(["ticket"]));
    // The construction of the profile, made by hand: without the actor, context reduced.
    let bound = concat!(
        r#"{"action":{"name":"disable_user"},"context":{"ticket":"T-1"},"#,
        r#""resource":{"id":"X0001","type":"user"},"#,
        r#""subject":{"id":"support-bot","properties":{},"type":"agent"}}"#,
    );
    let hash = b64::encode_url(placet_proto::sha256(bound.as_bytes()));
    assert_eq!(claims["binding_hash"], hash);
    let other = web.denied(&action).await;
    let other = self::claims(other["access_request"]["binding_token"].as_str().unwrap());
    assert_ne!(claims["jti"], other["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_bound_by_either_and_by_both() {
    let web = Web::new();
    for (n, keep) in ["evaluation_id", "binding_token", "both"].into_iter().enumerate() {
        let action = disable(&format!("X{n}"));
        let denied = web.denied(&action).await;
        let mut ask = asking(&action, &denied);
        for name in ["evaluation_id", "binding_token"] {
            if keep != "both" && keep != name {
                ask["denial"].as_object_mut().unwrap().remove(name);
            }
        }
        let asked = web.post(REQUESTS, &ask).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{keep}: {}", asked.body);
        assert_eq!(asked.body["task"]["id"], denied["evaluation_id"]);
        assert_eq!(
            asked.headers["location"],
            asked.body["task"]["status_endpoint"].as_str().unwrap()
        );
        assert_eq!(asked.headers["retry-after"], "2");
    }
}

type Change<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_bind_is_refused() {
    let web = Web::new();
    let mut action = disable("X0001");
    action["context"] = json!({"ticket": "T-1"});
    action["subject"]["properties"] = json!({"act": {"iss": "https://a.example", "sub": "bot"}});
    let denied = web.denied(&action).await;
    let ask = asking(&action, &denied);
    let token = denied["access_request"]["binding_token"].as_str().unwrap();
    let other = web.denied(&disable("X0002")).await;
    let unknown = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    let changes: [Change<'_>; 17] = [
        ("no denial", &|a| drop(a.as_object_mut().unwrap().remove("denial"))),
        ("empty denial", &|a| a["denial"] = json!({})),
        ("unknown evaluation", &|a| {
            a["denial"] = json!({"evaluation_id": unknown});
        }),
        ("no id", &|a| a["denial"] = json!({"evaluation_id": "eval_01"})),
        ("other evaluation", &|a| a["denial"]["evaluation_id"] = other["evaluation_id"].clone()),
        ("other token", &|a| {
            a["denial"]["binding_token"] = other["access_request"]["binding_token"].clone();
        }),
        ("forged token", &|a| a["denial"]["binding_token"] = json!(forged(token))),
        ("no token", &|a| a["denial"]["binding_token"] = json!("x")),
        ("other end", &|a| a["denial"]["expires_at"] = json!("2099-01-01T00:00:00Z")),
        ("other resource", &|a| a["resource"]["id"] = json!("X0002")),
        ("other subject", &|a| a["subject"]["id"] = json!("other-bot")),
        ("other action", &|a| a["action"]["name"] = json!("delete_user")),
        ("other context", &|a| a["context"]["ticket"] = json!("T-2")),
        ("context removed", &|a| a["context"] = json!({})),
        ("other actor", &|a| a["subject"]["properties"]["act"]["sub"] = json!("other")),
        ("actor dropped", &|a| a["subject"]["properties"] = json!({})),
        ("unverified actor", &|a| a["client"] = json!({"actor": {"id": "other"}})),
    ];
    for (what, change) in changes {
        let mut ask = ask.clone();
        change(&mut ask);
        let answer = web.post(REQUESTS, &ask).await;
        assert_eq!(problem(&answer), (400, "invalid_denial_binding"), "{what}: {}", answer.body);
    }
    // The actor may move, and the submission may add to the context.
    let mut moved = ask.clone();
    moved["subject"]["properties"] = json!({});
    moved["client"] = json!({"id": "cli", "actor": {"id": "bot", "issuer": "https://a.example"}});
    moved["context"]["business_justification"] = json!("they left");
    let asked = web.post(REQUESTS, &moved).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let id = denied["evaluation_id"].as_str().unwrap();
    let view = web.ledger.request(id).unwrap();
    let said: Value = serde_json::from_str(&view.asked.unwrap()).unwrap();
    assert_eq!(said["context"], json!({"business_justification": "they left"}));
    assert_eq!((view.risk.as_deref(), view.max_age), (Some("high"), Some(300)));
    // Which is for people to read and changes nothing of what they sign.
    assert!(view.decision.action.context().get("business_justification").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_that_is_too_old_or_was_never_requestable_opens_nothing() {
    let web = Web::new();
    let action = disable("X0001");
    let denied = web.denied(&action).await;
    let ask = asking(&action, &denied);
    web.clock.forward(600);
    assert_eq!(problem(&web.post(REQUESTS, &ask).await), (410, "expired_denial"));
    let mut by_id = ask.clone();
    by_id["denial"] = json!({"evaluation_id": denied["evaluation_id"]});
    assert_eq!(problem(&web.post(REQUESTS, &by_id).await), (410, "expired_denial"));

    for name in ["delete_user", "read_user"] {
        let mut action = action.clone();
        action["action"]["name"] = json!(name);
        let plain = web.post("/access/v1/evaluation", &action).await.ok();
        assert!(plain["context"].get("access_request").is_none());
        let mut ask = action.clone();
        ask["denial"] = json!({"evaluation_id": plain["context"]["evaluation_id"]});
        assert_eq!(problem(&web.post(REQUESTS, &ask).await), (400, "not_requestable"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_submission_even_after_a_restart() {
    let web = Web::new();
    let action = disable("X0001");
    let denied = web.denied(&action).await;
    let ask = asking(&action, &denied);
    let key = [("idempotency-key", "7b8d0f0d-65a1-4af1-9fd3-a684f08a5d13")];
    let first = web.post_with(REQUESTS, &ask, &key).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.body);
    let mut other = ask.clone();
    other["context"] = json!({"business_justification": "another"});
    assert_eq!(problem(&web.post_with(REQUESTS, &other, &key).await), (409, "duplicate_request"));
    // The token was used, by another submission; without a key too the same body is the same.
    assert_eq!(problem(&web.post(REQUESTS, &other).await), (400, "invalid_denial_binding"));
    assert_eq!(web.post(REQUESTS, &ask).await.body["task"]["id"], first.body["task"]["id"]);

    let web = web.restart();
    web.clock.forward(3000);
    let repeated = web.post_with(REQUESTS, &ask, &key).await;
    assert_eq!(repeated.status, StatusCode::ACCEPTED, "{}", repeated.body);
    assert_eq!(repeated.body["task"]["id"], first.body["task"]["id"]);
    assert_eq!(problem(&web.post_with(REQUESTS, &other, &key).await), (409, "duplicate_request"));
    for bad in ["", &"k".repeat(256)] {
        let answer = web.post_with(REQUESTS, &ask, &[("idempotency-key", bad)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    web.clock.forward(2 * 86_400);
    assert_eq!(problem(&web.post_with(REQUESTS, &ask, &key).await), (410, "expired_denial"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_polled_withdrawn_and_forgotten() {
    let mut web = Web::new();
    let id = web.ask(&disable("X0001")).await;
    let path = format!("{REQUESTS}/{id}");
    let cancel = format!("{path}/cancel");
    let unknown = format!("{REQUESTS}/4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab");
    for path in [unknown.as_str(), "/access/v1/requests/arq_1"] {
        assert_eq!(problem(&web.get(path).await), (404, "unknown_task"));
        let cancel = format!("{path}/cancel");
        assert_eq!(problem(&web.post(&cancel, &json!({})).await), (404, "unknown_task"));
    }
    // What nobody asked for is no task.
    let offered = web.denied(&disable("X0002")).await;
    let offered = format!("{REQUESTS}/{}", offered["evaluation_id"].as_str().unwrap());
    assert_eq!(problem(&web.get(&offered).await), (404, "unknown_task"));

    // A look that waits ends when a person answers.
    let waiting = format!("{path}?wait=60");
    let (task, ()) = tokio::join!(web.get(&waiting), async {
        let (ledger, id) = (web.ledger.clone(), id.clone());
        tokio::task::spawn_blocking(move || ledger.cancel(&id, "elsewhere").unwrap())
            .await
            .unwrap();
    });
    assert_eq!(task.ok()["task"]["status"], "cancelled");
    assert_eq!(problem(&web.post(&cancel, &json!({})).await), (409, "invalid_task_state"));

    let id = web.ask(&disable("X0003")).await;
    let cancel = format!("{REQUESTS}/{id}/cancel");
    for bad in [json!({"reason": 1}), json!([]), json!({"comment": "x".repeat(600)})] {
        assert_eq!(web.post(&cancel, &bad).await.status, StatusCode::BAD_REQUEST);
    }
    let why = json!({"reason": "superseded", "comment": "a better plan"});
    let cancelled = web.post(&cancel, &why).await.ok();
    assert_eq!(cancelled["task"]["status"], "cancelled");
    assert!(cancelled["task"]["links"].get("cancel").is_none());
    let id = web.ask(&disable("X0003")).await;
    let answer = web.delete(&format!("{REQUESTS}/{id}/cancel")).await;
    assert_eq!(answer.ok()["task"]["status"], "cancelled");

    // What is approved stays approved; it is left unused instead.
    let id = web.ask(&disable("X0004")).await;
    web.answer(&id, false);
    let path = format!("{REQUESTS}/{id}");
    let cancel = format!("{path}/cancel");
    assert_eq!(problem(&web.post(&cancel, &json!({})).await), (409, "invalid_task_state"));
    web.clock.forward(3601);
    assert_eq!(web.get(&path).await.ok()["task"]["status"], "approved");
    let pending = web.ask(&disable("X0005")).await;
    let pending = format!("{REQUESTS}/{pending}");
    web.clock.forward(3601);
    let (id, ledger) = (pending.rsplit('/').next().unwrap().to_owned(), web.ledger.clone());
    let state = ledger.wait_for_change(
        &id,
        placet_ledger::service::RequestState::Open,
        std::time::Duration::from_secs(80),
    );
    // The ledger ends what is overdue when it looks next; a new request makes it look.
    let another = disable("X0006");
    let (_, state) = tokio::join!(web.ask(&another), state);
    state.unwrap();
    assert_eq!(web.get(&pending).await.ok()["task"]["status"], "expired");
    web.clock.forward(86_400);
    assert_eq!(problem(&web.get(&pending).await), (410, "task_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_no_grant_for_anybody() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let task = web.get(&format!("{REQUESTS}/{id}")).await.ok();
    let approval = task["result"]["approval"].clone();
    let state = approval["state"].as_str().unwrap();
    let claims = claims(state);
    assert_eq!(claims["iss"], "http://localhost:8420");
    assert_eq!(claims["aud"], "http://localhost:8420");
    assert_eq!(claims["approval_id"], approval["id"]);
    // The policy counts approvals of the last five minutes only, and the result says so.
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);

    let denied = web.denied(&disable("X0002")).await;
    let foreign = denied["access_request"]["binding_token"].clone();
    let other = web.ask(&disable("X0003")).await;
    web.answer(&other, false);
    let other = web.get(&format!("{REQUESTS}/{other}")).await.ok()["result"]["approval"].clone();
    let with = |name: &str, value: Value| {
        let mut changed = approval.clone();
        changed[name] = value;
        changed
    };
    let no_state = json!({"id": approval["id"], "approved_until": approval["approved_until"]});
    for (claim, reason, next) in [
        (with("state", json!(forged(state))), "approval_unverifiable", "none"),
        (with("state", foreign), "approval_unverifiable", "none"),
        (with("state", other["state"].clone()), "approval_unverifiable", "none"),
        (with("id", other["id"].clone()), "approval_unverifiable", "none"),
        (
            with("id", json!("4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab")),
            "approval_unverifiable",
            "none",
        ),
        (with("approved_until", json!("2099-01-01T00:00:00Z")), "approval_unverifiable", "none"),
        (with("approved_at", json!("1999-01-01T00:00:00Z")), "approval_unverifiable", "none"),
        (with("more", json!(1)), "approval_unverifiable", "none"),
        (no_state, "approval_unverifiable", "none"),
        (json!("x"), "approval_unverifiable", "none"),
        (other, "out_of_scope", "request"),
    ] {
        let mut again = action.clone();
        again["context"] = json!({"approval": claim});
        let answer = web.post("/access/v1/evaluation", &again).await.ok();
        let context = &answer["context"];
        assert_eq!(answer["decision"], false, "{claim}");
        assert_eq!((&context["reason"], &context["next_action"]), (&json!(reason), &json!(next)));
        assert_eq!(context.get("access_request").is_some(), next == "request", "{claim}");
    }
    // Where no approval is needed a bad one that names no other approval is not heard.
    let mut again = action.clone();
    again["context"] = json!({"approval": approval});
    let permitted = web.post("/access/v1/evaluation", &again).await.ok();
    assert_eq!(permitted["decision"], true, "{permitted}");
    assert_eq!(permitted["context"]["approval"]["id"], json!(id));
    assert_ne!(permitted["context"]["evaluation_id"], json!(id));

    // Old for the policy, and thus for the result: ask again, with what is needed for that.
    web.clock.forward(301);
    let expired = web.post("/access/v1/evaluation", &again).await.ok()["context"].clone();
    assert_eq!(expired["reason"], "approval_expired");
    assert_eq!(expired["next_action"], "request");
    let asked = web.post(REQUESTS, &asking(&action, &expired)).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    assert_ne!(asked.body["task"]["id"], json!(id), "an approval that is too old is not joined");
}

// SPEC.md R-10-33.
#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_are_one_task_and_one_approval_is_one_execution() {
    let mut web = Web::new();
    let action = disable("X0001");
    let ids = [web.ask(&action).await, web.ask(&action).await];
    assert_eq!(ids[0], ids[1]);
    let mut other_agent = action.clone();
    other_agent["subject"]["properties"] = json!({"act": {"sub": "another"}});
    assert_ne!(web.ask(&other_agent).await, ids[0]);
    web.answer(&ids[0], false);
    // Approved and not spent: joined, and there is nothing to wait for.
    let denied = web.denied(&action).await;
    let joined = web.post(REQUESTS, &asking(&action, &denied)).await;
    assert_eq!(joined.status, StatusCode::CREATED, "{}", joined.body);
    assert_eq!(joined.body["task"]["id"], ids[0]);
    assert_eq!(joined.body["result"]["mode"], "reevaluate");
    web.post("/v1/consume", &consume(&ids[0], &action, "first")).await.ok();
    let second = web.post("/v1/consume", &consume(&ids[0], &action, "second")).await;
    assert_eq!(second.body["code"], "consume.conflict");
    // Spent: what asks now waits for persons anew.
    let fresh = web.ask(&action).await;
    assert_ne!(fresh, ids[0]);
    let early = web.post("/v1/consume", &consume(&fresh, &action, "second")).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_one_task_with_a_request_for_each_item() {
    let web = Web::new();
    let actions = ["X1", "X2", "X3"].map(disable);
    let mut items = Vec::new();
    for action in &actions {
        let denied = web.denied(action).await;
        items.push(json!({
            "resource": action["resource"], "action": action["action"], "denial": denial(&denied),
        }));
    }
    let ask = json!({"subject": actions[0]["subject"], "items": items});
    let key = [("idempotency-key", "bundle")];
    let asked = web.post_with(REQUESTS, &ask, &key).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let task = asked.body["task"]["id"].as_str().unwrap().to_owned();
    let repeated = web.post_with(REQUESTS, &ask, &key).await;
    assert_eq!(repeated.body["task"]["id"], json!(task));
    let path = format!("{REQUESTS}/{task}");
    let look = async || web.get(&path).await.ok()["task"].clone();
    let shown = look().await;
    assert_eq!(shown["progress"]["total_steps"], 3);
    assert_eq!(shown["items"][1]["resource"], actions[1]["resource"]);
    assert_eq!(shown["items"][1]["action"], actions[1]["action"]);

    let ids: Vec<String> = items
        .iter()
        .map(|item| item["denial"]["evaluation_id"].as_str().unwrap().to_owned())
        .collect();
    let mut web = web.restart();
    web.answer(&ids[0], false);
    web.answer(&ids[1], true);
    let half = web.get(&path).await;
    assert!(half.headers.contains_key("retry-after"));
    let half = half.ok();
    assert_eq!(half["task"]["status"], "pending");
    assert!(half.get("result").is_none(), "no result stands for several items");
    let first = &half["task"]["items"][0];
    assert_eq!(first["status"], "approved");
    let mut again = actions[0].clone();
    again["context"] = json!({"approval": first["result"]["approval"]});
    assert_eq!(web.post("/access/v1/evaluation", &again).await.ok()["decision"], true);
    let mut wrong = actions[2].clone();
    wrong["context"] = again["context"].clone();
    let wrong = web.post("/access/v1/evaluation", &wrong).await.ok();
    assert_eq!(wrong["context"]["reason"], "out_of_scope");

    // What waits still is withdrawn, the rest stays.
    let done = web.post(&format!("{path}/cancel"), &json!({})).await.ok()["task"].clone();
    assert_eq!(done["status"], "partial");
    let statuses: Vec<_> =
        done["items"].as_array().unwrap().iter().map(|i| i["status"].clone()).collect();
    assert_eq!(statuses, ["approved", "denied", "cancelled"]);
    let late = web.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!(problem(&late), (409, "invalid_task_state"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_not_whole_opens_nothing() {
    let web = Web::with(|config| config.max_open_per_agent = 2);
    let action = disable("X1");
    let denied = web.denied(&action).await;
    let item = |action: &Value, denied: &Value| json!({"resource": action["resource"], "action": action["action"], "denial": denial(denied)});
    let one = item(&action, &denied);
    let bundle = |items: Vec<Value>| json!({"subject": action["subject"], "items": items});
    let twice = web.post(REQUESTS, &bundle(vec![one.clone(), one.clone()])).await;
    assert_eq!(problem(&twice), (400, "invalid_denial_binding"));
    let mut unbound = one.clone();
    unbound.as_object_mut().unwrap().remove("denial");
    let half = web.post(REQUESTS, &bundle(vec![one.clone(), unbound])).await;
    assert_eq!(problem(&half), (400, "invalid_denial_binding"));
    let mut many = vec![one.clone()];
    for id in ["X2", "X3"] {
        let action = disable(id);
        many.push(item(&action, &web.denied(&action).await));
    }
    let crowded = web.post(REQUESTS, &bundle(many.clone())).await;
    assert_eq!(problem(&crowded), (429, "too_many_open"));
    assert_eq!(crowded.headers["retry-after"], "30");
    let open = placet_ledger::service::RequestState::Open;
    assert!(web.ledger.requests(open).unwrap().is_empty());
    many.pop();
    let asked = web.post(REQUESTS, &bundle(many)).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    // A denial at the top covers a bundle of one.
    let mut top = json!({"subject": action["subject"], "items": [one]});
    top["items"][0].as_object_mut().unwrap().remove("denial");
    top["denial"] = json!({"evaluation_id": denied["evaluation_id"]});
    assert_eq!(web.post(REQUESTS, &top).await.status, StatusCode::ACCEPTED);
}

// SPEC.md R-10-33.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_opens_so_many_and_so_fast() {
    let web = Web::with(|config| {
        config.max_open_per_agent = 3;
        config.openings_per_minute = 4;
    });
    let ask = async |id: &str| {
        let action = disable(id);
        let denied = web.denied(&action).await;
        web.post(REQUESTS, &asking(&action, &denied)).await
    };
    let mut tasks = Vec::new();
    for n in 0..3 {
        let asked = ask(&format!("X{n}")).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        tasks.push(asked.body["task"]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(problem(&ask("X3").await), (429, "too_many_open"));
    // Joining is no opening.
    assert_eq!(ask("X0").await.body["task"]["id"], json!(tasks[0]));
    for task in &tasks {
        web.post(&format!("{REQUESTS}/{task}/cancel"), &json!({})).await.ok();
    }
    assert_eq!(ask("X4").await.status, StatusCode::ACCEPTED);
    let fast = ask("X5").await;
    assert_eq!(problem(&fast), (429, "too_fast"));
    assert!(fast.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 15);
    // Another agent has limits of its own.
    let mut action = disable("X6");
    action["subject"]["properties"] = json!({"act": {"sub": "another"}});
    web.ask(&action).await;
}

/// A policy that asks for whom and how many.
fn policy(annotations: &str) -> String {
    format!(
        r#"@id("asks") {annotations}
        permit (principal, action == Action::"disable_user", resource)
        when {{ context has approval && context.approval.digest == context.action_digest }};"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_names_who_may_answer_and_how_many_have_to() {
    let mut web = Web::new();
    let (bob, mut bobs_key) = web.enrol_further("Bob", &[Role::Approver]);
    let (_, mut carols_key) = web.enrol_further("Carol", &[Role::Approver]);
    let two = format!(r#"@quorum("2") @approvers("role:administrator,person:{bob}")"#);
    web.set_cedar(&policy(&two)).unwrap();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let quorum = web.ledger.request(&id).unwrap().decision.quorum.unwrap();
    assert_eq!(
        (quorum.required, quorum.people, quorum.roles),
        (2, vec![bob], vec![Role::Administrator])
    );
    let by_carol = answer_with(&web.ledger, &mut carols_key, &id, false);
    assert_eq!(by_carol.unwrap_err().code(), "answer.not_eligible");
    answer_with(&web.ledger, &mut bobs_key, &id, false).unwrap();
    let path = format!("{REQUESTS}/{id}");
    let half = web.get(&path).await.ok();
    assert_eq!(half["task"]["status"], "pending");
    assert_eq!(half["task"]["progress"]["current_step"], 2);
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
    web.answer(&id, false);
    let task = web.get(&path).await.ok();
    assert_eq!(task["task"]["status"], "approved");
    let mut again = action.clone();
    again["context"] = json!({"approval": task["result"]["approval"]});
    assert_eq!(web.post("/access/v1/evaluation", &again).await.ok()["decision"], true);
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();

    // One more than there are: told at once, and recorded as a denial.
    let three = two.replace("\"2\"", "\"3\"");
    web.set_cedar(&policy(&three)).unwrap();
    let denied = web.post("/access/v1/evaluation", &action).await.ok();
    assert_eq!(denied["context"]["reason"], "approvers_unavailable");
    let told = "3 persons have to approve this, and 2 may";
    assert_eq!(denied["context"]["reason_user"]["en"], told);
    assert!(denied["context"].get("access_request").is_none());
    let recorded = web.last_decision();
    assert_eq!((recorded.decision, recorded.reason.as_str()), (Verdict::Deny, "pdp.quorum_unmet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_answer_for_their_own_agents_where_the_policy_lets_them() {
    let mut web = Web::new();
    // Alice is the only one there is, and the agent acts on her behalf.
    let mut action = disable("X0001");
    action["subject"]["id"] = json!("ALICE");
    web.set_cedar(&policy("")).unwrap();
    let denied = web.post("/access/v1/evaluation", &action).await.ok();
    assert_eq!(denied["context"]["reason"], "approvers_unavailable");
    web.set_cedar(&policy(r#"@self_approval("allow")"#)).unwrap();
    let id = web.ask(&action).await;
    assert!(web.ledger.request(&id).unwrap().decision.quorum.unwrap().allow_self);
    web.answer(&id, false);
    assert_eq!(web.get(&format!("{REQUESTS}/{id}")).await.ok()["task"]["status"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_decide_is_refused_before_anybody_signs_it() {
    let mut web = Web::new();
    let nobody = r#"@approvers("person:4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab")"#;
    for (cedar, code) in [
        (policy(nobody), "policy.person"),
        (policy(r#"@approvers("alice")"#), "policy.annotation"),
        (policy(r#"@approver("role:approver")"#), "policy.annotation"),
        (policy(r#"@self_approval("yes")"#), "policy.annotation"),
        ("permit (principal, action, resource);".to_owned(), "policy.canary"),
        ("permit".to_owned(), "policy.policies"),
    ] {
        assert_eq!(web.set_cedar(&cedar).unwrap_err().code(), code, "{cedar}");
    }
    // The one that was in force is still.
    assert_eq!(web.ask(&disable("X0001")).await.len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_decides_at_once_and_ends_what_the_old_one_offered() {
    let mut web = Web::new();
    let action = disable("X0001");
    let denied = web.denied(&action).await;
    let before = web.last_decision().policy;
    let mut read = action.clone();
    read["action"]["name"] = json!("read_user");
    assert_eq!(web.post("/access/v1/evaluation", &read).await.ok()["decision"], true);
    web.set_cedar(&policy(r#"@risk("low") @reason("new")"#)).unwrap();
    assert_eq!(web.post("/access/v1/evaluation", &read).await.ok()["decision"], false);
    let after = web.last_decision().policy;
    assert_ne!(after, before);
    assert_eq!(after, web.ledger.policy_in_force().unwrap());
    let stale = web.post(REQUESTS, &asking(&action, &denied)).await;
    assert_eq!(problem(&stale), (400, "not_requestable"));
    let id = web.ask(&action).await;
    let view = web.ledger.request(&id).unwrap();
    assert_eq!((view.risk.as_deref(), view.why.as_deref()), (Some("low"), Some("new")));
    assert_eq!(view.decision.determining, ["asks"]);
    // A service that starts now arms the same.
    let mut web = web.restart();
    web.answer(&id, false);
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_is_called_back_once_and_only_where_the_operator_lets() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://{address}");
    let mut web = Web::with(|config| {
        config.callback_origins = vec![origin.clone(), "https://agents.example.com".to_owned()];
        config.outbound_allow = vec![address.to_string()];
    });
    // What was recorded before the first look is told to nobody: that look is over now.
    web.ledger.outbound().feed().step(&web.ledger).unwrap();
    web.ledger.outbound().start(&web.ledger).unwrap();
    let action = disable("X0001");
    let denied = web.denied(&action).await;
    let with = |endpoint: &str| {
        let mut ask = asking(&action, &denied);
        ask["callback"] =
            json!({"endpoint": endpoint, "state": {"flow": 7}, "events": ["approved", "denied"]});
        ask
    };
    for endpoint in [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/cb",
        "https://other.example.com/cb",
        "http://agents.example.com/cb",
        "https://user@agents.example.com/cb",
        "ftp://agents.example.com/cb",
        "/cb",
    ] {
        let answer = web.post(REQUESTS, &with(endpoint)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{endpoint}");
        assert_eq!(answer.body["code"], "arap.callback", "{endpoint}");
    }
    let asked = web.post(REQUESTS, &with(&format!("{origin}/cb?a=b"))).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let id = asked.body["task"]["id"].as_str().unwrap().to_owned();
    web.answer(&id, false);

    let (mut stream, _) = listener.accept().await.unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"}") {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).await.unwrap();
        assert_ne!(n, 0, "{}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&buffer[..n]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    let text = String::from_utf8(got).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /cb?a=b HTTP/1.1"), "{head}");
    for field in ["signature:", "signature-input:", "content-digest:", "webhook-id:"] {
        assert!(head.to_ascii_lowercase().contains(field), "{field} {head}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    let endpoint = format!("http://localhost:8420{REQUESTS}/{id}");
    let task = json!({"id": id, "status": "approved", "status_endpoint": endpoint});
    assert_eq!(body, json!({"state": {"flow": 7}, "task": task}));
}

// SPEC.md R-10-48.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_request_nothing_is_left_here_either() {
    const SECRET: &str = "Rumpelstilzchen-4711";
    fn holding(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let items = std::fs::read_dir(folder).unwrap().map(|item| item.unwrap().path());
        items.fold(Vec::new(), |mut found, path| {
            if path.is_dir() {
                found.extend(holding(&path));
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes())
            {
                found.push(path);
            }
            found
        })
    }
    let endpoint = "https://agents.example.com/cb";
    let mut web = Web::with(|config| {
        config.callback_origins = vec!["https://agents.example.com".to_owned()];
    });
    web.ledger.outbound().feed().step(&web.ledger).unwrap();
    let action = disable(SECRET);
    let mut ask = asking(&action, &web.denied(&action).await);
    ask["callback"] = json!({"endpoint": endpoint, "state": {"about": SECRET}});
    let asked = web.post(REQUESTS, &ask).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
    let id = asked.body["task"]["id"].as_str().unwrap().to_owned();
    web.answer(&id, true);
    web.ledger.outbound().feed().step(&web.ledger).unwrap();
    let root = web.tmp.path().to_path_buf();
    let before = holding(&root);
    for file in ["arap.sqlite", "outbound.sqlite", "bodies"] {
        assert!(before.iter().any(|p| p.to_string_lossy().contains(file)), "{file}: {before:?}");
    }
    let leaf = web.ledger.row(&id).unwrap().decision;
    let signer = web.key.credential_id().to_vec();
    let prepared = web.ledger.prepare_erasure(leaf, "asked for", &signer).unwrap().to_sign;
    let by_first = signed(&mut web.key, &prepared.challenge);
    web.ledger.confirm_erasure(prepared.document.sha256(), by_first).unwrap();
    assert_eq!(holding(&root), Vec::<std::path::PathBuf>::new());
    assert_eq!(web.get(&format!("{REQUESTS}/{id}")).await.status, StatusCode::NOT_FOUND);
    let spent = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!((spent.status, &spent.body["code"]), (StatusCode::GONE, &json!("log.erased")));
    // An action like it is another request, and is asked for anew.
    web.ask(&action).await;
}

/// Known answers that the profile's working group published for `binding_hash` (openid/authzen,
/// commit ad0db53, `test-vectors/binding-hash.json`: single-basic, single-context-member-absent,
/// single-context-member-null, single-array-order, bulk-item-order).
#[test]
fn the_profiles_vectors_hold() {
    use placet_proto::action::{Action, binding_hash_bulk};
    let read = |value: &Value| {
        let json = placet_proto::json::parse(value.to_string().as_bytes()).unwrap();
        Action::from_request(&json).unwrap()
    };
    let bob = |context: Value| {
        json!({
            "subject": {"type": "user", "id": "bob@example.com"},
            "resource": {"type": "account", "id": "A-123"},
            "action": {"name": "transfer"},
            "context": context,
        })
    };
    let basic = json!({
        "subject": {"type": "user", "id": "alice@example.com", "properties": {
            "department": "engineering", "act": {"sub": "delegating-client"}}},
        "resource": {"type": "document", "id": "quarterly-plan",
            "properties": {"classification": "internal"}},
        "action": {"name": "read"},
        "context": {"tenant": "acme", "time": "2026-07-13T10:00:00Z", "evaluation_id": "eval-123"},
    });
    let chain = json!({
        "subject": {"type": "user", "id": "dana@example.com"},
        "resource": {"type": "deployment", "id": "prod-eu"},
        "action": {"name": "promote"},
        "context": {"approval_chain": ["security", null, "operations"]},
    });
    for (action, members, hash) in [
        (basic, ["tenant"], "l0ugE2lupDlzVCE-RxH7_vnpivDDkZ585VWMB0HJN_c"),
        (bob(json!({"tenant": "acme"})), ["risk"], "lf0v2KKyh8NBEn11WRxqKqEscpKysEicAJ8D2RWelzU"),
        (
            bob(json!({"tenant": "acme", "risk": null})),
            ["risk"],
            "ZhIBgx_FoUtpREC6-YQd5mq96D5b_26VZqobNE-BDPY",
        ),
        (chain, ["approval_chain"], "_6B-qB6P-mydIxD8KB6VpJ-B-clDcC8eGLtkPDCw1ys"),
    ] {
        assert_eq!(read(&action).binding_hash(&members), hash);
    }
    let item = |resource: Value, action: Value| {
        read(&json!({
            "subject": {"type": "service", "id": "deployment-agent", "properties": {
                "act": {"sub": "release-manager"}, "environment": "production"}},
            "resource": resource, "action": action,
            "context": {"region": "eu-west-1", "tenant": "acme", "time": "2026-07-13T10:00:00Z"},
        }))
    };
    let items = [
        item(
            json!({"type": "service", "id": "api"}),
            json!({"name": "deploy", "properties": {"version": "2.1.0"}}),
        ),
        item(
            json!({"type": "database", "id": "primary"}),
            json!({"name": "migrate", "properties": {"revision": 42}}),
        ),
    ];
    let bulk = binding_hash_bulk(&items, &["tenant", "region"]).unwrap();
    assert_eq!(bulk, "mtqgljH0HQqidY8vzpi6EqMjIbDxN8PflXqEIEOJWYI");
}
