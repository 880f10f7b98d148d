use super::{
    CborError, Cursor, Head, MAJOR_ARRAY, MAJOR_BYTES, MAJOR_MAP, MAJOR_NINT, MAJOR_SIMPLE,
    MAJOR_TAG, MAJOR_TEXT, MAJOR_UINT, SIMPLE_FALSE, SIMPLE_NULL, SIMPLE_TRUE, check,
};

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

fn int_of(head: Head, at: usize) -> Result<i64, CborError> {
    let value = i64::try_from(head.argument).map_err(|_| CborError::Range(at));
    match head.major {
        MAJOR_UINT => value,
        MAJOR_NINT => value.map(|value| !value),
        _ => Err(CborError::Type { expected: "an integer", at }),
    }
}
