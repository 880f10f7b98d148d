//! The SQLite file of a once index: the keys that are in no run when the log is closed.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, params};

use super::run::Row;
use crate::Error;
use crate::sqlite::{self, Flush, is_damage};
use crate::storage::OnceKey;
use crate::sync::lock;

/// Version of the tables. The first had no runs beside it: all keys were here.
const VERSION: u32 = 2;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS once (key BLOB PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY CHECK (one = 1), applied_to INTEGER);
CREATE TABLE IF NOT EXISTS base (one INTEGER PRIMARY KEY CHECK (one = 1), covered INTEGER);
INSERT OR IGNORE INTO mark VALUES (1, 0);
INSERT OR IGNORE INTO base VALUES (1, 0);";

/// The file.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// What the file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// It relies on runs that cover the entries up to here.
    pub from: u64,
    /// With them it is complete up to this size of the log.
    pub to: u64,
    /// Number of its keys.
    pub rows: u64,
}

impl Table {
    /// Opens the file, or makes it. One that SQLite can't read is moved aside and made anew.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn open(path: &Path, writable: bool) -> Result<Table, Error> {
        let connection = match connect(path, writable) {
            Err(error) if writable && path.exists() && is_damage(&error) => {
                tracing::warn!(path = %path.display(), %error, "rebuilding the once index");
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = path.as_os_str().to_owned();
                    name.push(suffix);
                    let mut aside = name.clone();
                    aside.push(".damaged");
                    // Only some of the three exist; a file that stays makes `connect` fail.
                    let _ = std::fs::rename(&name, &aside);
                }
                connect(path, writable)
            }
            opened => opened,
        };
        let connection = connection.map_err(Error::sqlite(path))?;
        Ok(Table { path: path.to_path_buf(), connection: connection.into() })
    }

    /// How far it goes.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn marks(&self) -> Result<Marks, Error> {
        let connection = lock(&self.connection);
        let number = |sql: &str| {
            let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            number.map(i64::cast_unsigned).map_err(Error::sqlite(&self.path))
        };
        // A reader may meet a file of the first version.
        let from = match number("PRAGMA user_version")? {
            0 | 1 => 0,
            _ => number("SELECT covered FROM base")?,
        };
        let to = number("SELECT applied_to FROM mark")?;
        Ok(Marks { from, to, rows: number("SELECT count(*) FROM once")? })
    }

    /// The entry that took `key`, if the key is here.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        let connection = lock(&self.connection);
        connection
            .prepare_cached("SELECT entry FROM once WHERE key = ?1")
            .and_then(|mut query| {
                query.query_row([&key.0[..]], |row| row.get::<_, i64>(0)).optional()
            })
            .map(|index| index.map(i64::cast_unsigned))
            .map_err(Error::sqlite(&self.path))
    }

    /// Adds keys; with them, and with runs that cover the entries up to `covered`, it is complete
    /// up to `size`. The first holder of a key stays.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Sqlite`]; nothing is added then. [`Error::Stopped`].
    pub fn insert(&self, rows: &[Row], covered: u64, size: u64) -> Result<(), Error> {
        sqlite::work(&self.path, &mut lock(&self.connection), |c| insert(c, rows, covered, size))
    }

    /// Removes all keys: runs cover the entries up to `covered`.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Sqlite`], [`Error::Stopped`].
    pub fn clear(&self, covered: u64) -> Result<(), Error> {
        sqlite::work(&self.path, &mut lock(&self.connection), |c| clear(c, covered))
    }

    /// Calls `visit` with every key and its entry, in the order of the entries.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn for_each(&self, visit: &mut dyn FnMut(OnceKey, u64)) -> Result<(), Error> {
        let connection = lock(&self.connection);
        let mut query = connection
            .prepare_cached("SELECT key, entry FROM once ORDER BY entry")
            .map_err(Error::sqlite(&self.path))?;
        let rows = query
            .query_map([], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, i64>(1)?)))
            .map_err(Error::sqlite(&self.path))?;
        for row in rows {
            let (key, index) = row.map_err(Error::sqlite(&self.path))?;
            visit(OnceKey(key), index.cast_unsigned());
        }
        Ok(())
    }
}

fn connect(path: &Path, writable: bool) -> rusqlite::Result<Connection> {
    if !writable {
        return sqlite::open_read_only(path);
    }
    // The journal is the truth and `applied_to` says what is missing: no flush is needed here.
    sqlite::open(path, Flush::Sometimes, VERSION, |c, _| c.execute_batch(SCHEMA))
}

fn insert(
    connection: &mut Connection,
    rows: &[Row],
    covered: u64,
    size: u64,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        // The first holder wins: a replayed row must not replace it.
        let mut insert = transaction
            .prepare_cached("INSERT OR IGNORE INTO once (key, entry) VALUES (?1, ?2)")?;
        for (key, index) in rows {
            insert.execute(params![&key.0[..], index.cast_signed()])?;
        }
        transaction
            .prepare_cached("UPDATE mark SET applied_to = ?1")?
            .execute([size.cast_signed()])?;
        // Else a run could be lost that nobody misses.
        transaction
            .prepare_cached("UPDATE base SET covered = ?1")?
            .execute([covered.cast_signed()])?;
    }
    transaction.commit()
}

fn clear(connection: &mut Connection, covered: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM once", [])?;
    transaction.execute("UPDATE mark SET applied_to = ?1", [covered.cast_signed()])?;
    transaction.execute("UPDATE base SET covered = ?1", [covered.cast_signed()])?;
    transaction.commit()
}
