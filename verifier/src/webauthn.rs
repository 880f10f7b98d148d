//! WebAuthn (Level 3) assertions and registrations, read in the one strict way of SPEC.md 9.1.
//!
//! The service that accepts an approval and the auditor's tool run this same code, so that nothing
//! enters a log that a later verifier refuses. Widely used libraries disagree with each other about
//! half of the odd cases in `vectors/webauthn-matrix.json`; here each has one answer and a stable
//! code.
//!
//! What is proved is that the key signed this challenge. UP, UV, BE and the counter are the
//! authenticator's word, `origin` is the client's word.

use placet_proto::sshsig;
use sha2::{Digest as _, Sha256};

use crate::crypto::{self, Algorithm, CryptoError, PublicKey};

mod attestation;
mod authenticator_data;
mod client_data;
mod error;
mod registration;

pub use attestation::{Attestation, AttestationRoots, Certified, RootError, verify_statement};
pub use authenticator_data::{
    AttestedCredential, AuthenticatorData, CREDENTIAL_ID_MAX_LEN, Flags, MAX_LEN,
};
pub use client_data::{CLIENT_DATA_MAX_LEN, check_client_data};
pub use error::{Ceremony, Rule, WebauthnError};
pub use registration::{
    AttestationObject, AuthenticatorClass, RegistrationFacts, RegistrationPolicy,
    RegistrationResponse, verify_registration,
};

/// What the verifier's user accepts. Everything is compared byte for byte; an origin is not a URL
/// here, so `https://a.example/` is another one than `https://a.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionPolicy {
    /// Accepted RP ids. Pass only the one that the signed document names.
    pub rp_ids: Vec<String>,
    /// Accepted origins, such as `https://approve.example.com` or `cli://localhost`.
    pub origins: Vec<String>,
    /// Whether user verification (PIN, biometrics) must have taken place. UP is always required.
    pub require_uv: bool,
    /// Whether `crossOrigin: true` is accepted. SPEC.md 9.1 never does.
    pub allow_cross_origin: bool,
    /// Accepted values of `topOrigin`, which only comes with `crossOrigin: true`.
    pub top_origins: Vec<String>,
}

impl AssertionPolicy {
    /// The policy of SPEC.md 9.1: UV required, nothing from another origin.
    #[must_use]
    pub fn strict(rp_ids: Vec<String>, origins: Vec<String>) -> Self {
        let (require_uv, allow_cross_origin) = (true, false);
        Self { rp_ids, origins, require_uv, allow_cross_origin, top_origins: Vec::new() }
    }
}

/// The credential as it was enrolled; never taken from the evidence that it shall verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialKey {
    /// The public key, already checked by [`crypto::check_key`].
    pub public_key: PublicKey,
    /// BE at enrolment, which can't change (WebAuthn L3 6.1.3).
    pub backup_eligible: bool,
}

/// An assertion, byte for byte as the client returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assertion<'a> {
    /// The credential id. It is not signed: the caller has looked up the [`CredentialKey`] by it.
    pub credential_id: &'a [u8],
    /// authenticatorData.
    pub authenticator_data: &'a [u8],
    /// clientDataJSON.
    pub client_data_json: &'a [u8],
    /// DER `Ecdsa-Sig-Value` for ES256, the COSE form for others.
    pub signature: &'a [u8],
}

/// What a verified assertion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionFacts {
    /// The origin, in the client's word.
    pub origin: String,
    /// The RP id whose hash was signed.
    pub rp_id: String,
    /// UP, UV, BE, BS.
    pub flags: Flags,
    /// The signature counter; 0 for authenticators that have none.
    pub sign_count: u32,
    /// Whether the client says that the page was embedded in one of another origin.
    pub cross_origin: bool,
    /// Whether [`sshsig::export`] can give a form that stock `ssh-keygen` verifies.
    pub sshsig_exportable: bool,
}

/// Verifies an assertion over `expected_challenge` by WebAuthn L3 7.2 as SPEC.md 9.1 reads it.
///
/// The rules are checked in this order, and the first that does not hold is reported:
/// clientDataJSON, type, challenge, origin, crossOrigin, topOrigin; authenticatorData (AT first),
/// RP id, UP, UV, BS, reserved flags, BE; signature.
///
/// # Errors
/// [`WebauthnError`] with a code `assertion.…` for the rule, or the key's own code
/// (`alg.unsupported`, `key.…`).
pub fn verify_assertion(
    policy: &AssertionPolicy,
    expected_challenge: &[u8],
    key: &CredentialKey,
    assertion: &Assertion<'_>,
) -> Result<AssertionFacts, WebauthnError> {
    let public = &key.public_key;
    let credential = Credential {
        algorithm: public.algorithm(),
        backup_eligible: key.backup_eligible,
        verify: &|message, signature| crypto::verify_webauthn(public, message, signature),
    };
    verify_assertion_by(policy, expected_challenge, &credential, assertion)
}

/// A credential whose key is held in whatever form the caller has it.
pub(crate) struct Credential<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) backup_eligible: bool,
    pub(crate) verify: &'a Verify<'a>,
}

/// Verifies a signature, the second, over a message, the first.
type Verify<'a> = dyn Fn(&[u8], &[u8]) -> Result<(), CryptoError> + 'a;

/// [`verify_assertion`] by a key in any form.
pub(crate) fn verify_assertion_by(
    policy: &AssertionPolicy,
    expected_challenge: &[u8],
    key: &Credential<'_>,
    assertion: &Assertion<'_>,
) -> Result<AssertionFacts, WebauthnError> {
    let ceremony = Ceremony::Assertion;
    let client = client_data::verify(
        assertion.client_data_json,
        &client_data::Expected {
            ceremony,
            challenge: expected_challenge,
            origins: &policy.origins,
            allow_cross_origin: policy.allow_cross_origin,
            top_origins: &policy.top_origins,
        },
    )?;
    let data = AuthenticatorData::parse_assertion(assertion.authenticator_data)
        .map_err(|(rule, detail)| ceremony.fails(rule, detail))?;
    let rp_id = verify_authenticator_data(&data, ceremony, &policy.rp_ids, policy.require_uv)?;
    if data.flags.backup_eligible() != key.backup_eligible {
        return Err(ceremony.fails(Rule::BackupEligible, "BE differs from the enrolment"));
    }
    verify_signature(key, assertion)?;
    let exportable = key.algorithm == Algorithm::Es256
        && sshsig::is_exportable(assertion.client_data_json, expected_challenge, &client.origin);
    Ok(AssertionFacts {
        origin: client.origin,
        rp_id,
        flags: data.flags,
        sign_count: data.sign_count,
        cross_origin: client.cross_origin,
        sshsig_exportable: exportable,
    })
}

/// The rules that assertions and registrations share. Returns the RP id.
fn verify_authenticator_data(
    data: &AuthenticatorData<'_>,
    ceremony: Ceremony,
    rp_ids: &[String],
    require_uv: bool,
) -> Result<String, WebauthnError> {
    let rp_id = rp_ids
        .iter()
        .find(|rp_id| Sha256::digest(rp_id.as_bytes()).as_slice() == data.rp_id_hash)
        .ok_or_else(|| ceremony.fails(Rule::RpId, "the hash is of no accepted RP id"))?;
    let flags = data.flags;
    if !flags.user_present() {
        return Err(ceremony.fails(Rule::Up, "nobody was present"));
    }
    if require_uv && !flags.user_verified() {
        return Err(ceremony.fails(Rule::Uv, "nobody was verified"));
    }
    if flags.backup_state() && !flags.backup_eligible() {
        return Err(ceremony.fails(Rule::Flags, "BS is set without BE"));
    }
    // A later specification may give these a meaning; until then nobody can say what was signed.
    if flags.has_reserved() {
        return Err(ceremony.fails(Rule::Flags, "a reserved flag is set"));
    }
    Ok(rp_id.clone())
}

fn verify_signature(key: &Credential<'_>, assertion: &Assertion<'_>) -> Result<(), WebauthnError> {
    let client_data_hash: [u8; 32] = Sha256::digest(assertion.client_data_json).into();
    let signed = [assertion.authenticator_data, &client_data_hash].concat();
    (key.verify)(&signed, assertion.signature).map_err(|e| match e {
        CryptoError::Key(_) | CryptoError::InvalidKey(_) => WebauthnError::Key(e),
        CryptoError::Malformed(_) => {
            Ceremony::Assertion.fails(Rule::Signature, "not the one encoding of a signature")
        }
        CryptoError::Mismatch(_) => {
            Ceremony::Assertion.fails(Rule::Signature, "not made by this key over these bytes")
        }
    })
}

#[cfg(test)]
mod tests;
