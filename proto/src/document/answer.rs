//! `approval`, `denial`, `decision`, `expiry`, `cancel`: a request and what became of it.

use super::after::After;
use super::fields::{Builder, Digest, Fields, MAX_TEXT};
use super::parts::{ActionRef, Initiator, PolicyRef, Quorum, Raw, Signer, read_refs, write_refs};
use super::{DigestRef, DocumentError, Obligation, Seen};
use crate::Error;
use crate::action::Action;
use crate::time::UnixSeconds;

/// What a person signs: an approval or a denial; the kind and the namespace tell which.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The request, UUIDv4.
    pub request: String,
    /// The whole action.
    pub action: Action,
    /// The PEP that may spend it.
    pub audience: String,
    /// The agent.
    pub initiator: Initiator,
    /// Who answers, with which credential.
    pub approver: Signer,
    /// WebAuthn RP id.
    pub rp_id: String,
    /// Where it was signed, by the service's word: `browser`, `cli`, `ssh`.
    pub surface: String,
    /// How many distinct persons the policy asks for.
    pub quorum: Quorum,
    /// The bytes that the PEP will forward, where it forwards bytes.
    pub raw: Option<Raw>,
    /// The policy in force.
    pub policy: PolicyRef,
    /// The checkpoints current when the person opened the request.
    pub after: After,
    /// No execution at or after this time.
    pub not_after: UnixSeconds,
    /// What was shown; `None` only while the text is being rendered.
    pub shown: Option<Shown>,
    /// Why, of a denial.
    pub reason: Option<String>,
}

/// The text shown to the person, by hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// SHA-256 of the template.
    pub template_sha256: Digest,
    /// BCP 47 language tag.
    pub locale: String,
    /// SHA-256 of the rendered text, UTF-8.
    pub text_sha256: Digest,
}

/// What may stand before a UUID.
const URN: &str = "urn:uuid:";

impl Answer {
    /// Whether the person who answers is the one who initiated the action: the initiator's id, or
    /// that of the action's subject, is the person's, in whatever case and with or without
    /// `urn:uuid:` (SPEC.md 9.7). These ids are what a caller wrote, not of the one spelling.
    #[must_use]
    pub fn is_own(&self) -> bool {
        let is_person = |id: &str| {
            let head = id.get(..URN.len()).filter(|head| head.eq_ignore_ascii_case(URN));
            let id = head.and_then(|head| id.get(head.len()..)).unwrap_or(id);
            id.eq_ignore_ascii_case(&self.approver.person)
        };
        is_person(&self.initiator.id) || is_person(self.action.subject_ref().1)
    }

    pub(crate) fn read(f: &mut Fields<'_>, denial: bool) -> Result<Self, Error> {
        if f.uint("max_uses")? != 1 {
            return Err(DocumentError::Value("max_uses").into());
        }
        let mut s = f.object("shown")?;
        let shown = Shown {
            template_sha256: s.digest("template_sha256")?,
            locale: s.id("locale")?,
            text_sha256: s.digest("text_sha256")?,
        };
        s.done()?;
        let surface = f.id("surface")?;
        if !matches!(surface.as_str(), "browser" | "cli" | "ssh") {
            return Err(DocumentError::Value("surface").into());
        }
        Ok(Self {
            request: f.uuid("request")?,
            action: ActionRef::read(f)?,
            audience: f.id("audience")?,
            initiator: Initiator::read(f)?,
            approver: Signer::read(f, "approver")?,
            rp_id: f.id("rp_id")?,
            surface,
            quorum: Quorum::read(f)?,
            raw: Raw::read(f)?,
            policy: PolicyRef::read(f)?,
            after: After::read(f)?,
            not_after: f.time("not_after")?,
            shown: Some(shown),
            reason: if denial { f.opt_text("reason", MAX_TEXT)? } else { None },
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("request", &self.request)
            .put("action", self.action.to_json())
            .text("audience", &self.audience)
            .text("rp_id", &self.rp_id)
            .text("surface", &self.surface)
            .uint("max_uses", 1)
            .time("not_after", self.not_after)
            .opt_text("reason", self.reason.as_deref());
        self.initiator.write(b);
        self.approver.write(b, "approver");
        self.quorum.write(b);
        Raw::write(self.raw.as_ref(), b);
        self.policy.write(b);
        self.after.write(b);
        if let Some(shown) = &self.shown {
            let mut s = Builder::default();
            s.digest("template_sha256", &shown.template_sha256)
                .text("locale", &shown.locale)
                .digest("text_sha256", &shown.text_sha256);
            b.put("shown", s.build());
        }
    }
}

/// What the policy decision point answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The action may go ahead.
    Permit,
    /// It may not, and nobody can be asked.
    Deny,
    /// It may not, unless a person approves.
    Requestable,
}

impl Verdict {
    /// The word in a document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Requestable => "requestable",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Permit, Self::Deny, Self::Requestable].into_iter().find(|v| v.name() == name)
    }
}

/// A decision of the PDP.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The request, UUIDv4.
    pub request: String,
    /// The action that was decided on.
    pub action: Action,
    /// The PEP that asked.
    pub audience: String,
    /// The agent.
    pub initiator: Initiator,
    /// The answer.
    pub decision: Verdict,
    /// The policy in force.
    pub policy: PolicyRef,
    /// Ids of the determining policies.
    pub determining: Vec<String>,
    /// Stable reason word.
    pub reason: String,
    /// Approvals that were taken into account.
    pub approvals: Vec<DigestRef>,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
    /// Until when a requestable denial can be answered.
    pub not_after: Option<UnixSeconds>,
    /// How many persons a requestable denial asks for.
    pub quorum: Option<Quorum>,
    /// What the PEP has to do with the answer.
    pub obligations: Vec<Obligation>,
    /// What it rests on beside action, policy and approvals.
    pub seen: Option<Seen>,
}

impl Decision {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let decision =
            Verdict::from_name(&f.id("decision")?).ok_or(DocumentError::Value("decision"))?;
        Ok(Self {
            request: f.uuid("request")?,
            action: ActionRef::read(f)?,
            audience: f.id("audience")?,
            initiator: Initiator::read(f)?,
            decision,
            policy: PolicyRef::read(f)?,
            determining: f.texts("determining")?,
            reason: f.text("reason", MAX_TEXT)?,
            approvals: read_refs(f, "approvals")?,
            at: f.time("at")?,
            not_after: if f.has("not_after") { Some(f.time("not_after")?) } else { None },
            quorum: if f.has("quorum") { Some(Quorum::read(f)?) } else { None },
            obligations: Obligation::read_all(f)?,
            seen: Seen::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("request", &self.request)
            .put("action", self.action.to_json())
            .text("audience", &self.audience)
            .text("decision", self.decision.name())
            .texts("determining", &self.determining)
            .text("reason", &self.reason)
            .time("at", self.at);
        self.initiator.write(b);
        self.policy.write(b);
        write_refs(b, "approvals", &self.approvals);
        if let Some(t) = self.not_after {
            b.time("not_after", t);
        }
        if let Some(q) = &self.quorum {
            q.write(b);
        }
        Obligation::write_all(&self.obligations, b);
        if let Some(seen) = &self.seen {
            seen.write(b);
        }
    }
}

/// A request that ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The request, UUIDv4.
    pub request: String,
    /// Why it was withdrawn; only of `cancel`.
    pub reason: Option<String>,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
}

impl Ended {
    pub(crate) fn read(f: &mut Fields<'_>, cancel: bool) -> Result<Self, Error> {
        Ok(Self {
            request: f.uuid("request")?,
            reason: if cancel { Some(f.text("reason", MAX_TEXT)?) } else { None },
            at: f.time("at")?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("request", &self.request).opt_text("reason", self.reason.as_deref());
        b.time("at", self.at);
    }
}
