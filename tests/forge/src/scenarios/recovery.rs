//! Second keys, and keys that replace lost ones.

use placet_proto::document::{After, Body, Enrolment, Recovery, Revocation, Role};
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
        recovered("recovery-objected", Expect::Failed("recovery.objected"), |t| {
            t.objected = Some(0);
        }),
        // What the objector says of the time does not matter before the key is enrolled.
        recovered("recovery-objected-for-later", Expect::Failed("recovery.objected"), |t| {
            t.objected = Some(NEXT_YEAR);
        }),
        recovered("recovery-objected-by-somebody-in-doubt", IN_DOUBT, |t| {
            (t.objected, t.carol_asserted) = (Some(NEXT_YEAR), true);
        }),
        recovered("recovery-objected-blindly", IN_DOUBT, |t| {
            (t.objected, t.objected_blindly) = (Some(0), true);
        }),
        objected_too_late(),
        revoked_by_an_approver("revoked-by-an-approver", false),
        revoked_by_an_approver("revoked-in-anothers-name", true),
        recovered("recovery-time-not-shown", Expect::Indeterminate("time.lower_open"), |t| {
            t.half_witnessed = true;
        }),
        recovered("recovery-signed-by-another", Expect::Failed("lineage.assertion"), |t| {
            t.signed_by_carol = true;
        }),
        recovered("recovery-not-seen", Expect::Failed("recovery.mismatch"), |t| {
            t.enrolled_blindly = true;
            t.change = |r| r.effective_from = UnixSeconds(0);
        }),
        recovered("recovery-of-another-person", Expect::Failed("recovery.mismatch"), |t| {
            t.change = |r| r.person = Person::named("Mallory").id;
        }),
        recovered("recovery-of-another-credential", Expect::Failed("recovery.mismatch"), |t| {
            t.change = |r| r.credential[0] ^= 1;
        }),
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

const IN_DOUBT: Expect = Expect::Indeterminate("governance.unauthorised");
const NEXT_YEAR: u64 = 1_830_000_000;

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
    /// Whether Carol objects, and the time from which she says that the key counts no more.
    objected: Option<u64>,
    /// Whether her objection names a roster from before the recovery.
    objected_blindly: bool,
    /// Whether nobody but the operator says who Carol is.
    carol_asserted: bool,
    /// Whether the enrolment names a roster from before the recovery.
    enrolled_blindly: bool,
    /// Whether one witness of two saw what the enrolment names.
    half_witnessed: bool,
    /// Whether Carol's key, and not the new one, signed the recovery.
    signed_by_carol: bool,
    at: u64,
    change: fn(&mut Recovery),
}

const HONEST: Tale = Tale {
    root: true,
    wait: 101,
    objected: None,
    objected_blindly: false,
    carol_asserted: false,
    enrolled_blindly: false,
    half_witnessed: false,
    signed_by_carol: false,
    at: 0,
    change: |_| (),
};

/// Bob lost his key; the ledger announces another, and enrols it after a hundred seconds.
fn recovered(name: &'static str, expect: Expect, vary: impl FnOnce(&mut Tale)) -> Vector {
    let mut tale = HONEST;
    vary(&mut tale);
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let mut carol = Person::named("Carol");
    let by = if tale.carol_asserted { None } else { Some(&mut s.alice) };
    s.forge.enrol(&mut carol, &[Role::Approver], by);
    let mut new = bobs_second(&bob);
    let before = s.forge.after();
    let announced = announce(&mut s, &tale, &mut new, &mut carol);
    if let Some(from) = tale.objected {
        object(&mut s, &new, &mut carol, from, tale.objected_blindly.then(|| before.clone()));
    }
    s.forge.tick(tale.wait);
    if tale.half_witnessed {
        let (now, one) = (s.forge.clock, s.forge.witnesses[0].clone());
        s.forge.main.publish(&[(&one, now)]);
        s.forge.gov.publish(&[(&one, now)]);
    } else {
        s.forge.publish_both();
    }
    let at = if tale.at == 0 { announced } else { tale.at };
    let after = if tale.enrolled_blindly { before } else { s.forge.after() };
    let enrolment =
        Enrolment { recovery: Some(at), ..new.enrolment(&[Role::Approver], None, after) };
    s.forge.enrol_with(&mut new, Body::Enrolment(enrolment), None);
    approves(&mut s, &mut new);
    let roots: &[&Person] = if tale.root { &[&s.alice, &new] } else { &[&s.alice] };
    let about = "Bob lost his key, and approves with the one that a recovery gave him.";
    told(&s, &new, roots, name, about, &["R-9.3-7", "R-9.3-8", "R-9.3-9"], expect)
}

fn announce(s: &mut Story, tale: &Tale, new: &mut Person, carol: &mut Person) -> u64 {
    let mut recovery = Recovery {
        person: new.id.clone(),
        key: new.key.public_key().thumbprint(),
        credential: new.key.credential_id().to_vec(),
        roles: vec![Role::Approver],
        effective_from: UnixSeconds(s.forge.clock + 100),
        reason: "the phone is lost".to_owned(),
        after: s.forge.after(),
    };
    (tale.change)(&mut recovery);
    let by = if tale.signed_by_carol { carol } else { new };
    let announced = s.forge.govern(Namespace::Recover, Body::Recovery(recovery), by);
    s.forge.tick(1);
    s.forge.publish_both();
    announced
}

fn object(s: &mut Story, new: &Person, carol: &mut Person, from: u64, after: Option<After>) {
    let body = Body::Revocation(Revocation {
        credential: new.key.credential_id().to_vec(),
        key: new.key.public_key().thumbprint(),
        effective_from: UnixSeconds(from),
        reason: "that was not Bob".to_owned(),
        signer: carol.signer(),
        after: after.unwrap_or_else(|| s.forge.after()),
    });
    s.forge.govern(Namespace::Revoke, body, carol);
}

/// Carol objects when the key is enrolled: then she would have to be an administrator.
fn objected_too_late() -> Vector {
    let mut s = Story::opened();
    let (mut bob, mut carol) = (Person::named("Bob"), Person::named("Carol"));
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.enrol(&mut carol, &[Role::Approver], Some(&mut s.alice));
    let mut new = bobs_second(&bob);
    let at = announce(&mut s, &HONEST, &mut new, &mut carol);
    s.forge.tick(101);
    s.forge.publish_both();
    let plain = new.enrolment(&[Role::Approver], None, s.forge.after());
    let enrolment = Enrolment { recovery: Some(at), ..plain };
    s.forge.enrol_with(&mut new, Body::Enrolment(enrolment), None);
    s.forge.publish_both();
    let now = s.forge.clock;
    object(&mut s, &new, &mut carol, now, None);
    approves(&mut s, &mut new);
    told(
        &s,
        &new,
        &[&s.alice, &new],
        "recovery-objected-too-late",
        "Carol, who is no administrator, objects to a key that is enrolled already.",
        &["R-9.3-10"],
        IN_DOUBT,
    )
}

/// Carol, who is an approver, revokes Bob's key; once as herself, once in Alice's name.
fn revoked_by_an_approver(name: &'static str, in_bobs_place: bool) -> Vector {
    let mut s = Story::opened();
    let (mut bob, mut carol) = (Person::named("Bob"), Person::named("Carol"));
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.enrol(&mut carol, &[Role::Approver], Some(&mut s.alice));
    let mut signer = carol.signer();
    if in_bobs_place {
        // Bob's own key, under the name of somebody else: nobody's revocation.
        signer = bob.signer();
        signer.person = s.alice.id.clone();
    }
    let body = Body::Revocation(Revocation {
        credential: bob.key.credential_id().to_vec(),
        key: bob.key.public_key().thumbprint(),
        effective_from: UnixSeconds(s.forge.clock),
        reason: "lost".to_owned(),
        signer,
        after: s.forge.after(),
    });
    let by = if in_bobs_place { &mut bob } else { &mut carol };
    s.forge.govern(Namespace::Revoke, body, by);
    approves(&mut s, &mut bob);
    told(
        &s,
        &bob,
        &[&s.alice],
        name,
        "A revocation of Bob's key that neither he nor an administrator signed as such.",
        &["R-9.3-1"],
        IN_DOUBT,
    )
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
