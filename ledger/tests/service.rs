//! The whole path, from a requestable denial to evidence that the verifier accepts.

mod common;

use std::time::Duration;

use common::*;
use placet_ledger::service::*;
use placet_verifier::{Options, Verdict, verify_bundle};

fn check(
    fixture: &Fixture,
    evidence: &Evidence,
    roots: &[&Person],
    denial: bool,
) -> placet_verifier::Report {
    let trust = fixture.trust(roots);
    let trust = placet_proto::trust::TrustFile::parse(&trust.encode()).unwrap();
    let options =
        Options { as_of: fixture.ledger.now().0, expect_denial: denial, ..Options::default() };
    verify_bundle(&evidence.bytes, &trust, &options).unwrap()
}

#[test]
fn from_request_to_evidence_that_passes() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let answered = fixture.answer(&request, &mut alice, false);
    assert_eq!(answered.state, RequestState::Approved);
    let consumed = fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    assert!(!consumed.repeated);
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    assert_eq!(fixture.ledger.row(&request).unwrap().state, RequestState::Done);

    let early = fixture.ledger.evidence(std::slice::from_ref(&request), None).unwrap();
    assert!(!early.open.is_empty());
    let report = check(&fixture, &early, &[&alice], false);
    assert_eq!((report.verdict, report.code), (Verdict::Indeterminate, Some("time.upper_open")));

    let wait = Some(Duration::from_secs(10));
    let evidence = fixture.ledger.evidence(&[request], wait).unwrap();
    assert_eq!(evidence.open, Vec::<String>::new());
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
    // Operator-asserted lineage is not proof.
    let report = check(&fixture, &evidence, &[], false);
    assert_eq!(report.verdict, Verdict::Indeterminate, "{:?}", report.code);
}
