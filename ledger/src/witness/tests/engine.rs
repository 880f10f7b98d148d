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
    let witness = folder.witness(test_clock().1).unwrap();
    assert_eq!(*witness.public(), public);
    assert_eq!(witness.origins().count(), 2);
    witness.add_checkpoint(&log.request(0, 3)).unwrap();
    drop(folder);

    let folder = WitnessFolder::open(root.path()).unwrap();
    let key = root.path().join("key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(folder.witness(test_clock().1).unwrap_err().code(), "witness.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let witness = folder.witness(test_clock().1).unwrap();
    assert_eq!(status(&witness.add_checkpoint(&log.request(0, 3))), 409);
    drop(folder);
    assert_eq!(WitnessFolder::init(root.path(), WITNESS).unwrap_err().code(), "witness.io");
}
