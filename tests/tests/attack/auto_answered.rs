//! Something else than a person answers: a hook that accepts every elicitation, a browser that is
//! driven, an agent that has the page's words. What is no assertion of a passkey over this very
//! question is no approval.

use placet_ledger::service::{Opening, Signed, ToSign};
use placet_softkey::SoftKey;

use crate::common::{ORIGIN, Web, consume, disable, signed};

fn open(web: &Web, request: &str) -> ToSign {
    let opening = Opening {
        request: request.to_owned(),
        credential: web.key.credential_id().to_vec(),
        surface: "browser".to_owned(),
        denial: false,
        reason: None,
    };
    web.ledger.open_request(&opening).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_persons_assertion_approves_nothing() {
    let mut web = Web::new();
    let id = web.ask(&disable("X0001")).await;
    let other = web.ask(&disable("X0002")).await;
    let size = web.ledger.log(placet_ledger::LogId::Main).size();
    let credential = web.key.credential_id().to_vec();
    let accepted = Signed {
        credential: credential.clone(),
        authenticator_data: Vec::new(),
        client_data_json: br#"{"action":"accept","content":{"approved":true}}"#.to_vec(),
        signature: Vec::new(),
    };
    let nothing = Signed { client_data_json: Vec::new(), ..accepted.clone() };
    let sign = open(&web, &id);
    // What a person signed about another question, and before about this one.
    let of_other = open(&web, &other).challenge;
    let elsewhere = signed(&mut web.key, &of_other);
    let stale = signed(&mut web.key, &[0; 32]);
    // A key that the agent made, and that says it is the person's.
    let mut own = SoftKey::generate("localhost").unwrap();
    let made = own.assert(&sign.challenge, ORIGIN);
    let made = Signed {
        credential,
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    };
    for answer in [accepted, nothing, elsewhere, stale, made] {
        let shown = String::from_utf8_lossy(&answer.client_data_json).into_owned();
        let refused = web.ledger.answer(sign.document.sha256(), answer).unwrap_err();
        assert_eq!(refused.code(), "answer.assertion", "{shown}");
    }
    assert_eq!(web.ledger.log(placet_ledger::LogId::Main).size(), size, "nothing was recorded");
    let early = web.post("/v1/consume", &consume(&id, &disable("X0001"), "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
    // The same question, answered by the person.
    let answer = signed(&mut web.key, &sign.challenge);
    web.ledger.answer(sign.document.sha256(), answer).unwrap();
    web.post("/v1/consume", &consume(&id, &disable("X0001"), "k")).await.ok();
}

/// A PEP's token, which an agent's host may hold, answers nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_for_programs_takes_an_answer() {
    let web = Web::new();
    let id = web.ask(&disable("X0001")).await;
    for path in ["open", "answer"] {
        let body = serde_json::json!({"approved": true, "denial": false, "credential": "AAAA"});
        let refused = web.post(&format!("/approve/{id}/{path}"), &body).await;
        assert!([401, 403].contains(&refused.status.as_u16()), "{path}: {}", refused.body);
    }
    assert_eq!(
        web.get(&format!("/access/v1/requests/{id}")).await.body["task"]["status"],
        "pending"
    );
}
