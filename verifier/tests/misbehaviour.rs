//! Evidence that a log misbehaved: the vectors, and that no changed byte convinces of more.

use std::fs;
use std::path::Path;

use placet_forge::misbehaviour as forged;
use placet_proto::json::{self, Json};
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::trust::TrustFile;
use placet_verifier::misbehaviour::{LogKeys, shown};
use placet_verifier::notes::LogTrust;
use proptest::prelude::*;

fn log_trust() -> LogTrust {
    let trust = TrustFile::parse(&forged::trust()).unwrap();
    let main = trust.logs.iter().find(|log| !log.origin.ends_with("/gov")).unwrap();
    LogTrust::new(main).unwrap()
}

/// Verdict and code, as in expected.json.
fn judge(bytes: &[u8], trust: &LogTrust) -> (&'static str, &'static str) {
    match Misbehaviour::parse(bytes) {
        Err(e) => ("malformed", e.code()),
        Ok(evidence) => match shown(&evidence, LogKeys::Trusted(trust)) {
            Ok(_) => ("log_misbehaved", "log.equivocation"),
            Err(problem) => ("failed", problem.code),
        },
    }
}

// [R-6.7-2] [R-6.7-3]
#[test]
fn every_case_has_its_verdict() {
    let trust = log_trust();
    for case in forged::cases() {
        assert_eq!(judge(&case.bytes, &trust), (case.verdict, case.code), "{}", case.name);
    }
}

#[test]
fn the_vectors_are_those_of_the_forge() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/misbehaviour");
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    assert_eq!(read("trust.json"), forged::trust());
    assert_eq!(read("expected.json"), forged::expected());
    let expected = json::parse(&read("expected.json")).unwrap();
    let cases = forged::cases();
    assert_eq!(expected.as_object().map(<[(String, Json)]>::len), Some(cases.len()));
    for case in cases {
        assert_eq!(read(&format!("{}.evidence.json", case.name)), case.bytes, "{}", case.name);
    }
}

#[test]
fn a_key_outside_its_window_is_no_excuse_and_another_log_s_key_is_none() {
    let cases = forged::cases();
    let guilty = &cases[0].bytes;
    let mut trust = log_trust();
    let mut log = trust.log.clone();
    for key in &mut log.keys {
        key.until_size = Some(1);
    }
    trust = LogTrust::new(&log).unwrap();
    assert_eq!(judge(guilty, &trust).0, "log_misbehaved");
    log.keys.retain(|key| key.purpose != placet_proto::document::Purpose::Checkpoint);
    assert_eq!(judge(guilty, &LogTrust::new(&log).unwrap()), ("failed", "log.checkpoint"));
}

proptest! {
    // Who changes a byte of an honest log's file does not make a liar of it.
    #[test]
    fn no_changed_byte_makes_an_innocent_log_guilty(at in any::<prop::sample::Index>(), to: u8) {
        let trust = log_trust();
        let cases = forged::cases();
        for case in cases.iter().filter(|case| case.verdict != "log_misbehaved") {
            let mut bytes = case.bytes.clone();
            let at = at.index(bytes.len());
            bytes[at] = to;
            prop_assert_ne!(judge(&bytes, &trust).0, "log_misbehaved", "{} at {}", case.name, at);
        }
    }
}
