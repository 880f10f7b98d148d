//! Chains of certificates to pinned roots (RFC 5280 6), built and checked by rustls-webpki:
//! signatures, names, basic constraints, path lengths, name constraints, critical extensions.

use pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime, alg_id,
};
use placet_proto::time::UnixSeconds;
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert,
};

use super::certificate::Certificate;
use super::{Flaw, sha256};
use crate::crypto::x509::{self, Hash, Scheme};

/// Most roots that may be pinned.
pub const MAX_ROOTS: usize = 256;

/// Certificates that somebody pinned as roots of attestations: of authorities, or of the
/// attestation keys themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestationRoots(Vec<CertificateDer<'static>>);

/// A certificate can't be pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It is not a certificate whose key can be read.
    #[error("attestation root {0} is not an X.509 certificate in DER")]
    Certificate(usize),
    /// There are too many.
    #[error("more than {MAX_ROOTS} attestation roots")]
    Count,
}

impl RootError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "trust.attestation_root"
    }
}

impl AttestationRoots {
    /// Pins certificates, each in DER.
    ///
    /// # Errors
    /// `trust.attestation_root`, with the position of the one that is no certificate.
    pub fn parse(certificates: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, RootError> {
        let mut out = Vec::new();
        for (index, der) in certificates.into_iter().enumerate() {
            if index >= MAX_ROOTS {
                return Err(RootError::Count);
            }
            let der = CertificateDer::from(der);
            anchor_from_trusted_cert(&der).map_err(|_| RootError::Certificate(index))?;
            out.push(der);
        }
        Ok(Self(out))
    }

    /// Whether nothing is pinned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The certificates, DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn anchors(&self) -> Vec<TrustAnchor<'_>> {
        self.0.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect()
    }
}

/// The span in which every certificate of a statement is valid. Which moment of it counts is for
/// who knows when the key was enrolled.
pub(super) fn validity(chain: &[Certificate<'_>]) -> Result<(UnixSeconds, UnixSeconds), Flaw> {
    let from = chain.iter().map(|c| c.not_before).max();
    let until = chain.iter().map(|c| c.not_after).min();
    match (from, until) {
        (Some(from), Some(until)) if from <= until => Ok((from, until)),
        _ => Err(Flaw::Invalid("its certificates were never valid at the same time")),
    }
}

/// The pinned certificate at which `x5c`, the leaf first, ends: its SHA-256, or `None` for a chain
/// that is sound in itself and ends elsewhere.
pub(super) fn verify(
    x5c: &[&[u8]],
    roots: &AttestationRoots,
    at: UnixSeconds,
) -> Result<Option<[u8; 32]>, Flaw> {
    let (leaf, above) = x5c.split_first().ok_or(Flaw::Invalid("no certificate"))?;
    // An attestation key may be pinned by its own certificate (WebAuthn L3 7.1, step 24).
    if let Some(root) = roots.certificates().find(|root| root == leaf) {
        return Ok(Some(sha256(root)));
    }
    let leaf = CertificateDer::from(*leaf);
    let leaf = EndEntityCert::try_from(&leaf)
        .map_err(|_| Flaw::Invalid("the leaf is not a certificate by RFC 5280"))?;
    let above: Vec<CertificateDer<'_>> = above.iter().map(|c| CertificateDer::from(*c)).collect();
    let anchors = roots.anchors();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at.0));
    match build(&leaf, &anchors, &above, time) {
        Ok(anchor) => {
            let is_it = |root: &&[u8]| {
                anchor_from_trusted_cert(&CertificateDer::from(*root)).is_ok_and(|a| a == anchor)
            };
            Ok(roots.certificates().find(is_it).map(sha256))
        }
        Err(webpki::Error::UnknownIssuer) => {
            let (Some(last), links) = (above.last(), above.len().saturating_sub(1)) else {
                return Ok(None);
            };
            let broken = Flaw::Invalid("the chain of certificates is broken");
            let own = [anchor_from_trusted_cert(last).map_err(|_| broken)?];
            let links = above.get(..links).unwrap_or_default();
            build(&leaf, &own, links, time).map(|_| None).map_err(flaw)
        }
        Err(error) => Err(flaw(error)),
    }
}

fn build<'a>(
    leaf: &'a EndEntityCert<'a>,
    anchors: &'a [TrustAnchor<'a>],
    links: &'a [CertificateDer<'a>],
    time: UnixTime,
) -> Result<TrustAnchor<'static>, webpki::Error> {
    let known: Vec<&dyn SignatureVerificationAlgorithm> =
        ALGORITHMS.iter().map(|a| a as _).collect();
    leaf.verify_for_usage(&known, anchors, links, time, AnyUsage, None, None)
        .map(|path| path.anchor().to_owned())
}

fn flaw(error: webpki::Error) -> Flaw {
    use webpki::Error as E;
    match error {
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Flaw::Unsupported("a certificate's algorithm is not verified here")
        }
        _ => Flaw::Invalid("the chain of certificates is broken"),
    }
}

/// Attestation formats have rules of their own about usage; RFC 5280 has none for them.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, iter: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        iter.into_iter().try_for_each(|id| id.map(|_| ()))
    }
}

/// A way to sign certificates. SHA-1 and curves other than P-256 and P-384 are not among them.
#[derive(Debug)]
struct Signing {
    scheme: Scheme,
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Signing {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        if x509::verify(self.scheme, key, message, signature) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn p256(hash: Hash, signature: AlgorithmIdentifier) -> Signing {
    Signing { scheme: Scheme::P256(hash), key: alg_id::ECDSA_P256, signature }
}

const fn p384(hash: Hash, signature: AlgorithmIdentifier) -> Signing {
    Signing { scheme: Scheme::P384(hash), key: alg_id::ECDSA_P384, signature }
}

const fn rsa(hash: Hash, signature: AlgorithmIdentifier) -> Signing {
    Signing { scheme: Scheme::Rsa(hash), key: alg_id::RSA_ENCRYPTION, signature }
}

static ALGORITHMS: [Signing; 9] = [
    p256(Hash::Sha256, alg_id::ECDSA_SHA256),
    p256(Hash::Sha384, alg_id::ECDSA_SHA384),
    p256(Hash::Sha512, alg_id::ECDSA_SHA512),
    p384(Hash::Sha256, alg_id::ECDSA_SHA256),
    p384(Hash::Sha384, alg_id::ECDSA_SHA384),
    p384(Hash::Sha512, alg_id::ECDSA_SHA512),
    rsa(Hash::Sha256, alg_id::RSA_PKCS1_SHA256),
    rsa(Hash::Sha384, alg_id::RSA_PKCS1_SHA384),
    rsa(Hash::Sha512, alg_id::RSA_PKCS1_SHA512),
];
