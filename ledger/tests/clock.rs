//! Clocks that are set forward by years and back again, while the ledger is open.
//!
//! What a clock ended stays ended, since it is on record; nothing is consumed, stamped or shown
//! that another clock would have to take back.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use placet_ledger::service::*;
use placet_ledger::{Error, LogId};

const YEAR_S: u64 = 365 * 86_400;

/// A ledger whose witness, too, lives by the clock of the test.
fn fixture() -> Fixture {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path().join("d");
    let mut config = Config::local("localhost/test", 8420);
    (config.publish_ms, config.recosign_idle_s) = (20, 3600);
    let clock = Arc::<TestClock>::default();
    let witnesses = witnesses(&root, &config, tmp.path(), &clock);
    let around = Surroundings { clock: clock.clone(), witnesses: Some(witnesses) };
    let Initialised { ledger, code } = init(&root, &config, &BTreeMap::new(), around).unwrap();
    Fixture { ledger, clock, code, tmp }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().code()
}

fn state(fixture: &Fixture, request: &str, seen: RequestState) -> RequestState {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let change = fixture.ledger.wait_for_change(request, seen, Duration::from_secs(20));
    runtime.block_on(change).unwrap().state
}

/// Publishes now; whether the witness stamped it.
fn publish(fixture: &Fixture, id: LogId) -> Result<(), Error> {
    fixture.ledger.publisher(id).publish_now().map(drop)
}

fn notes(fixture: &Fixture) -> u64 {
    LogId::ALL.iter().map(|id| fixture.ledger.log(*id).checkpoint().unwrap().row).sum()
}

#[test]
fn years_forward_end_what_was_promised_until_then_and_back_again_revives_nothing() {
    let fixture = fixture();
    let mut alice = fixture.bootstrap("Alice");
    let [approved, idle, spent] = [(); 3].map(|()| fixture.request(1));
    fixture.answer(&approved, &mut alice, false);
    fixture.answer(&spent, &mut alice, false);
    fixture.ledger.consume(&fixture.consume(&spent)).unwrap();
    fixture.clock.forward(3 * YEAR_S);
    // An approval that is too old is spent by nobody, whether the timer has come to it or not.
    let late = code(fixture.ledger.consume(&fixture.consume(&approved)));
    assert!(["request.expired", "request.ended", "request.state"].contains(&late), "{late}");
    fixture.request(1);
    assert_eq!(state(&fixture, &idle, RequestState::Open), RequestState::Expired);
    assert_eq!(state(&fixture, &approved, RequestState::Approved), RequestState::Expired);
    assert_eq!(state(&fixture, &spent, RequestState::Executed), RequestState::Done);

    fixture.clock.back(3 * YEAR_S);
    for request in [&approved, &idle] {
        let again = code(fixture.ledger.consume(&fixture.consume(request)));
        assert!(["request.ended", "request.expired", "request.state"].contains(&again), "{again}");
    }
    // What was executed is answered as before, once.
    let repeated = fixture.ledger.consume(&fixture.consume(&spent)).unwrap();
    assert!(repeated.repeated);
    let other = Consume { idempotency: b"call 2".to_vec(), ..fixture.consume(&spent) };
    assert_eq!(code(fixture.ledger.consume(&other)), "consume.conflict");
}

#[test]
fn a_witness_stamps_nothing_behind_what_it_stamped() {
    let fixture = fixture();
    fixture.request(1);
    publish(&fixture, LogId::Main).unwrap();
    let published = fixture.ledger.log(LogId::Main).checkpoint().unwrap();
    fixture.clock.back(3600);
    let request = fixture.request(1);
    // It is recorded, and shown when the witness's time has come.
    assert_eq!(code(publish(&fixture, LogId::Main)), "witness.quorum");
    assert_eq!(fixture.ledger.log(LogId::Main).checkpoint().unwrap(), published);
    assert!(fixture.ledger.health().main.1.problem.is_some());
    assert_eq!(fixture.ledger.request(&request).unwrap().row.state, RequestState::Open);
    fixture.clock.forward(3601);
    publish(&fixture, LogId::Main).unwrap();
    let newest = fixture.ledger.log(LogId::Main).checkpoint().unwrap();
    let stamp = |note: &placet_ledger::Note| {
        let policy = fixture.ledger.publisher(LogId::Main).policy();
        publisher::times_of(policy, &note.note).unwrap().0
    };
    assert!(newest.size > published.size && stamp(&newest) > stamp(&published));
}

/// Notes are renewed by a clock that does not jump: there is neither a storm nor a gap.
#[test]
fn a_jump_renews_no_note_by_itself() {
    let fixture = fixture();
    for id in LogId::ALL {
        publish(&fixture, id).unwrap();
    }
    let before = notes(&fixture);
    for _ in 0..50 {
        fixture.clock.forward(YEAR_S);
        LogId::ALL.iter().for_each(|id| fixture.ledger.publisher(*id).nudge());
    }
    // Each publisher may have come to its first turn meanwhile, and to no other.
    let after = notes(&fixture);
    assert!(after - before <= 2, "{before} notes, then {after}");
    // Who asks is answered at once, with the stamp of the new time.
    publish(&fixture, LogId::Gov).unwrap();
    assert!(notes(&fixture) > after);
}

#[test]
fn freezing_under_any_clock_leaves_nothing_without_a_checkpoint() {
    let fixture = fixture();
    fixture.request(1);
    publish(&fixture, LogId::Main).unwrap();
    fixture.clock.back(YEAR_S);
    fixture.request(1);
    // The witness will not stamp what is new: then nothing is frozen.
    assert_eq!(code(fixture.ledger.freeze("moved")), "witness.quorum");
    assert!(!fixture.ledger.dir().root().join("FROZEN").exists());
    // Nothing is recorded behind the attempt, whatever becomes overdue.
    let size = fixture.ledger.log(LogId::Main).size();
    fixture.clock.forward(2 * YEAR_S);
    let refused = fixture.ledger.create(fixture.decision(1), Carried::default());
    assert_eq!(code(refused), "dir.frozen");
    let notes = fixture.ledger.freeze("moved").unwrap();
    assert_eq!(notes.map(|note| note.size)[0], size);
    assert_eq!(fixture.ledger.log(LogId::Main).size(), size);
    let fixture = fixture;
    let root = fixture.tmp.path().join("d");
    assert!(std::fs::read_to_string(root.join("FROZEN")).unwrap().contains("moved"));
}

#[test]
fn nothing_is_left_without_a_checkpoint_when_a_busy_ledger_is_frozen() {
    let fixture = fixture();
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0_u64;
                    loop {
                        match fixture.ledger.create(fixture.decision(1), Carried::default()) {
                            Ok(_) => done += 1,
                            Err(error) if error.code() == "dir.frozen" => return done,
                            Err(error) if error.code() == "agent.limit" => {}
                            Err(error) => panic!("{error}"),
                        }
                        // What becomes overdue meanwhile is the timer's.
                        fixture.clock.forward(60);
                    }
                })
            })
            .collect();
        while fixture.ledger.log(LogId::Main).size() < 40 {
            std::thread::yield_now();
        }
        let notes = fixture.ledger.freeze("").unwrap();
        let done: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        for (id, note) in LogId::ALL.into_iter().zip(notes) {
            assert_eq!(fixture.ledger.log(id).size(), note.size, "something is uncosigned");
        }
        done
    });
    assert!(done > 0);
}
