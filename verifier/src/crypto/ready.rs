//! Keys that verify many signatures: decoded once, for decoding costs a tenth of a verification.

use super::{
    Algorithm, CryptoError, PublicKey, backend, check_key, ed25519, es256_raw, uncompressed,
};

/// A key that was checked by [`check_key`] and decoded.
#[derive(Debug, Clone)]
pub struct ReadyKey {
    key: PublicKey,
    decoded: Decoded,
}

impl ReadyKey {
    /// Checks and decodes a key.
    ///
    /// # Errors
    /// As [`check_key`].
    pub fn new(key: PublicKey) -> Result<Self, CryptoError> {
        check_key(&key)?;
        let decoded = Decoded::of(&key)?.ok_or(CryptoError::InvalidKey(key.algorithm()))?;
        Ok(Self { key, decoded })
    }

    /// The key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// [`super::verify_cose`] by this key.
    ///
    /// # Errors
    /// As there.
    pub fn verify_cose(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.decoded.verify(message, signature)
    }

    /// [`super::verify_webauthn`] by this key.
    ///
    /// # Errors
    /// As there.
    pub fn verify_webauthn(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        match &self.decoded {
            Decoded::Es256(_) => self.decoded.verify(message, &es256_raw(signature)?),
            _ => self.decoded.verify(message, signature),
        }
    }
}

/// A key in the form that its library verifies with.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // One for each key, never moved about.
pub(super) enum Decoded {
    Ed25519(ed25519::Ready),
    Es256(backend::P256),
    Rs256 { n: Vec<u8>, e: Vec<u8> },
}

impl Decoded {
    /// `None` where the bytes are no point.
    ///
    /// # Errors
    /// The code of RSA parameters that are not accepted.
    pub(super) fn of(key: &PublicKey) -> Result<Option<Self>, CryptoError> {
        Ok(match key {
            PublicKey::Ed25519(bytes) => ed25519::ready(bytes).map(Self::Ed25519),
            PublicKey::Es256 { x, y } => backend::p256(&uncompressed(x, y)).map(Self::Es256),
            PublicKey::Rs256 { n, e } => {
                PublicKey::rs256(n, e)?;
                Some(Self::Rs256 { n: n.clone(), e: e.clone() })
            }
        })
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Es256(_) => Algorithm::Es256,
            Self::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let algorithm = self.algorithm();
        let malformed = |_| CryptoError::Malformed(algorithm);
        let valid = match self {
            Self::Ed25519(key) => {
                ed25519::verify(key, message, signature.try_into().map_err(malformed)?)
            }
            Self::Es256(key) => {
                backend::verify_es256(key, message, signature.try_into().map_err(malformed)?)
            }
            Self::Rs256 { n, e } => {
                if signature.len() != n.len() {
                    return Err(CryptoError::Malformed(algorithm));
                }
                backend::verify_rs256(n, e, message, signature)
            }
        };
        if valid { Ok(()) } else { Err(CryptoError::Mismatch(algorithm)) }
    }
}
