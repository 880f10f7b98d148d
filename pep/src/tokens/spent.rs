//! Which transactions were spent: `state/tokens.sqlite`, for resources that leave single use to
//! this service.
//!
//! A row stands as long as a token of its transaction could be accepted, so that the table is as
//! small as what is minted in minutes. By the largest `until` of a row that was dropped it is known
//! which tokens can't be told from spent ones any more: a clock that goes forward and back again
//! gives none of them a second life. That an approval is spent once is not for this table: the
//! log saw to it before a token was minted.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use placet_ledger::sqlite::{self, Flush};
use placet_ledger::{Dir, Error};
use placet_proto::time::UnixSeconds;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Most transactions that are remembered; beyond that none is spent until some have ended.
const MAX_ROWS: i64 = 1_000_000;
const VERSION: u32 = 2;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS spent (
  txn TEXT PRIMARY KEY, key BLOB NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spent_by_until ON spent (until);
CREATE TABLE IF NOT EXISTS sums (
  one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL, dropped INTEGER NOT NULL);
INSERT OR IGNORE INTO sums SELECT 1, count(*), 0 FROM spent;";

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
        sqlite::work(&self.path, &mut self.lock(), |c| {
            let t = c.transaction()?;
            drop_ended(&t, stamp(now))?;
            let sql = "SELECT key FROM spent WHERE txn = ?1";
            let held: Option<Vec<u8>> = t.query_row(sql, [txn], |r| r.get(0)).optional()?;
            if let Some(held) = held {
                return Ok(if held == key { Spending::Repeated } else { Spending::Taken });
            }
            let (rows, dropped) = sums(&t)?;
            if stamp(until) <= dropped {
                return Ok(Spending::Taken);
            }
            if rows >= MAX_ROWS {
                return Ok(Spending::Full);
            }
            let sql = "INSERT INTO spent (txn, key, until) VALUES (?1, ?2, ?3)";
            t.execute(sql, params![txn, key, stamp(until)])?;
            t.execute("UPDATE sums SET rows = rows + 1", [])?;
            t.commit()?;
            Ok(Spending::First)
        })
    }

    /// Whether a transaction is spent, or may have been; `until` as for [`Spent::spend`].
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn is_spent(&self, txn: &str, until: UnixSeconds) -> Result<bool, Error> {
        sqlite::work(&self.path, &mut self.lock(), |c| {
            let sql = "SELECT 1 FROM spent WHERE txn = ?1";
            let held = c.query_row(sql, [txn], |_| Ok(())).optional()?.is_some();
            Ok(held || stamp(until) <= sums(c)?.1)
        })
    }
}

fn stamp(at: UnixSeconds) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// How many rows there are, and the largest `until` of one that is no more.
fn sums(c: &Connection) -> rusqlite::Result<(i64, i64)> {
    c.query_row("SELECT rows, dropped FROM sums", [], |r| Ok((r.get(0)?, r.get(1)?)))
}

fn drop_ended(c: &Connection, now: i64) -> rusqlite::Result<()> {
    let sql = "SELECT max(until) FROM spent WHERE until <= ?1";
    let last: Option<i64> = c.query_row(sql, [now], |r| r.get(0))?;
    let Some(last) = last else { return Ok(()) };
    let rows = c.execute("DELETE FROM spent WHERE until <= ?1", [now])?;
    let sql = "UPDATE sums SET rows = rows - ?1, dropped = max(dropped, ?2)";
    c.execute(sql, params![i64::try_from(rows).unwrap_or(i64::MAX), last]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_spent_once_over_a_restart_too() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("tokens.sqlite");
        let spent = Spent::open_file(&path).unwrap();
        let spend_until = |spent: &Spent, txn, key, until, now| {
            spent.spend(txn, &[key; 32], UnixSeconds(until), UnixSeconds(now)).unwrap()
        };
        let spend = |spent: &Spent, txn, key, now| spend_until(spent, txn, key, 100, now);
        assert!(!spent.is_spent("a", UnixSeconds(100)).unwrap());
        assert_eq!(spend(&spent, "a", 1, 1), Spending::First);
        assert_eq!(spend(&spent, "a", 1, 1), Spending::Repeated);
        assert_eq!(spend(&spent, "a", 2, 99), Spending::Taken);
        drop(spent);
        let spent = Spent::open_file(&path).unwrap();
        assert!(spent.is_spent("a", UnixSeconds(100)).unwrap());
        assert_eq!(spend(&spent, "a", 2, 99), Spending::Taken);
        assert_eq!(spend(&spent, "b", 2, 99), Spending::First);
        // Its token has ended: nothing has to be remembered.
        assert_eq!(spend_until(&spent, "c", 2, 300, 100), Spending::First);
        assert_eq!(sums(&spent.lock()).unwrap(), (1, 100));
        // A clock that was ahead for a while brings nothing back, and costs no later token.
        let spent = (drop(spent), Spent::open_file(&path).unwrap()).1;
        assert!(spent.is_spent("a", UnixSeconds(100)).unwrap());
        assert_eq!(spend(&spent, "a", 1, 99), Spending::Taken);
        assert_eq!(spend_until(&spent, "d", 1, 101, 99), Spending::First);
        assert_eq!(spend_until(&spent, "c", 3, 300, 99), Spending::Taken);
        assert_eq!(sums(&spent.lock()).unwrap(), (2, 100));
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
