//! ES256 and RS256 in Rust alone, for WASM and for machines without a C compiler.

use p256::ecdsa::signature::Verifier as _;
use rsa::BoxedUint;

/// Whether an uncompressed point lies on P-256.
pub(super) fn is_valid_p256(point: &[u8; 65]) -> bool {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok()
}

/// `signature` is `r ‖ s`.
pub(super) fn verify_es256(point: &[u8; 65], message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(point) else { return false };
    let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return false };
    key.verify(message, &signature).is_ok()
}

/// `n` and `e` are big endian, of the sizes that `PublicKey::rs256` accepts.
pub(super) fn verify_rs256(n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let modulus = BoxedUint::from_be_slice_vartime(n);
    let exponent = BoxedUint::from_be_slice_vartime(e);
    let Ok(key) = rsa::RsaPublicKey::new_with_size_limits(modulus, exponent, MODULUS_BITS) else {
        return false;
    };
    let key = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key);
    let Ok(signature) = rsa::pkcs1v15::Signature::try_from(signature) else { return false };
    key.verify(message, &signature).is_ok()
}

const MODULUS_BITS: std::ops::RangeInclusive<usize> =
    placet_proto::cose_key::RSA_MIN_LEN * 8..=placet_proto::cose_key::RSA_MAX_LEN * 8;
