//! The log of record: append-only segments of checksummed frames, one frame for each batch.
//!
//! Everything else (tiles, once index, search index) can be rebuilt from here. A frame's header,
//! with the entry hashes and once keys, stays for ever; a body can be erased by zeroing it in
//! place, since it is checked by its own hash and not by the frame.
//!
//! * One `fdatasync` makes a batch durable; a new segment is renamed into place and its folder
//!   flushed before its first frame is written.
//! * A torn last frame vanishes whole when the journal is opened. Any other damage is
//!   [`Error::JournalCorrupt`].
//! * A failed write or flush is final: nobody knows then what is on the disk, so nothing is
//!   retried and every later write is refused. Reading goes on. The one exception is a write
//!   that found no space: nothing was flushed, what was written is cut off, the call is refused
//!   with [`Error::Full`], and the next one may succeed.
//! * What is found when the journal is opened is flushed before anybody is told of it.

mod recover;
mod segment;
mod sidecar;

use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

pub(crate) use placet_proto::journal::{Content, Frame};
pub use placet_proto::journal::{EntryHeader, MAX_FRAME_BODIES, MAX_FRAME_ENTRIES, MAX_ONCE_KEYS};
use placet_proto::journal::{SEGMENT_HEADER, SegmentHeader};
pub use recover::SegmentFile;
pub(crate) use recover::check_chain;
pub(crate) use segment::{FrameRef, FrameScan, LOOKS, Scan, Segment};

use crate::Error;
use crate::dir::LogId;
use crate::host::{Access, Host};
use crate::storage::{Hash, OnceKey, Statement, Visit};
use crate::sync::{lock, read, write};

/// Length at which a segment is closed and the next one begun.
pub const SEGMENT_LIMIT: u64 = 64 << 20;
/// Open files of closed segments that are kept for reading.
const OPEN_SEGMENTS: usize = 16;

/// One entry on its way into the journal.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// SHA-256 of the statement.
    pub hash: Hash,
    /// The statement.
    pub statement: &'a [u8],
    /// Keys that it takes.
    pub once: &'a [OnceKey],
}

/// The journal of one log.
#[derive(Debug)]
pub struct Journal {
    host: Arc<dyn Host>,
    folder: PathBuf,
    log: LogId,
    writable: bool,
    segment_limit: u64,
    segments: RwLock<Segments>,
    sealed: Mutex<Vec<Arc<Segment>>>,
    size: AtomicU64,
    writer: Mutex<Writer>,
    /// Held for writing while a body is being zeroed, so that no reader sees half of it.
    erasing: RwLock<()>,
    failed: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Segments {
    /// First index of each segment, ascending.
    firsts: Vec<u64>,
    active: Option<Arc<Segment>>,
}

#[derive(Debug)]
struct Writer {
    /// Offset in the active segment at which the next frame goes.
    end: u64,
}

impl Journal {
    /// Number of durable entries.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Why nothing more is written, if so.
    pub fn failed(&self) -> Option<String> {
        lock(&self.failed).clone()
    }

    /// Makes `records` durable as one frame and gives the index of the first.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::InvalidEntry`] outside the limits of a frame,
    /// [`Error::Stopped`] now and for ever after a failure to write.
    pub fn append(&self, records: &[Record<'_>]) -> Result<u64, Error> {
        let bodies: usize = records.iter().map(|record| record.statement.len()).sum();
        if records.is_empty() || records.len() > MAX_FRAME_ENTRIES || bodies > MAX_FRAME_BODIES {
            return Err(Error::InvalidEntry { reason: "a batch is outside the limits of a frame" });
        }
        let entries = records.iter().map(|record| EntryHeader {
            hash: record.hash,
            body_len: record.statement.len() as u32,
            once: record.once.to_vec(),
        });
        let content = Content::Entries(entries.collect());
        let mut writer = self.writer()?;
        let first = self.size();
        let frame = Frame { first, content };
        let statements = records.iter().map(|record| record.statement);
        self.write_frame(&mut writer, &frame, statements, bodies)?;
        self.size.store(first.saturating_add(records.len() as u64), Ordering::Release);
        Ok(first)
    }

    /// Zeroes the body of an entry, after having recorded that this is meant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], else as [`Journal::append`], and damage found on the way.
    pub fn erase(&self, index: u64) -> Result<(), Error> {
        self.check_index(index)?;
        if self.statement(index)? == Statement::Erased {
            return Ok(());
        }
        let mut writer = self.writer()?;
        let frame = Frame { first: self.size(), content: Content::Erasure(index) };
        self.write_frame(&mut writer, &frame, std::iter::empty(), 0)?;
        self.zero(index).map_err(|error| self.fail(&error))
    }

    /// One statement, checked against its hash.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::JournalCorrupt`].
    pub fn statement(&self, index: u64) -> Result<Statement, Error> {
        if index >= self.size() {
            return Ok(Statement::NotFound);
        }
        let place = self.locate(index)?;
        self.read_body(&place.segment, place.offset, &place.entry)
    }

    /// What the journal keeps for ever about one entry.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Io`], [`Error::JournalCorrupt`].
    pub fn entry(&self, index: u64) -> Result<EntryHeader, Error> {
        self.check_index(index)?;
        Ok(self.locate(index)?.entry)
    }

    /// Calls `visit` with each index of `range` and its header, in order, until it breaks.
    ///
    /// # Errors
    /// As [`Journal::entry`].
    pub fn visit(
        &self,
        range: Range<u64>,
        mut visit: impl FnMut(u64, &EntryHeader) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.check_end(range.end)?;
        let mut at = range.start;
        while at < range.end {
            let (_, _, frame) = self.frame_of(at)?;
            let skip = at.saturating_sub(frame.first) as usize;
            for entry in frame.entries().iter().skip(skip) {
                if at == range.end || visit(at, entry).is_break() {
                    return Ok(());
                }
                at = at.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Calls `visit` with each index of `range` and its statement, in order, until it breaks.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], else as [`Journal::statement`].
    pub fn visit_statements(&self, range: Range<u64>, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.check_end(range.end)?;
        let mut at = range.start;
        while at < range.end {
            let (segment, offset, frame) = self.frame_of(at)?;
            let mut body = offset.saturating_add(frame.header_len() as u64);
            for (index, entry) in (frame.first..range.end).zip(frame.entries()) {
                if index >= at {
                    if visit(index, self.read_body(&segment, body, entry)?).is_break() {
                        return Ok(());
                    }
                    at = index.saturating_add(1);
                }
                body = body.saturating_add(u64::from(entry.body_len));
            }
        }
        Ok(())
    }

    fn check_end(&self, end: u64) -> Result<(), Error> {
        let size = self.size();
        if end <= size {
            return Ok(());
        }
        Err(Error::OutOfRange { what: "size", asked: end, size })
    }

    fn check_index(&self, index: u64) -> Result<(), Error> {
        let size = self.size();
        if index < size {
            return Ok(());
        }
        Err(Error::OutOfRange { what: "index", asked: index, size })
    }
}

/// Where the body of an entry is.
struct Place {
    segment: Arc<Segment>,
    offset: u64,
    entry: EntryHeader,
}

/// Reading.
impl Journal {
    fn locate(&self, index: u64) -> Result<Place, Error> {
        let (segment, offset, frame) = self.frame_of(index)?;
        let mut body = offset.saturating_add(frame.header_len() as u64);
        let mut at = frame.first;
        for entry in frame.entries() {
            if at == index {
                return Ok(Place { segment, offset: body, entry: entry.clone() });
            }
            at = at.saturating_add(1);
            body = body.saturating_add(u64::from(entry.body_len));
        }
        Err(segment.corrupt(offset, format!("index {index} is in no frame")))
    }

    fn read_body(
        &self,
        segment: &Segment,
        offset: u64,
        entry: &EntryHeader,
    ) -> Result<Statement, Error> {
        let _whole = read(&self.erasing);
        let body = segment.body(offset, entry)?;
        body.ok_or_else(|| segment.corrupt(offset, "a statement does not match its entry"))
    }

    /// The frame that holds `index`, which is below the size.
    fn frame_of(&self, index: u64) -> Result<(Arc<Segment>, u64, Frame), Error> {
        let segment = self.segment_of(index)?;
        let at = segment
            .frame_of(index)
            .ok_or_else(|| segment.corrupt(0, format!("index {index} is in no frame")))?;
        let frame = segment.frame_at(at.offset)?;
        let frame = frame.map_err(|reason| segment.corrupt(at.offset, reason))?;
        if frame.first != at.first || index.saturating_sub(frame.first) >= frame.count() {
            return Err(segment.corrupt(at.offset, format!("index {index} is in no frame")));
        }
        Ok((segment, at.offset, frame))
    }

    fn segment_of(&self, index: u64) -> Result<Arc<Segment>, Error> {
        let first = {
            let segments = read(&self.segments);
            let after = segments.firsts.partition_point(|first| *first <= index);
            let first = after.checked_sub(1).and_then(|at| segments.firsts.get(at)).copied();
            match (&segments.active, first) {
                (Some(active), Some(first)) if active.header.first == first => {
                    return Ok(Arc::clone(active));
                }
                (_, first) => first.unwrap_or(0),
            }
        };
        self.sealed_segment(first)
    }

    fn sealed_segment(&self, first: u64) -> Result<Arc<Segment>, Error> {
        {
            let mut sealed = lock(&self.sealed);
            if let Some(at) = sealed.iter().position(|s| s.header.first == first) {
                let segment = sealed.remove(at);
                sealed.push(Arc::clone(&segment));
                return Ok(segment);
            }
        }
        // Opened outside the lock, so that other segments stay readable meanwhile.
        let segment = Segment::open(&*self.host, &self.segment_path(first), self.writable)?;
        match sidecar::read(&*self.host, &segment) {
            Some(frames) => segment.set_frames(frames),
            None => {
                let scan = segment.scan()?;
                if let Some(reason) = scan.stopped_by {
                    return Err(segment.corrupt(scan.end, reason));
                }
                segment.set_frames(scan.frames);
                if self.writable {
                    sidecar::write(&*self.host, &segment);
                }
            }
        }
        let segment = Arc::new(segment);
        self.keep_open(Arc::clone(&segment));
        Ok(segment)
    }

    fn keep_open(&self, segment: Arc<Segment>) {
        let mut sealed = lock(&self.sealed);
        if sealed.len() >= OPEN_SEGMENTS {
            sealed.remove(0);
        }
        sealed.push(segment);
    }

    fn segment_path(&self, first: u64) -> PathBuf {
        self.folder.join(format!("{}-{first:020}.seg", self.log.name()))
    }
}

/// Writing.
impl Journal {
    fn writer(&self) -> Result<std::sync::MutexGuard<'_, Writer>, Error> {
        if !self.writable {
            return Err(Error::ReadOnly);
        }
        let writer = lock(&self.writer);
        match self.failed() {
            Some(reason) => Err(Error::Stopped { reason }),
            None => Ok(writer),
        }
    }

    fn write_frame<'a>(
        &self,
        writer: &mut Writer,
        frame: &Frame,
        statements: impl Iterator<Item = &'a [u8]>,
        bodies: usize,
    ) -> Result<(), Error> {
        let len = frame.header_len().saturating_add(bodies) as u64;
        let segment = self
            .segment_for(writer, frame.first, len)
            .map_err(|error| self.fail_unless_full(error))?;
        let mut bytes = frame.encode(&segment.header.salt);
        bytes.reserve_exact(bodies);
        statements.for_each(|statement| bytes.extend_from_slice(statement));
        let file = segment.file();
        if let Err(error) = file.write_all_at(&bytes, writer.end) {
            let error = Error::io("write", &segment.path)(error).or_full();
            // The part that was written goes, so that what comes next stands where this began.
            let cut = match error {
                Error::Full { .. } => file.set_size(writer.end),
                _ => Ok(()),
            };
            let cut = cut.map_err(Error::io("cut", &segment.path));
            return Err(self.fail_unless_full(cut.err().unwrap_or(error)));
        }
        file.sync()
            .map_err(Error::io("flush", &segment.path))
            .map_err(|error| self.fail(&error))?;
        if frame.count() > 0 {
            segment.push_frame(FrameRef { first: frame.first, offset: writer.end });
        }
        writer.end = writer.end.saturating_add(len);
        Ok(())
    }

    /// The active segment, or a new one if there is none or `len` bytes no longer fit.
    fn segment_for(
        &self,
        writer: &mut Writer,
        first: u64,
        len: u64,
    ) -> Result<Arc<Segment>, Error> {
        let active = read(&self.segments).active.clone();
        if let Some(active) = &active {
            // A segment without entries would share its name with the next one.
            let used = active.header.first != first;
            if !used || writer.end.saturating_add(len) <= self.segment_limit {
                return Ok(Arc::clone(active));
            }
            sidecar::write(&*self.host, active);
        }
        let segment = Arc::new(self.create_segment(first, active.as_deref())?);
        writer.end = SEGMENT_HEADER as u64;
        let mut segments = write(&self.segments);
        segments.firsts.push(first);
        segments.active = Some(Arc::clone(&segment));
        drop(segments);
        if let Some(active) = active {
            self.keep_open(active);
        }
        Ok(segment)
    }

    fn create_segment(&self, first: u64, before: Option<&Segment>) -> Result<Segment, Error> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| Error::Io {
            action: "draw random bytes for",
            path: self.folder.clone(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let header = SegmentHeader { first, previous: before.map(|b| b.header.first), salt };
        let path = self.segment_path(first);
        let tmp = path.with_extension("seg.tmp");
        let full = |action, error| Error::io(action, &tmp)(error).or_full();
        let file = self.host.open(&tmp, Access::Create).map_err(|e| full("create", e))?;
        file.write_all_at(&header.encode(), 0).map_err(|e| full("write", e))?;
        file.sync().map_err(Error::io("flush", &tmp))?;
        self.host.rename(&tmp, &path).map_err(|e| full("rename", e))?;
        // Out of files, the next try makes the segment anew.
        let flush = |error| Error::io("flush", &self.folder)(error).or_out_of_files();
        self.host.sync_folder(&self.folder).map_err(flush)?;
        Segment::open(&*self.host, &path, true).map_err(Error::or_out_of_files)
    }

    /// Zeroes a body. Its erasure frame is durable.
    fn zero(&self, index: u64) -> Result<(), Error> {
        let place = self.locate(index)?;
        let _alone = write(&self.erasing);
        let zeroes = vec![0; place.entry.body_len as usize];
        let file = place.segment.file();
        file.write_all_at(&zeroes, place.offset)
            .map_err(Error::io("erase in", &place.segment.path))?;
        file.sync().map_err(Error::io("flush", &place.segment.path))
    }

    /// For lack of space nothing is lost: what comes later may find some.
    fn fail_unless_full(&self, error: Error) -> Error {
        match error {
            Error::Full { .. } => error,
            error => self.fail(&error),
        }
    }

    /// Remembers the failure and turns it into what every later writer gets.
    fn fail(&self, error: &Error) -> Error {
        let reason = error.to_string();
        tracing::error!(log = self.log.name(), %reason, "the journal stopped");
        *lock(&self.failed) = Some(reason.clone());
        Error::Stopped { reason }
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    crate::host::Real.sync_folder(folder).map_err(Error::io("flush", folder))
}

#[cfg(test)]
mod tests;
