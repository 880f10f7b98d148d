//! Signatures under the keys of certificates (RFC 5480, RFC 8017, RFC 3279): what attestations
//! and their chains are signed with. Keys of ours never come here: they are COSE_Keys.

use crate::der::Reader;

/// A signature scheme together with the type of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// ECDSA with a key on P-256.
    P256(Hash),
    /// ECDSA with a key on P-384.
    P384(Hash),
    /// RSASSA-PKCS1-v1_5.
    Rsa(Hash),
}

/// The hash that is signed. SHA-1 is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Whether the key, the contents of `subjectPublicKey`, made this signature: DER `Ecdsa-Sig-Value`
/// for ECDSA. RSA keys have 2048 to 4096 bits, points are uncompressed.
pub(crate) fn verify(scheme: Scheme, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match scheme {
        Scheme::P256(_) | Scheme::P384(_) if key.first() != Some(&0x04) => false,
        Scheme::P256(hash) => super::backend::verify_p256_der(hash, key, message, signature),
        Scheme::P384(hash) => super::backend::verify_p384_der(hash, key, message, signature),
        Scheme::Rsa(hash) => {
            let Some((n, e)) = rsa_key(key) else { return false };
            super::PublicKey::rs256(n, e).is_ok()
                && signature.len() == n.len()
                && super::backend::verify_rsa(hash, (n, e), message, signature)
        }
    }
}

/// Modulus and exponent of an RSAPublicKey.
fn rsa_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Reader::new(key);
    let mut numbers = outer.inside(crate::der::SEQUENCE).ok()?;
    outer.end().ok()?;
    let (n, e) = (numbers.unsigned().ok()?, numbers.unsigned().ok()?);
    numbers.end().ok()?;
    Some((n, e))
}
