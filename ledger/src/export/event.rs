//! What goes to a sink: an encoded event with what sinks need to know of it.

use std::path::Path;
use std::sync::Arc;

use placet_proto::event::{Encoded, Encoder, Format, HashKey, Profile, Shown};
use placet_proto::kind::LogRole;

use super::config::{SinkConfig, bad, secret_text};
use super::cursor;

/// The file, in a ledger's folder of keys, that holds the key of hashes where no other is named.
pub const HASH_KEY: &str = "export-hash";

/// An event on its way to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which log it is of.
    pub role: LogRole,
    /// Name of that log.
    pub origin: Arc<str>,
    /// Index of its leaf; none for an event that is of no leaf.
    pub leaf: Option<u64>,
    /// The event.
    pub encoded: Encoded,
}

/// The encoder of a sink. `dir` is the ledger's folder, whose key counts where no other is named.
///
/// # Errors
/// `export.config`, `ledger.io`.
pub fn encoder(config: &SinkConfig, dir: &Path) -> Result<Encoder, crate::Error> {
    let say = |what: String| bad(format!("sink `{}`: {what}", config.name));
    let format = Format::from_name(&config.format).ok_or_else(|| {
        let known = Format::ALL.map(Format::name).join(", ");
        say(format!("`format` is one of {known}"))
    })?;
    let key = match &config.hash_key_file {
        Some(path) => HashKey::parse(&secret_text(path)?).map_err(|e| say(e.to_string()))?,
        None => hash_key(dir)?,
    };
    let mut overrides = Vec::new();
    for (name, shown) in config.fields.iter().flatten() {
        let shown = Shown::from_name(shown);
        let shown = shown.ok_or_else(|| say(format!("field `{name}`: plain, keyed or dropped")))?;
        overrides.push((name.as_str(), shown));
    }
    let profile = Profile::new(key, overrides).map_err(|e| say(e.to_string()))?;
    Ok(Encoder::new(format, profile))
}

/// The ledger's own key of hashes; it is made where there is none.
///
/// # Errors
/// `export.config`, `ledger.io`, `ledger.random`.
pub fn hash_key(dir: &Path) -> Result<HashKey, crate::Error> {
    let path = dir.join("keys").join(HASH_KEY);
    if !path.exists() {
        let mut key = [0; 32];
        let failed = crate::Error::io("draw random bytes for", &path);
        getrandom::fill(&mut key).map_err(|e| failed(std::io::Error::other(e.to_string())))?;
        cursor::replace(&path, HashKey::new(key).to_text().as_bytes())?;
    }
    let key = HashKey::parse(&secret_text(&path)?);
    key.map_err(|e| bad(format!("{}: {e}", path.display())).into())
}
