//! `kill -9` under load: nothing that was acknowledged is ever lost.
//!
//! The real program serves over loopback while agents ask for decisions and a person approves. It
//! is killed at a random moment, started again, and asked for everything that it had acknowledged.
//! That is repeated `PLACET_CRASH_ROUNDS` times on one folder; at the end the folder is checked,
//! and every checkpoint that anybody saw has to be an earlier state of the log.

mod audit;
mod client;
// Some of it is for the tests of faults.
#[allow(dead_code)]
mod load;
// So is some of this, for those that kill one call.
#[allow(dead_code)]
mod process;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use load::{Book, Event, Load};
use process::{Place, Service};

/// Rounds without `PLACET_CRASH_ROUNDS`.
const ROUNDS: u64 = 20;
/// Each so many rounds the service is killed while it starts, too.
const START_KILL_EVERY: u64 = 8;
/// A service is killed this long after the acknowledgement that was waited for, at the latest.
const MAX_LOAD: Duration = Duration::from_millis(40);

#[test]
fn kill_9_under_load_loses_nothing_that_was_acknowledged() {
    let rounds = std::env::var("PLACET_CRASH_ROUNDS")
        .map_or(ROUNDS, |n| n.parse().expect("PLACET_CRASH_ROUNDS is a number"));
    let place = Place::new();
    let started = Instant::now();
    let mut service = place.start();
    let start_up = started.elapsed();
    let mut load = Load::new(place.enrol(&service));
    let mut book = Book::default();

    let mut slowest_start = start_up;
    for round in 0..rounds {
        // Wherever the work has got to when the last moments of this life begin.
        let until = [Event::Decision, Event::Approval, Event::Decision, Event::Execution]
            [(round % 4) as usize];
        let recorded = load.run(place.client(&service), |events| kill(service, events, until));
        if round % START_KILL_EVERY == 0 {
            // Recovery that is interrupted has to be as good as none. The moment is random, as
            // there is no event to wait for in the middle of it.
            place.start_and_kill(random_below(start_up.min(Duration::from_millis(400))));
        }
        let started = Instant::now();
        service = place.start();
        slowest_start = slowest_start.max(started.elapsed());
        recorded.check(&place.client(&service), round);
        book.add(recorded);
    }

    service.terminate();
    place.fsck();
    let entries = audit::audit(place.dir(), &book);
    println!(
        "{rounds} rounds in {:.1} s: {} decisions, {} approvals, {} executions acknowledged, \
         {entries} entries, {} checkpoints seen; start-up {} ms at first, {} ms at most",
        started.elapsed().as_secs_f64(),
        book.decisions(),
        book.approvals(),
        book.executions(),
        book.heads(),
        start_up.as_millis(),
        slowest_start.as_millis(),
    );
    assert!(book.decisions() >= rounds && book.approvals() > 0 && book.executions() > 0);
}

/// Waits for an acknowledgement and then a random time, so that the kill may fall into any part of
/// the work: there is no event for "somewhere in the middle". Then kills.
fn kill(service: Service, events: &Receiver<Event>, until: Event) {
    let mut waited = events.iter();
    assert!(
        waited.any(|event| event == until || event == Event::PersonDone),
        "{until:?} was never acknowledged"
    );
    std::thread::sleep(random_below(MAX_LOAD));
    service.kill();
}

fn random_below(limit: Duration) -> Duration {
    let nanos = u64::try_from(limit.as_nanos()).unwrap().max(1);
    Duration::from_nanos(RandomState::new().hash_one(limit) % nanos)
}
