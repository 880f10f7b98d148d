//! Which transactions were spent: `state/tokens.sqlite`, for resources that leave single use to
//! this service.
//!
//! A row stands as long as a token of its transaction could be accepted, so that the table is as
//! small as what is minted in minutes. That an approval is spent once is not for this table: the
//! log saw to it before a token was minted.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use placet_ledger::sqlite::{self, Flush};
use placet_ledger::{Dir, Error};
use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Most transactions that are remembered; beyond that none is spent until some have ended.
const MAX_ROWS: i64 = 1_000_000;
const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS spent (
  txn TEXT PRIMARY KEY, key BLOB NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spent_by_until ON spent (until);";

/// The table.
#[derive(Debug)]
pub struct Spent {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// What became of a try to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// It is this caller's, now.
    First,
    /// The same call, by its key, was answered before: the action may have run.
    Repeated,
    /// Somebody else's.
    Taken,
    /// Too many are remembered.
    Full,
}

impl Spent {
    /// Opens the table, or makes it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open(dir: &Dir) -> Result<Self, Error> {
        Self::open_file(&dir.state().join("tokens.sqlite"))
    }

    fn open_file(path: &Path) -> Result<Self, Error> {
        // What was spent is spent after a power cut too.
        let connection = sqlite::open(path, Flush::Always, VERSION, |c, _| c.execute_batch(SCHEMA));
        let connection = connection.map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), connection: connection.into() })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends a transaction; `key` is SHA-256 of the caller's idempotency key, `until` the end of
    /// its token, the forgiven clock difference included.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn spend(
        &self,
        txn: &str,
        key: &[u8; 32],
        until: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<Spending, Error> {
        let stamp = |at: UnixSeconds| i64::try_from(at.0).unwrap_or(i64::MAX);
        sqlite::work(&self.path, &mut self.lock(), |c| {
            let t = c.transaction()?;
            t.execute("DELETE FROM spent WHERE until <= ?1", [stamp(now)])?;
            let sql = "SELECT key FROM spent WHERE txn = ?1";
            let held: Option<Vec<u8>> = t.query_row(sql, [txn], |r| r.get(0)).optional()?;
            if let Some(held) = held {
                return Ok(if held == key { Spending::Repeated } else { Spending::Taken });
            }
            let rows: i64 = t.query_row("SELECT count(*) FROM spent", [], |r| r.get(0))?;
            if rows >= MAX_ROWS {
                return Ok(Spending::Full);
            }
            let sql = "INSERT INTO spent (txn, key, until) VALUES (?1, ?2, ?3)";
            t.execute(sql, params![txn, key, stamp(until)])?;
            t.commit()?;
            Ok(Spending::First)
        })
    }

    /// Whether a transaction is spent.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn is_spent(&self, txn: &str) -> Result<bool, Error> {
        sqlite::work(&self.path, &mut self.lock(), |c| {
            let sql = "SELECT 1 FROM spent WHERE txn = ?1";
            Ok(c.query_row(sql, [txn], |_| Ok(())).optional()?.is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_spent_once_over_a_restart_too() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("tokens.sqlite");
        let spent = Spent::open_file(&path).unwrap();
        let spend = |spent: &Spent, txn, key, now| {
            spent.spend(txn, &[key; 32], UnixSeconds(100), UnixSeconds(now)).unwrap()
        };
        assert!(!spent.is_spent("a").unwrap());
        assert_eq!(spend(&spent, "a", 1, 1), Spending::First);
        assert_eq!(spend(&spent, "a", 1, 1), Spending::Repeated);
        assert_eq!(spend(&spent, "a", 2, 99), Spending::Taken);
        drop(spent);
        let spent = Spent::open_file(&path).unwrap();
        assert!(spent.is_spent("a").unwrap());
        assert_eq!(spend(&spent, "a", 2, 99), Spending::Taken);
        assert_eq!(spend(&spent, "b", 2, 99), Spending::First);
        // Its token has ended: nothing has to be remembered.
        assert_eq!(spend(&spent, "c", 2, 100), Spending::First);
        assert!(!spent.is_spent("a").unwrap());
    }

    #[test]
    fn of_many_at_once_one_is_first() {
        let tmp = tempfile::tempdir().unwrap();
        let spent = Spent::open_file(&tmp.path().join("tokens.sqlite")).unwrap();
        let first = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for key in 0..32 {
                let (spent, first) = (&spent, &first);
                scope.spawn(move || {
                    let spending = spent.spend("a", &[key; 32], UnixSeconds(9), UnixSeconds(1));
                    if spending.unwrap() == Spending::First {
                        first.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(first.into_inner(), 1);
    }
}
