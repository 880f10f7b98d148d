//! Erasure: what goes, what stays provable, what a crash leaves, and who may order it.

mod common;

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use placet_ledger::notify::message::Field;
use placet_ledger::notify::{self, NotifyTarget, Template};
use placet_ledger::service::*;
use placet_ledger::{Dir, LogId, NewEntry, Statement, copy, fsck};
use placet_proto::b64;
use placet_proto::document::{Body, Document, Ended, OutcomeResult, Verdict};
use placet_proto::statement::{Header, Unsigned};
use placet_proto::tlog::merkle;
use placet_verifier::{Options, Report as Checked, Verdict as Judged, verify_bundle};

/// Stands in the action, in what the agent said, in the outcome, and in the notifications.
const SECRET: &str = "Rumpelstilzchen-4711";
const WAIT: Option<Duration> = Some(Duration::from_secs(10));

fn code<T: std::fmt::Debug>(result: Result<T, placet_ledger::Error>) -> &'static str {
    result.unwrap_err().code()
}

fn check(fixture: &Fixture, bundle: &[u8], root: &Person) -> Checked {
    let options = Options { as_of: fixture.ledger.now().0, ..Options::default() };
    verify_bundle(bundle, &fixture.trust(&[root]), &options).unwrap()
}

fn evidence(fixture: &Fixture, request: &str, root: &Person) -> Checked {
    let evidence = fixture.ledger.evidence(&[request.to_owned()], WAIT).unwrap();
    check(fixture, &evidence.bytes, root)
}

/// A request about the secret that was approved, spent, and is over; and the leaf of its approval.
fn finished(fixture: &Fixture, person: &mut Person) -> (String, u64) {
    let decision = NewDecision { action: action(SECRET), ..fixture.decision(1) };
    let why = Some("because".to_owned());
    let request = fixture.ledger.create(decision, Carried { why, ..Carried::default() }).unwrap();
    fixture.ledger.note_asked(&request, &format!("{{\"why\":\"{SECRET}\"}}")).unwrap();
    let leaf = fixture.answer(&request, person, false).appended.index;
    let action_digest = action(SECRET).digest();
    let consume = Consume { action_digest, ..fixture.consume(&request) };
    fixture.ledger.consume(&consume).unwrap();
    let report = Report {
        action_digest,
        result: OutcomeResult::Failure,
        detail: format!("{SECRET} is gone"),
        ..fixture.report(&request)
    };
    fixture.ledger.outcome(&report).unwrap();
    (request, leaf)
}

/// Decides about the same request once more.
fn again(fixture: &Fixture, request: &str) -> Result<Appended, placet_ledger::Error> {
    let decision = NewDecision {
        request: Some(request.to_owned()),
        action: action(SECRET),
        decision: Verdict::Deny,
        not_after: None,
        quorum: None,
        ..fixture.decision(1)
    };
    fixture.ledger.decide(decision, Carried::default())
}

fn prepare(fixture: &Fixture, leaf: u64, by: &Person) -> ErasureToSign {
    listen();
    fixture.ledger.prepare_erasure(leaf, "asked for", by.key.credential_id()).unwrap()
}

fn confirm(
    fixture: &Fixture,
    prepared: &ErasureToSign,
    by: &mut Person,
) -> Result<Erased, placet_ledger::Error> {
    let signed = signed(&mut by.key, &prepared.to_sign.challenge);
    fixture.ledger.confirm_erasure(prepared.to_sign.document.sha256(), signed)
}

fn erase(fixture: &Fixture, leaf: u64, by: &mut Person) -> Erased {
    let prepared = prepare(fixture, leaf, by);
    confirm(fixture, &prepared, by).unwrap()
}

/// Files of a folder that hold the secret, as it is or in base64.
fn holding(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            out.extend(holding(&path));
        } else if let Ok(bytes) = std::fs::read(&path)
            && needles().iter().any(|needle| bytes.windows(needle.len()).any(|w| w == needle))
        {
            out.push(path);
        }
    }
    out
}

/// The secret, and what of it base64 gives wherever it begins in the text that is encoded.
fn needles() -> Vec<Vec<u8>> {
    let mut all = vec![SECRET.as_bytes().to_vec()];
    for before in 0..3_usize {
        let text = b64::encode_url([vec![0; before], SECRET.as_bytes().to_vec()].concat());
        let end = (before + SECRET.len()) * 8 / 6;
        let part = text[(before * 8).div_ceil(6)..end].to_owned();
        all.push(part.replace('-', "+").replace('_', "/").into_bytes());
        all.push(part.into_bytes());
    }
    all
}

#[test]
fn the_secret_is_found_in_base64_too() {
    for before in ["", "a", "ab", "abc"] {
        let text = b64::encode_url(format!("{before}{SECRET} and more"));
        let found = needles().iter().any(|n| text.as_bytes().windows(n.len()).any(|w| w == n));
        assert!(found, "{before}");
    }
}

fn telling_all(config: &mut Config) {
    config.notify = vec![NotifyTarget {
        name: "ops".to_owned(),
        // Nobody listens there: what is to be sent waits in the queue.
        url: "http://127.0.0.1:1/hook".to_owned(),
        template: Template::Generic,
        events: Vec::new(),
        fields: Field::ALL.iter().map(|field| field.name().to_owned()).collect(),
        body: None,
        token_file: None,
    }];
}

// SPEC.md R-10-48.
#[test]
fn of_what_was_erased_no_file_of_the_folder_holds_a_word() {
    let fixture = Fixture::with(telling_all);
    let root = fixture.tmp.path().join("d");
    let mut alice = fixture.bootstrap("Alice");
    notify::start(&fixture.ledger).unwrap();
    // Neighbours, so that pages of the databases are split and merged around the secret.
    for n in 0..40 {
        let decision = NewDecision { action: action(&format!("N{n}")), ..fixture.decision(1) };
        let carried = Carried { why: Some("w".repeat(n * 20)), ..Carried::default() };
        fixture.ledger.decide(decision, carried).unwrap();
    }
    let other = fixture.request(1);
    fixture.answer(&other, &mut alice, false);
    let (request, leaf) = finished(&fixture, &mut alice);
    fixture.ledger.outbound().feed().step(&fixture.ledger).unwrap();
    let before = holding(&root);
    let in_file = |name: &str| before.iter().any(|p| p.to_string_lossy().contains(name));
    assert!(in_file("service.sqlite") && in_file("outbound.sqlite") && in_file("bodies"));

    let done = erase(&fixture, leaf, &mut alice);
    assert_eq!(done.left, 0);
    assert_eq!(holding(&root), Vec::<PathBuf>::new());
    // Nor does one that is made from now on.
    fixture.ledger.outbound().feed().step(&fixture.ledger).unwrap();
    fixture.ledger.index().rebuild().unwrap();
    let dir = Dir::open_read_only(&root).unwrap();
    let out = fixture.tmp.path().join("copy");
    fixture.ledger.publisher(LogId::Main).covering(done.order.index + 1).unwrap();
    let copied = copy::write(&dir, LogId::Main, fixture.ledger.log(LogId::Main).origin(), &out);
    assert_eq!(copied.unwrap().erased, 4, "decision, approval, execution, outcome");
    assert_eq!(holding(fixture.tmp.path()), Vec::<PathBuf>::new());
    assert!(fsck::check(&dir).unwrap().iter().all(fsck::Report::clean));
    let fixture = fixture.reopen(|_| ());
    assert_eq!(holding(fixture.tmp.path()), Vec::<PathBuf>::new());
    assert_eq!(evidence(&fixture, &request, &alice).code, Some("body.erased"));
}

// SPEC.md R-10-6.
#[test]
fn every_proof_still_verifies_and_other_evidence_is_as_it_was() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (other, _) = finished(&fixture, &mut alice);
    let (request, leaf) = finished(&fixture, &mut alice);
    let log = fixture.ledger.log(LogId::Main);
    let before = evidence(&fixture, &request, &alice);
    assert_eq!(before.verdict, Judged::Passed, "{:?}", before.code);
    let (size, root) = log.head();
    let entry = log.entry(leaf).unwrap();

    let done = erase(&fixture, leaf, &mut alice);
    assert_eq!((log.root_at(size).unwrap(), log.entry(leaf).unwrap()), (root, entry));
    let (now, root_now) = log.head();
    let path = log.consistency_path(size, now).unwrap();
    merkle::verify_consistency(size, now, &root, &root_now, &path).unwrap();
    let path = log.inclusion_path(leaf, now).unwrap();
    merkle::verify_inclusion(&merkle::leaf_hash(&entry), leaf, now, &path, &root_now).unwrap();
    fixture.ledger.receipt(LogId::Main, leaf, size).unwrap();

    let after = evidence(&fixture, &request, &alice);
    assert_eq!((after.verdict, after.code), (Judged::Indeterminate, Some("body.erased")));
    let erased = &after.requests[0].erased;
    assert_eq!(erased.len(), 4);
    for fact in erased {
        assert_eq!(fact.order, Some(done.order.index));
        assert_eq!(fact.person.as_deref(), Some(alice.id.as_str()));
        assert_eq!(fact.reason.as_deref(), Some("asked for"));
    }
    let other = evidence(&fixture, &other, &alice);
    assert_eq!(other.verdict, Judged::Passed, "{:?}", other.code);
    assert_eq!(code(fixture.ledger.erasure_plan(leaf)), "log.erased");
}

// SPEC.md R-10-46.
#[test]
fn what_was_erased_is_known_from_the_log_alone() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (request, leaf) = finished(&fixture, &mut alice);
    let done = erase(&fixture, leaf, &mut alice);
    let fixture = fixture.reopen(|root| {
        for name in ["service.sqlite", "service.sqlite-wal", "service.sqlite-shm"] {
            drop(std::fs::remove_file(root.join("state").join(name)));
        }
    });
    let report = evidence(&fixture, &request, &alice);
    assert_eq!((report.verdict, report.code), (Judged::Indeterminate, Some("body.erased")));
    assert!(report.requests[0].erased.iter().all(|e| e.order == Some(done.order.index)));
    assert_eq!(code(again(&fixture, &request)), "request.erased");
}

// SPEC.md R-10-47.
#[test]
fn what_comes_between_is_not_forgotten_and_nothing_comes_afterwards() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (request, leaf) = finished(&fixture, &mut alice);
    let prepared = prepare(&fixture, leaf, &alice);
    let late = again(&fixture, &request).unwrap().index;
    let size = fixture.ledger.log(LogId::Main).size();
    assert_eq!(code(confirm(&fixture, &prepared, &mut alice)), "erase.changed");
    assert_eq!(fixture.ledger.log(LogId::Main).size(), size);
    assert_eq!(code(confirm(&fixture, &prepared, &mut alice)), "answer.document_unknown");

    let (first, second) = (prepare(&fixture, leaf, &alice), prepare(&fixture, late, &alice));
    assert!(first.plan.leaves.contains(&late));
    confirm(&fixture, &first, &mut alice).unwrap();
    assert_eq!(code(confirm(&fixture, &second, &mut alice)), "erase.changed");
    let size = fixture.ledger.log(LogId::Main).size();
    assert_eq!(code(again(&fixture, &request)), "request.erased");
    assert_eq!(code(fixture.ledger.submit(&request)), "request.erased");
    assert_eq!(fixture.ledger.log(LogId::Main).size(), size);
    assert!(fixture.ledger.is_erased(&request).unwrap());
}

#[test]
fn a_request_that_nobody_asked_for_is_erased_and_cannot_be_asked_for_then() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let decision = NewDecision { action: action(SECRET), ..fixture.decision(1) };
    let offered = fixture.ledger.decide(decision, Carried::default()).unwrap();
    let request = offered.document.body.request().unwrap();
    let prepared = prepare(&fixture, offered.index, &alice);
    // It was asked for before the order was signed.
    fixture.ledger.submit(request).unwrap();
    assert_eq!(code(confirm(&fixture, &prepared, &mut alice)), "erase.changed");
    assert_eq!(code(fixture.ledger.erasure_plan(offered.index)), "request.invalid");
    fixture.ledger.cancel(request, "not needed").unwrap();
    assert_eq!(erase(&fixture, offered.index, &mut alice).left, 0);

    let decision = NewDecision { action: action(SECRET), ..fixture.decision(1) };
    let offered = fixture.ledger.decide(decision, Carried::default()).unwrap();
    let request = offered.document.body.request().unwrap();
    erase(&fixture, offered.index, &mut alice);
    assert_eq!(code(fixture.ledger.submit(request)), "request.erased");
    assert_eq!(fixture.ledger.row(request).unwrap().state, RequestState::Cancelled);
}

#[test]
fn the_expiry_says_nothing_of_the_action_and_stays() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    fixture.clock.forward(700);
    let mut changes = fixture.ledger.changes();
    while fixture.ledger.row(&request).unwrap().state != RequestState::Expired {
        futures_util::future::FutureExt::now_or_never(changes.changed());
        std::thread::yield_now();
    }
    let row = fixture.ledger.row(&request).unwrap();
    let expiry = row.ended.unwrap();
    assert_eq!(fixture.ledger.erasure_plan(expiry).unwrap().leaves, [row.decision]);
    erase(&fixture, expiry, &mut alice);
    let log = fixture.ledger.log(LogId::Main);
    assert!(matches!(log.statement(expiry).unwrap(), Statement::Present(_)));
    assert_eq!(log.statement(row.decision).unwrap(), Statement::Erased);
    assert_eq!(code(fixture.ledger.erasure_plan(expiry)), "log.erased");
}

// SPEC.md R-10-47.
#[test]
fn a_request_with_many_statements_goes_in_parts_and_a_second_try_goes_on() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (request, leaf) = finished(&fixture, &mut alice);
    for _ in 0..300 {
        again(&fixture, &request).unwrap();
    }
    let plan = fixture.ledger.erasure_plan(leaf).unwrap();
    assert_eq!((plan.leaves.len(), plan.left), (256, 48));
    assert!(!plan.leaves.contains(&leaf), "the newest go first");
    let first = erase(&fixture, leaf, &mut alice);
    assert_eq!(first.left, 48);
    assert_eq!(evidence(&fixture, &request, &alice).code, Some("body.erased"));

    // With the projection lost in between, the rest is found all the same.
    let fixture = fixture.reopen(|root| {
        for name in ["service.sqlite", "service.sqlite-wal", "service.sqlite-shm"] {
            drop(std::fs::remove_file(root.join("state").join(name)));
        }
    });
    assert!(!fixture.ledger.row(&request).unwrap().state.is_live());
    let rest = fixture.ledger.erasure_plan(plan.leaves[0]).unwrap();
    assert_eq!((rest.leaves.len(), rest.left), (48, 0));
    assert!(rest.leaves.contains(&leaf));
    assert_eq!(erase(&fixture, leaf, &mut alice).left, 0);
    assert_eq!(evidence(&fixture, &request, &alice).code, Some("body.erased"));
    assert_eq!(holding(fixture.tmp.path()), Vec::<PathBuf>::new());
    assert_eq!(code(fixture.ledger.erasure_plan(leaf)), "log.erased");
}

// SPEC.md R-10-45.
#[test]
fn an_administrator_signs_exactly_these_targets_and_this_reason() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let (_, leaf) = finished(&fixture, &mut alice);
    let by_bob = fixture.ledger.prepare_erasure(leaf, "asked for", bob.key.credential_id());
    assert_eq!(code(by_bob), "person.not_authorised");
    let prepared = prepare(&fixture, leaf, &alice);
    let other =
        fixture.ledger.prepare_erasure(leaf, "another reason", alice.key.credential_id()).unwrap();
    let order = prepared.to_sign.document.sha256();
    let foreign = signed(&mut alice.key, &other.to_sign.challenge);
    assert_eq!(code(fixture.ledger.confirm_erasure(order, foreign)), "answer.assertion");
    let by_bob = signed(&mut bob.key, &prepared.to_sign.challenge);
    assert_eq!(code(fixture.ledger.confirm_erasure(order, by_bob)), "answer.assertion");
    // The document says all of it, and so does its text.
    let Body::Erasure(body) = &prepared.to_sign.document.body else {
        panic!("no order");
    };
    let named: Vec<u64> = body.targets.iter().map(|t| t.index).collect();
    assert_eq!((&named, body.reason.as_str()), (&prepared.plan.leaves, "asked for"));
    let log = fixture.ledger.log(LogId::Main);
    assert!(body.targets.iter().all(|t| log.entry(t.index).unwrap() == t.entry));
    assert!(prepared.to_sign.text.contains("asked for"));
    confirm(&fixture, &prepared, &mut alice).unwrap();

    // Who is no administrator any more when the order is recorded.
    let (_, leaf) = finished(&fixture, &mut alice);
    let prepared = prepare(&fixture, leaf, &alice);
    let approver = Change::Roles {
        person: alice.id.clone(),
        roles: vec![placet_proto::document::Role::Approver],
    };
    let change = fixture.ledger.prepare_last_change(&approver, alice.key.credential_id()).unwrap();
    let assertion = signed(&mut alice.key, &change.challenge);
    fixture.ledger.confirm_change(change.document.sha256(), assertion).unwrap();
    assert_eq!(code(confirm(&fixture, &prepared, &mut alice)), "person.not_authorised");
    assert!(matches!(log.statement(leaf).unwrap(), Statement::Present(_)));
}

#[test]
fn what_others_registered_goes_alone_and_takes_the_words_of_its_subject_along() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (request, approval) = finished(&fixture, &mut alice);
    let at = fixture.ledger.now();
    let ended = Ended { request: request.clone(), reason: Some(SECRET.to_owned()), at };
    let document = Document::new([1; 16], Body::Cancel(ended)).unwrap();
    let header = Header {
        alg: -8,
        kid: [9; 32],
        iss: "https://issuer.example".to_owned(),
        sub: format!("urn:uuid:{request}"),
        iat: at.0,
        cti: [2; 16],
        typ: document.kind().typ(),
    };
    let foreign = Unsigned::new(&header, &document, vec![], None).sign(&[0; 64]);
    let log = fixture.ledger.log(LogId::Main);
    for statement in [foreign, b"no statement at all".to_vec()] {
        log.append(vec![NewEntry::plain(statement)]).unwrap();
    }
    let last = log.size() - 1;
    assert_eq!(code(fixture.ledger.erasure_plan(last)), "request.invalid");
    let plan = fixture.ledger.erasure_plan(last - 1).unwrap();
    assert_eq!((plan.request, plan.leaves, plan.left), (None, vec![last - 1], 0));
    let done = erase(&fixture, last - 1, &mut alice);
    assert_eq!(log.statement(last - 1).unwrap(), Statement::Erased);
    assert!(matches!(log.statement(approval).unwrap(), Statement::Present(_)));
    let size = done.order.index + 1;
    assert_eq!(code(fixture.ledger.receipt(LogId::Main, last - 1, size)), "log.erased");
    assert_eq!(code(fixture.ledger.erasure_plan(last - 1)), "log.erased");
    assert!(!fixture.ledger.is_erased(&request).unwrap());
    assert_eq!(evidence(&fixture, &request, &alice).verdict, Judged::Passed);
    let fixture = fixture.reopen(|root| {
        for name in ["service.sqlite", "service.sqlite-wal", "service.sqlite-shm"] {
            drop(std::fs::remove_file(root.join("state").join(name)));
        }
    });
    assert_eq!(code(fixture.ledger.receipt(LogId::Main, last - 1, size)), "log.erased");
    assert_eq!(evidence(&fixture, &request, &alice).verdict, Judged::Passed);
}

#[test]
fn who_reads_a_database_meanwhile_delays_the_end_and_sees_nothing_of_it_served() {
    let fixture = Fixture::new();
    let mut alice = fixture.bootstrap("Alice");
    let (request, leaf) = finished(&fixture, &mut alice);
    let prepared = prepare(&fixture, leaf, &alice);
    let path = fixture.tmp.path().join("d/state/service.sqlite");
    let reader = rusqlite::Connection::open(path).unwrap();
    let count = |reader: &rusqlite::Connection| {
        reader.query_row("SELECT count(*) FROM extra", [], |r| r.get::<_, i64>(0)).unwrap()
    };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), 1);
    assert_eq!(code(confirm(&fixture, &prepared, &mut alice)), "erase.unfinished");
    assert_eq!(fixture.ledger.log(LogId::Main).statement(leaf).unwrap(), Statement::Erased);
    assert_eq!(evidence(&fixture, &request, &alice).code, Some("body.erased"));
    assert_eq!(code(again(&fixture, &request)), "request.erased");

    reader.execute_batch("ROLLBACK").unwrap();
    assert_eq!(count(&reader), 0);
    // The next one who comes finishes what was ordered before.
    let next = fixture.ledger.prepare_erasure(leaf, "asked for", alice.key.credential_id());
    assert_eq!(code(next), "log.erased");
    assert_eq!(holding(fixture.tmp.path()), Vec::<PathBuf>::new());
}

/// Copies the folder as a crash at this moment would leave it, at every step of an erasure.
struct Crashes {
    root: PathBuf,
    to: PathBuf,
    ledger: Arc<Ledger>,
    leaf: u64,
    steps: Vec<String>,
}

impl Crashes {
    fn at(&mut self, step: &str) {
        // From the moment on at which it is recorded, nobody reads it any more.
        let read = self.ledger.log(LogId::Main).statement(self.leaf).unwrap();
        assert_eq!(read, Statement::Erased, "{step}");
        copy_folder(&self.root, &self.to.join(self.steps.len().to_string()));
        self.steps.push(step.to_owned());
    }
}

thread_local! {
    static CRASHES: RefCell<Option<Crashes>> = const { RefCell::new(None) };
}

/// Hears of each step as it is traced.
struct Steps;

impl Write for Steps {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if let Some(step) = text.split("step=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            CRASHES.with_borrow_mut(|crashes| crashes.iter_mut().for_each(|c| c.at(step)));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// For all tests of this file, before any of them erases: a subscriber of one thread would miss
/// what another thread has come by first.
fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(|| Steps)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            copy_folder(&path, &to.join(name));
        // Another thread writes the search index, which is made again when it is missing.
        } else if !name.starts_with("index.sqlite") {
            drop(std::fs::copy(&path, to.join(name)));
        }
    }
}

// SPEC.md R-10-46.
#[test]
fn a_crash_at_any_step_is_finished_at_the_next_start() {
    let fixture = Fixture::with(telling_all);
    let mut alice = fixture.bootstrap("Alice");
    notify::start(&fixture.ledger).unwrap();
    let (request, leaf) = finished(&fixture, &mut alice);
    fixture.ledger.outbound().feed().step(&fixture.ledger).unwrap();
    let prepared = prepare(&fixture, leaf, &alice);
    let crashed = fixture.tmp.path().join("crashed");
    CRASHES.set(Some(Crashes {
        root: fixture.tmp.path().join("d"),
        to: crashed.clone(),
        ledger: Arc::clone(&fixture.ledger),
        leaf,
        steps: Vec::new(),
    }));
    let done = confirm(&fixture, &prepared, &mut alice).unwrap();
    let steps = CRASHES.take().unwrap().steps;
    let wanted =
        ["recorded", "body", "body", "body", "body", "rows", "deliveries", "index", "done"];
    assert_eq!(steps, wanted);
    for (n, step) in steps.iter().enumerate() {
        // Not even a copy of the folder as it is has what was ordered to go.
        let dir = Dir::open_read_only(&crashed.join(n.to_string())).unwrap();
        let (out, origin) = (crashed.join(format!("copy-{n}")), &fixture.ledger.config().origin);
        assert_eq!(copy::write(&dir, LogId::Main, origin, &out).unwrap().erased, 4, "{step}");
        assert_eq!(holding(&out), Vec::<PathBuf>::new(), "{step}");
        for lost in [false, true] {
            let root = crashed.join(format!("{n}-{lost}"));
            copy_folder(&crashed.join(n.to_string()), &root);
            if lost {
                drop(std::fs::remove_file(root.join("state/service.sqlite")));
                drop(std::fs::remove_file(root.join("state/service.sqlite-wal")));
            }
            let clock = fixture.clock.clone();
            let around = Surroundings { clock, witnesses: None };
            let ledger = Ledger::open(&root, around).unwrap();
            assert_eq!(holding(&root), Vec::<PathBuf>::new(), "{step}, {lost}");
            let bundle = ledger.evidence(std::slice::from_ref(&request), WAIT).unwrap();
            let report = check(&fixture, &bundle.bytes, &alice);
            assert_eq!(report.code, Some("body.erased"), "{step}, {lost}");
            assert!(report.requests[0].erased.iter().all(|e| e.order == Some(done.order.index)));
            assert_eq!(code(ledger.erasure_plan(leaf)), "log.erased");
            let gone = code(ledger.request(&request));
            assert!(gone == "log.erased" || lost && gone == "request.unknown", "{step}: {gone}");
        }
    }
}
