//! `kill -9` of the ledger or of the gateway, as real processes, at each step of one call.
//!
//! An agent calls an API through `placet gateway http`. The API holds each call until the test lets
//! it answer, so that a kill falls where it is meant to: before the decision, between approval and
//! spending, or while the API is at work. Whatever dies, nothing that needs a person passes without
//! one, nothing passes twice, and after the restart the record says how it ended, or `unknown`.

#[allow(dead_code)]
#[path = "../crash/client.rs"]
mod client;
#[allow(dead_code)]
#[path = "../crash/process.rs"]
mod process;

mod stage;

use std::time::Duration;

use placet_ledger::service::{Ledger, RequestState, Surroundings};
use placet_ledger::{LogId, Statement as Stored};
use placet_proto::document::{Body, Outcome, OutcomeResult};
use placet_proto::statement::Statement;
use stage::{Said, Stage};

const READ: &str = "GET /users/7";
const DISABLE: &str = "POST /users/X0001/disable";
/// Far longer than anything here takes; only so that a test ends.
const LONG: Duration = Duration::from_secs(60);

// SPEC.md R-10-144, R-10-151.
#[test]
fn a_ledger_that_is_killed_before_the_decision_lets_nothing_pass() {
    let mut stage = Stage::new(600);
    let gateway = stage.gateway();
    stage.api.open();
    assert_eq!(gateway.call(READ, None).status, 200);
    stage.kill_ledger();
    for line in [READ, DISABLE] {
        assert_eq!(gateway.call(line, None).code(), (503, "gateway.unavailable".to_owned()));
    }
    assert_eq!(stage.api.count(), 1, "the call before, and none after");
    // It comes back, and the gateway goes on as if nothing had been.
    stage.start_ledger();
    assert_eq!(gateway.call(READ, None).status, 200);
    assert_eq!(gateway.call(DISABLE, None).status, 401);
    assert_eq!(stage.api.count(), 2);
}

// SPEC.md R-10-144, R-10-151.
#[test]
fn a_ledger_that_is_killed_before_the_spending_keeps_the_approval_for_one_call() {
    let mut stage = Stage::new(600);
    let gateway = stage.gateway();
    stage.api.open();
    let request = gateway.call(DISABLE, None).request();
    stage.approve(&request);
    stage.kill_ledger();
    let said = gateway.call(DISABLE, Some(&request));
    assert_eq!(said.code(), (503, "gateway.unavailable".to_owned()));
    assert_eq!(stage.api.count(), 0, "an approval that can't be spent is none");
    stage.start_ledger();
    assert!(stage.view(&request).get("execution").is_none(), "nothing was spent");
    assert_eq!(gateway.call(DISABLE, Some(&request)).status, 200);
    assert_eq!(gateway.call(DISABLE, Some(&request)).code(), (403, "gateway.approval".to_owned()));
    assert_eq!(stage.api.count(), 1);
}

// SPEC.md R-10-143, R-10-153.
#[test]
fn a_ledger_that_is_killed_while_the_api_works_learns_the_outcome_and_runs_nothing_again() {
    let mut stage = Stage::new(600);
    let gateway = stage.gateway();
    let request = gateway.call(DISABLE, None).request();
    stage.approve(&request);
    let first = gateway.calling(DISABLE, Some(&request));
    stage.api.wait();
    stage.kill_ledger();
    stage.api.open();
    // The outcome is told again and again until somebody hears it.
    stage.start_ledger();
    let first: Said = first.join().unwrap();
    assert_eq!((first.status, first.body.as_str()), (200, "done"), "{first:?}");
    assert_eq!(gateway.call(DISABLE, Some(&request)).code(), (403, "gateway.approval".to_owned()));
    assert_eq!(stage.api.count(), 1);
    drop(gateway);
    let outcome = outcome(stage, &request);
    assert_eq!((outcome.result, outcome.detail.as_str()), (OutcomeResult::Success, "HTTP 200"));
}

// SPEC.md R-10-145, R-10-153.
#[test]
fn a_gateway_that_is_killed_while_the_api_works_leaves_an_unknown_outcome() {
    let mut stage = Stage::new(2);
    let gateway = stage.gateway();
    let request = gateway.call(DISABLE, None).request();
    stage.approve(&request);
    let first = gateway.calling(DISABLE, Some(&request));
    stage.api.wait();
    drop(gateway);
    assert_eq!(first.join().unwrap().status, 0, "the connection broke");
    stage.api.open();
    // Another gateway, another ledger: the approval is as spent as it was.
    stage.kill_ledger();
    stage.start_ledger();
    let gateway = stage.gateway();
    assert_eq!(gateway.call(DISABLE, Some(&request)).code(), (403, "gateway.approval".to_owned()));
    assert_ne!(gateway.call(DISABLE, None).request(), request, "a person is asked anew");
    assert_eq!(stage.api.count(), 1);
    drop(gateway);
    assert_eq!(outcome(stage, &request).result, OutcomeResult::Unknown);
}

/// The outcome on record, once there is one, read from the folder after the last process has gone.
fn outcome(mut stage: Stage, request: &str) -> Outcome {
    stage.stop_ledger();
    let ledger = Ledger::open(stage.place.dir(), Surroundings::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let changed = ledger.wait_for_change(request, RequestState::Executed, LONG);
    runtime.block_on(changed).unwrap();
    let index = ledger.row(request).unwrap().outcome.expect("an outcome within the time");
    let Stored::Present(bytes) = ledger.log(LogId::Main).statement(index).unwrap() else {
        panic!("it is there")
    };
    match Statement::parse(&bytes).unwrap().document.body {
        Body::Outcome(outcome) => outcome,
        _ => panic!("it is an outcome"),
    }
}
