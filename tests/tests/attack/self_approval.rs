//! Whoever asks is not who answers.

use placet_proto::document::Role;
use serde_json::json;

use crate::common::{Web, answer_with, consume, disable};

const ASKS: &str = r#"@id("asks") @quorum("2")
    permit (principal, action == Action::"disable_user", resource)
    when { context has approval && context.approval.digest == context.action_digest };"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_ones_own_name_needs_somebody_else() {
    let mut web = Web::new();
    let (_, mut bobs_key) = web.enrol_further("Bob", &[Role::Approver]);
    let one = ASKS.replace("@quorum(\"2\")", "");
    web.set_cedar(&one).unwrap();
    for name in ["Alice", "ALICE"] {
        let mut action = disable("X0001");
        action["subject"]["id"] = json!(name);
        let id = web.ask(&action).await;
        let by_alice = answer_with(&web.ledger, &mut web.key, &id, false);
        assert_eq!(by_alice.unwrap_err().code(), "answer.self_approval", "{name}");
        answer_with(&web.ledger, &mut bobs_key, &id, false).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_no_quorum_however_often_they_answer() {
    let mut web = Web::new();
    let (_, _bobs_key) = web.enrol_further("Bob", &[Role::Approver]);
    web.set_cedar(ASKS).unwrap();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let twice = answer_with(&web.ledger, &mut web.key, &id, false);
    assert_eq!(twice.unwrap_err().code(), "answer.repeated");
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
}
