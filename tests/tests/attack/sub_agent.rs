//! Delegation: an agent that was approved lets another one act, or claims to act for somebody.

use serde_json::json;

use crate::common::{Web, consume, disable};

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_whom_is_part_of_what_is_approved() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    for act in [
        json!({"act": {"sub": "helper-bot"}}),
        json!({"act": {"sub": "support-bot", "act": {"sub": "helper-bot"}}}),
        json!({"on_behalf_of": "ceo"}),
    ] {
        let mut delegated = action.clone();
        delegated["subject"]["properties"] = act;
        assert_ne!(crate::common::digest(&delegated), crate::common::digest(&action));
        let refused = web.post("/v1/consume", &consume(&id, &delegated, "k")).await;
        assert_eq!(refused.body["code"], "consume.not_approved", "{}", refused.body);
        let asked = web.post("/access/v1/evaluation", &delegated).await.ok();
        assert_eq!(asked["decision"], false, "it needs an approval of its own");
    }
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
}
