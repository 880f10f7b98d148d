//! Canonical JSON (RFC 8785, JCS).

/// Why bytes are not the canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JcsError {
    /// Acceptable JSON, but not in its RFC 8785 form.
    #[error("not canonical JSON (RFC 8785): differs from its canonical form at byte {0}")]
    NotCanonical(usize),
}

impl JcsError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotCanonical(_) => "jcs.not_canonical",
        }
    }
}
