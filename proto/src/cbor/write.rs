use std::collections::BTreeMap;

use super::{
    MAJOR_ARRAY, MAJOR_BYTES, MAJOR_MAP, MAJOR_NINT, MAJOR_SIMPLE, MAJOR_TAG, MAJOR_TEXT,
    MAJOR_UINT, SIMPLE_FALSE, SIMPLE_NULL, SIMPLE_TRUE,
};

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

    /// Copies an item that is already encoded, such as one from [`super::Reader::raw`].
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
