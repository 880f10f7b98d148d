//! The agent runs on the ledger's or the gateway's machine, as the very user that they run as: it
//! reads their files and writes them.
//!
//! What holds: nobody is approved for, for that takes a passkey, and the policy in force is the one
//! that an administrator signed. What does not hold is shown as well, so that nobody counts on it:
//! who reads the API's credential needs no gateway, and who writes `gateway.toml` says which call
//! is which action. Run both as a user of their own (docs/operating.md).

use axum::http::StatusCode;
use placet_ledger::http::App;
use placet_ledger::service::{Ledger, Surroundings};
use placet_pep::enforce::Enforcer;
use placet_pep::http::Pep;
use placet_pep::policy::PolicyFiles;
use serde_json::json;

use crate::common::{Web, consume, disable, files};
use crate::enforcing::embedded;
use crate::gatewaying::{api, call, gateway, serve, table, web};

const DISABLE: &str = "POST /users/X0001/disable";

/// With `keys/pep-token` it can do what an enforcement point can, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_gateway_asks_and_spends_and_approves_nothing() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
    for path in [format!("/approve/{id}/answer"), "/v1/tokens".to_owned()] {
        let refused = web.post(&path, &json!({})).await;
        assert!(refused.status.is_client_error(), "{path}: {}", refused.status);
    }
    // What a person approved it can spend without the call that was approved: that stands on
    // record, as an execution of this token's, and the gateway finds nothing left to spend.
    web.answer(&id, false);
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();
    assert!(web.ledger.row(&id).unwrap().execution.is_some());
    let second = web.post("/v1/consume", &consume(&id, &action, "l")).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
}

/// A policy that somebody wrote into the ledger's folder is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_in_the_folder_that_nobody_signed_is_not_in_force() {
    let web = Web::new();
    let Web { ledger, router, tmp, clock, .. } = web;
    drop((ledger, router));
    let mut changed = 0;
    for entry in std::fs::read_dir(tmp.path().join("d/policy")).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("permit (")) {
            std::fs::write(&path, "permit (principal, action, resource);").unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    let ledger = loop {
        let around = Surroundings { clock: clock.clone(), witnesses: None };
        match Ledger::open(&tmp.path().join("d"), around) {
            // Its threads are on their way out.
            Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    let armed = Pep::new(App::new(ledger, &[]).unwrap());
    assert!(armed.is_err(), "what is there is not what the governance log says");
}

/// One more policy needs an administrator's passkey.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_the_agents_own_waits_for_a_signature_that_it_can_not_make() {
    let web = Web::new();
    let mut other = files(&PolicyFiles::demo());
    let permits = br#"permit (principal, action == Action::"disable_user", resource);"#;
    other.insert("policies.cedar".to_owned(), permits.to_vec());
    let change = placet_ledger::service::Change::Policy(other);
    let sign = web.ledger.prepare_change(&change, web.key.credential_id()).unwrap();
    let mut own = placet_softkey::SoftKey::generate("localhost").unwrap();
    let forged = placet_ledger::service::Signed {
        credential: web.key.credential_id().to_vec(),
        ..crate::common::signed(&mut own, &sign.challenge)
    };
    assert!(web.ledger.confirm_change(sign.document.sha256(), forged).is_err());
    web.denied(&disable("X0001")).await;
}

/// What does not hold: the route table is the word of whoever can write it. The record says it.
#[tokio::test(flavor = "multi_thread")]
async fn who_writes_the_route_table_says_what_a_call_is_and_the_record_shows_the_call() {
    let web = web();
    let (upstream, hits) = api().await;
    let honest = table(&upstream, "");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &honest)).await;
    assert_eq!(call(&address, DISABLE, &[], "").await.status, 401);
    // The gateway that runs does not read its file again: this counts from its next start on.
    let edited = honest.replace("\"disable_user\"", "\"read_user\"");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &edited)).await;
    assert_eq!(call(&address, DISABLE, &[], "").await.status, 200, "nothing stops it");
    assert_eq!(hits.lock().unwrap().len(), 1);
    let recorded = web.last_decision().action;
    assert_eq!(recorded.name(), "read_user");
    let http = recorded.context().get("http").cloned().unwrap();
    let text = |name: &str| http.get(name).and_then(|v| v.as_str()).map(str::to_owned);
    assert_eq!(text("method").as_deref(), Some("POST"));
    assert_eq!(text("target").as_deref(), Some("/users/X0001/disable"));
}
