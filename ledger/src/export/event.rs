//! What goes to a sink: an encoded event with what sinks need to know of it.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use placet_proto::event::{Encoded, Encoder, Format, HashKey, Profile, Shown};
use placet_proto::kind::LogRole;

use super::config::{SinkConfig, bad, secret_text};
use crate::journal::sync_folder;

/// The file, in a ledger's folder, that holds the key of hashes where no other is named. It stands
/// among the keys because it is to be in every backup: without it events that were exported can't
/// be compared with the log any more.
pub const HASH_KEY: &str = "keys/export-hash";

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

/// The encoder of a sink of the ledger in `root`, where a key is made if no other is named.
///
/// # Errors
/// `export.config`, `ledger.io`.
pub fn encoder(config: &SinkConfig, root: &Path) -> Result<Encoder, crate::Error> {
    let say = |what: String| bad(format!("sink `{}`: {what}", config.name));
    let format = Format::from_name(&config.format).ok_or_else(|| {
        let known = Format::ALL.map(Format::name).join(", ");
        say(format!("`format` is one of {known}"))
    })?;
    let key = match &config.hash_key_file {
        Some(path) => HashKey::parse(&secret_text(path)?).map_err(|e| say(e.to_string()))?,
        None => hash_key(root)?,
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

/// The own key of hashes of the ledger in `root`; it is made where there is none.
///
/// # Errors
/// `export.config`, `ledger.io`, `ledger.full`.
pub fn hash_key(root: &Path) -> Result<HashKey, crate::Error> {
    let path = root.join(HASH_KEY);
    if !path.exists() {
        make_hash_key(&path)?;
    }
    let key = HashKey::parse(&secret_text(&path)?);
    key.map_err(|e| bad(format!("{}: {e}", path.display())).into())
}

/// Of several programs that make it at the same time one wins, and all use that one.
fn make_hash_key(path: &Path) -> Result<(), crate::Error> {
    let (mut key, mut name) = ([0; 32], [0; 8]);
    let failed = crate::Error::io("draw random bytes for", path);
    let drawn = getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut name));
    drawn.map_err(|e| failed(std::io::Error::other(e.to_string())))?;
    let part = path.with_extension(hex::encode(name));
    let full = |action, error| crate::Error::io(action, &part)(error).or_full();
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(&part).map_err(|e| full("create", e))?;
    let written = file.write_all(HashKey::new(key).to_text().as_bytes());
    let linked = written.and_then(|()| file.sync_all()).and_then(|()| {
        match std::fs::hard_link(&part, path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    // Whether it could be linked or not, the name is of no use any more.
    let _ = std::fs::remove_file(&part);
    linked.map_err(|e| full("write", e))?;
    path.parent().map_or(Ok(()), sync_folder)
}
