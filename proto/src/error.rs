//! The one error type of this crate.
//!
//! Every module has an error enum of its own; [`Error`] wraps them, so that a caller can use `?`
//! across modules and still report one stable [`Error::code`] (SPEC.md, "Error codes").

use crate::{
    action, b64, bundle, cbor, cose, cose_key, document, ecdsa_sig, jcs, json, logcopy,
    misbehaviour, spki, sshsig, statement, time, tlog, trust,
};

/// Any failure to read or write the formats of this crate.
///
/// The text of an error is for people and may change; [`Error::code`] is stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Strict JSON.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// Canonical JSON (RFC 8785).
    #[error(transparent)]
    Jcs(#[from] jcs::JcsError),
    /// Deterministic CBOR (RFC 8949 4.2.1).
    #[error(transparent)]
    Cbor(#[from] cbor::CborError),
    /// Time stamps.
    #[error(transparent)]
    Time(#[from] time::TimeError),
    /// Base64, base64url, hexadecimal.
    #[error(transparent)]
    B64(#[from] b64::B64Error),
    /// Actions (SARC).
    #[error(transparent)]
    Action(#[from] action::ActionError),
    /// Transparency logs (RFC 9162, C2SP).
    #[error(transparent)]
    Tlog(#[from] tlog::TlogError),
    /// Public keys (COSE_Key).
    #[error(transparent)]
    CoseKey(#[from] cose_key::CoseKeyError),
    /// ECDSA signature encodings.
    #[error(transparent)]
    EcdsaSig(#[from] ecdsa_sig::EcdsaSigError),
    /// Public keys as SubjectPublicKeyInfo.
    #[error(transparent)]
    Spki(#[from] spki::SpkiError),
    /// Export to OpenSSH.
    #[error(transparent)]
    Sshsig(#[from] sshsig::SshsigError),
    /// COSE_Sign1 and COSE Receipts.
    #[error(transparent)]
    Cose(#[from] cose::CoseError),
    /// Documents.
    #[error(transparent)]
    Document(#[from] document::DocumentError),
    /// Statements.
    #[error(transparent)]
    Statement(#[from] statement::StatementError),
    /// Evidence bundles.
    #[error(transparent)]
    Bundle(#[from] bundle::BundleError),
    /// Trust files.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// Statements in copies of a log.
    #[error(transparent)]
    LogCopy(#[from] logcopy::LogCopyError),
    /// Evidence that a log misbehaved.
    #[error(transparent)]
    Misbehaviour(#[from] misbehaviour::MisbehaviourError),
}

impl Error {
    /// The stable, machine-readable code, such as `json.duplicate_key`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(e) => e.code(),
            Self::Jcs(e) => e.code(),
            Self::Cbor(e) => e.code(),
            Self::Time(e) => e.code(),
            Self::B64(e) => e.code(),
            Self::Action(e) => e.code(),
            Self::Tlog(e) => e.code(),
            Self::CoseKey(e) => e.code(),
            Self::EcdsaSig(e) => e.code(),
            Self::Spki(e) => e.code(),
            Self::Sshsig(e) => e.code(),
            Self::Cose(e) => e.code(),
            Self::Document(e) => e.code(),
            Self::Statement(e) => e.code(),
            Self::Bundle(e) => e.code(),
            Self::Trust(e) => e.code(),
            Self::LogCopy(e) => e.code(),
            Self::Misbehaviour(e) => e.code(),
        }
    }
}
