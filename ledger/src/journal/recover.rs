//! Opening a journal: what a crash left is cut off, what a crash can't explain is refused.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::segment::{LOOKS, Scan, Segment};
use super::{Frame, Journal, SEGMENT_LIMIT, Segments, Writer};
use crate::Error;
use crate::dir::LogId;
use crate::host::Host;
use placet_proto::journal::{Content, SEGMENT_HEADER};

/// A segment as its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Index of its first entry.
    pub first: u64,
    /// The file.
    pub path: PathBuf,
}

impl SegmentFile {
    /// The segments of a log in ascending order.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn list(host: &dyn Host, folder: &Path, log: LogId) -> Result<Vec<SegmentFile>, Error> {
        let mut found = Vec::new();
        for path in host.list(folder).map_err(Error::io("list", folder))? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let digits = name
                .strip_prefix(log.name())
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(".seg"));
            if let Some(first) = digits.filter(|d| d.len() == 20).and_then(|d| d.parse().ok()) {
                found.push(SegmentFile { first, path });
            }
        }
        found.sort_by_key(|file| file.first);
        Ok(found)
    }
}

impl Journal {
    /// Opens the journal of `log` in `folder`, which may hold none yet.
    ///
    /// `floor` is the largest size that anything durable speaks of: a frame that would be needed
    /// to reach it is never cut off, however torn it looks.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::JournalCorrupt`].
    pub fn open(
        host: &Arc<dyn Host>,
        folder: &Path,
        log: LogId,
        writable: bool,
        floor: u64,
    ) -> Result<Journal, Error> {
        Journal::open_with(host, folder, log, writable, floor, SEGMENT_LIMIT)
    }

    pub(crate) fn open_with(
        host: &Arc<dyn Host>,
        folder: &Path,
        log: LogId,
        writable: bool,
        floor: u64,
        segment_limit: u64,
    ) -> Result<Journal, Error> {
        let files = SegmentFile::list(&**host, folder, log)?;
        check_chain(&**host, &files)?;
        let journal = Journal {
            host: Arc::clone(host),
            folder: folder.to_path_buf(),
            log,
            writable,
            segment_limit,
            segments: Segments::default().into(),
            sealed: Vec::new().into(),
            size: AtomicU64::new(0),
            writer: Writer { end: SEGMENT_HEADER as u64 }.into(),
            erasing: ().into(),
            failed: None.into(),
        };
        match files.last() {
            Some(last) => journal.recover(&files, last, floor),
            None => Ok(journal),
        }
    }

    fn recover(
        mut self,
        files: &[SegmentFile],
        last: &SegmentFile,
        floor: u64,
    ) -> Result<Journal, Error> {
        let active = Segment::open(&*self.host, &last.path, self.writable)?;
        let scan = whole_frames(&active, self.writable, floor)?;
        if self.writable {
            self.make_durable(&active, &scan)?;
        }
        active.set_frames(scan.frames);
        let firsts = files.iter().map(|file| file.first).collect();
        self.segments = Segments { firsts, active: Some(Arc::new(active)) }.into();
        self.size = AtomicU64::new(scan.next);
        self.writer = Writer { end: scan.end }.into();
        self.check_seam(files)?;
        if let Some((_, Frame { content: Content::Erasure(index), .. })) = scan.last
            && self.writable
        {
            // The last thing before a crash may have been half of this.
            self.zero(index)?;
        }
        Ok(self)
    }

    /// What was found need not be durable: the writer before may have ended, or its flush failed,
    /// between writing and flushing, and the operating system shows the file all the same. From
    /// here on others are told of it, so the last frame is written again, since after a failed
    /// flush only that makes the system write it at all, and flushed with the names of the files.
    fn make_durable(&self, active: &Segment, scan: &Scan) -> Result<(), Error> {
        let (file, path) = (active.file(), &active.path);
        if active.len()? > scan.end {
            file.set_size(scan.end).map_err(Error::io("cut", path))?;
            tracing::info!(path = %path.display(), at = scan.end, "cut off a torn batch");
        }
        let from = scan.last.as_ref().map_or(0, |(offset, _)| *offset);
        let last = active.read_up_to(from, scan.end.saturating_sub(from) as usize)?;
        file.write_all_at(&last, from).map_err(Error::io("write", path))?;
        file.sync().map_err(Error::io("flush", path))?;
        self.host.sync_folder(&self.folder).map_err(Error::io("flush", &self.folder))
    }

    /// The segment before the active one must end where the active one begins.
    fn check_seam(&self, files: &[SegmentFile]) -> Result<(), Error> {
        let [.., before, last] = files else { return Ok(()) };
        let segment = self.sealed_segment(before.first)?;
        let Some(at) = segment.frames().last().copied() else {
            return Err(segment.corrupt(0, "a closed segment holds no entries"));
        };
        let frame = segment.frame_at(at.offset)?;
        let frame = frame.map_err(|reason| segment.corrupt(at.offset, reason))?;
        let Range { end, .. } = frame.first..frame.first.saturating_add(frame.count());
        if end != last.first {
            let reason = format!("ends at {end}, the next segment begins at {}", last.first);
            return Err(segment.corrupt(at.offset, reason));
        }
        Ok(())
    }
}

/// Every segment names the one before it, so that a missing one is noticed.
pub(crate) fn check_chain(host: &dyn Host, files: &[SegmentFile]) -> Result<(), Error> {
    let mut before: Option<u64> = None;
    for file in files {
        let segment = Segment::open(host, &file.path, false)?;
        if segment.header.first != file.first {
            return Err(segment.corrupt(0, "the name and the header differ in the first index"));
        }
        if segment.header.previous != before || (before.is_none() && file.first != 0) {
            return Err(segment.corrupt(0, "the segment before this one is missing"));
        }
        before = Some(file.first);
    }
    Ok(())
}

/// What of the last segment counts.
fn whole_frames(segment: &Segment, writable: bool, floor: u64) -> Result<Scan, Error> {
    let mut looks = if writable { 1 } else { LOOKS };
    loop {
        looks = looks.saturating_sub(1);
        let mut scan = segment.scan()?;
        if let Some(reason) = scan.stopped_by.clone() {
            if segment.valid_frame_behind(scan.end)? {
                if looks > 0 {
                    continue;
                }
                return Err(segment.corrupt(scan.end, reason));
            }
            return above_floor(segment, scan, floor, &reason);
        }
        let torn = match &scan.last {
            Some((offset, frame)) => !segment.bodies_match(*offset, frame)?,
            None => false,
        };
        if !torn {
            return Ok(scan);
        }
        if let Some((offset, frame)) = scan.last.take() {
            scan.end = offset;
            scan.next = frame.first;
            scan.frames.pop();
        }
        return above_floor(segment, scan, floor, "a statement does not match its entry");
    }
}

fn above_floor(segment: &Segment, scan: Scan, floor: u64, reason: &str) -> Result<Scan, Error> {
    if scan.next < floor {
        let reason = format!("{reason}, in a batch below size {floor}, which was acknowledged");
        return Err(segment.corrupt(scan.end, reason));
    }
    Ok(scan)
}
