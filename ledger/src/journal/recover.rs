//! Opening a journal: what a crash left is cut off, what a crash can't explain is refused.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::frame::{Content, SEGMENT_HEADER};
use super::segment::{LOOKS, Scan, Segment};
use super::{Journal, SEGMENT_LIMIT, Segments, Writer, frame};
use crate::Error;
use crate::dir::LogId;

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
    pub fn list(folder: &Path, log: LogId) -> Result<Vec<SegmentFile>, Error> {
        let mut found = Vec::new();
        for item in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
            let path = item.map_err(Error::io("list", folder))?.path();
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
    pub fn open(folder: &Path, log: LogId, writable: bool, floor: u64) -> Result<Journal, Error> {
        Journal::open_with(folder, log, writable, floor, SEGMENT_LIMIT)
    }

    pub(crate) fn open_with(
        folder: &Path,
        log: LogId,
        writable: bool,
        floor: u64,
        segment_limit: u64,
    ) -> Result<Journal, Error> {
        let files = SegmentFile::list(folder, log)?;
        check_chain(&files)?;
        let journal = Journal {
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
        let active = Segment::open(&last.path, self.writable)?;
        let scan = whole_frames(&active, self.writable, floor)?;
        if self.writable && active.len()? > scan.end {
            let cut = active.file().set_len(scan.end).and_then(|()| active.file().sync_all());
            cut.map_err(Error::io("cut", &active.path))?;
            tracing::info!(path = %active.path.display(), at = scan.end, "cut off a torn batch");
        }
        active.set_frames(scan.frames);
        let firsts = files.iter().map(|file| file.first).collect();
        self.segments = Segments { firsts, active: Some(Arc::new(active)) }.into();
        self.size = AtomicU64::new(scan.next);
        self.writer = Writer { end: scan.end }.into();
        self.check_seam(files)?;
        if let Some((_, frame::Frame { content: Content::Erasure(index), .. })) = scan.last
            && self.writable
        {
            // The last thing before a crash may have been half of this.
            self.zero(index)?;
        }
        Ok(self)
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
pub(crate) fn check_chain(files: &[SegmentFile]) -> Result<(), Error> {
    let mut before: Option<u64> = None;
    for file in files {
        let segment = Segment::open(&file.path, false)?;
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
