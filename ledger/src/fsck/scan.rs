//! The journal, frame by frame and body by body.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Found, Scanned};
use crate::Error;
use crate::dir::LogId;
use crate::host::{Real, real};
use crate::journal::{
    Content, EntryHeader, Frame, FrameScan, Journal, LOOKS, Scan, Segment, SegmentFile, check_chain,
};
use crate::storage::Statement;

/// Reads every frame and body; calls `each` with every entry in order, up to the first damage.
pub(super) fn scan(
    folder: &Path,
    log: LogId,
    found: &Found,
    mut each: impl FnMut(u64, &EntryHeader) -> Result<(), Error>,
) -> Result<Scanned, Error> {
    let files = SegmentFile::list(&Real, folder, log)?;
    let mut scanned = Scanned { size: 0, erased: 0, whole: true };
    if let Err(error) = check_chain(&Real, &files) {
        found.add("journal.chain", None, error.to_string());
        scanned.whole = false;
    }
    let mut bodies = Bodies::default();
    for (at, file) in files.iter().enumerate() {
        let last = at.saturating_add(1) == files.len();
        if file.first != scanned.size {
            let name = file.path.display();
            let detail = format!("{name} begins at {}, expected {}", file.first, scanned.size);
            found.add("journal.chain", Some(scanned.size), detail);
            scanned.whole = false;
            break;
        }
        let segment = match Segment::open(&Real, &file.path, false) {
            Ok(segment) => segment,
            Err(error @ Error::JournalCorrupt { .. }) => {
                found.add("journal.corrupt", Some(file.first), error.to_string());
                scanned.whole = false;
                break;
            }
            Err(error) => return Err(error),
        };
        let (frames, end) = settled_end(&segment, last)?;
        let torn = end.as_ref().and_then(|end| end.torn_at);
        if let Some(End { code, index, detail, .. }) = end {
            found.add(code, Some(index), detail);
        }
        let mut reader = FrameScan::new(&segment);
        while let Some((offset, frame)) = reader.next_before(frames.end)? {
            if torn == Some(offset) {
                break;
            }
            bodies.frame(&segment, offset, &frame, found)?;
            for entry in frame.entries() {
                each(scanned.size, entry)?;
                scanned.size = scanned.size.saturating_add(1);
            }
        }
        if frames.stopped_by.is_some() && torn.is_none() {
            scanned.whole = false;
            break;
        }
    }
    scanned.erased = bodies.finish(folder, log, found)?;
    Ok(scanned)
}

/// Size of the log by now, for files that came to be during the check.
pub(super) fn size_now(folder: &Path, log: LogId) -> Result<u64, Error> {
    match SegmentFile::list(&Real, folder, log)?.last() {
        Some(file) => Ok(Segment::open(&Real, &file.path, false)?.scan()?.next),
        None => Ok(0),
    }
}

/// What is wrong with the end of a segment.
struct End {
    code: &'static str,
    index: u64,
    detail: String,
    /// Where the torn frame starts, if it is one.
    torn_at: Option<u64>,
}

/// The frames of a segment. What looks wrong is looked at again: it may be a writer's half batch.
fn settled_end(segment: &Segment, last: bool) -> Result<(Scan, Option<End>), Error> {
    for _ in 1..LOOKS {
        let frames = segment.scan()?;
        if judge_end(segment, &frames, last)?.is_none() {
            return Ok((frames, None));
        }
        std::thread::yield_now();
    }
    let frames = segment.scan()?;
    let end = judge_end(segment, &frames, last)?;
    Ok((frames, end))
}

fn judge_end(segment: &Segment, frames: &Scan, last: bool) -> Result<Option<End>, Error> {
    let name = segment.path.display();
    if let Some(reason) = &frames.stopped_by {
        let detail = format!("{name} at byte {}: {reason}", frames.end);
        let torn = last && !segment.valid_frame_behind(frames.end)?;
        let code = if torn { "journal.torn" } else { "journal.corrupt" };
        let torn_at = torn.then_some(frames.end);
        return Ok(Some(End { code, index: frames.next, detail, torn_at }));
    }
    if let Some((offset, frame)) = frames.last.as_ref().filter(|_| last)
        && !segment.bodies_match(*offset, frame)?
    {
        let detail = format!("{name} at byte {offset}: a statement does not match its entry");
        let (index, torn_at) = (frame.first, Some(*offset));
        return Ok(Some(End { code: "journal.torn", index, detail, torn_at }));
    }
    Ok(None)
}

/// Bodies that are zero, until the record of their erasure is read.
#[derive(Default)]
struct Bodies {
    zeroed: BTreeSet<u64>,
    present_but_erased: BTreeSet<u64>,
    erased: u64,
}

impl Bodies {
    fn frame(
        &mut self,
        segment: &Segment,
        offset: u64,
        frame: &Frame,
        found: &Found,
    ) -> Result<(), Error> {
        if let Content::Erasure(index) = frame.content {
            match self.zeroed.remove(&index) {
                true => self.erased = self.erased.saturating_add(1),
                false => drop(self.present_but_erased.insert(index)),
            }
        }
        let mut at = offset.saturating_add(frame.header_len() as u64);
        for (index, entry) in (frame.first..).zip(frame.entries()) {
            match segment.body(at, entry)? {
                Some(Statement::Present(_)) => {}
                Some(_) => drop(self.zeroed.insert(index)),
                None => {
                    let detail = format!("{} at byte {at}", segment.path.display());
                    found.add("journal.body", Some(index), detail);
                }
            }
            at = at.saturating_add(u64::from(entry.body_len));
        }
        Ok(())
    }

    /// Reports what is left, after a second look: a running writer may have erased meanwhile.
    fn finish(mut self, folder: &Path, log: LogId, found: &Found) -> Result<u64, Error> {
        if !self.zeroed.is_empty() {
            for file in SegmentFile::list(&Real, folder, log)?.iter().rev().take(2) {
                self.take_erasures(&file.path)?;
            }
        }
        if !self.present_but_erased.is_empty()
            && let Ok(journal) = Journal::open(&real(), folder, log, false, 0)
        {
            let before = self.present_but_erased.len();
            self.present_but_erased
                .retain(|index| !matches!(journal.statement(*index), Ok(Statement::Erased)));
            let finished = before.saturating_sub(self.present_but_erased.len());
            self.erased = self.erased.saturating_add(finished as u64);
        }
        for index in self.zeroed {
            found.add("journal.zeroed", Some(index), "the statement is zeroed, not erased");
        }
        for index in self.present_but_erased {
            found.add("journal.erasure_unfinished", Some(index), "open the log to finish it");
        }
        Ok(self.erased)
    }

    fn take_erasures(&mut self, path: &Path) -> Result<(), Error> {
        let Ok(segment) = Segment::open(&Real, path, false) else { return Ok(()) };
        let end = segment.scan()?.end;
        let mut reader = FrameScan::new(&segment);
        while let Some((_, frame)) = reader.next_before(end)? {
            if let Content::Erasure(index) = frame.content
                && self.zeroed.remove(&index)
            {
                self.erased = self.erased.saturating_add(1);
            }
        }
        Ok(())
    }
}
