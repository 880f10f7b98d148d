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

mod number;
mod parser;

pub use number::Number;

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
    parser::text(bytes)
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
        if let Self::Number(value) = self { value.with_str(|text| text.parse().ok()) } else { None }
    }

    /// The value, if this is an integer from -2^63 to 2^63-1.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(value) = self { value.with_str(|text| text.parse().ok()) } else { None }
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
        Self::Number(Number::from(value))
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

#[cfg(test)]
mod tests;
