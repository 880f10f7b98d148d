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
