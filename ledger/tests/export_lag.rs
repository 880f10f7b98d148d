//! Nothing is decided or spent while a sink that has to follow does not.

mod common;

use std::path::Path;

use common::Fixture;
use placet_ledger::export::Config;
use placet_ledger::export::run::{Exporter, Places};
use placet_ledger::service::requests::Carried;

const SINK: &str =
    "[[sink]]\nname = \"siem\"\nkind = \"file\"\nformat = \"json\"\npath = \"events.jsonl\"\n";

fn export(root: &Path) {
    let state = Places::usual_state(root);
    let places = Places { dir: root.to_path_buf(), origin: "localhost/test".to_owned(), state };
    let config = Config::parse(SINK, root).unwrap();
    Exporter::start(&places, &config, true).unwrap().run();
}

/// What the service saw of the cursors counts for a second; a minute is never needed.
fn until(done: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 60, "the service does not see what the cursor says");
        std::thread::yield_now();
    }
}

// SPEC.md R-18-11.
#[test]
fn a_service_waits_for_the_sinks_that_have_to_follow() {
    let fixture = Fixture::with(|config| {
        config.export_required = vec!["siem".to_owned()];
        config.export_max_lag_s = 300;
    });
    let root = fixture.tmp.path().join("d");
    // Persons can be enrolled and answer; only deciding and spending wait.
    let mut alice = fixture.bootstrap("Alice");
    let decide = || fixture.ledger.decide(fixture.decision(1), Carried::default());
    let before = fixture.ledger.log(placet_ledger::LogId::Main).size();
    assert_eq!(decide().unwrap_err().code(), "export.lag");
    assert_eq!(fixture.ledger.log(placet_ledger::LogId::Main).size(), before);

    export(&root);
    until(|| decide().is_ok());
    let request = fixture.request(1);
    let cursor = Places::usual_state(&root).join("siem.json");
    let kept = std::fs::read(&cursor).unwrap();
    std::fs::remove_file(&cursor).unwrap();
    until(|| decide().is_err());
    fixture.answer(&request, &mut alice, false);
    let refused = fixture.ledger.consume(&fixture.consume(&request)).unwrap_err();
    assert_eq!(refused.code(), "export.lag");
    std::fs::write(&cursor, kept).unwrap();
    until(|| decide().is_ok());
    // What was refused was not spent.
    assert!(!fixture.ledger.consume(&fixture.consume(&request)).unwrap().repeated);
    // Who does not know whether it was is told, whatever the sinks do.
    std::fs::remove_file(&cursor).unwrap();
    until(|| decide().is_err());
    assert!(fixture.ledger.consume(&fixture.consume(&request)).unwrap().repeated);
}
