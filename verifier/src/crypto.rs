//! Signature verification: the one place that knows which library does it.
//!
//! Feature `fast` (default) verifies ES256 and RS256 with aws-lc-rs, feature `pure` with the
//! RustCrypto crates; both must pass the same tests, and `fast` wins where both are on. Ed25519 is
//! ed25519-dalek in either build.
//!
//! A [`PublicKey`] is pinned to one algorithm and a signature is only ever checked under that one.
//! [`check_key`] is to be called once for every key that comes from outside, and [`ReadyKey`] where
//! one key verifies many signatures.

use placet_proto::cose_key::CoseKeyError;
pub use placet_proto::cose_key::{Algorithm, PublicKey};
use placet_proto::ecdsa_sig;

mod ed25519;
#[cfg(feature = "fast")]
mod fast;
#[cfg(all(feature = "pure", any(test, not(feature = "fast"))))]
mod pure;
mod ready;
pub(crate) mod x509;

pub use ready::ReadyKey;

#[cfg(feature = "fast")]
use fast as backend;
#[cfg(not(any(feature = "fast", feature = "pure")))]
compile_error!("placet-verifier needs one of the features `fast` (aws-lc-rs) or `pure`");
#[cfg(all(feature = "pure", not(feature = "fast")))]
use pure as backend;

/// Why a key or a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The key's encoding.
    #[error(transparent)]
    Key(#[from] CoseKeyError),
    /// Not a point on the curve, a small or mixed order point, or not a usable RSA modulus.
    #[error("not a valid {} public key", .0.name())]
    InvalidKey(Algorithm),
    /// The signature has another length or form than its algorithm gives it.
    #[error("malformed {} signature", .0.name())]
    Malformed(Algorithm),
    /// A well-formed signature that this key did not make over these bytes.
    #[error("{} signature does not verify", .0.name())]
    Mismatch(Algorithm),
}

impl CryptoError {
    /// The stable code. `alg.unsupported` leads to INDETERMINATE, all others to FAILED.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(e) => e.code(),
            Self::InvalidKey(_) => "key.invalid",
            Self::Malformed(_) => "signature.malformed",
            Self::Mismatch(_) => "signature.mismatch",
        }
    }
}

/// Reads a COSE_Key and checks it with [`check_key`].
///
/// # Errors
/// [`CryptoError::Key`], [`CryptoError::InvalidKey`].
pub fn parse_cose_key(bytes: &[u8]) -> Result<PublicKey, CryptoError> {
    let key = PublicKey::from_cose(bytes)?;
    check_key(&key)?;
    Ok(key)
}

/// Checks what the encoding can't show: a P-256 point lies on the curve; an Ed25519 key is the
/// canonical encoding of a point of the prime-order subgroup, not the neutral element; an RSA
/// modulus has a size that we accept.
///
/// # Errors
/// [`CryptoError::InvalidKey`].
pub fn check_key(key: &PublicKey) -> Result<(), CryptoError> {
    let valid = match key {
        PublicKey::Ed25519(bytes) => ed25519::is_valid_key(bytes),
        PublicKey::Es256 { x, y } => backend::p256(&uncompressed(x, y)).is_some(),
        PublicKey::Rs256 { n, e } => PublicKey::rs256(n, e).is_ok(),
    };
    if valid { Ok(()) } else { Err(CryptoError::InvalidKey(key.algorithm())) }
}

/// Verifies a signature in its COSE form (RFC 9053 2.1, 2.2; RFC 8812 2): 64 bytes for EdDSA,
/// `r ‖ s` for ES256, as long as the modulus for RS256.
///
/// # Errors
/// [`CryptoError::Malformed`], [`CryptoError::Mismatch`], [`CryptoError::InvalidKey`].
pub fn verify_cose(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    // A key that can't be decoded has made no signature; it was refused by `check_key` before.
    match ready::Decoded::of(key)? {
        Some(decoded) => decoded.verify(message, signature),
        None => Err(CryptoError::Mismatch(key.algorithm())),
    }
}

/// Verifies a signature in its WebAuthn form (L3 6.5.5), which differs from COSE for ES256 only:
/// strict DER `Ecdsa-Sig-Value`. High `s` is accepted.
///
/// # Errors
/// As [`verify_cose`].
pub fn verify_webauthn(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    match key {
        PublicKey::Es256 { .. } => verify_cose(key, message, &es256_raw(signature)?),
        _ => verify_cose(key, message, signature),
    }
}

fn es256_raw(der: &[u8]) -> Result<[u8; 64], CryptoError> {
    ecdsa_sig::der_to_raw(der).map_err(|_| CryptoError::Malformed(Algorithm::Es256))
}

/// SEC 1 2.3.3, uncompressed.
fn uncompressed(x: &[u8; 32], y: &[u8; 32]) -> [u8; 65] {
    let mut point = [0x04; 65];
    for (to, from) in point.iter_mut().skip(1).zip(x.iter().chain(y)) {
        *to = *from;
    }
    point
}

#[cfg(test)]
mod tests;
