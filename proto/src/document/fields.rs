//! Members of a JSON object, taken by name; what was not taken is refused.

use super::DocumentError;
use crate::json::Json;
use crate::{Error, b64};

/// Longest identifier-like string, in bytes.
pub(crate) const MAX_ID: usize = 1024;
/// Longest free text, in bytes.
pub(crate) const MAX_TEXT: usize = 4096;
/// Most elements of an array in a document.
pub(crate) const MAX_ITEMS: usize = 256;

/// A SHA-256 value.
pub type Digest = [u8; 32];

/// Reads the members of one object. [`Fields::done`] refuses members that nobody asked for.
pub(crate) struct Fields<'a> {
    members: &'a [(String, Json)],
    taken: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(json: &'a Json, what: &'static str) -> Result<Self, Error> {
        match json {
            Json::Object(members) => Ok(Self { members, taken: 0 }),
            _ => Err(DocumentError::Type(what).into()),
        }
    }

    pub(crate) fn opt(&mut self, name: &'static str) -> Option<&'a Json> {
        let found = self.members.iter().find(|(k, _)| k == name).map(|(_, v)| v);
        self.taken += usize::from(found.is_some());
        found
    }

    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.members.iter().any(|(k, _)| k == name)
    }

    pub(crate) fn any(&mut self, name: &'static str) -> Result<&'a Json, Error> {
        self.opt(name).ok_or_else(|| DocumentError::Missing(name).into())
    }

    pub(crate) fn text(&mut self, name: &'static str, max: usize) -> Result<String, Error> {
        text_of(self.any(name)?, name, max)
    }

    pub(crate) fn opt_text(
        &mut self,
        name: &'static str,
        max: usize,
    ) -> Result<Option<String>, Error> {
        self.opt(name).map(|v| text_of(v, name, max)).transpose()
    }

    /// A non-empty string of at most [`MAX_ID`] bytes.
    pub(crate) fn id(&mut self, name: &'static str) -> Result<String, Error> {
        let text = self.text(name, MAX_ID)?;
        if text.is_empty() {
            return Err(DocumentError::Value(name).into());
        }
        Ok(text)
    }

    pub(crate) fn bool(&mut self, name: &'static str) -> Result<bool, Error> {
        match self.any(name)? {
            Json::Bool(b) => Ok(*b),
            _ => Err(DocumentError::Type(name).into()),
        }
    }

    pub(crate) fn uint(&mut self, name: &'static str) -> Result<u64, Error> {
        self.any(name)?.as_u64().ok_or_else(|| DocumentError::Type(name).into())
    }

    pub(crate) fn digest(&mut self, name: &'static str) -> Result<Digest, Error> {
        let text = self.text(name, 64)?;
        b64::decode_hex_array::<32>(&text).map_err(|_| DocumentError::Value(name).into())
    }

    pub(crate) fn bytes(&mut self, name: &'static str, max: usize) -> Result<Vec<u8>, Error> {
        let text = self.text(name, max.saturating_mul(4) / 3 + 4)?;
        b64::decode_url(&text, max).map_err(|_| DocumentError::Value(name).into())
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Result<crate::time::UnixSeconds, Error> {
        let text = self.text(name, 32)?;
        crate::time::UnixSeconds::parse(&text).map_err(|_| DocumentError::Value(name).into())
    }

    pub(crate) fn uuid(&mut self, name: &'static str) -> Result<String, Error> {
        let text = self.text(name, 36)?;
        if is_uuid_v4(&text) { Ok(text) } else { Err(DocumentError::Value(name).into()) }
    }

    pub(crate) fn array(&mut self, name: &'static str) -> Result<&'a [Json], Error> {
        match self.any(name)? {
            Json::Array(items) if items.len() <= MAX_ITEMS => Ok(items),
            Json::Array(_) => Err(DocumentError::Value(name).into()),
            _ => Err(DocumentError::Type(name).into()),
        }
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, Error> {
        self.array(name)?.iter().map(|v| text_of(v, name, MAX_ID)).collect()
    }

    /// Byte strings in base64url, each of 1 to `max` bytes.
    pub(crate) fn byte_strings(
        &mut self,
        name: &'static str,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let one = |v: &Json| {
            let text = text_of(v, name, max.saturating_mul(4) / 3 + 4)?;
            match b64::decode_url(&text, max) {
                Ok(bytes) if !bytes.is_empty() => Ok(bytes),
                _ => Err(DocumentError::Value(name).into()),
            }
        };
        self.array(name)?.iter().map(one).collect()
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Result<Fields<'a>, Error> {
        Fields::new(self.any(name)?, name)
    }

    pub(crate) fn done(self) -> Result<(), Error> {
        if self.taken == self.members.len() {
            return Ok(());
        }
        Err(DocumentError::Unknown.into())
    }
}

fn text_of(value: &Json, name: &'static str, max: usize) -> Result<String, Error> {
    match value {
        Json::String(s) if s.len() <= max => Ok(s.clone()),
        Json::String(_) => Err(DocumentError::Value(name).into()),
        _ => Err(DocumentError::Type(name).into()),
    }
}

/// Whether the text is a UUIDv4 in lowercase (RFC 9562).
#[must_use]
pub fn is_uuid_v4(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            14 => b == b'4',
            19 => matches!(b, b'8' | b'9' | b'a' | b'b'),
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// Builds a JSON object; JCS sorts it on the way out.
#[derive(Default)]
pub(crate) struct Builder(Vec<(String, Json)>);

impl Builder {
    pub(crate) fn put(&mut self, name: &'static str, value: Json) -> &mut Self {
        self.0.push((name.to_owned(), value));
        self
    }

    pub(crate) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.put(name, Json::String(value.to_owned()))
    }

    pub(crate) fn opt_text(&mut self, name: &'static str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    pub(crate) fn uint(&mut self, name: &'static str, value: u64) -> &mut Self {
        // Above 2^53 JSON has no exact form; the null is refused when the document is read back.
        let number = crate::json::Number::parse(&value.to_string());
        self.put(name, number.map_or(Json::Null, Json::Number))
    }

    pub(crate) fn bool(&mut self, name: &'static str, value: bool) -> &mut Self {
        self.put(name, Json::Bool(value))
    }

    pub(crate) fn digest(&mut self, name: &'static str, value: &Digest) -> &mut Self {
        self.text(name, &b64::encode_hex(value))
    }

    pub(crate) fn bytes(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        self.text(name, &b64::encode_url(value))
    }

    pub(crate) fn time(
        &mut self,
        name: &'static str,
        value: crate::time::UnixSeconds,
    ) -> &mut Self {
        self.text(name, &value.to_string())
    }

    pub(crate) fn texts(&mut self, name: &'static str, values: &[String]) -> &mut Self {
        self.put(name, Json::Array(values.iter().cloned().map(Json::String).collect()))
    }

    pub(crate) fn byte_strings(&mut self, name: &'static str, values: &[Vec<u8>]) -> &mut Self {
        let texts = values.iter().map(|v| Json::String(b64::encode_url(v)));
        self.put(name, Json::Array(texts.collect()))
    }

    pub(crate) fn build(self) -> Json {
        Json::Object(self.0)
    }
}
