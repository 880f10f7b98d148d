//! A token or a passkey that was good a moment ago.

use axum::http::StatusCode;
use placet_ledger::service::{Change, Scope};
use placet_proto::document::Role;
use serde_json::json;

use crate::common::{Web, answer_with, consume, disable, signed};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_opens_nothing_from_that_moment_on() {
    let mut web = Web::new();
    let access = web.ledger.access();
    let (row, token) = access.create_token("agent", &[Scope::Pep], None, web.ledger.now()).unwrap();
    let first = std::mem::replace(&mut web.token, token);
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    web.ledger.access().revoke_token(&row.id, web.ledger.now()).unwrap();
    for (path, body) in
        [("/v1/consume", consume(&id, &action, "k")), ("/access/v1/evaluation", action.clone())]
    {
        assert_eq!(web.post(path, &body).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
    web.token = first;
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_passkey_approves_nothing_and_what_it_approved_is_not_spent() {
    let mut web = Web::new();
    let (_, mut bobs_key) = web.enrol_further("Bob", &[Role::Approver]);
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let open = web.ask(&disable("X0002")).await;
    answer_with(&web.ledger, &mut bobs_key, &id, false).unwrap();
    let change = Change::Revoke {
        credential: bobs_key.credential_id().to_vec(),
        effective_from: web.ledger.now(),
        reason: "it was lost".to_owned(),
    };
    let to_sign = web.ledger.prepare_change(&change, web.key.credential_id()).unwrap();
    let by_first = signed(&mut web.key, &to_sign.challenge);
    web.ledger.confirm_change(to_sign.document.sha256(), by_first).unwrap();
    let late = answer_with(&web.ledger, &mut bobs_key, &open, false);
    assert_eq!(late.unwrap_err().code(), "person.not_authorised");
    let spent = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_ne!(spent.status, StatusCode::OK, "{}", json!(spent.body));
    assert!(web.ledger.row(&id).unwrap().execution.is_none());
}
