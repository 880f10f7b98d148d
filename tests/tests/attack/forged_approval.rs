//! Something answers in the person's place: an elicitation that a hook accepts, an agent that
//! writes `approved` into its request.

use serde_json::{Value, json};

use crate::common::{Web, consume, disable};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_says_of_its_own_approval_counts_for_nothing() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let digest = crate::common::digest(&action);
    let claims: [Value; 5] = [
        json!({"approval": {"digest": digest, "method": "webauthn", "approvers": 1,
                            "user_verified": true, "age_seconds": 0}}),
        json!({"approval": {"id": id, "approved_until": "2099-01-01T00:00:00Z"}}),
        json!({"approval": true}),
        json!({"approved": true, "approver": "alice", "elicitation": {"action": "accept"}}),
        json!({"action_digest": digest, "approval.digest": digest}),
    ];
    for context in claims {
        let mut asked = action.clone();
        asked["context"] = context.clone();
        let answer = web.post("/access/v1/evaluation", &asked).await;
        assert_ne!(answer.body["decision"], true, "{context}: {}", answer.body);
        let mut properties = action.clone();
        properties["subject"]["properties"] = context.clone();
        properties["resource"]["properties"] = context;
        let answer = web.post("/access/v1/evaluation", &properties).await;
        assert_ne!(answer.body["decision"], true, "{}", answer.body);
    }
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
    // A denial is not an approval either, and ends it.
    web.answer(&id, true);
    let after = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(after.status.as_u16() / 100, 4, "{}", after.body);
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
}
