//! What was taken back, or may have been, when somebody approved.

use placet_proto::document::{Body, Policy, PolicyRef, Quorum, Recovery, Role, RoleChange};
use placet_proto::sshsig::Namespace;
use placet_proto::time::UnixSeconds;

use super::story::{Story, action};
use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        role_lost("quorum-role-lost", DISPUTED, 0, false),
        role_lost("quorum-role-lost-by-a-named-person", Expect::Passed, 0, true),
        role_lost("quorum-role-lost-later", Expect::Passed, 5, false),
        taken_by_a_recovered_key("role-taken-by-a-recovered-key", OPEN, Alice::Silent),
        taken_by_a_recovered_key("role-given-back", Expect::Passed, Alice::Decides),
        taken_by_a_recovered_key("role-given-back-blindly", OPEN, Alice::DoesNotKnow),
        policy_by_somebody_in_doubt(),
        revoked_twice(),
        revoked_by_nobody_later(),
    ]
}

const DISPUTED: Expect = Expect::Indeterminate("roster.disputed");
const OPEN: Expect = Expect::Indeterminate("governance.unauthorised");

fn told(
    s: &Story,
    by: &Person,
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
) -> Vector {
    let bundle = s.forge.bundle(&[&s.request], &[by]);
    Vector::new(name, about, requirements, &bundle, &s.trust(), expect)
}

fn publish(s: &mut Story) {
    s.forge.tick(1);
    s.forge.publish_both();
}

fn approves(s: &mut Story, person: &mut Person, change: impl FnOnce(&mut Quorum)) {
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), person);
    change(&mut answer.quorum);
    s.forge.tick(3);
    s.approval = s.forge.answer(person, answer, false);
    s.forge.publish_main();
}

/// Bob counts as an auditor, and is none any more in the roster that closes the evidence.
fn role_lost(name: &'static str, expect: Expect, wait: u64, named: bool) -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver, Role::Auditor], Some(&mut s.alice));
    publish(&mut s);
    let id = bob.id.clone();
    approves(&mut s, &mut bob, |quorum| {
        quorum.roles = vec![Role::Auditor];
        quorum.people = if named { vec![id] } else { vec![] };
    });
    s.forge.tick(wait);
    if wait > 0 {
        // Not the roster: that the change is later is shown by the main note that it names.
        s.forge.publish_main();
    }
    s.forge.set_roles(&bob, &[Role::Approver], &mut s.alice);
    s.forge.tick(2);
    s.close();
    let about = "The quorum asks for an auditor. Bob was one when he opened the request.";
    told(&s, &bob, name, about, &["R-9.5-4"], expect)
}

/// An administrator with a key that only the operator says is hers.
fn recovered_administrator(s: &mut Story) -> Person {
    let mut new = Person::named("Dora");
    let recovery = Recovery {
        person: new.id.clone(),
        key: new.key.public_key().thumbprint(),
        credential: new.key.credential_id().to_vec(),
        roles: vec![Role::Administrator],
        effective_from: UnixSeconds(s.forge.clock),
        reason: "the phone is lost".to_owned(),
        after: s.forge.after(),
    };
    let at = s.forge.govern(Namespace::Recover, Body::Recovery(recovery), &mut new);
    publish(s);
    let mut enrolment = new.enrolment(&[Role::Administrator], None, s.forge.after());
    enrolment.recovery = Some(at);
    s.forge.enrol_with(&mut new, Body::Enrolment(enrolment), None);
    publish(s);
    new
}

#[derive(PartialEq)]
enum Alice {
    Silent,
    /// Gives the role back, by a roster that holds what was taken.
    Decides,
    /// Gives the role, by a roster from before.
    DoesNotKnow,
}

fn taken_by_a_recovered_key(name: &'static str, expect: Expect, alice: Alice) -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut dora = recovered_administrator(&mut s);
    let before = s.forge.after();
    s.forge.set_roles(&bob, &[], &mut dora);
    publish(&mut s);
    if alice != Alice::Silent {
        let after = if alice == Alice::Decides { s.forge.after() } else { before };
        let body = Body::Role(RoleChange {
            person: bob.id.clone(),
            roles: vec![Role::Approver],
            signer: s.alice.signer(),
            after,
        });
        s.forge.govern(Namespace::Role, body, &mut s.alice);
        publish(&mut s);
    }
    approves(&mut s, &mut bob, |_| ());
    s.close();
    let about = "An administrator whose recovery nobody confirmed had taken Bob's role away.";
    told(&s, &bob, name, about, &["R-9.3-12"], expect)
}

/// Whether Carol was still somebody when she signed the policy is open.
fn policy_by_somebody_in_doubt() -> Vector {
    let mut s = Story::opened();
    let mut carol = Person::named("Carol");
    s.forge.enrol(&mut carol, &[Role::Administrator], Some(&mut s.alice));
    let mut dora = recovered_administrator(&mut s);
    let now = s.forge.clock;
    s.forge.revoke(&carol, &mut dora, now);
    publish(&mut s);
    s.forge.policy = activate(&mut s.forge, &mut carol);
    publish(&mut s);
    let mut alice = Person::named("Alice");
    std::mem::swap(&mut alice, &mut s.alice);
    approves(&mut s, &mut alice, |_| ());
    std::mem::swap(&mut alice, &mut s.alice);
    s.close();
    told(
        &s,
        &s.alice,
        "policy-by-somebody-in-doubt",
        "An administrator whose recovery nobody confirmed revoked Carol, who then signed the policy.",
        &["R-9.3-12"],
        OPEN,
    )
}

pub(super) fn activate(forge: &mut Forge, by: &mut Person) -> PolicyRef {
    let files = vec![("policies.cedar".to_owned(), placet_proto::sha256(b"permit all"))];
    let manifest = placet_proto::sha256(&Policy::manifest_bytes(&files));
    let policy = Policy {
        files,
        manifest_sha256: manifest,
        authorised: Some((by.signer(), forge.after())),
        at: UnixSeconds(forge.clock),
    };
    PolicyRef { index: forge.govern(Namespace::Policy, Body::Policy(policy), by), manifest }
}

/// The first revocation can't be put in order with the answer, the second can.
fn revoked_twice() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let now = s.forge.clock;
    // Between T1 and T2 of what follows.
    s.forge.revoke(&bob, &mut s.alice, now + 3);
    s.forge.revoke(&bob, &mut s.alice, now);
    publish(&mut s);
    approves(&mut s, &mut bob, |_| ());
    s.close();
    told(
        &s,
        &bob,
        "revoked-twice",
        "Of two revocations of Bob's key one is in dispute; by the other it had been revoked.",
        &["R-9.5-2"],
        Expect::Failed("roster.revoked"),
    )
}

/// Nobody who may has signed the revocation, and it would not matter if somebody had.
fn revoked_by_nobody_later() -> Vector {
    let mut s = Story::opened();
    let (mut bob, mut mallory) = (Person::named("Bob"), Person::named("Mallory"));
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let later = s.forge.clock + 86_400;
    s.forge.revoke(&bob, &mut mallory, later);
    publish(&mut s);
    approves(&mut s, &mut bob, |_| ());
    s.close();
    told(
        &s,
        &bob,
        "revoked-by-nobody-for-tomorrow",
        "Somebody who may not says that Bob's key ends tomorrow.",
        &["R-9.5-2"],
        Expect::Passed,
    )
}
