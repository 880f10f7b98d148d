//! Who may answer, how many requests an agent may have, and what a change of policy does to an
//! approval.

mod common;

use std::collections::BTreeMap;

use common::*;
use placet_ledger::service::*;
use placet_proto::action::Action;
use placet_proto::document::{Initiator, Quorum, Raw, Role};
use placet_proto::json;

// SPEC.md R-10-18.
#[test]
fn the_initiator_answers_only_where_the_policy_says_so() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Helpdesk-Bot");
    // By name, whatever the case; by random id; as the one on whose behalf the agent acts.
    let request = fixture.request(1);
    assert_eq!(code(fixture.open(&request, &alice, false)), "answer.self_approval");
    let by = |id: &str| Initiator { kind: "user".into(), id: id.into() };
    let mut by_id = fixture.decision(1);
    by_id.initiator = by(&alice.id.to_uppercase());
    let mut for_her = fixture.decision(1);
    for_her.initiator = by("another-bot");
    let subject = format!("{{\"type\":\"user\",\"id\":\"{}\"}}", alice.id);
    let text = format!(
        r#"{{"subject":{subject},"action":{{"name":"a"}},"resource":{{"type":"b","id":"c"}}}}"#
    );
    for_her.action = Action::from_document(&json::parse(text.as_bytes()).unwrap()).unwrap();
    for decision in [by_id, for_her] {
        let request = fixture.ledger.create(decision, Carried::default()).unwrap();
        assert_eq!(code(fixture.open(&request, &alice, false)), "answer.self_approval");
        assert_eq!(code(fixture.open(&request, &alice, true)), "answer.self_approval");
    }
    let mut allowed = fixture.decision(1);
    allowed.quorum = Some(Quorum { allow_self: true, ..Quorum::of(1) });
    let request = fixture.ledger.create(allowed, Carried::default()).unwrap();
    fixture.answer(&request, &mut alice, false);
}

// SPEC.md R-10-18.
#[test]
fn only_those_whom_the_policy_names_answer_and_too_few_are_told_at_once() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let carol = fixture.enrol("Carol", &mut alice);
    let named = Quorum { people: vec![bob.id.clone()], ..Quorum::of(1) };
    let administrators = Quorum { roles: vec![Role::Administrator], ..Quorum::of(1) };
    let decision =
        |quorum: &Quorum| NewDecision { quorum: Some(quorum.clone()), ..fixture.decision(1) };
    let create = |quorum| fixture.ledger.create(decision(quorum), Carried::default()).unwrap();
    let request = create(&named);
    for other in [&alice, &carol] {
        assert_eq!(code(fixture.open(&request, other, false)), "answer.not_eligible");
        assert_eq!(code(fixture.open(&request, other, true)), "answer.not_eligible");
    }
    fixture.answer(&request, &mut bob, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    let request = create(&administrators);
    assert_eq!(code(fixture.open(&request, &bob, false)), "answer.not_eligible");
    fixture.answer(&request, &mut alice, false);

    let reach = |quorum: &Quorum| {
        let wanted = fixture.decision(1);
        fixture.ledger.reach(quorum, &wanted.initiator, &wanted.action).unwrap()
    };
    assert!(reach(&Quorum::of(3)).suffices());
    assert_eq!(reach(&Quorum::of(4)), Reach { needed: 4, found: 3 });
    assert!(!reach(&Quorum { required: 2, ..named.clone() }).suffices());
    let both = Quorum { required: 2, roles: vec![Role::Administrator], ..named };
    assert!(reach(&both).suffices());
    let among =
        fixture.ledger.approvers_among(std::slice::from_ref(&carol.id), &[Role::Administrator]);
    let mut expected = vec![alice.id.clone(), carol.id.clone()];
    expected.sort();
    assert_eq!(among.unwrap(), expected);
}

#[test]
fn an_agent_has_so_many_open_requests_and_no_more() {
    let fixture = Fixture::with(|config| config.max_open_per_agent = 2);
    let offer = |id: &str| {
        let mut decision = fixture.decision(1);
        decision.action = action(id);
        let made = fixture.ledger.decide(decision, Carried::default()).unwrap();
        made.document.body.request().unwrap().to_owned()
    };
    let ids: Vec<String> = ["a", "b", "c"].into_iter().map(offer).collect();
    for id in &ids[..2] {
        assert_eq!(fixture.ledger.submit(id).unwrap().state, RequestState::Open);
    }
    assert_eq!(code(fixture.ledger.submit(&ids[2])), "agent.limit");
    // Opened twice is opened once.
    fixture.ledger.submit(&ids[0]).unwrap();
    assert_eq!(fixture.ledger.open_of_agent(&ids[2]).unwrap(), 2);
    fixture.ledger.cancel(&ids[0], "enough").unwrap();
    assert_eq!(fixture.ledger.submit(&ids[2]).unwrap().state, RequestState::Open);
}

#[test]
fn equal_requests_find_each_other_while_they_live() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let offer = |raw: Option<Raw>| {
        let carried = Carried { raw, ..Carried::default() };
        let made = fixture.ledger.decide(fixture.decision(1), carried).unwrap();
        made.document.body.request().unwrap().to_owned()
    };
    let (first, second) = (offer(None), offer(None));
    let raw = Raw { media_type: "a/b".into(), length: 1, sha256: [7; 32] };
    let other_bytes = offer(Some(raw));
    assert!(fixture.ledger.equal_live(&second).unwrap().is_empty());
    fixture.ledger.submit(&first).unwrap();
    assert_eq!(fixture.ledger.equal_live(&second).unwrap(), std::slice::from_ref(&first));
    assert!(fixture.ledger.equal_live(&first).unwrap().is_empty());
    assert!(fixture.ledger.equal_live(&other_bytes).unwrap().is_empty());
    fixture.answer(&first, &mut alice, false);
    assert_eq!(fixture.ledger.equal_live(&second).unwrap(), std::slice::from_ref(&first));
    fixture.ledger.consume(&fixture.consume(&first)).unwrap();
    assert!(fixture.ledger.equal_live(&second).unwrap().is_empty());
}

// SPEC.md R-10-17.
#[test]
fn nothing_is_spent_under_another_policy_than_the_one_that_permitted() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    fixture.answer(&request, &mut alice, false);
    let call = fixture.consume(&request);
    let files = BTreeMap::from([("b.cedar".to_owned(), b"x".to_vec())]);
    let change = Change::Policy(files);
    let sign = fixture.ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by_alice = signed(&mut alice.key, &sign.challenge);
    fixture.ledger.confirm_change(sign.document.sha256(), by_alice).unwrap();
    assert_eq!(code(fixture.ledger.consume(&call)), "request.policy_changed");
    assert!(fixture.ledger.row(&request).unwrap().execution.is_none());
    let under_this = Consume { policy: Some(fixture.policy()), ..call };
    fixture.ledger.consume(&under_this).unwrap();
}

fn code<T>(result: Result<T, placet_ledger::Error>) -> &'static str {
    result.err().expect("an error").code()
}
