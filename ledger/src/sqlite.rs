//! SQLite files: opened in one way, so that none forgets what the others know.
//!
//! | pragma | why |
//! |---|---|
//! | `journal_mode = WAL` | who reads does not wait for who writes |
//! | `busy_timeout` | command lines open the files of a service that runs |
//! | transactions begin `IMMEDIATE` | who reads first and writes then would be refused half-way |
//! | query plans do not look at values | else each statement is compiled anew whenever one is bound |
//! | `secure_delete` | what is erased must not linger in free pages |
//! | `synchronous` | [`Flush`] |
//! | `wal_checkpoint` | what a killed writer left is seen, and need not be on the disk |
//! | `wal_autocheckpoint = 0` | SQLite keeps it to itself when one that it begins fails: [`work`] does |
//! | `query_only` | behind a failed flush nothing more is written |
//! | `user_version` | a file of a newer program is refused, and not misread |

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Result, TransactionBehavior, ffi};

use crate::Error;
use crate::sync::lock;

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// Length of a write-ahead log in bytes from which on it is moved to its file.
const WAL_LIMIT: u64 = 4 << 20;

/// The files that this process failed to write or flush, each with the reason. It is a fact about
/// the file and not about one connection of it; opening the file anew ends it.
static LOST: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

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
/// one. Then the file has this `version`. What changes it goes through [`work`].
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
    compile_once(&connection)?;
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match flush {
        Flush::Always => "FULL",
        Flush::Sometimes => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Else the write-ahead log would never get shorter, and seem due for ever.
    connection.pragma_update(None, "journal_size_limit", 0)?;
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
        flush_names(path)?;
    }
    lock(&LOST).remove(path);
    Ok(connection)
}

/// Works on a connection that [`open`] gave for `path`. After a write or a flush that failed nobody
/// knows what is on the disk: nothing is written to the file any more, neither by this connection
/// nor by another one of this process, until it is opened anew. Reading goes on.
///
/// # Errors
/// `ledger.stopped` for such a failure and for each change behind it, `ledger.full` when there is
/// no space, else `ledger.sqlite`.
pub fn work<T>(
    path: &Path,
    connection: &mut Connection,
    f: impl FnOnce(&mut Connection) -> Result<T>,
) -> std::result::Result<T, Error> {
    let before = connection.total_changes();
    if lost(path).is_some() {
        close_for_writing(connection).map_err(Error::sqlite(path))?;
    }
    let done = f(connection).and_then(|value| {
        if connection.total_changes() != before {
            move_if_long(path, connection)?;
        }
        Ok(value)
    });
    done.map_err(|error| judge(path, connection, error))
}

/// Why nothing is written to a file below `folder` any more, if so.
#[must_use]
pub fn lost_below(folder: &Path) -> Option<String> {
    let lost = lock(&LOST);
    lost.iter().find(|(path, _)| path.starts_with(folder)).map(|(_, reason)| reason.clone())
}

fn lost(path: &Path) -> Option<String> {
    lock(&LOST).get(path).cloned()
}

/// What an error means for those who come later.
fn judge(path: &Path, connection: &Connection, error: rusqlite::Error) -> Error {
    let refused = error.sqlite_error_code() == Some(ErrorCode::ReadOnly);
    if let Some(reason) = lost(path).filter(|_| refused) {
        return Error::Stopped { reason };
    }
    if !is_lost(&error) {
        return Error::sqlite(path)(error).or_full();
    }
    let reason = Error::sqlite(path)(error).to_string();
    tracing::error!(%reason, "nothing is written to this file any more");
    lock(&LOST).insert(path.to_path_buf(), reason.clone());
    if let Err(error) = close_for_writing(connection) {
        tracing::error!(%error, "a connection stays open for writing; its next use closes it");
    }
    Error::Stopped { reason }
}

/// Whether the operating system failed to write or to flush. What SQLite does by itself then is to
/// undo the transaction and to write and flush the same pages for the next one; whether the kernel
/// still writes what it had dropped is not known.
fn is_lost(error: &rusqlite::Error) -> bool {
    let lost = [
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_DIR_FSYNC,
        ffi::SQLITE_IOERR_TRUNCATE,
    ];
    error.sqlite_error().is_some_and(|e| lost.contains(&e.extended_code))
}

/// SQLite would flush once more when the last connection is closed, too.
fn close_for_writing(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "query_only", "ON")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(drop)
}

/// Moves a long write-ahead log to its file, as SQLite would by itself, which says nothing of a
/// flush that fails then. What stands in the way of that, and a full disk, may pass.
fn move_if_long(path: &Path, connection: &Connection) -> Result<()> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let long = std::fs::metadata(wal).is_ok_and(|wal| wal.len() >= WAL_LIMIT);
    if !long || !connection.is_autocommit() {
        return Ok(());
    }
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(error) if is_lost(&error) => Err(error),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a write-ahead log stays long");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Opens a file for looking only, while others may write it. Its version is not looked at.
///
/// # Errors
/// Those of SQLite.
pub fn open_read_only(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    compile_once(&connection)?;
    Ok(connection)
}

/// A prepared statement stays as it is whatever is bound to it: compiling it takes much longer than
/// what most of ours do.
fn compile_once(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
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

/// Makes the names of the file and of its log durable. SQLite flushes their folder, too, when it
/// flushes a new log for the first time, and ignores what comes of it (`unixSync`).
fn flush_names(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|_| !path.starts_with("file:")) else { return Ok(()) };
    crate::journal::sync_folder(folder)
        .map_err(|error| failure(ffi::SQLITE_IOERR_DIR_FSYNC, error.to_string()))
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
    fn statements_are_compiled_once_whatever_is_bound() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        let writer = open(&path, Flush::Always, 1, tables).unwrap();
        for connection in [writer, open_read_only(&path).unwrap()] {
            let sql = "SELECT x FROM t WHERE x >= ?1 AND x NOT IN (?2) ORDER BY x LIMIT ?3";
            let mut statement = connection.prepare(sql).unwrap();
            for n in 0..3 {
                let bound = (n, n.to_string(), n);
                assert_eq!(statement.query_map(bound, |_| Ok(())).unwrap().count(), 0);
            }
            assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
        }
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
    fn behind_a_failed_flush_nothing_is_written_until_the_file_is_opened_anew() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        let [mut one, mut other] = [(); 2].map(|()| open(&path, Flush::Always, 1, tables).unwrap());
        let insert = |c: &mut Connection| c.execute("INSERT INTO t VALUES ('y')", []);
        let count =
            |c: &mut Connection| c.query_row("SELECT count(*) FROM t", [], |r| r.get::<_, u32>(0));
        work(&path, &mut one, insert).unwrap();
        let flush = || failure(ffi::SQLITE_IOERR_FSYNC, "the disk broke".to_owned());
        let failed = work(&path, &mut one, |_| Err::<(), _>(flush())).unwrap_err();
        assert_eq!(failed.code(), "ledger.stopped");
        assert!(lost_below(tmp.path()).unwrap().contains("the disk broke"));
        assert_eq!(lost_below(&tmp.path().join("b")), None);
        for connection in [&mut one, &mut other] {
            let refused = work(&path, connection, insert).unwrap_err();
            assert!(refused.to_string().contains("the disk broke"), "{refused}");
            assert_eq!(work(&path, connection, count).unwrap(), 1);
        }
        drop((one, other));
        let mut anew = open(&path, Flush::Always, 1, tables).unwrap();
        work(&path, &mut anew, insert).unwrap();
        assert_eq!(lost_below(tmp.path()), None);
        let full = || failure(ffi::SQLITE_FULL, "no space".to_owned());
        let full = work(&path, &mut anew, |_| Err::<(), _>(full())).unwrap_err();
        assert_eq!(full.code(), "ledger.full");
        work(&path, &mut anew, insert).unwrap();
    }

    #[test]
    fn a_long_write_ahead_log_is_moved_and_gets_short_again() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        let mut connection = open(&path, Flush::Always, 1, tables).unwrap();
        let wal = || std::fs::metadata(tmp.path().join("a.sqlite-wal")).unwrap().len();
        let text = "x".repeat(300_000);
        let mut longest = 0;
        for _ in 0..40 {
            let insert =
                |c: &mut Connection| c.execute("INSERT INTO t VALUES (?1)", [&text]).map(drop);
            work(&path, &mut connection, insert).unwrap();
            longest = longest.max(wal());
        }
        assert!((WAL_LIMIT..2 * WAL_LIMIT).contains(&longest), "{longest}");
        assert!(std::fs::metadata(&path).unwrap().len() > WAL_LIMIT);
    }

    #[test]
    fn what_is_no_database_is_damage() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("a.sqlite");
        std::fs::write(&path, [b'x'; 4096]).unwrap();
        assert!(is_damage(&open(&path, Flush::Always, 1, tables).unwrap_err()));
    }
}
