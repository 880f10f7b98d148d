//! SQLite files: opened in one way, so that none forgets what the others know.
//!
//! | pragma | why |
//! |---|---|
//! | `journal_mode = WAL` | who reads does not wait for who writes |
//! | `busy_timeout` | command lines open the files of a service that runs |
//! | transactions begin `IMMEDIATE` | who reads first and writes then would be refused half-way |
//! | `secure_delete` | what is erased must not linger in free pages |
//! | `synchronous` | [`Flush`] |
//! | `wal_checkpoint` | what a killed writer left is seen, and need not be on the disk |
//! | `user_version` | a file of a newer program is refused, and not misread |

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Result, TransactionBehavior, ffi};

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Whether what was written has to outlast a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Each transaction: it is in no other place.
    Always,
    /// When SQLite likes: all of it can be made again.
    Sometimes,
}

/// Opens a file for writing, or makes it, readable by its owner only. `tables` makes or changes the
/// tables, and may find them there; it is told the version that the file has, which is 0 for a new
/// one. Then the file has this `version`.
///
/// # Errors
/// Those of SQLite; a file that a newer program made.
pub fn open(
    path: &Path,
    flush: Flush,
    version: u32,
    tables: impl FnOnce(&Connection, u32) -> Result<()>,
) -> Result<Connection> {
    private(path)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match flush {
        Flush::Always => "FULL",
        Flush::Sometimes => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    // Two processes may open a new file at the same time: one makes the tables, the other waits.
    let transaction = connection.transaction()?;
    let found = version_of(&transaction)?;
    if found > version {
        return Err(newer(found, version));
    }
    tables(&transaction, found)?;
    if found < version {
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.commit()?;
    if flush == Flush::Always {
        settle(&connection)?;
    }
    Ok(connection)
}

/// Opens a file for looking only, while others may write it. Its version is not looked at.
///
/// # Errors
/// Those of SQLite.
pub fn open_read_only(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Whether an error means that the file is no database, or a damaged one.
#[must_use]
pub fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Adds a column of text to a table that an earlier build made without it.
///
/// # Errors
/// Those of SQLite.
pub fn add_column(c: &Connection, table: &str, column: &str) -> Result<()> {
    let sql = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    match c.query_row(sql, [table, column], |r| r.get(0))? {
        0 => c.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} TEXT")),
        _ => Ok(()),
    }
}

/// Drops a column that an earlier build made.
///
/// # Errors
/// Those of SQLite.
pub fn drop_column(c: &Connection, table: &str, column: &str) -> Result<()> {
    let sql = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    match c.query_row(sql, [table, column], |r| r.get(0))? {
        0 => Ok(()),
        _ => c.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN {column}")),
    }
}

/// Empties the write-ahead log, which still holds pages with what was deleted.
///
/// # Errors
/// Those of SQLite.
pub fn empty_wal(c: &Connection) -> Result<()> {
    // Who reads may read for long: others must not wait behind that.
    c.busy_timeout(Duration::ZERO)?;
    let busy = c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, bool>(0));
    c.busy_timeout(BUSY)?;
    match busy? {
        false => Ok(()),
        true => {
            let why = "a reader holds the write-ahead log".to_owned();
            Err(failure(ffi::SQLITE_BUSY, why))
        }
    }
}

/// Makes what the database shows durable.
///
/// A writer that was killed, or whose flush failed, between writing and flushing its log leaves
/// transactions that the next one sees and that need not be on the disk. Whoever acts on them must
/// not lose them to a power cut later: they are moved to the database file, which flushes the log
/// before and the file behind it.
fn settle(connection: &Connection) -> Result<()> {
    // Nobody is waited for: a reader with an old view only keeps the log from being emptied.
    let (log, moved) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    if moved < log {
        // Such a reader stands in the way: a commit of nothing flushes the log as well.
        connection.pragma_update(None, "user_version", version_of(connection)?)?;
    }
    Ok(())
}

fn version_of(connection: &Connection) -> Result<u32> {
    connection.query_row("PRAGMA user_version", [], |r| r.get(0))
}

/// SQLite gives `-wal` and `-shm` the permissions of the file itself.
fn private(path: &Path) -> Result<()> {
    if path.starts_with("file:") {
        // A name of SQLite's own, of a database in memory.
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    let made = options.create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|e| failure(ffi::SQLITE_CANTOPEN, e.to_string()))
}

fn newer(found: u32, version: u32) -> rusqlite::Error {
    let why = format!("a newer program made it: its tables are of version {found}, not {version}");
    failure(ffi::SQLITE_SCHEMA, why)
}

fn failure(code: std::ffi::c_int, why: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(why))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn tables(connection: &Connection, _: u32) -> Result<()> {
        connection.execute_batch("CREATE TABLE IF NOT EXISTS t (x TEXT)")
    }

    #[test]
    fn a_file_has_every_pragma_and_is_its_owners_alone() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        let connection = open(&path, Flush::Always, 3, tables).unwrap();
        let number = |name: &str| -> u32 {
            connection.pragma_query_value(None, name, |r| r.get(0)).unwrap()
        };
        let mode: String =
            connection.pragma_query_value(None, "journal_mode", |r| r.get(0)).unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(["synchronous", "secure_delete", "user_version"].map(number), [2, 1, 3]);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(connection);
        let reader = open_read_only(&path).unwrap();
        assert!(reader.execute("INSERT INTO t VALUES ('y')", []).is_err());
    }

    #[test]
    fn what_is_seen_is_in_the_file_itself() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        let first = open(&path, Flush::Always, 1, tables).unwrap();
        first.execute_batch("INSERT INTO t VALUES ('7')").unwrap();
        let again = open(&path, Flush::Always, 1, tables).unwrap();
        // The file alone, without its log.
        let copy = tmp.path().join("b.sqlite");
        std::fs::copy(&path, &copy).unwrap();
        let read = |path| {
            let of = Connection::open(path).unwrap();
            of.query_row("SELECT max(x) FROM t", [], |row| row.get::<_, String>(0)).unwrap()
        };
        assert_eq!(read(&copy), "7");
        // With a reader that keeps an old view nothing is moved, and it is no error.
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t;").unwrap();
        first.execute_batch("INSERT INTO t VALUES ('8')").unwrap();
        settle(&again).unwrap();
        assert_eq!(read(&path), "8");
    }

    #[test]
    fn an_older_file_is_changed_once_and_a_newer_one_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        drop(open(&path, Flush::Sometimes, 1, tables).unwrap());
        let mut told = Vec::new();
        for _ in 0..2 {
            open(&path, Flush::Sometimes, 2, |_, from| {
                told.push(from);
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(told, [1, 2]);
        let refused = open(&path, Flush::Sometimes, 1, tables).unwrap_err();
        assert!(refused.to_string().contains("newer program"), "{refused}");
        assert!(!is_damage(&refused));
    }

    #[test]
    fn what_is_no_database_is_damage() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        assert!(is_damage(&open(&path, Flush::Always, 1, tables).unwrap_err()));
    }
}
