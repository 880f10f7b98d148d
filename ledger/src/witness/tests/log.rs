//! A log on disk with the built-in witness: the embedded default.

use super::*;
use crate::{Dir, Log, LogId, NewEntry};
use placet_proto::tlog::Policy;
use std::time::Duration;

/// Signs as the log's checkpoint key does.
fn sign(text: &str) -> Result<Vec<u8>, String> {
    Ok(TestLog::new(0, 0).sign_text(text.to_owned()).to_bytes())
}

fn append(log: &Log, count: usize) {
    let entries = (0..count).map(|n| NewEntry::plain(n.to_string())).collect();
    log.append(entries).unwrap();
}

#[test]
fn checkpoints_of_a_log_on_disk_are_cosigned_and_published() {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::init(folder.path()).unwrap();
    let log = Arc::new(Log::open(&dir, LogId::Main, ORIGIN, sign).unwrap());
    let logs = vec![(ORIGIN.to_owned(), vec![TestLog::new(0, 0).key])];
    let state = dir.state().join("witness");
    let witness = builtin::open(&state, WITNESS, logs, system_clock()).unwrap();
    let text = format!("witness self {}\nquorum self\n", witness.public().to_vkey());
    let policy = Policy::parse(text.as_bytes()).unwrap();
    let group = WitnessGroup::new(policy, Some(witness), Duration::from_secs(5)).unwrap();
    let source: Arc<dyn ProofSource> = Arc::clone(&log) as _;
    for count in [3, 1, 256, 100] {
        append(&log, count);
        let fast = SignedCheckpoint::parse(&log.checkpoint_fast().unwrap().note).unwrap();
        let cosigned = group.cosign(&fast, &source).unwrap();
        log.publish(&cosigned.note).unwrap();
        // Idle logs are cosigned again at the same size.
        group.cosign(&fast, &source).unwrap();
    }
    assert_eq!(log.checkpoint().unwrap().size, 360);
    assert_eq!(group.status()[0].last_size, Some(360));
}
