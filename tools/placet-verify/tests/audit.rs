//! `audit`: honest copies pass, and each way to lie in a whole log is found.

mod common;

use std::fs;
use std::path::Path;

use common::schema::{self, validate};
use common::{AS_OF, Ran, run_in};
use placet_forge::scenarios::{Story, action, story};
use placet_forge::{AUDIENCE, Person, initiator};
use placet_proto::document::{
    After, Body, Decision, DigestRef, Ended, Erasure, ErasureTarget, OutcomeResult, Role, Verdict,
};
use placet_proto::json::{self, Json};
use placet_proto::misbehaviour::{Misbehaviour, Noted};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

/// A copy of both logs with a trust file.
struct Copy {
    dir: tempfile::TempDir,
}

impl Copy {
    fn of(story: &Story) -> Self {
        let dir = tempfile::tempdir().unwrap();
        story.forge.write_copies(&dir.path().join("copy"));
        fs::write(dir.path().join("trust.json"), story.trust().encode()).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("copy").join(name)
    }

    fn audit(&self, more: &[&str]) -> Ran {
        let arguments = ["audit", "copy", "--trust", "trust.json", "--as-of", AS_OF];
        run_in(self.dir.path(), arguments.iter().chain(more))
    }

    /// Exit code and code of the verdict.
    fn verdict(&self) -> (i32, Option<String>) {
        let ran = self.audit(&["--json"]);
        let result = json::parse(ran.out.trim_end().as_bytes());
        let code = result.ok().and_then(|r| Some(r.get("code")?.as_str()?.to_owned()));
        let said = || ran.err.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        (ran.code, code.or_else(|| Some(said()?.0.to_owned())))
    }
}

fn lie(story: &Story, code: i32, what: &str) {
    let copy = Copy::of(story);
    assert_eq!(copy.verdict(), (code, Some(what.to_owned())), "{}", copy.audit(&[]).out);
    same_by_any_number_of_threads(&copy);
}

fn same_by_any_number_of_threads(copy: &Copy) {
    let one = copy.audit(&["--threads", "1"]);
    let many = copy.audit(&["--threads", "5"]);
    assert_eq!((one.code, one.out), (many.code, many.out));
}

// [R-9.10-1] [R-9.10-2]
#[test]
fn an_honest_log_passes_and_the_result_follows_its_schema() {
    let copy = Copy::of(&story());
    let ran = copy.audit(&["--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let result = json::parse(ran.out.trim_end().as_bytes()).unwrap();
    let schema = schema::audit_result();
    validate(&schema, &schema, &result, "result");
    let number = |name: &str| result.get(name).and_then(Json::as_u64);
    assert_eq!(number("requests"), Some(1));
    // The enrolment's and the approval's.
    assert_eq!(number("assertions"), Some(2));
    assert_eq!(number("findings_total"), Some(0));
    let text = copy.audit(&[]);
    assert!(text.out.starts_with("PASSED  copy\n") && text.out.contains("Nothing was found."));
    assert!(text.out.contains("approval 1, execution 1, genesis 1, key 1, outcome 1, policy 1"));
    same_by_any_number_of_threads(&copy);
}

// [R-9.10-3]
#[test]
fn what_waits_and_what_was_denied_or_cancelled_is_in_order() {
    let mut s = story();
    let request = s.forge.uuid();
    let mut denied = s.forge.answer_for(&request, &action("X0002"), &s.alice);
    denied.reason = Some("not today".to_owned());
    s.forge.tick(1);
    s.forge.answer(&mut s.alice, denied, true);
    let (request, at) = (s.forge.uuid(), UnixSeconds(s.forge.clock));
    let cancel = Ended { request: request.clone(), reason: Some("no need".to_owned()), at };
    s.forge.ledger_states(Body::Cancel(cancel), &request);
    let request = s.forge.uuid();
    let approved = s.forge.answer_for(&request, &action("X0003"), &s.alice);
    s.forge.tick(1);
    s.forge.answer(&mut s.alice, approved, false);
    s.close();
    let ran = Copy::of(&s).audit(&[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn a_second_execution_is_found() {
    let mut s = story();
    s.forge.tick(1);
    s.forge.execute(s.forge.execution_of(&[s.approval]));
    s.close();
    lie(&s, 1, "consumption.double");
}

// [R-9.10-4]
#[test]
fn a_second_end_of_a_request_is_found() {
    let mut s = story();
    let at = UnixSeconds(s.forge.clock);
    let expiry = Ended { request: s.request.clone(), reason: None, at };
    let request = s.request.clone();
    s.forge.ledger_states(Body::Expiry(expiry), &request);
    s.close();
    lie(&s, 1, "request.ended_twice");
}

#[test]
fn two_answers_of_one_person_are_found() {
    let mut s = story();
    let again = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(1);
    s.forge.answer(&mut s.alice, again, false);
    s.close();
    lie(&s, 1, "answer.conflict");
}

#[test]
fn an_execution_without_approval_is_found() {
    let mut s = Story::opened().approved();
    let mut execution = s.forge.execution_of(&[s.approval]);
    execution.request = s.forge.uuid();
    let request = execution.request.clone();
    s.forge.tick(1);
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    s.forge.outcome(s.execution, |o| o.request = request);
    s.close();
    lie(&s, 1, "execution.approval");
}

#[test]
fn an_approval_by_somebody_who_is_not_enrolled_is_found() {
    let mut s = Story::opened();
    let mut mallory = Person::named("Mallory");
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &mallory);
    s.forge.tick(1);
    s.approval = s.forge.answer(&mut mallory, answer, false);
    let s = s.executed().closed();
    lie(&s, 1, "lineage.unknown_credential");
}

#[test]
fn an_approval_by_a_revoked_passkey_is_found() {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.revoke(&bob, &mut s.alice, s.forge.clock);
    s.forge.tick(2);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    s.forge.tick(1);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.forge.publish_main();
    let s = s.executed().closed();
    lie(&s, 1, "roster.revoked");
}

#[test]
fn an_execution_before_its_approval_is_found() {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    let mut approved = s.forge.clone();
    let place = approved.answer(&mut s.alice, answer, false);
    let statement = approved.main.statements[place as usize].clone();
    let document_sha256 = *Statement::parse(&statement).unwrap().document.sha256();
    let mut execution = approved.execution_of(&[place]);
    execution.approvals = vec![DigestRef { index: place + 1, document_sha256 }];
    execution.after = s.forge.after();
    s.execution = s.forge.execute(execution);
    s.forge.main.append(statement);
    s.forge.tick(1);
    s.forge.publish_main();
    let s = s.closed();
    lie(&s, 1, "order.index");
}

#[test]
fn another_action_than_the_approved_one_is_found() {
    let mut s = Story::opened().approved();
    let mut execution = s.forge.execution_of(&[s.approval]);
    execution.action_digest = action("X0002").digest();
    s.forge.tick(1);
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    lie(&s.closed(), 1, "execution.action");
}

// [R-9.10-5]
#[test]
fn a_missing_outcome_is_found_and_an_unknown_one() {
    let mut s = Story::opened().approved().executed();
    s.close();
    lie(&s, 3, "outcome.absent");
    let mut s = Story::opened().approved().executed();
    s.forge.outcome(s.execution, |o| o.result = OutcomeResult::Unknown);
    s.close();
    lie(&s, 3, "outcome.unknown");
}

#[test]
fn a_statement_by_a_key_that_may_not_is_found() {
    let mut s = story();
    let request = s.request.clone();
    let at = UnixSeconds(s.forge.clock);
    s.forge.pep_states(
        Body::Expiry(Ended { request: s.forge.clone().uuid(), reason: None, at }),
        &request,
    );
    s.close();
    let copy = Copy::of(&s);
    // Its `sub` is not its request: it can't even be read.
    assert_eq!(copy.verdict(), (1, Some("statement.subject".to_owned())));
    let mut s = story();
    let request = s.forge.uuid();
    s.forge
        .pep_states(Body::Expiry(Ended { request: request.clone(), reason: None, at }), &request);
    s.close();
    lie(&s, 1, "issuer.kind");
    let mut s = story();
    let trust = s.trust().encode();
    s.forge.ledger_key.key = placet_forge::signing_key("stranger");
    let expiry = Ended { request: request.clone(), reason: None, at };
    s.forge.ledger_states(Body::Expiry(expiry), &request);
    s.close();
    let copy = Copy::of(&s);
    fs::write(copy.dir.path().join("trust.json"), trust).unwrap();
    assert_eq!(copy.verdict(), (3, Some("issuer.external".to_owned())));
}

// [R-9.10-6]
#[test]
fn a_copy_of_another_tree_than_the_signed_one_is_found() {
    let mut s = story();
    let honest = s.forge.main.notes.clone();
    s.forge.main.statements.remove(5);
    s.forge.main.notes = honest;
    let copy = Copy::of(&s);
    assert_eq!(copy.verdict(), (1, Some("log.root".to_owned())));
    let mut s = story();
    let size = s.forge.main.size();
    let [a, b] = s.forge.witnesses.clone();
    let mut note = s.forge.main.checkpoint_of(size, [7; 32]);
    a.cosign(&mut note, s.forge.clock);
    b.cosign(&mut note, s.forge.clock);
    s.forge.main.notes.push(note.to_bytes());
    lie(&s, 6, "log.equivocation");
}

// [R-9.10-7]
#[test]
fn bodies_that_are_withheld_changed_or_erased_are_found() {
    let mut s = story();
    let copy = Copy::of(&s);
    s.forge.main.write_copy_without(&copy.path("log"), &[s.approval]);
    assert_eq!(copy.verdict(), (1, Some("body.missing".to_owned())));
    let copy = Copy::of(&s);
    let path = copy.path("log/statements/0");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let ran = copy.audit(&[]);
    assert_eq!(copy.verdict(), (1, Some("body.missing".to_owned())), "{}", ran.out);
    assert!(ran.out.contains("other bytes in its place"), "{}", ran.out);
    fs::write(&path, &bytes[..last]).unwrap();
    assert_eq!(copy.verdict(), (4, Some("logcopy.truncated".to_owned())));

    let leaves = [s.approval, s.execution, s.execution + 1];
    order(&mut s, &leaves);
    let copy = Copy::of(&s);
    s.forge.main.write_copy_without(&copy.path("log"), &leaves);
    assert_eq!(copy.verdict(), (3, Some("body.erased".to_owned())), "{}", copy.audit(&[]).out);
    same_by_any_number_of_threads(&copy);
}

/// Alice orders that these leaves, of the story's request, be erased.
fn order(s: &mut Story, leaves: &[u64]) {
    order_after(s, leaves, s.forge.after());
}

fn order_after(s: &mut Story, leaves: &[u64], after: After) {
    let target = |index: &u64| ErasureTarget {
        index: *index,
        entry: placet_proto::sha256(&s.forge.main.statements[*index as usize]),
    };
    let body = Body::Erasure(Erasure {
        targets: leaves.iter().map(target).collect(),
        reason: "personal data".to_owned(),
        signer: s.alice.signer(),
        after,
    });
    let document = s.forge.document(body);
    let assertion = s.alice.sign(Namespace::Erase, &document);
    let (key, request) = (s.forge.ledger_key.clone(), s.request.clone());
    let statement = s.forge.statement(&key, &document, &request, vec![assertion], None);
    s.forge.main.append(statement);
    s.close();
}

// [R-9.10-8]
#[test]
fn without_the_notes_that_documents_name_time_is_open_and_nothing_else() {
    let copy = Copy::of(&story());
    fs::remove_dir_all(copy.path("log/notes")).unwrap();
    assert_eq!(copy.verdict(), (3, Some("time.lower_open".to_owned())));
    // A root that is not the tree's is no matter of notes.
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.after.main.root[0] ^= 1;
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.forge.publish_main();
    let s = s.executed().closed();
    let copy = Copy::of(&s);
    fs::remove_dir_all(copy.path("log/notes")).unwrap();
    assert_eq!(copy.verdict(), (1, Some("order.after".to_owned())));
}

#[test]
fn what_is_no_copy_is_said_to_be_none() {
    let copy = Copy::of(&story());
    fs::remove_dir_all(copy.path("gov")).unwrap();
    assert_eq!(copy.verdict(), (4, Some("audit.copy".to_owned())));
    let copy = Copy::of(&story());
    fs::remove_file(copy.path("gov/statements/0")).unwrap();
    assert_eq!(copy.verdict(), (4, Some("body.missing".to_owned())));
    let copy = Copy::of(&story());
    fs::write(copy.path("log/notes/0"), b"\0\0\0\x05no").unwrap();
    assert_eq!(copy.verdict(), (4, Some("logcopy.truncated".to_owned())));
}

/// Both notes that a document names are another history's.
fn forked(after: &mut After) {
    after.main.root[0] ^= 1;
    after.main.note_sha256[0] ^= 1;
}

// [R-9.10-8]
#[test]
fn whoever_was_shown_another_history_gives_it_away() {
    let mut s = Story::opened().approved().executed();
    s.forge.outcome(s.execution, |o| forked(&mut o.after));
    s.close();
    lie(&s, 1, "order.after");
    let mut s = Story::opened().approved().executed();
    s.forge.outcome(s.execution, |o| {
        o.after.gov.root[0] ^= 1;
        o.after.gov.note_sha256[0] ^= 1;
    });
    s.close();
    lie(&s, 1, "order.after");
    let mut s = Story::opened().approved();
    let mut execution = s.forge.execution_of(&[s.approval]);
    forked(&mut execution.after);
    s.forge.tick(1);
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    s.forge.outcome(s.execution, |_| ());
    s.close();
    lie(&s, 1, "order.after");
    let mut s = story();
    let mut after = s.forge.after();
    forked(&mut after);
    let leaf = s.approval;
    order_after(&mut s, &[leaf], after);
    lie(&s, 1, "order.after");

    // A governance document: of a tree that the copy holds, and of one beyond its end.
    for (beyond, found) in [(0, true), (100, false)] {
        let mut s = Story::opened();
        let honest = s.forge.main.notes.clone();
        let note = s.forge.main.checkpoint_of(s.forge.main.size() + beyond, [7; 32]);
        s.forge.main.notes.push(note.to_bytes());
        s.forge.enrol(&mut Person::named("Bob"), &[Role::Approver], Some(&mut s.alice));
        s.forge.main.notes = honest;
        s.forge.publish_both();
        let copy = Copy::of(&s.approved().executed().closed());
        let ran = copy.audit(&[]);
        assert_eq!(ran.out.contains("[order.after]"), found, "{}", ran.out);
        assert_eq!(ran.code == 1, found, "{}", ran.out);
    }
}

// [R-9.10-11]
#[test]
fn an_end_that_no_witness_saw_decides_nothing() {
    let mut s = Story::opened().approved().executed();
    s.close();
    s.forge.outcome(s.execution, |_| ());
    lie(&s, 3, "witness.quorum");
    let copy = Copy::of(&s);
    let mut trust = s.trust();
    for log in &mut trust.logs {
        log.witness_policy = "quorum none\n".to_owned();
    }
    fs::write(copy.dir.path().join("trust.json"), trust.encode()).unwrap();
    let ran = copy.audit(&[]);
    assert!(!ran.out.contains("[witness.quorum]"), "nobody asked for witnesses: {}", ran.out);
    let mut s = story();
    s.forge.enrol(&mut Person::named("Bob"), &[Role::Approver], Some(&mut s.alice));
    s.forge.gov.notes.pop();
    lie(&s, 3, "witness.quorum");
}

// [R-9.10-12]
#[test]
fn what_the_maker_of_a_copy_was_shown_counts() {
    let s = story();
    let size = s.forge.main.size();
    let honest = s.forge.main.checkpoint(size).to_bytes();
    let mut fork = s.forge.main.checkpoint_of(size, [7; 32]);
    let copy = Copy::of(&s);
    let evidence = |first: &[u8], second: &[u8]| {
        let noted = |bytes: &[u8]| Noted::parse(bytes).unwrap();
        Misbehaviour::new(noted(first), noted(second), None).unwrap().to_bytes()
    };
    fs::write(copy.path("log/log-misbehaved-2.json"), evidence(&honest, &fork.to_bytes())).unwrap();
    assert_eq!(copy.verdict(), (6, Some("log.equivocation".to_owned())));
    // What shows nothing is noted.
    fs::write(copy.path("log/log-misbehaved-2.json"), evidence(&honest, &honest)).unwrap();
    let ran = copy.audit(&[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("[misbehaviour.none]"), "{}", ran.out);
    fs::write(copy.path("log/log-misbehaved-2.json"), "{}").unwrap();
    assert_eq!(copy.audit(&[]).code, 4);

    let copy = Copy::of(&s);
    fs::create_dir(copy.path("log/checkpoints")).unwrap();
    fs::write(copy.path("log/checkpoints").join(size.to_string()), &honest).unwrap();
    assert_eq!(copy.audit(&[]).code, 0);
    let [a, b] = s.forge.witnesses.clone();
    a.cosign(&mut fork, s.forge.clock);
    b.cosign(&mut fork, s.forge.clock);
    fs::write(copy.path("log/checkpoints").join(size.to_string()), fork.to_bytes()).unwrap();
    assert_eq!(copy.verdict(), (6, Some("log.equivocation".to_owned())));
}

/// A log of some hundred requests, some of them with faults, in several files of statements.
fn long_story() -> Story {
    long_story_with(true)
}

fn long_story_with(faults: bool) -> Story {
    let mut s = story();
    for n in 0..320_u64 {
        let (request, id) = (s.forge.uuid(), format!("Y{n:04}"));
        let answer = s.forge.answer_for(&request, &action(&id), &s.alice);
        let approval = s.forge.answer(&mut s.alice, answer, false);
        s.forge.tick(1);
        s.forge.publish_main();
        let execution = s.forge.execute(s.forge.execution_of(&[approval]));
        if faults && n % 50 == 7 {
            s.forge.execute(s.forge.execution_of(&[approval]));
        }
        s.forge.publish_main();
        s.forge.outcome(execution, |_| ());
    }
    s.close();
    s
}

fn without_run(text: &str) -> String {
    text.split_once(",\"run\":").map_or(text, |(report, _)| report).to_owned()
}

// [R-9.10-9]
#[test]
fn an_audit_that_was_stopped_anywhere_says_the_same_when_it_goes_on() {
    let copy = Copy::of(&long_story());
    let fresh = without_run(&copy.audit(&["--json"]).out);
    assert!(fresh.contains("consumption.double"), "{fresh}");
    let stated = || without_run(&copy.audit(&["--json", "--state", "state"]).out);
    assert_eq!(stated(), fresh);
    let state = copy.dir.path().join("state");
    let whole = fs::read(&state).unwrap();
    assert!(whole.len() > 10_000);
    for end in [0, 1, 30, 53, 57, 100, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(&state, &whole[..end]).unwrap();
        assert_eq!(stated(), fresh, "stopped at byte {end}");
        assert_eq!(fs::read(&state).unwrap(), whole, "stopped at byte {end}");
    }
}

// [R-9.10-10]
#[test]
fn a_copy_that_grew_goes_on_and_one_with_another_history_does_not() {
    let mut s = long_story();
    let copy = Copy::of(&s);
    let arguments = ["--json", "--state", "state"];
    assert_eq!(copy.audit(&arguments).code, 1);
    let request = s.forge.uuid();
    let again = s.forge.answer_for(&request, &action("X0009"), &s.alice);
    s.forge.tick(1);
    s.forge.answer(&mut s.alice, again, false);
    s.forge.tick(1);
    // A request that was in order is not any more.
    s.forge.execute(s.forge.execution_of(&[s.approval]));
    s.close();
    s.forge.write_copies(&copy.dir.path().join("copy"));
    let grown = copy.audit(&arguments).out;
    assert!(grown.contains("\"resumed_at\":768"), "{grown}");
    assert_eq!(without_run(&grown), without_run(&copy.audit(&["--json"]).out));

    let other = Copy::of(&story());
    fs::copy(copy.dir.path().join("state"), other.dir.path().join("state")).unwrap();
    let refused = other.audit(&arguments);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(refused.err.contains("audit.state"), "{}", refused.err);
}

// [R-9.10-13]
#[test]
fn what_was_audited_and_is_withheld_afterwards_is_found_where_its_request_goes_on() {
    let mut s = long_story_with(false);
    let copy = Copy::of(&s);
    let arguments = ["--json", "--state", "state"];
    assert_eq!(copy.audit(&arguments).code, 0);
    // The approval is spent again, and what says that it was spent is withheld.
    s.forge.tick(1);
    let again = s.forge.execute(s.forge.execution_of(&[s.approval]));
    s.forge.publish_main();
    s.forge.outcome(again, |_| ());
    s.close();
    s.forge.write_copies(&copy.dir.path().join("copy"));
    let withheld = [s.execution, s.execution + 1];
    s.forge.main.write_copy_without(&copy.path("log"), &withheld);
    let codes = |out: &str| {
        let result = json::parse(out.trim_end().as_bytes()).unwrap();
        let missing = result.get("codes").and_then(|c| c.get("body.missing")?.as_u64());
        (result.get("code").and_then(Json::as_str).map(str::to_owned), missing)
    };
    let resumed = copy.audit(&arguments);
    let expected = (Some("body.missing".to_owned()), Some(2));
    assert_eq!((resumed.code, codes(&resumed.out)), (1, expected.clone()), "{}", resumed.out);
    assert_eq!(codes(&copy.audit(&["--json"]).out), expected);
}

// [R-9.10-13]
#[test]
fn a_body_that_comes_later_is_audited_then() {
    let s = long_story_with(false);
    let copy = Copy::of(&s);
    let state = copy.dir.path().join("state");
    s.forge.main.write_copy_without(&copy.path("log"), &[s.approval, 300]);
    assert_eq!(copy.audit(&["--state", "state"]).code, 1);
    s.forge.main.write_copy(&copy.path("log"));
    let later = copy.audit(&["--json", "--state", "state"]);
    assert_eq!(later.code, 0, "{}", later.out);
    assert_eq!(without_run(&later.out), without_run(&copy.audit(&["--json"]).out));
    let healed = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    copy.audit(&["--state", "state"]);
    assert_eq!(fs::read(&state).unwrap(), healed);
}

#[test]
fn nothing_but_the_copy_is_touched() {
    let copy = Copy::of(&story());
    let list = |dir: &Path| {
        let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = list(&copy.path("log"));
    copy.audit(&["--json"]);
    assert_eq!(list(&copy.path("log")), before);
    assert_eq!(list(copy.dir.path()).len(), 2);
}

// [R-9.10-1]
#[test]
fn a_governance_document_without_effect_is_noted_and_decides_nothing() {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    let alice = Person::named("Alice");
    s.forge.set_roles(&alice, &[Role::Auditor], &mut bob);
    s.forge.publish_both();
    let copy = Copy::of(&s.approved().executed().closed());
    let ran = copy.audit(&[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("noted gov 5: lineage.root [lineage.role]"), "{}", ran.out);
}

#[test]
fn a_request_with_too_many_statements_is_open() {
    let mut s = story();
    let request = s.forge.uuid();
    for _ in 0..1025 {
        let decision = Decision {
            request: request.clone(),
            action: action("X0001"),
            audience: AUDIENCE.to_owned(),
            initiator: initiator(),
            decision: Verdict::Requestable,
            policy: s.forge.policy.clone(),
            determining: vec![],
            reason: "ask".to_owned(),
            approvals: vec![],
            at: UnixSeconds(s.forge.clock),
            not_after: None,
            quorum: None,
            obligations: vec![],
            seen: None,
        };
        s.forge.ledger_states(Body::Decision(decision), &request);
    }
    s.close();
    lie(&s, 3, "audit.request_limit");
}

/// Whoever hands over a copy can write anything into it.
#[test]
fn a_copy_with_any_byte_changed_gives_a_verdict_or_a_reason_and_no_panic() {
    let copy = Copy::of(&story());
    let files = [
        "log/checkpoint",
        "log/notes/0",
        "log/statements/0",
        "log/tile/entries/000.p/6",
        "gov/checkpoint",
        "gov/notes/0",
        "gov/statements/0",
        "gov/tile/entries/000.p/4",
    ];
    for name in files {
        let path = copy.path(name);
        let whole = fs::read(&path).unwrap();
        for n in 0..12 {
            let at = n * (whole.len() - 1) / 11;
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            fs::write(&path, &bytes).unwrap();
            let ran = copy.audit(&[]);
            // In a note, a line whose key id is another one is a line of an unknown key (6.4).
            let note = name.contains("note") || name.contains("checkpoint");
            let allowed: &[i32] = if note { &[0, 1, 3, 4, 5] } else { &[1, 3, 4, 5] };
            assert!(allowed.contains(&ran.code), "{name}, byte {at}: {}{}", ran.code, ran.out);
            fs::write(&path, &whole[..at]).unwrap();
            let ran = copy.audit(&[]);
            assert!(allowed.contains(&ran.code), "{name} cut at {at}: {}{}", ran.code, ran.out);
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(copy.audit(&[]).code, 0);
}
