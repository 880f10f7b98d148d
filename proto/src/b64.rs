//! Strict base64url, base64 (RFC 4648) and hexadecimal.

/// Why text is not an acceptable encoding of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum B64Error {
    /// A byte outside the alphabet, padding where none belongs or the reverse, or non-zero
    /// trailing bits.
    #[error("not strict {0}")]
    Syntax(&'static str),
    /// Another number of bytes than required, or more than accepted.
    #[error("{actual} bytes where {expected} are accepted")]
    Length {
        /// Bytes required, or the most that is accepted.
        expected: usize,
        /// Bytes found.
        actual: usize,
    },
}

impl B64Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "b64.syntax",
            Self::Length { .. } => "b64.length",
        }
    }
}
