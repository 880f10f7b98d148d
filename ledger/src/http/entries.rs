//! From an entry's hash to its index: derived from the log, and made again when it is lost.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::sync::lock;
use crate::{Error, Log};

/// Entries that are indexed in one transaction.
const BATCH: u64 = 4096;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS entry_index (hash BLOB PRIMARY KEY, entry INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry_indexed_to (one INTEGER PRIMARY KEY, size INTEGER NOT NULL);";

/// The index of the main log, in `index.sqlite`.
#[derive(Debug)]
pub struct EntryIndex {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl EntryIndex {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // All of it can be made again.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), connection: connection.into() })
    }

    /// The index of an entry in `log`, which is read up to its present size first.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading entries.
    pub fn find(&self, log: &Log, hash: &[u8; 32]) -> Result<Option<u64>, Error> {
        let mut connection = lock(&self.connection);
        let sqlite = || Error::sqlite(&self.path);
        let found = lookup(&connection, hash).map_err(sqlite())?;
        if let Some(index) = found {
            // The index is a hint; the log decides.
            return Ok((log.entry(index)? == *hash).then_some(index));
        }
        let size = log.size();
        let mut done = indexed_to(&connection).map_err(sqlite())?.min(size);
        if done == size {
            return Ok(None);
        }
        while done < size {
            let end = size.min(done.saturating_add(BATCH));
            let hashes = log.entries(done..end)?;
            insert(&mut connection, done, &hashes).map_err(sqlite())?;
            done = end;
        }
        lookup(&connection, hash).map_err(sqlite())
    }
}

fn lookup(connection: &Connection, hash: &[u8; 32]) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT entry FROM entry_index WHERE hash = ?1")?
        .query_row([hash], |row| row.get::<_, i64>(0))
        .optional()
        .map(|index| index.and_then(|index| u64::try_from(index).ok()))
}

fn indexed_to(connection: &Connection) -> rusqlite::Result<u64> {
    let size = connection
        .prepare_cached("SELECT size FROM entry_indexed_to WHERE one = 1")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0))
}

fn insert(connection: &mut Connection, first: u64, hashes: &[[u8; 32]]) -> rusqlite::Result<()> {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let transaction = connection.transaction()?;
    let mut next = first;
    for hash in hashes {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO entry_index VALUES (?1, ?2)")?
            .execute(params![hash, signed(next)])?;
        next = next.saturating_add(1);
    }
    transaction
        .execute("INSERT OR REPLACE INTO entry_indexed_to VALUES (1, ?1)", [signed(next)])?;
    transaction.commit()
}
