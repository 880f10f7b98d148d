//! The whole path, from a requestable denial to evidence that the verifier accepts.

mod common;

use std::time::Duration;

use common::*;
use placet_ledger::service::*;
use placet_proto::document::Verdict as Decided;
use placet_verifier::{Options, Verdict, verify_bundle};

fn check(
    fixture: &Fixture,
    evidence: &Evidence,
    roots: &[&Person],
    denial: bool,
) -> placet_verifier::Report {
    let trust = fixture.trust(roots);
    let trust = placet_proto::trust::TrustFile::parse(&trust.encode()).unwrap();
    let options =
        Options { as_of: fixture.ledger.now().0, expect_denial: denial, ..Options::default() };
    verify_bundle(&evidence.bytes, &trust, &options).unwrap()
}

#[test]
fn from_request_to_evidence_that_passes() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let answered = fixture.answer(&request, &mut alice, false);
    assert_eq!(answered.state, RequestState::Approved);
    let consumed = fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    assert!(!consumed.repeated);
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    assert_eq!(fixture.ledger.row(&request).unwrap().state, RequestState::Done);

    let early = fixture.ledger.evidence(std::slice::from_ref(&request), None).unwrap();
    assert!(!early.open.is_empty());
    let report = check(&fixture, &early, &[&alice], false);
    assert_eq!((report.verdict, report.code), (Verdict::Indeterminate, Some("time.upper_open")));

    let wait = Some(Duration::from_secs(10));
    let evidence = fixture.ledger.evidence(&[request], wait).unwrap();
    assert_eq!(evidence.open, Vec::<String>::new());
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
    // Operator-asserted lineage is not proof.
    let report = check(&fixture, &evidence, &[], false);
    assert_eq!(report.verdict, Verdict::Indeterminate, "{:?}", report.code);
}

fn code<T: std::fmt::Debug>(result: Result<T, placet_ledger::Error>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn evidence_of_a_denial_passes_where_a_denial_is_wanted() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let answered = fixture.answer(&request, &mut alice, true);
    assert_eq!(answered.state, RequestState::Denied);
    assert_eq!(code(fixture.ledger.consume(&fixture.consume(&request))), "request.state");
    assert_eq!(code(fixture.open(&request, &alice, false)), "request.state");
    assert_eq!(code(fixture.ledger.cancel(&request, "late")), "request.ended");
    let wait = Some(Duration::from_secs(10));
    let evidence = fixture.ledger.evidence(std::slice::from_ref(&request), wait).unwrap();
    let report = check(&fixture, &evidence, &[&alice], true);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
    assert_eq!(check(&fixture, &evidence, &[&alice], false).verdict, Verdict::Failed);
}

// SPEC.md R-10-7.
#[test]
fn approvals_are_spent_once_by_the_right_agent_and_pep_on_the_right_action() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let call = fixture.consume(&request);
    assert_eq!(code(fixture.ledger.consume(&call)), "consume.not_approved");
    assert_eq!(code(fixture.ledger.outcome(&fixture.report(&request))), "request.state");
    fixture.answer(&request, &mut alice, false);
    let other_agent = placet_proto::document::Initiator { kind: "agent".into(), id: "b".into() };
    let raw =
        placet_proto::document::Raw { media_type: "text/plain".into(), length: 1, sha256: [0; 32] };
    for wrong in [
        Consume { initiator: other_agent, ..call.clone() },
        Consume { action_digest: action("X0002").digest(), ..call.clone() },
        Consume { audience: "other/pep".into(), ..call.clone() },
        Consume { raw: Some(raw), ..call.clone() },
    ] {
        assert_eq!(code(fixture.ledger.consume(&wrong)), "consume.not_approved");
    }
    // Sixteen calls at once with two keys: one execution, and only its own key sees it.
    let calls = [b"call 1", b"call 2"].map(|k| Consume { idempotency: k.to_vec(), ..call.clone() });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|i| {
                let (ledger, call) = (&fixture.ledger, &calls[i % 2]);
                scope.spawn(move || (i % 2, ledger.consume(call).map_err(|e| e.code())))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let fresh: Vec<_> =
        answers.iter().filter(|(_, a)| a.as_ref().is_ok_and(|c| !c.repeated)).collect();
    assert_eq!(fresh.len(), 1, "{answers:?}");
    let (winner, execution) = (fresh[0].0, fresh[0].1.clone().unwrap().execution);
    for (key, answer) in &answers {
        match answer {
            Ok(consumed) => assert_eq!((*key, &consumed.execution), (winner, &execution)),
            Err(code) => assert_eq!((*key, *code), (1 - winner, "consume.conflict")),
        }
    }
    let changed = Consume { action_digest: action("X0002").digest(), ..calls[winner].clone() };
    assert_eq!(code(fixture.ledger.consume(&changed)), "consume.conflict");

    let report = fixture.report(&request);
    // SPEC.md R-10-159: whoever lost has nothing to tell of what the winner did.
    let loser = Some(calls[1 - winner].idempotency.clone());
    let foreign = Report { idempotency: loser.clone(), ..report.clone() };
    assert_eq!(code(fixture.ledger.outcome(&foreign)), "outcome.spender");
    let report = Report { idempotency: Some(calls[winner].idempotency.clone()), ..report };
    let first = fixture.ledger.outcome(&report).unwrap();
    assert_eq!(code(fixture.ledger.outcome(&foreign)), "outcome.spender");
    assert_eq!(fixture.ledger.outcome(&report).unwrap(), first);
    let other = Report { detail: "other".into(), ..report };
    assert_eq!(code(fixture.ledger.outcome(&other)), "outcome.conflict");
}

// SPEC.md R-10-10.
#[test]
fn answers_that_are_not_what_was_asked_for_are_refused() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let sign = fixture.open(&request, &alice, false).unwrap();
    assert_eq!(
        sign.text.lines().next().unwrap(),
        "approval: \"disable_user\" (agent's words) on \
        \"user\" (agent's words) \"X0001\" (agent's words)"
    );
    let shown = match &sign.document.body {
        placet_proto::document::Body::Approval(a) => a.shown.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown.text_sha256, placet_proto::sha256(sign.text.as_bytes()));
    let sha256 = *sign.document.sha256();
    let refused = |signed: Signed| match fixture.ledger.answer(&sha256, signed).unwrap_err() {
        placet_ledger::Error::Refused(Refusal::Assertion { code, .. }) => code,
        other => panic!("{other}"),
    };
    // The challenge of the other namespace: a denial is no approval.
    let denial = placet_proto::sshsig::challenge(
        placet_proto::sshsig::Namespace::Deny,
        sign.document.bytes(),
    );
    assert_eq!(refused(signed(&mut alice.key, &denial)), "assertion.challenge");
    let mut stranger = placet_softkey::SoftKey::generate("localhost").unwrap();
    assert_eq!(refused(signed(&mut stranger, &sign.challenge)), "assertion.binding");
    let mut forged = signed(&mut stranger, &sign.challenge);
    forged.credential = alice.key.credential_id().to_vec();
    assert_eq!(refused(forged), "assertion.signature");
    let behaviour = placet_softkey::Behaviour::without_user_verification();
    let a = alice.key.assert_with(&sign.challenge, ORIGIN, &behaviour);
    let unverified = Signed {
        credential: a.credential_id,
        authenticator_data: a.authenticator_data,
        client_data_json: a.client_data_json,
        signature: a.signature,
    };
    assert_eq!(refused(unverified), "assertion.uv");
    // None of these used the document up.
    let right = signed(&mut alice.key, &sign.challenge);
    let second = fixture.open(&request, &alice, false).unwrap();
    fixture.ledger.answer(&sha256, right.clone()).unwrap();
    assert_eq!(code(fixture.ledger.answer(&sha256, right)), "answer.document_unknown");
    let again = signed(&mut alice.key, &second.challenge);
    assert_eq!(code(fixture.ledger.answer(second.document.sha256(), again)), "answer.repeated");
    assert_eq!(code(fixture.open(&request, &alice, false)), "answer.repeated");
}

#[test]
fn a_quorum_needs_distinct_persons_who_still_count_when_it_is_spent() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let mut carol = fixture.enrol("Carol", &mut alice);
    let request = fixture.request(2);
    assert_eq!(fixture.answer(&request, &mut bob, false).state, RequestState::Open);
    assert_eq!(code(fixture.ledger.consume(&fixture.consume(&request))), "consume.not_approved");
    assert_eq!(fixture.answer(&request, &mut alice, false).state, RequestState::Approved);

    let change = Change::Revoke {
        credential: bob.key.credential_id().to_vec(),
        effective_from: fixture.ledger.now(),
        reason: "lost".into(),
    };
    let carols = carol.key.credential_id().to_vec();
    assert_eq!(code(fixture.ledger.prepare_change(&change, &carols)), "person.not_authorised");
    let sign = fixture.ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by_other = signed(&mut carol.key, &sign.challenge);
    let refused = fixture.ledger.confirm_change(sign.document.sha256(), by_other);
    assert_eq!(code(refused), "answer.assertion");
    let revoked = signed(&mut alice.key, &sign.challenge);
    let (_, missing) = fixture.ledger.confirm_change(sign.document.sha256(), revoked).unwrap();
    assert_eq!(missing, None);

    assert_eq!(code(fixture.ledger.consume(&fixture.consume(&request))), "consume.not_approved");
    assert_eq!(code(fixture.open(&request, &bob, false)), "person.not_authorised");
    fixture.answer(&request, &mut carol, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
}

#[test]
fn two_approvers_make_evidence_that_passes() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let request = fixture.request(2);
    fixture.answer(&request, &mut bob, false);
    fixture.answer(&request, &mut alice, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let evidence = fixture.ledger.evidence(&[request], Some(Duration::from_secs(10))).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
}

// SPEC.md R-10-13.
#[test]
fn the_one_time_code_is_for_one_enrolment() {
    let fixture = Fixture::new();
    assert_eq!(code(fixture.ledger.begin_bootstrap("AAAA-AAAA-AAAA-AAAA", "Eve")), "enrol.code");
    // Two registrations with the right code; only one of them can be recorded.
    let late = fixture.ledger.begin_bootstrap(&fixture.code, "Mallory").unwrap();
    let mut key = placet_softkey::SoftKey::generate("localhost").unwrap();
    let sign =
        fixture.ledger.register(&late.registration, &registered(&key, &late.challenge)).unwrap();
    fixture.bootstrap("Alice");
    let namespace = placet_proto::sshsig::Namespace::EnrolPossess;
    let possess = signed(&mut key, &sign.possess);
    let result = fixture.ledger.sign_enrolment(&late.registration, namespace, possess);
    assert_eq!(code(result), "enrol.code");
    assert_eq!(code(fixture.ledger.begin_bootstrap(&fixture.code, "Eve")), "enrol.code");
    assert_eq!(code(fixture.ledger.new_bootstrap_code()), "enrol.code");
    let fixture = Fixture::new();
    fixture.clock.forward(86_401);
    assert_eq!(code(fixture.ledger.begin_bootstrap(&fixture.code, "Alice")), "enrol.code");
}

// SPEC.md R-10-9.
#[test]
fn what_is_overdue_is_ended_by_the_ledger() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (idle, spent) = (fixture.request(1), fixture.request(1));
    fixture.answer(&spent, &mut alice, false);
    fixture.ledger.consume(&fixture.consume(&spent)).unwrap();
    fixture.clock.forward(601);
    // Any change wakes the timer; this one is a request that is not overdue.
    fixture.request(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let wait = |request: &str, seen| {
        let long = Duration::from_secs(20);
        runtime.block_on(fixture.ledger.wait_for_change(request, seen, long)).unwrap().state
    };
    assert_eq!(wait(&idle, RequestState::Open), RequestState::Expired);
    assert_eq!(wait(&spent, RequestState::Executed), RequestState::Done);
    assert_eq!(code(fixture.ledger.outcome(&fixture.report(&spent))), "outcome.conflict");
}

#[test]
fn requests_survive_the_loss_of_the_database() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (open, approved) = (fixture.request(1), fixture.request(1));
    fixture.answer(&approved, &mut alice, false);
    assert_eq!(
        code(Ledger::open(&fixture.tmp.path().join("d"), Surroundings::default()).map(|_| ())),
        "dir.locked"
    );
    let fixture = fixture.reopen(|_| {});
    assert_eq!(fixture.ledger.row(&open).unwrap().state, RequestState::Open);
    let before = fixture.ledger.row(&approved).unwrap();
    let fixture = fixture.reopen(|root| {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(root.join(format!("state/service.sqlite{end}")));
        }
    });
    assert_eq!(fixture.ledger.row(&approved).unwrap(), before);
    fixture.ledger.consume(&fixture.consume(&approved)).unwrap();
    // Nobody knows any more that this one was asked for; it can be asked for again.
    assert_eq!(fixture.ledger.row(&open).unwrap().state, RequestState::Offered);
    assert_eq!(fixture.ledger.submit(&open).unwrap().state, RequestState::Open);
    fixture.answer(&open, &mut alice, false);
}

#[test]
fn settings_that_contradict_genesis_are_refused() {
    let Fixture { ledger, tmp, .. } = Fixture::new();
    let root = tmp.path().join("d");
    let mut config = ledger.config().clone();
    let again = init(&root, &config, &std::collections::BTreeMap::new(), Surroundings::default());
    assert_eq!(again.err().unwrap().code(), "dir.locked");
    drop(ledger);
    let open = || loop {
        match Ledger::open(&root, Surroundings::default()).map(|_| ()) {
            Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
            opened => break opened,
        }
    };
    open().unwrap();
    config.dev = false;
    config.save(&root).unwrap();
    assert_eq!(code(open()), "config.invalid");
}

#[test]
fn a_later_revocation_does_not_undo_an_approval() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let request = fixture.request(1);
    fixture.answer(&request, &mut bob, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let wait = Some(Duration::from_secs(10));
    fixture.ledger.evidence(std::slice::from_ref(&request), wait).unwrap();
    // Bob says so himself, and dates it back.
    let change = Change::Revoke {
        credential: bob.key.credential_id().to_vec(),
        effective_from: placet_proto::time::UnixSeconds(1),
        reason: "lost".into(),
    };
    let sign = fixture.ledger.prepare_change(&change, bob.key.credential_id()).unwrap();
    let by_bob = signed(&mut bob.key, &sign.challenge);
    fixture.ledger.confirm_change(sign.document.sha256(), by_bob).unwrap();
    let evidence = fixture.ledger.evidence(&[request], wait).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
}

#[test]
fn a_new_policy_is_signed_by_an_administrator_and_ends_what_was_asked_under_the_old_one() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let before = fixture.request(1);
    let files = std::collections::BTreeMap::from([("b.cedar".to_owned(), b"permit".to_vec())]);
    let change = Change::Policy(files.clone());
    let sign = fixture.ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by_alice = signed(&mut alice.key, &sign.challenge);
    let (appended, missing) =
        fixture.ledger.confirm_change(sign.document.sha256(), by_alice).unwrap();
    assert_eq!(missing, None);
    let (policy, loaded) = fixture.ledger.policy_files().unwrap();
    assert_eq!((policy.index, loaded), (appended.index, files));
    assert_eq!(code(fixture.open(&before, &alice, false)), "request.policy_changed");

    let request = fixture.request(1);
    fixture.answer(&request, &mut alice, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let evidence = fixture.ledger.evidence(&[request], Some(Duration::from_secs(10))).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
}

#[test]
fn files_of_policies_that_nobody_signed_do_not_stay() {
    let fixture = Fixture::new();
    let alice = fixture.bootstrap("Alice");
    let folder = fixture.ledger.dir().root().join("policy");
    // What is not ours stays, and stops nothing.
    std::fs::create_dir(folder.join("lost+found")).unwrap();
    let count = || std::fs::read_dir(&folder).unwrap().count();
    let in_force = count();
    let prepare = |n: u64| {
        let text = format!("permit {n}").into_bytes();
        let files = std::collections::BTreeMap::from([("a.cedar".to_owned(), text)]);
        fixture.ledger.prepare_change(&Change::Policy(files), alice.key.credential_id()).unwrap()
    };
    let first = prepare(0);
    for n in 1..100 {
        prepare(n);
    }
    // What still waits for a signature is kept, which is limited.
    assert!(count() <= in_force + 33, "{}", count());
    assert!(folder.join("lost+found").is_dir());
    assert!(fixture.ledger.policy_files().is_ok());
    // Somebody lets the files of one that still waits vanish: it is not put in force.
    let last = prepare(100);
    for item in std::fs::read_dir(&folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_file() && std::fs::read(&path).unwrap() == b"permit 100" {
            std::fs::remove_file(path).unwrap();
        }
    }
    let mut alice = alice;
    for sign in [first, last] {
        let assertion = signed(&mut alice.key, &sign.challenge);
        let refused = fixture.ledger.confirm_change(sign.document.sha256(), assertion);
        assert_eq!(code(refused), "answer.document_unknown");
    }
}

#[test]
fn bytes_that_are_forwarded_are_bound_and_two_requests_fit_in_one_bundle() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let raw = placet_proto::document::Raw {
        media_type: "application/json".into(),
        length: 17,
        sha256: [7; 32],
    };
    let carried = Carried { raw: Some(raw.clone()), ..Carried::default() };
    let bound = fixture.ledger.create(fixture.decision(1), carried).unwrap();
    let plain = fixture.request(1);
    for request in [&bound, &plain] {
        fixture.answer(request, &mut alice, false);
    }
    let call = fixture.consume(&bound);
    assert_eq!(code(fixture.ledger.consume(&call)), "consume.not_approved");
    fixture.ledger.consume(&Consume { raw: Some(raw.clone()), ..call }).unwrap();
    let report = Report { raw: Some(raw), ..fixture.report(&bound) };
    fixture.ledger.outcome(&report).unwrap();
    fixture.ledger.consume(&fixture.consume(&plain)).unwrap();
    fixture.ledger.outcome(&fixture.report(&plain)).unwrap();
    let wait = Some(Duration::from_secs(10));
    let evidence = fixture.ledger.evidence(&[plain, bound], wait).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
    assert_eq!(report.requests.len(), 2);
}

#[test]
fn only_administrators_change_who_may_do_what() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let bob = fixture.enrol("Bob", &mut alice);
    // Bob approves, but administers nothing.
    let roles = [placet_proto::document::Role::Administrator];
    let bobs = bob.key.credential_id();
    let refused = fixture.ledger.begin_enrolment("Eve", &roles, bobs, None);
    assert_eq!(code(refused), "person.not_authorised");
    let change = Change::Roles { person: bob.id.clone(), roles: roles.to_vec() };
    assert_eq!(code(fixture.ledger.prepare_change(&change, bobs)), "person.not_authorised");
    // Alice may make him an administrator; then he no longer approves.
    let sign = fixture.ledger.prepare_change(&change, alice.key.credential_id()).unwrap();
    let by_alice = signed(&mut alice.key, &sign.challenge);
    fixture.ledger.confirm_change(sign.document.sha256(), by_alice).unwrap();
    let request = fixture.request(1);
    assert_eq!(code(fixture.open(&request, &bob, false)), "person.not_authorised");
    fixture.ledger.begin_enrolment("Eve", &roles, bobs, None).unwrap();
    assert_eq!(fixture.ledger.person_name(&bob.id).unwrap().as_deref(), Some("Bob"));
    fixture.ledger.erase_name(&bob.id).unwrap();
    assert_eq!(fixture.ledger.person_name(&bob.id).unwrap(), None);
}

#[test]
fn statements_of_others_change_no_request_and_stop_nothing() {
    use placet_proto::document::{Body, Document, Ended};
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let at = fixture.ledger.now();
    let body = Body::Cancel(Ended { request: request.clone(), reason: Some("x".into()), at });
    let document = Document::new([1; 16], body).unwrap();
    let header = placet_proto::statement::Header {
        alg: -8,
        kid: [9; 32],
        iss: fixture.ledger.config().origin.clone(),
        sub: format!("urn:uuid:{request}"),
        iat: at.0,
        cti: [2; 16],
        typ: document.kind().typ(),
    };
    let forged = placet_proto::statement::Unsigned::new(&header, &document, vec![], None);
    for bytes in [forged.sign(&[0; 64]), b"no statement at all".to_vec()] {
        let entry = placet_ledger::NewEntry::plain(bytes);
        fixture.ledger.log(placet_ledger::LogId::Main).append(vec![entry]).unwrap();
    }
    assert_eq!(fixture.answer(&request, &mut alice, false).state, RequestState::Approved);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let evidence = fixture.ledger.evidence(&[request], Some(Duration::from_secs(10))).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
}

#[test]
fn an_act_of_administration_is_on_the_record_and_says_nothing_of_a_request() {
    let fixture = Fixture::new();
    let by = "0b1c2d3e-4f50-4a61-8b72-93a4b5c6d7e8";
    let made =
        fixture.ledger.record_administration("token.create", "t1", Some(by), "scopes pep").unwrap();
    let crate_statement = fixture.ledger.log(placet_ledger::LogId::Main).statement(made.index);
    let placet_ledger::Statement::Present(bytes) = crate_statement.unwrap() else {
        panic!("no body");
    };
    let statement = placet_proto::statement::Statement::parse(&bytes).unwrap();
    let placet_proto::document::Body::Administration(act) = &statement.document.body else {
        panic!("another kind");
    };
    assert_eq!((act.act.as_str(), act.target.as_str()), ("token.create", "t1"));
    assert_eq!((act.person.as_deref(), act.detail.as_str()), (Some(by), "scopes pep"));
    assert!(statement.document.body.request().is_none());
    let unknown = fixture.ledger.record_administration("coffee.make", "t1", None, "");
    assert_eq!(code(unknown), "request.invalid");
}

// SPEC.md R-10-34.
#[test]
fn what_an_administrator_orders_is_erased_and_evidence_says_by_which_order() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let open = fixture.answer(&request, &mut alice, false);
    let leaf = open.appended.index;
    let signer = alice.key.credential_id().to_vec();
    let live = fixture.ledger.prepare_erasure(leaf, "asked for", &signer);
    assert_eq!(code(live), "request.invalid");
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();

    let to_sign = fixture.ledger.prepare_erasure(leaf, "asked for", &signer).unwrap().to_sign;
    let signed = signed(&mut alice.key, &to_sign.challenge);
    let order = fixture.ledger.confirm_erasure(to_sign.document.sha256(), signed).unwrap().order;
    let log = fixture.ledger.log(placet_ledger::LogId::Main);
    let gone = |leaf| log.statement(leaf).unwrap() == placet_ledger::Statement::Erased;
    assert!(gone(leaf) && gone(leaf + 1), "the approval, and the execution that spent it");
    assert!(!gone(order.index) && !gone(0));
    let again = fixture.ledger.prepare_erasure(leaf, "asked for", &signer);
    assert_eq!(code(again), "log.erased");

    let wait = Some(Duration::from_secs(10));
    let evidence = fixture.ledger.evidence(std::slice::from_ref(&request), wait).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!((report.verdict, report.code), (Verdict::Indeterminate, Some("body.erased")));
    let erased = &report.requests[0].erased;
    assert!(erased.iter().any(|e| e.index == leaf && e.order == Some(order.index)));
    let fixture = fixture.reopen(|_| ());
    let evidence = fixture.ledger.evidence(&[request], wait).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    assert_eq!(report.code, Some("body.erased"));
}

// SPEC.md R-10-33.
#[test]
fn what_waits_for_persons_is_limited_for_each_agent_however_it_is_opened() {
    let fixture = Fixture::with(|config| config.max_open_per_agent = 2);
    fixture.bootstrap("Alice");
    let create = |agent: &str| {
        let mut decision = fixture.decision(1);
        decision.initiator.id = agent.to_owned();
        fixture.ledger.create(decision, Carried::default())
    };
    create("one").unwrap();
    create("one").unwrap();
    assert_eq!(create("one").unwrap_err().code(), "agent.limit");
    create("two").unwrap();
}

#[test]
fn no_number_of_decisions_makes_the_evidence_too_large() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut decision = fixture.decision(1);
    let long = format!("X{}", "1".repeat(1000));
    let members: Vec<String> = (0..55).map(|n| format!(r#""p{n}":"{long}""#)).collect();
    let text = format!(
        r#"{{"subject":{{"type":"user","id":"dora"}},"action":{{"name":"disable_user"}},
        "resource":{{"type":"user","id":"X0001"}},"context":{{{}}}}}"#,
        members.join(",")
    );
    let json = placet_proto::json::parse(text.as_bytes()).unwrap();
    decision.action = placet_proto::action::Action::from_document(&json).unwrap();
    let request = fixture.ledger.create(decision.clone(), Carried::default()).unwrap();
    let answered = fixture.answer(&request, &mut alice, false);
    // Whoever has the token asks again and again, with the approval.
    let again = NewDecision {
        request: Some(request.clone()),
        decision: Decided::Permit,
        reason: "approved".to_owned(),
        approvals: vec![answered.appended.digest_ref()],
        not_after: None,
        quorum: None,
        ..decision.clone()
    };
    for _ in 0..300 {
        fixture.ledger.decide(again.clone(), Carried::default()).unwrap();
    }
    // SPEC.md R-10-136: the permit is found, however many decisions come after it.
    let denied = NewDecision { decision: Decided::Deny, approvals: vec![], ..again.clone() };
    for _ in 0..100 {
        fixture.ledger.decide(denied.clone(), Carried::default()).unwrap();
    }
    let size = fixture.ledger.log(placet_ledger::LogId::Main).size();
    let permit = fixture.ledger.permit_before(&request, size).unwrap().unwrap();
    assert_eq!(permit.approvals, [answered.appended.digest_ref()]);
    let call = Consume { action_digest: decision.action.digest(), ..fixture.consume(&request) };
    let consumed = fixture.ledger.consume(&call).unwrap();
    let evidence = fixture.ledger.evidence(&[request], None).unwrap();
    let report = check(&fixture, &evidence, &[&alice], false);
    let facts = &report.requests[0];
    assert_eq!(facts.execution.as_ref().unwrap().index, consumed.execution.index);
    assert_eq!(facts.answers[0].index, answered.appended.index);
}
