//! Leaves that orders of erasure name, and how far they are erased.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Sql, State, int, uint};
use crate::Error;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS erasure (
  leaf INTEGER PRIMARY KEY, ordered INTEGER NOT NULL, subject TEXT, done INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS erasure_open ON erasure (leaf) WHERE done = 0;";

/// Most leaves that are erased in one go.
const BATCH: i64 = 65_536;

/// A leaf whose body was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedLeaf {
    /// `sub` of the statement that stood there, where it is still known.
    pub subject: Option<String>,
    /// Main log index of the order.
    pub order: u64,
}

/// Notes an order; the first that names a leaf counts.
pub(super) fn apply(c: &Connection, order: u64, leaves: impl Iterator<Item = u64>) -> Sql<()> {
    let sql = "INSERT OR IGNORE INTO erasure (leaf, ordered, done) VALUES (?1, ?2, 0)";
    let mut insert = c.prepare_cached(sql)?;
    for leaf in leaves {
        insert.execute(params![int(leaf), int(order)])?;
    }
    Ok(())
}

impl State {
    /// Leaves that are ordered to be erased and are not yet, ascending.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erasures_open(&self) -> Result<Vec<u64>, Error> {
        self.with(|c| {
            c.prepare_cached("SELECT leaf FROM erasure WHERE done = 0 ORDER BY leaf LIMIT ?1")?
                .query_map([BATCH], |r| Ok(uint(r.get(0)?)))?
                .collect()
        })
    }

    /// Notes whose statement is about to be erased, durably: its receipts go on saying it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erasing(&self, leaf: u64, subject: Option<&str>) -> Result<(), Error> {
        self.with(|c| {
            c.execute(
                "UPDATE erasure SET subject = ?2 WHERE leaf = ?1",
                params![int(leaf), subject],
            )
        })
        .map(drop)
    }

    /// Takes away what was kept of the request beside its statements, and notes that it is done.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erased(&self, leaf: u64) -> Result<(), Error> {
        self.with(|c| {
            let transaction = c.transaction()?;
            for table in ["extra", "call", "detail", "live"] {
                let sql = format!(
                    "DELETE FROM {table} WHERE 'urn:uuid:' || request = \
                     (SELECT subject FROM erasure WHERE leaf = ?1)"
                );
                transaction.execute(&sql, [int(leaf)])?;
            }
            transaction.execute("UPDATE erasure SET done = 1 WHERE leaf = ?1", [int(leaf)])?;
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
                    Ok(ErasedLeaf { subject: r.get(0)?, order: uint(r.get(1)?) })
                })
                .optional()
        })
    }
}
