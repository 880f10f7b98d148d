//! The queue: order, repetition, limits, and what a crash leaves.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use placet_proto::b64;
use placet_proto::time::UnixSeconds;

use super::receiver::{Answer, Receiver, Seen};
use crate::Dir;
use crate::outbound::client::SystemLookup;
use crate::outbound::delivery::MAX_AGE_S;
use crate::outbound::store::{EndpointStatus, MAX_PENDING_ENDPOINT, MAX_PENDING_SORT, Store};
use crate::outbound::worker::{Sender, Worker};
use crate::outbound::{Client, Delivery, Rules};
use crate::service::Clock;
use crate::service::keys::{PrivateKey, ServiceKeys, Sign as _};

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.0.load(Ordering::SeqCst))
    }
}

struct Bench {
    _tmp: tempfile::TempDir,
    clock: Arc<Hand>,
    store: Arc<Store>,
    worker: Arc<Worker>,
    service: Arc<PrivateKey>,
}

fn bench() -> Bench {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(&tmp.path().join("d")).unwrap();
    let store = Arc::new(Store::open(&dir.state().join("outbound.sqlite")).unwrap());
    let clock = Arc::new(Hand(AtomicU64::new(1_800_000_000)));
    let keys = ServiceKeys::load_or_create(&dir).unwrap();
    let service = Arc::clone(&keys.service);
    let make = || {
        let rules = Rules { dev: true, allowed: Vec::new() };
        Ok(Client::with(rules, Arc::new(SystemLookup), Vec::new(), Duration::from_millis(700)))
    };
    let hand = || Arc::clone(&clock) as Arc<dyn Clock>;
    let root = dir.root().to_owned();
    let sender = Sender::with(&keys, "https://placet.example".to_owned(), root, hand(), make);
    let worker = Arc::new(Worker::new(Arc::clone(&store), sender, hand()));
    Bench { _tmp: tmp, clock, store, worker, service }
}

impl Bench {
    fn push(&self, endpoint: &str, message: &str, url: &str) {
        let delivery = Delivery::json(endpoint, message, url, message.as_bytes().to_vec());
        self.store.push(&[delivery], self.clock.now()).unwrap();
    }

    fn later(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn status(&self, endpoint: &str) -> EndpointStatus {
        self.store.status().unwrap().into_iter().find(|s| s.name == endpoint).unwrap()
    }

    fn run_out(&self) -> usize {
        let mut attempts = 0;
        while self.worker.step().unwrap() {
            attempts += 1;
        }
        attempts
    }
}

fn bodies(seen: &mpsc::Receiver<Seen>) -> Vec<String> {
    seen.try_iter().map(|s| String::from_utf8(s.body).unwrap()).collect()
}

#[test]
fn each_endpoint_gets_its_messages_in_order_and_signed() {
    let bench = bench();
    let (one, two) =
        (Receiver::start(&[Answer::status(204)]), Receiver::start(&[Answer::status(200)]));
    for n in 0..3 {
        bench.push("one", &format!("m{n}"), &one.url());
        bench.push("two", &format!("m{n}"), &two.url());
    }
    // A message that waits already is not queued again.
    bench.push("one", "m1", &one.url());
    assert_eq!(bench.run_out(), 6);
    let seen: Vec<Seen> = one.seen.try_iter().collect();
    let order: Vec<&[u8]> = seen.iter().map(|s| s.body.as_slice()).collect();
    assert_eq!(order, [b"m0", b"m1", b"m2"]);
    assert_eq!(bodies(&two.seen), ["m0", "m1", "m2"]);
    let first = &seen[0];
    assert_eq!(first.header("webhook-id"), "m0");
    assert_eq!(first.header("webhook-timestamp"), "1800000000");
    // A receiver that knows RFC 9421 and the key, and nothing of how it was made.
    let parameters = first.header("signature-input").strip_prefix("placet=").unwrap();
    let covered = parameters[1..].split_once(')').unwrap().0;
    let base: String = covered
        .split(' ')
        .map(|name| match name.trim_matches('"') {
            "@method" => format!("{name}: {}\n", first.line.split(' ').next().unwrap()),
            "@target-uri" => format!("{name}: {}\n", one.url()),
            field => format!("{name}: {}\n", first.header(field)),
        })
        .collect();
    let base = format!("{base}\"@signature-params\": {parameters}");
    let signature = first.header("signature").strip_prefix("placet=:").unwrap();
    let signature = b64::decode_std(signature.strip_suffix(':').unwrap(), 64).unwrap();
    let public = bench.service.public_key();
    placet_verifier::crypto::verify_cose(public, base.as_bytes(), &signature).unwrap();
    let digest = b64::encode_std(placet_proto::sha256(b"m0"));
    assert_eq!(first.header("content-digest"), format!("sha-256=:{digest}:"));
}

#[test]
fn what_fails_is_repeated_later_and_nobody_else_waits() {
    let bench = bench();
    let failing = Receiver::start(&[Answer::status(500)]);
    let good = Receiver::start(&[Answer::status(200)]);
    bench.push("failing", "a", &failing.url());
    bench.push("failing", "b", &failing.url());
    bench.push("good", "a", &good.url());
    assert_eq!(bench.run_out(), 2);
    assert_eq!(bodies(&failing.seen), ["a"]);
    let status = bench.status("failing");
    assert_eq!((status.pending, status.failures, status.delivered), (2, 1, 0));
    assert_eq!(status.last_error.as_deref(), Some("status 500"));
    let first_pause = status.next_at.0 - bench.clock.now().0;
    assert!((3..=5).contains(&first_pause), "{first_pause}");
    // Pauses grow; a new message does not shorten them.
    bench.later(first_pause);
    assert_eq!(bench.run_out(), 1);
    bench.push("failing", "c", &failing.url());
    assert_eq!(bench.run_out(), 0);
    let second_pause = bench.status("failing").next_at.0 - bench.clock.now().0;
    assert!((5..=10).contains(&second_pause), "{second_pause}");
    // It comes back, and all comes in order.
    failing.then(Answer::status(200));
    bench.later(second_pause);
    assert_eq!(bench.run_out(), 3);
    assert_eq!(bodies(&failing.seen), ["a", "a", "b", "c"]);
    let status = bench.status("failing");
    assert_eq!((status.pending, status.failures, status.delivered), (0, 0, 3));
}

#[test]
fn what_can_not_succeed_is_a_dead_letter_and_can_be_revived() {
    let bench = bench();
    let receiver = Receiver::start(&[Answer::With(302, "location: /x\r\n".to_owned(), "")]);
    bench.push("a", "redirected", &receiver.url());
    bench.push("b", "inner", "http://10.0.0.1/");
    bench.push("c", "metadata", "http://169.254.169.254/");
    assert_eq!(bench.run_out(), 3);
    for endpoint in ["a", "b", "c"] {
        let status = bench.status(endpoint);
        assert_eq!((status.pending, status.dead), (0, 1), "{endpoint}");
    }
    receiver.then(Answer::status(200));
    assert_eq!(bench.store.revive("a", bench.clock.now()).unwrap(), 1);
    assert_eq!(bench.run_out(), 1);
    assert_eq!(bench.status("a").delivered, 1);
    // Three days in vain, and one whose time was over.
    let away = Receiver::start(&[Answer::status(503)]);
    bench.push("away", "old", &away.url());
    bench.run_out();
    bench.later(MAX_AGE_S);
    bench.run_out();
    assert_eq!((bench.status("away").pending, bench.status("away").dead), (0, 1));
    let late = Delivery {
        expires: Some(bench.clock.now()),
        ..Delivery::json("late", "late", &receiver.url(), Vec::new())
    };
    bench.store.push(&[late], bench.clock.now()).unwrap();
    bench.run_out();
    assert_eq!((bench.status("late").delivered, bench.status("late").dead), (0, 1));
}

#[test]
fn the_queue_is_bounded_and_the_oldest_makes_room() {
    let bench = bench();
    let many: Vec<Delivery> = (0..MAX_PENDING_ENDPOINT + 3)
        .map(|n| Delivery::json("a", &format!("m{n}"), "https://a.example/", Vec::new()))
        .collect();
    bench.store.push(&many, bench.clock.now()).unwrap();
    let status = bench.status("a");
    assert_eq!((status.pending, status.dead), (MAX_PENDING_ENDPOINT, 3));
    let next = bench.store.due(bench.clock.now(), &HashSet::new(), 2).unwrap().unwrap();
    assert_eq!(next.delivery.message, "m3");
    let of = |n: u64| -> Vec<Delivery> {
        let message = |m| Delivery::json(&format!("e{n}"), &format!("m{m}"), "https://a/", vec![]);
        (0..MAX_PENDING_ENDPOINT).map(message).collect()
    };
    for n in 0..19 {
        bench.store.push(&of(n), bench.clock.now()).unwrap();
    }
    let error = bench.store.push(&of(20)[..1], bench.clock.now()).unwrap_err();
    assert_eq!(error.code(), "ledger.limit");
    let large = Delivery::json("a", "m", "https://a/", vec![0; 65 * 1024]);
    let error = bench.store.push(&[large], bench.clock.now()).unwrap_err();
    assert_eq!(error.code(), "outbound.delivery");
}

#[test]
fn threads_send_to_others_while_one_receiver_hangs() {
    let bench = bench();
    let hanging = Receiver::start(&[Answer::Hang]);
    let good = Receiver::start(&[Answer::status(200)]);
    bench.push("hanging", "a", &hanging.url());
    bench.push("hanging", "b", &hanging.url());
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let worker = Arc::clone(&bench.worker);
            std::thread::spawn(move || worker.run())
        })
        .collect();
    hanging.seen.recv().unwrap();
    for n in 0..5 {
        bench.push("good", &format!("m{n}"), &good.url());
        bench.worker.wake();
        let seen = good.seen.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(seen.body, format!("m{n}").into_bytes());
    }
    bench.worker.stop();
    for thread in threads {
        thread.join().unwrap();
    }
    // The second message never overtook the first.
    assert!(bodies(&hanging.seen).iter().all(|body| body == "a"));
}

// The database after any moment of a crash is what SQLite says was committed: a copy of its files
// is what `kill -9` leaves.
#[test]
fn a_crash_loses_nothing_and_repeats_what_was_under_way() {
    let bench = bench();
    let receiver = Receiver::start(&[Answer::status(200)]);
    bench.push("a", "first", &receiver.url());
    bench.push("a", "second", &receiver.url());
    let job = bench.store.due(bench.clock.now(), &HashSet::new(), 2).unwrap().unwrap();
    // It was sent, and then the power went.
    assert_eq!(bench.worker.sender().send(&job.delivery).unwrap().unwrap().status, 200);
    let from = bench._tmp.path().join("d/state");
    let to = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(&from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    let again = Store::open(&to.path().join("outbound.sqlite")).unwrap();
    let found = again.due(bench.clock.now(), &HashSet::new(), 2).unwrap().unwrap();
    assert_eq!(found.delivery, job.delivery);
    again.delivered(&found, bench.clock.now()).unwrap();
    let second = again.due(bench.clock.now(), &HashSet::new(), 2).unwrap().unwrap();
    assert_eq!(second.delivery.message, "second");
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bench._tmp.path().join("d/state/outbound.sqlite")), 0o600);
}

#[test]
fn callbacks_fill_neither_the_queue_nor_all_threads() {
    let bench = bench();
    let now = bench.clock.now();
    let callback = |n: u64| {
        let url = format!("https://a.example/{n}");
        Delivery::json(&format!("callback:{n}"), "m", &url, Vec::new())
    };
    for from in (0..MAX_PENDING_SORT + 1000).step_by(1000) {
        let some: Vec<Delivery> = (from..from + 1000).map(callback).collect();
        bench.store.push(&some, now).unwrap();
    }
    bench.push("notify:ops", "alarm", "https://b.example/");
    let waiting: u64 = bench.store.status().unwrap().iter().map(|s| s.pending).sum();
    assert_eq!(waiting, MAX_PENDING_SORT + 1);
    // The oldest made room.
    assert_eq!((bench.status("callback:0").pending, bench.status("callback:0").dead), (0, 1));
    let mut busy = HashSet::new();
    let next = || {
        let job = bench.store.due(now, &busy, 2).unwrap().map(|job| job.delivery.endpoint);
        busy.extend(job.clone());
        job
    };
    let names: Vec<String> = std::iter::from_fn(next).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[2], "notify:ops");
    // What an agent chose is forgotten after a day.
    bench.later(86_401);
    bench.store.tidy(bench.clock.now()).unwrap();
    assert!(bench.store.status().unwrap().iter().all(|s| s.name != "callback:0"));
}
