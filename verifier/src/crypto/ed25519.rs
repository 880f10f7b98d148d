//! Ed25519 (RFC 8032) in its strictest reading, so that no two verifiers can differ.

use ed25519_dalek::{Signature, VerifyingKey};

/// The canonical encoding of a point of the prime-order subgroup, other than the neutral element.
/// Honest keys always are; with any other key, verifiers that multiply by the cofactor and those
/// that don't can disagree about one signature.
pub(super) fn is_valid_key(bytes: &[u8; 32]) -> bool {
    canonical(bytes).is_some_and(|key| key.to_edwards().is_torsion_free())
}

/// A key that [`is_valid_key`] accepts, decoded once for many signatures.
pub(super) type Ready = VerifyingKey;

/// Decodes a key.
pub(super) fn ready(bytes: &[u8; 32]) -> Option<Ready> {
    canonical(bytes)
}

/// `verify_strict`: refuses small-order keys and commitments, non-canonical encodings of the key,
/// of `R` and of `S`, and uses the equation without cofactor.
pub(super) fn verify(key: &Ready, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// dalek reduces a `y` of 2^255 - 19 or more instead of refusing it; encoding the point again
/// shows that.
fn canonical(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    (!key.is_weak() && key.to_edwards().compress().as_bytes() == bytes).then_some(key)
}
