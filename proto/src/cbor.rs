//! Strict deterministic CBOR (RFC 8949 4.2.1).

/// Why bytes are not acceptable CBOR. Offsets are in bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside an item, or a declared length points beyond it.
    #[error("truncated at byte {0}")]
    Truncated(usize),
    /// Bytes after the end of the item.
    #[error("bytes after the item, from byte {0}")]
    Trailing(usize),
    /// An integer, length or tag that has a shorter head.
    #[error("non-minimal head at byte {0}")]
    NonMinimal(usize),
    /// An indefinite length.
    #[error("indefinite length at byte {0}")]
    Indefinite(usize),
    /// A float, `undefined`, another simple value, or a reserved head.
    #[error("unsupported item at byte {0}")]
    Unsupported(usize),
    /// A text string that is not UTF-8.
    #[error("text is not UTF-8 at byte {0}")]
    Utf8(usize),
    /// A map whose keys are not in ascending bytewise order.
    #[error("map key out of order at byte {0}")]
    KeyOrder(usize),
    /// The same map key twice.
    #[error("duplicate map key at byte {0}")]
    DuplicateKey(usize),
    /// A map key that is neither an integer nor text.
    #[error("map key is neither an integer nor text at byte {0}")]
    KeyType(usize),
    /// Deeper nesting than allowed.
    #[error("nested too deep at byte {0}")]
    Depth(usize),
    /// Another type than the format requires.
    #[error("expected {expected} at byte {at}")]
    Type {
        /// What the format requires, such as "a byte string".
        expected: &'static str,
        /// Where the item begins.
        at: usize,
    },
    /// An integer or length out of the permitted range.
    #[error("value out of range at byte {0}")]
    Range(usize),
    /// Fewer or more items were read or written than the array or map declares.
    #[error("wrong number of items at byte {0}")]
    Count(usize),
}

impl CborError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "cbor.truncated",
            Self::Trailing(_) => "cbor.trailing",
            Self::NonMinimal(_) => "cbor.non_minimal",
            Self::Indefinite(_) => "cbor.indefinite",
            Self::Unsupported(_) => "cbor.unsupported",
            Self::Utf8(_) => "cbor.utf8",
            Self::KeyOrder(_) => "cbor.key_order",
            Self::DuplicateKey(_) => "cbor.duplicate_key",
            Self::KeyType(_) => "cbor.key_type",
            Self::Depth(_) => "cbor.depth",
            Self::Type { .. } => "cbor.type",
            Self::Range(_) => "cbor.range",
            Self::Count(_) => "cbor.count",
        }
    }
}
