//! The private keys.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use placet_proto::cose_key::PublicKey;
use placet_proto::ecdsa_sig;
use sha2::{Digest as _, Sha256};

use crate::S;

pub(crate) enum Signer {
    Es256 {
        seed: [u8; 32],
        key: Box<SigningKey>,
    },
    #[cfg(feature = "rs256")]
    Rs256(Box<aws_lc_rs::rsa::KeyPair>),
}

/// Shows what the key is, never its secret.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.public_key().algorithm().name()).finish()
    }
}

impl Signer {
    pub(crate) fn from_seed(seed: &[u8; 32], rp_id: &str) -> Self {
        // A hash is no valid scalar once in 2^32 tries: then the next counter serves.
        let mut counter: u8 = 0;
        loop {
            let mut hash = Sha256::new();
            hash.update(b"placet-softkey/es256");
            hash.update([counter]);
            hash.update(seed);
            hash.update(rp_id);
            if let Ok(key) = SigningKey::from_slice(&hash.finalize()) {
                return Self::Es256 { seed: *seed, key: Box::new(key) };
            }
            counter = counter.wrapping_add(1);
        }
    }

    #[cfg(feature = "rs256")]
    pub(crate) fn generate_rs256() -> Result<Self, crate::SoftKeyError> {
        aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)
            .map(|key| Self::Rs256(Box::new(key)))
            .map_err(|_| crate::SoftKeyError::Random)
    }

    pub(crate) fn seed(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Es256 { seed, .. } => Some(seed),
            #[cfg(feature = "rs256")]
            Self::Rs256(_) => None,
        }
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            Self::Es256 { key, .. } => {
                let point = key.verifying_key().to_sec1_point(false);
                let (mut x, mut y) = ([0; 32], [0; 32]);
                // Only the neutral element lacks coordinates, and no private key gives it.
                if let (Some(px), Some(py)) = (point.x(), point.y()) {
                    x.copy_from_slice(px);
                    y.copy_from_slice(py);
                }
                PublicKey::Es256 { x, y }
            }
            #[cfg(feature = "rs256")]
            Self::Rs256(key) => {
                use aws_lc_rs::signature::KeyPair as _;
                let public = key.public_key();
                PublicKey::Rs256 {
                    n: public.modulus().big_endian_without_leading_zero().to_vec(),
                    e: public.exponent().big_endian_without_leading_zero().to_vec(),
                }
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8], s: S) -> Vec<u8> {
        match self {
            Self::Es256 { key, .. } => {
                let signature: Signature = key.sign(message);
                let raw = choose(signature, s).to_bytes().into();
                ecdsa_sig::raw_to_der(&raw)
            }
            #[cfg(feature = "rs256")]
            Self::Rs256(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                let rng = aws_lc_rs::rand::SystemRandom::new();
                let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
                // A buffer of the modulus' length is all that signing asks for.
                if key.sign(padding, &rng, message, &mut out).is_err() {
                    out.clear();
                }
                out
            }
        }
    }
}

fn choose(signature: Signature, s: S) -> Signature {
    let low = signature.normalize_s();
    match s {
        S::AsSigned => signature,
        S::Low => low,
        S::High => {
            let (r, s) = low.split_scalars();
            let negated = p256::FieldBytes::from(-*s);
            Signature::from_scalars(r.to_bytes(), negated).unwrap_or(signature)
        }
    }
}
