//! Strict JSON (RFC 8259) with exactly one reading, the only JSON that Placet signs or digests.
//!
//! * [`parse`] (1 MiB) and [`parse_limited`] refuse duplicate member names (compared after
//!   unescaping), lone surrogates, invalid UTF-8, a byte order mark, trailing bytes, more than
//!   [`MAX_DEPTH`] levels, and every number whose decimal value differs from the ECMAScript
//!   serialisation of its double: `100.00000000000000001`, `-0`, `1e400`, `9007199254740993`.
//!   `1.0` and `1e2` are exact, and become `1` and `100`.
//! * [`Json`] is the value; `get`, `as_str`, `as_u64`, `as_i64`, `as_bool`, `as_array`,
//!   `as_object` read it, [`Json::object`], [`Json::string`] and `From` build it; [`crate::jcs`]
//!   writes it.
//!
//! ```
//! use placet_proto::json;
//! let value = json::parse(br#"{"id":"a","n":1e2}"#)?;
//! assert_eq!(value.get("n").and_then(json::Json::as_u64), Some(100));
//! assert_eq!(json::parse(br#"{"a":1,"\u0061":2}"#).unwrap_err().code(), "json.duplicate_key");
//! # Ok::<(), json::JsonError>(())
//! ```

/// The deepest nesting of arrays and objects that is accepted; a lone string has depth 0.
pub const MAX_DEPTH: usize = 32;
/// The most bytes that [`parse`] accepts.
pub const MAX_BYTES: usize = 1 << 20;

/// Parses one JSON text of at most [`MAX_BYTES`].
///
/// # Errors
/// Any [`JsonError`]; the first one met from the left, save that duplicate names are found at the
/// end of their object.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    parse_limited(bytes, MAX_BYTES)
}

/// Parses one JSON text of at most `limit` bytes.
///
/// # Errors
/// As [`parse`].
pub fn parse_limited(bytes: &[u8], limit: usize) -> Result<Json, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::Limit { size: bytes.len(), limit });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| JsonError::Utf8(e.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::Utf8(0));
    }
    let mut parser = Parser { text, pos: 0 };
    parser.whitespace();
    let value = parser.value(0)?;
    parser.whitespace();
    if parser.pos == text.len() { Ok(value) } else { Err(JsonError::Trailing(parser.pos)) }
}

/// A JSON value.
///
/// Two values are equal if they are written alike, the order of members included; compare
/// canonical forms ([`crate::jcs::to_bytes`]) where the order does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object: members in the order of the text. The parser lets no name appear twice; who
    /// builds one by hand uses [`Json::object`], which sees to the same.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A string.
    #[must_use]
    pub fn string(value: impl Into<String>) -> Self {
        Self::String(value.into())
    }

    /// An object; as in a map, a later value for a name replaces the earlier one.
    #[must_use]
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Json)>) -> Self {
        let mut object = Self::Object(Vec::new());
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }

    /// Sets a member of an object; does nothing to other values.
    pub fn insert(&mut self, name: impl Into<String>, value: Json) {
        let Self::Object(members) = self else { return };
        let name = name.into();
        match members.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => members.push((name, value)),
        }
    }

    /// Removes a member of an object and returns it.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let Self::Object(members) = self else { return None };
        let at = members.iter().position(|(n, _)| n == name)?;
        Some(members.remove(at).1)
    }

    /// The member `name`, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    /// The value, if this is an integer from 0 to 2^64-1.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Number(value) = self { value.as_str().parse().ok() } else { None }
    }

    /// The value, if this is an integer from -2^63 to 2^63-1.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(value) = self { value.as_str().parse().ok() } else { None }
    }

    /// The value, if this is `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The items, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Number(Number(value.to_string()))
    }
}

impl TryFrom<u64> for Json {
    type Error = JsonError;

    /// # Errors
    /// `Number` for an integer that no double states exactly.
    fn try_from(value: u64) -> Result<Self, JsonError> {
        Number::parse(&value.to_string()).map(Self::Number).ok_or(JsonError::Number(0))
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::Array(items)
    }
}

/// A number that its double states exactly, held as the ECMAScript serialisation of that double
/// (RFC 8785 3.2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// Reads a JSON number; `None` if it is none, or not exact.
    #[must_use]
    pub fn parse(literal: &str) -> Option<Self> {
        let given = Decimal::parse(literal)?;
        let double: f64 = literal.parse().ok()?;
        if !double.is_finite() || (given.negative && given.digits.is_empty()) {
            return None;
        }
        let canonical = ryu_js::Buffer::new().format_finite(double).to_owned();
        (Decimal::parse(&canonical)? == given).then_some(Self(canonical))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The double.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

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
        /// Where the object ends.
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

/// The exact value of a decimal literal: 0.DIGITS times ten to the power of `point`, without
/// leading or trailing zeros, so that equal values have equal parts.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    fn parse(literal: &str) -> Option<Self> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Self::exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let decimal = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !decimal(whole) || !decimal(fraction) {
            return None;
        }
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative, digits, point: 0 });
        }
        let zeros = i64::try_from(all.len().checked_sub(significant.len())?).ok()?;
        let point = i64::try_from(whole.len()).ok()?.checked_sub(zeros)?.checked_add(exponent)?;
        Some(Self { negative, digits, point })
    }

    /// An exponent too large for 64 bits may take the largest value: no double is near it, unless
    /// the number is zero, where it does not matter.
    fn exponent(text: &str) -> Option<i64> {
        let (negative, digits) = match text.strip_prefix(['+', '-']) {
            Some(digits) => (text.starts_with('-'), digits),
            None => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let size = digits.parse::<i32>().map_or(i64::from(i32::MAX), i64::from);
        Some(if negative { -size } else { size })
    }
}

/// A recursive descent over text that is known to be UTF-8; `pos` is always on a character boundary.
struct Parser<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.pos += usize::from(eaten);
        eaten
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(JsonError::Syntax(self.pos)) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'[' | b'{') if depth >= MAX_DEPTH => {
                Err(JsonError::Depth { limit: MAX_DEPTH, at: self.pos })
            }
            Some(b'[') => self.array(depth.saturating_add(1)),
            Some(b'{') => self.object(depth.saturating_add(1)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            _ => Err(JsonError::Syntax(self.pos)),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(JsonError::Syntax(self.pos));
        }
        self.pos += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        self.whitespace();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.whitespace();
            items.push(self.value(depth)?);
            self.whitespace();
            if !self.eat(b',') {
                self.expect(b']')?;
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = Vec::new();
        self.expect(b'{')?;
        self.whitespace();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.whitespace();
            let name = self.string()?;
            self.whitespace();
            self.expect(b':')?;
            self.whitespace();
            members.push((name, self.value(depth)?));
            self.whitespace();
            if !self.eat(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.refuse_duplicates(&members)?;
        Ok(Json::Object(members))
    }

    /// Sorting finds duplicates in n log n, whatever names an attacker chooses.
    fn refuse_duplicates(&self, members: &[(String, Json)]) -> Result<(), JsonError> {
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.array_windows().find(|[a, b]| a == b) {
            Some([name, _]) => {
                Err(JsonError::DuplicateKey { name: (*name).to_owned(), at: self.pos })
            }
            None => Ok(()),
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.pos;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        let literal = self.text.get(start..self.pos).unwrap_or_default();
        if Decimal::parse(literal).is_none() {
            return Err(JsonError::Syntax(start));
        }
        Number::parse(literal).map(Json::Number).ok_or(JsonError::Number(start))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            // What stands for itself is copied in one piece, up to a quote, escape or control.
            let special = |b: u8| b == b'"' || b == b'\\' || b < 0x20;
            let plain = rest.bytes().position(special).unwrap_or(rest.len());
            value.push_str(rest.get(..plain).unwrap_or_default());
            self.pos += plain;
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                _ => return Err(JsonError::Syntax(self.pos)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.pos;
        self.expect(b'\\')?;
        let escaped = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(JsonError::Syntax(self.pos)),
        };
        self.pos += 1;
        Ok(escaped)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(JsonError::Surrogate(start));
        }
        if first >= 0xdc00 || !self.rest().starts_with("\\u") {
            return Err(JsonError::Surrogate(start));
        }
        self.pos += 1;
        let second = self.hex4()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonError::Surrogate(start));
        }
        let code_point = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
        char::from_u32(code_point).ok_or(JsonError::Surrogate(start))
    }

    /// Reads `u` and four hexadecimal digits.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        self.expect(b'u')?;
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            value = (value << 4) | digit.ok_or(JsonError::Syntax(self.pos))?;
            self.pos += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
