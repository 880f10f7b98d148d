//! C2SP tlog-checkpoint v1.0.0: origin, size and root of a log, as the text of a note.

use super::merkle::{EMPTY_ROOT, Hash};
use super::note::{Note, NoteError};
use super::text::{base64, parse_decimal, parse_hash};

/// The longest origin, in bytes; the ML-DSA-44 cosignature format cannot hold more.
pub const MAX_ORIGIN_LEN: usize = 255;

/// The largest tree size that is read: what a signed 64-bit number holds, as in other
/// implementations.
pub const MAX_TREE_SIZE: u64 = i64::MAX as u64;

/// Why a checkpoint was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("malformed checkpoint: {0}")]
    Malformed(&'static str),
    /// The origin is empty, too long or has control characters.
    #[error("not an origin")]
    Origin,
    /// The size is not a decimal number without leading zeros up to [`MAX_TREE_SIZE`].
    #[error("not a tree size")]
    Size,
    /// The root is not the base64 of 32 bytes, or size 0 has another root than the empty tree's.
    #[error("not a root hash for this size")]
    Root,
    /// There are extension lines, which the Placet profile does not allow.
    #[error("extension lines")]
    Extension,
    /// The note around the checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl CheckpointError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "checkpoint.malformed",
            Self::Origin => "checkpoint.origin",
            Self::Size => "checkpoint.size",
            Self::Root => "checkpoint.root",
            Self::Extension => "checkpoint.extension",
            Self::Note(e) => e.code(),
        }
    }
}

/// The text of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The identity of the log.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree of that size.
    pub root: Hash,
    /// Lines after the third, without newlines. The bare format allows them, the Placet profile
    /// does not: see [`Checkpoint::check_profile`].
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    ///
    /// # Errors
    /// `checkpoint.origin`, `checkpoint.size`, `checkpoint.root`.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        check_origin(origin)?;
        if size > MAX_TREE_SIZE {
            return Err(CheckpointError::Size);
        }
        let checkpoint = Self { origin: origin.to_owned(), size, root, extensions: Vec::new() };
        checkpoint.check_empty_root()?;
        Ok(checkpoint)
    }

    /// Reads the text of a note, as the bare format has it: extension lines are kept, and the
    /// root of size 0 is not looked at.
    ///
    /// # Errors
    /// `checkpoint.malformed`, `checkpoint.origin`, `checkpoint.size`, `checkpoint.root`.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Malformed("no newline"))?;
        let mut lines = body.split('\n');
        let too_few = CheckpointError::Malformed("fewer than three lines");
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(too_few);
        };
        check_origin(origin)?;
        let size = parse_decimal(size).filter(|s| *s <= MAX_TREE_SIZE);
        let size = size.ok_or(CheckpointError::Size)?;
        let root = parse_hash(root).ok_or(CheckpointError::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(|line| line.is_empty() || line.contains(char::is_control)) {
            return Err(CheckpointError::Malformed("an extension line is empty"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// The text of the note, which [`Checkpoint::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Checks that size 0 comes with the root of the empty tree.
    ///
    /// # Errors
    /// `checkpoint.root`.
    pub fn check_empty_root(&self) -> Result<(), CheckpointError> {
        if self.size == 0 && self.root != EMPTY_ROOT {
            return Err(CheckpointError::Root);
        }
        Ok(())
    }

    /// Checks what the Placet profile asks beyond the bare format: no extension lines, and the
    /// root of the empty tree at size 0.
    ///
    /// # Errors
    /// `checkpoint.extension`, `checkpoint.root`.
    pub fn check_profile(&self) -> Result<(), CheckpointError> {
        if !self.extensions.is_empty() {
            return Err(CheckpointError::Extension);
        }
        self.check_empty_root()
    }
}

/// A checkpoint together with the note that it is the text of.
///
/// Both are parsed from one string of bytes, so that what is checked is what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint, as the bare formats have it.
    ///
    /// # Errors
    /// As [`Note::parse`] and [`Checkpoint::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::from_note(Note::parse(bytes)?)
    }

    /// Reads the checkpoint in a note.
    ///
    /// # Errors
    /// As [`Checkpoint::parse`].
    pub fn from_note(note: Note) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { note, checkpoint })
    }

    /// The note: text and signatures.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, for adding cosignatures.
    #[must_use]
    pub fn into_note(self) -> Note {
        self.note
    }
}

/// Checks an origin: 1 to [`MAX_ORIGIN_LEN`] bytes, no control character.
///
/// # Errors
/// `checkpoint.origin`.
pub fn check_origin(origin: &str) -> Result<(), CheckpointError> {
    let long = origin.len() > MAX_ORIGIN_LEN;
    if origin.is_empty() || long || origin.contains(char::is_control) {
        return Err(CheckpointError::Origin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::merkle::leaf_hash;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_example_of_the_specification_reads_and_writes() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint.origin, "example.com/behind-the-sofa");
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.to_text(), text);
        checkpoint.check_profile().unwrap();
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused_with_its_code() {
        for (text, code) in [
            (format!("o\n1\n{ROOT}"), "checkpoint.malformed"),
            ("o\n1\n".to_owned(), "checkpoint.malformed"),
            (String::new(), "checkpoint.malformed"),
            (format!("\n1\n{ROOT}\n"), "checkpoint.origin"),
            (format!("{}\n1\n{ROOT}\n", "o".repeat(256)), "checkpoint.origin"),
            (format!("o\nfive\n{ROOT}\n"), "checkpoint.size"),
            (format!("o\n01\n{ROOT}\n"), "checkpoint.size"),
            (format!("o\n+1\n{ROOT}\n"), "checkpoint.size"),
            (format!("o\n9223372036854775808\n{ROOT}\n"), "checkpoint.size"),
            ("o\n1\nAAAA\n".to_owned(), "checkpoint.root"),
            (format!("o\n1\n{}\n", ROOT.replace("2I=", "2J=")), "checkpoint.root"),
            (format!("o\n1\n{ROOT}\n\n"), "checkpoint.malformed"),
        ] {
            assert_eq!(Checkpoint::parse(&text).unwrap_err().code(), code, "{text:?}");
        }
    }

    // SPEC.md R-6.3-1.
    #[test]
    fn extension_lines_are_kept_and_outside_the_profile() {
        let text = format!("o\n1\n{ROOT}\nmore\nlines\n");
        let checkpoint = Checkpoint::parse(&text).unwrap();
        assert_eq!(checkpoint.extensions, ["more", "lines"]);
        assert_eq!(checkpoint.to_text(), text);
        assert_eq!(checkpoint.check_profile().unwrap_err().code(), "checkpoint.extension");
    }

    #[test]
    fn size_zero_has_one_root() {
        assert!(Checkpoint::new("o", 0, EMPTY_ROOT).is_ok());
        let error = Checkpoint::new("o", 0, leaf_hash(b"")).unwrap_err();
        assert_eq!(error.code(), "checkpoint.root");
    }
}
