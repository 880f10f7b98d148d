//! Events as lines of a file, with rotation.
//!
//! The file is flushed before the cursor moves, and the cursor knows how long it was then. What
//! follows, after a crash, is what the log goes on with: it is passed over, line for line, and only
//! a last line that is torn is cut off. So a file holds each event once. Where the log goes on with
//! other lines, the file is what is left of another history, or of other settings: it is closed,
//! with all that it holds, and a new one begun.

use std::fs::{File, Metadata};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
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
    /// Behind the mark, up to here, stand lines that the cursor knows nothing of.
    unknown: u64,
    /// Length of the file.
    end: u64,
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
        let file = options.read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        let metadata = file.metadata()?;
        let end = whole_lines(&file, metadata.len())?;
        if end < metadata.len() {
            tracing::info!(path = %self.path.display(), at = end, "cut off a torn line");
            file.set_len(end)?;
        }
        let known = self.resume.take().filter(|mark| same(mark, &metadata));
        let length = match known {
            Some(mark) if ends_line(&file, mark.length, end)? => mark.length,
            // Another file, or one that somebody cut.
            _ => end,
        };
        self.path.parent().map_or(Ok(()), sync_folder).map_err(std::io::Error::other)?;
        let mark = FileMark { device: metadata.dev(), inode: metadata.ino(), length };
        let since = metadata.created().unwrap_or_else(|_| SystemTime::now());
        Ok(Open { file, mark, unknown: end, end, since })
    }

    /// Whether the name still leads to the open file, and nobody cut that.
    fn is_current(&self, open: &Open) -> bool {
        std::fs::metadata(&self.path)
            .is_ok_and(|metadata| same(&open.mark, &metadata) && metadata.len() >= open.end)
    }

    fn is_due(&self, open: &Open) -> bool {
        let Rotation { bytes, age, .. } = self.rotation;
        let old = || open.since.elapsed().is_ok_and(|since| since >= age);
        open.mark.length > 0 && (bytes > 0 && open.mark.length >= bytes || !age.is_zero() && old())
    }

    /// Gives the closed file the next free number; gives the others.
    fn close_file(&self) -> std::io::Result<Vec<(u64, PathBuf)>> {
        let closed = closed_files(&self.path)?;
        let next = closed.last().map_or(1, |(number, _)| number.saturating_add(1));
        std::fs::rename(&self.path, numbered(&self.path, next))?;
        Ok(closed)
    }

    fn rotate(&self) -> std::io::Result<()> {
        let closed = self.close_file()?;
        let kept = match self.rotation.keep {
            0 => usize::MAX,
            keep => keep.saturating_sub(1),
        };
        for (_, path) in closed.iter().take(closed.len().saturating_sub(kept)) {
            std::fs::remove_file(path)?;
        }
        self.path.parent().map_or(Ok(()), sync_folder).map_err(std::io::Error::other)
    }

    fn write(&mut self, events: &[Event]) -> std::io::Result<()> {
        let Some(mut open) = self.open.take() else {
            return Err(std::io::Error::other("the file is not open"));
        };
        let written = self.put(&mut open, events);
        match written {
            Ok(()) => self.open = Some(open),
            // Nobody knows what is on the disk: the file is opened anew.
            Err(_) => self.resume = Some(open.mark),
        }
        written
    }

    /// Passes over what is there already and writes the rest.
    fn put(&mut self, open: &mut Open, events: &[Event]) -> std::io::Result<()> {
        let mut at = open.mark.length;
        let mut in_step = true;
        self.buffer.clear();
        for event in events {
            let start = self.buffer.len();
            self.buffer.extend_from_slice(&event.encoded.line);
            self.buffer.push(b'\n');
            let line = self.buffer.get(start..).unwrap_or_default();
            in_step = at < open.unknown && holds(&open.file, at, line)?;
            if in_step {
                at = at.saturating_add(line.len() as u64);
                self.buffer.truncate(start);
            }
        }
        // A batch that ends within what is there may begin with events of the other log that came
        // meanwhile: these go to the end.
        if at < open.unknown && !in_step {
            // Whoever wrote these lines was told that they are kept, perhaps: nothing is removed.
            tracing::error!(path = %self.path.display(), at, "behind what the cursor knows stand \
                            lines that the log does not go on with, as after it or its cursor was \
                            put back: the file is closed and kept");
            self.close_file()?;
            *open = self.open()?;
            at = open.unknown;
        }
        open.file.write_all(&self.buffer)?;
        open.file.sync_data()?;
        open.end = open.end.saturating_add(self.buffer.len() as u64);
        open.mark.length = if at < open.unknown { at } else { open.end };
        open.unknown = open.unknown.max(open.mark.length);
        Ok(())
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
        self.write(events).map_err(|e| self.passing(&e))
    }

    fn mark(&self) -> Option<FileMark> {
        self.open.as_ref().map(|open| open.mark)
    }
}

fn same(mark: &FileMark, metadata: &Metadata) -> bool {
    mark.device == metadata.dev() && mark.inode == metadata.ino()
}

/// Whether a line ends at `length`, or the file begins there, and the file is so long.
fn ends_line(file: &File, length: u64, end: u64) -> std::io::Result<bool> {
    let Some(before) = length.checked_sub(1) else { return Ok(true) };
    Ok(length <= end && holds(file, before, b"\n")?)
}

/// Whether these bytes stand there.
fn holds(file: &File, at: u64, bytes: &[u8]) -> std::io::Result<bool> {
    let mut found = vec![0; bytes.len()];
    match file.read_exact_at(&mut found, at) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| found == bytes),
    }
}

/// Length up to the end of the last whole line.
fn whole_lines(file: &File, length: u64) -> std::io::Result<u64> {
    const CHUNK: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
        file.read_exact_at(&mut bytes, start)?;
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
    fn lines_behind_the_mark_that_the_log_does_not_go_on_with_are_kept() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("events.jsonl");
        let read = |name: &str| std::fs::read_to_string(tmp.path().join(name)).unwrap();
        // Even where old files are removed.
        let rotation = Rotation { keep: 1, ..NEVER };
        let mut sink = FileSink::new(path.clone(), rotation, None);
        send(&mut sink, &["a", "b"]);
        let mark = sink.mark();
        send(&mut sink, &["c", "d", "e"]);
        let last = sink.mark();
        // The cursor comes back from a backup, and the log with it: nothing new, then new history.
        let mut sink = FileSink::new(path.clone(), rotation, mark);
        sink.ready().unwrap();
        sink.close().unwrap();
        assert_eq!((sink.mark(), read("events.jsonl").as_str()), (mark, "a\nb\nc\nd\ne\n"));
        send(&mut sink, &["c", "D"]);
        send(&mut sink, &["E"]);
        assert_eq!(read("events.jsonl.000001"), "a\nb\nc\nd\ne\n");
        assert_eq!(read("events.jsonl"), "D\nE\n");
        // The same history is passed over, in batches of any length.
        std::fs::rename(tmp.path().join("events.jsonl.000001"), &path).unwrap();
        let mut sink = FileSink::new(path.clone(), rotation, mark);
        send(&mut sink, &["c"]);
        send(&mut sink, &["d", "e", "f"]);
        assert_eq!(read("events.jsonl"), "a\nb\nc\nd\ne\nf\n");
        assert_eq!(sink.mark().map(|m| m.length), last.map(|m| m.length + 2));
        // So is it where events of the other log come first.
        let mut sink = FileSink::new(path.clone(), rotation, mark);
        send(&mut sink, &["other", "c", "d"]);
        assert_eq!(sink.mark().map(|m| m.length), mark.map(|m| m.length + 4));
        send(&mut sink, &["e", "f", "g"]);
        let all = "a\nb\nc\nd\ne\nf\nother\ng\n";
        assert_eq!(read("events.jsonl"), all);
        assert_eq!(sink.mark().map(|m| m.length), Some(all.len() as u64));
    }

    #[test]
    fn a_mark_inside_a_line_and_a_file_that_was_cut_tear_nothing() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("events.jsonl");
        let mut sink = FileSink::new(path.clone(), NEVER, None);
        send(&mut sink, &["a", "b"]);
        let mark = sink.mark().map(|mark| FileMark { length: 4, ..mark });
        std::fs::write(&path, "longer\n").unwrap();
        drop(sink);
        let mut sink = FileSink::new(path.clone(), NEVER, mark);
        send(&mut sink, &["c"]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "longer\nc\n");
        std::fs::write(&path, "").unwrap();
        send(&mut sink, &["d"]);
        assert_eq!(sink.mark().map(|m| m.length), Some(2));
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
