//! Events as lines of a file, with rotation.
//!
//! The file is flushed before the cursor moves, and the cursor knows how long it was then. What
//! follows, after a crash, was never acknowledged: it is cut off and written again, byte for byte
//! the same. So a file holds each event once.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Failure, Sink};
use crate::export::cursor::FileMark;
use crate::export::event::Event;
use crate::journal::sync_folder;

/// When a file gives way to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Length in bytes from which on it does; 0 for never.
    pub bytes: u64,
    /// Age from which on it does; zero for never.
    pub age: Duration,
    /// Closed files that are kept; 0 for all.
    pub keep: usize,
}

/// The sink.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    rotation: Rotation,
    open: Option<Open>,
    /// What the cursor said at the start.
    resume: Option<FileMark>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    mark: FileMark,
    since: SystemTime,
}

impl FileSink {
    /// A sink that goes on where the cursor stands.
    #[must_use]
    pub fn new(path: PathBuf, rotation: Rotation, resume: Option<FileMark>) -> Self {
        Self { path, rotation, open: None, resume, buffer: Vec::new() }
    }

    fn open(&mut self) -> std::io::Result<Open> {
        let mut options = File::options();
        let mut file = options.read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        let metadata = file.metadata()?;
        let known = self.resume.take().filter(|mark| same(mark, &metadata));
        let length = match known {
            Some(mark) if metadata.len() >= mark.length => mark.length,
            // Another file, or one that somebody cut.
            _ => whole_lines(&mut file, metadata.len())?,
        };
        if length < metadata.len() {
            tracing::info!(path = %self.path.display(), at = length, "cut off what was not \
                           acknowledged");
            file.set_len(length)?;
        }
        self.path.parent().map_or(Ok(()), sync_folder).map_err(std::io::Error::other)?;
        let mark = FileMark { device: metadata.dev(), inode: metadata.ino(), length };
        let since = metadata.created().unwrap_or_else(|_| SystemTime::now());
        Ok(Open { file, mark, since })
    }

    /// Whether the name still leads to the open file.
    fn is_current(&self, open: &Open) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|metadata| same(&open.mark, &metadata))
    }

    fn is_due(&self, open: &Open) -> bool {
        let Rotation { bytes, age, .. } = self.rotation;
        let old = || open.since.elapsed().is_ok_and(|since| since >= age);
        open.mark.length > 0 && (bytes > 0 && open.mark.length >= bytes || !age.is_zero() && old())
    }

    /// Gives the closed file the next free number.
    fn rotate(&self) -> std::io::Result<()> {
        let closed = closed_files(&self.path)?;
        let next = closed.last().map_or(1, |(number, _)| number.saturating_add(1));
        std::fs::rename(&self.path, numbered(&self.path, next))?;
        let kept = match self.rotation.keep {
            0 => usize::MAX,
            keep => keep.saturating_sub(1),
        };
        for (_, path) in closed.iter().take(closed.len().saturating_sub(kept)) {
            std::fs::remove_file(path)?;
        }
        self.path.parent().map_or(Ok(()), sync_folder).map_err(std::io::Error::other)
    }

    fn write(&mut self) -> std::io::Result<()> {
        let Some(open) = self.open.as_mut() else {
            return Err(std::io::Error::other("the file is not open"));
        };
        let written = open.file.write_all(&self.buffer).and_then(|()| open.file.sync_data());
        match written {
            Ok(()) => {
                let added = self.buffer.len() as u64;
                open.mark.length = open.mark.length.saturating_add(added);
                Ok(())
            }
            Err(error) => {
                // Nobody knows what is on the disk: what is not acknowledged goes, and the file is
                // opened anew.
                self.resume = Some(open.mark);
                self.open = None;
                Err(error)
            }
        }
    }

    fn passing(&self, error: &std::io::Error) -> Failure {
        Failure::passing(format!("{}: {error}", self.path.display()))
    }
}

impl Sink for FileSink {
    fn ready(&mut self) -> Result<bool, Failure> {
        if let Some(open) = self.open.take() {
            if !self.is_current(&open) {
                // Somebody moved it away: the next events go to a new one of the name.
                tracing::debug!(path = %self.path.display(), "the file was moved away");
            } else if self.is_due(&open) {
                self.rotate().map_err(|e| self.passing(&e))?;
            } else {
                self.open = Some(open);
            }
        }
        if self.open.is_none() {
            let open = self.open();
            self.open = Some(open.map_err(|e| self.passing(&e))?);
        }
        Ok(false)
    }

    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        self.buffer.clear();
        for event in events {
            self.buffer.extend_from_slice(&event.encoded.line);
            self.buffer.push(b'\n');
        }
        self.write().map_err(|e| self.passing(&e))
    }

    fn mark(&self) -> Option<FileMark> {
        self.open.as_ref().map(|open| open.mark)
    }
}

fn same(mark: &FileMark, metadata: &Metadata) -> bool {
    mark.device == metadata.dev() && mark.inode == metadata.ino()
}

/// Length up to the end of the last whole line.
fn whole_lines(file: &mut File, length: u64) -> std::io::Result<u64> {
    const CHUNK: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut *file).take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start.saturating_add(at as u64).saturating_add(1));
        }
        end = start;
    }
    Ok(0)
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:06}"));
    PathBuf::from(name)
}

/// The closed files, ascending.
fn closed_files(path: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let prefix = path.file_name().map(|name| name.to_string_lossy().into_owned() + ".");
    let prefix = prefix.unwrap_or_default();
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder.unwrap_or_else(|| Path::new(".")))? {
        let item = item?;
        let name = item.file_name().to_string_lossy().into_owned();
        let digits = name.strip_prefix(&prefix).filter(|d| d.len() >= 6);
        let digits = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        if let Some(number) = digits.and_then(|d| d.parse().ok()) {
            found.push((number, item.path()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::worker::tests::event;

    const NEVER: Rotation = Rotation { bytes: 0, age: Duration::ZERO, keep: 0 };

    fn send(sink: &mut FileSink, lines: &[&str]) {
        sink.ready().unwrap();
        let events: Vec<Event> = lines.iter().map(|line| event(line)).collect();
        sink.deliver(&events).unwrap();
    }

    #[test]
    fn what_was_not_acknowledged_is_written_again_in_its_place() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("events.jsonl");
        let mut sink = FileSink::new(path.clone(), NEVER, None);
        send(&mut sink, &["a", "b"]);
        let mark = sink.mark();
        send(&mut sink, &["c"]);
        drop(sink);
        std::fs::write(&path, "a\nb\nc\nhalf a li").unwrap();
        let mut sink = FileSink::new(path.clone(), NEVER, mark);
        send(&mut sink, &["c", "d"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\nc\nd\n");
        // Without a mark, or with that of another file, only what is torn goes.
        drop(sink);
        std::fs::write(&path, "a\nb\nhalf").unwrap();
        let other = mark.map(|mark| FileMark { inode: mark.inode + 1, length: 0, ..mark });
        let mut sink = FileSink::new(path.clone(), NEVER, other);
        send(&mut sink, &["e"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\ne\n");
    }

    #[test]
    fn files_give_way_at_their_length_and_old_ones_go() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("events.jsonl");
        let rotation = Rotation { bytes: 4, keep: 2, ..NEVER };
        let mut sink = FileSink::new(path.clone(), rotation, None);
        for n in 1..=5 {
            send(&mut sink, &[&format!("line {n}")]);
        }
        let names: Vec<u64> = closed_files(&path).unwrap().iter().map(|(n, _)| *n).collect();
        assert_eq!(names, [3, 4]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "line 5\n");
        let closed = std::fs::read_to_string(tmp.path().join("events.jsonl.000004")).unwrap();
        assert_eq!(closed, "line 4\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("events.jsonl");
        let mut sink = FileSink::new(path.clone(), NEVER, None);
        send(&mut sink, &["a"]);
        std::fs::rename(&path, tmp.path().join("moved")).unwrap();
        send(&mut sink, &["b"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b\n");
    }
}
