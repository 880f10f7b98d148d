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
//! A file is read again when it changed: a row that is taken out, or whose end is set, counts for
//! nothing at the next request. While the file can't be read, nobody of it is known.
//!
//! The secrets have to be random (`openssl rand -base64 32`): a hash without salt protects nothing
//! that somebody can guess.

use std::collections::HashMap;
use std::fs::File;
use std::fs::Metadata;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

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

/// Time that has to pass after a change of a file until its times tell of the next one.
const SETTLES: Duration = Duration::from_secs(2);

/// A table of tokens.
#[derive(Debug)]
pub struct ApiTokens {
    name: String,
    /// The file to look at, and what was seen there last; none for a text.
    path: Option<PathBuf>,
    kept: RwLock<Kept>,
}

type Rows = HashMap<[u8; 32], Row>;

#[derive(Debug, Clone, Default)]
struct Kept {
    rows: Arc<Rows>,
    /// None if the next request has to read the file again.
    seen: Option<Seen>,
}

/// What changes when a file does.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    file: (u64, u64, u64, u32),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    fn of(meta: &Metadata) -> Self {
        Self {
            file: (meta.dev(), meta.ino(), meta.size(), meta.mode()),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether a later change would have other times: those of a file are as coarse as the
    /// kernel's ticks.
    fn is_settled(&self) -> bool {
        let seconds = u64::try_from(self.changed.0).unwrap_or(u64::MAX);
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let age = changed.and_then(|at| SystemTime::now().duration_since(at).ok());
        age.is_some_and(|age| age > SETTLES)
    }
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
        let kept = read(path)?;
        Ok(Self { name: name.to_owned(), path: Some(path.to_owned()), kept: kept.into() })
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// `identity.config`.
    pub fn parse(name: &str, text: &str) -> Result<Self, IdentityError> {
        let kept = Kept { rows: Arc::new(rows(text)?), seen: None };
        Ok(Self { name: name.to_owned(), path: None, kept: kept.into() })
    }

    /// Whom a secret names.
    ///
    /// # Errors
    /// `identity.token`; `identity.unavailable` while the file can't be read.
    pub fn find(&self, secret: &str, now: UnixSeconds) -> Result<Identity, IdentityError> {
        if !(MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
            return Err(IdentityError::Token);
        }
        // What is looked up is a hash of the secret: how long that takes tells nothing of it.
        let rows = self.rows()?;
        let row = rows.get(&sha256(secret.as_bytes())).ok_or(IdentityError::Token)?;
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

impl ApiTokens {
    /// The rows as they stand in the file now.
    fn rows(&self) -> Result<Arc<Rows>, IdentityError> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(path) = &self.path else { return Ok(kept.rows) };
        let now = std::fs::metadata(path).ok().map(|meta| Seen::of(&meta));
        if now.is_some() && now == kept.seen {
            return Ok(kept.rows);
        }
        match read(path) {
            Ok(new) => {
                let rows = Arc::clone(&new.rows);
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = new;
                Ok(rows)
            }
            Err(error) => {
                tracing::warn!(%error, "a table of API tokens can't be read");
                Err(IdentityError::Unavailable("a table of API tokens can't be read"))
            }
        }
    }
}

fn read(path: &Path) -> Result<Kept, IdentityError> {
    let refuse =
        |why: &dyn std::fmt::Display| IdentityError::Config(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|e| refuse(&e))?;
    let meta = file.metadata().map_err(|e| refuse(&e))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(refuse(&"others can read this table of tokens; chmod 600 it"));
    }
    let mut text = String::new();
    // One byte more than is allowed: a table that is cut off would still be one.
    file.take(MAX_FILE.saturating_add(1)).read_to_string(&mut text).map_err(|e| refuse(&e))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(refuse(&"the table is longer than 4 MiB"));
    }
    let rows = rows(&text).map_err(|e| refuse(&e))?;
    let seen = Some(Seen::of(&meta)).filter(Seen::is_settled);
    Ok(Kept { rows: Arc::new(rows), seen })
}

fn rows(text: &str) -> Result<Rows, IdentityError> {
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
    Ok(rows)
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
        let row = usize::try_from(MAX_FILE).unwrap() - table("").len();
        std::fs::write(&path, format!("{}#{}", table(""), "a".repeat(row))).unwrap();
        assert_eq!(ApiTokens::load("t", &path).unwrap_err().code(), "identity.config");
    }

    // SPEC.md R-10-115.
    #[test]
    fn a_row_that_is_taken_out_counts_for_nothing_at_once() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("tokens.toml");
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        write(&table(""));
        let tokens = ApiTokens::load("t", &path).unwrap();
        let code = |tokens: &ApiTokens| match tokens.find(SECRET, UnixSeconds(1)) {
            Ok(_) => "known",
            Err(error) => error.code(),
        };
        for _ in 0..20 {
            write(&table(""));
            assert_eq!(code(&tokens), "known");
            // As long as before, and maybe in the same tick of the clock.
            write(&table("").replace("sha256", "sha255"));
            assert_eq!(code(&tokens), "identity.unavailable");
            write(&"#".repeat(table("").len()));
            assert_eq!(code(&tokens), "identity.token");
        }
        write(&table(""));
        assert_eq!(code(&tokens), "known");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(code(&tokens), "identity.unavailable");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(code(&tokens), "identity.unavailable");
    }
}
