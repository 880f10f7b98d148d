//! What happens to a ledger whose witnesses do not answer, and to one that has none.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use placet_ledger::http::{self, App};
use placet_ledger::service::keys::{Keys, NoteSigner};
use placet_ledger::service::*;
use placet_ledger::witness::{
    Answer, Error, Transport, Witness, WitnessClient, WitnessGroup, builtin, system_clock,
};
use placet_ledger::{Dir, LogId};
use placet_proto::tlog::Policy;
use placet_verifier::{Options, Verdict, verify_bundle};
use tower::ServiceExt as _;

/// A witness behind a cable that can be pulled.
struct Cable {
    witness: Arc<Witness>,
    pulled: Arc<AtomicBool>,
    hangs: Arc<Mutex<()>>,
}

impl Transport for Cable {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error> {
        // Held by a test that lets the witness hang.
        let _answers = self.hangs.lock().unwrap();
        if self.pulled.load(Ordering::SeqCst) {
            return Err(Error::Unreachable { reason: "the cable is pulled".into() });
        }
        match self.witness.add_checkpoint(body) {
            Ok(line) => Ok(Answer { status: 200, body: line.into_bytes() }),
            Err(refusal) => {
                Ok(Answer { status: refusal.status(), body: refusal.body().into_bytes() })
            }
        }
    }
}

/// A ledger with one witness, and the switch of its cable.
fn with_cable() -> (Fixture, Arc<AtomicBool>) {
    let (fixture, pulled, _) = with_slow_cable();
    (fixture, pulled)
}

/// The same, and what keeps its witness from answering while a test holds it.
fn with_slow_cable() -> (Fixture, Arc<AtomicBool>, Arc<Mutex<()>>) {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path().join("d");
    let mut config = Config::local("localhost/test", 8420);
    config.publish_ms = 20;
    // The witness has to know the log's keys before there is a log.
    let dir = Dir::init(&root).unwrap();
    let keys = Keys::load_or_create(&dir, config.receipt_alg).unwrap();
    let logs = [(LogId::Main, config.origin.clone()), (LogId::Gov, config.gov_origin())].map(
        |(id, origin)| {
            let signer = NoteSigner::new(&origin, Arc::clone(&keys.of(id).checkpoint)).unwrap();
            (origin, vec![signer.verifier().clone()])
        },
    );
    drop(dir);
    let folder = tmp.path().join("w");
    std::fs::create_dir(&folder).unwrap();
    let witness = builtin::open(&folder, "w.example", logs.to_vec(), system_clock()).unwrap();
    let text = format!("witness w {}\nquorum w\n", witness.public().to_vkey());
    let (pulled, hangs) = (Arc::<AtomicBool>::default(), Arc::<Mutex<()>>::default());
    let group = || {
        let (pulled, hangs) = (Arc::clone(&pulled), Arc::clone(&hangs));
        let cable = Cable { witness: Arc::clone(&witness), pulled, hangs };
        let client = WitnessClient::new(witness.public().clone(), Box::new(cable));
        let policy = Policy::parse(text.as_bytes()).unwrap();
        Arc::new(WitnessGroup::with_clients(policy, vec![Some(client)], Duration::from_secs(5)))
    };
    let (main, gov) = (group(), group());
    let witnesses = Witnesses { text, operated_by_self: vec![], main, gov };
    let clock = Arc::<TestClock>::default();
    let around = Surroundings { clock: clock.clone(), witnesses: Some(witnesses) };
    let Initialised { ledger, code } = init(&root, &config, &BTreeMap::new(), around).unwrap();
    (Fixture { ledger, clock, code, tmp }, pulled, hangs)
}

// More calls than one caller has places for wait for a witness that hangs.
#[test]
fn who_waits_for_a_witness_to_consume_keeps_nobody_from_working() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let (fixture, _, hangs) = with_slow_cable();
    let mut alice = fixture.bootstrap("Alice");
    let first = fixture.request(1);
    let held = hangs.lock().unwrap();
    fixture.answer(&first, &mut alice, false);
    let app = App::new(Arc::clone(&fixture.ledger), &[]).unwrap();
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (app, call, first) = (app.clone(), fixture.consume(&first), first.clone());
            runtime.spawn(async move {
                let size = move |app: &App| app.ledger().covers_consume(&first);
                app.run_covered(size, move |app| app.ledger().consume(&call)).await
            })
        })
        .collect();
    let request = first.clone();
    let row = runtime.block_on(app.run(move |app| app.ledger().row(&request))).unwrap();
    assert_eq!(row.state, RequestState::Approved);
    assert!(waiting.iter().all(|call| !call.is_finished()), "the witness hangs");
    drop(held);
    let mut fresh = 0;
    for call in waiting {
        fresh += usize::from(!runtime.block_on(call).unwrap().unwrap().repeated);
    }
    assert_eq!(fresh, 1, "one spends, the others are told so");
    let again = fixture.ledger.covers_consume(&first).unwrap();
    assert_eq!(again, None, "who asks again waits for nothing");
    assert!(fixture.ledger.covers_outcome(&first).unwrap().is_some());
}

#[test]
fn without_a_quorum_nothing_is_published_and_nothing_new_counts() {
    let (fixture, pulled) = with_cable();
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    let published = fixture.ledger.publisher(LogId::Main).publish_now().unwrap();
    pulled.store(true, Ordering::SeqCst);
    // Recording goes on; what needs a fresh checkpoint does not.
    fixture.answer(&request, &mut alice, false);
    let refused = fixture.ledger.consume(&fixture.consume(&request)).unwrap_err();
    assert_eq!(refused.code(), "witness.quorum");
    assert_eq!(fixture.ledger.row(&request).unwrap().state, RequestState::Approved);
    assert_eq!(fixture.ledger.log(LogId::Main).checkpoint().unwrap().size, published.size);
    let (_, status) = fixture.ledger.health().main;
    assert!(status.problem.is_some() && status.failed_rounds > 0, "{status:?}");
    assert!(status.witnesses[0].last_error.is_some());
    let evidence = fixture.ledger.evidence(std::slice::from_ref(&request), None).unwrap();
    assert_eq!(evidence.open.len(), 2, "{:?}", evidence.open);

    pulled.store(false, Ordering::SeqCst);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let evidence = fixture.ledger.evidence(&[request], Some(Duration::from_secs(10))).unwrap();
    let trust = fixture.trust(&[&alice]);
    let options = Options { as_of: fixture.ledger.now().0, ..Options::default() };
    let report = verify_bundle(&evidence.bytes, &trust, &options).unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
}

// SPEC.md R-10-12.
#[test]
fn an_approver_whose_enrolment_no_witness_has_seen_can_t_approve() {
    let (fixture, pulled) = with_cable();
    let request = fixture.request(1);
    let c = fixture.ledger.begin_bootstrap(&fixture.code, "Alice").unwrap();
    let mut key = placet_softkey::SoftKey::generate("localhost").unwrap();
    let sign = fixture.ledger.register(&c.registration, &registered(&key, &c.challenge)).unwrap();
    pulled.store(true, Ordering::SeqCst);
    let possess = signed(&mut key, &sign.possess);
    let namespace = placet_proto::sshsig::Namespace::EnrolPossess;
    let done = fixture.ledger.sign_enrolment(&c.registration, namespace, possess).unwrap();
    assert!(matches!(done, Enrolled::Recorded { note_missing: Some(_), .. }), "{done:?}");
    let alice = Person { id: c.person, key };
    let refused = fixture.open(&request, &alice, false).unwrap_err();
    assert!(refused.to_string().contains("order.enrolled_late"), "{refused}");
    pulled.store(false, Ordering::SeqCst);
    fixture.ledger.publisher(LogId::Gov).publish_now().unwrap();
    fixture.open(&request, &alice, false).unwrap();
}

// SPEC.md R-10-14: whoever asks for evidence can't keep others from being served.
#[tokio::test(flavor = "multi_thread")]
async fn readers_who_wait_for_witnesses_leave_room_for_decisions() {
    let (fixture, pulled) = with_cable();
    pulled.store(true, Ordering::SeqCst);
    let request = fixture.request(1);
    let app = App::new(fixture.ledger.clone(), &[]).unwrap();
    let router = http::router(app.clone(), axum::Router::new());
    let (access, now) = (fixture.ledger.access(), fixture.ledger.now());
    let token = access.create_token("reader", &[Scope::EvidenceRead], None, now).unwrap().1;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let request = axum::http::Request::get(format!("/v1/evidence/{request}?wait=4"))
            .header("host", "localhost:8420")
            .header("authorization", format!("Bearer {token}"))
            .body(axum::body::Body::empty())
            .unwrap();
        readers.spawn(router.clone().oneshot(request));
    }
    let mut busy = 0;
    while let Some(answer) = readers.join_next().await {
        busy += u32::from(answer.unwrap().unwrap().status().as_u16() == 503);
    }
    assert_eq!(
        busy, 4,
        "of one token eight wait at a time, and the others are told after a moment"
    );
    app.run(move |app| app.ledger().request(&request).map(drop)).await.unwrap();
}

#[test]
fn under_quorum_none_everything_runs_and_nothing_passes() {
    let fixture = Fixture::with(|c| {
        c.witness_policy = "quorum none\n".into();
        c.receipt_alg = ReceiptAlgorithm::Es256;
    });
    let mut alice = fixture.bootstrap("Alice");
    let request = fixture.request(1);
    fixture.answer(&request, &mut alice, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    fixture.ledger.outcome(&fixture.report(&request)).unwrap();
    let evidence = fixture.ledger.evidence(&[request], Some(Duration::from_secs(10))).unwrap();
    let trust = fixture.trust(&[&alice]);
    let options = Options { as_of: fixture.ledger.now().0, ..Options::default() };
    let report = verify_bundle(&evidence.bytes, &trust, &options).unwrap();
    assert_eq!(report.verdict, Verdict::Indeterminate, "{:?}", report.code);
    let failed = report.checks.iter().filter(|c| c.status == placet_verifier::Status::Failed);
    assert_eq!(failed.count(), 0);
}

// SPEC.md R-10-11.
#[test]
fn notes_are_renewed_at_the_same_size_while_a_request_is_open() {
    let fixture = Fixture::with(|c| c.recosign_open_s = 1);
    let publisher = fixture.ledger.publisher(LogId::Gov);
    let settled = publisher.publish_now().unwrap();
    fixture.request(1);
    let renewed = publisher.newer_than(settled.row, Duration::from_secs(10)).unwrap();
    assert_eq!((renewed.size, renewed.root), (settled.size, settled.root));
    assert_ne!(renewed.sha256, settled.sha256);
    // A document names the whole note, so that it can't have been made before the stamp.
    let after = fixture.ledger.current_after().unwrap();
    assert!(after.gov.note_sha256 != settled.sha256);
}
