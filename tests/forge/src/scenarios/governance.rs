//! Who may approve: lineage, roles, revocations, policies.

use placet_proto::document::{Body, Policy, PolicyRef, Role};
use placet_proto::sshsig::Namespace;
use placet_proto::time::UnixSeconds;

use super::story::{Story, action, story};
use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        authorised_colleague(),
        operator_asserted(),
        authorised_by_an_approver(),
        authorised_with_a_stolen_signature(),
        possession_not_proved(),
        not_an_approver(),
        role_taken_before(),
        role_taken_by_nobody(),
        other_persons_name(),
        revoked_before(),
        revoked_between(),
        revoked_later(),
        revocation_left_out(),
        revocation_replaced(),
        older_roster(),
        revoked_authoriser_later(),
        revoked_authoriser_backdated(),
        second_enrolment_ignored(),
        policy_not_in_force(),
        new_policy_in_force(),
        policy_by_nobody(),
        wrong_genesis(),
    ]
}

/// A ledger where Bob, authorised by Alice, approves.
fn bob_approves(prepare: impl FnOnce(&mut Forge, &mut Person, &mut Person)) -> (Story, Person) {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    prepare(&mut s.forge, &mut s.alice, &mut bob);
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.close();
    (s, bob)
}

fn vector_of(
    (s, bob): &(Story, Person),
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
) -> Vector {
    let bundle = s.forge.bundle(&[&s.request], &[&s.alice, bob]);
    Vector::new(name, about, requirements, &bundle, &s.trust(), expect)
}

fn authorised_colleague() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Approver], Some(alice));
    });
    vector_of(
        &told,
        "colleague",
        "Bob approves; Alice, a root, had authorised his enrolment.",
        &["R-9.3-1"],
        Expect::Passed,
    )
}

fn operator_asserted() -> Vector {
    let told = bob_approves(|f, _, bob| {
        f.enrol(bob, &[Role::Approver], None);
    });
    let (s, bob) = &told;
    let bundle = s.forge.bundle(&[&s.request], &[bob]);
    Vector::new(
        "operator-asserted",
        "Nobody but the operator says that this passkey is Bob's.",
        &[],
        &bundle,
        &s.trust(),
        Expect::Indeterminate("lineage.operator_asserted"),
    )
}

fn authorised_by_an_approver() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        let mut carol = Person::named("Carol");
        f.enrol(&mut carol, &[Role::Approver], Some(alice));
        f.tick(1);
        f.enrol(bob, &[Role::Approver], Some(&mut carol));
    });
    let (s, bob) = &told;
    let bundle = s.forge.bundle(&[&s.request], &[bob]);
    Vector::new(
        "authorised-by-an-approver",
        "Carol, who is no administrator, authorised Bob.",
        &["R-9.3-1"],
        &bundle,
        &s.trust(),
        Expect::Failed("lineage.role"),
    )
}

fn authorised_with_a_stolen_signature() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        let body = |f: &Forge, alice: &Person, p: &Person| {
            Body::Enrolment(p.enrolment(&[Role::Approver], Some(alice), f.after()))
        };
        // Alice signed Carol's enrolment; her signature is shown with Bob's.
        let carol = Person::named("Carol");
        let carols = body(f, alice, &carol);
        let carols = f.document(carols);
        let authorise = alice.sign(Namespace::EnrolAuthorise, &carols);
        let bobs = body(f, alice, bob);
        let bobs = f.document(bobs);
        let possess = bob.sign(Namespace::EnrolPossess, &bobs);
        let (subject, key) = (f.uuid(), f.ledger_key.clone());
        let attestation = bob.attestation.clone();
        let statement =
            f.statement(&key, &bobs, &subject, vec![possess, authorise], Some(&attestation));
        f.gov.append(statement);
        f.publish_gov();
    });
    vector_of(
        &told,
        "authorisation-of-another",
        "The authorisation signature belongs to another enrolment.",
        &["R-9.3-1"],
        Expect::Failed("lineage.assertion"),
    )
}

fn possession_not_proved() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        let body = Body::Enrolment(bob.enrolment(&[Role::Approver], Some(alice), f.after()));
        let document = f.document(body);
        // The new key did not sign: a namespace of another purpose stands in for it.
        let mut possess = bob.sign(Namespace::Signin, &document);
        possess.namespace = Namespace::EnrolPossess;
        let authorise = alice.sign(Namespace::EnrolAuthorise, &document);
        let (subject, key) = (f.uuid(), f.ledger_key.clone());
        let attestation = bob.attestation.clone();
        let statement =
            f.statement(&key, &document, &subject, vec![possess, authorise], Some(&attestation));
        f.gov.append(statement);
        f.publish_gov();
    });
    vector_of(
        &told,
        "possession-not-proved",
        "The enrolled key never signed its enrolment.",
        &["R-4.3-1"],
        Expect::Failed("lineage.assertion"),
    )
}

fn not_an_approver() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Administrator], Some(alice));
    });
    vector_of(
        &told,
        "not-an-approver",
        "Bob administrates but may not approve.",
        &[],
        Expect::Failed("lineage.role"),
    )
}

fn role_taken_before() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Approver], Some(alice));
        f.tick(1);
        f.set_roles(bob, &[], alice);
    });
    vector_of(
        &told,
        "role-taken-before",
        "Bob's role had been taken before.",
        &["R-9.3-1"],
        Expect::Failed("lineage.role"),
    )
}

fn role_taken_by_nobody() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Approver], Some(alice));
        f.tick(1);
        let mut mallory = Person::named("Mallory");
        f.set_roles(bob, &[], &mut mallory);
    });
    vector_of(
        &told,
        "role-change-by-nobody",
        "A role change that nobody who may has signed has no effect.",
        &["R-9.3-1"],
        Expect::Passed,
    )
}

fn other_persons_name() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.approver.person = Person::named("Bob").id;
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, false);
    s.close();
    s.vector(
        "other-persons-name",
        "Alice's key, but the document says that Bob approves.",
        &[],
        Expect::Failed("lineage.person"),
    )
}

fn revoked_before() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Approver], Some(alice));
        f.tick(1);
        let now = f.clock;
        f.revoke(bob, alice, now);
    });
    vector_of(
        &told,
        "revoked-before",
        "Bob's key had been revoked when he approved.",
        &[],
        Expect::Failed("roster.revoked"),
    )
}

fn with_late_revocation(effective_from: impl Fn(&Forge) -> u64, wait: u64) -> (Story, Person) {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.forge.publish_main();
    s.forge.tick(wait);
    if wait > 0 {
        s.forge.publish_gov();
    }
    let from = effective_from(&s.forge);
    s.forge.revoke(&bob, &mut s.alice, from);
    s.forge.tick(2);
    s.close();
    (s, bob)
}

fn revoked_between() -> Vector {
    // Only the checkpoint after the revocation is late enough to speak for the time of approval.
    let mut told = with_late_revocation(|f| f.clock - 3600, 0);
    let (s, _) = &mut told;
    let last = s.forge.gov.notes.last().expect("a note").clone();
    s.forge.gov.notes.retain(|n| *n == last || crate::ledger::note_ref(n).size <= 5);
    vector_of(
        &told,
        "revoked-between",
        "Bob's key was revoked soon after, as lost an hour before: the order can't be shown.",
        &[],
        Expect::Indeterminate("roster.disputed"),
    )
}

fn revoked_later() -> Vector {
    let told = with_late_revocation(|f| f.clock, 5);
    vector_of(
        &told,
        "revoked-later",
        "Bob's key was revoked after the approval, from then on.",
        &[],
        Expect::Passed,
    )
}

fn revocation_left_out() -> Vector {
    let (s, bob) = with_late_revocation(|f| f.clock - 3600, 0);
    let mut bundle = s.forge.bundle(&[&s.request], &[&bob]);
    bundle.gov.entries.pop();
    Vector::new(
        "revocation-left-out",
        "The list of governance entries lacks its last, a revocation.",
        &["R-7.3-5"],
        &bundle,
        &s.trust(),
        Expect::Malformed("bundle.structure"),
    )
}

fn revocation_replaced() -> Vector {
    let (s, bob) = with_late_revocation(|f| f.clock - 3600, 0);
    let mut bundle = s.forge.bundle(&[&s.request], &[&bob]);
    let last = bundle.gov.entries.len() - 1;
    bundle.gov.entries[last] = bundle.gov.entries[last - 1].clone();
    Vector::new(
        "revocation-replaced",
        "In the list of governance entries something else stands for a revocation.",
        &[],
        &bundle,
        &s.trust(),
        Expect::Failed("log.root"),
    )
}

fn older_roster() -> Vector {
    let (mut s, bob) = with_late_revocation(|f| f.clock - 3600, 0);
    // Only governance checkpoints from before the revocation are handed out.
    s.forge.gov.notes.retain(|n| crate::ledger::note_ref(n).size <= 5);
    let bundle = s.forge.bundle(&[&s.request], &[&bob]);
    Vector::new(
        "older-roster",
        "The governance log is shown only as it was before the revocation.",
        &[],
        &bundle,
        &s.trust(),
        Expect::Indeterminate("time.upper_open"),
    )
}

fn revoke_authoriser(effective_from: impl Fn(&Forge) -> u64) -> (Story, Person) {
    let (mut s, bob) = bob_approves(|f, alice, bob| {
        let mut carol = Person::named("Carol");
        f.enrol(&mut carol, &[Role::Administrator], Some(alice));
        f.tick(1);
        f.enrol(bob, &[Role::Approver], Some(&mut carol));
    });
    let carol = Person::named("Carol");
    let from = effective_from(&s.forge);
    s.forge.revoke(&carol, &mut s.alice, from);
    // The governance checkpoint that closed the approval is not handed out, only the one that
    // holds the revocation.
    s.forge.gov.notes.pop();
    s.forge.tick(2);
    s.close();
    (s, bob)
}

fn revoked_authoriser_later() -> Vector {
    let told = revoke_authoriser(|f| f.clock);
    vector_of(
        &told,
        "authoriser-revoked-later",
        "Carol, who had authorised Bob, was revoked later, from then on.",
        &[],
        Expect::Passed,
    )
}

fn revoked_authoriser_backdated() -> Vector {
    let told = revoke_authoriser(|f| f.clock - 3600);
    vector_of(
        &told,
        "authoriser-revoked-backdated",
        "Carol's key, which had authorised Bob, is said to have been lost an hour before that.",
        &[],
        Expect::Indeterminate("roster.disputed"),
    )
}

fn second_enrolment_ignored() -> Vector {
    let told = bob_approves(|f, alice, bob| {
        f.enrol(bob, &[Role::Administrator], Some(alice));
        f.tick(1);
        // The operator enrols the same credential again with the role that it lacks.
        f.enrol(bob, &[Role::Approver], Some(alice));
    });
    vector_of(
        &told,
        "second-enrolment",
        "The same credential id is enrolled a second time, with other roles: the first counts.",
        &["R-6.5-1"],
        Expect::Failed("lineage.role"),
    )
}

fn policy_not_in_force() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.policy = PolicyRef { index: 2, manifest: [1; 32] };
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, false);
    s.close();
    s.vector(
        "policy-not-in-force",
        "The document names a policy that was not in force.",
        &[],
        Expect::Failed("policy.not_in_force"),
    )
}

fn activate(s: &mut Story, signed: bool) {
    let files = vec![("policies.cedar".to_owned(), placet_proto::sha256(b"permit some"))];
    let manifest = placet_proto::sha256(&Policy::manifest_bytes(&files));
    let authorised = signed.then(|| (s.alice.signer(), s.forge.after()));
    let policy =
        Policy { files, manifest_sha256: manifest, authorised, at: UnixSeconds(s.forge.clock) };
    let index = if signed {
        s.forge.govern(Namespace::Policy, Body::Policy(policy), &mut s.alice)
    } else {
        let document = s.forge.document(Body::Policy(policy));
        let (subject, key) = (s.forge.uuid(), s.forge.ledger_key.clone());
        let statement = s.forge.statement(&key, &document, &subject, vec![], None);
        s.forge.gov.append(statement)
    };
    s.forge.policy = PolicyRef { index, manifest };
    s.forge.tick(1);
    s.forge.publish_both();
}

fn new_policy_in_force() -> Vector {
    let mut s = Story::opened();
    activate(&mut s, true);
    let s = s.approved().executed().closed();
    s.vector(
        "policy-replaced",
        "An administrator had activated another policy; the document names it.",
        &["R-9.3-1"],
        Expect::Passed,
    )
}

fn policy_by_nobody() -> Vector {
    let mut s = Story::opened();
    activate(&mut s, false);
    let s = s.approved().executed().closed();
    s.vector(
        "policy-by-nobody",
        "The operator put another policy into the log that nobody signed.",
        &["R-9.3-1"],
        Expect::Indeterminate("governance.unauthorised"),
    )
}

fn wrong_genesis() -> Vector {
    let s = story();
    let mut trust = s.trust();
    trust.logs[1].genesis = [5; 32];
    Vector::new(
        "wrong-genesis",
        "The governance log is not the one that the trust file pins.",
        &["R-6.2-2"],
        &s.bundle(),
        &trust,
        Expect::Failed("log.genesis"),
    )
}
