//! C2SP signed-note v1.0.0: a text and the signatures under it.
//!
//! Parsing is strict, so that [`Note::parse`] followed by [`Note::to_bytes`] gives the same bytes.
//! Nothing here checks a signature. What a signature of type 0x01 covers is [`Note::text`]; what
//! one of type 0x04 covers is [`super::cosignature::message`].

mod key;

pub use key::{KeyMaterial, MAX_KEY_NAME_LEN, VerifierKey, check_key_name, key_id};

use super::text::{base64, parse_base64};

/// The longest note that is read, in bytes.
pub const MAX_NOTE_LEN: usize = 1 << 20;

/// The most signature lines that are read. C2SP asks for at least 16.
pub const MAX_SIGNATURES: usize = 64;

/// What starts a signature line: em dash and space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why a note, a signature line or a verifier key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note has not the form of the specification.
    #[error("malformed note: {0}")]
    Malformed(&'static str),
    /// Longer than [`MAX_NOTE_LEN`], or more signatures than [`MAX_SIGNATURES`].
    #[error("the note exceeds the limit of {limit} {what}")]
    TooLarge {
        /// The limit that was exceeded.
        limit: usize,
        /// What is limited: `bytes` or `signatures`.
        what: &'static str,
    },
    /// Two signature lines have the same key name and key ID.
    #[error("two signatures of one key: {name}+{key_id:08x}")]
    Duplicate {
        /// The key name.
        name: String,
        /// The key ID.
        key_id: u32,
    },
    /// A key name is empty, too long, or has a space, a plus or a control character.
    #[error("not a key name")]
    KeyName,
    /// A verifier key (vkey) has not the form of the specification.
    #[error("malformed verifier key: {0}")]
    Key(&'static str),
}

impl NoteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "note.malformed",
            Self::TooLarge { .. } => "note.too_large",
            Self::Duplicate { .. } => "note.duplicate_signature",
            Self::KeyName => "note.key_name",
            Self::Key(_) => "note.key",
        }
    }
}

/// A signed note: its text, and its signatures, none of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note. The text ends at the last empty line.
    ///
    /// # Errors
    /// `note.malformed`, `note.too_large`, `note.duplicate_signature`, `note.key_name`.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLarge { limit: MAX_NOTE_LEN, what: "bytes" });
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
        check_characters(note)?;
        // `text` lacks its final newline here, which is the first of the two.
        let (text, lines) =
            note.rsplit_once("\n\n").ok_or(NoteError::Malformed("no empty line"))?;
        let signatures = parse_signature_lines(lines)?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// A note over `text`, without signatures yet.
    ///
    /// # Errors
    /// `note.malformed` if the text does not end in a newline or has control characters,
    /// `note.too_large`.
    pub fn new(text: String) -> Result<Self, NoteError> {
        if text.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLarge { limit: MAX_NOTE_LEN, what: "bytes" });
        }
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed("no newline at the end of the text"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// The signed text, its final newline included: exactly the bytes that a signature of type
    /// 0x01 covers.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The signature line of this key, by name and key ID.
    #[must_use]
    pub fn signature_of(&self, key: &VerifierKey) -> Option<&SignatureLine> {
        self.signatures.iter().find(|line| line.is_by(key))
    }

    /// Adds a signature line at the end, in place of one by the same key if there is one.
    ///
    /// # Errors
    /// `note.too_large` if the note is full.
    pub fn set_signature(&mut self, line: SignatureLine) -> Result<(), NoteError> {
        self.signatures.retain(|old| !old.same_key(&line));
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooLarge { limit: MAX_SIGNATURES, what: "signatures" });
        }
        self.signatures.push(line);
        Ok(())
    }

    /// Keeps only the signature lines for which `keep` is true.
    pub fn retain_signatures(&mut self, keep: impl FnMut(&SignatureLine) -> bool) {
        self.signatures.retain(keep);
    }

    /// The bytes of the note. A note without signatures is not one that [`Note::parse`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.text.clone();
        out.push('\n');
        for line in &self.signatures {
            out.push_str(&line.to_line());
        }
        out.into_bytes()
    }
}

/// One signature line: `— <key name> <base64(key ID ‖ signature)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: String,
    key_id: u32,
    signature: Vec<u8>,
}

impl SignatureLine {
    /// A line for this key and signature (for type 0x04, of [`super::Cosignature::to_bytes`]).
    ///
    /// # Errors
    /// `note.malformed` if the signature is empty.
    pub fn new(key: &VerifierKey, signature: Vec<u8>) -> Result<Self, NoteError> {
        if signature.is_empty() {
            return Err(NoteError::Malformed("empty signature"));
        }
        Ok(Self { name: key.name().to_owned(), key_id: key.key_id(), signature })
    }

    /// Reads one line, its newline excluded.
    ///
    /// # Errors
    /// `note.malformed`, `note.key_name`.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let rest = line
            .strip_prefix(SIGNATURE_PREFIX)
            .ok_or(NoteError::Malformed("a signature line does not start with an em dash"))?;
        let (name, encoded) = rest
            .split_once(' ')
            .ok_or(NoteError::Malformed("a signature line without signature"))?;
        check_key_name(name)?;
        let blob = parse_base64(encoded)
            .ok_or(NoteError::Malformed("a signature that is not strict base64"))?;
        match blob.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: u32::from_be_bytes(*id),
                signature: signature.to_vec(),
            }),
            _ => Err(NoteError::Malformed("a signature of less than 5 bytes")),
        }
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

    /// The signature bytes after the key ID; their form follows from the key's type.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Whether name and key ID are those of `key`. It says nothing about the signature.
    #[must_use]
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.key_id == key.key_id()
    }

    /// The line, its newline included.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut blob = self.key_id.to_be_bytes().to_vec();
        blob.extend_from_slice(&self.signature);
        format!("{SIGNATURE_PREFIX}{} {}\n", self.name, base64(&blob))
    }

    fn same_key(&self, other: &Self) -> bool {
        self.name == other.name && self.key_id == other.key_id
    }
}

/// Reads one or more signature lines, each ending in a newline: the tail of a note, or the answer
/// of a witness.
///
/// # Errors
/// As [`Note::parse`].
pub fn parse_signature_lines(text: &str) -> Result<Vec<SignatureLine>, NoteError> {
    let body = text
        .strip_suffix('\n')
        .ok_or(NoteError::Malformed("no newline after the last signature"))?;
    let mut lines: Vec<SignatureLine> = Vec::new();
    for line in body.split('\n') {
        if lines.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooLarge { limit: MAX_SIGNATURES, what: "signatures" });
        }
        let line = SignatureLine::parse(line)?;
        if lines.iter().any(|other| other.same_key(&line)) {
            return Err(NoteError::Duplicate { name: line.name, key_id: line.key_id });
        }
        lines.push(line);
    }
    Ok(lines)
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|b| b < 0x20 && b != b'\n') {
        return Err(NoteError::Malformed("control character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
