//! Who is signed in and which tokens are good: two tables of `state/service.sqlite`, reached by a
//! connection of their own, so that nobody who only has to be recognised waits for a log's
//! projection.
//!
//! Both hold hashes: who reads the file can't sign in with it. Command lines open the same file
//! while the service runs.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::Connection;

use super::readers::Readers;
use super::sessions::Known;
use super::state;
use crate::Error;
use crate::sqlite::{self, Flush};
use crate::sync::lock;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS session (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL, credential BLOB NOT NULL,
  created INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_by_credential ON session (credential, created);
CREATE TABLE IF NOT EXISTS token (
  id TEXT PRIMARY KEY, sha256 BLOB NOT NULL, label TEXT NOT NULL, scopes TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER, last_used INTEGER, revoked INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS act (
  id INTEGER PRIMARY KEY, act TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL);";

/// The tables.
#[derive(Debug)]
pub struct Access {
    path: PathBuf,
    connection: Mutex<Connection>,
    readers: Readers,
    /// Sessions that were looked up. No other process ends or begins one.
    pub(super) known: Known,
}

impl Access {
    /// Opens `state/service.sqlite` of a ledger's folder, or makes it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // A token that was revoked must stay so after a power cut.
        let connection = sqlite::open(path, Flush::Always, state::VERSION, |c, _| {
            state::change_tables(c)?;
            c.execute_batch(SCHEMA)
        });
        let connection = connection.map_err(Error::sqlite(path))?;
        let readers = Readers::new(path);
        let known = Known::default();
        Ok(Self { path: path.to_path_buf(), connection: connection.into(), readers, known })
    }

    /// Reads what was committed, without waiting for who writes.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.readers.read(work)
    }

    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        sqlite::work(&self.path, &mut lock(&self.connection), work)
    }
}

/// A time as SQLite keeps it.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A time from SQLite.
pub(super) fn uint(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
