//! Documents (SPEC.md 4): the JCS bytes that a passkey signs, or that the service or a PEP states.
//!
//! [`Document::parse`] reads bytes through the strict gate; [`Document::new`] makes them. The bytes
//! are kept: what was signed is never encoded again.

mod after;
mod answer;
mod execution;
pub(crate) mod fields;
mod governance;
mod parts;
mod seen;
mod upkeep;

pub use after::{After, NoteRef};
pub use answer::{Answer, Decision, Ended, Shown, Verdict};
pub use execution::{Execution, Outcome, OutcomeResult};
pub use fields::{Digest, is_uuid_v4};
pub use governance::{
    Enrolment, Genesis, Issuer, KeyClass, KeyInfo, Keys, MAX_COSE_KEY, Policy, Purpose, Recovery,
    Revocation, RoleChange,
};
pub use parts::{
    DigestRef, Initiator, MAX_CREDENTIAL, MAX_PEOPLE, PolicyRef, Quorum, Raw, Role, Signer,
};
pub use seen::{
    MAX_COUNTS, MAX_OBLIGATIONS, MAX_PROPERTIES, Obligation, RemoteSeen, Seen, SessionSeen,
};
pub use upkeep::{Administration, Erasure, ErasureTarget};

use crate::kind::Kind;
use crate::{Error, PROFILE, b64, jcs};
use fields::{Builder, Fields};

/// Largest document, in bytes.
pub const MAX_DOCUMENT: usize = 128 * 1024;

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// A member that the kind requires is missing.
    #[error("member `{0}` is missing")]
    Missing(&'static str),
    /// A member has another JSON type than the kind asks for.
    #[error("member `{0}` has the wrong type")]
    Type(&'static str),
    /// A member's value is out of range, too long or not in the one spelling.
    #[error("member `{0}` has a value that is not allowed")]
    Value(&'static str),
    /// A member that the kind does not have.
    #[error("the document has a member that its kind does not have")]
    Unknown,
    /// Another profile than `placet/0`.
    #[error("unknown profile")]
    Profile,
    /// A kind that this profile does not define, or only reserves.
    #[error("unknown kind")]
    Kind,
    /// Over [`MAX_DOCUMENT`].
    #[error("document larger than 128 KiB")]
    Limit,
}

impl DocumentError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "document.missing",
            Self::Type(_) => "document.type",
            Self::Value(_) => "document.value",
            Self::Unknown => "document.unknown_member",
            Self::Profile => "profile.unknown",
            Self::Kind => "kind.unknown",
            Self::Limit => "document.limit",
        }
    }
}

/// What a document says, by kind.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // Lives for one verification; boxing would only hide fields.
pub enum Body {
    /// `genesis`
    Genesis(Genesis),
    /// `key`
    Key(Keys),
    /// `policy`
    Policy(Policy),
    /// `decision`
    Decision(Decision),
    /// `approval`
    Approval(Answer),
    /// `denial`
    Denial(Answer),
    /// `expiry`
    Expiry(Ended),
    /// `cancel`
    Cancel(Ended),
    /// `execution`
    Execution(Execution),
    /// `outcome`
    Outcome(Outcome),
    /// `erasure`
    Erasure(Erasure),
    /// `administration`
    Administration(Administration),
    /// `enrolment`
    Enrolment(Enrolment),
    /// `role`
    Role(RoleChange),
    /// `revocation`
    Revocation(Revocation),
    /// `recovery`
    Recovery(Recovery),
}

impl Body {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Genesis(_) => Kind::Genesis,
            Self::Key(_) => Kind::Key,
            Self::Policy(_) => Kind::Policy,
            Self::Decision(_) => Kind::Decision,
            Self::Approval(_) => Kind::Approval,
            Self::Denial(_) => Kind::Denial,
            Self::Expiry(_) => Kind::Expiry,
            Self::Cancel(_) => Kind::Cancel,
            Self::Execution(_) => Kind::Execution,
            Self::Outcome(_) => Kind::Outcome,
            Self::Erasure(_) => Kind::Erasure,
            Self::Administration(_) => Kind::Administration,
            Self::Enrolment(_) => Kind::Enrolment,
            Self::Role(_) => Kind::Role,
            Self::Revocation(_) => Kind::Revocation,
            Self::Recovery(_) => Kind::Recovery,
        }
    }

    /// The request that the document is about, if its kind has one.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        match self {
            Self::Decision(d) => Some(&d.request),
            Self::Approval(a) | Self::Denial(a) => Some(&a.request),
            Self::Expiry(e) | Self::Cancel(e) => Some(&e.request),
            Self::Execution(e) => Some(&e.request),
            Self::Outcome(o) => Some(&o.request),
            _ => None,
        }
    }

    /// The audience that the document speaks of, if its kind has one.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        match self {
            Self::Decision(d) => Some(&d.audience),
            Self::Approval(a) | Self::Denial(a) => Some(&a.audience),
            Self::Execution(e) => Some(&e.audience),
            Self::Outcome(o) => Some(&o.audience),
            _ => None,
        }
    }

    /// The checkpoints that the document names, if its kind names any.
    #[must_use]
    pub fn after(&self) -> Option<&After> {
        match self {
            Self::Approval(a) | Self::Denial(a) => Some(&a.after),
            Self::Execution(e) => Some(&e.after),
            Self::Outcome(o) => Some(&o.after),
            Self::Enrolment(e) => Some(&e.after),
            Self::Role(r) => Some(&r.after),
            Self::Revocation(r) => Some(&r.after),
            Self::Recovery(r) => Some(&r.after),
            Self::Erasure(e) => Some(&e.after),
            Self::Policy(p) => p.authorised.as_ref().map(|(_, after)| after),
            _ => None,
        }
    }

    /// Whether the time of a governance entry's `after` decides something, so that the notes that
    /// it names belong into a bundle (SPEC.md 7.3 rule 6): of a revocation or role (9.5), and of
    /// an enrolment by recovery (9.3).
    #[must_use]
    pub fn is_timed(&self) -> bool {
        match self {
            Self::Revocation(_) | Self::Role(_) => true,
            Self::Enrolment(e) => e.recovery.is_some(),
            _ => false,
        }
    }

    fn read(kind: Kind, f: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Genesis => Self::Genesis(Genesis::read(f)?),
            Kind::Key => Self::Key(Keys::read(f)?),
            Kind::Policy => Self::Policy(Policy::read(f)?),
            Kind::Decision => Self::Decision(Decision::read(f)?),
            Kind::Approval => Self::Approval(Answer::read(f, false)?),
            Kind::Denial => Self::Denial(Answer::read(f, true)?),
            Kind::Expiry => Self::Expiry(Ended::read(f, false)?),
            Kind::Cancel => Self::Cancel(Ended::read(f, true)?),
            Kind::Execution => Self::Execution(Execution::read(f)?),
            Kind::Outcome => Self::Outcome(Outcome::read(f)?),
            Kind::Erasure => Self::Erasure(Erasure::read(f)?),
            Kind::Administration => Self::Administration(Administration::read(f)?),
            Kind::Enrolment => Self::Enrolment(Enrolment::read(f)?),
            Kind::Role => Self::Role(RoleChange::read(f)?),
            Kind::Revocation => Self::Revocation(Revocation::read(f)?),
            Kind::Recovery => Self::Recovery(Recovery::read(f)?),
        })
    }

    fn write(&self, b: &mut Builder) {
        match self {
            Self::Genesis(x) => x.write(b),
            Self::Key(x) => x.write(b),
            Self::Policy(x) => x.write(b),
            Self::Decision(x) => x.write(b),
            Self::Approval(x) | Self::Denial(x) => x.write(b),
            Self::Expiry(x) | Self::Cancel(x) => x.write(b),
            Self::Execution(x) => x.write(b),
            Self::Outcome(x) => x.write(b),
            Self::Erasure(x) => x.write(b),
            Self::Administration(x) => x.write(b),
            Self::Enrolment(x) => x.write(b),
            Self::Role(x) => x.write(b),
            Self::Revocation(x) => x.write(b),
            Self::Recovery(x) => x.write(b),
        }
    }
}

/// A document and the bytes it was read from or written to.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// What it says.
    pub body: Body,
    bytes: Vec<u8>,
    sha256: Digest,
}

impl Document {
    /// Makes the document and its bytes.
    ///
    /// # Errors
    /// Those of [`Document::parse`]: what could not be read is not written.
    pub fn new(nonce: [u8; 16], body: Body) -> Result<Self, Error> {
        let bytes = encode(&nonce, &body);
        Self::parse(&bytes)
    }

    /// The bytes of an answer without `shown`, from which its text is rendered (SPEC.md 4.5).
    #[must_use]
    pub fn bytes_without_shown(nonce: &[u8; 16], answer: &Answer, denial: bool) -> Vec<u8> {
        let answer = Answer { shown: None, ..answer.clone() };
        encode(nonce, &if denial { Body::Denial(answer) } else { Body::Approval(answer) })
    }

    /// Reads a document: strict JSON, canonical, exactly the members of its kind.
    ///
    /// # Errors
    /// `json.*`, `jcs.*`, `action.*`, `document.*`, `profile.unknown`, `kind.unknown`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(DocumentError::Limit.into());
        }
        let json = jcs::parse_canonical(bytes)?;
        let mut f = Fields::new(&json, "document")?;
        if f.id("profile")? != PROFILE {
            return Err(DocumentError::Profile.into());
        }
        let kind = Kind::from_name(&f.id("kind")?).ok_or(DocumentError::Kind)?;
        let nonce = b64::decode_url_array::<16>(&f.id("nonce")?)
            .map_err(|_| DocumentError::Value("nonce"))?;
        let body = Body::read(kind, &mut f)?;
        f.done()?;
        Ok(Self { nonce, body, bytes: bytes.to_vec(), sha256: crate::sha256(bytes) })
    }

    /// The document's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }
}

fn encode(nonce: &[u8; 16], body: &Body) -> Vec<u8> {
    let mut b = Builder::default();
    b.text("profile", PROFILE).text("kind", body.kind().name()).bytes("nonce", nonce);
    body.write(&mut b);
    jcs::to_bytes(&b.build())
}

/// `name_commitment` (SPEC.md 4.6).
#[must_use]
pub fn name_commitment(salt: &[u8; 16], name: &str) -> Digest {
    crate::sha256_parts(&[b"placet-name/0", salt, name.as_bytes()])
}
