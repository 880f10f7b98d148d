//! The AuthZEN working group's own requests and expected answers, through the embedded PDP.

use std::path::Path;

use placet_pep::{
    authzen::{EvaluationRequest, EvaluationsRequest, Merging},
    cedar::CedarPdp,
    pdp::{Outcome, Pdp},
    policy::PolicyFiles,
};
use placet_proto::{jcs, json, json::Json};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authzen_interop"))
}

fn cases(section: &str) -> Vec<Json> {
    let path = folder().join("decisions-authorization-api-1_0-02.json");
    let file = json::parse(&std::fs::read(path).unwrap()).unwrap();
    file.get(section).unwrap().as_array().unwrap().to_vec()
}

fn decide(pdp: &CedarPdp, request: &EvaluationRequest) -> bool {
    let evaluation = pdp.evaluate(request).unwrap();
    assert_eq!(evaluation.errors, Vec::<String>::new());
    matches!(evaluation.outcome, Outcome::Permit(_))
}

#[test]
fn single_evaluations_have_the_expected_answers() {
    let pdp = CedarPdp::load(&PolicyFiles::read(folder()).unwrap()).unwrap();
    let cases = cases("evaluation");
    assert_eq!(cases.len(), 40);
    for case in cases {
        let body = jcs::to_bytes(case.get("request").unwrap());
        let request = EvaluationRequest::parse(&body).unwrap();
        let expected = case.get("expected").unwrap().as_bool().unwrap();
        assert_eq!(decide(&pdp, &request), expected, "{}", jcs::to_string(&case));
    }
}

#[test]
fn batches_have_the_expected_answers() {
    let pdp = CedarPdp::load(&PolicyFiles::read(folder()).unwrap()).unwrap();
    let cases = cases("evaluations");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let body = jcs::to_bytes(case.get("request").unwrap());
        let EvaluationsRequest::Batch { items, .. } =
            EvaluationsRequest::parse(&body, Merging::default()).unwrap()
        else {
            panic!("not a batch: {}", jcs::to_string(&case));
        };
        let decision = |item: &Json| item.get("decision").unwrap().as_bool().unwrap();
        let expected: Vec<_> =
            case.get("expected").unwrap().as_array().unwrap().iter().map(decision).collect();
        let actual: Vec<_> = items.iter().map(|i| decide(&pdp, i.as_ref().unwrap())).collect();
        assert_eq!(actual, expected, "{}", jcs::to_string(&case));
    }
}
