//! Second keys, and keys that replace lost ones.

use placet_proto::document::{Body, Enrolment, Recovery, Revocation, Role};
use placet_proto::sshsig::Namespace;
use placet_proto::time::UnixSeconds;

use super::story::{Story, action};
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        second_key(&[Role::Approver], "second-key", Expect::Passed),
        second_key(
            &[Role::Administrator, Role::Approver],
            "second-key-with-more-roles",
            Expect::Failed("lineage.role"),
        ),
        second_key_for_another(),
        second_key_of_another_name(),
        auditor_approves(),
        recovered("recovery-completed", Expect::Passed, |_| ()),
        recovered("recovery-not-a-root", Expect::Indeterminate("lineage.recovery"), |t| {
            t.root = false;
        }),
        recovered("recovery-too-early", Expect::Failed("recovery.early"), |t| t.wait = 50),
        recovered("recovery-objected", Expect::Failed("recovery.objected"), |t| t.objected = true),
        recovered("recovery-of-another-key", Expect::Failed("recovery.mismatch"), |t| {
            t.change = |r| r.key[0] ^= 1;
        }),
        recovered("recovery-of-more-roles", Expect::Failed("recovery.mismatch"), |t| {
            t.change = |r| r.roles = vec![Role::Auditor];
        }),
        recovered("recovery-not-announced", Expect::Failed("recovery.mismatch"), |t| t.at = 2),
        revoked_with_another_key(),
    ]
}

/// Bob's second key under his own name, as another person of this crate.
fn bobs_second(bob: &Person) -> Person {
    Person { id: bob.id.clone(), name: bob.name.clone(), salt: bob.salt, ..Person::named("Bob 2") }
}

fn approves(s: &mut Story, person: &mut Person) {
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), person);
    s.forge.tick(3);
    s.approval = s.forge.answer(person, answer, false);
    s.close();
}

fn told(
    s: &Story,
    by: &Person,
    roots: &[&Person],
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
) -> Vector {
    let bundle = s.forge.bundle(&[&s.request], &[by]);
    Vector::new(name, about, requirements, &bundle, &s.forge.trust(roots), expect)
}

fn second_key(roles: &[Role], name: &'static str, expect: Expect) -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut second = bobs_second(&bob);
    s.forge.enrol(&mut second, roles, Some(&mut bob));
    approves(&mut s, &mut second);
    let about = "Bob, who is an approver, authorised a second key of his own, which approves.";
    told(&s, &second, &[&s.alice], name, about, &["R-9.3-6"], expect)
}

fn second_key_for_another() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut mallory = Person::named("Mallory");
    s.forge.enrol(&mut mallory, &[Role::Approver], Some(&mut bob));
    approves(&mut s, &mut mallory);
    told(
        &s,
        &mallory,
        &[&s.alice],
        "second-key-of-another-person",
        "Bob, who is an approver, authorised a key of somebody else.",
        &["R-9.3-6"],
        Expect::Failed("lineage.role"),
    )
}

fn second_key_of_another_name() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut second = Person { id: bob.id.clone(), ..Person::named("Carol") };
    s.forge.enrol(&mut second, &[Role::Approver], Some(&mut bob));
    approves(&mut s, &mut second);
    told(
        &s,
        &second,
        &[&s.alice],
        "second-key-of-another-name",
        "Bob authorised a second key of his own, under the name of Carol.",
        &["R-9.3-11"],
        Expect::Failed("lineage.name"),
    )
}

fn auditor_approves() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Auditor, Role::Operator], Some(&mut s.alice));
    approves(&mut s, &mut bob);
    told(
        &s,
        &bob,
        &[&s.alice],
        "auditor-approves",
        "Bob is an auditor and an operator, and approves.",
        &[],
        Expect::Failed("lineage.role"),
    )
}

struct Tale {
    root: bool,
    wait: u64,
    objected: bool,
    at: u64,
    change: fn(&mut Recovery),
}

/// Bob lost his key; the ledger announces another, and enrols it after a hundred seconds.
fn recovered(name: &'static str, expect: Expect, vary: impl FnOnce(&mut Tale)) -> Vector {
    let mut tale = Tale { root: true, wait: 101, objected: false, at: 0, change: |_| () };
    vary(&mut tale);
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut carol = Person::named("Carol");
    s.forge.enrol(&mut carol, &[Role::Approver], Some(&mut s.alice));
    let mut new = bobs_second(&bob);
    let mut recovery = Recovery {
        person: bob.id.clone(),
        key: new.key.public_key().thumbprint(),
        credential: new.key.credential_id().to_vec(),
        roles: vec![Role::Approver],
        effective_from: UnixSeconds(s.forge.clock + 100),
        reason: "the phone is lost".to_owned(),
        after: s.forge.after(),
    };
    (tale.change)(&mut recovery);
    let announced = s.forge.govern(Namespace::Recover, Body::Recovery(recovery), &mut new);
    s.forge.tick(1);
    s.forge.publish_both();
    if tale.objected {
        let now = s.forge.clock;
        s.forge.revoke(&new, &mut carol, now);
    }
    s.forge.tick(tale.wait);
    s.forge.publish_both();
    let at = if tale.at == 0 { announced } else { tale.at };
    let enrolment =
        Enrolment { recovery: Some(at), ..new.enrolment(&[Role::Approver], None, s.forge.after()) };
    s.forge.enrol_with(&mut new, Body::Enrolment(enrolment), None);
    approves(&mut s, &mut new);
    let roots: &[&Person] = if tale.root { &[&s.alice, &new] } else { &[&s.alice] };
    let about = "Bob lost his key, and approves with the one that a recovery gave him.";
    told(&s, &new, roots, name, about, &["R-9.3-7", "R-9.3-8", "R-9.3-9"], expect)
}

fn revoked_with_another_key() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let body = Body::Revocation(Revocation {
        credential: bob.key.credential_id().to_vec(),
        key: s.alice.key.public_key().thumbprint(),
        effective_from: UnixSeconds(s.forge.clock),
        reason: "lost".to_owned(),
        signer: s.alice.signer(),
        after: s.forge.after(),
    });
    s.forge.govern(Namespace::Revoke, body, &mut s.alice);
    approves(&mut s, &mut bob);
    told(
        &s,
        &bob,
        &[&s.alice],
        "revocation-of-another-key",
        "A revocation names Bob's credential and another key.",
        &["R-9.3-10"],
        Expect::Indeterminate("governance.unauthorised"),
    )
}
