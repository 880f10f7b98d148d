//! Attestation statements (WebAuthn L3 section 8; SPEC.md 9.9): what they show about where a key
//! lives, judged against roots that somebody pinned.
//!
//! The same code runs when the service takes a registration and when an auditor reads the
//! enrolment years later. Nothing here has a clock: the span in which all certificates of a
//! statement were valid is part of the result, and the caller compares it with what it knows of
//! the time of the enrolment.
//!
//! * [`AttestationRoots`]: certificates that were pinned, from a trust file or a folder.
//! * [`verify_statement`]: one attestationObject, its client data and the roots give an
//!   [`Attestation`].

use placet_proto::time::UnixSeconds;
use sha2::{Digest as _, Sha256};

use super::registration::AttestationObject;
use crate::crypto::{self, Algorithm, PublicKey};
use crate::der::NotDer;

mod android;
mod apple;
mod certificate;
mod chain;
mod packed;
mod statement;
mod tpm;
mod u2f;

use certificate::Certificate;
pub use chain::{AttestationRoots, RootError};
use statement::Members;

/// What an attestation statement shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attestation {
    /// Format `none`: nothing.
    None,
    /// Format `packed` without certificates: the new key signed for itself, which it did.
    SelfSigned,
    /// A format, or an algorithm in one, that is not judged here, and which; it shows nothing.
    Unjudged(&'static str),
    /// The key of a certificate vouches for the new key, by every rule of its format.
    Certified(Certified),
}

/// What a statement with certificates shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// SHA-256 of the pinned certificate at which the chain ends; `None` if it ends at none.
    pub root: Option<[u8; 32]>,
    /// Whether the format says hardware: always, but for `android-key` that was made or is kept
    /// outside a trusted environment.
    pub hardware: bool,
    /// From when on all certificates of the statement are valid.
    pub not_before: UnixSeconds,
    /// Until when all are valid, this second included.
    pub not_after: UnixSeconds,
}

impl Attestation {
    /// Whether a pinned root stands behind it that the key lives in hardware.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        matches!(self, Self::Certified(c) if c.hardware && c.root.is_some())
    }
}

/// Why a statement shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// It is wrong: whoever wrote it did not attest this key.
    Invalid(&'static str),
    /// It may be right, and is not for this code to say.
    Unsupported(&'static str),
}

impl From<NotDer> for Flaw {
    fn from(_: NotDer) -> Self {
        Self::Invalid("a certificate is not DER")
    }
}

/// What a statement is about.
struct Subject<'a> {
    object: &'a AttestationObject<'a>,
    key: &'a PublicKey,
    client_data_hash: &'a [u8; 32],
}

impl Subject<'_> {
    /// authenticatorData ‖ clientDataHash: what most formats sign.
    fn signed(&self) -> Vec<u8> {
        [self.object.authenticator_data_bytes, self.client_data_hash].concat()
    }
}

/// Verifies an attestation statement over the credential in `object`, whose key, checked, is `key`.
///
/// # Errors
/// What is wrong with a statement of a format that is known here. A chain that ends at no pinned
/// root is no error.
pub fn verify_statement(
    object: &AttestationObject<'_>,
    key: &PublicKey,
    client_data_hash: &[u8; 32],
    roots: &AttestationRoots,
) -> Result<Attestation, &'static str> {
    let subject = Subject { object, key, client_data_hash };
    match judge(&subject, roots) {
        Ok(attestation) => Ok(attestation),
        Err(Flaw::Unsupported(what)) => Ok(Attestation::Unjudged(what)),
        Err(Flaw::Invalid(why)) => Err(why),
    }
}

fn judge(subject: &Subject<'_>, roots: &AttestationRoots) -> Result<Attestation, Flaw> {
    let read = |allowed| Members::read(subject.object.statement, allowed);
    let (members, check): (_, Check) = match subject.object.fmt {
        "none" => {
            read(&[])?;
            return Ok(Attestation::None);
        }
        "packed" => {
            let members = read(&["alg", "sig", "x5c"])?;
            if members.x5c.is_empty() {
                return self_attested(subject, &members);
            }
            (members, packed::check)
        }
        "tpm" => (read(&["ver", "alg", "x5c", "sig", "certInfo", "pubArea"])?, tpm::check),
        "android-key" => (read(&["alg", "sig", "x5c"])?, android::check),
        "apple" => (read(&["x5c"])?, apple::check),
        "fido-u2f" => (read(&["x5c", "sig"])?, u2f::check),
        _ => return Err(Flaw::Unsupported("a format that is not judged here")),
    };
    let certificates: Vec<Certificate<'_>> =
        members.x5c.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
    let leaf = certificates.first().ok_or(Flaw::Invalid("no certificate"))?;
    let hardware = check(subject, &members, leaf)?;
    let (not_before, not_after) = chain::validity(&certificates)?;
    let root = chain::verify(&members.x5c, roots, not_before)?;
    Ok(Attestation::Certified(Certified { root, hardware, not_before, not_after }))
}

/// The rules of one format over its leaf; whether what it shows is hardware.
type Check = fn(&Subject<'_>, &Members<'_>, &Certificate<'_>) -> Result<bool, Flaw>;

/// WebAuthn L3 8.2, self attestation.
fn self_attested(subject: &Subject<'_>, members: &Members<'_>) -> Result<Attestation, Flaw> {
    let (algorithm, signature) = (members.alg()?, members.sig()?);
    if Algorithm::from_cose_id(algorithm).ok() != Some(subject.key.algorithm()) {
        return Err(Flaw::Invalid("a self attestation names another algorithm than its key's"));
    }
    crypto::verify_webauthn(subject.key, &subject.signed(), signature)
        .map(|()| Attestation::SelfSigned)
        .map_err(|_| Flaw::Invalid("the self attestation does not verify"))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
