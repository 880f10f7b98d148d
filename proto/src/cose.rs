//! COSE_Sign1 (RFC 9052) and COSE Receipts (RFC 9942) as bytes. Signatures are made and checked
//! elsewhere; this module says which bytes they cover.

use crate::Error;
use crate::cbor::{Key, Kind, MapWriter, Reader, Writer};
use crate::tlog::merkle::Hash;

/// CBOR tag of a COSE_Sign1.
pub const TAG_SIGN1: u64 = 18;
/// COSE algorithm EdDSA (RFC 9053), and Ed25519 of RFC 9864, the same algorithm to us.
pub const ALG_EDDSA: i64 = -8;
/// Fully specified Ed25519 (RFC 9864).
pub const ALG_ED25519: i64 = -19;
/// ES256 (RFC 9053).
pub const ALG_ES256: i64 = -7;
/// Fully specified ESP256 (RFC 9864).
pub const ALG_ESP256: i64 = -9;

/// Header labels (IANA COSE Header Parameters).
pub mod label {
    /// Algorithm.
    pub const ALG: i64 = 1;
    /// Critical headers.
    pub const CRIT: i64 = 2;
    /// Content type.
    pub const CONTENT_TYPE: i64 = 3;
    /// Key id.
    pub const KID: i64 = 4;
    /// CWT claims (RFC 9597).
    pub const CWT_CLAIMS: i64 = 15;
    /// Type (RFC 9596).
    pub const TYP: i64 = 16;
    /// Receipts (RFC 9942).
    pub const RECEIPTS: i64 = 394;
    /// Verifiable data structure (RFC 9942).
    pub const VDS: i64 = 395;
    /// Verifiable data proofs (RFC 9942).
    pub const VDP: i64 = 396;
}

/// CWT claims (RFC 8392) and our private ones (SPEC.md 5.5).
pub mod claim {
    /// Issuer.
    pub const ISS: i64 = 1;
    /// Subject.
    pub const SUB: i64 = 2;
    /// Issued at.
    pub const IAT: i64 = 6;
    /// CWT id.
    pub const CTI: i64 = 7;
    /// Private: the tree size that RFC 9942 leaves unsigned.
    pub const TREE_SIZE: i64 = -65537;
    /// Private: the log's origin.
    pub const ORIGIN: i64 = -65538;
}

/// Largest COSE_Sign1 that is read, in bytes.
pub const MAX_SIGN1_BYTES: usize = 256 * 1024;
/// Longest Merkle path that is read, in hashes.
pub const MAX_PATH: usize = 63;

/// Why a COSE structure was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoseError {
    /// Not a tagged COSE_Sign1 of four elements, or over a limit.
    #[error("not a tagged COSE_Sign1: {0}")]
    Malformed(&'static str),
    /// A header that the profile asks for is missing, or one it does not know is there.
    #[error("protected header: {0}")]
    Header(&'static str),
    /// The receipt's proof is not one RFC9162_SHA256 inclusion proof.
    #[error("receipt: {0}")]
    Receipt(&'static str),
}

impl CoseError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "cose.malformed",
            Self::Header(_) => "cose.header",
            Self::Receipt(_) => "cose.receipt",
        }
    }
}

/// A COSE_Sign1, borrowed from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign1<'a> {
    /// The serialised protected header, as signed.
    pub protected: &'a [u8],
    /// The serialised unprotected header map.
    pub unprotected: &'a [u8],
    /// The payload, `None` when detached.
    pub payload: Option<&'a [u8]>,
    /// The signature.
    pub signature: &'a [u8],
}

/// The serialised empty map.
pub const EMPTY_MAP: &[u8] = &[0xa0];

impl<'a> Sign1<'a> {
    /// Reads a tagged COSE_Sign1 through the deterministic-CBOR gate.
    ///
    /// # Errors
    /// `cose.malformed`, or the gate's own codes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_SIGN1_BYTES {
            return Err(CoseError::Malformed("larger than 256 KiB").into());
        }
        let mut r = Reader::new(bytes)?;
        if r.peek()? != Kind::Tag || r.tag()? != TAG_SIGN1 {
            return Err(CoseError::Malformed("tag is not 18").into());
        }
        r.array_exact(4)?;
        let protected = r.bytes()?;
        if r.peek()? != Kind::Map {
            return Err(CoseError::Malformed("unprotected header is not a map").into());
        }
        let unprotected = r.raw()?;
        let payload = if r.peek()? == Kind::Null {
            r.null()?;
            None
        } else {
            Some(r.bytes()?)
        };
        let signature = r.bytes()?;
        r.end()?;
        Ok(Self { protected, unprotected, payload, signature })
    }

    /// The bytes that the signature covers, over the attached payload or, if that is detached,
    /// over `detached` (RFC 9052 4.4).
    #[must_use]
    pub fn signed_bytes(&self, detached: &[u8]) -> Vec<u8> {
        sig_structure(self.protected, self.payload.unwrap_or(detached))
    }
}

/// `Sig_structure` of a COSE_Sign1 with no external data (RFC 9052 4.4). An empty protected map
/// counts as a zero-length string.
#[must_use]
pub fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let protected = if protected == EMPTY_MAP { &[] } else { protected };
    let mut w = Writer::new();
    w.array(4).text("Signature1").bytes(protected).bytes(&[]).bytes(payload);
    w.into_bytes()
}

/// Writes a tagged COSE_Sign1. `unprotected` is a serialised map.
#[must_use]
pub fn encode_sign1(
    protected: &[u8],
    unprotected: &[u8],
    payload: Option<&[u8]>,
    signature: &[u8],
) -> Vec<u8> {
    let mut w = Writer::new();
    w.tag(TAG_SIGN1).array(4).bytes(protected).raw(unprotected);
    match payload {
        Some(p) => w.bytes(p),
        None => w.null(),
    };
    w.bytes(signature);
    w.into_bytes()
}

/// An RFC9162_SHA256 inclusion proof (RFC 9942 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Number of leaves of the tree. Unsigned in RFC 9942; see [`ReceiptClaims::tree_size`].
    pub tree_size: u64,
    /// Index of the leaf.
    pub leaf_index: u64,
    /// Sibling hashes, leaf to root.
    pub path: Vec<Hash>,
}

/// What our receipts say in header 15 (SPEC.md 5.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptClaims {
    /// Claim 1: the log's origin.
    pub iss: String,
    /// Claim 2: the registered statement's subject.
    pub sub: String,
    /// Claim -65537.
    pub tree_size: u64,
    /// Claim -65538.
    pub origin: String,
}

/// A COSE Receipt of the Placet profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// The envelope.
    pub sign1: Sign1<'a>,
    /// Header 1.
    pub alg: i64,
    /// Header 4, the thumbprint of the receipt key.
    pub kid: [u8; 32],
    /// Header 15.
    pub claims: ReceiptClaims,
    /// The one inclusion proof.
    pub proof: InclusionProof,
}

impl<'a> Receipt<'a> {
    /// Reads a receipt of the Placet profile: exactly the headers of SPEC.md 5.5.
    ///
    /// # Errors
    /// `cose.*`, `cbor.*`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let sign1 = Sign1::parse(bytes)?;
        if sign1.payload.is_some() {
            return Err(CoseError::Receipt("payload is attached").into());
        }
        let (alg, kid, claims) = read_receipt_header(sign1.protected)?;
        let proof = read_vdp(sign1.unprotected)?;
        Ok(Self { sign1, alg, kid, claims, proof })
    }
}

fn read_receipt_header(protected: &[u8]) -> Result<(i64, [u8; 32], ReceiptClaims), Error> {
    let mut r = Reader::new(protected)?;
    let (mut alg, mut kid, mut claims, mut vds) = (None, None, None, None);
    for _ in 0..r.map()? {
        match r.key()? {
            Key::Int(label::ALG) => alg = Some(r.int()?),
            Key::Int(label::KID) => kid = Some(r.bytes_array::<32>()?),
            Key::Int(label::CWT_CLAIMS) => claims = Some(read_receipt_claims(&mut r)?),
            Key::Int(label::VDS) => vds = Some(r.int()?),
            _ => return Err(CoseError::Header("a label that receipts do not have").into()),
        }
    }
    r.end()?;
    if vds != Some(1) {
        return Err(CoseError::Header("vds is not RFC9162_SHA256").into());
    }
    match (alg, kid, claims) {
        (Some(alg), Some(kid), Some(claims)) => Ok((alg, kid, claims)),
        _ => Err(CoseError::Header("alg, kid or claims missing").into()),
    }
}

fn read_receipt_claims(r: &mut Reader<'_>) -> Result<ReceiptClaims, Error> {
    let (mut iss, mut sub, mut tree_size, mut origin) = (None, None, None, None);
    for _ in 0..r.map()? {
        match r.key()? {
            Key::Int(claim::ISS) => iss = Some(r.text()?.to_owned()),
            Key::Int(claim::SUB) => sub = Some(r.text()?.to_owned()),
            Key::Int(claim::TREE_SIZE) => tree_size = Some(r.uint()?),
            Key::Int(claim::ORIGIN) => origin = Some(r.text()?.to_owned()),
            _ => return Err(CoseError::Header("a claim that receipts do not have").into()),
        }
    }
    match (iss, sub, tree_size, origin) {
        (Some(iss), Some(sub), Some(tree_size), Some(origin)) => {
            Ok(ReceiptClaims { iss, sub, tree_size, origin })
        }
        _ => Err(CoseError::Header("a claim is missing").into()),
    }
}

fn read_vdp(unprotected: &[u8]) -> Result<InclusionProof, Error> {
    let mut r = Reader::new(unprotected)?;
    if r.map()? != 1 || r.key()? != Key::Int(label::VDP) {
        return Err(CoseError::Receipt("not exactly header 396").into());
    }
    if r.map()? != 1 || r.key()? != Key::Int(-1) {
        return Err(CoseError::Receipt("not exactly inclusion proofs").into());
    }
    r.array_exact(1)?;
    let proof = read_inclusion_proof(r.bytes()?)?;
    r.end()?;
    Ok(proof)
}

/// Reads the inner `[tree_size, leaf_index, [* bstr]]`.
///
/// # Errors
/// `cose.receipt`, `cbor.*`.
pub fn read_inclusion_proof(bytes: &[u8]) -> Result<InclusionProof, Error> {
    let mut r = Reader::new(bytes)?;
    r.array_exact(3)?;
    let tree_size = r.uint()?;
    let leaf_index = r.uint()?;
    let path = read_path(&mut r)?;
    r.end()?;
    Ok(InclusionProof { tree_size, leaf_index, path })
}

/// Reads an array of at most [`MAX_PATH`] 32-byte hashes.
pub(crate) fn read_path(r: &mut Reader<'_>) -> Result<Vec<Hash>, Error> {
    let n = r.array(MAX_PATH)?;
    (0..n).map(|_| Ok(r.bytes_array::<32>()?)).collect()
}

pub(crate) fn write_path<'w>(w: &'w mut Writer, path: &[Hash]) -> &'w mut Writer {
    w.array(path.len());
    for hash in path {
        w.bytes(hash);
    }
    w
}

/// Protected header of a receipt of ours.
#[must_use]
pub fn receipt_protected(alg: i64, kid: &[u8; 32], claims: &ReceiptClaims) -> Vec<u8> {
    let mut cwt = MapWriter::new();
    cwt.int(claim::ISS, |w| w.text(&claims.iss))
        .int(claim::SUB, |w| w.text(&claims.sub))
        .int(claim::TREE_SIZE, |w| w.uint(claims.tree_size))
        .int(claim::ORIGIN, |w| w.text(&claims.origin));
    let mut header = MapWriter::new();
    header
        .int(label::ALG, |w| w.int(alg))
        .int(label::KID, |w| w.bytes(kid))
        .int(label::CWT_CLAIMS, |w| w.map(cwt))
        .int(label::VDS, |w| w.int(1));
    let mut w = Writer::new();
    w.map(header);
    w.into_bytes()
}

/// Unprotected header of a receipt: the proof.
#[must_use]
pub fn receipt_unprotected(proof: &InclusionProof) -> Vec<u8> {
    let mut inner = Writer::new();
    inner.array(3).uint(proof.tree_size).uint(proof.leaf_index);
    write_path(&mut inner, &proof.path);
    let inner = inner.into_bytes();
    let mut vdp = MapWriter::new();
    vdp.int(-1, |w| w.array(1).bytes(&inner));
    let mut header = MapWriter::new();
    header.int(label::VDP, |w| w.map(vdp));
    let mut w = Writer::new();
    w.map(header);
    w.into_bytes()
}
