//! Strict deterministic CBOR (RFC 8949 4.2.1), the only CBOR that Placet reads or writes.
//!
//! * [`check`] validates one whole item: shortest heads, definite lengths, map keys that are
//!   integers or text in strictly ascending bytewise order, UTF-8, at most [`MAX_DEPTH`] levels, no
//!   trailing bytes; floats, `undefined` and other simple values are refused.
//! * [`Reader::new`] runs [`check`] first and then pulls items: `uint`, `int`, `bytes`, `text`,
//!   `array(max)`, `map`, `key`, `tag`, `null`, `bool`, `raw` (the slice of the next item), `end`.
//!   Because the whole input was checked before, no caller can forget a part of the strictness.
//! * [`Writer`] writes items; [`MapWriter`] collects map entries and sorts them by their encoded
//!   keys.
//!
//! ```
//! use placet_proto::cbor::{Key, MapWriter, Reader, Writer};
//! let mut map = MapWriter::new();
//! map.text("id", |w| w.bytes(b"\x01\x02"));
//! map.int(1, |w| w.uint(7));
//! let mut w = Writer::new();
//! w.map(map);
//! let bytes = w.into_bytes();
//!
//! let mut r = Reader::new(&bytes)?;
//! let (mut one, mut id) = (None, None);
//! for _ in 0..r.map()? {
//!     match r.key()? {
//!         Key::Int(1) => one = Some(r.uint()?),
//!         Key::Text("id") => id = Some(r.bytes()?),
//!         _ => r.skip()?, // or refuse
//!     }
//! }
//! r.end()?;
//! assert_eq!((one, id), (Some(7), Some(&[1, 2][..])));
//! # Ok::<(), placet_proto::cbor::CborError>(())
//! ```

mod read;
mod write;

pub use read::{Key, Kind, Reader};
pub use write::{MapWriter, Writer};

/// The deepest nesting of arrays, maps and tags that is accepted; a lone integer has depth 0.
pub const MAX_DEPTH: usize = 16;

const MAJOR_UINT: u8 = 0;
const MAJOR_NINT: u8 = 1;
const MAJOR_BYTES: u8 = 2;
const MAJOR_TEXT: u8 = 3;
const MAJOR_ARRAY: u8 = 4;
const MAJOR_MAP: u8 = 5;
const MAJOR_TAG: u8 = 6;
const MAJOR_SIMPLE: u8 = 7;

const SIMPLE_FALSE: u64 = 20;
const SIMPLE_TRUE: u64 = 21;
const SIMPLE_NULL: u64 = 22;

/// Validates that `bytes` are exactly one item in deterministic form, of any supported type.
///
/// Takes linear time, allocates nothing and recurses at most [`MAX_DEPTH`] deep.
///
/// # Errors
/// Any [`CborError`] but `Type`, `Range` and `Count`; the first one met from the left.
pub fn check(bytes: &[u8]) -> Result<(), CborError> {
    let mut cursor = Cursor { input: bytes, pos: 0 };
    check_item(&mut cursor, 0)?;
    if cursor.pos == bytes.len() { Ok(()) } else { Err(CborError::Trailing(cursor.pos)) }
}

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
    /// An array or map with another number of items than the format permits.
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

#[derive(Debug, Clone)]
struct Cursor<'a> {
    input: &'a [u8],
    pos: usize,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    major: u8,
    argument: u64,
}

impl<'a> Cursor<'a> {
    fn remaining(&self) -> u64 {
        self.input.len().saturating_sub(self.pos) as u64
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let truncated = CborError::Truncated(self.input.len());
        let end = usize::try_from(len).ok().and_then(|len| self.pos.checked_add(len));
        let Some(end) = end else { return Err(truncated) };
        let taken = self.input.get(self.pos..end).ok_or(truncated)?;
        self.pos = end;
        Ok(taken)
    }

    /// Reads the initial byte and the argument, and refuses every head but the shortest.
    fn head(&mut self) -> Result<Head, CborError> {
        let at = self.pos;
        let initial = self.take(1)?.first().copied().unwrap_or_default();
        let (major, info) = (initial >> 5, initial & 0x1f);
        let (len, least) = match info {
            0..=23 => return Ok(Head { major, argument: u64::from(info) }),
            // Simple values beyond the initial byte and floats have no place in the formats.
            24..=27 if major == MAJOR_SIMPLE => return Err(CborError::Unsupported(at)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            31 if (MAJOR_BYTES..=MAJOR_MAP).contains(&major) || major == MAJOR_SIMPLE => {
                return Err(CborError::Indefinite(at));
            }
            _ => return Err(CborError::Unsupported(at)),
        };
        let argument = self.take(len)?.iter().fold(0, |sum, &b| (sum << 8) | u64::from(b));
        if argument < least { Err(CborError::NonMinimal(at)) } else { Ok(Head { major, argument }) }
    }
}

fn check_item(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), CborError> {
    let at = cursor.pos;
    let head = cursor.head()?;
    let inner = depth.saturating_add(1);
    if matches!(head.major, MAJOR_ARRAY | MAJOR_MAP | MAJOR_TAG) && inner > MAX_DEPTH {
        return Err(CborError::Depth(at));
    }
    match head.major {
        MAJOR_UINT | MAJOR_NINT => Ok(()),
        MAJOR_BYTES => cursor.take(head.argument).map(|_| ()),
        MAJOR_TEXT => {
            let text = cursor.take(head.argument)?;
            std::str::from_utf8(text).map(|_| ()).map_err(|_| CborError::Utf8(at))
        }
        MAJOR_ARRAY => {
            // Every item takes a byte at least, so a length beyond the input is a lie.
            if head.argument > cursor.remaining() {
                return Err(CborError::Truncated(cursor.input.len()));
            }
            (0..head.argument).try_for_each(|_| check_item(cursor, inner))
        }
        MAJOR_MAP => check_map(cursor, head.argument, inner),
        MAJOR_TAG => check_item(cursor, inner),
        _ => match head.argument {
            SIMPLE_FALSE | SIMPLE_TRUE | SIMPLE_NULL => Ok(()),
            _ => Err(CborError::Unsupported(at)),
        },
    }
}

fn check_map(cursor: &mut Cursor<'_>, len: u64, depth: usize) -> Result<(), CborError> {
    if len.saturating_mul(2) > cursor.remaining() {
        return Err(CborError::Truncated(cursor.input.len()));
    }
    let input = cursor.input;
    let mut previous: Option<&[u8]> = None;
    for _ in 0..len {
        let at = cursor.pos;
        if !matches!(cursor.clone().head()?.major, MAJOR_UINT | MAJOR_NINT | MAJOR_TEXT) {
            return Err(CborError::KeyType(at));
        }
        check_item(cursor, depth)?;
        let key = input.get(at..cursor.pos).ok_or(CborError::Truncated(at))?;
        match previous.map(|previous| previous.cmp(key)) {
            None | Some(std::cmp::Ordering::Less) => previous = Some(key),
            Some(std::cmp::Ordering::Equal) => return Err(CborError::DuplicateKey(at)),
            Some(std::cmp::Ordering::Greater) => return Err(CborError::KeyOrder(at)),
        }
        check_item(cursor, depth)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
