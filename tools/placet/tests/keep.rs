//! Keeping a folder: backup, restore, rebuilding, freezing, on the command line.

mod common;

use common::{Ledger, expect, expect_json, text};

#[test]
fn a_ledger_is_backed_up_restored_rebuilt_and_frozen() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    // While it runs.
    let (backup, restored) = (ledger.path("backup"), ledger.path("restored"));
    let made = expect_json(0, &["log", "backup", "--dir", &ledger.dir, "--out", &backup]);
    assert_eq!(text(&made, &["schema"]), "placet/log-backup/v1");
    expect(1, &["log", "backup", "--dir", &ledger.dir, "--out", &backup]);
    assert_eq!(server.terminate(), Some(0));

    let restore = ["log", "restore", "--from", &backup, "--dir", &restored];
    expect(2, &restore);
    // Somebody holds a checkpoint of a log that was longer.
    let note = std::fs::read_to_string(format!("{}/log/checkpoint", ledger.dir)).unwrap();
    let mut lines: Vec<&str> = note.split('\n').collect();
    lines[1] = "1000";
    let newer = ledger.path("newer");
    std::fs::write(&newer, lines.join("\n")).unwrap();
    let behind = expect_json(1, &[&restore[..], &["--checkpoint", &newer]].concat());
    assert_eq!(text(&behind, &["code"]), "log.rollback");
    assert!(!std::path::Path::new(&restored).join("FORMAT").exists());
    expect(0, &[&restore[..], &["--old", &ledger.dir]].concat());

    expect(0, &["log", "rebuild-index", "--dir", &restored]);
    expect(0, &["log", "fsck", &restored]);
    let shown = |dir: &str| expect_json(0, &["log", "show", "--dir", dir, "0"]);
    assert_eq!(text(&shown(&restored), &["entry"]), text(&shown(&ledger.dir), &["entry"]));
    let tail = expect(0, &["log", "tail", "--dir", &restored]);
    assert!(tail.contains(&request), "{tail}");

    expect(0, &["log", "freeze", "--dir", &restored, "--reason", "moved"]);
    let refused = expect_json(1, &["serve", "--dir", &restored, "--listen", "127.0.0.1:0"]);
    assert_eq!(text(&refused, &["code"]), "dir.frozen");
    expect(0, &["log", "fsck", "--dir", &restored]);
    expect(2, &["log", "fsck"]);
}

/// 0 clean, 1 findings; what is no ledger is neither.
#[test]
fn fsck_tells_findings_from_a_folder_that_is_no_ledger() {
    let ledger = Ledger::new();
    ledger.init();
    let clean = expect_json(0, &["log", "fsck", &ledger.dir]);
    assert_eq!(clean.get("clean").and_then(placet_proto::json::Json::as_bool), Some(true));
    let (missing, foreign) = (ledger.path("missing"), ledger.path("foreign"));
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(format!("{foreign}/thesis.tex"), "").unwrap();
    for dir in [&missing, &foreign] {
        let refused = expect_json(5, &["log", "fsck", dir]);
        assert_eq!(text(&refused, &["code"]), "dir.format");
    }
    std::fs::write(format!("{foreign}/FORMAT"), "placet/9\n").unwrap();
    assert_eq!(text(&expect_json(5, &["log", "fsck", &foreign]), &["code"]), "dir.format");
    std::fs::remove_file(format!("{}/log/checkpoint", ledger.dir)).unwrap();
    let findings = expect(1, &["log", "fsck", &ledger.dir]);
    assert!(findings.contains("checkpoint.stale") && findings.contains("NOT CLEAN"), "{findings}");
}

/// Each of the two logs alone can be behind.
#[test]
fn a_backup_behind_either_log_is_refused() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let backup = ledger.path("backup");
    expect(0, &["log", "backup", "--dir", &ledger.dir, "--out", &backup]);
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    ledger.request(&server);
    assert_eq!(server.terminate(), Some(0));
    for (newer, other) in [("log", "gov"), ("gov", "log")] {
        // A note of the one log as it ended, and one of the other as it was backed up.
        let now = format!("{}/{newer}/checkpoint-fast", ledger.dir);
        let then = format!("{}/{other}/checkpoint", backup_dir(&ledger, &backup));
        let restored = ledger.path(&format!("restored-{newer}"));
        let behind = expect_json(
            1,
            &["log", "restore", "--from", &backup, "--dir", &restored, "--checkpoint", &now]
                .into_iter()
                .chain(["--checkpoint", then.as_str()])
                .collect::<Vec<_>>(),
        );
        assert_eq!(text(&behind, &["code"]), "log.rollback", "{newer}");
        assert!(!std::path::Path::new(&restored).join("FORMAT").exists());
    }
}

/// The ledger as it was backed up.
fn backup_dir(ledger: &Ledger, backup: &str) -> String {
    let old = ledger.path("old");
    if !std::path::Path::new(&old).exists() {
        expect(0, &["log", "restore", "--from", backup, "--dir", &old, "--nothing-known"]);
    }
    old
}
