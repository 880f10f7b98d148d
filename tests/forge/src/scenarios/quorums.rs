//! Whose approval counts.

use placet_proto::document::{
    Answer, Body, Decision, Initiator, Obligation, Quorum, Raw, RemoteSeen, Role, Seen,
    SessionSeen, Verdict,
};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::current::activate;
use super::story::{Story, action};
use crate::ledger::{AUDIENCE, initiator};
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        one(
            "quorum-named-person",
            "Bob is the person whom the quorum names.",
            Expect::Passed,
            |q, bob| {
                q.people = vec![bob.id.clone()];
            },
        ),
        one("quorum-other-person", "The quorum names somebody else.", INELIGIBLE, |q, _| {
            q.people = vec![Person::named("Carol").id];
        }),
        one(
            "quorum-role-held",
            "Bob has the role that the quorum names.",
            Expect::Passed,
            |q, _| {
                q.roles = vec![Role::Auditor];
            },
        ),
        one(
            "quorum-role-not-held",
            "Bob lacks the role that the quorum names.",
            INELIGIBLE,
            |q, _| {
                q.roles = vec![Role::Operator];
            },
        ),
        own("approval-of-ones-own", OWN, false, str::to_owned),
        own("approval-of-ones-own-allowed", Expect::Passed, true, str::to_owned),
        own("approval-of-ones-own-in-capitals", OWN, false, str::to_ascii_uppercase),
        own("approval-of-ones-own-as-a-urn", OWN, false, |id| format!("URN:uuid:{id}")),
        two("quorum-of-two", Expect::Passed, |_, _| ()),
        two("quorum-of-two-quorums", UNMET, |_, a| a.quorum = Quorum::of(1)),
        two("quorum-of-two-initiators", UNMET, |_, a| a.initiator.id.push('2')),
        two("quorum-of-two-audiences", UNMET, |_, a| a.audience.push('2')),
        two("quorum-of-two-forms", UNMET, |_, a| {
            let (media_type, sha256) = ("text/plain".to_owned(), [7; 32]);
            a.raw = Some(Raw { media_type, length: 1, sha256 });
        }),
        two("quorum-of-two-policies", UNMET, |s, a| {
            a.policy = activate(&mut s.forge, &mut s.alice);
            s.forge.tick(1);
            s.forge.publish_both();
            a.after = s.forge.after();
        }),
        half_denied("quorum-half-denied", &[false, true], true, Expect::Passed),
        half_denied("quorum-half-denied-as-approval", &[false, true], false, DENIED),
        half_denied("approved-after-a-denial", &[true, false], true, CONFLICT),
        half_denied("denied-twice", &[true, true], true, CONFLICT),
        denied_beside_execution("executed-after-a-denial", true),
        denied_beside_execution("denied-after-an-execution", false),
        auditor_by_root(),
        decided("quorum-as-decided", Expect::Passed, 1),
        decided("quorum-less-than-decided", Expect::Failed("quorum.decision"), 2),
        decided_carrying(),
        decided_beside("quorum-denied-before", false),
        decided_beside("quorum-decided-later", true),
    ]
}

const UNMET: Expect = Expect::Failed("quorum.unmet");
const DENIED: Expect = Expect::Failed("answer.denied");
const CONFLICT: Expect = Expect::Failed("answer.conflict");
const INELIGIBLE: Expect = Expect::Failed("quorum.eligible");

fn bob_answers(
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
    prepare: impl FnOnce(&mut Story),
    change: impl FnOnce(&mut Answer, &Person),
) -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver, Role::Auditor], Some(&mut s.alice));
    prepare(&mut s);
    s.forge.tick(1);
    s.forge.publish_both();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    change(&mut answer, &bob);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.close();
    let bundle = s.forge.bundle(&[&s.request], &[&bob]);
    Vector::new(name, about, requirements, &bundle, &s.trust(), expect)
}

/// Alice and Bob approve, of two who are asked; Bob something else.
fn two(name: &'static str, expect: Expect, change: impl FnOnce(&mut Story, &mut Answer)) -> Vector {
    let (mut s, mut bob) = alice_and_bob();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.quorum = Quorum::of(2);
    let mut his = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    his.quorum = Quorum::of(2);
    s.forge.tick(1);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    change(&mut s, &mut his);
    s.forge.tick(1);
    s.forge.answer(&mut bob, his, false);
    s.close();
    let about = "Two approve where two are asked for; in all but one case the same.";
    let bundle = s.forge.bundle(&[&s.request], &[&bob]);
    Vector::new(name, about, &["R-9.7-3"], &bundle, &s.trust(), expect)
}

/// Of two who are asked, Alice answers and then Bob; `denials` says which of them refused.
fn half_denied(
    name: &'static str,
    denials: &[bool; 2],
    expect_denial: bool,
    expect: Expect,
) -> Vector {
    let (mut s, mut bob) = alice_and_bob();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.quorum = Quorum::of(2);
    let mut his = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    his.quorum = Quorum::of(2);
    s.forge.tick(1);
    s.approval = s.forge.answer(&mut s.alice, answer, denials[0]);
    s.forge.tick(1);
    s.forge.answer(&mut bob, his, denials[1]);
    s.close();
    let about = "A denial ends its request: what others had approved before is no part of it.";
    let bundle = s.forge.bundle(&[&s.request], &[&bob]);
    let v = Vector::new(name, about, &["R-9-8"], &bundle, &s.trust(), expect);
    Vector { expect_denial, ..v }
}

/// Alice's approval is spent, and Bob denies: before it or after.
fn denied_beside_execution(name: &'static str, before: bool) -> Vector {
    let (s, mut bob) = alice_and_bob();
    let his = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    let mut s = s.approved();
    if before {
        s.forge.answer(&mut bob, his.clone(), true);
    }
    let mut s = s.executed();
    if !before {
        s.forge.answer(&mut bob, his, true);
    }
    s.close();
    let about = "What was denied is not spent, and what was spent is not denied.";
    let bundle = s.forge.bundle(&[&s.request], &[&bob]);
    let v = Vector::new(name, about, &["R-9-8"], &bundle, &s.trust(), CONFLICT);
    Vector { expect_denial: true, ..v }
}

fn alice_and_bob() -> (Story, Person) {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    (s, bob)
}

/// A root is administrator and approver, and nothing else by itself.
fn auditor_by_root() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.quorum.roles = vec![Role::Auditor];
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.close();
    let about = "The quorum asks for an auditor; Alice is a root.";
    s.vector("quorum-auditor-by-root", about, &["R-9.7-3"], INELIGIBLE)
}

fn one(
    name: &'static str,
    about: &'static str,
    expect: Expect,
    change: impl FnOnce(&mut Quorum, &Person),
) -> Vector {
    let requirements = &["R-9.7-3", "R-4.5-5"];
    bob_answers(name, about, requirements, expect, |_| (), |a, bob| change(&mut a.quorum, bob))
}

const OWN: Expect = Expect::Failed("approval.self");

fn own(
    name: &'static str,
    expect: Expect,
    allowed: bool,
    spelt: impl FnOnce(&str) -> String,
) -> Vector {
    let about = "Bob approves what he had initiated himself.";
    bob_answers(
        name,
        about,
        &["R-9.7-1"],
        expect,
        |_| (),
        |answer, bob| {
            answer.initiator = Initiator { kind: "user".to_owned(), id: spelt(&bob.id) };
            answer.quorum.allow_self = allowed;
        },
    )
}

fn decided(name: &'static str, expect: Expect, required: u64) -> Vector {
    let about = "The decision says how many persons it asks for; the approval asks for one.";
    let prepare = |s: &mut Story| decides(s, Verdict::Requestable, required);
    bob_answers(name, about, &["R-9.7-2"], expect, prepare, |_, _| ())
}

/// What was decided otherwise, or later, asks nothing of this approval.
fn decided_beside(name: &'static str, later: bool) -> Vector {
    let mut s = Story::opened();
    if !later {
        decides(&mut s, Verdict::Deny, 2);
    }
    let mut s = s.approved();
    if later {
        decides(&mut s, Verdict::Requestable, 2);
    }
    s.close();
    let about = "A decision that asks for two is no denial that can be approved, or came later.";
    s.vector(name, about, &["R-9.7-2"], Expect::Passed)
}

/// What stands beside an answer bears on no verdict, and is read all the same.
fn decided_carrying() -> Vector {
    let mut s = Story::opened();
    let mut decision = decision_of(&s, Verdict::Deny, 1);
    let properties =
        Json::object([("name", "redact".into()), ("fields", vec!["ssn".into()].into())]);
    let (id, kind) = ("few/redact".to_owned(), "custom".to_owned());
    decision.obligations = vec![Obligation { id, kind, properties }];
    let counts = vec![("permits".to_owned(), 2), ("records".to_owned(), 51)];
    decision.seen = Some(Seen {
        session: Some(SessionSeen { window_s: 600, counts }),
        remote: Some(RemoteSeen { pdp: "https://pdp.example.com".to_owned(), decision: None }),
    });
    let request = s.request.clone();
    s.forge.ledger_states(Body::Decision(decision), &request);
    let mut s = s.approved();
    s.close();
    let about = "An earlier decision says what the PEP has to do, and what it rests on.";
    s.vector("decision-with-obligations", about, &["R-4.5-8"], Expect::Passed)
}

fn decides(s: &mut Story, decision: Verdict, required: u64) {
    let decision = Body::Decision(decision_of(s, decision, required));
    let request = s.request.clone();
    s.forge.ledger_states(decision, &request);
}

fn decision_of(s: &Story, decision: Verdict, required: u64) -> Decision {
    Decision {
        request: s.request.clone(),
        action: action("X0001"),
        audience: AUDIENCE.to_owned(),
        initiator: initiator(),
        decision,
        policy: s.forge.policy.clone(),
        determining: vec!["policy0".to_owned()],
        reason: "approval_required".to_owned(),
        approvals: vec![],
        at: UnixSeconds(s.forge.clock),
        not_after: Some(UnixSeconds(s.forge.clock + 600)),
        quorum: Some(Quorum::of(required)),
        obligations: vec![],
        seen: None,
    }
}
