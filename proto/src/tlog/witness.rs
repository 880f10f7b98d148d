//! C2SP tlog-witness v1.0.0: the bodies of `add-checkpoint`, without HTTP.

use super::checkpoint::MAX_TREE_SIZE;
use super::merkle::Hash;
use super::note::MAX_NOTE_LEN;
use super::text::{parse_decimal, parse_hash_lines, push_hash_lines, split_line};

/// The most consistency hashes in a request.
pub const MAX_PROOF_LINES: usize = 63;

/// The longest request body that is read, in bytes: a note, 63 hash lines and two more lines.
pub const MAX_REQUEST_LEN: usize = MAX_NOTE_LEN + 4096;

/// The media type of the body that answers 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The request has not the form of the specification.
    #[error("malformed add-checkpoint request: {0}")]
    Request(&'static str),
    /// The body of a 409 answer is not one decimal tree size and a newline.
    #[error("not a tree size with a newline")]
    SizeBody,
}

impl WitnessError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "witness.request",
            Self::SizeBody => "witness.size_body",
        }
    }
}

/// The body of `POST <prefix>/add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the last checkpoint that the witness is thought to hold.
    pub old_size: u64,
    /// The consistency path from there, RFC 9162 section 2.1.4.
    pub path: Vec<Hash>,
    /// The signed checkpoint, byte for byte; see [`super::SignedCheckpoint::parse`].
    pub note: Vec<u8>,
}

impl AddCheckpoint {
    /// Reads a request body. The note in it is not parsed.
    ///
    /// # Errors
    /// `witness.request`.
    pub fn parse(body: &[u8]) -> Result<Self, WitnessError> {
        if body.len() > MAX_REQUEST_LEN {
            return Err(WitnessError::Request("too long"));
        }
        let body = str::from_utf8(body).map_err(|_| WitnessError::Request("not UTF-8"))?;
        let (first, rest) = split_line(body).ok_or(WitnessError::Request("no old size line"))?;
        let old_size = first
            .strip_prefix("old ")
            .and_then(parse_decimal)
            .filter(|size| *size <= MAX_TREE_SIZE)
            .ok_or(WitnessError::Request("no old size"))?;
        let (path, note) = parse_hash_lines(rest, MAX_PROOF_LINES)
            .ok_or(WitnessError::Request("not hash lines and an empty line"))?;
        Ok(Self { old_size, path, note: note.as_bytes().to_vec() })
    }

    /// The request body.
    ///
    /// # Errors
    /// `witness.request` if the path is longer than [`MAX_PROOF_LINES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, WitnessError> {
        if self.path.len() > MAX_PROOF_LINES {
            return Err(WitnessError::Request("too many hashes"));
        }
        let mut head = format!("old {}\n", self.old_size);
        push_hash_lines(&mut head, &self.path);
        let mut out = head.into_bytes();
        out.extend_from_slice(&self.note);
        Ok(out)
    }
}

/// The body of a 409 answer: the size that the witness holds.
#[must_use]
pub fn size_body(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of a 409 answer.
///
/// # Errors
/// `witness.size_body`.
pub fn parse_size_body(body: &[u8]) -> Result<u64, WitnessError> {
    str::from_utf8(body)
        .ok()
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(parse_decimal)
        .filter(|size| *size <= MAX_TREE_SIZE)
        .ok_or(WitnessError::SizeBody)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH_LINE: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";

    #[test]
    fn a_request_reads_and_writes() {
        for body in [
            "old 0\n\nnote\n".to_owned(),
            format!("old 20852014\n{}\nnote\n", HASH_LINE.repeat(63)),
        ] {
            let request = AddCheckpoint::parse(body.as_bytes()).unwrap();
            assert_eq!(request.note, b"note\n");
            assert_eq!(request.to_bytes().unwrap(), body.as_bytes());
        }
    }

    #[test]
    fn malformed_requests_are_refused() {
        for body in [
            String::new(),
            "old 1".to_owned(),
            "old 1\n".to_owned(),
            "old  1\n\nn\n".to_owned(),
            "Old 1\n\nn\n".to_owned(),
            "old 01\n\nn\n".to_owned(),
            "old -1\n\nn\n".to_owned(),
            "old 9223372036854775808\n\nn\n".to_owned(),
            format!("old 1\n{HASH_LINE}"),
            format!("old 1\n{}\nn\n", HASH_LINE.repeat(64)),
            "old 1\nAAAA\n\nn\n".to_owned(),
            format!("old 1\n {HASH_LINE}\nn\n"),
            "old 1\r\n\r\nn\n".to_owned(),
        ] {
            let error = AddCheckpoint::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), "witness.request", "{body:?}");
        }
        let long = vec![b'a'; MAX_REQUEST_LEN + 1];
        assert!(AddCheckpoint::parse(&long).is_err());
        let too_many = AddCheckpoint { old_size: 1, path: vec![[0; 32]; 64], note: vec![] };
        assert!(too_many.to_bytes().is_err());
    }

    #[test]
    fn the_size_body_has_one_form() {
        assert_eq!(parse_size_body(size_body(3).as_bytes()), Ok(3));
        for bad in ["", "3", "\n", "03\n", "3\n\n", " 3\n", "3\r\n", "-3\n"] {
            assert_eq!(parse_size_body(bad.as_bytes()), Err(WitnessError::SizeBody), "{bad:?}");
        }
    }
}
