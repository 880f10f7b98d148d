//! Verifier keys: `<name>+<key ID in hex>+<base64(type ‖ public key)>`.

use sha2::{Digest, Sha256};

use super::NoteError;
use crate::tlog::text::{base64, parse_base64};

/// The longest key name, in bytes; the ML-DSA-44 cosignature format cannot hold more.
pub const MAX_KEY_NAME_LEN: usize = 255;

/// The longest public key that is read, type byte included, in bytes. ML-DSA-87 takes 2592.
const MAX_KEY_LEN: usize = 4096;

const TYPE_ED25519: u8 = 0x01;
const TYPE_ECDSA: u8 = 0x02;
const TYPE_COSIGNATURE_V1: u8 = 0x04;

/// The public key of a [`VerifierKey`], by signature type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyMaterial {
    /// Type 0x01: Ed25519 over the note text.
    Ed25519([u8; 32]),
    /// Type 0x04: Ed25519, timestamped cosignature (C2SP tlog-cosignature).
    CosignatureV1([u8; 32]),
    /// Another type, kept so that it can be shown and written again; its signatures are those of
    /// an unknown key.
    Unknown {
        /// The signature type byte.
        kind: u8,
        /// What follows the type byte.
        bytes: Vec<u8>,
    },
}

impl KeyMaterial {
    /// The signature type byte.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Ed25519(_) => TYPE_ED25519,
            Self::CosignatureV1(_) => TYPE_COSIGNATURE_V1,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// The public key without type byte: what makes two keys *the same raw key*.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) | Self::CosignatureV1(key) => key,
            Self::Unknown { bytes, .. } => bytes,
        }
    }
}

/// A key that signs notes: its name, its ID and the public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    key_id: u32,
    material: KeyMaterial,
}

impl VerifierKey {
    /// A key with the key ID that the specification computes for it.
    ///
    /// # Errors
    /// `note.key_name`.
    pub fn new(name: &str, material: KeyMaterial) -> Result<Self, NoteError> {
        check_key_name(name)?;
        let key_id = key_id(name, material.kind(), material.raw());
        Ok(Self { name: name.to_owned(), key_id, material })
    }

    /// Reads a vkey and checks that its key ID belongs to its name and key.
    ///
    /// # Errors
    /// `note.key`, `note.key_name`.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        // The base64 part may hold plus signs, the name may not.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteError::Key("not three parts"));
        };
        // Bounded before it is decoded: base64 takes 4 characters for 3 bytes.
        if encoded.len() > MAX_KEY_LEN / 3 * 4 + 4 {
            return Err(NoteError::Key("the public key is too long"));
        }
        let blob = parse_base64(encoded).ok_or(NoteError::Key("not strict base64"))?;
        let (kind, raw) = blob.split_first().ok_or(NoteError::Key("no type byte"))?;
        let key = Self::new(name, material(*kind, raw)?)?;
        if format!("{:08x}", key.key_id) != id {
            return Err(NoteError::Key("the key ID is not that of this name and key"));
        }
        Ok(key)
    }

    /// The vkey that [`VerifierKey::parse`] reads.
    #[must_use]
    pub fn to_vkey(&self) -> String {
        let mut blob = vec![self.material.kind()];
        blob.extend_from_slice(self.material.raw());
        format!("{}+{:08x}+{}", self.name, self.key_id, base64(&blob))
    }

    /// The key name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key ID.
    #[must_use]
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public key.
    #[must_use]
    pub fn material(&self) -> &KeyMaterial {
        &self.material
    }
}

/// SHA-256(name ‖ 0x0A ‖ type ‖ key)\[:4\]; for type 0x02 SHA-256(key)\[:4\], the key being the
/// DER SubjectPublicKeyInfo.
#[must_use]
pub fn key_id(name: &str, kind: u8, raw: &[u8]) -> u32 {
    let hash = if kind == TYPE_ECDSA {
        Sha256::digest(raw)
    } else {
        Sha256::new()
            .chain_update(name.as_bytes())
            .chain_update([b'\n', kind])
            .chain_update(raw)
            .finalize()
    };
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
    u32::from_be_bytes([a, b, c, d])
}

/// Checks a key name: 1 to [`MAX_KEY_NAME_LEN`] bytes, no Unicode space, no plus, no control
/// character.
///
/// # Errors
/// `note.key_name`.
pub fn check_key_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c == '+' || c < '\u{20}';
    if name.is_empty() || name.len() > MAX_KEY_NAME_LEN || name.contains(bad) {
        return Err(NoteError::KeyName);
    }
    Ok(())
}

fn material(kind: u8, raw: &[u8]) -> Result<KeyMaterial, NoteError> {
    let ed25519 = || raw.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"));
    match kind {
        TYPE_ED25519 => Ok(KeyMaterial::Ed25519(ed25519()?)),
        TYPE_COSIGNATURE_V1 => Ok(KeyMaterial::CosignatureV1(ed25519()?)),
        _ if raw.is_empty() => Err(NoteError::Key("no public key")),
        _ => Ok(KeyMaterial::Unknown { kind, bytes: raw.to_vec() }),
    }
}
