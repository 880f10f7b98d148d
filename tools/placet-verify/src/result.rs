//! The result of `check` for one file: the struct from which both text and JSON are made
//! (`proto/schema/verify-result.schema.json`).

use placet_proto::b64;
use placet_proto::time::UnixSeconds;
use placet_verifier::{
    AnswerFacts, Check, ErasedFacts, ExecutionFacts, Report, RequestFacts, Status,
};
use serde::Serialize;

use crate::codes;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::input::Input;
use crate::trust::{GivenTrust, WORTH};

/// `schema` of the JSON output.
pub const SCHEMA: &str = "placet/verify-result/v1";

/// What stays open whatever the verdict is (SPEC.md 16).
pub const NOT_PROVED: &[&str] = &[
    "that the person read or understood the request: what was signed is bound, not seen",
    "that the action ran, or ran once and as stated: execution and outcome are the word of the \
     enforcement point",
    "that nothing else ran: what goes around the enforcement point leaves no trace here",
    "that the surface, the key class and times called `at` are true: they are the service's word",
];

/// The result for one file.
#[derive(Debug, Clone, Serialize)]
pub struct FileResult {
    pub schema: &'static str,
    pub input: InputFacts,
    pub result: &'static str,
    pub exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why there are no checks: the file could not be read, or not as a bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub caveats: Vec<String>,
    pub requests: Vec<RequestView>,
    pub checks: Vec<CheckView>,
    pub not_checked: Vec<&'static str>,
    pub not_proved: &'static [&'static str],
    pub unknown_signatures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumption: Option<String>,
    pub trust: TrustFacts,
    pub as_of: String,
    pub tool: Tool,
    #[serde(skip)]
    pub exit: Exit,
}

/// The file that was judged.
#[derive(Debug, Clone, Serialize)]
pub struct InputFacts {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What the judgement rests on.
#[derive(Debug, Clone, Serialize)]
pub struct TrustFacts {
    pub path: String,
    pub sha256: String,
    pub expires: Option<String>,
    pub worth: &'static str,
}

/// This program.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
}

/// One check with what the code table says about it.
#[derive(Debug, Clone, Serialize)]
pub struct CheckView {
    #[serde(flatten)]
    pub check: Check,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<&'static str>,
}

/// What the evidence says about one request, times in RFC 3339.
#[derive(Debug, Clone, Serialize)]
pub struct RequestView {
    pub request: String,
    pub answer: Option<&'static str>,
    pub answers: Vec<AnswerView>,
    pub action: Option<String>,
    pub action_digest: Option<String>,
    pub audience: Option<String>,
    pub initiator: Option<String>,
    pub not_after: Option<String>,
    pub policy_index: Option<u64>,
    pub policy_manifest: Option<String>,
    pub execution: Option<ExecutionView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedFacts>,
}

/// One person's answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerView {
    pub person: String,
    pub name: Option<String>,
    pub credential: String,
    pub key_class: Option<&'static str>,
    pub lineage: Vec<String>,
    pub surface: String,
    pub origin: Option<String>,
    pub document_sha256: String,
    pub index: u64,
    pub not_before: Option<String>,
    pub before: Option<String>,
}

/// An execution and its outcome, by the PEP's word.
#[derive(Debug, Clone, Serialize)]
pub struct ExecutionView {
    pub index: u64,
    pub not_before: Option<String>,
    pub before: Option<String>,
    pub outcome: Option<&'static str>,
    pub outcome_index: Option<u64>,
}

impl FileResult {
    /// The result of a verification that ran.
    pub fn of_report(
        input: &Input,
        report: Report,
        trust: &GivenTrust,
        as_of: UnixSeconds,
    ) -> Self {
        let mut result = Self::empty(report.verdict.into(), shown(&input.path), trust, as_of);
        result.input.sha256 = Some(b64::encode_hex(input.sha256));
        result.code = report.code;
        result.not_checked = report.not_checked().map(|c| c.id).fold(Vec::new(), |mut ids, id| {
            if !ids.contains(&id) {
                ids.push(id);
            }
            ids
        });
        result.caveats = report.caveats;
        result.requests = report.requests.into_iter().map(RequestView::from).collect();
        result.checks = report.checks.into_iter().map(CheckView::from).collect();
        result.unknown_signatures = report.unknown_signatures;
        result.assumption = Some(report.assumption);
        result
    }

    /// The result for a file that could not be read, or not as a bundle.
    pub fn of_failure(
        path: String,
        failure: &Failure,
        trust: &GivenTrust,
        as_of: UnixSeconds,
    ) -> Self {
        let mut result = Self::empty(failure.exit(), path, trust, as_of);
        result.code = failure.code();
        result.detail = Some(failure.to_string());
        result
    }

    fn empty(exit: Exit, path: String, trust: &GivenTrust, as_of: UnixSeconds) -> Self {
        Self {
            schema: SCHEMA,
            input: InputFacts { path, sha256: None },
            result: exit.result(),
            exit_code: exit.code(),
            code: None,
            detail: None,
            caveats: Vec::new(),
            requests: Vec::new(),
            checks: Vec::new(),
            not_checked: Vec::new(),
            not_proved: NOT_PROVED,
            unknown_signatures: Vec::new(),
            assumption: None,
            trust: TrustFacts {
                path: trust.path.clone(),
                sha256: trust.sha256.clone(),
                expires: trust.file.expires.map(|t| t.to_string()),
                worth: WORTH,
            },
            as_of: as_of.to_string(),
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            exit,
        }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        let told = (check.status != Status::Passed).then_some(check.code).flatten();
        let explained = told.and_then(codes::explain);
        let (meaning, next) = (explained.as_ref().map(|e| e.meaning), explained.as_ref());
        let (next, spec) = (next.and_then(|e| e.next), next.map(|e| e.spec));
        Self { check, meaning, next, spec }
    }
}

impl From<RequestFacts> for RequestView {
    fn from(facts: RequestFacts) -> Self {
        Self {
            request: facts.request,
            answer: facts.answer,
            answers: facts.answers.into_iter().map(AnswerView::from).collect(),
            action: facts.action,
            action_digest: facts.action_digest,
            audience: facts.audience,
            initiator: facts.initiator,
            not_after: facts.not_after,
            policy_index: facts.policy_index,
            policy_manifest: facts.policy_manifest,
            execution: facts.execution.map(ExecutionView::from),
            erased: facts.erased,
        }
    }
}

impl From<AnswerFacts> for AnswerView {
    fn from(facts: AnswerFacts) -> Self {
        Self {
            person: facts.person,
            name: facts.name,
            credential: facts.credential,
            key_class: facts.key_class,
            lineage: facts.lineage,
            surface: facts.surface,
            origin: facts.origin,
            document_sha256: facts.document_sha256,
            index: facts.index,
            not_before: facts.t1.map(utc),
            before: facts.t2.map(utc),
        }
    }
}

impl From<ExecutionFacts> for ExecutionView {
    fn from(facts: ExecutionFacts) -> Self {
        Self {
            index: facts.index,
            not_before: facts.t1.map(utc),
            before: facts.t2.map(utc),
            outcome: facts.outcome,
            outcome_index: facts.outcome_index,
        }
    }
}

fn utc(seconds: u64) -> String {
    UnixSeconds(seconds).to_string()
}
