//! An operator with helpers who once held a role, or with keys and documents of another time: what
//! was signed is filed late, filed again, or filed under another name.

use placet_proto::document::{
    After, Body, Document, Ended, Policy, PolicyRef, Revocation, Role, RoleChange, Signer,
};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Assertion;
use placet_proto::time::UnixSeconds;

use super::story::{Story, action, story};
use crate::ledger::Forge;
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        revoked_root_under_another_id(),
        one_key_two_persons(),
        role_filed_again(),
        role_filed_late_takes_away(),
        demoted_administrator_authorises(),
        revoked_administrator_gives_role(),
        role_giver_revoked(),
        policy_filed_again(),
        revoked_by_the_operator(),
        long_lineage(),
        own_witness_stamps_ahead(),
        two_outcomes(),
        outcome_without_execution(),
        approved_after_its_end(),
    ]
}

/// Enrols a person's key under any credential id and person.
fn enrol_as(f: &mut Forge, who: &mut Person, signer: &Signer, roles: &[Role]) {
    let mut body = who.enrolment(roles, None, f.after());
    body.person.clone_from(&signer.person);
    body.credential.clone_from(&signer.credential);
    let document = f.document(Body::Enrolment(body));
    let mut possess = who.sign(Namespace::EnrolPossess, &document);
    possess.credential.clone_from(&signer.credential);
    let (subject, key, attestation) = (f.uuid(), f.ledger_key.clone(), who.attestation.clone());
    let statement = f.statement(&key, &document, &subject, vec![possess], Some(&attestation));
    f.gov.append(statement);
    f.tick(1);
    f.publish_both();
}

/// Approves with a person's key under any credential id and person.
fn approve_as(s: &mut Story, who: &mut Person, signer: &Signer, quorum: u64) {
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), who);
    answer.approver = signer.clone();
    answer.quorum.required = quorum;
    let document = s.forge.document(Body::Approval(answer));
    let mut assertion = who.sign(Namespace::Approve, &document);
    assertion.credential.clone_from(&signer.credential);
    s.forge.append_answer(&document, assertion);
}

/// Signs a governance document without filing it.
fn signed(f: &mut Forge, body: Body, by: &mut Person) -> (Document, Assertion) {
    let document = f.document(body);
    let namespace = document.kind().namespace().expect("a kind that persons sign");
    let assertion = by.sign(namespace, &document);
    (document, assertion)
}

fn file(f: &mut Forge, (document, assertion): &(Document, Assertion)) -> u64 {
    let (subject, key) = (f.uuid(), f.ledger_key.clone());
    let statement = f.statement(&key, document, &subject, vec![assertion.clone()], None);
    let index = f.gov.append(statement);
    f.tick(1);
    f.publish_both();
    index
}

fn role(who: &Person, roles: &[Role], by: &Person, after: After) -> Body {
    let (person, roles, signer) = (who.id.clone(), roles.to_vec(), by.signer());
    Body::Role(RoleChange { person, roles, signer, after })
}

/// Bob approves after what `prepare` did.
fn bob_approves(
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
    prepare: impl FnOnce(&mut Story, &mut Person),
) -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    prepare(&mut s, &mut bob);
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.close();
    s.vector_without_names(name, about, requirements, expect)
}

fn revoked_root_under_another_id() -> Vector {
    let mut s = Story::opened();
    let (now, mut rita) = (s.forge.clock, Person::named("Alice"));
    s.forge.revoke(&rita, &mut s.alice, now);
    s.forge.tick(1);
    s.forge.publish_both();
    // Alice was dismissed and her key revoked. She helps the operator, who enrols it once more.
    let again = Signer { person: rita.id.clone(), credential: vec![7; 16] };
    enrol_as(&mut s.forge, &mut rita, &again, &[Role::Approver]);
    approve_as(&mut s, &mut rita, &again, 1);
    s.close();
    s.vector(
        "revoked-root-under-another-id",
        "The revoked key of a root is enrolled again under another credential id.",
        &["R-6.5-1"],
        Expect::Failed("lineage.unknown_credential"),
    )
}

fn one_key_two_persons() -> Vector {
    let mut s = Story::opened();
    let mut twin = Person::named("Alice");
    let other = Signer { person: Person::named("Bob").id, credential: vec![7; 16] };
    enrol_as(&mut s.forge, &mut twin, &other, &[Role::Approver]);
    let alice = twin.signer();
    approve_as(&mut s, &mut twin, &alice, 2);
    approve_as(&mut s, &mut twin, &other, 2);
    s.close();
    s.vector(
        "one-key-two-persons",
        "Two persons are asked for; the same passkey is enrolled as two and signs twice.",
        &["R-6.5-1"],
        Expect::Failed("lineage.unknown_credential"),
    )
}

fn role_filed_again() -> Vector {
    bob_approves(
        "role-filed-again",
        "Bob's role was given, then taken. The operator files the first document once more.",
        &["R-9.3-3"],
        Expect::Failed("lineage.role"),
        |s, bob| {
            s.forge.enrol(bob, &[Role::Administrator], Some(&mut s.alice));
            let body = role(bob, &[Role::Approver], &s.alice, s.forge.after());
            let given = signed(&mut s.forge, body, &mut s.alice);
            file(&mut s.forge, &given);
            let body = role(bob, &[], &s.alice, s.forge.after());
            let taken = signed(&mut s.forge, body, &mut s.alice);
            file(&mut s.forge, &taken);
            file(&mut s.forge, &given);
        },
    )
}

fn role_filed_late_takes_away() -> Vector {
    bob_approves(
        "role-filed-late",
        "A document that takes Bob's role is filed after another that kept it: it still takes it.",
        &["R-9.3-3"],
        Expect::Failed("lineage.role"),
        |s, bob| {
            s.forge.enrol(bob, &[Role::Approver], Some(&mut s.alice));
            let after = s.forge.after();
            let taken = role(bob, &[], &s.alice, after.clone());
            let taken = signed(&mut s.forge, taken, &mut s.alice);
            let kept = role(bob, &[Role::Approver], &s.alice, after);
            let kept = signed(&mut s.forge, kept, &mut s.alice);
            file(&mut s.forge, &kept);
            file(&mut s.forge, &taken);
        },
    )
}

fn demoted_administrator_authorises() -> Vector {
    bob_approves(
        "demoted-administrator",
        "Carol, who is no administrator any more, authorises Bob under an older checkpoint.",
        &["R-9.3-4"],
        Expect::Failed("lineage.role"),
        |s, bob| {
            let mut carol = Person::named("Carol");
            s.forge.enrol(&mut carol, &[Role::Administrator], Some(&mut s.alice));
            s.forge.publish_both();
            let old = s.forge.after();
            s.forge.set_roles(&carol, &[], &mut s.alice);
            s.forge.tick(60);
            s.forge.publish_both();
            let body = Body::Enrolment(bob.enrolment(&[Role::Approver], Some(&carol), old));
            s.forge.enrol_with(bob, body, Some(&mut carol));
        },
    )
}

fn revoked_administrator_gives_role() -> Vector {
    bob_approves(
        "revoked-administrator",
        "Carol, whose key is revoked, gives Bob a role under an older checkpoint.",
        &["R-9.3-4"],
        Expect::Failed("lineage.role"),
        |s, bob| {
            let mut carol = Person::named("Carol");
            s.forge.enrol(&mut carol, &[Role::Administrator], Some(&mut s.alice));
            s.forge.enrol(bob, &[Role::Administrator], Some(&mut s.alice));
            s.forge.publish_both();
            let old = s.forge.after();
            let now = s.forge.clock;
            s.forge.revoke(&carol, &mut s.alice, now);
            s.forge.tick(60);
            s.forge.publish_both();
            let given = role(bob, &[Role::Approver], &carol, old);
            let given = signed(&mut s.forge, given, &mut carol);
            file(&mut s.forge, &given);
        },
    )
}

fn role_giver_revoked() -> Vector {
    bob_approves(
        "role-giver-revoked-backdated",
        "Carol gave Bob his role; her key is said to have been lost an hour before that.",
        &["R-9.5-3"],
        Expect::Indeterminate("roster.disputed"),
        |s, bob| {
            let mut carol = Person::named("Carol");
            s.forge.enrol(&mut carol, &[Role::Administrator], Some(&mut s.alice));
            s.forge.enrol(bob, &[Role::Administrator], Some(&mut s.alice));
            s.forge.publish_both();
            let given = role(bob, &[Role::Approver], &carol, s.forge.after());
            let given = signed(&mut s.forge, given, &mut carol);
            file(&mut s.forge, &given);
            let before = s.forge.clock - 3600;
            s.forge.revoke(&carol, &mut s.alice, before);
        },
    )
}

fn policy_filed_again() -> Vector {
    let mut s = Story::opened();
    let policy = |s: &mut Story, text: &[u8]| {
        let files = vec![("policies.cedar".to_owned(), placet_proto::sha256(text))];
        let manifest_sha256 = placet_proto::sha256(&Policy::manifest_bytes(&files));
        let authorised = Some((s.alice.signer(), s.forge.after()));
        let at = UnixSeconds(s.forge.clock);
        let body = Body::Policy(Policy { files, manifest_sha256, authorised, at });
        (signed(&mut s.forge, body, &mut s.alice), manifest_sha256)
    };
    let (lax, manifest) = policy(&mut s, b"permit everything");
    file(&mut s.forge, &lax);
    let (strict, _) = policy(&mut s, b"permit little");
    file(&mut s.forge, &strict);
    let index = file(&mut s.forge, &lax);
    s.forge.policy = PolicyRef { index, manifest };
    let s = s.approved().executed().closed();
    s.vector(
        "policy-filed-again",
        "A policy that another had replaced is filed once more by the operator.",
        &["R-9.3-3"],
        Expect::Indeterminate("governance.unauthorised"),
    )
}

fn revoked_by_the_operator() -> Vector {
    bob_approves(
        "revoked-by-the-operator",
        "The operator enrols a key of his own as Bob's and revokes Bob's with it.",
        &["R-9.3-1"],
        Expect::Indeterminate("governance.unauthorised"),
        |s, bob| {
            s.forge.enrol(bob, &[Role::Approver], Some(&mut s.alice));
            let mut mallory = Person::named("Mallory");
            let own = Signer { person: bob.id.clone(), ..mallory.signer() };
            enrol_as(&mut s.forge, &mut mallory, &own, &[Role::Approver]);
            let body = Body::Revocation(Revocation {
                credential: bob.key.credential_id().to_vec(),
                key: bob.key.public_key().thumbprint(),
                effective_from: UnixSeconds(s.forge.clock),
                reason: "lost".to_owned(),
                signer: own,
                after: s.forge.after(),
            });
            let revoked = signed(&mut s.forge, body, &mut mallory);
            file(&mut s.forge, &revoked);
        },
    )
}

fn long_lineage() -> Vector {
    bob_approves(
        "lineage-too-long",
        "More administrators than are followed lie between Bob and the root.",
        &["R-9.3-5"],
        Expect::Indeterminate("lineage.depth"),
        |s, bob| {
            let mut last: Option<Person> = None;
            for i in 1..32 {
                let mut next = Person::named(&format!("Administrator {i}"));
                let by = last.as_mut().unwrap_or(&mut s.alice);
                let body = next.enrolment(&[Role::Administrator], Some(by), s.forge.after());
                s.forge.enrol_with(&mut next, Body::Enrolment(body), Some(by));
                // One note each would make the vector large; only the newest is of use.
                s.forge.gov.notes.pop();
                s.forge.publish_gov();
                last = Some(next);
            }
            s.forge.enrol(bob, &[Role::Approver], last.as_mut());
        },
    )
}

fn own_witness_stamps_ahead() -> Vector {
    let mut s = Story::opened().approved();
    s.forge.gov.notes.pop();
    // The operator's witness stamps the last governance checkpoint that suits him as if it were
    // of a later time; the independent one says when it was.
    let ([own, other], clock) = (s.forge.witnesses.clone(), s.forge.clock);
    s.forge.gov.publish(&[(&own, clock - 3), (&other, clock - 3)]);
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.request = s.forge.uuid();
    let answer = placet_proto::document::Answer { request: s.request.clone(), ..answer };
    s.forge.answer(&mut s.alice, answer, false);
    s.forge.publish_main();
    s.forge.gov.publish(&[(&own, clock + 60), (&other, clock - 2)]);
    let mut trust = s.trust();
    for log in &mut trust.logs {
        log.witness_policy = log.witness_policy.replace("both all", "both any");
        log.operated_by_self = vec!["w1".to_owned()];
    }
    trust.require = vec!["witness.independent".to_owned()];
    Vector::new(
        "own-witness-stamps-ahead",
        "Either witness suffices and an independent one is required: the other's stamps count not.",
        &["R-9.4-5"],
        &s.bundle(),
        &trust,
        Expect::Indeterminate("time.upper_open"),
    )
}

fn two_outcomes() -> Vector {
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.forge.outcome(s.execution, |_| ());
    s.forge.outcome(s.execution, |o| {
        o.result = placet_proto::document::OutcomeResult::Failure;
    });
    s.close();
    s.vector(
        "two-outcomes",
        "The PEP says that it succeeded, and that it failed.",
        &["R-9.6-3"],
        Expect::Failed("outcome.mismatch"),
    )
}

fn approved_after_its_end() -> Vector {
    let mut s = Story::opened();
    let (request, at) = (s.request.clone(), UnixSeconds(s.forge.clock));
    let reason = Some("not needed any more".to_owned());
    let cancelled = Body::Cancel(Ended { request: request.clone(), reason, at });
    s.forge.ledger_states(cancelled, &request);
    let s = s.approved().executed().closed();
    s.vector(
        "approved-after-its-end",
        "The agent had withdrawn the request; it was approved and executed all the same.",
        &[],
        Expect::Failed("answer.conflict"),
    )
}

fn outcome_without_execution() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    bundle.main.statements.retain(|i| i.index != s.execution);
    Vector::new(
        "outcome-without-execution",
        "The evidence holds an outcome, and not the execution whose outcome it is.",
        &["R-9.6-2"],
        &bundle,
        &s.trust(),
        Expect::Indeterminate("execution.absent"),
    )
}
