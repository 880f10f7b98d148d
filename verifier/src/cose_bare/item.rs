//! CBOR as other people write it: [`Item::parse`] is strict about everything that could give two
//! readings (lengths, duplicate keys, trailing bytes) but takes map keys in any order, because
//! RFC 9052 asks for no order.

use super::BareError;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 16;

/// One data item, borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Item<'a>>),
    Map(Vec<(Item<'a>, Item<'a>)>),
    Tag(u64, Box<Item<'a>>),
    Bool(bool),
    Null,
}

impl<'a> Item<'a> {
    /// Reads exactly one item.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BareError> {
        let mut input = Input { rest: bytes };
        let item = input.item(0)?;
        if input.rest.is_empty() { Ok(item) } else { Err(BareError::Cbor("trailing bytes")) }
    }

    /// The value of an integer label in a map.
    pub(super) fn label(&self, label: i64) -> Option<&Item<'a>> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| *key == Self::Int(label)).map(|(_, value)| value)
    }

    /// The integer, if it is one.
    pub(super) fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The integer, if it is one that is not negative.
    pub(super) fn uint(&self) -> Option<u64> {
        self.int().and_then(|value| u64::try_from(value).ok())
    }

    /// The byte string, if it is one.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(value) = self { Some(value) } else { None }
    }

    /// The elements, if it is an array.
    pub(super) fn array(&self) -> Option<&[Item<'a>]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn item(&mut self, depth: usize) -> Result<Item<'a>, BareError> {
        if depth > MAX_DEPTH {
            return Err(BareError::Cbor("nested too deeply"));
        }
        let (major, argument) = self.head()?;
        let inner = depth.saturating_add(1);
        Ok(match major {
            0 => Item::Int(signed(argument)?),
            1 => Item::Int(!signed(argument)?),
            2 => Item::Bytes(self.take(argument)?),
            3 => Item::Text(
                std::str::from_utf8(self.take(argument)?)
                    .map_err(|_| BareError::Cbor("text is not UTF-8"))?,
            ),
            4 => Item::Array(self.items(argument, inner)?),
            5 => Item::Map(self.entries(argument, inner)?),
            6 => Item::Tag(argument, Box::new(self.item(inner)?)),
            _ => match argument {
                20 => Item::Bool(false),
                21 => Item::Bool(true),
                22 => Item::Null,
                _ => return Err(BareError::Cbor("a simple value or float")),
            },
        })
    }

    /// Major type and argument, in the shortest form only.
    fn head(&mut self) -> Result<(u8, u64), BareError> {
        let [first] = self.take_array::<1>()?;
        let (major, low) = (first >> 5, first & 0x1f);
        let (argument, smallest) = match low {
            0..=23 => (u64::from(low), 0),
            24 => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.take_array()?), 1 << 32),
            _ => return Err(BareError::Cbor("indefinite length")),
        };
        if argument < smallest || (major == 7 && low > 23) {
            return Err(BareError::Cbor("not the shortest form"));
        }
        Ok((major, argument))
    }

    fn items(&mut self, count: u64, depth: usize) -> Result<Vec<Item<'a>>, BareError> {
        // Every item takes a byte, so the input bounds what is allocated.
        (0..self.bounded(count)?).map(|_| self.item(depth)).collect()
    }

    fn entries(&mut self, count: u64, depth: usize) -> Result<Vec<Entry<'a>>, BareError> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for _ in 0..self.bounded(count)? {
            let key = self.item(depth)?;
            if !matches!(key, Item::Int(_) | Item::Text(_)) {
                return Err(BareError::Cbor("a label is neither integer nor text"));
            }
            if entries.iter().any(|(other, _)| *other == key) {
                return Err(BareError::Cbor("duplicate label"));
            }
            if entries.len() >= MAX_ENTRIES {
                return Err(BareError::Cbor("too many labels"));
            }
            entries.push((key, self.item(depth)?));
        }
        Ok(entries)
    }

    fn bounded(&self, count: u64) -> Result<u64, BareError> {
        let left = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        if count <= left { Ok(count) } else { Err(BareError::Cbor("truncated")) }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], BareError> {
        let len = usize::try_from(len).map_err(|_| BareError::Cbor("truncated"))?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(BareError::Cbor("truncated"))?;
        self.rest = rest;
        Ok(head)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], BareError> {
        let (head, rest) =
            self.rest.split_first_chunk::<N>().ok_or(BareError::Cbor("truncated"))?;
        self.rest = rest;
        Ok(*head)
    }
}

type Entry<'a> = (Item<'a>, Item<'a>);
/// The search for duplicates is quadratic.
const MAX_ENTRIES: usize = 256;

fn signed(argument: u64) -> Result<i64, BareError> {
    i64::try_from(argument).map_err(|_| BareError::Cbor("an integer over 63 bits"))
}
