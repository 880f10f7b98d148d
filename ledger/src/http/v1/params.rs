//! Query parameters, read strictly: a name that nothing reads, or one that comes twice, is refused,
//! since a filter that is silently left out gives wrong answers.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use placet_proto::b64;
use placet_proto::time::{Fraction, UnixSeconds};

use crate::http::problem::Fault;

/// Most parameters of one request.
const MAX_PARAMETERS: usize = 300;
/// Longest value, in bytes.
const MAX_VALUE: usize = 2048;

/// The parameters of one request.
pub struct Params(Vec<(String, String)>);

/// What axum gives for `Query<Vec<(String, String)>>`.
pub type RawQuery = Result<Query<Vec<(String, String)>>, QueryRejection>;

impl Params {
    /// Reads them; `once` and `many` are the names that the route knows.
    ///
    /// # Errors
    /// 400 `query.malformed`, `query.unknown`, `query.repeated`, `query.value`.
    pub fn read(query: RawQuery, once: &[&str], many: &[&str]) -> Result<Self, Fault> {
        let Query(pairs) = query.map_err(|e| refused("query.malformed", e.body_text()))?;
        if pairs.len() > MAX_PARAMETERS {
            return Err(refused("query.malformed", "too many parameters"));
        }
        for (at, (name, value)) in pairs.iter().enumerate() {
            if !once.contains(&&**name) && !many.contains(&&**name) {
                let name: String = name.chars().take(40).collect();
                let known = [once, many].concat().join(", ");
                return Err(refused("query.unknown", format!("{name:?} is none of {known}")));
            }
            if once.contains(&&**name) && pairs.iter().skip(at + 1).any(|(n, _)| n == name) {
                return Err(refused("query.repeated", format!("`{name}` comes twice")));
            }
            if value.is_empty() || value.len() > MAX_VALUE {
                return Err(value_of(name, "is empty or too long"));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name that may be repeated.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    }

    /// A number in decimal.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let parse = |text: &str| {
            let digits = text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        self.with(name, "is no decimal number", parse)
    }

    /// A time, RFC 3339.
    pub fn time(&self, name: &str) -> Result<Option<UnixSeconds>, Fault> {
        let parse = |text: &str| UnixSeconds::parse_tolerant(text, Fraction::Refuse).ok();
        self.with(name, "is no time of RFC 3339 in whole seconds", parse)
    }

    /// 32 bytes in hexadecimal.
    pub fn digest(&self, name: &str) -> Result<Option<[u8; 32]>, Fault> {
        self.with(name, "is not 64 hexadecimal digits", |text| b64::decode_hex_array(text).ok())
    }

    /// Bytes in base64url without padding.
    pub fn bytes(&self, name: &str, max: usize) -> Result<Option<Vec<u8>>, Fault> {
        self.with(name, "is not base64url", |text| b64::decode_url(text, max).ok())
    }

    /// A value that `parse` understands.
    pub fn with<T>(
        &self,
        name: &str,
        problem: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| value_of(name, problem))
    }
}

/// 400 `query.value`.
pub(super) fn value_of(name: &str, problem: &str) -> Fault {
    refused("query.value", format!("`{name}` {problem}"))
}

pub(super) fn refused(code: &str, detail: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "Malformed request", code, detail)
}
