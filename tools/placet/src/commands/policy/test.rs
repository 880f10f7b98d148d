//! `policy test`: requests with the answers that their author expects.
//!
//! The file is that of the AuthZEN working group's interoperability scenarios, with one more
//! answer:
//!
//! ```json
//! {"evaluation": [{"name": "read", "request": {"subject": {}, "action": {}, "resource": {}},
//!                  "expected": true}]}
//! ```
//!
//! `expected` is true, false, or `"requestable"`: denied, and a person can change that. A case may
//! bring an `approval` as the log would hold one (`method`, `approvers`, `user_verified`,
//! `age_seconds`, and `other_action` for one that is of something else), and `entities` in place of
//! those of the store that have the same names.

use std::path::Path;

use placet_pep::pdp::Outcome;
use placet_pep::policy::PolicyFiles;
use placet_proto::json::{self, Json};
use placet_verify::escape;
use serde::Serialize;

use super::case::Tester;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Where the cases are if nothing else is said, in the folder; no part of the policy.
const CASES: &str = "tests.json";
/// The most cases in a file.
const MAX_CASES: usize = 10_000;

/// Decides every case and compares.
///
/// # Errors
/// `policy.*`; `policy.cases` for a file of another shape; those of reading it.
pub fn run(
    folder: &Path,
    cases: Option<&Path>,
    trust: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let tester = Tester::new(PolicyFiles::read(folder)?, trust)?;
    let default = folder.join(CASES);
    let path = cases.unwrap_or(&default);
    let text = std::fs::read(path).map_err(Failure::io(path))?;
    let file = json::parse(&text).map_err(|e| malformed(path, e.to_string()))?;
    let cases = file.get("evaluation").and_then(Json::as_array);
    let cases = cases.filter(|cases| (1..=MAX_CASES).contains(&cases.len()));
    let cases = cases.ok_or_else(|| {
        malformed(path, format!("`evaluation` is a list of 1 to {MAX_CASES} cases"))
    })?;
    let mut tested = Tested { schema: "placet/policy-test/v1", passed: 0, failed: Vec::new() };
    for (at, case) in cases.iter().enumerate() {
        match judge(&tester, case).map_err(|text| malformed(path, format!("case {at}: {text}")))? {
            None => tested.passed = tested.passed.saturating_add(1),
            Some(failed) => tested.failed.push(Case { at, ..failed }),
        }
    }
    let passed = tested.failed.is_empty();
    output.show(&tested)?;
    Ok(if passed { Exit::Done } else { Exit::Refused })
}

/// A case that has another answer than was expected.
fn judge(tester: &Tester, case: &Json) -> Result<Option<Case>, String> {
    let expected = match case.get("expected") {
        Some(Json::Bool(true)) => "true",
        Some(Json::Bool(false)) => "false",
        Some(Json::String(text)) if text == "requestable" => "requestable",
        _ => return Err("`expected` is true, false or \"requestable\"".to_owned()),
    };
    let evaluation = tester.decide(case)?;
    let (actual, why) = match &evaluation.outcome {
        Outcome::Permit(_) => ("true", String::new()),
        Outcome::Requestable(_) => ("requestable", String::new()),
        Outcome::Deny(denial) => ("false", format!("{}: {}", denial.code, denial.detail)),
    };
    // A denial that can be asked about is a denial still, for who does not ask.
    if actual == expected || (actual, expected) == ("requestable", "false") {
        return Ok(None);
    }
    let name = case.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    let determining = evaluation.determining;
    Ok(Some(Case { at: 0, name, expected, actual, determining, why }))
}

fn malformed(path: &Path, detail: String) -> Failure {
    Failure::Malformed { what: path.display().to_string(), code: "policy.cases", detail }
}

#[derive(Debug, Serialize)]
struct Tested {
    schema: &'static str,
    passed: usize,
    failed: Vec<Case>,
}

#[derive(Debug, Serialize)]
struct Case {
    /// Where it stands in the file, from 0.
    at: usize,
    name: String,
    expected: &'static str,
    actual: &'static str,
    determining: Vec<String>,
    why: String,
}

impl Shown for Tested {
    fn text(&self) -> String {
        let mut out = String::new();
        for case in &self.failed {
            let by = case.determining.join(", ");
            let line = format!(
                "case {} {}: expected {}, is {}  {by} {}",
                case.at, case.name, case.expected, case.actual, case.why
            );
            out.push_str(&format!("{}\n", escape::line(line.trim_end())));
        }
        out + &format!("{} passed, {} failed\n", self.passed, self.failed.len())
    }
}
