//! A person is brought to sign something else than a document that we made and showed: a bare
//! digest, a denial, a document about another request.

use placet_ledger::service::{Opening, Signed};
use placet_proto::sha256;

use crate::common::{ORIGIN, Web, consume, disable, signed};

fn opening(web: &Web, request: &str, denial: bool) -> Opening {
    Opening {
        request: request.to_owned(),
        credential: web.key.credential_id().to_vec(),
        surface: "cli".to_owned(),
        denial,
        reason: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_over_a_digest_or_over_something_else_is_no_approval() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    let other = web.ask(&disable("X0002")).await;
    let to_sign = web.ledger.open_request(&opening(&web, &id, false)).unwrap();
    let denial = web.ledger.open_request(&opening(&web, &id, true)).unwrap();
    let about_other = web.ledger.open_request(&opening(&web, &other, false)).unwrap();
    let digest = hex::decode(crate::common::digest(&action)).unwrap();
    let refused = |web: &mut Web, document: &[u8; 32], challenge: &[u8]| {
        let made: Signed = signed(&mut web.key, challenge);
        web.ledger.answer(document, made).unwrap_err().code().to_owned()
    };
    let document = *to_sign.document.sha256();
    // The digest of the action, of the document, the document itself, a denial, another request.
    for challenge in [
        digest,
        document.to_vec(),
        to_sign.document.bytes().to_vec(),
        denial.challenge.clone(),
        about_other.challenge.clone(),
    ] {
        assert_eq!(refused(&mut web, &document, &challenge), "answer.assertion");
    }
    // A document that nobody made.
    let unknown = sha256(b"approve everything");
    let challenge = web.key.assert(&unknown, ORIGIN).client_data_json;
    assert_eq!(refused(&mut web, &unknown, &challenge), "answer.document_unknown");
    let early = web.post("/v1/consume", &consume(&id, &action, "k")).await;
    assert_eq!(early.body["code"], "consume.not_approved");
}
