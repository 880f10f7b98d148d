//! Statements (SPEC.md 5): a SCITT Signed Statement (RFC 9943) that carries one document and the
//! assertions over it.

use std::ops::Range;

use crate::cbor::{Key, MapWriter, Reader, Writer};
use crate::cose::{self, CoseError, Sign1, claim, label};
use crate::document::{Document, MAX_CREDENTIAL};
use crate::kind::{self, Kind};
use crate::sshsig::Namespace;
use crate::{Error, PROFILE};

/// `content type` (3) of every statement.
pub const CONTENT_TYPE: &str = "application/vnd.placet.receipt+cbor";
/// Longest `iss`, in bytes (RFC 9943).
pub const MAX_ISS: usize = 8192;
/// Most assertions in a statement.
const MAX_ASSERTIONS: usize = 4;
/// Largest part of an assertion, in bytes.
const MAX_ASSERTION_PART: usize = 16 * 1024;
/// Largest attestationObject, in bytes.
pub const MAX_ATTESTATION: usize = 64 * 1024;

/// Why a statement was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The unprotected header is not empty.
    #[error("unprotected header is not empty")]
    Unprotected,
    /// The payload is detached.
    #[error("payload is detached")]
    Detached,
    /// The payload has a member it should not have, or lacks one.
    #[error("payload: {0}")]
    Payload(&'static str),
    /// `typ`, payload and document do not agree on the kind.
    #[error("typ, payload and document name different kinds")]
    KindMismatch,
    /// `sub` is not the request of the document, or not a UUID.
    #[error("sub is not urn:uuid: and the document's request")]
    Subject,
    /// The namespaces of the assertions are not those that the kind asks for.
    #[error("the assertions are not those that the kind asks for")]
    Assertions,
    /// The registration is missing, superfluous or not the one that the document names.
    #[error("the attestation is not the one that the document names")]
    Attestation,
}

impl StatementError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unprotected => "statement.unprotected",
            Self::Detached => "statement.detached",
            Self::Payload(_) => "statement.payload",
            Self::KindMismatch => "statement.kind_mismatch",
            Self::Subject => "statement.subject",
            Self::Assertions => "statement.assertions",
            Self::Attestation => "statement.attestation",
        }
    }
}

/// Protected header of a statement (SPEC.md 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Label 1.
    pub alg: i64,
    /// Label 4: RFC 9679 thumbprint of the issuer key.
    pub kid: [u8; 32],
    /// Claim 1.
    pub iss: String,
    /// Claim 2: `urn:uuid:` and a UUIDv4.
    pub sub: String,
    /// Claim 6, seconds since 1970; a claim.
    pub iat: u64,
    /// Claim 7.
    pub cti: [u8; 16],
    /// Label 16.
    pub typ: String,
}

impl Header {
    /// The request or other UUID that `sub` names.
    #[must_use]
    pub fn subject_uuid(&self) -> &str {
        self.sub.strip_prefix("urn:uuid:").unwrap_or_default()
    }

    /// Serialises the header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut cwt = MapWriter::new();
        cwt.int(claim::ISS, |w| w.text(&self.iss))
            .int(claim::SUB, |w| w.text(&self.sub))
            .int(claim::IAT, |w| w.uint(self.iat))
            .int(claim::CTI, |w| w.bytes(&self.cti));
        let mut header = MapWriter::new();
        header
            .int(label::ALG, |w| w.int(self.alg))
            .int(label::CONTENT_TYPE, |w| w.text(CONTENT_TYPE))
            .int(label::KID, |w| w.bytes(&self.kid))
            .int(label::CWT_CLAIMS, |w| w.map(cwt))
            .int(label::TYP, |w| w.text(&self.typ));
        let mut w = Writer::new();
        w.map(header);
        w.into_bytes()
    }

    fn read(protected: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(protected)?;
        let (mut alg, mut content, mut kid, mut claims, mut typ) = (None, None, None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Int(label::ALG) => alg = Some(r.int()?),
                Key::Int(label::CONTENT_TYPE) => content = Some(r.text()?),
                Key::Int(label::KID) => kid = Some(r.bytes_array::<32>()?),
                Key::Int(label::CWT_CLAIMS) => claims = Some(read_claims(&mut r)?),
                Key::Int(label::TYP) => typ = Some(r.text()?.to_owned()),
                _ => return Err(CoseError::Header("a label that statements do not have").into()),
            }
        }
        r.end()?;
        if content != Some(CONTENT_TYPE) {
            return Err(CoseError::Header("content type").into());
        }
        let (Some(alg), Some(kid), Some((iss, sub, iat, cti)), Some(typ)) = (alg, kid, claims, typ)
        else {
            return Err(CoseError::Header("alg, kid, claims or typ missing").into());
        };
        Ok(Self { alg, kid, iss, sub, iat, cti, typ })
    }
}

type Claims = (String, String, u64, [u8; 16]);

fn read_claims(r: &mut Reader<'_>) -> Result<Claims, Error> {
    let (mut iss, mut sub, mut iat, mut cti) = (None, None, None, None);
    for _ in 0..r.map()? {
        match r.key()? {
            Key::Int(claim::ISS) => iss = Some(r.text()?.to_owned()),
            Key::Int(claim::SUB) => sub = Some(r.text()?.to_owned()),
            Key::Int(claim::IAT) => iat = Some(r.uint()?),
            Key::Int(claim::CTI) => cti = Some(r.bytes_array::<16>()?),
            _ => return Err(CoseError::Header("a claim that statements do not have").into()),
        }
    }
    match (iss, sub, iat, cti) {
        (Some(iss), Some(sub), Some(iat), Some(cti)) if !iss.is_empty() && iss.len() <= MAX_ISS => {
            Ok((iss, sub, iat, cti))
        }
        _ => Err(CoseError::Header("iss, sub, iat or cti missing or too long").into()),
    }
}

/// A WebAuthn assertion as it stands in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The SSHSIG namespace that the challenge was made with.
    pub namespace: Namespace,
    /// Credential id.
    pub credential: Vec<u8>,
    /// authenticatorData as signed.
    pub authenticator_data: Vec<u8>,
    /// clientDataJSON as hashed.
    pub client_data_json: Vec<u8>,
    /// The authenticator's signature.
    pub signature: Vec<u8>,
}

impl Assertion {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut ty, mut ns, mut cred, mut auth, mut client, mut sig) =
            (None, None, None, None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("type") => ty = Some(r.text()?),
                Key::Text("namespace") => ns = Some(r.text()?),
                Key::Text("credential") => cred = Some(part(r.bytes()?, MAX_CREDENTIAL)?),
                Key::Text("authenticator_data") => {
                    auth = Some(part(r.bytes()?, MAX_ASSERTION_PART)?);
                }
                Key::Text("client_data_json") => {
                    client = Some(part(r.bytes()?, MAX_ASSERTION_PART)?);
                }
                Key::Text("signature") => sig = Some(part(r.bytes()?, MAX_ASSERTION_PART)?),
                _ => return Err(StatementError::Payload("assertion has an unknown member").into()),
            }
        }
        if ty != Some("webauthn") {
            return Err(StatementError::Payload("assertion type is not webauthn").into());
        }
        let namespace = ns.and_then(Namespace::from_name);
        match (namespace, cred, auth, client, sig) {
            (
                Some(namespace),
                Some(credential),
                Some(authenticator_data),
                Some(client_data_json),
                Some(signature),
            ) => {
                Ok(Self { namespace, credential, authenticator_data, client_data_json, signature })
            }
            _ => Err(StatementError::Payload("assertion lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("type", |w| w.text("webauthn"))
            .text("namespace", |w| w.text(self.namespace.as_str()))
            .text("credential", |w| w.bytes(&self.credential))
            .text("authenticator_data", |w| w.bytes(&self.authenticator_data))
            .text("client_data_json", |w| w.bytes(&self.client_data_json))
            .text("signature", |w| w.bytes(&self.signature));
        m
    }
}

fn part(bytes: &[u8], max: usize) -> Result<Vec<u8>, Error> {
    if bytes.len() > max {
        return Err(
            StatementError::Payload("a part of an assertion or attestation is too long").into()
        );
    }
    Ok(bytes.to_vec())
}

/// What a registration left behind (SPEC.md 5.3): with it, an attestation is verified again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// attestationObject, at most 64 KiB.
    pub object: Vec<u8>,
    /// clientDataJSON of `navigator.credentials.create()`, at most 16 KiB.
    pub client_data_json: Vec<u8>,
}

impl Attestation {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut object, mut client) = (None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("object") => object = Some(part(r.bytes()?, MAX_ATTESTATION)?),
                Key::Text("client_data_json") => {
                    client = Some(part(r.bytes()?, MAX_ASSERTION_PART)?);
                }
                _ => {
                    return Err(StatementError::Payload("attestation has an unknown member").into());
                }
            }
        }
        match (object, client) {
            (Some(object), Some(client_data_json)) => Ok(Self { object, client_data_json }),
            _ => Err(StatementError::Payload("attestation lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("object", |w| w.bytes(&self.object))
            .text("client_data_json", |w| w.bytes(&self.client_data_json));
        m
    }
}

/// A statement of the Placet profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Protected header.
    pub header: Header,
    /// The document.
    pub document: Document,
    /// Assertions over the document, ascending by namespace.
    pub assertions: Vec<Assertion>,
    /// The registration of an enrolment.
    pub attestation: Option<Attestation>,
    /// The signature of the issuer.
    pub signature: Vec<u8>,
    bytes: Vec<u8>,
    /// Where protected header and payload stand in `bytes`.
    signed: [Range<usize>; 2],
}

impl Statement {
    /// Reads a statement strictly and checks all that needs no key: SPEC.md 5.1 to 5.3.
    ///
    /// # Errors
    /// `kind.unknown` and `profile.unknown` for what a later profile may define; else `cose.*`,
    /// `statement.*`, `document.*`, `cbor.*`, `json.*`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, Document::parse)
    }

    /// As [`Statement::parse`], where the document was parsed already: what was made a moment ago
    /// is checked as a reader checks it, and the same bytes are not read twice.
    ///
    /// # Errors
    /// As there.
    pub fn parse_around(bytes: &[u8], document: &Document) -> Result<Self, Error> {
        Self::parse_with(bytes, |found| match found == document.bytes() {
            true => Ok(document.clone()),
            false => Document::parse(found),
        })
    }

    fn parse_with(
        bytes: &[u8],
        read: impl FnOnce(&[u8]) -> Result<Document, Error>,
    ) -> Result<Self, Error> {
        let sign1 = Sign1::parse(bytes)?;
        if sign1.unprotected != cose::EMPTY_MAP {
            return Err(StatementError::Unprotected.into());
        }
        let payload = sign1.payload.ok_or(StatementError::Detached)?;
        let header = Header::read(sign1.protected)?;
        let Payload { kind, document, assertions, attestation } = Payload::read(payload)?;
        if kind::name_in_typ(&header.typ) != Some(kind) {
            return Err(StatementError::KindMismatch.into());
        }
        // What a later profile puts into a document of its own kind is not for us to judge.
        if Kind::from_name(kind).is_none() {
            return Err(crate::document::DocumentError::Kind.into());
        }
        let document = read(document)?;
        if document.kind().name() != kind {
            return Err(StatementError::KindMismatch.into());
        }
        let out = Self {
            header,
            document,
            assertions,
            attestation,
            signature: sign1.signature.to_vec(),
            signed: [place(bytes, sign1.protected), place(bytes, payload)],
            bytes: bytes.to_vec(),
        };
        out.check_subject()?;
        out.check_assertions()?;
        out.check_attestation()?;
        Ok(out)
    }

    /// The statement's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The entry of the tree: SHA-256 of the bytes (SPEC.md 5.4).
    #[must_use]
    pub fn entry(&self) -> [u8; 32] {
        crate::sha256(&self.bytes)
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.document.kind()
    }

    /// The bytes that the issuer signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let [protected, payload] = &self.signed;
        let part = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        cose::sig_structure(part(protected), part(payload))
    }

    /// The assertion under this namespace.
    #[must_use]
    pub fn assertion(&self, namespace: Namespace) -> Option<&Assertion> {
        self.assertions.iter().find(|a| a.namespace == namespace)
    }

    fn check_subject(&self) -> Result<(), Error> {
        let uuid = self.header.sub.strip_prefix("urn:uuid:").ok_or(StatementError::Subject)?;
        let right = match self.document.body.request() {
            Some(request) => request == uuid,
            None => crate::document::is_uuid_v4(uuid),
        };
        if right { Ok(()) } else { Err(StatementError::Subject.into()) }
    }

    fn check_assertions(&self) -> Result<(), Error> {
        use crate::document::Body;
        let mut wanted: Vec<Namespace> = match &self.document.body {
            Body::Enrolment(e) if e.authoriser.is_none() => vec![Namespace::EnrolPossess],
            Body::Enrolment(_) => vec![Namespace::EnrolAuthorise, Namespace::EnrolPossess],
            Body::Policy(p) if p.authorised.is_none() => vec![],
            body => body.kind().namespace().into_iter().collect(),
        };
        wanted.sort_by_key(|n| n.as_str());
        let found: Vec<Namespace> = self.assertions.iter().map(|a| a.namespace).collect();
        if found == wanted { Ok(()) } else { Err(StatementError::Assertions.into()) }
    }

    fn check_attestation(&self) -> Result<(), Error> {
        use crate::document::Body;
        let named = match &self.document.body {
            Body::Enrolment(e) => Some((e.attestation_sha256, e.attestation_client_data_sha256)),
            _ => None,
        };
        let found = self.attestation.as_ref();
        let hashes =
            |a: &Attestation| (crate::sha256(&a.object), crate::sha256(&a.client_data_json));
        if found.map(hashes) == named { Ok(()) } else { Err(StatementError::Attestation.into()) }
    }
}

/// Kind name, and whatever else can be said of a statement whose document this profile does not
/// define (SPEC.md 4.2): enough to verify it as an entry.
///
/// # Errors
/// As [`Statement::parse`].
pub fn peek(bytes: &[u8]) -> Result<(Header, String), Error> {
    let sign1 = Sign1::parse(bytes)?;
    if sign1.unprotected != cose::EMPTY_MAP {
        return Err(StatementError::Unprotected.into());
    }
    let header = Header::read(sign1.protected)?;
    let name = kind::name_in_typ(&header.typ).unwrap_or_default().to_owned();
    Ok((header, name))
}

/// Where `part`, a slice of `whole`, stands in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

struct Payload<'a> {
    kind: &'a str,
    document: &'a [u8],
    assertions: Vec<Assertion>,
    attestation: Option<Attestation>,
}

impl<'a> Payload<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes)?;
        let (mut kind, mut profile, mut document, mut assertions, mut attestation) =
            (None, None, None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("kind") => kind = Some(r.text()?),
                Key::Text("profile") => profile = Some(r.text()?),
                Key::Text("document") => document = Some(r.bytes()?),
                Key::Text("assertions") => {
                    let n = r.array(MAX_ASSERTIONS)?;
                    let list: Result<Vec<_>, _> = (0..n).map(|_| Assertion::read(&mut r)).collect();
                    assertions = Some(list?);
                }
                Key::Text("attestation") => {
                    attestation = Some(Attestation::read(&mut r)?);
                }
                _ => return Err(StatementError::Payload("unknown member").into()),
            }
        }
        r.end()?;
        if profile != Some(PROFILE) {
            return Err(crate::document::DocumentError::Profile.into());
        }
        match (kind, document, assertions) {
            (Some(kind), Some(document), Some(assertions)) => {
                Ok(Self { kind, document, assertions, attestation })
            }
            _ => Err(StatementError::Payload("a member is missing").into()),
        }
    }
}

/// A statement that is not signed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    /// Puts header, document and assertions together. Assertions are sorted here.
    #[must_use]
    pub fn new(
        header: &Header,
        document: &Document,
        mut assertions: Vec<Assertion>,
        attestation: Option<&Attestation>,
    ) -> Self {
        assertions.sort_by_key(|a| a.namespace.as_str());
        let mut map = MapWriter::new();
        map.text("kind", |w| w.text(document.kind().name()))
            .text("profile", |w| w.text(PROFILE))
            .text("document", |w| w.bytes(document.bytes()))
            .text("assertions", |w| {
                w.array(assertions.len());
                for assertion in &assertions {
                    w.map(assertion.write());
                }
                w
            });
        if let Some(attestation) = attestation {
            map.text("attestation", |w| w.map(attestation.write()));
        }
        let mut w = Writer::new();
        w.map(map);
        Self { protected: header.encode(), payload: w.into_bytes() }
    }

    /// What the issuer key signs.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        cose::sig_structure(&self.protected, &self.payload)
    }

    /// The statement.
    #[must_use]
    pub fn sign(self, signature: &[u8]) -> Vec<u8> {
        cose::encode_sign1(&self.protected, cose::EMPTY_MAP, Some(&self.payload), signature)
    }
}
