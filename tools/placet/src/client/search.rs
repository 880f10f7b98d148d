//! Searching the logs.

use placet_proto::json::Json;

use super::Client;
use crate::error::Failure;

impl Client {
    /// One page of a search, as `GET /v1/entries` answers it.
    ///
    /// # Errors
    /// Those of the service.
    pub fn search(&self, query: &[(&'static str, String)]) -> Result<Json, Failure> {
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.get_json(&format!("/v1/entries?{}", pairs.join("&")))
    }
}

/// RFC 3986 percent-encoding of everything but unreserved characters.
fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        assert_eq!(encoded("agent/bot 1+é&x=~"), "agent%2Fbot%201%2B%C3%A9%26x%3D~");
    }
}
