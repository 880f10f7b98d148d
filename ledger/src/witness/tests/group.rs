//! The quorum.

use super::*;
use placet_proto::tlog::Policy;
use std::sync::mpsc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

struct Fixture {
    _folders: Vec<tempfile::TempDir>,
    witnesses: Vec<Arc<Witness>>,
}

/// Three witnesses in this process.
fn three() -> Fixture {
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let open = |(n, folder): (usize, &tempfile::TempDir)| {
        let clock: Clock = Box::new(move || NOW + n as u64);
        let logs = vec![(ORIGIN.to_owned(), vec![TestLog::new(0, 0).key])];
        builtin::open(folder.path(), &format!("w{n}.example"), logs, clock).unwrap()
    };
    let witnesses = folders.iter().enumerate().map(open).collect();
    Fixture { _folders: folders, witnesses }
}

impl Fixture {
    fn policy(&self, rule: &str) -> Policy {
        let mut text = String::new();
        for (n, witness) in self.witnesses.iter().enumerate() {
            text += &format!("witness w{n} {}\n", witness.public().to_vkey());
        }
        Policy::parse((text + rule).as_bytes()).unwrap()
    }

    fn clients(&self) -> Vec<Option<WitnessClient>> {
        self.witnesses.iter().map(|w| Some(builtin::client(Arc::clone(w)))).collect()
    }
}

fn source(log: &TestLog) -> Arc<dyn ProofSource> {
    Arc::new(log.clone())
}

struct Down;

impl Transport for Down {
    fn add_checkpoint(&self, _: &[u8]) -> Result<Answer, Error> {
        Err(Error::Unreachable { reason: "down".into() })
    }
}

/// Answers when the test lets it.
struct Slow(std::sync::Mutex<mpsc::Receiver<()>>, Arc<Witness>);

impl Transport for Slow {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error> {
        let _ = self.0.lock().unwrap().recv();
        let line = self.1.add_checkpoint(body).unwrap();
        Ok(Answer { status: 200, body: line.into_bytes() })
    }
}

#[test]
fn a_note_carries_every_cosignature_in_the_order_of_the_policy() {
    let fixture = three();
    let policy = fixture.policy("group g 2 w0 w1 w2\nquorum g\n");
    let group = WitnessGroup::with_clients(policy.clone(), fixture.clients(), DEADLINE);
    let log = TestLog::new(9, 1);
    let cosigned = group.cosign(&log.checkpoint(5), &source(&log)).unwrap();
    let note = Note::parse(&cosigned.note).unwrap();
    let names: Vec<&str> = note.signatures().iter().map(SignatureLine::name).collect();
    assert_eq!(names, [ORIGIN, "w0.example", "w1.example", "w2.example"]);
    assert_eq!(cosigned.times, [Some(NOW), Some(NOW + 1), Some(NOW + 2)]);
    assert_eq!(policy.latest_time(&cosigned.times), Some(NOW + 1));
    assert!(verify_log_signatures(std::slice::from_ref(&log.key), &note).is_some());
    for (witness, time) in fixture.witnesses.iter().zip(&cosigned.times) {
        let public = witness.public();
        let verified = verify_cosignature(public, note.text(), note.signatures()).unwrap();
        assert_eq!(Some(verified.1), *time);
    }
    let status = &group.status()[1];
    assert_eq!((status.last_stamp, status.last_size, status.failures), (Some(NOW + 1), Some(5), 0));
    group.cosign(&log.checkpoint(9), &source(&log)).unwrap();
}

#[test]
fn without_quorum_there_is_no_note_and_the_status_says_why() {
    let fixture = three();
    let policy = fixture.policy("group g 2 w0 w1 w2\nquorum g\n");
    let mut clients = fixture.clients();
    let down = |n: usize| {
        let key = fixture.witnesses[n].public().clone();
        Some(WitnessClient::new(key, Box::new(Down)))
    };
    clients[1] = down(1);
    let log = TestLog::new(9, 1);
    let group = WitnessGroup::with_clients(policy.clone(), clients, DEADLINE);
    let cosigned = group.cosign(&log.checkpoint(5), &source(&log)).unwrap();
    assert_eq!(cosigned.times, [Some(NOW), None, Some(NOW + 2)]);

    let clients = vec![fixture.clients().remove(0), down(1), None];
    let group = WitnessGroup::with_clients(policy, clients, DEADLINE);
    let error = group.cosign(&log.checkpoint(5), &source(&log)).unwrap_err();
    assert!(matches!(error, Error::Quorum { cosigned: 1, asked: 3 }));
    let status = group.status();
    assert_eq!(status[0].failures, 0);
    assert_eq!(status[1].last_error.as_ref().unwrap().0, "witness.unreachable");
    assert!(!status[2].reachable);
}

#[test]
fn quorum_none_asks_and_needs_nothing() {
    let fixture = three();
    let group = WitnessGroup::with_clients(fixture.policy("quorum none\n"), Vec::new(), DEADLINE);
    let log = TestLog::new(9, 1);
    let signed = log.checkpoint(5);
    let cosigned = group.cosign(&signed, &source(&log)).unwrap();
    assert_eq!(cosigned.note, signed.note().to_bytes());
    assert_eq!(cosigned.times, [None, None, None]);
}

#[test]
fn a_slow_witness_is_not_waited_for_nor_asked_twice() {
    let fixture = three();
    let (release, gate) = mpsc::channel();
    let mut clients = fixture.clients();
    let slow = Slow(std::sync::Mutex::new(gate), Arc::clone(&fixture.witnesses[2]));
    let key = fixture.witnesses[2].public().clone();
    clients[2] = Some(WitnessClient::new(key, Box::new(slow)));
    let policy = fixture.policy("group g 2 w0 w1 w2\nquorum g\n");
    let group = WitnessGroup::with_clients(policy, clients, DEADLINE);
    let log = TestLog::new(9, 1);
    for size in [5, 9] {
        let cosigned = group.cosign(&log.checkpoint(size), &source(&log)).unwrap();
        assert_eq!(cosigned.times, [Some(NOW), Some(NOW + 1), None]);
    }
    drop(release);
    // Its one answer comes late, for the first checkpoint.
    while group.status()[2].last_size.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(group.status()[2].last_size, Some(5));
}

#[test]
fn a_fork_is_an_alarm_that_stays() {
    let fixture = three();
    let policy = fixture.policy("group g all w0 w1 w2\nquorum g\n");
    let group = WitnessGroup::with_clients(policy, fixture.clients(), DEADLINE);
    let (log, fork) = (TestLog::new(9, 1), TestLog::new(9, 2));
    group.cosign(&log.checkpoint(5), &source(&log)).unwrap();
    assert!(group.cosign(&fork.checkpoint(9), &source(&fork)).is_err());
    assert!(group.cosign(&fork.checkpoint(5), &source(&fork)).is_err());
    group.cosign(&log.checkpoint(9), &source(&log)).unwrap();
    for status in group.status() {
        assert_eq!(status.alarm.as_ref().unwrap().0, "witness.fork");
        assert_eq!((status.last_error, status.failures), (None, 0));
    }
}

#[test]
fn a_rolled_back_log_is_noticed_by_the_built_in_witness() {
    let fixture = three();
    let policy = fixture.policy("quorum w0\n");
    let built_in = Some(Arc::clone(&fixture.witnesses[0]));
    let group = WitnessGroup::new(policy, built_in, Duration::from_secs(5)).unwrap();
    let (log, restored) = (TestLog::new(9, 1), TestLog::new(6, 1));
    group.cosign(&log.checkpoint(9), &source(&log)).unwrap();
    assert!(group.cosign(&restored.checkpoint(6), &source(&restored)).is_err());
    assert_eq!(group.status()[0].alarm.as_ref().unwrap().0, "witness.ahead");
    assert!(!group.status()[1].reachable);
}
