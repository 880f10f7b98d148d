//! SPIFFE: identifiers (SPIFFE-ID), JWT-SVIDs and X.509-SVIDs of one trust domain.

use std::time::Duration;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::IdentityError;
use super::jwk::Algorithm;
use super::jws::Jws;

/// Longest SPIFFE ID, in bytes (SPIFFE-ID 2.3).
const MAX_ID: usize = 2048;
/// Longest name of a trust domain, in bytes.
const MAX_DOMAIN: usize = 255;
/// Most certificates of a client's chain.
const MAX_CHAIN: usize = 8;

/// A SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiffeId {
    text: String,
    domain: String,
}

impl SpiffeId {
    /// Reads an identifier of a workload (SPIFFE-ID 2): no query, no fragment, no empty or dot
    /// segments, no percent-encoding, lower-case trust domain, a path.
    ///
    /// # Errors
    /// `identity.spiffe`.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let bad = IdentityError::Spiffe("not a SPIFFE ID of a workload");
        if text.len() > MAX_ID {
            return Err(bad);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(bad.clone())?;
        let (domain, path) = rest.split_once('/').ok_or(bad.clone())?;
        let of_domain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
        let of_path = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let segments = path.split('/').all(|segment| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(of_path)
        });
        let named = (1..=MAX_DOMAIN).contains(&domain.len()) && domain.bytes().all(of_domain);
        match named && segments {
            true => Ok(Self { text: text.to_owned(), domain: domain.to_owned() }),
            false => Err(bad),
        }
    }

    /// The whole identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its trust domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

/// Checks what a JWT-SVID's header may have (JWT-SVID 2): `alg`, `kid`, `typ` and nothing else, an
/// algorithm of its list, `typ` JWT or JOSE.
///
/// # Errors
/// `identity.header`, `identity.algorithm`, `identity.type`.
pub fn check_header(jws: &Jws<'_>) -> Result<(), IdentityError> {
    let members = jws.header.as_object().unwrap_or_default();
    if !members.iter().all(|(name, _)| ["alg", "kid", "typ"].contains(&name.as_str())) {
        return Err(IdentityError::Header("a JWT-SVID has only `alg`, `kid` and `typ`"));
    }
    if jws.algorithm == Algorithm::EdDsa {
        return Err(IdentityError::Algorithm);
    }
    match jws.typ.as_deref() {
        None | Some("jwt" | "jose") => Ok(()),
        Some(_) => Err(IdentityError::Type),
    }
}

/// The subject of a JWT-SVID.
///
/// # Errors
/// `identity.spiffe` for no SPIFFE ID or one of another trust domain.
pub fn subject(claims: &Json, domain: &str) -> Result<SpiffeId, IdentityError> {
    let sub = claims.get("sub").and_then(Json::as_str);
    of_domain(sub.unwrap_or_default(), domain)
}

fn of_domain(text: &str, domain: &str) -> Result<SpiffeId, IdentityError> {
    let id = SpiffeId::parse(text)?;
    match id.domain() == domain {
        true => Ok(id),
        false => Err(IdentityError::Spiffe("it is of another trust domain")),
    }
}

/// The identifier in an X.509-SVID: the one URI of the leaf's subject alternative names, where it
/// is a SPIFFE ID.
///
/// # Errors
/// `identity.certificate`, `identity.spiffe`.
pub fn certificate_id(leaf: &CertificateDer<'_>) -> Result<SpiffeId, IdentityError> {
    let leaf = EndEntityCert::try_from(leaf)
        .map_err(|_| IdentityError::Certificate("it is no certificate by RFC 5280"))?;
    let mut uris = leaf.valid_uri_names();
    let one = uris.next().ok_or(IdentityError::Spiffe("the certificate has no URI"))?;
    if uris.next().is_some() {
        return Err(IdentityError::Spiffe("the certificate has more than one URI"));
    }
    SpiffeId::parse(one)
}

/// Checks a chain, the leaf first, against the roots of one trust domain: TLS was satisfied with
/// any of the roots that it knows, those of other domains included.
///
/// # Errors
/// `identity.certificate`, `identity.spiffe`.
pub fn check_chain(
    chain: &[CertificateDer<'_>],
    roots: &[CertificateDer<'_>],
    domain: &str,
    now: UnixSeconds,
) -> Result<SpiffeId, IdentityError> {
    let bad = IdentityError::Certificate;
    if chain.len() > MAX_CHAIN {
        return Err(bad("the chain is too long"));
    }
    let (leaf, above) = chain.split_first().ok_or(IdentityError::Missing)?;
    let id = certificate_id(leaf)?;
    if id.domain() != domain {
        return Err(IdentityError::Spiffe("it is of another trust domain"));
    }
    let leaf =
        EndEntityCert::try_from(leaf).map_err(|_| bad("it is no certificate by RFC 5280"))?;
    let anchors: Vec<TrustAnchor<'_>> =
        roots.iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.0));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let algorithms = provider.signature_verification_algorithms.all;
    leaf.verify_for_usage(algorithms, &anchors, above, time, KeyUsage::client_auth(), None, None)
        .map_err(|error| match error {
        webpki::Error::CertExpired { .. } => bad("it has expired"),
        webpki::Error::CertNotValidYet { .. } => bad("it is not valid yet"),
        webpki::Error::UnknownIssuer => bad("it leads to no root of its trust domain"),
        _ => bad("its chain does not verify for a client"),
    })?;
    Ok(id)
}

/// Whether a name has the scheme of SPIFFE IDs.
pub(super) fn is_reserved(name: &str) -> bool {
    name.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe://"))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

    use super::*;

    #[test]
    fn identifiers_are_those_of_the_standard() {
        for good in ["spiffe://example.org/a", "spiffe://e-x_a.1/Agent/v1.2_x-y"] {
            assert_eq!(SpiffeId::parse(good).unwrap().as_str(), good);
        }
        let long = format!("spiffe://a/{}", "a".repeat(MAX_ID));
        for bad in [
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/./a",
            "spiffe://example.org/../a",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/%61",
            "spiffe://Example.org/a",
            "SPIFFE://example.org/a",
            "spiffe://u@example.org/a",
            "spiffe://example.org:1/a",
            "spiffe:///a",
            "https://example.org/a",
            &long,
            "",
        ] {
            assert_eq!(SpiffeId::parse(bad).unwrap_err().code(), "identity.spiffe", "{bad}");
        }
    }

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn leaf(by: &CertifiedIssuer<'static, KeyPair>, uris: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names =
            uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().clone()
    }

    // SPEC.md R-10-106.
    #[test]
    fn a_certificate_counts_in_its_own_trust_domain() {
        let (ours, theirs) = (authority(), authority());
        let roots = [ours.der().clone()];
        let now = UnixSeconds(1_800_000_000);
        let check = |leaf, at| check_chain(&[leaf], &roots, "example.org", at);
        let id = "spiffe://example.org/agent";
        assert_eq!(check(leaf(&ours, &[id]), now).unwrap().as_str(), id);
        for (bad, code) in [
            (leaf(&theirs, &[id]), "identity.certificate"),
            (leaf(&ours, &["spiffe://other.example/agent"]), "identity.spiffe"),
            (leaf(&ours, &[id, "spiffe://example.org/b"]), "identity.spiffe"),
            (leaf(&ours, &[id, "https://example.org/"]), "identity.spiffe"),
            (leaf(&ours, &["https://example.org/agent"]), "identity.spiffe"),
            (leaf(&ours, &[]), "identity.spiffe"),
            (ours.der().clone(), "identity.spiffe"),
            (CertificateDer::from(vec![1, 2, 3]), "identity.certificate"),
        ] {
            assert_eq!(check(bad, now).unwrap_err().code(), code);
        }
        let never = check(leaf(&ours, &[id]), UnixSeconds(1));
        assert_eq!(never.unwrap_err().code(), "identity.certificate");
        let long = vec![leaf(&ours, &[id]); MAX_CHAIN + 1];
        let long = check_chain(&long, &roots, "example.org", now);
        assert_eq!(long.unwrap_err().code(), "identity.certificate");
        let none = check_chain(&[], &roots, "example.org", now);
        assert_eq!(none.unwrap_err().code(), "identity.missing");
    }
}
