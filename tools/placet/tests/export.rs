//! A ledger's folder as events, and these against the folder.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{expect, expect_json, text};
use placet_verify::reconcile;

struct Demo {
    _tmp: tempfile::TempDir,
    dir: PathBuf,
}

impl Demo {
    fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("demo");
        expect(0, &["demo", "--passkey", "software", "--dir", dir.to_str().unwrap()]);
        Self { _tmp: tmp, dir }
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().unwrap().to_owned()
    }

    fn backfill(&self, out: &str, more: &[&str]) -> Vec<u8> {
        let (dir, out) = (self.dir.to_str().unwrap(), self.path(out));
        let base = ["export", "backfill", "--dir", dir, "--out", &out];
        expect(0, &[&base, more].concat());
        fs::read(out).unwrap()
    }

    fn reconciled(&self, events: &str) -> (u8, Option<&'static str>) {
        let checked = reconcile(&self.dir, Path::new(&self.path(events))).unwrap();
        (checked.exit.code(), checked.code)
    }
}

#[test]
fn a_backfill_is_the_same_twice_and_each_change_of_it_is_found() {
    // [R-18-2]
    let demo = Demo::new();
    for format in ["ocsf", "ocsf-1.8", "cef", "leef", "ecs", "cloudevents", "json"] {
        let first = demo.backfill("first", &["--format", format]);
        assert_eq!(demo.backfill("second", &["--format", format]), first, "{format}");
        assert_eq!(demo.reconciled("first"), (0, None), "{format}");
    }
    let whole = String::from_utf8(demo.backfill("whole", &["--format", "json"])).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 12, "{whole}");
    let write = |lines: &[&str]| fs::write(demo.path("copy"), lines.join("\n") + "\n").unwrap();
    for at in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        write(&fewer);
        assert_eq!(demo.reconciled("copy").0, 1, "without line {at}");
        let changed = lines[at].replacen("\"severity\":\"", "\"severity\":\"Not ", 1);
        let mut altered = lines.clone();
        altered[at] = &changed;
        write(&altered);
        assert_eq!(demo.reconciled("copy"), (1, Some("event.altered")), "line {at}");
        let mut doubled = lines.clone();
        doubled.insert(at + 1, &changed);
        write(&doubled);
        assert_eq!(demo.reconciled("copy"), (1, Some("event.altered")), "line {at} twice");
        let mut repeated = lines.clone();
        repeated.insert(at + 1, lines[at]);
        write(&repeated);
        assert_eq!(demo.reconciled("copy"), (0, None), "line {at} repeated");
    }
}

#[test]
fn the_key_is_made_once_and_content_is_shown_only_where_that_is_asked_for() {
    // [R-18-3]
    let demo = Demo::new();
    let hidden = String::from_utf8(demo.backfill("a", &["--format", "json"])).unwrap();
    let key = fs::metadata(demo.path("keys/export-hash")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let dir = demo.dir.to_str().unwrap().to_owned();
    expect(0, &["export", "hash-key", "--dir", &dir, "--out", &demo.path("key")]);
    assert_eq!(
        fs::read(demo.path("key")).unwrap(),
        fs::read(demo.path("keys/export-hash")).unwrap()
    );
    let given = ["--format", "json", "--hash-key", &demo.path("key")];
    assert_eq!(String::from_utf8(demo.backfill("b", &given)).unwrap(), hidden);

    let plain = demo.backfill("c", &["--format", "json", "--field", "detail=plain"]);
    assert_ne!(String::from_utf8(plain).unwrap(), hidden);
    assert_eq!(demo.reconciled("c"), (0, None));
    let refused = |field: &str| {
        let out = demo.path("d");
        let base = ["export", "backfill", "--dir", &dir, "--out", &out, "--field", field];
        expect(2, &base);
        assert!(!Path::new(&out).exists());
    };
    refused("action_digest=plain");
    refused("nonsense=plain");
    refused("detail=shown");

    // Only one of the logs; a copy that `log export` wrote; without its key.
    let copies = demo.path("copies");
    expect(0, &["log", "export", "--dir", &dir, "--log", "both", "--out", &copies]);
    let checked = reconcile(Path::new(&copies), Path::new(&demo.path("a"))).unwrap();
    assert_eq!((checked.exit.code(), checked.code), (3, Some("event.hashes")));
    let main = demo.backfill("main", &["--format", "json", "--log", "main"]);
    assert!(main.len() < hidden.len());
    assert_eq!(demo.reconciled("main"), (1, Some("event.chain")));
    let said = expect_json(
        0,
        &["export", "backfill", "--dir", &dir, "--out", &demo.path("e"), "--format", "cef"],
    );
    assert_eq!(text(&said, &["schema"]), "placet/export-backfill/v1");
}
