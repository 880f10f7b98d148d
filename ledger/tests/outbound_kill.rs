//! A queue that is filled and emptied is killed at random moments. Every delivery that was queued
//! arrives, and in order.

#[path = "../src/outbound/tests/receiver.rs"]
mod receiver;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use placet_ledger::Dir;
use placet_ledger::outbound::store::Store;
use placet_ledger::outbound::worker::Worker;
use placet_ledger::outbound::{Delivery, Sender};
use placet_ledger::service::keys::ServiceKeys;
use placet_ledger::service::{Clock as _, Config, SystemClock};
use receiver::{Answer, Receiver};

const FOLDER: &str = "PLACET_TEST_QUEUE_FOLDER";
const LIFE: &str = "PLACET_TEST_QUEUE_LIFE";
const URL: &str = "PLACET_TEST_QUEUE_URL";
const LIVES: u64 = 12;

fn open(root: &Path) -> (Arc<Store>, Arc<Worker>) {
    let dir = Dir::open_read_only(root).unwrap();
    let keys = ServiceKeys::load(&dir).unwrap();
    // In development, receivers on this machine may be called.
    let config = Config::local("localhost/queue", 1);
    let sender = Sender::new(&dir, &config, &keys, Arc::new(SystemClock)).unwrap();
    let store = Arc::new(Store::open(&dir.state().join("outbound.sqlite")).unwrap());
    let worker = Worker::new(Arc::clone(&store), sender, Arc::new(SystemClock));
    (store, Arc::new(worker))
}

/// Not a test of its own: the process that gets killed. Without the environment it does nothing.
#[test]
fn queue_under_load() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let (life, url) = (std::env::var(LIFE).unwrap(), std::env::var(URL).unwrap());
    let (store, worker) = open(Path::new(&folder));
    for _ in 0..2 {
        let worker = Arc::clone(&worker);
        std::thread::spawn(move || worker.run());
    }
    println!("\nREADY");
    for n in 0u64.. {
        let message = format!("{life:0>3}-{n:0>6}");
        let body = message.clone().into_bytes();
        let delivery = Delivery::json(&format!("e{}", n % 3), &message, &url, body);
        store.push(&[delivery], SystemClock.now()).unwrap();
        // One write for each line, so that a killed process leaves at most one cut line.
        std::io::stdout().lock().write_all(format!("QUEUED {message}\n").as_bytes()).unwrap();
        worker.wake();
    }
}

// SPEC.md R-10-43.
#[test]
fn every_delivery_that_was_queued_arrives_when_the_process_is_killed() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path().join("d");
    ServiceKeys::load_or_create(&Dir::init(&root).unwrap()).unwrap();
    let receiver = Receiver::start(&[Answer::status(204)]);
    let mut queued = BTreeSet::new();
    for life in 0..LIVES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "queue_under_load", "--nocapture"])
            .env(FOLDER, &root)
            .env(LIFE, life.to_string())
            .env(URL, receiver.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Killed after so many lines, wherever the other threads are then.
        let mut left = 5 + life * 7 % 23;
        for line in lines {
            if let Some(message) = line.strip_prefix("QUEUED ").filter(|m| m.len() == 10) {
                queued.insert(message.to_owned());
                left = left.saturating_sub(1);
                if left == 0 {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
    }
    let (_, worker) = open(&root);
    while worker.step().unwrap() {}
    let arrived: Vec<String> =
        receiver.seen.try_iter().map(|seen| String::from_utf8(seen.body).unwrap()).collect();
    // A sender that was killed between head and body has delivered nothing.
    let arrived: Vec<String> = arrived.into_iter().filter(|body| !body.is_empty()).collect();
    let all: BTreeSet<String> = arrived.iter().cloned().collect();
    assert!(queued.len() as u64 > 5 * LIVES && queued.is_subset(&all));
    // In order for each endpoint, save that one is repeated after a crash.
    for endpoint in 0..3 {
        let number = |message: &str| message[4..].parse::<u64>().unwrap();
        let mut last = "";
        for message in arrived.iter().filter(|m| number(m) % 3 == endpoint) {
            assert!(message.as_str() >= last, "{message} after {last}");
            last = message;
        }
    }
}
