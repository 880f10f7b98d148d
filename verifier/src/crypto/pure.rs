//! ES256 and RS256 in Rust alone, for WASM and for machines without a C compiler.

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::BoxedUint;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::x509::Hash;

/// A point on P-256, decoded once for many signatures.
pub(super) type P256 = p256::ecdsa::VerifyingKey;

/// Decodes an uncompressed point; `None` if it does not lie on P-256.
pub(super) fn p256(point: &[u8; 65]) -> Option<P256> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()
}

/// `signature` is `r ‖ s`.
pub(super) fn verify_es256(key: &P256, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return false };
    key.verify(message, &signature).is_ok()
}

/// `n` and `e` are big endian, of the sizes that `PublicKey::rs256` accepts.
pub(super) fn verify_rs256(n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verify_rsa(Hash::Sha256, (n, e), message, signature)
}

/// `n` and `e` are big endian, of the sizes that `PublicKey::rs256` accepts.
pub(super) fn verify_rsa(
    hash: Hash,
    (n, e): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> bool {
    let modulus = BoxedUint::from_be_slice_vartime(n);
    let exponent = BoxedUint::from_be_slice_vartime(e);
    let Ok(key) = rsa::RsaPublicKey::new_with_size_limits(modulus, exponent, MODULUS_BITS) else {
        return false;
    };
    let scheme = match hash {
        Hash::Sha256 => rsa::Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => rsa::Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => rsa::Pkcs1v15Sign::new::<Sha512>(),
    };
    key.verify(scheme, &digest(hash, message), signature).is_ok()
}

/// `key` is an uncompressed point on P-256, `signature` DER.
pub(super) fn verify_p256_der(hash: Hash, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = p256::ecdsa::Signature::from_der(signature) else { return false };
    key.verify_prehash(&digest(hash, message), &signature).is_ok()
}

/// `key` is an uncompressed point on P-384, `signature` DER.
pub(super) fn verify_p384_der(hash: Hash, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = p384::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = p384::ecdsa::Signature::from_der(signature) else { return false };
    key.verify_prehash(&digest(hash, message), &signature).is_ok()
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => Sha256::digest(message).to_vec(),
        Hash::Sha384 => Sha384::digest(message).to_vec(),
        Hash::Sha512 => Sha512::digest(message).to_vec(),
    }
}

const MODULUS_BITS: std::ops::RangeInclusive<usize> =
    placet_proto::cose_key::RSA_MIN_LEN * 8..=placet_proto::cose_key::RSA_MAX_LEN * 8;
