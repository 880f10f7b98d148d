//! Where a sink stands: one file for each, replaced in one step and flushed (SPEC.md 18.5).
//!
//! It names the next leaf and the last exported note of each log, the note whole: so that a log
//! that was rolled back or forked afterwards is found out, with both notes as evidence.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::MAX_NOTE;
use placet_proto::{b64, sha256};
use serde::{Deserialize, Serialize};

use super::Error;
use super::source::{Passed, Position, Source};
use crate::Note;
use crate::journal::sync_folder;

/// `schema` of the file.
pub const SCHEMA: &str = "placet/export-cursor/v1";
/// Largest file, in bytes: two notes in base64, and little beside them.
const MAX_FILE: u64 = 1 << 20;
/// Longest text of an error that is kept, in characters.
const MAX_DETAIL: usize = 400;

/// The file of a sink.
#[derive(Debug)]
pub struct Cursor {
    path: PathBuf,
    kept: Kept,
}

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    schema: String,
    /// Name of the sink.
    pub sink: String,
    /// Events that were acknowledged, those that came again included.
    pub events: u64,
    /// When the last batch was acknowledged, in Unix seconds.
    pub last_ack: Option<u64>,
    /// What went wrong last, and when.
    pub last_error: Option<Failed>,
    /// Of a file: how much of it holds acknowledged events.
    pub file: Option<FileMark>,
    logs: Vec<Stands>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// When, in Unix seconds.
    pub at: u64,
    /// What, for people.
    pub detail: String,
}

/// A file, as the file system knows it, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMark {
    /// Device.
    pub device: u64,
    /// Number on the device.
    pub inode: u64,
    /// Bytes.
    pub length: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stands {
    log: String,
    origin: String,
    next_leaf: u64,
    note: Option<StandsAt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StandsAt {
    sequence: u64,
    row: u64,
    size: u64,
    root: String,
    sha256: String,
    note: String,
    published_at: u64,
}

impl Cursor {
    /// The cursor of a sink; where there is no file, at the start of both logs.
    ///
    /// # Errors
    /// [`Error::Cursor`], `ledger.io`.
    pub fn load(folder: &Path, sink: &str) -> Result<Self, crate::Error> {
        let path = folder.join(format!("{sink}.json"));
        let kept = Kept::read(&path)?.unwrap_or_else(|| Kept {
            schema: SCHEMA.to_owned(),
            sink: sink.to_owned(),
            events: 0,
            last_ack: None,
            last_error: None,
            file: None,
            logs: Vec::new(),
        });
        Ok(Self { path, kept })
    }

    /// What is in it.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// To be changed; [`Cursor::save`] makes it durable.
    pub fn kept_mut(&mut self) -> &mut Kept {
        &mut self.kept
    }

    /// Where it stands in both logs, in the order of [`Source::ROLES`].
    ///
    /// # Errors
    /// [`Error::Cursor`] when it is of another log, or damaged.
    pub fn positions(&self, source: &Source) -> Result<[Position; 2], crate::Error> {
        let [gov, main] = Source::ROLES;
        Ok([
            self.kept.position(gov, source.origin(gov), &self.path)?,
            self.kept.position(main, source.origin(main), &self.path)?,
        ])
    }

    /// Puts both positions in; [`Cursor::save`] makes them durable.
    pub fn set(&mut self, source: &Source, at: &[Position; 2]) {
        let stands = |(role, at): (&LogRole, &Position)| Stands {
            log: role.name().to_owned(),
            origin: source.origin(*role).to_string(),
            next_leaf: at.next_leaf,
            note: at.note.as_ref().map(|passed| StandsAt {
                sequence: passed.sequence,
                row: passed.note.row,
                size: passed.note.size,
                root: b64::encode_hex(passed.note.root),
                sha256: b64::encode_hex(passed.note.sha256),
                note: b64::encode_std(&passed.note.note),
                published_at: passed.note.published_at,
            }),
        };
        self.kept.logs = Source::ROLES.iter().zip(at).map(stands).collect();
    }

    /// Notes what went wrong.
    pub fn failed(&mut self, at: u64, detail: &str) {
        let detail = detail.chars().take(MAX_DETAIL).collect();
        self.kept.last_error = Some(Failed { at, detail });
    }

    /// Replaces the file, durably.
    ///
    /// # Errors
    /// `ledger.io`, `ledger.full`.
    pub fn save(&self) -> Result<(), crate::Error> {
        let bytes = serde_json::to_vec_pretty(&self.kept)
            .map_err(|e| Error::Cursor { path: self.path.clone(), reason: e.to_string() })?;
        replace(&self.path, &bytes)
    }
}

impl Kept {
    /// The file of a sink, if there is one.
    ///
    /// # Errors
    /// [`Error::Cursor`], `ledger.io`.
    pub fn read(path: &Path) -> Result<Option<Self>, crate::Error> {
        let Some(bytes) = read_small(path, MAX_FILE)? else { return Ok(None) };
        let bad = |reason: String| Error::Cursor { path: path.to_path_buf(), reason };
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|e| bad(format!("it is no cursor: {e}; removed, all is exported again")))?;
        if kept.schema != SCHEMA {
            return Err(bad(format!("it is not of schema {SCHEMA}")).into());
        }
        Ok(Some(kept))
    }

    /// Where it stands in the log of this name; at the start where it says nothing.
    ///
    /// # Errors
    /// [`Error::Cursor`] when it is of another log, or damaged.
    pub fn position(
        &self,
        role: LogRole,
        origin: &str,
        path: &Path,
    ) -> Result<Position, crate::Error> {
        let Some(stands) = self.logs.iter().find(|stands| stands.log == role.name()) else {
            return Ok(Position::default());
        };
        let bad = |reason: String| Error::Cursor { path: path.to_path_buf(), reason };
        if stands.origin != origin {
            let what = format!("it is of the log {}, this one is {origin}", stands.origin);
            return Err(bad(what).into());
        }
        let note = stands.note.as_ref().map(StandsAt::passed).transpose();
        let note = note.map_err(|reason| bad(reason.to_owned()))?;
        Ok(Position { next_leaf: stands.next_leaf, note })
    }
}

impl StandsAt {
    fn passed(&self) -> Result<Passed, &'static str> {
        let hash = |text: &str| b64::decode_hex_array::<32>(text).map_err(|_| "a hash is none");
        let note = b64::decode_std(&self.note, MAX_NOTE).map_err(|_| "its note is not base64")?;
        let (root, sha) = (hash(&self.root)?, hash(&self.sha256)?);
        if sha256(&note) != sha {
            return Err("its note has another SHA-256");
        }
        let note = Note {
            row: self.row,
            size: self.size,
            root,
            note,
            sha256: sha,
            published_at: self.published_at,
        };
        Ok(Passed { sequence: self.sequence, note })
    }
}

/// The lock of a sink: two exporters must not share a cursor.
#[derive(Debug)]
pub struct SinkLock(#[expect(dead_code, reason = "held, not read")] File);

impl SinkLock {
    /// Takes it, until it is dropped.
    ///
    /// # Errors
    /// [`Error::Locked`], `ledger.io`.
    pub fn take(folder: &Path, sink: &str) -> Result<Self, crate::Error> {
        let path = folder.join(format!("{sink}.lock"));
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(crate::Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { sink: sink.to_owned() }.into()),
            Err(TryLockError::Error(error)) => Err(crate::Error::io("lock", &path)(error)),
        }
    }
}

/// A file of at most `max` bytes; none where there is none.
pub(super) fn read_small(path: &Path, max: u64) -> Result<Option<Vec<u8>>, crate::Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(crate::Error::io("open", path))?,
    };
    let mut bytes = Vec::new();
    let mut limited = file.take(max.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(crate::Error::io("read", path))?;
    if bytes.len() as u64 > max {
        let reason = format!("it is longer than {max} bytes");
        return Err(Error::Cursor { path: path.to_path_buf(), reason }.into());
    }
    Ok(Some(bytes))
}

/// Replaces a file in one step, durably.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), crate::Error> {
    let tmp = path.with_extension("tmp");
    let full = |action, error| crate::Error::io(action, &tmp)(error).or_full();
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&tmp).map_err(|e| full("create", e))?;
    file.write_all(bytes).map_err(|e| full("write", e))?;
    file.sync_all().map_err(|e| full("flush", e))?;
    std::fs::rename(&tmp, path).map_err(|e| full("rename", e))?;
    path.parent().map_or(Ok(()), sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_a_changed_one_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let mut cursor = Cursor::load(tmp.path(), "siem").unwrap();
        cursor.kept.logs = vec![Stands {
            log: "main".to_owned(),
            origin: "example.com/log".to_owned(),
            next_leaf: 7,
            note: Some(StandsAt {
                sequence: 3,
                row: 9,
                size: 5,
                root: "00".repeat(32),
                sha256: b64::encode_hex(sha256(b"note")),
                note: b64::encode_std(b"note"),
                published_at: 12,
            }),
        }];
        cursor.failed(4, &"x".repeat(1000));
        cursor.save().unwrap();
        let again = Cursor::load(tmp.path(), "siem").unwrap();
        assert_eq!(again.kept, cursor.kept);
        let path = tmp.path().join("siem.json");
        let at = again.kept.position(LogRole::Main, "example.com/log", &path).unwrap();
        assert_eq!((at.next_leaf, at.size()), (7, 5));
        assert_eq!(again.kept.last_error.as_ref().map(|e| e.detail.len()), Some(MAX_DETAIL));
        let fresh = again.kept.position(LogRole::Gov, "example.com/log/gov", &path).unwrap();
        assert_eq!(fresh, Position::default());
        let other = again.kept.position(LogRole::Main, "other.example", &path).unwrap_err();
        assert_eq!(other.code(), "export.cursor");

        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&b64::encode_std(b"note"), "bm90")).unwrap();
        let changed = Cursor::load(tmp.path(), "siem").unwrap();
        let error = changed.kept.position(LogRole::Main, "example.com/log", &path).unwrap_err();
        assert_eq!(error.code(), "export.cursor");
        std::fs::write(&path, text.replace("events", "evens")).unwrap();
        assert_eq!(Cursor::load(tmp.path(), "siem").unwrap_err().code(), "export.cursor");
    }

    #[test]
    fn one_exporter_has_a_sink() {
        let tmp = tempfile::tempdir().unwrap();
        let first = SinkLock::take(tmp.path(), "siem").unwrap();
        assert_eq!(SinkLock::take(tmp.path(), "siem").unwrap_err().code(), "export.locked");
        SinkLock::take(tmp.path(), "other").unwrap();
        drop(first);
        SinkLock::take(tmp.path(), "siem").unwrap();
    }
}
