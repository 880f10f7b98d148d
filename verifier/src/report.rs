//! What a verification says: one struct, from which text and JSON are rendered.

use serde::Serialize;

use crate::codes;

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran and holds.
    Passed,
    /// It ran and does not hold.
    Failed,
    /// It could not be decided.
    Indeterminate,
    /// It did not run.
    NotChecked,
}

/// The outcome of a verification (SPEC.md 9, 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every required check passed.
    Passed,
    /// A check says no.
    Failed,
    /// A required check could not be decided.
    Indeterminate,
    /// The input is not what it should be.
    Malformed,
    /// Two signed statements of a log that can't both be true.
    LogMisbehaved,
}

impl Verdict {
    /// The word that is printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Indeterminate => "INDETERMINATE",
            Self::Malformed => "MALFORMED",
            Self::LogMisbehaved => "LOG MISBEHAVED",
        }
    }

    /// The exit code of `placet-verify` (SPEC.md 11).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Indeterminate => 3,
            Self::Malformed => 4,
            Self::LogMisbehaved => 6,
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its id in SPEC.md 9.
    pub id: &'static str,
    /// The request that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// How it came out.
    pub status: Status,
    /// Whether the verdict needs it.
    pub required: bool,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What was looked at, or found.
    pub detail: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

impl Check {
    /// The entry of the code table.
    #[must_use]
    pub fn explained(&self) -> Option<&'static codes::Code> {
        codes::find(self.code?)
    }
}

/// Why a check did not pass; made where it is found, put into the report by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Failed or indeterminate.
    pub status: Status,
    /// Its code.
    pub code: &'static str,
    /// What was looked at.
    pub detail: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub got: Option<String>,
}

impl Problem {
    /// It does not hold.
    #[must_use]
    pub fn failed(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: Status::Failed, code, detail: detail.into(), expected: None, got: None }
    }

    /// It can't be decided.
    #[must_use]
    pub fn open(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: Status::Indeterminate, ..Self::failed(code, detail) }
    }

    /// Adds what would have been right and what was there.
    #[must_use]
    pub fn versus(mut self, expected: impl Into<String>, got: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.got = Some(got.into());
        self
    }
}

/// What the evidence shows about one request. Only as good as the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RequestFacts {
    /// The request.
    pub request: String,
    /// `approved` or `denied`.
    pub answer: Option<&'static str>,
    /// Who answered.
    pub answers: Vec<AnswerFacts>,
    /// The action, JCS.
    pub action: Option<String>,
    /// hex of `action_digest`.
    pub action_digest: Option<String>,
    /// The PEP.
    pub audience: Option<String>,
    /// The agent, `type/id`.
    pub initiator: Option<String>,
    /// RFC 3339, exclusive.
    pub not_after: Option<String>,
    /// Governance index of the policy.
    pub policy_index: Option<u64>,
    /// hex of its manifest.
    pub policy_manifest: Option<String>,
    /// The execution, by the PEP's word.
    pub execution: Option<ExecutionFacts>,
    /// Statements whose bodies were erased.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<ErasedFacts>,
}

/// A statement whose body was erased, and by which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ErasedFacts {
    /// Main log index.
    pub index: u64,
    /// hex of the entry.
    pub entry: String,
    /// Main log index of the order, if one stands.
    pub order: Option<u64>,
    /// The administrator who signed it.
    pub person: Option<String>,
    /// The reason in it.
    pub reason: Option<String>,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AnswerFacts {
    /// The person's id.
    pub person: String,
    /// The name, where the evidence opens the commitment.
    pub name: Option<String>,
    /// b64u credential id.
    pub credential: String,
    /// `software`, `synced-or-unknown`, …: the service's claim.
    pub key_class: Option<&'static str>,
    /// How the credential comes to be trusted, nearest first.
    pub lineage: Vec<String>,
    /// `browser`, `cli`, `ssh`: the service's claim.
    pub surface: String,
    /// WebAuthn origin, the client's word.
    pub origin: Option<String>,
    /// hex of SHA-256 of the signed document.
    pub document_sha256: String,
    /// Main log index.
    pub index: u64,
    /// Not before, seconds since 1970.
    pub t1: Option<u64>,
    /// Before, seconds since 1970.
    pub t2: Option<u64>,
}

/// An execution and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ExecutionFacts {
    /// Main log index.
    pub index: u64,
    /// Not before, seconds since 1970.
    pub t1: Option<u64>,
    /// Before, seconds since 1970.
    pub t2: Option<u64>,
    /// `success`, `failure`, `unknown`, by the PEP's word.
    pub outcome: Option<&'static str>,
    /// Main log index of the outcome.
    pub outcome_index: Option<u64>,
}

/// The result for one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// The code of the check that decided it, if it is not PASSED.
    pub code: Option<&'static str>,
    /// What has to be said before anything else: a development ledger, no independent witness.
    pub caveats: Vec<String>,
    /// Every check, in the order of SPEC.md 9.
    pub checks: Vec<Check>,
    /// What the evidence shows, by request.
    pub requests: Vec<RequestFacts>,
    /// Signature lines of keys that no policy knows: ignored, but listed (SPEC.md 6.4).
    pub unknown_signatures: Vec<String>,
    /// The assumption about witnesses under which times hold.
    pub assumption: String,
}

impl Report {
    /// The checks that did not run or could not be decided.
    pub fn not_checked(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|c| matches!(c.status, Status::NotChecked | Status::Indeterminate))
    }

    /// Derives verdict and code from the checks (SPEC.md 9): any failed check decides, then any
    /// required check that did not pass.
    pub(crate) fn conclude(&mut self) {
        let misbehaved = self.checks.iter().find(|c| c.code == Some("log.equivocation"));
        let failed = self.checks.iter().find(|c| c.status == Status::Failed);
        let open = self.checks.iter().find(|c| c.required && c.status != Status::Passed);
        let (verdict, check) = match (misbehaved, failed, open) {
            (Some(c), _, _) => (Verdict::LogMisbehaved, Some(c)),
            (_, Some(c), _) => (Verdict::Failed, Some(c)),
            (_, _, Some(c)) => (Verdict::Indeterminate, Some(c)),
            _ if self.checks.is_empty() => (Verdict::Indeterminate, None),
            _ => (Verdict::Passed, None),
        };
        self.verdict = verdict;
        self.code = check.and_then(|c| c.code);
    }
}

/// A bundle that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Stable code.
    pub code: &'static str,
    /// What was wrong.
    pub detail: String,
}

impl From<placet_proto::Error> for Malformed {
    fn from(error: placet_proto::Error) -> Self {
        Self { code: error.code(), detail: error.to_string() }
    }
}
