//! The whole program under a clock that is set forward by years and back while it serves.

use std::path::Path;
use std::time::{Duration, Instant};

use placet_softkey::SoftKey;

use super::callers::Callers;
use super::calls::shim;
use super::process::Place;

const YEAR_S: i64 = 365 * 86_400;
/// Longest wait for a publisher or a timer to come to it.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_clock_that_jumps_while_the_program_serves() {
    let place = Place::new();
    let service = place.start();
    place.enrol(&service);
    service.terminate();
    let clock = place.beside("clock");
    let set = |seconds: i64| std::fs::write(&clock, seconds.to_string()).unwrap();
    set(0);
    let shim = [("LD_PRELOAD", shim().to_path_buf()), ("FAULTS_CLOCK", clock.clone())];
    let service = place.start_on(place.dir(), &shim);
    let key = SoftKey::load(&place.beside("softkey")).unwrap();
    let mut callers = Callers::new(place.client(&service), key);
    callers.work();
    let mut waiting = callers.approved().expect("an approval");
    assert!(callers.told.refused.is_empty());

    // Years forward: the approval is too old, the session is over, the program goes on.
    set(3 * YEAR_S);
    let (status, answer) = waiting.consume(&callers.client, "late").unwrap();
    assert!([403, 409].contains(&status), "{status} {answer}");
    let session = callers.client.post_signed_in("/v1/erasures/prepare", &serde_json::json!({}));
    assert_eq!(session.unwrap().0, 401);
    assert!(callers.decide());
    until(|| published(&callers));
    let state = format!("/v1/requests/{}", waiting.request);
    until(|| callers.client.get(&state).unwrap().1["state"] == "expired");

    // Back again: what ended stays ended, and the witness stamps nothing behind what it stamped.
    set(0);
    assert!(callers.decide());
    until(|| !published(&callers));
    assert_ne!(waiting.consume(&callers.client, "again").unwrap().0, 200);
    callers.read_all();
    // Everything recorded so far stands, also for a program that starts under that clock.
    service.kill();
    let service = place.start_on(place.dir(), &shim);
    callers.client = place.client(&service);
    assert!(callers.decide());
    assert_ne!(waiting.consume(&callers.client, "once more").unwrap().0, 200);

    // When the time has come that was stamped, all is as before.
    set(3 * YEAR_S + 60);
    callers.decide();
    until(|| published(&callers));
    service.terminate();
    waiting.execution = None;
    callers.told.recorded.approved.push(waiting);
    callers.told.check_folder(Path::new(place.dir()));
    place.fsck();
}

/// Whether what was recorded in the main log has found its witness. The other log, in which nothing
/// happens, is renewed when its time has come by a clock that does not jump.
fn published(callers: &Callers) -> bool {
    callers.ready().1["log"]["problems"].as_array().unwrap().is_empty()
}

/// Waits for what a thread of the program does when it comes to it.
fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it did not come to it");
        std::thread::yield_now();
    }
}
