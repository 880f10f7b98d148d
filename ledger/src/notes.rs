//! Every cosigned checkpoint note that was published, for ever: documents name them by hash.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::sqlite::{self, Flush};
use crate::storage::Hash;
use crate::sync::lock;

/// Most notes that one query gives.
pub const MAX_NOTES: u32 = 1000;

/// Version of the tables.
const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS note (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
  sha256 BLOB NOT NULL UNIQUE, published_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS note_by_size ON note (size, row);";
const COLUMNS: &str = "SELECT row, size, root, note, sha256, published_at FROM note";

/// A published note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Position in the order of publication, from 1.
    pub row: u64,
    /// Size of the tree that it signs.
    pub size: u64,
    /// Root of that tree.
    pub root: Hash,
    /// The whole note, all signatures included.
    pub note: Vec<u8>,
    /// SHA-256 of `note`.
    pub sha256: Hash,
    /// When this ledger published it, in Unix seconds by its own clock: a claim, no evidence.
    pub published_at: u64,
}

/// The notes of one log.
#[derive(Debug)]
pub struct Notes {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Notes {
    /// Opens the file; a writer makes it if there is none.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn open(path: &Path, writable: bool) -> Result<Notes, Error> {
        let connection = connect(path, writable).map_err(Error::sqlite(path))?;
        Ok(Notes { path: path.to_path_buf(), connection: connection.into() })
    }

    /// Adds a note, durably. One that is there already keeps its row.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn add(&self, size: u64, root: &Hash, note: &[u8], now: u64) -> Result<Note, Error> {
        let sha256: Hash = Sha256::digest(note).into();
        let sql = "INSERT OR IGNORE INTO note (size, root, note, sha256, published_at)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![size.cast_signed(), root, note, sha256, now.cast_signed()];
        sqlite::work(&self.path, &mut lock(&self.connection), |c| c.execute(sql, values))?;
        let found = self.by_sha256(&sha256)?;
        found.ok_or_else(|| Error::sqlite(&self.path)(rusqlite::Error::QueryReturnedNoRows))
    }

    /// The note with this SHA-256.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn by_sha256(&self, sha256: &Hash) -> Result<Option<Note>, Error> {
        self.one("WHERE sha256 = ?1", params![sha256])
    }

    /// The note that was published last.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn newest(&self) -> Result<Option<Note>, Error> {
        self.one("ORDER BY row DESC LIMIT 1", params![])
    }

    /// The smallest note that covers entry `index` (size > `index`), the earliest of its size,
    /// among those of row `from_row` or later.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn covering(&self, index: u64, from_row: u64) -> Result<Option<Note>, Error> {
        self.one(
            "WHERE size > ?1 AND row >= ?2 ORDER BY size, row LIMIT 1",
            params![index.min(MAX).cast_signed(), from_row.min(MAX).cast_signed()],
        )
    }

    /// Notes of the sizes `from_size..=to_size`, of row `from_row` or later, in the order of
    /// publication, at most [`MAX_NOTES`]: go on with the last row plus one.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn between(&self, from_size: u64, to_size: u64, from_row: u64) -> Result<Vec<Note>, Error> {
        let sql = format!(
            "{COLUMNS} WHERE size BETWEEN ?1 AND ?2 AND row >= ?3 ORDER BY row LIMIT {MAX_NOTES}"
        );
        let bound = |n: u64| n.min(MAX).cast_signed();
        let connection = lock(&self.connection);
        let notes = connection.prepare_cached(&sql).and_then(|mut query| {
            query
                .query_map([bound(from_size), bound(to_size), bound(from_row)], read_note)?
                .collect()
        });
        notes.map_err(Error::sqlite(&self.path))
    }

    /// The note that was published next after row `row`.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn after(&self, row: u64) -> Result<Option<Note>, Error> {
        self.one("WHERE row > ?1 ORDER BY row LIMIT 1", params![row.min(MAX).cast_signed()])
    }

    /// The note that was published last before row `row`.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn before(&self, row: u64) -> Result<Option<Note>, Error> {
        self.one("WHERE row < ?1 ORDER BY row DESC LIMIT 1", params![row.min(MAX).cast_signed()])
    }

    /// The note that was published `notes` notes before that of row `row`, if there are so many.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn back_from(&self, row: u64, notes: u64) -> Result<Option<Note>, Error> {
        self.one(
            "WHERE row <= ?1 ORDER BY row DESC LIMIT 1 OFFSET ?2",
            params![row.min(MAX).cast_signed(), notes.min(MAX).cast_signed()],
        )
    }

    /// How many notes have the rows `from_row..=to_row`.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn count(&self, from_row: u64, to_row: u64) -> Result<u64, Error> {
        let bound = |n: u64| n.min(MAX).cast_signed();
        let rows = [bound(from_row), bound(to_row)];
        lock(&self.connection)
            .prepare_cached("SELECT count(*) FROM note WHERE row BETWEEN ?1 AND ?2")
            .and_then(|mut query| query.query_row(rows, |row| row.get::<_, i64>(0)))
            .map(i64::cast_unsigned)
            .map_err(Error::sqlite(&self.path))
    }

    fn one(&self, rest: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Option<Note>, Error> {
        lock(&self.connection)
            .prepare_cached(&format!("{COLUMNS} {rest}"))
            .and_then(|mut query| query.query_row(values, read_note).optional())
            .map_err(Error::sqlite(&self.path))
    }
}

/// SQLite's integers are signed.
const MAX: u64 = i64::MAX as u64;

fn connect(path: &Path, writable: bool) -> rusqlite::Result<Connection> {
    if !writable {
        return sqlite::open_read_only(path);
    }
    // These can't be made again from the journal: the cosignatures are in no other place.
    sqlite::open(path, Flush::Always, VERSION, |c, _| c.execute_batch(SCHEMA))
}

fn read_note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note {
        row: row.get::<_, i64>(0)?.cast_unsigned(),
        size: row.get::<_, i64>(1)?.cast_unsigned(),
        root: row.get(2)?,
        note: row.get(3)?,
        sha256: row.get(4)?,
        published_at: row.get::<_, i64>(5)?.cast_unsigned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_found_by_hash_size_and_order() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("notes.sqlite");
        let notes = Notes::open(&path, true).unwrap();
        assert_eq!(notes.newest().unwrap(), None);
        for (at, size) in [3u64, 5, 5, 9].into_iter().enumerate() {
            let text = format!("note {at} of size {size}");
            let note = notes.add(size, &[size as u8; 32], text.as_bytes(), 100).unwrap();
            assert_eq!(note.row, at as u64 + 1);
        }
        drop(notes);
        let notes = Notes::open(&path, false).unwrap();
        assert_eq!(notes.newest().unwrap().unwrap().size, 9);
        let covering = |index, row| notes.covering(index, row).unwrap().map(|n| (n.size, n.row));
        assert_eq!(covering(0, 0), Some((3, 1)));
        assert_eq!(covering(3, 0), Some((5, 2)));
        assert_eq!(covering(3, 3), Some((5, 3)));
        assert_eq!(covering(5, 3), Some((9, 4)));
        assert_eq!(covering(9, 0), None);
        assert_eq!(covering(u64::MAX, u64::MAX), None);
        let between = notes.between(4, u64::MAX, 3).unwrap();
        assert_eq!(between.iter().map(|n| n.row).collect::<Vec<_>>(), [3, 4]);
        let row = |note: Option<Note>| note.map(|n| n.row);
        assert_eq!(row(notes.after(0).unwrap()), Some(1));
        assert_eq!(row(notes.after(3).unwrap()), Some(4));
        assert_eq!(row(notes.after(u64::MAX).unwrap()), None);
        assert_eq!(row(notes.before(4).unwrap()), Some(3));
        assert_eq!(row(notes.before(1).unwrap()), None);
        assert_eq!(row(notes.back_from(4, 0).unwrap()), Some(4));
        assert_eq!(row(notes.back_from(4, 3).unwrap()), Some(1));
        assert_eq!(row(notes.back_from(4, u64::MAX).unwrap()), None);
        assert_eq!(notes.count(2, u64::MAX).unwrap(), 3);
        let first = notes.by_sha256(&Sha256::digest(b"note 0 of size 3").into()).unwrap();
        assert_eq!(first.unwrap().root, [3; 32]);
        assert_eq!(notes.by_sha256(&[0; 32]).unwrap(), None);
    }

    #[test]
    fn a_note_keeps_its_row_when_it_comes_again() {
        let tmp = tempfile::tempdir().unwrap();
        let notes = Notes::open(&tmp.path().join("notes.sqlite"), true).unwrap();
        let first = notes.add(2, &[1; 32], b"same", 100).unwrap();
        assert_eq!(notes.add(2, &[1; 32], b"same", 200).unwrap(), first);
    }
}
