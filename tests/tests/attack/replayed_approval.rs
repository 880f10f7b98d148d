//! One approval, and somebody who wants two executions of it, or one a year later.

use axum::http::StatusCode;
use serde_json::json;

use crate::common::{Web, consume, disable};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_spent_once_by_whom_it_is_for_and_in_its_time() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let mut by_another = consume(&id, &action, "k0");
    by_another["initiator"]["id"] = json!("other-bot");
    let refused = web.post("/v1/consume", &by_another).await;
    assert_eq!(refused.body["code"], "consume.not_approved", "{}", refused.body);

    let first = web.post("/v1/consume", &consume(&id, &action, "k1")).await.ok();
    assert_eq!(first["repeated"], false);
    // The same call again is told that it is the same: the library runs nothing then.
    let repeated = web.post("/v1/consume", &consume(&id, &action, "k1")).await.ok();
    assert_eq!(
        (&repeated["repeated"], &repeated["execution"]),
        (&json!(true), &first["execution"])
    );
    let second = web.post("/v1/consume", &consume(&id, &action, "k2")).await;
    assert_eq!(
        (second.status, &second.body["code"]),
        (StatusCode::CONFLICT, &json!("consume.conflict"))
    );

    // The signed state of it, sent again, asks for a new one.
    let task = web.get(&format!("/access/v1/requests/{id}")).await;
    let approval = task.body["result"]["approval"].clone();
    let mut again = action.clone();
    again["context"] = json!({"approval": approval});
    let answer = web.post("/access/v1/evaluation", &again).await;
    assert_ne!(answer.body["decision"], true, "{}", answer.body);

    // A process that begins anew knows all that.
    let web = web.restart();
    let second = web.post("/v1/consume", &consume(&id, &action, "k3")).await;
    assert_eq!(second.body["code"], "consume.conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_kept_for_later_is_too_old() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    // The policy counts approvals of the last five minutes.
    web.clock.forward(301);
    let late = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(late.status.as_u16() / 100, 4, "{}", late.body);
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
    web.clock.forward(365 * 86_400);
    let late = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(late.status.as_u16() / 100, 4, "{}", late.body);
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
}
