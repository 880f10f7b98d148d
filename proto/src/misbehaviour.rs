//! Evidence that a log misbehaved (SPEC.md 6.7): two signed checkpoints that can't both be true, in
//! one file that shows it by itself.
//!
//! ```text
//! { "schema": "placet/log-misbehaved/v2",
//!   "origin": the log,
//!   "notes": [the older checkpoint, the newer one], byte for byte,
//!   "fork": absent for equal sizes, else
//!     { "root": the root that the newer tree has at the older size, in hexadecimal,
//!       "path": [base64, ...] } the consistency proof from that root to the newer one
//! ```
//!
//! A consistency proof is tied to the newer root by hashes alone. So one that holds from any root
//! but the older checkpoint's shows that none can hold from that one. Nothing here looks at a
//! signature: that is the verifier's work.

use crate::document::fields::Fields;
use crate::json::{self, Json};
use crate::tlog::checkpoint::{MAX_ORIGIN_LEN, check_origin};
use crate::tlog::merkle::{Hash, MAX_PATH_LEN};
use crate::tlog::{SignedCheckpoint, TlogError};
use crate::{Error, b64, jcs};

/// `schema` of the file.
pub const SCHEMA: &str = "placet/log-misbehaved/v2";
/// Largest file, in bytes.
pub const MAX_FILE: usize = json::MAX_BYTES;
/// Largest note in it, in bytes.
pub const MAX_NOTE: usize = 256 * 1024;

/// Why a file is no such evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisbehaviourError {
    /// Another schema.
    #[error("it is not of schema {SCHEMA}")]
    Schema,
    /// Not two notes, one above its limit, or of different logs.
    #[error("it does not hold two checkpoints of its log within the limits")]
    Notes,
    /// The older note is not the first, or the fork is missing, or is there for equal sizes.
    #[error("the older checkpoint comes first, and a fork belongs to different sizes only")]
    Order,
    /// A path that is too long, or a hash that is none.
    #[error("the consistency proof is not one")]
    Path,
}

impl MisbehaviourError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Schema => "misbehaviour.schema",
            Self::Notes => "misbehaviour.notes",
            Self::Order => "misbehaviour.order",
            Self::Path => "misbehaviour.path",
        }
    }
}

/// Two checkpoints, and what joins them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misbehaviour {
    older: Noted,
    newer: Noted,
    fork: Option<Fork>,
}

/// A note with the checkpoint in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The note, byte for byte.
    pub bytes: Vec<u8>,
    /// What was read of these bytes.
    pub signed: SignedCheckpoint,
}

/// What the newer tree says about the older size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// Its root there.
    pub root: Hash,
    /// RFC 9162 consistency proof from that root to the newer checkpoint's.
    pub path: Vec<Hash>,
}

impl Noted {
    /// Reads a note.
    ///
    /// # Errors
    /// `misbehaviour.notes` above [`MAX_NOTE`], `note.*`, `checkpoint.*`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE {
            return Err(MisbehaviourError::Notes.into());
        }
        let signed = SignedCheckpoint::parse(bytes).map_err(TlogError::from)?;
        signed.checkpoint().check_empty_root().map_err(TlogError::from)?;
        Ok(Self { bytes: bytes.to_vec(), signed })
    }

    fn size(&self) -> u64 {
        self.signed.checkpoint().size
    }
}

impl Misbehaviour {
    /// Evidence of these two checkpoints of one log, the older (not larger) one first.
    ///
    /// # Errors
    /// `misbehaviour.notes`, `misbehaviour.order`, `misbehaviour.path`.
    pub fn new(older: Noted, newer: Noted, fork: Option<Fork>) -> Result<Self, Error> {
        if older.signed.checkpoint().origin != newer.signed.checkpoint().origin {
            return Err(MisbehaviourError::Notes.into());
        }
        // Nothing follows from the empty tree, which is a prefix of every other.
        let ordered = match fork {
            None => older.size() == newer.size(),
            Some(_) => older.size() < newer.size() && older.size() > 0,
        };
        if !ordered {
            return Err(MisbehaviourError::Order.into());
        }
        if fork.as_ref().is_some_and(|fork| fork.path.len() > MAX_PATH_LEN) {
            return Err(MisbehaviourError::Path.into());
        }
        Ok(Self { older, newer, fork })
    }

    /// Reads a file of at most [`MAX_FILE`] bytes.
    ///
    /// # Errors
    /// `json.*`, `document.*` for its members, `misbehaviour.*`, `note.*`, `checkpoint.*`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let value = json::parse(bytes)?;
        let mut f = Fields::new(&value, "evidence of misbehaviour")?;
        if f.text("schema", SCHEMA.len())? != SCHEMA {
            return Err(MisbehaviourError::Schema.into());
        }
        let origin = f.text("origin", MAX_ORIGIN_LEN)?;
        check_origin(&origin).map_err(TlogError::from)?;
        let [older, newer] = f.array("notes")? else {
            return Err(MisbehaviourError::Notes.into());
        };
        let fork = f.opt("fork").map(fork).transpose()?;
        f.done()?;
        let evidence = Self::new(note(older)?, note(newer)?, fork)?;
        if evidence.origin() != origin {
            return Err(MisbehaviourError::Notes.into());
        }
        Ok(evidence)
    }

    /// The file: canonical JSON (RFC 8785) and a line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A note is UTF-8: it was parsed.
        let note = |n: &Noted| Json::string(String::from_utf8_lossy(&n.bytes));
        let mut value = Json::object([
            ("schema", Json::string(SCHEMA)),
            ("origin", self.origin().into()),
            ("notes", Json::Array(vec![note(&self.older), note(&self.newer)])),
        ]);
        if let Some(fork) = &self.fork {
            let path = fork.path.iter().map(|h| Json::string(b64::encode_std(h))).collect();
            let root = Json::string(b64::encode_hex(fork.root));
            value.insert("fork", Json::object([("root", root), ("path", Json::Array(path))]));
        }
        let mut bytes = jcs::to_bytes(&value);
        bytes.push(b'\n');
        bytes
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.older.signed.checkpoint().origin
    }

    /// The checkpoint of the smaller size; of equal sizes, the first.
    #[must_use]
    pub fn older(&self) -> &Noted {
        &self.older
    }

    /// The checkpoint of the larger size.
    #[must_use]
    pub fn newer(&self) -> &Noted {
        &self.newer
    }

    /// What the newer tree says about the older size; `None` for equal sizes.
    #[must_use]
    pub fn fork(&self) -> Option<&Fork> {
        self.fork.as_ref()
    }
}

fn note(value: &Json) -> Result<Noted, Error> {
    Noted::parse(value.as_str().ok_or(MisbehaviourError::Notes)?.as_bytes())
}

fn fork(value: &Json) -> Result<Fork, Error> {
    let mut f = Fields::new(value, "fork")?;
    let root = f.digest("root")?;
    let path = f.array("path")?;
    f.done()?;
    let hash = |item: &Json| item.as_str().and_then(|t| b64::decode_std_array::<32>(t).ok());
    let path: Option<Vec<Hash>> = path.iter().map(hash).collect();
    Ok(Fork { root, path: path.ok_or(MisbehaviourError::Path)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noted(origin: &str, size: u64, root: u8) -> Noted {
        let root = b64::encode_std([root; 32]);
        Noted::parse(format!("{origin}\n{size}\n{root}\n\n— {origin} AAAAAAAA\n").as_bytes())
            .unwrap()
    }

    fn forked(length: usize) -> Option<Fork> {
        Some(Fork { root: [9; 32], path: vec![[8; 32]; length] })
    }

    #[test]
    fn both_forms_are_read_as_they_are_written() {
        let same = Misbehaviour::new(noted("o", 5, 1), noted("o", 5, 2), None).unwrap();
        let grown = Misbehaviour::new(noted("o", 5, 1), noted("o", 9, 2), forked(3)).unwrap();
        for evidence in [same, grown] {
            let bytes = evidence.to_bytes();
            assert_eq!(Misbehaviour::parse(&bytes).unwrap(), evidence);
        }
    }

    // [R-6.7-1]
    #[test]
    fn what_is_no_such_evidence_is_refused_with_its_code() {
        let code = |r: Result<Misbehaviour, Error>| r.unwrap_err().code();
        let new = Misbehaviour::new;
        assert_eq!(code(new(noted("o", 5, 1), noted("p", 5, 2), None)), "misbehaviour.notes");
        assert_eq!(code(new(noted("o", 9, 1), noted("o", 5, 2), forked(1))), "misbehaviour.order");
        assert_eq!(code(new(noted("o", 5, 1), noted("o", 5, 2), forked(1))), "misbehaviour.order");
        assert_eq!(code(new(noted("o", 5, 1), noted("o", 9, 2), None)), "misbehaviour.order");
        assert_eq!(code(new(noted("o", 5, 1), noted("o", 9, 2), forked(65))), "misbehaviour.path");
        let good = new(noted("o", 5, 1), noted("o", 9, 2), forked(1)).unwrap().to_bytes();
        let text = String::from_utf8(good).unwrap();
        for (from, to, expected) in [
            ("v2", "v1", "misbehaviour.schema"),
            ("\"origin\":\"o\"", "\"origin\":\"p\"", "misbehaviour.notes"),
            ("\"notes\":[", "\"notes\":[\"x\",", "misbehaviour.notes"),
            ("\"notes\":[\"o", "\"notes\":[\"", "checkpoint.origin"),
            ("CAgI", "CAg", "misbehaviour.path"),
            ("0909", "09", "document.value"),
            ("\"fork\":", "\"other\":", "document.unknown_member"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text, "{from}");
            let error = Misbehaviour::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(error.code(), expected, "{from} -> {to}: {error}");
        }
        let long = format!("o\n5\n{}\n{}\n", b64::encode_std([1; 32]), "x".repeat(MAX_NOTE));
        assert_eq!(Noted::parse(long.as_bytes()).unwrap_err().code(), "misbehaviour.notes");
        let huge = vec![b' '; MAX_FILE + 1];
        assert_eq!(Misbehaviour::parse(&huge).unwrap_err().code(), "json.limit");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(older in 1_u64..100, more in 0_u64..100, length in 0_usize..64) {
            let fork = (more > 0).then(|| forked(length)).flatten();
            let newer = noted("example.org/log", older + more, 2);
            let evidence = Misbehaviour::new(noted("example.org/log", older, 1), newer, fork);
            let evidence = evidence.unwrap();
            prop_assert_eq!(Misbehaviour::parse(&evidence.to_bytes()).unwrap(), evidence);
        }
    }
}
