//! Whose approval counts.

use placet_proto::document::{Answer, Body, Decision, Initiator, Quorum, Role, Verdict};
use placet_proto::time::UnixSeconds;

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
        own("approval-of-ones-own", Expect::Failed("approval.self"), false),
        own("approval-of-ones-own-allowed", Expect::Passed, true),
        decided("quorum-as-decided", Expect::Passed, 1),
        decided("quorum-less-than-decided", Expect::Failed("quorum.decision"), 2),
    ]
}

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

fn one(
    name: &'static str,
    about: &'static str,
    expect: Expect,
    change: impl FnOnce(&mut Quorum, &Person),
) -> Vector {
    let requirements = &["R-9.7-3", "R-4.5-5"];
    bob_answers(name, about, requirements, expect, |_| (), |a, bob| change(&mut a.quorum, bob))
}

fn own(name: &'static str, expect: Expect, allowed: bool) -> Vector {
    let about = "Bob approves what he had initiated himself.";
    bob_answers(
        name,
        about,
        &["R-9.7-1"],
        expect,
        |_| (),
        |answer, bob| {
            answer.initiator = Initiator { kind: "user".to_owned(), id: bob.id.clone() };
            answer.quorum.allow_self = allowed;
        },
    )
}

fn decided(name: &'static str, expect: Expect, required: u64) -> Vector {
    let about = "The decision says how many persons it asks for; the approval asks for one.";
    let prepare = |s: &mut Story| {
        let decision = Body::Decision(Decision {
            request: s.request.clone(),
            action: action("X0001"),
            audience: AUDIENCE.to_owned(),
            initiator: initiator(),
            decision: Verdict::Requestable,
            policy: s.forge.policy.clone(),
            determining: vec!["policy0".to_owned()],
            reason: "approval_required".to_owned(),
            approvals: vec![],
            at: UnixSeconds(s.forge.clock),
            not_after: Some(UnixSeconds(s.forge.clock + 600)),
            quorum: Some(Quorum::of(required)),
        });
        let request = s.request.clone();
        s.forge.ledger_states(decision, &request);
    };
    bob_answers(name, about, &["R-9.7-2"], expect, prepare, |_, _| ())
}
