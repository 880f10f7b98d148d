//! The tables of `index.sqlite`.
//!
//! `entry` has a row for each entry of a log with the terms that it is found by; `term` is the same
//! the other way round. `zone` says for each 1024 entries from when to when their statements are,
//! so that a search for last year does not read this one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};

use super::terms::{Key, Row};
use crate::sqlite::{self, Flush};
use crate::sync::lock;
use crate::{Error, LogId};

/// Another number makes the file anew.
const VERSION: i64 = 1;
/// Entries in a zone.
pub(super) const ZONE: u64 = 1024;
/// Connections that read at the same time.
const READERS: usize = 4;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexed (log INTEGER PRIMARY KEY, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS issuer (
  log INTEGER NOT NULL, kid BLOB NOT NULL, PRIMARY KEY (log, kid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
  log INTEGER NOT NULL, entry INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER,
  terms BLOB NOT NULL, PRIMARY KEY (log, entry)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS term (
  value INTEGER NOT NULL, log INTEGER NOT NULL, entry INTEGER NOT NULL,
  PRIMARY KEY (value, log, entry)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS zone (
  log INTEGER NOT NULL, zone INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (log, zone)) WITHOUT ROWID;";

/// A row as a search reads it.
pub(super) struct Candidate {
    pub entry: u64,
    pub at: Option<u64>,
    pub terms: Vec<u8>,
}

/// The database.
pub(crate) struct Store {
    path: PathBuf,
    readers: Vec<Mutex<Connection>>,
    // Closed last: only a connection that writes empties the write-ahead log at the end.
    writer: Mutex<Connection>,
}

type Sql<T> = rusqlite::Result<T>;

impl Store {
    /// Opens the file, or makes it anew when it can't be used.
    ///
    /// # Errors
    /// `ledger.sqlite`, `ledger.io`.
    pub fn open(path: &Path, key: &Key) -> Result<Self, Error> {
        match connect(path).and_then(|c| fits(&c, key).map(|fits| (c, fits))) {
            Ok((connection, true)) => return Self::assemble(path, connection),
            Ok((_, false)) => tracing::info!("the search index is made anew"),
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, "the search index is damaged and is made anew");
            }
            Err(error) => return Err(Error::sqlite(path)(error)),
        }
        remove(path)?;
        let connection = connect(path).map_err(Error::sqlite(path))?;
        mark(&connection, key).map_err(Error::sqlite(path))?;
        Self::assemble(path, connection)
    }

    /// Opens an existing file for reading; none when it was made with another key or by another
    /// version.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn open_read_only(path: &Path, key: &Key) -> Result<Option<Self>, Error> {
        let open = || -> Sql<Option<Self>> {
            let connection = sqlite::open_read_only(path)?;
            if !fits(&connection, key)? {
                return Ok(None);
            }
            let readers = vec![Mutex::new(sqlite::open_read_only(path)?)];
            Ok(Some(Self { path: path.to_path_buf(), writer: connection.into(), readers }))
        };
        open().map_err(Error::sqlite(path))
    }

    fn assemble(path: &Path, connection: Connection) -> Result<Self, Error> {
        let readers = (0..READERS).map(|_| sqlite::open_read_only(path).map(Mutex::new));
        let readers = readers.collect::<Sql<Vec<_>>>().map_err(Error::sqlite(path))?;
        Ok(Self { path: path.to_path_buf(), writer: connection.into(), readers })
    }

    fn read<T>(&self, f: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, Error> {
        let free = self.readers.iter().find_map(|reader| reader.try_lock().ok());
        let reader: MutexGuard<'_, Connection> = match (free, self.readers.first()) {
            (Some(reader), _) => reader,
            (None, Some(first)) => lock(first),
            (None, None) => lock(&self.writer),
        };
        f(&reader).map_err(Error::sqlite(&self.path))
    }

    fn write<T>(&self, f: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, Error> {
        sqlite::work(&self.path, &mut lock(&self.writer), |writer| {
            let transaction = writer.transaction()?;
            let value = f(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
    }

    /// How many entries of a log are in it.
    pub fn indexed_to(&self, id: LogId) -> Result<u64, Error> {
        let sql = "SELECT size FROM indexed WHERE log = ?1";
        self.read(|c| {
            let size = c.prepare_cached(sql)?.query_row([log(id)], |r| uint(r, 0)).optional()?;
            Ok(size.unwrap_or(0))
        })
    }

    /// The kids whose statements count as the ledger's own, up to where the log is indexed.
    pub fn issuers(&self, id: LogId) -> Result<BTreeSet<[u8; 32]>, Error> {
        self.read(|c| {
            c.prepare_cached("SELECT kid FROM issuer WHERE log = ?1")?
                .query_map([log(id)], |r| r.get(0))?
                .collect()
        })
    }

    /// Adds the rows from entry `from` on, and the issuers if they changed.
    pub fn append(
        &self,
        id: LogId,
        from: u64,
        rows: &[Row],
        issuers: Option<&BTreeSet<[u8; 32]>>,
    ) -> Result<(), Error> {
        self.write(|c| {
            for kid in issuers.into_iter().flatten() {
                c.prepare_cached("INSERT OR IGNORE INTO issuer VALUES (?1, ?2)")?
                    .execute(params![log(id), kid])?;
            }
            let mut next = from;
            let mut terms = Vec::new();
            for row in rows {
                insert_entry(c, id, next, row)?;
                terms.extend(row.terms.iter().map(|term| (*term, next)));
                widen_zone(c, id, next, row.at)?;
                next = next.saturating_add(1);
            }
            // In the order of the B-tree, which touches fewer pages.
            terms.sort_unstable();
            for (term, entry) in terms {
                insert_term(c, id, term, entry)?;
            }
            c.prepare_cached("INSERT OR REPLACE INTO indexed VALUES (?1, ?2)")?
                .execute(params![log(id), int(next)])
                .map(drop)
        })
    }

    /// Puts another row in the place of an entry's, and leaves no trace of the old one.
    pub fn replace(&self, id: LogId, entry: u64, row: &Row) -> Result<(), Error> {
        self.write(|c| {
            let found = row_of(c, id, entry)?;
            for term in found.iter().flat_map(|row| &row.terms) {
                c.prepare_cached("DELETE FROM term WHERE value = ?1 AND log = ?2 AND entry = ?3")?
                    .execute(params![term, log(id), int(entry)])?;
            }
            c.prepare_cached("DELETE FROM entry WHERE log = ?1 AND entry = ?2")?
                .execute(params![log(id), int(entry)])?;
            insert(c, id, entry, row)?;
            measure_zone(c, id, entry / ZONE)
        })?;
        // The write-ahead log still holds the old page. A reader may keep it from being emptied;
        // what stands there can't be read without the key anyway.
        sqlite::work(&self.path, &mut lock(&self.writer), |c| {
            c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        })
    }

    /// Empties it.
    pub fn clear(&self) -> Result<(), Error> {
        self.write(|c| {
            c.execute_batch(
                "DELETE FROM entry; DELETE FROM term; DELETE FROM zone; DELETE FROM issuer; \
                 DELETE FROM indexed;",
            )
        })
    }

    /// The row of an entry.
    pub fn row(&self, id: LogId, entry: u64) -> Result<Option<Row>, Error> {
        self.read(|c| row_of(c, id, entry))
    }

    /// How many rows the two sides of the index have for a log: terms in `entry`, rows in `term`.
    pub fn balance(&self, id: LogId) -> Result<(u64, u64), Error> {
        self.read(|c| {
            // One statement, so that both sides are of one moment.
            let sql = "SELECT (SELECT coalesce(sum(length(terms) / 8), 0) FROM entry \
                       WHERE log = ?1), (SELECT count(*) FROM term WHERE log = ?1)";
            c.query_row(sql, [log(id)], |r| Ok((uint(r, 0)?, uint(r, 1)?)))
        })
    }

    /// Whether an entry stands under a term.
    pub fn holds(&self, id: LogId, term: i64, entry: u64) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM term WHERE value = ?1 AND log = ?2 AND entry = ?3";
        self.read(|c| c.prepare_cached(sql)?.exists(params![term, log(id), int(entry)]))
    }

    /// The first entries that stand under a term.
    pub fn holders(&self, id: LogId, term: i64) -> Result<Vec<u64>, Error> {
        let sql = "SELECT entry FROM term WHERE value = ?1 AND log = ?2 ORDER BY entry LIMIT 8";
        self.read(|c| {
            c.prepare_cached(sql)?.query_map(params![term, log(id)], |r| uint(r, 0))?.collect()
        })
    }

    /// Entries of `from..below`, the highest first, at most `limit`: those that stand under the
    /// term, or all.
    pub(super) fn candidates(
        &self,
        id: LogId,
        term: Option<i64>,
        from: u64,
        below: u64,
        limit: usize,
    ) -> Result<Vec<Candidate>, Error> {
        let read = |r: &SqlRow<'_>| -> Sql<Candidate> {
            let at: Option<i64> = r.get(1)?;
            let at = at.and_then(|at| u64::try_from(at).ok());
            Ok(Candidate { entry: uint(r, 0)?, at, terms: r.get(2)? })
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (from, below) = (int(from), int(below));
        self.read(|c| match term {
            Some(term) => c
                .prepare_cached(
                    "SELECT e.entry, e.at, e.terms FROM term t CROSS JOIN entry e \
                     ON e.log = t.log AND e.entry = t.entry \
                     WHERE t.value = ?5 AND t.log = ?1 AND t.entry >= ?2 AND t.entry < ?3 \
                     ORDER BY t.entry DESC LIMIT ?4",
                )?
                .query_map(params![log(id), from, below, limit, term], read)?
                .collect(),
            None => c
                .prepare_cached(
                    "SELECT entry, at, terms FROM entry \
                     WHERE log = ?1 AND entry >= ?2 AND entry < ?3 ORDER BY entry DESC LIMIT ?4",
                )?
                .query_map(params![log(id), from, below, limit], read)?
                .collect(),
        })
    }

    /// Where entries stated in `from..to` can be: an index range, empty when there are none.
    pub(super) fn span(&self, id: LogId, from: u64, to: u64) -> Result<(u64, u64), Error> {
        let sql = "SELECT min(zone), max(zone) FROM zone \
                   WHERE log = ?1 AND last >= ?2 AND first < ?3";
        self.read(|c| {
            c.prepare_cached(sql)?.query_row(params![log(id), int(from), int(to)], |r| {
                let (first, last): (Option<i64>, Option<i64>) = (r.get(0)?, r.get(1)?);
                let zone = |n: i64| u64::try_from(n).unwrap_or(0);
                Ok(first.zip(last).map_or((0, 0), |(first, last)| {
                    let end = zone(last).saturating_add(1).saturating_mul(ZONE);
                    (zone(first).saturating_mul(ZONE), end)
                }))
            })
        })
    }

    /// Every row as text.
    pub fn dump(&self) -> Result<Vec<String>, Error> {
        self.read(|c| {
            let mut out = Vec::new();
            for sql in [
                "SELECT 'indexed ' || log || ' ' || size FROM indexed ORDER BY 1",
                "SELECT 'issuer ' || log || ' ' || hex(kid) FROM issuer ORDER BY 1",
                "SELECT 'entry ' || log || ' ' || entry || ' ' || kind || ' ' || \
                 coalesce(at, '-') || ' ' || hex(terms) FROM entry ORDER BY log, entry",
                "SELECT 'term ' || value || ' ' || log || ' ' || entry FROM term \
                 ORDER BY value, log, entry",
                "SELECT 'zone ' || log || ' ' || zone || ' ' || first || ' ' || last FROM zone \
                 ORDER BY log, zone",
            ] {
                for row in c.prepare(sql)?.query_map([], |r| r.get(0))? {
                    out.push(row?);
                }
            }
            Ok(out)
        })
    }
}

/// Which version the tables are of stands beside the key that they were made with: a file of
/// another version is made anew.
fn connect(path: &Path) -> Sql<Connection> {
    sqlite::open(path, Flush::Sometimes, 0, |c, _| c.execute_batch(SCHEMA))
}

/// Whether the file is of this version and of this key.
fn fits(connection: &Connection, key: &Key) -> Sql<bool> {
    let sql = "SELECT value FROM meta WHERE name = 'made_by'";
    let made_by: Option<Vec<u8>> = connection.query_row(sql, [], |r| r.get(0)).optional()?;
    Ok(made_by == Some(made_by_us(key)))
}

/// Statements that a table of another layout does not understand are damage, too.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqlInputError { .. }) || sqlite::is_damage(error)
}

fn mark(connection: &Connection, key: &Key) -> Sql<()> {
    let sql = "INSERT OR REPLACE INTO meta VALUES ('made_by', ?1)";
    connection.execute(sql, [made_by_us(key)]).map(drop)
}

fn made_by_us(key: &Key) -> Vec<u8> {
    key.tag(&[b"version", &VERSION.to_be_bytes()]).to_vec()
}

fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn insert(c: &Connection, id: LogId, entry: u64, row: &Row) -> Sql<()> {
    insert_entry(c, id, entry, row)?;
    row.terms.iter().try_for_each(|term| insert_term(c, id, *term, entry))
}

fn insert_entry(c: &Connection, id: LogId, entry: u64, row: &Row) -> Sql<()> {
    c.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        log(id),
        int(entry),
        row.kind,
        row.at.map(int),
        row.terms_bytes()
    ])?;
    Ok(())
}

fn insert_term(c: &Connection, id: LogId, term: i64, entry: u64) -> Sql<()> {
    c.prepare_cached("INSERT INTO term VALUES (?1, ?2, ?3)")?
        .execute(params![term, log(id), int(entry)])
        .map(drop)
}

fn row_of(c: &Connection, id: LogId, entry: u64) -> Sql<Option<Row>> {
    c.prepare_cached("SELECT kind, at, terms FROM entry WHERE log = ?1 AND entry = ?2")?
        .query_row(params![log(id), int(entry)], |r| {
            let (at, terms): (Option<i64>, Vec<u8>) = (r.get(1)?, r.get(2)?);
            let at = at.and_then(|at| u64::try_from(at).ok());
            Ok(Row { kind: r.get(0)?, at, terms: split_terms(&terms).collect() })
        })
        .optional()
}

/// The terms in a row.
pub(super) fn split_terms(bytes: &[u8]) -> impl Iterator<Item = i64> {
    bytes.as_chunks::<8>().0.iter().map(|term| i64::from_be_bytes(*term))
}

fn widen_zone(c: &Connection, id: LogId, entry: u64, at: Option<u64>) -> Sql<()> {
    let Some(at) = at else { return Ok(()) };
    c.prepare_cached(
        "INSERT INTO zone VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO UPDATE \
         SET first = min(first, excluded.first), last = max(last, excluded.last)",
    )?
    .execute(params![log(id), int(entry / ZONE), int(at)])
    .map(drop)
}

fn measure_zone(c: &Connection, id: LogId, zone: u64) -> Sql<()> {
    c.prepare_cached("DELETE FROM zone WHERE log = ?1 AND zone = ?2")?
        .execute(params![log(id), int(zone)])?;
    let first = zone.saturating_mul(ZONE);
    c.prepare_cached(
        "INSERT INTO zone SELECT ?1, ?2, min(at), max(at) FROM entry \
         WHERE log = ?1 AND entry >= ?3 AND entry < ?4 AND at IS NOT NULL HAVING count(*) > 0",
    )?
    .execute(params![log(id), int(zone), int(first), int(first.saturating_add(ZONE))])
    .map(drop)
}

/// The log's number in the tables.
pub(super) fn log(id: LogId) -> i64 {
    match id {
        LogId::Main => 0,
        LogId::Gov => 1,
    }
}

/// SQLite's integers are signed; ours stay far below, and claims beyond are cut.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn uint(r: &SqlRow<'_>, column: usize) -> Sql<u64> {
    Ok(u64::try_from(r.get::<_, i64>(column)?).unwrap_or(0))
}
