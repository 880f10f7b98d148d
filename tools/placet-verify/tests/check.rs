//! `check`: text and JSON of the same result, and what each demand does to it.

mod common;

use common::schema::{validate, verify_result};
use common::{AS_OF, Story, assert_golden};
use placet_proto::json::{self, Json};

#[test]
fn text_of_a_result_that_passed_and_of_one_that_failed() {
    let story = Story::closed();
    let passed = story.check("evidence.placet", &["--action", "action.json"]);
    assert_eq!(passed.code, 0, "{}{}", passed.out, passed.err);
    assert_golden("check-passed.txt", &passed.out, story.dir.path());
    let failed = story.check("evidence.placet", &["--action", "other-action.json"]);
    assert_eq!(failed.code, 1);
    assert!(failed.out.starts_with("FAILED  evidence.placet  [action.mismatch]\n"));
    assert_golden("check-failed.txt", &failed.out, story.dir.path());
}

#[test]
fn json_is_one_line_a_file_and_follows_the_schema() {
    let story = Story::closed();
    story.write("damaged", b"damaged");
    let mut all = ["check", "--json", "--trust", "trust.json", "--as-of", AS_OF].to_vec();
    all.extend(["evidence.placet", "damaged", "absent"]);
    let ran = story.run(all);
    assert_eq!(ran.code, 4);
    let schema = verify_result();
    let results: Vec<Json> =
        ran.out.lines().map(|line| json::parse(line.as_bytes()).unwrap()).collect();
    for result in &results {
        validate(&schema, &schema, result, "result");
    }
    let words: Vec<&str> =
        results.iter().map(|r| r.get("result").and_then(Json::as_str).unwrap()).collect();
    assert_eq!(words, ["passed", "malformed", "io_error"]);
    let codes: Vec<Option<&str>> =
        results.iter().map(|r| r.get("code").and_then(Json::as_str)).collect();
    assert_eq!(codes, [None, Some("bundle.format"), Some("io.error")]);
}

#[test]
fn text_holds_every_check_and_code_of_the_json() {
    let story = Story::closed();
    let demand = ["--action", "other-action.json"];
    let text = story.check("evidence.placet", &demand).out;
    let json = story.check("evidence.placet", &[&demand[..], &["--json"]].concat()).out;
    let json = json::parse(json.trim_end().as_bytes()).unwrap();
    for check in json.get("checks").and_then(Json::as_array).unwrap() {
        for member in ["id", "detail", "expected", "got", "meaning", "next"] {
            if let Some(value) = check.get(member).and_then(Json::as_str) {
                assert!(text.contains(value), "{member} {value}");
            }
        }
    }
    for member in ["not_proved", "caveats"] {
        for item in json.get(member).and_then(Json::as_array).unwrap() {
            assert!(text.contains(item.as_str().unwrap()));
        }
    }
}

#[test]
fn demands_change_the_verdict() {
    let story = Story::closed();
    let check = |more: &[&str]| {
        let ran = story.check("evidence.placet", more);
        (ran.code, ran.out.lines().next().unwrap().to_owned())
    };
    let with = |code: &str| format!("  [{code}]");
    for (more, exit, code) in [
        (vec!["--passkey", "Alice"], 0, None),
        (vec!["--passkey", "Mallory"], 1, Some("passkey.mismatch")),
        (vec!["--between", "2026-11-22T00:00:00Z", "2026-11-22T09:30:00+09:00"], 0, None),
        (
            vec!["--between", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"],
            1,
            Some("time.outside"),
        ),
        (vec!["--denial"], 1, Some("answer.approved")),
        (vec!["--require", "witness.independent"], 0, None),
        (vec!["--require", "consumption.unique"], 3, Some("consumption.not_checked")),
        (vec!["--require", "no.such_check"], 3, Some("trust.require_unknown")),
    ] {
        let (ran, first) = check(&more);
        assert_eq!(ran, exit, "{more:?}: {first}");
        assert!(code.is_none_or(|code| first.ends_with(&with(code))), "{more:?}: {first}");
    }
    let backwards = ["--between", "2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z"];
    assert_eq!(story.check("evidence.placet", &backwards).code, 2);
    assert_eq!(story.check("evidence.placet", &["--between", "now", "then"]).code, 2);
}

#[test]
fn the_trust_file_decides() {
    let story = Story::closed();
    let mut trust = story.trust();
    trust.allow_dev = false;
    story.write("trust.json", &trust.encode());
    let ran = story.check("evidence.placet", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("FAILED  evidence.placet  [trust.dev_log]\n"), "{}", ran.out);

    let mut trust = story.trust();
    for log in &mut trust.logs {
        log.origin = log.origin.replace("example.org", "example.com");
    }
    story.write("trust.json", &trust.encode());
    let ran = story.check("evidence.placet", &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("[trust.log_unknown]"), "{}", ran.out);

    story.write("trust.json", b"{}");
    let ran = story.check("evidence.placet", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (4, ""));
    assert_eq!(story.run(["check", "evidence.placet"]).code, 2, "no trust file, no verdict");
}

#[test]
fn quiet_says_the_verdict_and_what_must_not_be_left_out() {
    let story = Story::closed();
    let ran = story.check("evidence.placet", &["--quiet"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "PASSED  evidence.placet");
    assert!(lines[1].contains("DEVELOPMENT LEDGER"));
    assert_eq!(lines.len(), 2);
}
