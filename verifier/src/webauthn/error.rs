//! One stable code for each rule.

use crate::crypto::CryptoError;

/// Which ceremony failed; it gives the code its first part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// `webauthn.get`, WebAuthn L3 7.2.
    Assertion,
    /// `webauthn.create`, WebAuthn L3 7.1.
    Registration,
}

impl Ceremony {
    pub(super) fn fails(self, rule: Rule, detail: &'static str) -> WebauthnError {
        WebauthnError::Rule { ceremony: self, rule, detail }
    }

    /// The `type` of clientDataJSON.
    pub(super) const fn client_data_type(self) -> &'static str {
        match self {
            Self::Assertion => "webauthn.get",
            Self::Registration => "webauthn.create",
        }
    }
}

/// The rule that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// clientDataJSON is one strict JSON object, from `{` to `}`, with members of the right types.
    ClientData,
    /// `type` is that of the ceremony.
    Type,
    /// `challenge` is the unpadded base64url of the expected bytes, compared as text.
    Challenge,
    /// `origin` is one of the accepted, compared as text.
    Origin,
    /// `crossOrigin` is absent or `false`.
    CrossOrigin,
    /// `topOrigin` is absent.
    TopOrigin,
    /// authenticatorData is 37 bytes and exactly what its flags announce.
    AuthenticatorData,
    /// The RP id hash is that of an accepted RP id.
    RpId,
    /// A user was present.
    Up,
    /// A user was verified.
    Uv,
    /// BS only with BE, AT only in registrations, no reserved flag.
    Flags,
    /// BE is what it was at enrolment.
    BackupEligible,
    /// The signature is in its one encoding and verifies.
    Signature,
    /// attestationObject is one deterministic CBOR map with attested credential data.
    AttestationObject,
    /// The attestation statement holds by the rules of its format.
    AttestationStatement,
}

/// Why an assertion or a registration is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebauthnError {
    /// A rule does not hold.
    #[error("{}: {detail}", self.code())]
    Rule {
        /// The ceremony.
        ceremony: Ceremony,
        /// The rule.
        rule: Rule,
        /// What was found, for people.
        detail: &'static str,
    },
    /// The credential's public key can't be used.
    #[error(transparent)]
    Key(#[from] CryptoError),
}

impl WebauthnError {
    /// The stable code. `alg.unsupported` leads to INDETERMINATE, all others to FAILED.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rule { ceremony: Ceremony::Assertion, rule, .. } => rule.assertion_code(),
            Self::Rule { ceremony: Ceremony::Registration, rule, .. } => rule.registration_code(),
            Self::Key(e) => e.code(),
        }
    }
}

impl Rule {
    const fn assertion_code(self) -> &'static str {
        match self {
            Self::ClientData => "assertion.client_data",
            Self::Type => "assertion.type",
            Self::Challenge => "assertion.challenge",
            Self::Origin => "assertion.origin",
            Self::CrossOrigin => "assertion.cross_origin",
            Self::TopOrigin => "assertion.top_origin",
            Self::AuthenticatorData => "assertion.authenticator_data",
            Self::RpId => "assertion.rp_id",
            Self::Up => "assertion.up",
            Self::Uv => "assertion.uv",
            Self::Flags => "assertion.flags",
            Self::BackupEligible => "assertion.backup_eligible",
            Self::Signature => "assertion.signature",
            Self::AttestationObject => "assertion.attestation_object",
            Self::AttestationStatement => "assertion.attestation_statement",
        }
    }

    const fn registration_code(self) -> &'static str {
        match self {
            Self::ClientData => "registration.client_data",
            Self::Type => "registration.type",
            Self::Challenge => "registration.challenge",
            Self::Origin => "registration.origin",
            Self::CrossOrigin => "registration.cross_origin",
            Self::TopOrigin => "registration.top_origin",
            Self::AuthenticatorData => "registration.authenticator_data",
            Self::RpId => "registration.rp_id",
            Self::Up => "registration.up",
            Self::Uv => "registration.uv",
            Self::Flags => "registration.flags",
            Self::BackupEligible => "registration.backup_eligible",
            Self::Signature => "registration.signature",
            Self::AttestationObject => "registration.attestation_object",
            Self::AttestationStatement => "registration.attestation_statement",
        }
    }
}
