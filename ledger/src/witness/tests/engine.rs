//! The decision to cosign.

use super::super::state::{StateStore, origin_hash};
use super::*;
use placet_proto::tlog::merkle::EMPTY_ROOT;
use serde_json::Value;

#[test]
fn the_requests_of_another_implementation_get_their_statuses() {
    let table: Value =
        serde_json::from_str(include_str!("../../../vectors/witness/add-checkpoint.json")).unwrap();
    let origin = table["origin"].as_str().unwrap();
    let raw = hex::decode(table["log_key_hex"].as_str().unwrap()).unwrap();
    let material = KeyMaterial::Ed25519(raw.try_into().unwrap());
    let log = VerifierKey::new(origin, material).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let store = Box::new(FolderStore::open(folder.path()).unwrap());
    let witness =
        Witness::new(key, vec![(origin.to_owned(), vec![log])], store, test_clock().1).unwrap();
    let requests = table["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 12);
    for request in requests {
        let body = request["body"].as_str().unwrap();
        let result = witness.add_checkpoint(body.as_bytes());
        let expected = request.get("strict_status").unwrap_or(&request["status"]);
        assert_eq!(u64::from(status(&result)), *expected, "{}", request["name"]);
        match (&result, request["answer"].as_str()) {
            (Err(refusal), Some(answer)) => {
                assert_eq!(refusal.body(), answer);
                assert_eq!(refusal.media_type(), "text/x.tlog.size");
            }
            (Ok(line), _) => assert!(line.starts_with("\u{2014} example.com/witness ")),
            _ => {}
        }
    }
}

#[test]
fn any_size_is_cosigned_from_zero_on() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(9, 1);
    for (old, new) in [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 9), (9, 9)] {
        let line = witness.add_checkpoint(&log.request(old, new)).unwrap();
        let lines = [SignatureLine::parse(line.trim_end()).unwrap()];
        let signed = log.checkpoint(new);
        let (_, time) = verify_cosignature(witness.public(), signed.note().text(), &lines).unwrap();
        assert_eq!(time, NOW);
    }
}

#[test]
fn the_same_size_is_cosigned_again_with_a_new_time() {
    let folder = tempfile::tempdir().unwrap();
    let (now, clock) = test_clock();
    let witness = witness_of(folder.path(), clock);
    let log = TestLog::new(3, 1);
    let first = witness.add_checkpoint(&log.request(0, 3)).unwrap();
    now.fetch_add(10, Ordering::SeqCst);
    let second = witness.add_checkpoint(&log.request(3, 3)).unwrap();
    assert_ne!(first, second);
    let stored = witness.checkpoint(&origin_hash(ORIGIN)).unwrap().unwrap();
    let expected = [log.checkpoint(3).note().to_bytes(), second.into_bytes()].concat();
    assert_eq!(stored, expected);
}

#[test]
fn a_clock_that_goes_back_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (now, clock) = test_clock();
    let witness = witness_of(folder.path(), clock);
    let log = TestLog::new(3, 1);
    witness.add_checkpoint(&log.request(0, 2)).unwrap();
    for time in [NOW - 1, 0] {
        now.store(time, Ordering::SeqCst);
        assert_eq!(status(&witness.add_checkpoint(&log.request(2, 3))), 503, "{time}");
    }
    now.store(NOW, Ordering::SeqCst);
    assert_eq!(status(&witness.add_checkpoint(&log.request(2, 3))), 200);
}

// SPEC.md R-10-5.
#[test]
fn two_histories_are_never_both_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let (log, fork) = (TestLog::new(9, 1), TestLog::new(9, 2));
    witness.add_checkpoint(&log.request(0, 5)).unwrap();
    for (name, body, expected) in [
        ("same size, another root", fork.request(5, 5), 422),
        ("extension of another history", fork.request(5, 9), 422),
        ("as if never seen", fork.request(0, 5), 409),
        ("rollback", log.request(3, 3), 409),
        ("rollback said openly", log.request(5, 5), 200),
    ] {
        assert_eq!(status(&witness.add_checkpoint(&body)), expected, "{name}");
    }
    let mut request = AddCheckpoint::parse(&log.request(5, 9)).unwrap();
    request.path.push([0; 32]);
    assert_eq!(status(&witness.add_checkpoint(&request.to_bytes().unwrap())), 422);
    assert_eq!(status(&witness.add_checkpoint(&log.request(5, 9))), 200);
}

#[test]
fn size_zero_has_one_root_and_an_empty_path() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(5, 1);
    let mut wrong = Checkpoint::new(ORIGIN, 0, EMPTY_ROOT).unwrap();
    wrong.root = [1; 32];
    let note = log.sign_text(wrong.to_text()).to_bytes();
    let body = AddCheckpoint { old_size: 0, path: vec![], note }.to_bytes().unwrap();
    assert_eq!(status(&witness.add_checkpoint(&body)), 422);
    witness.add_checkpoint(&log.request(0, 0)).unwrap();
    assert_eq!(status(&witness.add_checkpoint(&body)), 422);
    let mut request = AddCheckpoint::parse(&log.request(0, 5)).unwrap();
    request.path.push([0; 32]);
    assert_eq!(status(&witness.add_checkpoint(&request.to_bytes().unwrap())), 422);
}

#[test]
fn extension_lines_and_old_above_new_are_bad_requests() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(5, 1);
    let text = log.checkpoint(3).note().text().to_owned() + "extension\n";
    let note = log.sign_text(text).to_bytes();
    let body = AddCheckpoint { old_size: 0, path: vec![], note }.to_bytes().unwrap();
    assert_eq!(status(&witness.add_checkpoint(&body)), 400);
    let note = log.checkpoint(3).note().to_bytes();
    let body = AddCheckpoint { old_size: 4, path: vec![], note }.to_bytes().unwrap();
    assert_eq!(status(&witness.add_checkpoint(&body)), 400);
    for body in [&b""[..], b"old 0\n", b"\xff", b"old 0\n\nnot a note\n"] {
        assert_eq!(status(&witness.add_checkpoint(body)), 400);
    }
}

#[test]
fn a_forged_line_of_the_witness_does_not_reach_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(5, 1);
    let stranger = CosignerKey::from_seed("stranger.example", &[3; 32]).unwrap();
    let mut note = log.checkpoint(3).note().clone();
    note.set_signature(SignatureLine::new(witness.public(), vec![0; 72]).unwrap()).unwrap();
    note.set_signature(stranger.cosign(1, "something else\n").unwrap()).unwrap();
    let request = AddCheckpoint { old_size: 0, path: vec![], note: note.to_bytes() };
    let line = witness.add_checkpoint(&request.to_bytes().unwrap()).unwrap();
    let stored = witness.checkpoint(&origin_hash(ORIGIN)).unwrap().unwrap();
    let expected = [log.checkpoint(3).note().to_bytes(), line.into_bytes()].concat();
    assert_eq!(stored, expected);
    assert_eq!(status(&witness.add_checkpoint(&log.request(3, 5))), 200);
}

#[test]
fn one_bad_signature_by_a_known_key_refuses_the_note() {
    let folder = tempfile::tempdir().unwrap();
    let log = TestLog::new(5, 1);
    let second = VerifierKey::new(
        ORIGIN,
        KeyMaterial::Ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()),
    )
    .unwrap();
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let store = Box::new(FolderStore::open(folder.path()).unwrap());
    let keys = vec![log.key.clone(), second.clone()];
    let logs = vec![(ORIGIN.to_owned(), keys)];
    let witness = Witness::new(key, logs, store, test_clock().1).unwrap();
    let mut note = log.checkpoint(3).note().clone();
    note.set_signature(SignatureLine::new(&second, vec![0; 64]).unwrap()).unwrap();
    let request = AddCheckpoint { old_size: 0, path: vec![], note: note.to_bytes() };
    assert_eq!(status(&witness.add_checkpoint(&request.to_bytes().unwrap())), 403);
    assert_eq!(status(&witness.add_checkpoint(&log.request(0, 3))), 200);
}

#[test]
fn a_damaged_state_is_refused_and_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(5, 1);
    witness.add_checkpoint(&log.request(0, 5)).unwrap();
    let store = FolderStore::open(&folder.path().join("state")).unwrap();
    let good = store.load(ORIGIN).unwrap().unwrap();
    let older = log.checkpoint(2).note().to_bytes();
    for damaged in [&b""[..], &good[..good.len() - 1], &older] {
        store.save(ORIGIN, damaged).unwrap();
        let refusal = witness.add_checkpoint(&log.request(2, 5)).unwrap_err();
        assert_eq!(refusal.status(), 500);
        assert_eq!(refusal.body(), "internal error\n");
    }
    store.save(ORIGIN, &good).unwrap();
    witness.add_checkpoint(&log.request(5, 5)).unwrap();
}

#[test]
fn of_racing_requests_one_wins_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness_of(folder.path(), test_clock().1);
    let log = TestLog::new(20, 1);
    witness.add_checkpoint(&log.request(0, 5)).unwrap();
    let bodies: Vec<Vec<u8>> = (6..=13).map(|size| log.request(5, size)).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let witness = &witness;
        let ask = |body| scope.spawn(move || status(&witness.add_checkpoint(body)));
        let threads: Vec<_> = bodies.iter().map(Vec::as_slice).map(ask).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 7, "{statuses:?}");
}

#[test]
fn a_folder_serves_one_process_and_its_key_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let log = TestLog::new(3, 1);
    let (folder, public) = WitnessFolder::init(root.path(), WITNESS).unwrap();
    assert_eq!(WitnessFolder::open(root.path()).unwrap_err().code(), "witness.locked");
    folder.add_log(ORIGIN, &log.key.to_vkey()).unwrap();
    folder.add_log("a \"quoted\" origin", &log.key.to_vkey()).unwrap();
    let again = folder.add_log(ORIGIN, &log.key.to_vkey()).unwrap_err();
    assert_eq!(again.code(), "witness.config");
    assert_eq!(folder.add_log("o", &public.to_vkey()).unwrap_err().code(), "witness.config");
    let witness = folder.into_witness(test_clock().1).unwrap();
    assert_eq!(*witness.public(), public);
    assert_eq!(witness.origins().count(), 2);
    assert_eq!(WitnessFolder::open(root.path()).unwrap_err().code(), "witness.locked");
    witness.add_checkpoint(&log.request(0, 3)).unwrap();
    drop(witness);

    let open = || WitnessFolder::open(root.path()).unwrap().into_witness(test_clock().1);
    let key = root.path().join("key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(open().unwrap_err().code(), "witness.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(status(&open().unwrap().add_checkpoint(&log.request(0, 3))), 409);
    assert_eq!(WitnessFolder::init(root.path(), WITNESS).unwrap_err().code(), "witness.io");
}

#[test]
fn a_key_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = CosignerKey::create(&path, WITNESS).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    assert!(good.starts_with("PRIVATE+KEY+example.com/witness+"));
    let loaded = CosignerKey::load(&path).unwrap();
    assert_eq!(loaded.public(), key.public());
    assert_eq!(loaded.cosign(NOW, "text\n").unwrap(), key.cosign(NOW, "text\n").unwrap());
    let other_name = good.replace("witness+", "witnesS+");
    for bad in ["", "PRIVATE+KEY+a+b", &good[..good.len() - 3], &other_name, &good.repeat(2)] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(CosignerKey::load(&path).unwrap_err().code(), "witness.key", "{bad:?}");
    }
    assert_eq!(CosignerKey::create(&path, WITNESS).unwrap_err().code(), "witness.io");
    let spaced = CosignerKey::create(&folder.path().join("other"), "a name").unwrap_err();
    assert_eq!(spaced.code(), "witness.config");
}

#[test]
fn notes_of_other_implementations_verify() {
    let notes = include_str!("../../../../proto/vectors/tlog/notes.json");
    let rows: Vec<Value> = serde_json::from_str(notes).unwrap();
    let mut cosignatures = 0;
    for row in &rows {
        let note = Note::parse(row["note"].as_str().unwrap().as_bytes()).unwrap();
        let other = Note::new(note.text().to_owned() + "more\n").unwrap();
        for expected in row["keys"].as_array().unwrap() {
            let key = VerifierKey::parse(expected["vkey"].as_str().unwrap()).unwrap();
            if let Some(time) = expected["time"].as_u64() {
                let verify = |text| verify_cosignature(&key, text, note.signatures());
                assert_eq!(verify(note.text()).unwrap().1, time);
                assert!(verify(other.text()).is_err());
                cosignatures += 1;
            } else {
                let keys = std::slice::from_ref(&key);
                assert_eq!(verify_log_signatures(keys, &note).unwrap().len(), 1);
                let mut forged = other.clone();
                forged.set_signature(note.signature_of(&key).unwrap().clone()).unwrap();
                assert!(verify_log_signatures(keys, &forged).is_none());
            }
        }
    }
    assert_eq!((rows.len(), cosignatures), (4, 2));
}

#[test]
fn checkpoints_of_a_log_of_another_implementation_are_cosigned() {
    let log: Value =
        serde_json::from_str(include_str!("../../../../proto/vectors/tlog/log.json")).unwrap();
    let key = VerifierKey::parse(log["vkey"].as_str().unwrap()).unwrap();
    let entries = log["entries"].as_array().unwrap();
    let mut ours = TestLog::new(0, 0);
    ours.leaves = entries.iter().map(|e| leaf_hash(e.as_str().unwrap().as_bytes())).collect();
    let folder = tempfile::tempdir().unwrap();
    let store = Box::new(FolderStore::open(folder.path()).unwrap());
    let logs = vec![(key.name().to_owned(), vec![key])];
    let cosigner = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let witness = Witness::new(cosigner, logs, store, test_clock().1).unwrap();
    let mut old_size = 0;
    for (size, note) in (0..).zip(log["checkpoints"].as_array().unwrap()) {
        let path = ours.consistency(old_size, size).unwrap();
        let note = note.as_str().unwrap().as_bytes().to_vec();
        let body = AddCheckpoint { old_size, path, note }.to_bytes().unwrap();
        assert_eq!(status(&witness.add_checkpoint(&body)), 200, "{size}");
        old_size = size;
    }
    assert_eq!(old_size, 15);
}
