//! Connections of `state/service.sqlite` that only read. SQLite lets readers see the last state
//! that was committed while a writer waits for the disk; who reads by its connection waits, too.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::Connection;

use crate::sync::lock;
use crate::{Error, sqlite};

/// Connections that are kept while nobody uses them: half of the places of calls that work. To open
/// one costs more than most of what is read by it.
const MAX_IDLE: usize = 32;
/// Memory of each for pages of the file, in KiB: the operating system keeps the file, too.
const CACHE_KIB: i32 = 128;

/// Connections that nobody uses at the moment.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Of the file at this path, which a writer has made.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), idle: Mutex::default() }
    }

    /// Reads by one of the connections; a new one if all are in use, of which there are as many as
    /// calls that work.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let idle = lock(&self.idle).pop();
        let run = || {
            let connection = idle.map_or_else(|| self.open(), Ok)?;
            let found = work(&connection)?;
            let mut idle = lock(&self.idle);
            if idle.len() < MAX_IDLE {
                idle.push(connection);
            }
            Ok(found)
        };
        run().map_err(Error::sqlite(&self.path))
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = sqlite::open_read_only(&self.path)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(super::state::STATEMENTS);
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_does_not_wait_for_who_writes_and_sees_what_was_committed() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("x.sqlite");
        let mut writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").unwrap();
        let readers = Readers::new(&path);
        let sum = || {
            let sql = "SELECT sum(n) FROM t";
            readers.read(|c| c.query_row(sql, [], |r| r.get::<_, i64>(0)))
        };
        let transaction = writer.transaction().unwrap();
        transaction.execute("INSERT INTO t VALUES (2)", []).unwrap();
        assert_eq!(sum().unwrap(), 1);
        transaction.commit().unwrap();
        assert_eq!(sum().unwrap(), 3);
        assert_eq!(lock(&readers.idle).len(), 1);
        let refused = readers.read(|c| c.execute("INSERT INTO t VALUES (4)", []));
        assert_eq!(refused.unwrap_err().code(), "ledger.sqlite");
    }
}
