//! Erasure hides nothing: whatever is erased, by a proper order, no verdict gets better.

use placet_forge::scenarios::{Story, action, order_erasure, story};
use placet_forge::{AUDIENCE, Person};
use placet_proto::document::{Body, Decision, Ended, Initiator, Quorum, Role, Verdict as Decided};
use placet_proto::time::UnixSeconds;
use placet_verifier::{Options, Verdict, verify_bundle};

fn verdict(s: &Story, erased: &[u64], orders: &[u64]) -> Verdict {
    let bundle = s.forge.bundle_with(&[&s.request], &[], erased, orders).encode();
    let options = Options { as_of: 0, ..Options::default() };
    verify_bundle(&bundle, &s.trust(), &options).unwrap().verdict
}

/// Every leaf of the request, and every two, erased on Alice's order.
fn erased_in_every_way(name: &str, mut s: Story, before: Verdict) {
    assert_eq!(verdict(&s, &[], &[]), before, "{name}");
    let leaves: Vec<u64> = (3..s.forge.main.statements.len() as u64).collect();
    let mut alice = Person::named("Alice");
    let at = order_erasure(&mut s, &leaves, &mut alice);
    for a in &leaves {
        for b in leaves.iter().filter(|b| *b >= a) {
            let mut these = vec![*a, *b];
            these.dedup();
            let found = verdict(&s, &these, &[at]);
            assert!(
                matches!(found, Verdict::Failed | Verdict::Indeterminate),
                "{name}: {these:?} of {leaves:?} erased: {found:?}"
            );
        }
    }
}

fn bob(s: &mut Story) -> Person {
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    bob
}

fn answers(s: &mut Story, person: &mut Person, denial: bool) {
    let answer = s.forge.answer_for(&s.request, &action("X0001"), person);
    s.forge.tick(1);
    s.approval = s.forge.answer(person, answer, denial);
    s.forge.publish_main();
}

fn denied_and_approved() -> Story {
    let mut s = Story::opened();
    let mut bob = bob(&mut s);
    answers(&mut s, &mut bob, true);
    let mut s = s.approved();
    s.close();
    s
}

fn denied() -> Story {
    let mut s = Story::opened();
    let mut bob = bob(&mut s);
    answers(&mut s, &mut bob, true);
    s.close();
    s
}

fn expired_and_approved() -> Story {
    let mut s = Story::opened();
    let ended = Ended { request: s.request.clone(), at: UnixSeconds(s.forge.clock), reason: None };
    let request = s.request.clone();
    s.forge.ledger_states(Body::Expiry(ended), &request);
    let mut s = s.approved();
    s.close();
    s
}

fn executed_twice() -> Story {
    story().executed().closed()
}

fn of_two_asked() -> Story {
    let mut s = Story::opened();
    let decision = Body::Decision(Decision {
        request: s.request.clone(),
        action: action("X0001"),
        audience: AUDIENCE.to_owned(),
        initiator: Initiator { kind: "agent".to_owned(), id: "support-bot".to_owned() },
        decision: Decided::Requestable,
        policy: s.forge.policy.clone(),
        determining: vec![],
        reason: String::new(),
        approvals: vec![],
        at: UnixSeconds(s.forge.clock),
        not_after: None,
        quorum: Some(Quorum::of(2)),
        obligations: vec![],
        seen: None,
    });
    let request = s.request.clone();
    s.forge.ledger_states(decision, &request);
    let mut s = s.approved().executed().closed();
    s.close();
    s
}

fn executed_too_late() -> Story {
    let mut s = Story::opened().approved();
    s.forge.tick(3600);
    s.forge.publish_both();
    s.executed().closed()
}

/// R-9.8-1, R-9.8-2.
#[test]
fn nothing_passes_for_being_erased() {
    for (name, story, before) in [
        ("honest", story(), Verdict::Passed),
        ("denied and approved", denied_and_approved(), Verdict::Failed),
        ("denied", denied(), Verdict::Failed),
        ("expired and approved", expired_and_approved(), Verdict::Failed),
        ("executed twice", executed_twice(), Verdict::Failed),
        ("of two asked", of_two_asked(), Verdict::Failed),
        ("executed too late", executed_too_late(), Verdict::Failed),
    ] {
        erased_in_every_way(name, story, before);
    }
}
