//! The enforcement library over a real ledger, in this process and over HTTP: what was approved
//! runs, once, and nothing else does.

mod common;
mod enforcing;

use std::convert::Infallible;
use std::time::Duration;

use common::*;
use enforcing::*;
use placet_ledger::LogId;
use placet_pep::enforce::{EnforceError, Enforcer, Intent, Payload, Ran, Verdict};
use placet_proto::document::OutcomeResult;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_runs_once_and_its_outcome_is_on_record() {
    for remote in [false, true] {
        let mut web = Web::new();
        let served = if remote { Some(Served::start(&web).await) } else { None };
        let enforcer = match &served {
            Some(served) => Enforcer::new(served.remote(&web)),
            None => Enforcer::new(embedded(&web)),
        };
        let intent = intent(&disable("X0001")).with_payload(payload(b"{\"a\":1}"));
        let Verdict::NeedsApproval(requestable) = enforcer.evaluate(&intent).await.unwrap() else {
            panic!("it needs an approval");
        };
        let pending = requestable.submit().await.unwrap();
        assert!(pending.review().unwrap().ends_with(pending.id()));
        let id = pending.id().to_owned();
        let waiting = tokio::spawn(async move { pending.wait(PATIENCE).await });
        web.answer(&id, false);
        let Verdict::Permitted(permit) = waiting.await.unwrap().unwrap() else {
            panic!("it is permitted");
        };
        assert_eq!(permit.request(), Some(id.as_str()));
        let mut ran_with = None;
        let ran = permit.run(intent.clone(), async |intent| {
            assert!(web.ledger.row(&id).unwrap().execution.is_some());
            ran_with = Some(intent);
            Ok::<_, Infallible>(7)
        });
        let Ran { output, recorded } = ran.await.unwrap();
        assert_eq!((output.unwrap(), recorded), (7, Ok(())));
        assert_eq!(ran_with.as_ref(), Some(&intent));
        assert_eq!(outcome(&web, &id).map(|o| o.result), Some(OutcomeResult::Success));

        // The approval is spent: the same intent needs another.
        let again = enforcer.evaluate(&intent).await.unwrap();
        assert!(matches!(again, Verdict::NeedsApproval(_)), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_policy_permits_by_itself_runs_after_its_decision_is_on_record() {
    let web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let before = web.ledger.log(LogId::Main).size();
    let ran = enforcer.enforce(intent(&read("X0001")), PATIENCE, async |_| {
        assert_eq!(web.ledger.log(LogId::Main).size(), before + 1);
        Ok::<_, Infallible>(())
    });
    assert_eq!(ran.await.unwrap().recorded, Ok(()));
    let mut other = read("X0001");
    other["action"]["name"] = json!("delete_user");
    let refused = enforcer.enforce(intent(&other), PATIENCE, never).await;
    assert_eq!(refused.unwrap_err().code(), "enforce.denied");
}

// SPEC.md R-10-150.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_for_what_was_permitted_and_for_nothing_else() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let approved = intent(&disable("X0001")).with_payload(payload(b"{\"a\":1}"));
    let mut other_agent = disable("X0001");
    other_agent["subject"]["properties"] = json!({"act": {"id": "other-bot"}});
    let swapped: [(&str, Intent); 6] = [
        ("another body", intent(&disable("X0001")).with_payload(payload(b"{\"a\":2}"))),
        ("no body", intent(&disable("X0001"))),
        (
            "another media type",
            intent(&disable("X0001")).with_payload(Payload::new("text/plain", &b"{\"a\":1}"[..])),
        ),
        ("another resource", intent(&disable("X0002")).with_payload(payload(b"{\"a\":1}"))),
        ("another action", intent(&read("X0001")).with_payload(payload(b"{\"a\":1}"))),
        ("another agent", intent(&other_agent).with_payload(payload(b"{\"a\":1}"))),
    ];
    let (id, mut verdict) = approve(&mut web, &enforcer, &approved).await;
    for (what, other) in swapped {
        let Verdict::Permitted(permit) = verdict else { panic!("{what}") };
        let refused = permit.run(other, never).await.unwrap_err();
        assert_eq!(refused.code(), "enforce.mismatch", "{what}");
        assert!(web.ledger.row(&id).unwrap().execution.is_none(), "{what}");
        // The approval is not spent, and is found again.
        verdict = again(&enforcer, &approved).await;
    }
    let Verdict::Permitted(permit) = verdict else { panic!() };
    let ran = permit.run(approved, async |_| Ok::<_, Infallible>(())).await.unwrap();
    assert_eq!(ran.recorded, Ok(()));
    // Without an approval too.
    let Verdict::Permitted(permit) = enforcer.evaluate(&intent(&read("X1"))).await.unwrap() else {
        panic!()
    };
    let refused = permit.run(intent(&read("X2")), never).await.unwrap_err();
    assert_eq!(refused, EnforceError::Mismatch("another action"));
}
