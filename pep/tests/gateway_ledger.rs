//! The HTTP gateway over a ledger that is slow, full, or silent at one step: nothing is forwarded,
//! and an approval that was not spent is there afterwards.

mod common;
mod enforcing;
mod gatewaying;

use common::Web;
use enforcing::{Between, Fault, embedded, fill, impatient, outcome_comes};
use gatewaying::*;
use placet_pep::enforce::Enforcer;
use placet_proto::document::OutcomeResult;

const READ: &str = "GET /users/7";
const DISABLE: &str = "POST /users/X0001/disable";
const WHY: &str = r#"{"reason":"left"}"#;

/// Asks through a gateway whose ledger is well, and a person approves.
async fn approved(web: &mut Web, upstream: &str) -> String {
    let address = serve(&gateway(Enforcer::new(embedded(web)), &table(upstream, ""))).await;
    let request = call(&address, DISABLE, &[], WHY).await.request();
    web.answer(&request, false);
    request
}

// SPEC.md R-10-144, R-10-151.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_slow_at_any_step_lets_nothing_pass() {
    let mut web = web();
    let (upstream, hits) = api().await;
    let request = approved(&mut web, &upstream).await;
    let named = [("Placet-Request", request.as_str())];
    for route in ["/access/v1/evaluation", "/access/v1/requests", "task", "/v1/consume"] {
        for fault in [Fault::Hangs, Fault::Unreached] {
            let of = fault.clone();
            let slow = Between::new(embedded(&web), move |at, _| match at == route {
                true => of.clone(),
                false => Fault::None,
            });
            let enforcer = Enforcer::with_settings(slow.clone(), impatient());
            let address = serve(&gateway(enforcer, &table(&upstream, ""))).await;
            let (line, headers) = match route {
                // An action that nobody was asked about yet.
                "/access/v1/requests" => ("POST /users/X0002/disable", &[][..]),
                _ => (DISABLE, &named[..]),
            };
            let said = call(&address, line, headers, WHY).await;
            assert_eq!(
                (said.status, said.code().as_str()),
                (503, "gateway.unavailable"),
                "{route}"
            );
            assert!(slow.calls(route) > 0, "{route} was not asked");
            if route == "/access/v1/evaluation" {
                assert_eq!(call(&address, READ, &[], "").await.status, 503);
            }
        }
    }
    assert!(hits.lock().unwrap().is_empty(), "nothing was forwarded");
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table(&upstream, ""))).await;
    assert_eq!(
        call(&address, DISABLE, &named, WHY).await.status,
        200,
        "the approval is there still"
    );
    assert_eq!(call(&address, DISABLE, &named, WHY).await.status, 403);
    assert_eq!(hits.lock().unwrap().len(), 1);
}

// SPEC.md R-10-143, R-10-153.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_after_the_spending_spends_it_and_runs_nothing() {
    let mut web = web();
    let (upstream, hits) = api().await;
    let request = approved(&mut web, &upstream).await;
    let lost = Between::new(embedded(&web), |route, _| match route {
        "/v1/consume" => Fault::Lost,
        _ => Fault::None,
    });
    let enforcer = Enforcer::with_settings(lost, impatient());
    let address = serve(&gateway(enforcer, &table(&upstream, ""))).await;
    let named = [("Placet-Request", request.as_str())];
    assert_eq!(call(&address, DISABLE, &named, WHY).await.status, 503);
    assert_eq!(outcome_comes(&web, &request).await.result, OutcomeResult::Failure);
    let well = serve(&gateway(Enforcer::new(embedded(&web)), &table(&upstream, ""))).await;
    assert_eq!(call(&well, DISABLE, &named, WHY).await.status, 403);
    assert!(hits.lock().unwrap().is_empty());
}

// SPEC.md R-10-144, R-10-151.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_ledger_lets_nothing_pass() {
    let mut web = web();
    let (upstream, hits) = api().await;
    let request = approved(&mut web, &upstream).await;
    let address = serve(&gateway(Enforcer::new(embedded(&web)), &table(&upstream, ""))).await;
    fill(&web);
    let mut refused = None;
    for _ in 0..8 {
        // What fits before the part of the log that can't be written.
        let said = call(&address, READ, &[], "").await;
        if said.status != 200 {
            refused = Some(said);
            break;
        }
    }
    let refused = refused.expect("a ledger that can't record permits nothing");
    assert!([403, 503].contains(&refused.status), "{refused:?}");
    let before = hits.lock().unwrap().len();
    let named = [("Placet-Request", request.as_str())];
    for (line, headers, body) in [(READ, &[][..], ""), (DISABLE, &named[..], WHY)] {
        let said = call(&address, line, headers, body).await;
        assert!([403, 503].contains(&said.status), "{said:?}");
    }
    assert_eq!(hits.lock().unwrap().len(), before);
    assert!(web.ledger.row(&request).unwrap().execution.is_none());
}
