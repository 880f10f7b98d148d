//! A witness's folder.
//!
//! ```text
//! witness.toml   the logs it knows
//! key            its private key, 0600
//! lock           held while it runs
//! state/         one cosigned checkpoint per log
//! ```
//!
//! ```toml
//! [[log]]
//! origin = "ledger.example/placet"
//! vkeys = ["ledger.example/placet+1f2e3d4c+AQ..."]
//! ```

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use placet_proto::tlog::VerifierKey;
use placet_proto::tlog::checkpoint::check_origin;
use serde::Deserialize;

use super::Error;
use super::engine::{Clock, Witness};
use super::key::{CosignerKey, parse_log_key};
use super::state::{FolderStore, sync_folder};

/// The longest witness.toml that is read, in bytes.
const MAX_SETTINGS: u64 = 4 << 20;

/// An open folder; the lock is held until it, or the witness made from it, is dropped.
#[derive(Debug)]
pub struct WitnessFolder {
    root: PathBuf,
    lock: File,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    log: Vec<LogSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogSettings {
    origin: String,
    vkeys: Vec<String>,
}

impl WitnessFolder {
    /// Makes a witness: a new key of this name, and settings without logs. Gives the vkey too.
    ///
    /// # Errors
    /// [`Error::Io`], also when there is a key already; [`Error::Config`] for a bad name;
    /// [`Error::Locked`].
    pub fn init(root: &Path, name: &str) -> Result<(Self, VerifierKey), Error> {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(root)
            .map_err(Error::io("create", root))?;
        let folder = Self::open(root)?;
        let key = CosignerKey::create(&root.join("key"), name)?;
        let settings = root.join("witness.toml");
        if !settings.exists() {
            std::fs::write(&settings, "").map_err(Error::io("write", &settings))?;
        }
        sync_folder(root)?;
        Ok((folder, key.public().clone()))
    }

    /// Takes the lock of an existing folder.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process holds it, [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let path = root.join("lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_path_buf(), lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: root.to_path_buf() }),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &path)(e)),
        }
    }

    /// Adds a log to the settings; a running witness sees it at its next start.
    ///
    /// # Errors
    /// [`Error::Config`] if the origin is listed or the key is malformed, [`Error::Io`].
    pub fn add_log(&self, origin: &str, vkey: &str) -> Result<(), Error> {
        check_origin(origin).map_err(|e| Error::config(e.to_string()))?;
        parse_log_key(vkey)?;
        if self.logs()?.iter().any(|(known, _)| known == origin) {
            return Err(Error::config(format!("{origin}: listed already")));
        }
        let path = self.root.join("witness.toml");
        // Quoting by the TOML writer, as an origin may hold quotes.
        let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let entry = format!("[[log]]\norigin = {}\nvkeys = [{}]\n", quote(origin), quote(vkey));
        let mut file =
            File::options().append(true).open(&path).map_err(Error::io("open", &path))?;
        file.write_all(entry.as_bytes()).map_err(Error::io("write", &path))?;
        file.sync_all().map_err(Error::io("flush", &path))
    }

    /// The witness of this folder, which keeps the lock.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Key`], [`Error::Io`].
    pub fn into_witness(self, clock: Clock) -> Result<Witness, Error> {
        let key = CosignerKey::load(&self.root.join("key"))?;
        let logs = self.logs()?;
        let store = FolderStore::open(&self.root.join("state"))?.with_lock(self.lock);
        Witness::new(key, logs, Box::new(store), clock)
    }

    fn logs(&self) -> Result<Vec<(String, Vec<VerifierKey>)>, Error> {
        let path = self.root.join("witness.toml");
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        let mut text = String::new();
        file.take(MAX_SETTINGS).read_to_string(&mut text).map_err(Error::io("read", &path))?;
        let settings: Settings = toml::from_str(&text)
            .map_err(|e| Error::config(format!("{}: {}", path.display(), e.message())))?;
        settings.log.into_iter().map(parse_log).collect()
    }
}

fn parse_log(log: LogSettings) -> Result<(String, Vec<VerifierKey>), Error> {
    check_origin(&log.origin).map_err(|e| Error::config(format!("{}: {e}", log.origin)))?;
    let keys: Result<Vec<_>, _> = log.vkeys.iter().map(|vkey| parse_log_key(vkey)).collect();
    Ok((log.origin, keys?))
}
