//! Leaves that orders of erasure name, and how far they are erased.
//!
//! All of it comes from the log: which leaves, by which order, and, since an order has the `sub` of
//! the statements that it names, about which request. So nothing is lost with the file.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Sql, State, int, uint};
use crate::Error;
use crate::sqlite::empty_wal;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS erasure (
  leaf INTEGER PRIMARY KEY, ordered INTEGER NOT NULL, subject TEXT, done INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS erasure_open ON erasure (leaf) WHERE done = 0;
CREATE TABLE IF NOT EXISTS untold (request TEXT PRIMARY KEY) WITHOUT ROWID;";

/// Most leaves that are erased in one go.
const BATCH: i64 = 1024;
/// Most entries of one request that are looked at.
const MAX_ENTRIES: i64 = 1 << 20;

/// A leaf whose body was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedLeaf {
    /// The request that it was about; none for what others had registered.
    pub request: Option<String>,
    /// Main log index of the order.
    pub order: u64,
}

/// Notes an order; the first that names a leaf counts. `about` is the request that the leaves
/// belong to: it is over, whatever the statements that are left say.
pub(super) fn apply(
    c: &Connection,
    order: u64,
    leaves: impl Iterator<Item = u64>,
    about: Option<&str>,
) -> Sql<()> {
    let mut insert = c.prepare_cached("INSERT OR IGNORE INTO erasure VALUES (?1, ?2, ?3, 0)")?;
    let mut entry = c.prepare_cached("INSERT OR IGNORE INTO entry VALUES (?1, ?2)")?;
    for leaf in leaves {
        insert.execute(params![int(leaf), int(order), about])?;
        if let Some(request) = about {
            entry.execute(params![request, int(leaf)])?;
        }
    }
    let Some(request) = about else { return Ok(()) };
    c.execute("INSERT OR IGNORE INTO untold VALUES (?1)", [request])?;
    c.execute(
        "UPDATE request SET outcome_due = NULL, \
         state = CASE state WHEN 'executed' THEN 'done' ELSE 'cancelled' END \
         WHERE id = ?1 AND state IN ('offered', 'open', 'approved', 'executed')",
        [request],
    )
    .map(drop)
}

impl State {
    /// Leaves that are ordered to be erased and are not yet, ascending, with the requests that they
    /// were about; at most 1024.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erasures_open(&self) -> Result<Vec<(u64, Option<String>)>, Error> {
        let sql = "SELECT leaf, subject FROM erasure WHERE done = 0 ORDER BY leaf LIMIT ?1";
        self.with(|c| {
            c.prepare_cached(sql)?
                .query_map([BATCH], |r| Ok((uint(r.get(0)?), r.get(1)?)))?
                .collect()
        })
    }

    /// Takes away what was kept of a request beside its statements, without a trace in the file.
    ///
    /// # Errors
    /// `ledger.sqlite`, also when a reader keeps the write-ahead log from being emptied.
    pub fn forget_request(&self, request: &str) -> Result<(), Error> {
        self.with(|c| {
            let transaction = c.transaction()?;
            for table in ["extra", "call", "detail", "live"] {
                let sql = format!("DELETE FROM {table} WHERE request = ?1");
                transaction.execute(&sql, [request])?;
            }
            let sql = "UPDATE request SET idempotency = NULL WHERE id = ?1";
            transaction.execute(sql, [request])?;
            transaction.commit()
        })?;
        self.with(|c| empty_wal(c))
    }

    /// Notes that these leaves are erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erased(&self, leaves: impl Iterator<Item = u64>) -> Result<(), Error> {
        self.with(|c| {
            let transaction = c.transaction()?;
            for leaf in leaves {
                transaction
                    .prepare_cached("UPDATE erasure SET done = 1 WHERE leaf = ?1")?
                    .execute([int(leaf)])?;
            }
            transaction.commit()
        })
    }

    /// What is known of an erased leaf.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erased_leaf(&self, leaf: u64) -> Result<Option<ErasedLeaf>, Error> {
        self.with(|c| {
            c.prepare_cached("SELECT subject, ordered FROM erasure WHERE leaf = ?1")?
                .query_row([int(leaf)], |r| {
                    Ok(ErasedLeaf { request: r.get(0)?, order: uint(r.get(1)?) })
                })
                .optional()
        })
    }

    /// Entries about a request that no order names yet, the newest first: `most` of them, and how
    /// many there are.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn entries_to_erase(&self, request: &str, most: usize) -> Result<(Vec<u64>, u64), Error> {
        let of = "FROM entry WHERE request = ?1 AND entry NOT IN (SELECT leaf FROM erasure)";
        let most = i64::try_from(most).unwrap_or(MAX_ENTRIES);
        self.with(|c| {
            let sql = format!("SELECT entry {of} ORDER BY entry DESC LIMIT ?2");
            let newest = c
                .prepare_cached(&sql)?
                .query_map(params![request, most], |r| Ok(uint(r.get(0)?)))?
                .collect::<Sql<Vec<u64>>>()?;
            let sql = format!("SELECT count(*) FROM (SELECT 1 {of} LIMIT ?2)");
            let all = c
                .prepare_cached(&sql)?
                .query_row(params![request, MAX_ENTRIES], |r| Ok(uint(r.get(0)?)))?;
            Ok((newest, all))
        })
    }

    /// Requests of whose erasure those who keep copies of their own have not been told yet.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn untold(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT request FROM untold ORDER BY request LIMIT ?1";
        self.with(|c| c.prepare_cached(sql)?.query_map([BATCH], |r| r.get(0))?.collect())
    }

    /// Notes that they were told of this one.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn told(&self, request: &str) -> Result<(), Error> {
        self.with(|c| c.execute("DELETE FROM untold WHERE request = ?1", [request])).map(drop)
    }
}
