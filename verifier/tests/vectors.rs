//! The vectors in `vectors/bundles/`: one verdict and code each, read from the files alone, as a
//! second implementation would.

use std::fs;
use std::path::{Path, PathBuf};

use placet_proto::action::Action;
use placet_proto::json::{self, Json};
use placet_proto::trust::TrustFile;
use placet_verifier::{Malformed, Options, Report, Verdict, codes, verify_bundle};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/bundles")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn check(name: &str) -> (Json, Result<Report, Malformed>) {
    let dir = folder().join(name);
    let read = |file: &str| fs::read(dir.join(file)).unwrap();
    let expected = json::parse(&read("expected.json")).unwrap();
    let number = |j: &Json| j.as_u64().unwrap();
    let options = Options {
        as_of: expected.get("as_of").map(number).unwrap(),
        action: fs::read(dir.join("action.json"))
            .ok()
            .map(|b| Action::from_document(&json::parse(&b).unwrap()).unwrap()),
        passkey: expected.get("passkey").and_then(Json::as_str).map(str::to_owned),
        between: expected
            .get("between")
            .and_then(Json::as_array)
            .map(|b| (number(&b[0]), number(&b[1]))),
        expect_denial: expected.get("denial").and_then(Json::as_bool).unwrap(),
        ..Options::default()
    };
    let trust = TrustFile::parse(&read("trust.json")).unwrap();
    (expected, verify_bundle(&read("bundle.placet"), &trust, &options))
}

#[test]
fn every_vector_gives_its_verdict_and_code() {
    let mut wrong = Vec::new();
    for name in names() {
        let (expected, result) = check(&name);
        let (verdict, code) = match &result {
            Ok(report) => (report.verdict, report.code),
            Err(malformed) => (Verdict::Malformed, Some(malformed.code)),
        };
        let word = serde_json::to_value(verdict).unwrap();
        let right = expected.get("verdict").and_then(Json::as_str) == word.as_str()
            && expected.get("code").and_then(Json::as_str) == code;
        if !right {
            wrong.push(format!("{name}: {} {code:?}\n{result:#?}", verdict.word()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names().len() > 90, "vectors are missing");
}

#[test]
fn every_code_that_a_check_can_carry_is_in_the_table() {
    for name in names() {
        if let (_, Ok(report)) = check(&name) {
            for check in &report.checks {
                if let Some(code) = check.code {
                    assert!(codes::find(code).is_some(), "{name}: {code}");
                }
            }
        }
    }
}

#[test]
fn the_files_are_those_that_the_forge_makes() {
    for vector in placet_forge::scenarios::all() {
        for (file, bytes) in vector.files() {
            let path = folder().join(vector.name).join(file);
            let found = fs::read(&path).unwrap_or_default();
            assert!(found == bytes, "{} is stale: run `cargo xtask vectors`", path.display());
        }
    }
}
