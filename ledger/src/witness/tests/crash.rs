//! Killed between storing and answering.
//!
//! The test runs itself as another process, which stores and then aborts, as a kill would. Then
//! the log asks again: it must get its cosignature, and a fork must not.

use super::super::state::{StateStore, origin_hash};
use super::*;
use std::process::Command;

const FOLDER: &str = "PLACET_TEST_CRASH_FOLDER";
const WHEN: &str = "PLACET_TEST_CRASH_WHEN";

/// Dies before or after the note is durable.
struct Dying {
    store: FolderStore,
    after: bool,
}

impl StateStore for Dying {
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, Error> {
        self.store.load(origin)
    }

    fn save(&self, origin: &str, note: &[u8]) -> Result<(), Error> {
        if self.after {
            self.store.save(origin, note)?;
        }
        std::process::abort()
    }
}

/// Does nothing unless it is started by the test below.
#[test]
fn child_that_dies() {
    let (Ok(folder), Ok(when)) = (std::env::var(FOLDER), std::env::var(WHEN)) else { return };
    let store = FolderStore::open(&Path::new(&folder).join("state")).unwrap();
    let dying = Dying { store, after: when == "after" };
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let log = TestLog::new(9, 1);
    let logs = vec![(ORIGIN.to_owned(), vec![log.key.clone()])];
    let witness = Witness::new(key, logs, Box::new(dying), test_clock().1).unwrap();
    let _ = witness.add_checkpoint(&log.request(3, 9));
    unreachable!("it must not answer");
}

// SPEC.md R-10-5.
#[test]
fn a_kill_around_the_store_loses_no_answer_and_allows_no_fork() {
    for (when, size) in [("before", 3), ("after", 9)] {
        let folder = tempfile::tempdir().unwrap();
        let (log, fork) = (TestLog::new(9, 1), TestLog::new(9, 2));
        let client = || {
            let witness = Arc::new(witness_of(folder.path(), test_clock().1));
            (Arc::clone(&witness), builtin::client(witness))
        };
        client().1.cosign(&log.checkpoint(3), &log).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "witness::tests::crash::child_that_dies", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(WHEN, when)
            .output()
            .unwrap();
        assert!(child.status.code().is_none(), "not killed: {child:?}");

        // What a write cut short leaves behind is not looked at.
        let torn = folder.path().join("state").join(origin_hash(ORIGIN)).with_extension("tmp");
        std::fs::write(torn, "torn").unwrap();
        let (witness, client) = client();
        let refusal = witness.add_checkpoint(&log.request(0, 9)).unwrap_err();
        assert!(matches!(refusal, Refusal::Conflict { size: held } if held == size), "{when}");
        let error = client.cosign(&fork.checkpoint(9), &fork).unwrap_err();
        assert_eq!(error.code(), "witness.fork", "{when}");
        client.cosign(&log.checkpoint(9), &log).unwrap();
    }
}
