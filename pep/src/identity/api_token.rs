//! API tokens of agents: opaque secrets in a table of SHA-256 values.
//!
//! ```toml
//! [[token]]
//! sha256 = "…64 hexadecimal digits…"   # sha256sum of the secret, without a line feed
//! type = "agent"
//! id = "support-bot"
//! expires = "2027-01-01T00:00:00Z"     # optional
//! ```
//!
//! The secrets have to be random (`openssl rand -base64 32`): a hash without salt protects nothing
//! that somebody can guess.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::{Answer, Identify, Identity, IdentityError, MAX_ID, Presented, Proof, Scheme};

/// Most tokens of one table.
const MAX_TOKENS: usize = 10_000;
/// Longest table, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// Longest secret, in bytes.
const MAX_SECRET: usize = 512;
/// Shortest secret, in bytes: 128 bits in base64.
const MIN_SECRET: usize = 22;

/// A table of tokens.
#[derive(Debug, Clone)]
pub struct ApiTokens {
    name: String,
    rows: HashMap<[u8; 32], Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    kind: String,
    id: String,
    expires: Option<UnixSeconds>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: String,
    r#type: String,
    id: String,
    expires: Option<String>,
}

impl ApiTokens {
    /// Reads a table; `name` is what identities from it say as their source.
    ///
    /// # Errors
    /// `identity.config` for a file that others can read, that is too long or no such table.
    pub fn load(name: &str, path: &Path) -> Result<Self, IdentityError> {
        let refuse = |why: &dyn std::fmt::Display| {
            IdentityError::Config(format!("{}: {why}", path.display()))
        };
        let file = File::open(path).map_err(|e| refuse(&e))?;
        let mode = file.metadata().map_err(|e| refuse(&e))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(refuse(&"others can read this table of tokens; chmod 600 it"));
        }
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|e| refuse(&e))?;
        Self::parse(name, &text).map_err(|e| refuse(&e))
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// `identity.config`.
    pub fn parse(name: &str, text: &str) -> Result<Self, IdentityError> {
        let bad = |why: String| IdentityError::Config(why);
        let table: Table = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        if table.token.len() > MAX_TOKENS {
            return Err(bad(format!("more than {MAX_TOKENS} tokens")));
        }
        let mut rows = HashMap::with_capacity(table.token.len());
        for (n, entry) in table.token.into_iter().enumerate() {
            let n = n.saturating_add(1);
            let sha256 = b64::decode_hex_array(&entry.sha256)
                .map_err(|_| bad(format!("token {n}: `sha256` is not 64 hexadecimal digits")))?;
            let plain =
                |text: &str| (1..=MAX_ID).contains(&text.len()) && !text.contains(char::is_control);
            if !plain(&entry.r#type) || !plain(&entry.id) {
                return Err(bad(format!("token {n}: `type` and `id` have 1 to {MAX_ID} bytes")));
            }
            let expires = entry.expires.as_deref().map(UnixSeconds::parse).transpose();
            let expires = expires.map_err(|e| bad(format!("token {n}: `expires`: {e}")))?;
            let row = Row { kind: entry.r#type, id: entry.id, expires };
            if rows.insert(sha256, row).is_some() {
                return Err(bad(format!("token {n}: it is there twice")));
            }
        }
        Ok(Self { name: name.to_owned(), rows })
    }

    /// Whom a secret names.
    ///
    /// # Errors
    /// `identity.token`.
    pub fn find(&self, secret: &str, now: UnixSeconds) -> Result<Identity, IdentityError> {
        if !(MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
            return Err(IdentityError::Token);
        }
        // What is looked up is a hash of the secret: how long that takes tells nothing of it.
        let row = self.rows.get(&sha256(secret.as_bytes())).ok_or(IdentityError::Token)?;
        if row.expires.is_some_and(|end| end <= now) {
            return Err(IdentityError::Token);
        }
        Ok(Identity {
            source: self.name.clone(),
            kind: row.kind.clone(),
            id: row.id.clone(),
            properties: Json::Object(Vec::new()),
            client_id: None,
            proof: Proof::Bearer,
            expires: row.expires,
            claims: Json::Object(Vec::new()),
        })
    }
}

impl Identify for ApiTokens {
    fn identify<'a>(&'a self, presented: Presented<'a>) -> Answer<'a> {
        Box::pin(async move {
            match super::authorization(presented.headers)? {
                Some((Scheme::Bearer, secret)) => self.find(secret, presented.now),
                Some((Scheme::Dpop, _)) => Err(IdentityError::Token),
                None => Err(IdentityError::Missing),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, HeaderValue};

    const SECRET: &str = "RQ2Vh0kq1n3t6w9yBdEfGhJkMnPqRtUv";

    fn table(more: &str) -> String {
        let sha256 = b64::encode_hex(sha256(SECRET.as_bytes()));
        format!("[[token]]\nsha256 = \"{sha256}\"\ntype = \"agent\"\nid = \"bot\"\n{more}")
    }

    fn presented(headers: &HeaderMap, now: u64) -> Presented<'_> {
        let url = "https://api.example/";
        Presented { method: "GET", url, headers, certificates: &[], now: UnixSeconds(now) }
    }

    #[tokio::test]
    async fn a_secret_names_its_row_until_it_ends() {
        let tokens = ApiTokens::parse("t", &table("expires = \"1970-01-01T00:01:40Z\"")).unwrap();
        let mut headers = HeaderMap::new();
        let asked = tokens.identify(presented(&headers, 1)).await;
        assert_eq!(asked.unwrap_err().code(), "identity.missing");
        headers.insert("authorization", format!("Bearer {SECRET}").parse().unwrap());
        let found = tokens.identify(presented(&headers, 99)).await.unwrap();
        assert_eq!(
            placet_proto::jcs::to_string(&found.subject()),
            r#"{"id":"bot","type":"agent"}"#
        );
        assert_eq!((found.jkt(), &found.proof), (None, &Proof::Bearer));
        let late = tokens.identify(presented(&headers, 100)).await;
        assert_eq!(late.unwrap_err().code(), "identity.token");
        headers.append("authorization", HeaderValue::from_static("Bearer x"));
        let twice = tokens.identify(presented(&headers, 1)).await;
        assert_eq!(twice.unwrap_err().code(), "identity.malformed");
        for bad in ["Basic dTpw", "Bearer", "Bearer  ", "Bearer a b", "DPoP abc"] {
            headers.insert("authorization", bad.parse().unwrap());
            let refused = tokens.identify(presented(&headers, 1)).await.unwrap_err();
            assert!(["identity.malformed", "identity.token"].contains(&refused.code()), "{bad}");
        }
    }

    #[test]
    fn a_table_is_read_strictly() {
        for bad in [
            table("more = 1"),
            table("expires = \"tomorrow\""),
            table("").replace("agent", ""),
            table("").replace("sha256 = \"", "sha256 = \"0"),
            format!("{}{}", table(""), table("")),
            "token = 1".to_owned(),
        ] {
            assert_eq!(ApiTokens::parse("t", &bad).unwrap_err().code(), "identity.config", "{bad}");
        }
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("tokens.toml");
        std::fs::write(&path, table("")).unwrap();
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        };
        mode(0o644);
        assert_eq!(ApiTokens::load("t", &path).unwrap_err().code(), "identity.config");
        mode(0o600);
        ApiTokens::load("t", &path).unwrap().find(SECRET, UnixSeconds(1)).unwrap();
    }
}
