//! The verifier's vectors through the program: exit code, first line, JSON.

mod common;

use std::fs;
use std::path::Path;

use common::run_in;
use common::schema::{validate, verify_result};
use placet_proto::json::{self, Json};
use placet_proto::time::UnixSeconds;

#[test]
fn every_vector_has_its_exit_code_in_text_and_json() {
    let schema = verify_result();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verifier/vectors/bundles");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let dir = entry.unwrap().path();
        let expected = json::parse(&fs::read(dir.join("expected.json")).unwrap()).unwrap();
        let word = |name: &str| expected.get(name).and_then(Json::as_str);
        let verdict = word("verdict").unwrap();
        let (exit, printed) = match verdict {
            "passed" => (0, "PASSED"),
            "failed" => (1, "FAILED"),
            "indeterminate" => (3, "INDETERMINATE"),
            "malformed" => (4, "MALFORMED"),
            "log_misbehaved" => (6, "LOG MISBEHAVED"),
            other => panic!("{other}"),
        };
        let arguments = arguments(&dir, &expected);
        let text = run_in(&dir, &arguments);
        assert_eq!(text.code, exit, "{}: {}{}", dir.display(), text.out, text.err);
        let code = word("code").map(|code| format!("  [{code}]")).unwrap_or_default();
        let first = format!("{printed}  bundle.placet{code}");
        assert_eq!(text.out.lines().next(), Some(first.as_str()), "{}", dir.display());

        let json = run_in(&dir, arguments.iter().map(String::as_str).chain(["--json"]));
        assert_eq!(json.code, exit);
        let result = json::parse(json.out.trim_end().as_bytes()).unwrap();
        validate(&schema, &schema, &result, "result");
        assert_eq!(result.get("result").and_then(Json::as_str), Some(verdict));
        assert_eq!(result.get("code").and_then(Json::as_str), word("code"));
        seen += 1;
    }
    assert!(seen > 50, "only {seen} vectors");
}

/// The command line that asks what the vector asks.
fn arguments(dir: &Path, expected: &Json) -> Vec<String> {
    let utc = |seconds: &Json| UnixSeconds(seconds.as_u64().unwrap()).to_string();
    let mut words: Vec<String> =
        ["check", "bundle.placet", "--trust", "trust.json"].map(str::to_owned).to_vec();
    words.extend(["--as-of".to_owned(), utc(expected.get("as_of").unwrap())]);
    if dir.join("action.json").is_file() {
        words.extend(["--action", "action.json"].map(str::to_owned));
    }
    if let Some(passkey) = expected.get("passkey").and_then(Json::as_str) {
        words.extend(["--passkey", passkey].map(str::to_owned));
    }
    if let Some(between) = expected.get("between").and_then(Json::as_array) {
        words.push("--between".to_owned());
        words.extend(between.iter().map(utc));
    }
    if expected.get("denial").and_then(Json::as_bool) == Some(true) {
        words.push("--denial".to_owned());
    }
    words
}
