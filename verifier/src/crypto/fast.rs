//! ES256 and RS256 by aws-lc-rs.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA384_ASN1,
    ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1,
    EcdsaVerificationAlgorithm, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::x509::Hash;

/// A point on P-256, decoded once for many signatures.
pub(super) type P256 = ParsedPublicKey;

/// Decodes an uncompressed point; `None` if it does not lie on P-256.
pub(super) fn p256(point: &[u8; 65]) -> Option<P256> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
}

/// `signature` is `r ‖ s`.
pub(super) fn verify_es256(key: &P256, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_sig(message, signature).is_ok()
}

/// `n` and `e` are big endian, of the sizes that `PublicKey::rs256` accepts.
pub(super) fn verify_rs256(n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> bool {
    RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
}

/// `key` is an uncompressed point on P-256, `signature` DER.
pub(super) fn verify_p256_der(hash: Hash, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verify_der(
        match hash {
            Hash::Sha256 => &ECDSA_P256_SHA256_ASN1,
            Hash::Sha384 => &ECDSA_P256_SHA384_ASN1,
            Hash::Sha512 => &ECDSA_P256_SHA512_ASN1,
        },
        key,
        message,
        signature,
    )
}

/// `key` is an uncompressed point on P-384, `signature` DER.
pub(super) fn verify_p384_der(hash: Hash, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verify_der(
        match hash {
            Hash::Sha256 => &ECDSA_P384_SHA256_ASN1,
            Hash::Sha384 => &ECDSA_P384_SHA384_ASN1,
            Hash::Sha512 => &ECDSA_P384_SHA512_ASN1,
        },
        key,
        message,
        signature,
    )
}

/// `n` and `e` are big endian, of the sizes that `PublicKey::rs256` accepts.
pub(super) fn verify_rsa(
    hash: Hash,
    (n, e): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> bool {
    let scheme = match hash {
        Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
    };
    RsaPublicKeyComponents { n, e }.verify(scheme, message, signature).is_ok()
}

fn verify_der(
    scheme: &'static EcdsaVerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(scheme, key).verify(message, signature).is_ok()
}
