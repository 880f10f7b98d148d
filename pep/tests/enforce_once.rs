//! At most once: whatever is lost, cut off, dropped or repeated, an approval is good for one run,
//! and what is not known to have ended is `unknown`.

mod common;
mod enforcing;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::*;
use enforcing::*;
use placet_pep::enforce::{
    EnforceError, Enforcer, Outcome, Permit, Ran, Requestable, Settings, Verdict,
};
use placet_proto::document::OutcomeResult;
use tokio::sync::Semaphore;

fn permit(verdict: Verdict) -> Permit {
    match verdict {
        Verdict::Permitted(permit) => permit,
        other => panic!("{other:?}"),
    }
}

/// `tries` calls at the same time want to spend one approval; each goes on until it knows.
async fn contend(enforcer: &Enforcer, id: &str, tries: usize) -> usize {
    let (ran, start) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let intent = intent(&disable("X0001"));
    let all = (0..tries).map(|n| {
        let (enforcer, id, intent) = (enforcer.clone(), id.to_owned(), intent.clone());
        let (ran, start) = (Arc::clone(&ran), Arc::clone(&start));
        tokio::spawn(async move {
            drop(start.acquire().await.unwrap());
            loop {
                let permit = enforcer.resume(&intent, &id, &format!("key-{n}")).unwrap();
                let run = permit.run(intent.clone(), async |_| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(())
                });
                match run.await {
                    Ok(Ran { recorded, .. }) => return recorded.unwrap(),
                    Err(error) if error.is_transient() => tokio::task::yield_now().await,
                    Err(error) => {
                        let code = error.ledger_code().unwrap_or_default();
                        assert!(matches!(code, "consume.conflict" | "request.state"), "{error}");
                        return;
                    }
                }
            }
        })
    });
    let all: Vec<_> = all.collect();
    start.add_permits(tries);
    for one in all {
        one.await.unwrap();
    }
    ran.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_tries_to_spend_one_approval_one_succeeds() {
    let mut web = Web::with(|config| config.token_rate = 1_000_000);
    let patient = Settings { consume_time: Duration::from_secs(120), ..Settings::default() };
    let enforcer = Enforcer::with_settings(embedded(&web), patient.clone());
    let (id, _) = approve(&mut web, &enforcer, &intent(&disable("X0001"))).await;
    assert_eq!(contend(&enforcer, &id, 10_000).await, 1);

    let served = Served::start(&web).await;
    let remote = Enforcer::with_settings(served.remote(&web), patient);
    let (id, _) = approve(&mut web, &remote, &intent(&disable("X0001"))).await;
    assert_eq!(contend(&remote, &id, 200).await, 1);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permits_of_one_approval_are_worth_one_run() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let wanted = intent(&disable("X0001"));
    let (_, first) = approve(&mut web, &enforcer, &wanted).await;
    let second = again(&enforcer, &wanted).await;
    let ran = permit(first).run(wanted.clone(), async |_| Ok::<_, Infallible>(())).await;
    assert_eq!(ran.unwrap().recorded, Ok(()));
    let refused = permit(second).run(wanted, never).await.unwrap_err();
    assert_eq!(refused.ledger_code(), Some("consume.conflict"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_is_asked_for_again_and_the_action_runs_once() {
    let mut web = Web::new();
    let between = Between::new(embedded(&web), |route, nth| match (route, nth) {
        ("/v1/consume" | "/v1/outcome", 0) => Fault::Lost,
        _ => Fault::None,
    });
    let enforcer = Enforcer::new(between.clone());
    let wanted = intent(&disable("X0001"));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let runs = AtomicUsize::new(0);
    let ran = permit(verdict).run(wanted, async |_| {
        runs.fetch_add(1, Ordering::SeqCst);
        Err::<(), _>("no such user")
    });
    assert_eq!(ran.await.unwrap().recorded, Ok(()));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!((between.calls("/v1/consume"), between.calls("/v1/outcome")), (2, 2));
    let told = outcome(&web, &id).unwrap();
    assert_eq!((told.result, told.detail.as_str()), (OutcomeResult::Failure, "no such user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_answer_to_spending_comes_nothing_runs_and_that_is_told() {
    for fault in [Fault::Lost, Fault::Hangs] {
        let mut web = Web::new();
        let plan = fault.clone();
        let between = Between::new(embedded(&web), move |route, _| match route {
            "/v1/consume" => plan.clone(),
            _ => Fault::None,
        });
        let settings = Settings { consume_time: Duration::from_secs(2), ..Settings::default() };
        let enforcer = Enforcer::with_settings(between, settings);
        let wanted = intent(&disable("X0001"));
        let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
        let refused = permit(verdict).run(wanted, never).await.unwrap_err();
        assert!(refused.is_transient(), "{refused}");
        if matches!(fault, Fault::Lost) {
            let told = outcome_comes(&web, &id).await;
            assert_eq!(told.result, OutcomeResult::Failure);
            assert!(told.detail.starts_with("nothing ran"), "{}", told.detail);
        } else {
            assert!(web.ledger.row(&id).unwrap().execution.is_none());
        }
    }
}

// SPEC.md R-10-153, R-10-159.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_came_second_has_no_say_in_the_outcome() {
    for dropped in [false, true] {
        let mut web = Web::new();
        let wanted = intent(&disable("X0001"));
        let first = Enforcer::new(embedded(&web));
        let (id, verdict) = approve(&mut web, &first, &wanted).await;
        let between = Between::new(embedded(&web), move |route, nth| match (route, nth) {
            ("/v1/consume", 0) if dropped => Fault::Hangs,
            // The ledger never hears of it, and says to the repetition that another spent it.
            ("/v1/consume", 0) => Fault::Unreached,
            _ => Fault::None,
        });
        let second = Enforcer::new(between.clone());
        let late = permit(again(&second, &wanted).await);
        let (running, _) = permit(verdict).begin(wanted.clone()).await.unwrap();
        if dropped {
            let spending = tokio::time::timeout(Duration::from_millis(50), late.begin(wanted));
            assert!(spending.await.is_err());
            // What it leaves behind is told, and refused.
            while between.calls("/v1/outcome") == 0 {
                tokio::task::yield_now().await;
            }
        } else {
            let refused = late.run(wanted, never).await.unwrap_err();
            assert_eq!(refused.ledger_code(), Some("consume.conflict"), "{refused}");
            assert_eq!(between.calls("/v1/outcome"), 0);
        }
        running.finish(Outcome::success("done")).await.unwrap();
        let told = outcome(&web, &id).unwrap();
        assert_eq!((told.result, told.detail.as_str()), (OutcomeResult::Success, "done"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_answers_by_itself_is_a_ledger_that_was_not_reached() {
    let mut web = Web::new();
    let between = Between::new(embedded(&web), |route, nth| match (route, nth) {
        ("/v1/consume" | "/v1/outcome", 0) => Fault::Changed(|mut answer| {
            answer.headers_mut().remove("x-request-id");
            *answer.status_mut() = axum::http::StatusCode::GATEWAY_TIMEOUT;
            answer
        }),
        _ => Fault::None,
    });
    let enforcer = Enforcer::new(between.clone());
    let wanted = intent(&disable("X0001"));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let ran = permit(verdict).run(wanted, async |_| Ok::<_, Infallible>(())).await.unwrap();
    assert_eq!(ran.recorded, Ok(()));
    assert_eq!((between.calls("/v1/consume"), between.calls("/v1/outcome")), (2, 2));
    assert_eq!(outcome(&web, &id).unwrap().result, OutcomeResult::Success);
}

// SPEC.md R-10-152.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_says_repeated_to_a_first_call_is_not_believed() {
    let mut web = Web::new();
    let between = Between::new(embedded(&web), |route, _| match route {
        "/v1/consume" => Fault::Says(serde_json::json!({
            "execution": {"index": 9, "document_sha256": "00".repeat(32)}, "repeated": true,
        })),
        _ => Fault::None,
    });
    let enforcer = Enforcer::new(between);
    let wanted = intent(&disable("X0001"));
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let refused = permit(verdict).run(wanted, never).await.unwrap_err();
    assert_eq!(refused, EnforceError::Repeated);
}

// SPEC.md R-10-153.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_dropped_or_panics_is_unknown() {
    for panics in [false, true] {
        let mut web = Web::new();
        let enforcer = Enforcer::new(embedded(&web));
        let wanted = intent(&disable("X0001"));
        let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
        let permit = permit(verdict);
        let (began, begins) = tokio::sync::oneshot::channel();
        let run = tokio::spawn(async move {
            permit
                .run(wanted, async |_| {
                    began.send(()).unwrap();
                    match panics {
                        true => panic!("in the middle of the action"),
                        false => std::future::pending::<Result<(), Infallible>>().await,
                    }
                })
                .await
        });
        begins.await.unwrap();
        if !panics {
            run.abort();
        }
        run.await.unwrap_err();
        let told = outcome_comes(&web, &id).await;
        assert_eq!(told.result, OutcomeResult::Unknown);
        assert_eq!(told.detail, "the enforcement point left before the end");
    }
}

// SPEC.md R-10-9, R-10-153.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_execution_and_outcome_is_unknown_and_never_a_second_run() {
    let mut web = Web::new();
    // From the execution on nothing of this enforcement point is heard any more.
    let between = Between::new(embedded(&web), |route, _| match route {
        "/v1/outcome" => Fault::Unreached,
        _ => Fault::None,
    });
    let settings = Settings { outcome_time: Duration::from_millis(100), ..Settings::default() };
    let enforcer = Enforcer::with_settings(between, settings);
    let wanted = intent(&disable("X0001"));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let permit = permit(verdict);
    let key = permit.key().to_owned();
    let (running, _) = permit.begin(wanted.clone()).await.unwrap();
    drop(running);
    drop(enforcer);

    // The ledger, too, is away for a while.
    let web = web.restart();
    assert!(outcome(&web, &id).is_none());
    // An enforcement point whose journal says that nothing began may act under the same key.
    let enforcer = Enforcer::new(embedded(&web));
    let resumed = enforcer.resume(&wanted, &id, &key).unwrap();
    let (running, _) = resumed.begin(wanted.clone()).await.unwrap();
    std::mem::forget(running);
    // Under another it may not.
    let other = enforcer.resume(&wanted, &id, "another key").unwrap();
    let refused = other.run(wanted.clone(), never).await.unwrap_err();
    assert_eq!(refused.ledger_code(), Some("consume.conflict"));

    web.clock.forward(web.ledger.config().outcome_s + 1);
    // Whatever is recorded wakes what looks for the overdue.
    let verdict = enforcer.evaluate(&intent(&read("X0001"))).await.unwrap();
    assert!(matches!(verdict, Verdict::Permitted(_)), "{verdict:?}");
    let told = outcome_comes(&web, &id).await;
    assert_eq!(told.result, OutcomeResult::Unknown);
    // Now it is over, whatever a journal says.
    let late = enforcer.resume(&wanted, &id, &key).unwrap();
    assert_eq!(late.run(wanted.clone(), never).await.unwrap_err(), EnforceError::Repeated);
    assert!(matches!(enforcer.evaluate(&wanted).await.unwrap(), Verdict::NeedsApproval(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_can_be_stopped_and_asking_again_joins_what_waits() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let wanted = intent(&disable("X0001"));
    let ask = async || -> Requestable {
        match enforcer.evaluate(&wanted).await.unwrap() {
            Verdict::NeedsApproval(requestable) => requestable,
            other => panic!("{other:?}"),
        }
    };
    let pending = ask().await.submit().await.unwrap();
    let short = pending.wait(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(short, EnforceError::Waiting);
    let stopped =
        tokio::time::timeout(Duration::from_millis(20), pending.wait(Duration::from_secs(60)));
    assert!(stopped.await.is_err());
    let joined = ask().await.submit().await.unwrap();
    assert_eq!(joined.id(), pending.id());

    web.answer(pending.id(), true);
    for one in [&pending, &joined] {
        match one.wait(Duration::from_secs(60)).await.unwrap() {
            Verdict::Denied(denied) => assert_eq!(denied.reason, "denied"),
            other => panic!("{other:?}"),
        }
    }
    let withdrawn = ask().await.submit().await.unwrap();
    withdrawn.cancel().await.unwrap();
    match withdrawn.wait(Duration::from_secs(60)).await.unwrap() {
        Verdict::Denied(denied) => assert_eq!(denied.reason, "cancelled"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_outlasts_a_ledger_that_is_away_for_a_moment() {
    let mut web = Web::new();
    let between = Between::new(embedded(&web), |route, nth| match (route, nth) {
        ("task", 0) => Fault::Unreached,
        ("/access/v1/evaluation", 1) => Fault::Unreached,
        _ => Fault::None,
    });
    let enforcer = Enforcer::new(between.clone());
    let wanted = intent(&disable("X0001"));
    let (_, verdict) = approve(&mut web, &enforcer, &wanted).await;
    assert!(matches!(verdict, Verdict::Permitted(_)), "{verdict:?}");
    assert!(between.calls("task") >= 2 && between.calls("/access/v1/evaluation") == 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_was_kept_is_good_for_nothing() {
    let web = Web::new();
    let settings = Settings { permit_time: Duration::ZERO, ..Settings::default() };
    let enforcer = Enforcer::with_settings(embedded(&web), settings);
    let wanted = intent(&read("X0001"));
    let kept = permit(enforcer.evaluate(&wanted).await.unwrap());
    assert_eq!(kept.run(wanted, never).await.unwrap_err(), EnforceError::Stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_cut_and_told_once() {
    let mut web = Web::new();
    let enforcer = Enforcer::new(embedded(&web));
    let wanted = intent(&disable("X0001"));
    let (id, verdict) = approve(&mut web, &enforcer, &wanted).await;
    let (running, _) = permit(verdict).begin(wanted).await.unwrap();
    assert_eq!(running.request(), Some(id.as_str()));
    let long = "ä".repeat(1000);
    running.finish(Outcome::success(&long)).await.unwrap();
    let told = outcome(&web, &id).unwrap();
    assert_eq!(told.detail, "ä".repeat(512));
}
