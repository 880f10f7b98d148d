//! C2SP tlog-cosignature v1.0.1, type 0x04: a witness's timestamped Ed25519 signature.

/// The length of the signature bytes of a 0x04 line: 8 of time, 64 of Ed25519.
pub const COSIGNATURE_LEN: usize = 72;

/// Why a cosignature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignatureError {
    /// Not [`COSIGNATURE_LEN`] bytes.
    #[error("a cosignature/v1 has 72 bytes, this has {actual}")]
    Length {
        /// Bytes found.
        actual: usize,
    },
    /// The time is above 2^63 - 1.
    #[error("the time of a cosignature is out of range")]
    Time,
}

impl CosignatureError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "cosignature.length",
            Self::Time => "cosignature.time",
        }
    }
}

/// A cosignature/v1: what stands in a 0x04 signature line after the key ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    time: u64,
    signature: [u8; 64],
}

impl Cosignature {
    /// A cosignature made at `time` (seconds since the epoch).
    ///
    /// # Errors
    /// `cosignature.time`.
    pub fn new(time: u64, signature: [u8; 64]) -> Result<Self, CosignatureError> {
        check_time(time)?;
        Ok(Self { time, signature })
    }

    /// Reads the signature bytes of a 0x04 line.
    ///
    /// # Errors
    /// `cosignature.length`, `cosignature.time`.
    pub fn parse(bytes: &[u8]) -> Result<Self, CosignatureError> {
        let wrong_length = CosignatureError::Length { actual: bytes.len() };
        let (time, signature) = bytes.split_first_chunk::<8>().ok_or(wrong_length)?;
        let signature = signature.try_into().map_err(|_| wrong_length)?;
        Self::new(u64::from_be_bytes(*time), signature)
    }

    /// When the witness says it signed, in seconds since the epoch. The format allows 0, which
    /// means "no statement about time": such a cosignature counts for nothing in Placet.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The Ed25519 signature over [`message`].
    #[must_use]
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The signature bytes of a 0x04 line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.time.to_be_bytes().to_vec();
        out.extend_from_slice(&self.signature);
        out
    }
}

/// The bytes that a cosignature/v1 signs: two header lines and the whole note text, extension
/// lines included.
///
/// # Errors
/// `cosignature.time`.
pub fn message(time: u64, note_text: &str) -> Result<Vec<u8>, CosignatureError> {
    check_time(time)?;
    Ok(format!("cosignature/v1\ntime {time}\n{note_text}").into_bytes())
}

fn check_time(time: u64) -> Result<(), CosignatureError> {
    if time > i64::MAX.unsigned_abs() { Err(CosignatureError::Time) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_bytes_are_those_of_the_specification() {
        let text = "example.com/behind-the-sofa\n20852163\n\
                    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let expected = format!("cosignature/v1\ntime 1679315147\n{text}");
        assert_eq!(message(1_679_315_147, text).unwrap(), expected.as_bytes());
    }

    #[test]
    fn a_blob_reads_and_writes_and_its_limits_hold() {
        let mut blob = vec![0x7f; COSIGNATURE_LEN];
        let cosignature = Cosignature::parse(&blob).unwrap();
        assert_eq!(cosignature.time(), 0x7f7f_7f7f_7f7f_7f7f);
        assert_eq!(cosignature.to_bytes(), blob);
        for length in [0, 7, 8, 64, 71, 73] {
            let error = Cosignature::parse(&vec![0; length]).unwrap_err();
            assert_eq!(error.code(), "cosignature.length", "{length}");
        }
        blob[0] = 0x80;
        assert_eq!(Cosignature::parse(&blob).unwrap_err().code(), "cosignature.time");
        assert_eq!(message(1 << 63, "").unwrap_err().code(), "cosignature.time");
    }
}
