//! What the engine asks of its storage, as contracts.
//!
//! The files of [`crate::journal`], [`crate::once`] and [`crate::objects`] implement them for one
//! node. A shared database (sequencing and uniqueness) and an object store (tiles) can implement
//! them for several, without a change to what is above.

use std::ops::{ControlFlow, Range};

use sha2::{Digest, Sha256};

pub use placet_proto::journal::OnceKey;

use crate::Error;
use crate::journal::{MAX_FRAME_BODIES, MAX_FRAME_ENTRIES, MAX_ONCE_KEYS};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Longest statement in bytes.
pub const MAX_STATEMENT: usize = 1 << 20;

/// One statement to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The bytes, opaque to the engine: 1 to [`MAX_STATEMENT`], not all zero.
    pub statement: Vec<u8>,
    /// Must be absent from the log and are taken by this entry. At most 4.
    pub once: Vec<OnceKey>,
    /// Must be absent from the log and are not taken. At most 4.
    pub absent: Vec<OnceKey>,
}

impl NewEntry {
    /// An entry without conditions.
    pub fn plain(statement: impl Into<Vec<u8>>) -> NewEntry {
        NewEntry { statement: statement.into(), once: Vec::new(), absent: Vec::new() }
    }
}

/// Entries that are appended together or not at all, one behind the other, within all limits.
#[derive(Clone, Debug)]
pub struct Group {
    entries: Vec<(Hash, NewEntry)>,
    bytes: usize,
}

impl Group {
    /// Checks the limits and hashes the statements.
    ///
    /// # Errors
    /// [`Error::InvalidEntry`] for no entry, more than 256 entries or 8 MiB, an empty or too long
    /// statement, one of zeroes only, more than 4 keys, one key taken twice, or one that is taken
    /// by an entry and has to be absent for a later one.
    pub fn new(entries: Vec<NewEntry>) -> Result<Group, Error> {
        let invalid = |reason| Err(Error::InvalidEntry { reason });
        if entries.is_empty() || entries.len() > MAX_FRAME_ENTRIES {
            return invalid("a call appends 1 to 256 entries");
        }
        let mut taken: Vec<OnceKey> = Vec::new();
        let mut bytes = 0usize;
        for entry in &entries {
            if entry.statement.is_empty() || entry.statement.len() > MAX_STATEMENT {
                return invalid("a statement has 1 byte to 1 MiB");
            }
            if entry.statement.iter().all(|byte| *byte == 0) {
                return invalid("a statement of zeroes is what erasing leaves");
            }
            if entry.once.len() > MAX_ONCE_KEYS || entry.absent.len() > MAX_ONCE_KEYS {
                return invalid("an entry has at most 4 keys of each sort");
            }
            bytes = bytes.saturating_add(entry.statement.len());
            if entry.absent.iter().any(|key| taken.contains(key)) {
                return invalid("a call takes a key that it wants to be absent");
            }
            taken.extend_from_slice(&entry.once);
        }
        if bytes > MAX_FRAME_BODIES {
            return invalid("a call appends at most 8 MiB");
        }
        taken.sort_unstable();
        if taken.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return invalid("a call takes one key twice");
        }
        let entries =
            entries.into_iter().map(|e| (Sha256::digest(&e.statement).into(), e)).collect();
        Ok(Group { entries, bytes })
    }

    /// The entries with the hash of each.
    pub fn entries(&self) -> &[(Hash, NewEntry)] {
        &self.entries
    }

    /// Sum of the statements' lengths.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Recorded, durably.
    Appended {
        /// Index of the group's first entry; the others follow without a gap.
        first_index: u64,
    },
    /// Nothing of the group was recorded, because an earlier entry holds a key.
    Conflict {
        /// The key.
        key: OnceKey,
        /// The entry that holds it, durable by now.
        index: u64,
    },
}

/// A statement as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Its bytes, whose SHA-256 is the log entry.
    Present(Vec<u8>),
    /// Erased; the log entry and the once keys remain.
    Erased,
    /// The log has no such index.
    NotFound,
}

/// What [`Store::visit`] calls.
pub type Visit<'a> = dyn FnMut(u64, Statement) -> ControlFlow<()> + 'a;

/// What a commit recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Index of the first recorded entry: the size before.
    pub first_index: u64,
    /// The recorded entries in order.
    pub entries: Vec<Hash>,
    /// One for each group, in order.
    pub outcomes: Vec<Outcome>,
}

/// The log of record: order, uniqueness, statements.
///
/// # Contract
/// * **Durability**: when [`commit`](Store::commit) or [`erase`](Store::erase) returns `Ok`, the
///   effect survives the loss of power. After a crash, a commit that never returned is there
///   whole or not at all.
/// * **Concurrency**: `commit` is linearizable, also between processes if there are several;
///   indices have no gaps. Reads go on during writes and see only durable entries.
/// * **Errors**: a failed write is never retried by the store; every later write fails too
///   ([`Error::Stopped`]), since after a failed flush nobody knows what is on the disk. Reading
///   goes on. [`Error::Full`] alone recorded nothing and stops nothing. Damage is
///   [`Error::JournalCorrupt`], never a missing entry.
pub trait Store: Send + Sync + 'static {
    /// Number of durable entries.
    fn size(&self) -> u64;

    /// Appends the groups in order, each whole or not at all. A key must be absent from the log
    /// and from the groups (and entries) before; the first key that is not decides the conflict.
    ///
    /// # Errors
    /// As in the contract. At most 256 entries and 8 MiB together.
    fn commit(&self, groups: &[Group]) -> Result<Committed, Error>;

    /// The entry that took `key`.
    ///
    /// # Errors
    /// When the index of keys can't be read.
    fn holder(&self, key: &OnceKey) -> Result<Option<u64>, Error>;

    /// The log entries (hashes of statements) in `range`, which may be erased.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], and as in the contract.
    fn entries(&self, range: Range<u64>) -> Result<Vec<Hash>, Error>;

    /// One statement, checked against its entry.
    ///
    /// # Errors
    /// As in the contract.
    fn statement(&self, index: u64) -> Result<Statement, Error>;

    /// Calls `visit` with each index of `range` and its statement, in order, until it breaks.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the range ends beyond the log, and as in the contract.
    fn visit(&self, range: Range<u64>, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// Erases a statement for ever. Erasing twice is not an error.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], and as in the contract.
    fn erase(&self, index: u64) -> Result<(), Error>;

    /// Why this store no longer writes, if so.
    fn stopped(&self) -> Option<String>;

    /// Brings derived files up to date, so that the next opening is quick. Nothing depends on it.
    fn settle(&self) {}
}

/// Files that others fetch: tiles, checkpoints.
///
/// # Contract
/// * Paths are relative, with `/`, as in C2SP tlog-tiles.
/// * **Durability**: [`put`](Objects::put) makes the object visible whole or not at all, and it
///   need not survive the loss of power until [`sync`](Objects::sync) returns.
///   [`replace`](Objects::replace) is durable when it returns.
/// * **Concurrency**: any number of readers and writers; writers of one path write the same bytes,
///   save for `replace`, whose callers take turns.
/// * **Errors**: a failed call may be repeated, unless it failed to flush: then `sync` and
///   `replace` fail for good ([`Error::Stopped`]).
pub trait Objects: Send + Sync + 'static {
    /// The object, or none.
    ///
    /// # Errors
    /// When it can't be read.
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Stores an object.
    ///
    /// # Errors
    /// When it can't be written.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Error>;

    /// As `put`, for what is made again anyhow and never needs to survive the loss of power.
    ///
    /// # Errors
    /// When it can't be written.
    fn offer(&self, path: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Makes every earlier `put` durable. A failure is final for this instance.
    ///
    /// # Errors
    /// When that failed, now or earlier.
    fn sync(&self) -> Result<(), Error>;

    /// Number of objects that wait for [`sync`](Objects::sync).
    fn unsynced(&self) -> usize;

    /// Stores an object that changes, durably.
    ///
    /// # Errors
    /// When it can't be written.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Removes everything below `path`, best effort: nothing depends on it.
    fn remove_below(&self, path: &str);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_a_group_are_enforced() {
        let key = OnceKey([1; 32]);
        let with = |once: Vec<OnceKey>| NewEntry { once, ..NewEntry::plain(*b"x") };
        let refused = [
            vec![],
            vec![NewEntry::plain(*b"x"); 257],
            vec![NewEntry::plain(Vec::new())],
            vec![NewEntry::plain(vec![0; 9])],
            vec![NewEntry::plain(vec![1; MAX_STATEMENT + 1])],
            vec![NewEntry::plain(vec![1; MAX_STATEMENT]); 9],
            vec![with((0..5).map(|n| OnceKey([n; 32])).collect())],
            vec![with(vec![key]), with(vec![key])],
            vec![with(vec![key]), NewEntry { absent: vec![key], ..NewEntry::plain(*b"y") }],
        ];
        for entries in refused {
            assert_eq!(Group::new(entries).unwrap_err().code(), "ledger.invalid_entry");
        }
        let group = Group::new(vec![with(vec![key]), NewEntry::plain(*b"yz")]).unwrap();
        assert_eq!(group.bytes(), 3);
        assert_eq!(group.entries()[0].0, <[u8; 32]>::from(Sha256::digest(b"x")));
    }
}
