//! A page that looks like ours, a touch that was none, a key that was not unlocked.

use placet_ledger::service::{Opening, Signed, ToSign};
use placet_proto::document::Digest;
use placet_softkey::{Assertion, Behaviour};

use crate::common::{ORIGIN, Web, disable};

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

fn answer(web: &Web, document: &Digest, made: Assertion) -> String {
    let signed = Signed {
        credential: made.credential_id,
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    };
    web.ledger.answer(document, signed).unwrap_err().code().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_elsewhere_or_without_the_person_approves_nothing() {
    let mut web = Web::new();
    let id = web.ask(&disable("X0001")).await;
    let size = web.ledger.log(placet_ledger::LogId::Main).size();
    for origin in ["https://localhost.example.com", "http://localhost:9999", "null", ""] {
        let sign = open(&web, &id);
        let made = web.key.assert(&sign.challenge, origin);
        assert_eq!(answer(&web, sign.document.sha256(), made), "answer.assertion", "{origin}");
    }
    for behaviour in [
        Behaviour::without_user_presence(),
        Behaviour::without_user_verification(),
        Behaviour::other_rp_id("localhost.example.com"),
    ] {
        let sign = open(&web, &id);
        let made = web.key.assert_with(&sign.challenge, ORIGIN, &behaviour);
        assert_eq!(answer(&web, sign.document.sha256(), made), "answer.assertion");
    }
    assert_eq!(web.ledger.log(placet_ledger::LogId::Main).size(), size, "nothing was recorded");
    let early = web.post("/v1/consume", &crate::common::consume(&id, &disable("X0001"), "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
}
