//! C2SP tlog-proof: an inclusion proof and its checkpoint in one text file.

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::merkle::Hash;
use super::note::MAX_NOTE_LEN;
use super::text::{
    base64, parse_base64, parse_decimal, parse_hash_lines, push_hash_lines, split_line,
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes in the inclusion path.
pub const MAX_PATH_LINES: usize = 63;

/// The longest file that is read, in bytes: a note, as much again of extra data, and 64 KiB.
pub const MAX_PROOF_LEN: usize = 2 * MAX_NOTE_LEN + (1 << 16);

/// Why a proof file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The file has not the form of the specification.
    #[error("malformed proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint in it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl ProofError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "proof.malformed",
            Self::Checkpoint(e) => e.code(),
        }
    }
}

/// A tlog-proof. What it claims is not checked: take size and root from the checkpoint once its
/// signatures are, then [`super::merkle::verify_inclusion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Application data that nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// The index of the entry, from 0.
    pub index: u64,
    /// The inclusion path, leaf's sibling first.
    pub path: Vec<Hash>,
    /// The signed checkpoint, byte for byte.
    pub checkpoint: Vec<u8>,
}

impl TlogProof {
    /// Reads a proof file and the checkpoint in it.
    ///
    /// # Errors
    /// `proof.malformed`, or what [`SignedCheckpoint::parse`] gives.
    pub fn parse(bytes: &[u8]) -> Result<(Self, SignedCheckpoint), ProofError> {
        if bytes.len() > MAX_PROOF_LEN {
            return Err(ProofError::Malformed("too long"));
        }
        let text = str::from_utf8(bytes).map_err(|_| ProofError::Malformed("not UTF-8"))?;
        let (header, rest) = split_line(text).ok_or(ProofError::Malformed("no header"))?;
        if header != HEADER {
            return Err(ProofError::Malformed("another header"));
        }
        let no_index = ProofError::Malformed("no index line");
        let (mut line, mut rest) = split_line(rest).ok_or(no_index.clone())?;
        let mut extra = None;
        if let Some(encoded) = line.strip_prefix("extra ") {
            let data = parse_base64(encoded);
            extra = Some(data.ok_or(ProofError::Malformed("extra data is not base64"))?);
            (line, rest) = split_line(rest).ok_or(no_index.clone())?;
        }
        let index = line.strip_prefix("index ").and_then(parse_decimal).ok_or(no_index)?;
        let (path, checkpoint) = parse_hash_lines(rest, MAX_PATH_LINES)
            .ok_or(ProofError::Malformed("not hash lines and an empty line"))?;
        let checkpoint = checkpoint.as_bytes();
        let signed = SignedCheckpoint::parse(checkpoint)?;
        Ok((Self { extra, index, path, checkpoint: checkpoint.to_vec() }, signed))
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// `proof.malformed` if the path is longer than [`MAX_PATH_LINES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProofError> {
        if self.path.len() > MAX_PATH_LINES {
            return Err(ProofError::Malformed("too many hashes"));
        }
        let mut head = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            head.push_str(&format!("extra {}\n", base64(extra)));
        }
        head.push_str(&format!("index {}\n", self.index));
        push_hash_lines(&mut head, &self.path);
        let mut out = head.into_bytes();
        out.extend_from_slice(&self.checkpoint);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "example.com/log/testdata\n3\n\
        Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n\n\
        \u{2014} example.com/log/testdata M9e0lvAQRtH832pk2RTbeSeZMkp4FZSdJYFBUjO5SKxuRbywPUF3cx\
        +HUrb50kjd3rUWW/fj53Wj1dwcwh9bGQnqVAg=\n";
    const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";

    #[test]
    fn proofs_read_and_write() {
        for head in [
            "index 0\n\n".to_owned(),
            format!("index 5\n{HASH}\n{HASH}\n\n"),
            format!("extra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n{HASH}\n\n"),
            "extra \nindex 1\n\n".to_owned(),
        ] {
            let file = format!("{HEADER}\n{head}{NOTE}");
            let (proof, signed) = TlogProof::parse(file.as_bytes()).unwrap();
            assert_eq!(signed.checkpoint().size, 3);
            assert_eq!(proof.to_bytes().unwrap(), file.as_bytes());
        }
    }

    #[test]
    fn malformed_proofs_are_refused() {
        for (head, note, code) in [
            ("wrong-header\nindex 0\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\n\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex notanumber\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex -5\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 00\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 0\n!!\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n", NOTE, "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 0\n", "", "proof.malformed"),
            ("c2sp.org/tlog-proof@v1\nindex 0\n\n", "checkpoint\n", "note.malformed"),
        ] {
            let error = TlogProof::parse(format!("{head}{note}").as_bytes()).unwrap_err();
            assert_eq!(error.code(), code, "{head:?}");
        }
        let many = format!("{HEADER}\nindex 0\n{}\n{NOTE}", format!("{HASH}\n").repeat(64));
        assert_eq!(TlogProof::parse(many.as_bytes()).unwrap_err().code(), "proof.malformed");
    }
}
