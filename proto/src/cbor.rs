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

use std::collections::BTreeMap;

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

/// A map key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// An integer label.
    Int(i64),
    /// A text label.
    Text(&'a str),
}

/// The type of the next item, for formats that allow a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of RFC 8949")]
pub enum Kind {
    Uint,
    Nint,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Bool,
    Null,
}

/// Pulls items from one deterministic item, which was validated as a whole at the start.
///
/// Borrowed results live as long as the input. After an error the reader's position is
/// unspecified; stop reading.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Reader<'a> {
    /// Validates `bytes` with [`check`] and starts reading.
    ///
    /// # Errors
    /// As [`check`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, CborError> {
        check(bytes)?;
        Ok(Self { cursor: Cursor { input: bytes, pos: 0 } })
    }

    /// The offset of the next item in the input, in bytes.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.cursor.pos
    }

    /// The type of the next item, without reading it.
    ///
    /// # Errors
    /// `Truncated` at the end of the input.
    pub fn peek(&self) -> Result<Kind, CborError> {
        let head = self.cursor.clone().head()?;
        Ok(match head.major {
            MAJOR_UINT => Kind::Uint,
            MAJOR_NINT => Kind::Nint,
            MAJOR_BYTES => Kind::Bytes,
            MAJOR_TEXT => Kind::Text,
            MAJOR_ARRAY => Kind::Array,
            MAJOR_MAP => Kind::Map,
            MAJOR_TAG => Kind::Tag,
            _ if head.argument == SIMPLE_NULL => Kind::Null,
            _ => Kind::Bool,
        })
    }

    /// Reads an unsigned integer.
    ///
    /// # Errors
    /// `Type`.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.argument(MAJOR_UINT, "an unsigned integer")
    }

    /// Reads an integer of either sign.
    ///
    /// # Errors
    /// `Type`; `Range` if it does not fit 64 bits with sign.
    pub fn int(&mut self) -> Result<i64, CborError> {
        let at = self.cursor.pos;
        let head = self.cursor.head()?;
        int_of(head, at)
    }

    /// Reads a byte string.
    ///
    /// # Errors
    /// `Type`.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let len = self.argument(MAJOR_BYTES, "a byte string")?;
        self.cursor.take(len)
    }

    /// Reads a byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// `Type`; `Range` if it has another length.
    pub fn bytes_array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let at = self.cursor.pos;
        self.bytes()?.try_into().map_err(|_| CborError::Range(at))
    }

    /// Reads a text string.
    ///
    /// # Errors
    /// `Type`.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let at = self.cursor.pos;
        let len = self.argument(MAJOR_TEXT, "a text string")?;
        std::str::from_utf8(self.cursor.take(len)?).map_err(|_| CborError::Utf8(at))
    }

    /// Opens an array of at most `max` items and returns their number; read that many items next.
    ///
    /// # Errors
    /// `Type`; `Count` if there are more than `max`.
    pub fn array(&mut self, max: usize) -> Result<usize, CborError> {
        let at = self.cursor.pos;
        let len = self.argument(MAJOR_ARRAY, "an array")?;
        usize::try_from(len).ok().filter(|&len| len <= max).ok_or(CborError::Count(at))
    }

    /// Opens an array of exactly `len` items.
    ///
    /// # Errors
    /// `Type`; `Count` if it has another number of items.
    pub fn array_exact(&mut self, len: usize) -> Result<(), CborError> {
        let at = self.cursor.pos;
        if self.array(len)? == len { Ok(()) } else { Err(CborError::Count(at)) }
    }

    /// Opens a map and returns the number of its entries; read a [`Reader::key`] and a value that
    /// many times. Keys come in ascending order, each once.
    ///
    /// # Errors
    /// `Type`.
    pub fn map(&mut self) -> Result<usize, CborError> {
        let at = self.cursor.pos;
        let len = self.argument(MAJOR_MAP, "a map")?;
        usize::try_from(len).map_err(|_| CborError::Count(at))
    }

    /// Reads a map key.
    ///
    /// # Errors
    /// `Type`; `Range` for an integer that does not fit 64 bits with sign.
    pub fn key(&mut self) -> Result<Key<'a>, CborError> {
        match self.peek()? {
            Kind::Text => self.text().map(Key::Text),
            _ => self.int().map(Key::Int),
        }
    }

    /// Reads a tag number; its content is the next item.
    ///
    /// # Errors
    /// `Type`.
    pub fn tag(&mut self) -> Result<u64, CborError> {
        self.argument(MAJOR_TAG, "a tag")
    }

    /// Reads the tag `number`, and no other; its content is the next item.
    ///
    /// # Errors
    /// `Type` for no tag or another tag.
    pub fn expect_tag(&mut self, number: u64) -> Result<(), CborError> {
        let at = self.cursor.pos;
        let expected = "the tag of this format";
        if self.tag()? == number { Ok(()) } else { Err(CborError::Type { expected, at }) }
    }

    /// Reads `null`.
    ///
    /// # Errors
    /// `Type`.
    pub fn null(&mut self) -> Result<(), CborError> {
        let at = self.cursor.pos;
        match self.argument(MAJOR_SIMPLE, "null")? {
            SIMPLE_NULL => Ok(()),
            _ => Err(CborError::Type { expected: "null", at }),
        }
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// `Type`.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        let at = self.cursor.pos;
        match self.argument(MAJOR_SIMPLE, "a boolean")? {
            SIMPLE_FALSE => Ok(false),
            SIMPLE_TRUE => Ok(true),
            _ => Err(CborError::Type { expected: "a boolean", at }),
        }
    }

    /// Passes over the next item, of any type, and returns its bytes as they stand in the input.
    ///
    /// # Errors
    /// `Truncated` at the end of the input.
    pub fn raw(&mut self) -> Result<&'a [u8], CborError> {
        let start = self.cursor.pos;
        // A count of items still to pass replaces recursion: `check` has bounded every length.
        let mut pending: u64 = 1;
        while pending > 0 {
            let head = self.cursor.head()?;
            let inner = match head.major {
                MAJOR_BYTES | MAJOR_TEXT => {
                    self.cursor.take(head.argument)?;
                    0
                }
                MAJOR_ARRAY => head.argument,
                MAJOR_MAP => head.argument.saturating_mul(2),
                MAJOR_TAG => 1,
                _ => 0,
            };
            pending = (pending - 1).saturating_add(inner);
        }
        self.cursor.input.get(start..self.cursor.pos).ok_or(CborError::Truncated(start))
    }

    /// Passes over the next item, of any type.
    ///
    /// # Errors
    /// `Truncated` at the end of the input.
    pub fn skip(&mut self) -> Result<(), CborError> {
        self.raw().map(|_| ())
    }

    /// Confirms that everything was read.
    ///
    /// # Errors
    /// `Trailing` if items remain.
    pub fn end(&self) -> Result<(), CborError> {
        let pos = self.cursor.pos;
        if pos == self.cursor.input.len() { Ok(()) } else { Err(CborError::Trailing(pos)) }
    }

    fn argument(&mut self, major: u8, expected: &'static str) -> Result<u64, CborError> {
        let at = self.cursor.pos;
        let head = self.cursor.head()?;
        if head.major == major { Ok(head.argument) } else { Err(CborError::Type { expected, at }) }
    }
}

/// Writes items one after another in deterministic form.
///
/// The methods return the writer, so that calls chain. The caller answers for writing as many
/// items as an array declares; maps come as a [`MapWriter`] and count themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Writes an unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(MAJOR_UINT, value)
    }

    /// Writes an integer of either sign.
    pub fn int(&mut self, value: i64) -> &mut Self {
        match u64::try_from(value) {
            Ok(value) => self.head(MAJOR_UINT, value),
            // -1 - value, which never overflows, is the bitwise complement.
            Err(_) => self.head(MAJOR_NINT, (!value).unsigned_abs()),
        }
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(MAJOR_BYTES, value.len() as u64);
        self.raw(value)
    }

    /// Writes a text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(MAJOR_TEXT, value.len() as u64);
        self.raw(value.as_bytes())
    }

    /// Opens an array of `len` items; write that many next.
    pub fn array(&mut self, len: usize) -> &mut Self {
        self.head(MAJOR_ARRAY, len as u64)
    }

    /// Writes a whole map, its entries sorted by their encoded keys.
    pub fn map(&mut self, map: MapWriter) -> &mut Self {
        self.head(MAJOR_MAP, map.entries.len() as u64);
        for (key, value) in map.entries {
            self.raw(&key).raw(&value);
        }
        self
    }

    /// Writes a tag; write its content next.
    pub fn tag(&mut self, number: u64) -> &mut Self {
        self.head(MAJOR_TAG, number)
    }

    /// Writes `null`.
    pub fn null(&mut self) -> &mut Self {
        self.head(MAJOR_SIMPLE, SIMPLE_NULL)
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.head(MAJOR_SIMPLE, if value { SIMPLE_TRUE } else { SIMPLE_FALSE })
    }

    /// Copies an item that is already encoded, such as one from [`Reader::raw`].
    pub fn raw(&mut self, item: &[u8]) -> &mut Self {
        self.out.extend_from_slice(item);
        self
    }

    fn head(&mut self, major: u8, argument: u64) -> &mut Self {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        let (info, len) = match argument {
            0..=23 => (bytes[7], 0),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.out.push(major | info);
        self.out.extend(bytes.iter().skip(8 - len));
        self
    }
}

/// Collects the entries of one map, in any order. As in a `BTreeMap`, a second value for a key
/// replaces the first, so that what is written has no duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapWriter {
    // The order of encoded keys is the order of RFC 8949 4.2.1.
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MapWriter {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry under an integer key; `value` must write exactly one item.
    pub fn int(&mut self, key: i64, value: impl FnOnce(&mut Writer) -> &mut Writer) -> &mut Self {
        let mut encoded = Writer::new();
        encoded.int(key);
        self.entry(encoded, value)
    }

    /// Adds an entry under a text key; `value` must write exactly one item.
    pub fn text(&mut self, key: &str, value: impl FnOnce(&mut Writer) -> &mut Writer) -> &mut Self {
        let mut encoded = Writer::new();
        encoded.text(key);
        self.entry(encoded, value)
    }

    /// The number of entries so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn entry(&mut self, key: Writer, value: impl FnOnce(&mut Writer) -> &mut Writer) -> &mut Self {
        let mut encoded = Writer::new();
        value(&mut encoded);
        self.entries.insert(key.into_bytes(), encoded.into_bytes());
        self
    }
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

fn int_of(head: Head, at: usize) -> Result<i64, CborError> {
    let value = i64::try_from(head.argument).map_err(|_| CborError::Range(at));
    match head.major {
        MAJOR_UINT => value,
        MAJOR_NINT => value.map(|value| !value),
        _ => Err(CborError::Type { expected: "an integer", at }),
    }
}

#[cfg(test)]
#[path = "cbor_tests.rs"]
mod tests;
