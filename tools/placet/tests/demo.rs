//! The demonstration, twice on one folder.

mod common;

use common::{expect, expect_json, text, verify};
use placet_ledger::witness::WitnessFolder;
use placet_proto::action::Action;
use placet_proto::json;
use placet_proto::trust::TrustFile;
use placet_verifier::{Options, Verdict};

#[test]
fn the_demonstration_runs_twice_on_one_folder_and_its_evidence_verifies() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("demo");
    let args = ["demo", "--passkey", "software", "--dir", dir.to_str().unwrap()];
    let trust = dir.join("trust.json");
    let read_trust = || TrustFile::parse(&std::fs::read(&trust).unwrap()).unwrap();

    let first = expect_json(0, &args);
    assert_eq!((text(&first, &["result"]), text(&first, &["passkey"])), ("passed", "software"));
    let settings = std::fs::read_to_string(dir.join("placet.toml")).unwrap();
    let first_trust = read_trust();
    assert!(first_trust.allow_dev);
    assert!(first_trust.origins.contains(&"cli://localhost".to_owned()));
    assert!(first_trust.origins.iter().any(|o| o.starts_with("http://localhost:")));
    assert_eq!(first_trust.roots.len(), 1);

    // What the user of the trust file has added stays.
    let mine = TrustFile { rp_ids: vec!["a".into(), "localhost".into()], ..first_trust.clone() };
    std::fs::write(&trust, mine.encode()).unwrap();
    let second = expect_json(0, &args);
    assert_eq!(text(&second, &["result"]), "passed");
    assert_ne!(text(&second, &["request"]), text(&first, &["request"]));
    assert_eq!(text(&second, &["credential"]), text(&first, &["credential"]));
    assert_eq!(read_trust(), mine);
    let port = |text: &str| {
        text.lines().find(|line| line.starts_with("listen")).map(str::to_owned).unwrap()
    };
    let again = std::fs::read_to_string(dir.join("placet.toml")).unwrap();
    assert_eq!(port(&again), port(&settings));

    // Witnesses have a folder each, and are gone: their locks are free.
    for name in ["one", "two"] {
        WitnessFolder::open(&dir.join("witness").join(name)).unwrap();
    }
    let action = |name: &str| {
        let bytes = std::fs::read(dir.join(name)).unwrap();
        let action = Action::from_request(&json::parse(&bytes).unwrap()).unwrap();
        Options { action: Some(action), ..Options::default() }
    };
    let bundle = dir.join("evidence.placet");
    let passed = verify(&bundle, &trust, action("action.json"));
    assert_eq!(passed.verdict, Verdict::Passed, "{:?}", passed.code);
    let failed = verify(&bundle, &trust, action("other-action.json"));
    assert_eq!((failed.verdict, failed.code), (Verdict::Failed, Some("action.mismatch")));

    // With a copy of the log, that the approval was spent once is shown too.
    let copy = dir.join("copy");
    let export = ["log", "export", "--dir", args[4], "--out", copy.to_str().unwrap()];
    let exported = expect_json(0, &export);
    assert!(exported.get("size").unwrap().as_u64() > Some(3));
    let checked = placet_verify::check(&bundle, &trust, Some(&copy)).unwrap();
    assert_eq!(checked.exit.code(), 0, "{}", checked.text);
    assert!(checked.text.contains("1 executions of the request in"), "{}", checked.text);
    assert_eq!(text(&expect_json(1, &export), &["code"]), "dir.not_empty");

    // Both logs as wholes: two requests, each approved, executed, with its outcome.
    let copies = dir.join("copies");
    let both = ["log", "export", "--dir", args[4], "--log", "both", "--out"];
    expect(0, &[&both[..], &[copies.to_str().unwrap()]].concat());
    let audited = placet_verify::audit(&copies, &trust).unwrap();
    assert_eq!(audited.exit.code(), 0, "{}", audited.text);
    assert!(audited.text.contains("2 requests"), "{}", audited.text);

    let strict = TrustFile { allow_dev: false, ..read_trust() };
    std::fs::write(&trust, strict.encode()).unwrap();
    let failed = verify(&bundle, &trust, Options::default());
    assert_eq!((failed.verdict, failed.code), (Verdict::Failed, Some("trust.dev_log")));
}
