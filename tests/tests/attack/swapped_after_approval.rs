//! Time of check, time of use: what runs is not what the person approved.

use std::convert::Infallible;

use placet_pep::enforce::{Enforcer, Payload, Verdict};
use proptest::prelude::*;
use serde_json::json;

use crate::common::{Web, consume, disable};
use crate::enforcing::{again, approve, embedded, intent, never};

#[tokio::test(flavor = "multi_thread")]
async fn another_body_is_refused_and_the_approval_is_still_there_for_the_right_one() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let body = &br#"{"amount": "10.00", "to": "ann"}"#[..];
    let approved = intent(&disable("X0001")).with_payload(Payload::new("application/json", body));
    let (id, verdict) = approve(&mut web, &enforcer, &approved).await;
    let Verdict::Permitted(permit) = verdict else { panic!("{verdict:?}") };
    let swapped = &br#"{"amount": "1000.00", "to": "mallory"}"#[..];
    let swapped = intent(&disable("X0001")).with_payload(Payload::new("application/json", swapped));
    let refused = permit.run(swapped, never).await.unwrap_err();
    assert_eq!(refused.code(), "enforce.mismatch");
    assert!(web.ledger.row(&id).unwrap().execution.is_none(), "nothing was spent");
    let Verdict::Permitted(permit) = again(&enforcer, &approved).await else { panic!() };
    let ran = permit.run(approved, async |what| {
        assert_eq!(what.payload().unwrap().bytes(), body, "what was compared is what runs");
        Ok::<_, Infallible>(())
    });
    assert_eq!(ran.await.unwrap().recorded, Ok(()));
}

/// Who speaks to the ledger without the library is held to the same.
#[tokio::test(flavor = "multi_thread")]
async fn spending_it_for_something_else_is_refused_by_the_ledger_itself() {
    let mut web = Web::new();
    let action = disable("X0001");
    let id = web.ask(&action).await;
    web.answer(&id, false);
    let mut more = action.clone();
    more["context"] = json!({"ticket": "T-1"});
    for other in [disable("X0002"), more] {
        let refused = web.post("/v1/consume", &consume(&id, &other, "k")).await;
        assert_eq!(refused.body["code"], "consume.not_approved", "{}", refused.body);
    }
    let mut raw = consume(&id, &action, "k");
    raw["raw"] = json!({"media_type": "text/plain", "length": 1, "sha256": "00".repeat(32)});
    let refused = web.post("/v1/consume", &raw).await;
    assert_eq!(refused.body["code"], "consume.not_approved", "{}", refused.body);
    web.post("/v1/consume", &consume(&id, &action, "k")).await.ok();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_of_a_body_can_change(body in proptest::collection::vec(any::<u8>(), 1..200),
                                    at in any::<proptest::sample::Index>(), flip in 1_u8..) {
        let mut other = body.clone();
        let at = at.index(body.len());
        other[at] ^= flip;
        let [one, two] = [body, other].map(|bytes| Payload::new("application/octet-stream", bytes));
        prop_assert_ne!(one.raw(), two.raw());
    }
}
