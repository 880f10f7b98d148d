//! `execution` and `outcome`: the PEP's word (SPEC.md 4.5, 9.6).

use super::DocumentError;
use super::after::After;
use super::fields::{Builder, Digest, Fields, MAX_TEXT};
use super::parts::{DigestRef, Initiator, Raw, read_refs, write_refs};
use crate::Error;
use crate::time::UnixSeconds;

/// The PEP spends approvals and is about to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The request, UUIDv4.
    pub request: String,
    /// The PEP.
    pub audience: String,
    /// The agent on whose behalf it acts.
    pub initiator: Initiator,
    /// Recomputed from the bytes about to run.
    pub action_digest: Digest,
    /// The bytes about to be forwarded.
    pub raw: Option<Raw>,
    /// The approvals it spends, at least one.
    pub approvals: Vec<DigestRef>,
    /// SHA-256 of the PEP's idempotency key.
    pub idempotency: Digest,
    /// The checkpoints current when it was stated.
    pub after: After,
    /// The PEP's clock, a claim.
    pub at: UnixSeconds,
}

impl Execution {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let approvals = read_refs(f, "approvals")?;
        if approvals.is_empty() {
            return Err(DocumentError::Value("approvals").into());
        }
        Ok(Self {
            request: f.uuid("request")?,
            audience: f.id("audience")?,
            initiator: Initiator::read(f)?,
            action_digest: f.digest("action_digest")?,
            raw: Raw::read(f)?,
            approvals,
            idempotency: f.digest("idempotency")?,
            after: After::read(f)?,
            at: f.time("at")?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("request", &self.request)
            .text("audience", &self.audience)
            .digest("action_digest", &self.action_digest)
            .digest("idempotency", &self.idempotency)
            .time("at", self.at);
        self.initiator.write(b);
        Raw::write(self.raw.as_ref(), b);
        write_refs(b, "approvals", &self.approvals);
        self.after.write(b);
    }
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeResult {
    /// The action was done.
    Success,
    /// It was tried and failed.
    Failure,
    /// Nobody knows; never retried.
    Unknown,
}

impl OutcomeResult {
    /// The word in a document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// The result with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Success, Self::Failure, Self::Unknown].into_iter().find(|v| v.name() == name)
    }
}

/// What came of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The request, UUIDv4.
    pub request: String,
    /// The PEP.
    pub audience: String,
    /// The execution statement.
    pub execution: DigestRef,
    /// How it ended.
    pub result: OutcomeResult,
    /// Digest of what ran.
    pub action_digest: Digest,
    /// The bytes that were forwarded.
    pub raw: Option<Raw>,
    /// Free text of the PEP.
    pub detail: String,
    /// The checkpoints current when it was stated.
    pub after: After,
    /// The PEP's clock, a claim.
    pub at: UnixSeconds,
}

impl Outcome {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let result =
            OutcomeResult::from_name(&f.id("result")?).ok_or(DocumentError::Value("result"))?;
        Ok(Self {
            request: f.uuid("request")?,
            audience: f.id("audience")?,
            execution: DigestRef::read(f.any("execution")?, "execution")?,
            result,
            action_digest: f.digest("action_digest")?,
            raw: Raw::read(f)?,
            detail: f.text("detail", MAX_TEXT)?,
            after: After::read(f)?,
            at: f.time("at")?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("request", &self.request)
            .text("audience", &self.audience)
            .put("execution", self.execution.write())
            .text("result", self.result.name())
            .digest("action_digest", &self.action_digest)
            .text("detail", &self.detail)
            .time("at", self.at);
        Raw::write(self.raw.as_ref(), b);
        self.after.write(b);
    }
}
