//! The bare layer under our receipts: COSE_Sign1 statements (RFC 9052) and RFC9162_SHA256 COSE
//! Receipts (RFC 9942) of anybody, without a claim of the Placet profile (SPEC.md 5.5).
//!
//! It says that a key signed a statement, and that a log's key signed a root to which an entry
//! leads. It does not say that the key is the right one, that the tree has the size in the proof
//! (RFC 9942 does not sign it), or that the entry belongs to the statement: every log has a leaf
//! rule of its own.

use placet_proto::cose;
use placet_proto::tlog::merkle::{self, Hash, MerkleError};

use crate::crypto::{self, Algorithm, CryptoError, PublicKey};

mod item;

use item::Item;

/// Proofs in one receipt.
const MAX_PROOFS: usize = 16;
/// `vds` of RFC 9942 section 5: RFC9162_SHA256.
const RFC9162_SHA256: i64 = 1;
const INCLUSION_PROOFS: i64 = -1;

/// Why a statement or receipt is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BareError {
    /// Not CBOR with one reading.
    #[error("CBOR: {0}")]
    Cbor(&'static str),
    /// Not the structure of a COSE_Sign1 or a receipt.
    #[error("{0}")]
    Structure(&'static str),
    /// A critical header that this layer does not process, or a verifiable data structure or
    /// algorithm that it does not know: the input may be good, this program can't tell.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A proof does not lead to any root.
    #[error("inclusion proof: {0}")]
    Proof(#[from] MerkleError),
    /// A signature or key.
    #[error(transparent)]
    Signature(#[from] CryptoError),
}

impl BareError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cbor(_) => "bare.cbor",
            Self::Structure(_) => "bare.structure",
            Self::Unsupported(_) => "bare.unsupported",
            Self::Proof(_) => "bare.proof",
            Self::Signature(e) => e.code(),
        }
    }
}

/// What a receipt proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BareInclusion {
    /// The root that the log's key signed.
    pub root: Hash,
    /// The tree size in the proof: unsigned.
    pub tree_size: u64,
    /// The leaf index in the proof: as good as the tree size.
    pub leaf_index: u64,
}

/// Verifies the signature of a statement with an attached payload.
///
/// # Errors
/// [`BareError`].
pub fn verify_statement(bytes: &[u8], key: &PublicKey) -> Result<(), BareError> {
    let message = Message::parse(bytes)?;
    let payload = message.payload.ok_or(BareError::Structure("the payload is detached"))?;
    message.verify(payload, key)
}

/// Verifies that a receipt proves `entry` (the bytes before leaf hashing) under the log's key.
///
/// A receipt may hold several inclusion proofs. All are read, and one that is malformed refuses
/// the receipt; the first whose root the log's key signed is returned.
///
/// # Errors
/// [`BareError`].
pub fn verify_receipt(
    bytes: &[u8],
    entry: &[u8],
    key: &PublicKey,
) -> Result<BareInclusion, BareError> {
    let message = Message::parse(bytes)?;
    if message.payload.is_some() {
        return Err(BareError::Structure("the payload of a receipt is attached"));
    }
    match message.protected_item.label(cose::label::VDS).and_then(Item::int) {
        Some(RFC9162_SHA256) => {}
        Some(_) => return Err(BareError::Unsupported("vds is not RFC9162_SHA256")),
        None => return Err(BareError::Structure("no vds in the protected header")),
    }
    let leaf = merkle::leaf_hash(entry);
    let mut inclusions = Vec::new();
    for proof in message.proofs()? {
        let (tree_size, leaf_index, path) = read_proof(proof)?;
        let root = merkle::root_from_inclusion(&leaf, leaf_index, tree_size, &path)?;
        inclusions.push(BareInclusion { root, tree_size, leaf_index });
    }
    let mut refused = BareError::Structure("no inclusion proof");
    for inclusion in inclusions {
        match message.verify(&inclusion.root, key) {
            Ok(()) => return Ok(inclusion),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

struct Message<'a> {
    protected: &'a [u8],
    protected_item: Item<'a>,
    unprotected: Item<'a>,
    payload: Option<&'a [u8]>,
    signature: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, BareError> {
        if bytes.len() > cose::MAX_SIGN1_BYTES {
            return Err(BareError::Structure("larger than 256 KiB"));
        }
        let not_sign1 = BareError::Structure("not a tagged COSE_Sign1");
        let Item::Tag(cose::TAG_SIGN1, item) = Item::parse(bytes)? else { return Err(not_sign1) };
        let Item::Array(parts) = *item else { return Err(not_sign1) };
        let Ok([protected, unprotected, payload, signature]) = <[Item<'a>; 4]>::try_from(parts)
        else {
            return Err(not_sign1);
        };
        let (Some(protected), Item::Map(entries), Some(signature)) =
            (protected.bytes(), unprotected, signature.bytes())
        else {
            return Err(not_sign1);
        };
        let payload = match payload {
            Item::Null => None,
            Item::Bytes(payload) => Some(payload),
            _ => return Err(not_sign1),
        };
        let protected_item =
            if protected.is_empty() { Item::Map(Vec::new()) } else { Item::parse(protected)? };
        let unprotected = Item::Map(entries);
        check_headers(&protected_item, &unprotected)?;
        Ok(Self { protected, protected_item, unprotected, payload, signature })
    }

    fn verify(&self, payload: &[u8], key: &PublicKey) -> Result<(), BareError> {
        let alg = self.protected_item.label(cose::label::ALG).and_then(Item::int);
        let alg = alg.ok_or(BareError::Structure("no integer alg in the protected header"))?;
        let alg = Algorithm::from_cose_id(alg)
            .map_err(|_| BareError::Unsupported("an algorithm that is not verified here"))?;
        if alg != key.algorithm() {
            return Err(BareError::Structure("alg is not that of the key"));
        }
        crypto::check_key(key)?;
        let message = cose::sig_structure(self.protected, payload);
        Ok(crypto::verify_cose(key, &message, self.signature)?)
    }

    fn proofs(&self) -> Result<Vec<&'a [u8]>, BareError> {
        let proofs = self.unprotected.label(cose::label::VDP);
        let proofs = proofs.and_then(|vdp| vdp.label(INCLUSION_PROOFS)).and_then(Item::array);
        let proofs = proofs.ok_or(BareError::Structure("no inclusion proofs"))?;
        if proofs.len() > MAX_PROOFS {
            return Err(BareError::Structure("too many inclusion proofs"));
        }
        let not_bytes = BareError::Structure("an inclusion proof is not a byte string");
        proofs.iter().map(|proof| proof.bytes().ok_or(not_bytes.clone())).collect()
    }
}

/// RFC 9052 3: a label stands in one bucket only; `crit` names what must be understood, which here
/// are the labels that this layer reads.
fn check_headers(protected: &Item<'_>, unprotected: &Item<'_>) -> Result<(), BareError> {
    let (Item::Map(signed), Item::Map(unsigned)) = (protected, unprotected) else {
        return Err(BareError::Structure("a header is not a map"));
    };
    if unsigned.iter().any(|(label, _)| signed.iter().any(|(other, _)| other == label)) {
        return Err(BareError::Structure("a label stands in both headers"));
    }
    if unprotected.label(cose::label::CRIT).is_some() {
        return Err(BareError::Structure("crit is not protected"));
    }
    let Some(crit) = protected.label(cose::label::CRIT) else { return Ok(()) };
    let crit = crit.array().filter(|labels| !labels.is_empty());
    for label in crit.ok_or(BareError::Structure("crit is not a list of labels"))? {
        let known = matches!(label.int(), Some(cose::label::ALG | cose::label::VDS));
        if !known {
            return Err(BareError::Unsupported("a critical header that is not processed here"));
        }
        if !signed.iter().any(|(other, _)| other == label) {
            return Err(BareError::Structure("crit names a label that is not there"));
        }
    }
    Ok(())
}

fn read_proof(bytes: &[u8]) -> Result<(u64, u64, Vec<Hash>), BareError> {
    let malformed = BareError::Structure("an inclusion proof is not [size, index, path]");
    let item = Item::parse(bytes)?;
    let Some([size, index, path]) = item.array() else { return Err(malformed) };
    let (Some(size), Some(index), Some(path)) = (size.uint(), index.uint(), path.array()) else {
        return Err(malformed);
    };
    if path.len() > cose::MAX_PATH {
        return Err(BareError::Structure("an inclusion path is too long"));
    }
    let hash = |item: &Item<'_>| item.bytes().and_then(|b| Hash::try_from(b).ok());
    let path: Option<Vec<Hash>> = path.iter().map(hash).collect();
    Ok((size, index, path.ok_or(malformed)?))
}

#[cfg(test)]
mod tests;
