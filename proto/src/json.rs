//! Strict JSON (RFC 8259) with exactly one reading.

/// Why bytes are not acceptable JSON. Offsets are in bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON by RFC 8259.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// Not UTF-8, or it starts with a byte order mark.
    #[error("not plain UTF-8 at byte {0}")]
    Utf8(usize),
    /// The same member name twice in one object, compared after unescaping.
    #[error("duplicate member {name:?} at byte {at}")]
    DuplicateKey {
        /// The member name.
        name: String,
        /// Where the second name ends.
        at: usize,
    },
    /// A number that its nearest double does not state exactly, or negative zero.
    #[error("number at byte {0} has no exact double (RFC 8785 would change its value)")]
    Number(usize),
    /// A `\u` escape that is one half of a surrogate pair.
    #[error("lone surrogate at byte {0}")]
    Surrogate(usize),
    /// Deeper nesting than allowed.
    #[error("nested deeper than {limit} at byte {at}")]
    Depth {
        /// The permitted depth.
        limit: usize,
        /// Where the first item too deep begins.
        at: usize,
    },
    /// More bytes than allowed.
    #[error("{size} bytes, at most {limit} are accepted")]
    Limit {
        /// Bytes given.
        size: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Bytes after the end of the value.
    #[error("bytes after the value, from byte {0}")]
    Trailing(usize),
}

impl JsonError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "json.syntax",
            Self::Utf8(_) => "json.utf8",
            Self::DuplicateKey { .. } => "json.duplicate_key",
            Self::Number(_) => "json.number",
            Self::Surrogate(_) => "json.surrogate",
            Self::Depth { .. } => "json.depth",
            Self::Limit { .. } => "json.limit",
            Self::Trailing(_) => "json.trailing",
        }
    }
}
