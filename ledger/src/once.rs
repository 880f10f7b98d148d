//! Which entry took which once key: exact for ever, on disk, memory bounded.
//!
//! The journal is the truth. This SQLite file follows it and says how far (`applied_to`), so it
//! may lose its last transactions in a crash; what it lacks is replayed when it is opened. Keys of
//! entries that are not in the file yet are held in memory, a few thousand at most.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

use rusqlite::{Connection, OptionalExtension, params};

use crate::Error;
use crate::dir::{Dir, LogId};
use crate::journal::Journal;
use crate::log::once_path;
use crate::sqlite::{self, Flush, is_damage};
use crate::storage::OnceKey;
use crate::sync::{lock, read, write};

/// Keys in memory from which on they are moved to the file.
const APPLY_AT: usize = 2048;
/// Keys in memory that can't be moved to the file, from which on nothing more is recorded.
const MAX_PENDING: usize = 65_536;
/// Entries that are replayed in one transaction.
const REPLAY_CHUNK: u64 = 16_384;

/// Version of the tables.
const VERSION: u32 = 1;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS once (key BLOB PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY CHECK (one = 1), applied_to INTEGER);
INSERT OR IGNORE INTO mark VALUES (1, 0);";

/// The index of once keys of one log.
#[derive(Debug)]
pub struct OnceIndex {
    path: PathBuf,
    connection: Mutex<Connection>,
    pending: RwLock<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    keys: HashMap<OnceKey, u64>,
    /// Size of the log up to which `keys` and the file together are complete.
    size: u64,
}

impl OnceIndex {
    /// Opens the file, or makes it, without reading the journal.
    ///
    /// A file that SQLite can't read is moved aside and made anew: it is derived.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn open(path: &Path, writable: bool) -> Result<OnceIndex, Error> {
        let opened = connect(path, writable);
        let connection = match opened {
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
        let size = applied_to(&connection).map_err(Error::sqlite(path))?;
        Ok(OnceIndex {
            path: path.to_path_buf(),
            connection: connection.into(),
            pending: Pending { keys: HashMap::new(), size }.into(),
        })
    }

    /// Size of the log up to which this is complete.
    pub fn size(&self) -> u64 {
        read(&self.pending).size
    }

    /// Replays what the journal has and the file lacks.
    ///
    /// # Errors
    /// [`Error::Sqlite`], and what the journal gives.
    pub fn catch_up(&self, journal: &Journal) -> Result<(), Error> {
        while self.size() < journal.size() {
            let start = self.size();
            let end = journal.size().min(start.saturating_add(REPLAY_CHUNK));
            let mut keys = Vec::new();
            journal.visit(start..end, |index, entry| {
                keys.extend(entry.once.iter().map(|key| (*key, index)));
                ControlFlow::Continue(())
            })?;
            self.record(keys, end);
            self.apply()?;
        }
        Ok(())
    }

    /// The entry that took `key`.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        // Memory first: a key moves from memory to the file, never back.
        if let Some(index) = read(&self.pending).keys.get(key) {
            return Ok(Some(*index));
        }
        let connection = lock(&self.connection);
        connection
            .prepare_cached("SELECT entry FROM once WHERE key = ?1")
            .and_then(|mut query| {
                query.query_row([&key.0[..]], |row| row.get::<_, i64>(0)).optional()
            })
            .map(|index| index.map(i64::cast_unsigned))
            .map_err(Error::sqlite(&self.path))
    }

    /// Takes note of keys of entries that are durable; the log has `size` entries now.
    pub fn record(&self, keys: impl IntoIterator<Item = (OnceKey, u64)>, size: u64) {
        let mut pending = write(&self.pending);
        for (key, index) in keys {
            pending.keys.entry(key).or_insert(index);
        }
        pending.size = size;
    }

    /// Moves the keys to the file if there are many.
    ///
    /// # Errors
    /// [`Error::Sqlite`]; the keys stay in memory then.
    pub fn apply_if_due(&self) -> Result<(), Error> {
        if read(&self.pending).keys.len() < APPLY_AT {
            return Ok(());
        }
        self.apply()
    }

    /// Whether memory has room for the keys of another batch; if not, the file is tried again.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Sqlite`].
    pub fn make_room(&self) -> Result<(), Error> {
        if read(&self.pending).keys.len() < MAX_PENDING {
            return Ok(());
        }
        self.apply().map_err(Error::or_full)
    }

    /// Moves the keys to the file.
    ///
    /// # Errors
    /// [`Error::Sqlite`]; the keys stay in memory then.
    pub fn apply(&self) -> Result<(), Error> {
        let (mut rows, size) = {
            let pending = read(&self.pending);
            (pending.keys.iter().map(|(k, i)| (*k, *i)).collect::<Vec<_>>(), pending.size)
        };
        // In the order of the B-tree, which touches fewer pages.
        rows.sort_unstable();
        let mut connection = lock(&self.connection);
        insert(&mut connection, &rows, size).map_err(Error::sqlite(&self.path))?;
        drop(connection);
        let mut pending = write(&self.pending);
        for (key, _) in &rows {
            pending.keys.remove(key);
        }
        Ok(())
    }

    /// Calls `visit` with every key and its entry. For checks of the whole.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn for_each(&self, mut visit: impl FnMut(OnceKey, u64)) -> Result<(), Error> {
        let connection = lock(&self.connection);
        let mut query = connection
            .prepare("SELECT key, entry FROM once ORDER BY entry")
            .map_err(Error::sqlite(&self.path))?;
        let rows = query
            .query_map([], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, i64>(1)?)))
            .map_err(Error::sqlite(&self.path))?;
        for row in rows {
            let (key, index) = row.map_err(Error::sqlite(&self.path))?;
            visit(OnceKey(key), index.cast_unsigned());
        }
        for (key, index) in &read(&self.pending).keys {
            visit(*key, *index);
        }
        Ok(())
    }
}

/// Removes the files of both logs, which are made again when the logs are opened.
///
/// # Errors
/// [`Error::ReadOnly`], [`Error::Io`].
pub fn forget(dir: &Dir) -> Result<(), Error> {
    if !dir.writable() {
        return Err(Error::ReadOnly);
    }
    for id in LogId::ALL {
        let path = once_path(dir, id);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", PathBuf::from(name))(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn connect(path: &Path, writable: bool) -> rusqlite::Result<Connection> {
    if !writable {
        return sqlite::open_read_only(path);
    }
    // The journal is the truth and `applied_to` says what is missing: no flush is needed here.
    sqlite::open(path, Flush::Sometimes, VERSION, |c, _| c.execute_batch(SCHEMA))
}

fn applied_to(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .query_row("SELECT applied_to FROM mark", [], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn insert(connection: &mut Connection, rows: &[(OnceKey, u64)], size: u64) -> rusqlite::Result<()> {
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
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> OnceKey {
        let mut key = [7; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        OnceKey(key)
    }

    #[test]
    fn keys_are_found_in_memory_on_disk_and_after_reopening() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("once.sqlite");
        let index = OnceIndex::open(&path, true).unwrap();
        index.record((0..3000).map(|n| (key(n), n)), 3000);
        assert_eq!(index.holder(&key(5)).unwrap(), Some(5));
        index.apply_if_due().unwrap();
        assert!(read(&index.pending).keys.is_empty());
        index.record([(key(9000), 3000), (key(5), 3000)], 3001);
        index.apply().unwrap();
        drop(index);
        let index = OnceIndex::open(&path, false).unwrap();
        assert_eq!(index.size(), 3001);
        assert_eq!(index.holder(&key(5)).unwrap(), Some(5), "the first holder stays");
        assert_eq!(index.holder(&key(9000)).unwrap(), Some(3000));
        assert_eq!(index.holder(&key(4000)).unwrap(), None);
        let mut seen = 0;
        index.for_each(|_, _| seen += 1).unwrap();
        assert_eq!(seen, 3001);
    }

    #[test]
    fn a_file_that_is_no_database_is_made_anew() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("once.sqlite");
        std::fs::write(&path, vec![b'x'; 8192]).unwrap();
        let index = OnceIndex::open(&path, true).unwrap();
        assert_eq!(index.size(), 0);
        assert!(path.with_extension("sqlite.damaged").exists());
    }
}
