//! What attestation formats ask of a leaf certificate (RFC 5280 4.1).

use pki_types::alg_id;
use placet_proto::cose_key::PublicKey;
use placet_proto::spki;
use placet_proto::time::UnixSeconds;

use super::Flaw;
use crate::crypto::x509::{self, Hash, Scheme};
use crate::der::{BOOLEAN, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET};

/// A certificate, read as far as attestations ask; that it is one by RFC 5280 is for the chain
/// builder to say, which reads it again.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    pub not_before: UnixSeconds,
    pub not_after: UnixSeconds,
    subject: &'a [u8],
    spki: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Extension<'a> {
    id: &'a [u8],
    pub critical: bool,
    pub value: &'a [u8],
}

/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// 1.3.6.1.4.1.45724.1.1.4, id-fido-gen-ce-aaguid.
const FIDO_AAGUID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Flaw> {
        let mut outer = Reader::new(der);
        let mut certificate = outer.inside(SEQUENCE)?;
        outer.end()?;
        let mut tbs = certificate.inside(SEQUENCE)?;
        let version = tbs.optional(0xa0)?;
        if version != Some(&[0x02, 0x01, 0x02]) {
            return Err(Flaw::Invalid("a certificate is not of version 3"));
        }
        tbs.expect(INTEGER)?;
        tbs.expect(SEQUENCE)?;
        tbs.expect(SEQUENCE)?;
        let mut validity = tbs.inside(SEQUENCE)?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.end()?;
        let subject = tbs.expect(SEQUENCE)?;
        let spki = tbs.item()?.raw;
        // issuerUniqueID and subjectUniqueID, which mean nothing.
        tbs.optional(0x81)?;
        tbs.optional(0x82)?;
        let extensions = match tbs.optional(0xa3)? {
            Some(bytes) => read_extensions(bytes)?,
            None => Vec::new(),
        };
        tbs.end()?;
        Ok(Self { not_before, not_after, subject, spki, extensions })
    }

    /// The extension with this id; twice is wrong.
    pub(super) fn extension(&self, id: &[u8]) -> Result<Option<Extension<'a>>, Flaw> {
        let mut found = self.extensions.iter().filter(|e| e.id == id);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.copied()),
            _ => Err(Flaw::Invalid("a certificate has an extension twice")),
        }
    }

    /// Whether the subject has no attributes.
    pub(super) const fn has_empty_subject(&self) -> bool {
        self.subject.is_empty()
    }

    /// The value of each attribute of this type in the subject.
    pub(super) fn subject(&self, kind: &[u8]) -> Result<Vec<&'a [u8]>, Flaw> {
        let all = attributes(self.subject)?;
        Ok(all.into_iter().filter(|(id, _)| *id == kind).map(|(_, value)| value).collect())
    }

    /// Whether the certificate is of exactly this key.
    pub(super) fn is_of(&self, key: &PublicKey) -> bool {
        spki::to_der(key) == self.spki
    }

    /// Verifies a signature by the certificate's key under a COSE algorithm.
    pub(super) fn verify(&self, alg: i64, message: &[u8], signature: &[u8]) -> Result<(), Flaw> {
        let (algorithm, key) = self.key()?;
        let scheme = match (alg, algorithm) {
            (-7, _) if *algorithm == *alg_id::ECDSA_P256 => Scheme::P256(Hash::Sha256),
            (-35, _) if *algorithm == *alg_id::ECDSA_P384 => Scheme::P384(Hash::Sha384),
            (-257, _) if *algorithm == *alg_id::RSA_ENCRYPTION => Scheme::Rsa(Hash::Sha256),
            (-258, _) if *algorithm == *alg_id::RSA_ENCRYPTION => Scheme::Rsa(Hash::Sha384),
            (-259, _) if *algorithm == *alg_id::RSA_ENCRYPTION => Scheme::Rsa(Hash::Sha512),
            (-7 | -35 | -259..=-257, _) => {
                return Err(Flaw::Invalid("alg is none of the certificate's key"));
            }
            _ => return Err(Flaw::Unsupported("an algorithm that is not verified here")),
        };
        if x509::verify(scheme, key, message, signature) {
            Ok(())
        } else {
            Err(Flaw::Invalid("the attestation's signature does not verify"))
        }
    }

    /// WebAuthn L3 8.2.1, 8.3.1: the leaf is no authority, and says so.
    pub(super) fn check_no_authority(&self) -> Result<(), Flaw> {
        let wrong = Flaw::Invalid("the leaf's basic constraints do not say that it is no CA");
        let value = self.extension(BASIC_CONSTRAINTS)?.ok_or(wrong)?.value;
        let mut reader = Reader::new(value);
        let mut inside = reader.inside(SEQUENCE)?;
        if inside.optional(BOOLEAN)?.is_some() { Err(wrong) } else { Ok(reader.end()?) }
    }

    /// The model that the certificate names, if it names one, is that of authenticatorData.
    pub(super) fn check_aaguid(&self, aaguid: &[u8; 16]) -> Result<(), Flaw> {
        let Some(extension) = self.extension(FIDO_AAGUID)? else { return Ok(()) };
        let mut reader = Reader::new(extension.value);
        let named = reader.expect(OCTET_STRING)?;
        reader.end()?;
        if extension.critical {
            return Err(Flaw::Invalid("the certificate's AAGUID is marked critical"));
        }
        if named == aaguid {
            Ok(())
        } else {
            Err(Flaw::Invalid("the certificate names another AAGUID"))
        }
    }

    /// AlgorithmIdentifier, without its head, and the key's bits.
    pub(super) fn key(&self) -> Result<(&'a [u8], &'a [u8]), Flaw> {
        let mut reader = Reader::new(self.spki);
        let mut spki = reader.inside(SEQUENCE)?;
        let (algorithm, key) = (spki.expect(SEQUENCE)?, spki.bits()?);
        spki.end()?;
        Ok((algorithm, key))
    }
}

/// Type and value of an attribute of a Name.
type Attribute<'a> = (&'a [u8], &'a [u8]);

/// Type and value of every attribute of a Name, given without its head.
pub(super) fn attributes(name: &[u8]) -> Result<Vec<Attribute<'_>>, Flaw> {
    let mut out = Vec::new();
    let mut rdns = Reader::new(name);
    while !rdns.at_end() {
        let mut set = rdns.inside(SET)?;
        while !set.at_end() {
            let mut one = set.inside(SEQUENCE)?;
            out.push((one.expect(OID)?, one.item()?.body));
            one.end()?;
        }
    }
    Ok(out)
}

fn read_extensions(bytes: &[u8]) -> Result<Vec<Extension<'_>>, Flaw> {
    let mut outer = Reader::new(bytes);
    let mut list = outer.inside(SEQUENCE)?;
    outer.end()?;
    let mut out = Vec::new();
    while !list.at_end() {
        let mut one = list.inside(SEQUENCE)?;
        let id = one.expect(OID)?;
        let critical = match one.optional(BOOLEAN)? {
            None => false,
            Some([0xff]) => true,
            Some(_) => return Err(Flaw::Invalid("a certificate's extension is not DER")),
        };
        out.push(Extension { id, critical, value: one.expect(OCTET_STRING)? });
        one.end()?;
    }
    Ok(out)
}
