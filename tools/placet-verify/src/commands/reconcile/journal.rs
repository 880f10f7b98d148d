//! The statements in a ledger's own folder: segments of frames in `DIR/bodies`
//! (`placet_proto::journal`). A service may write them meanwhile; what is wanted was published, and
//! is whole.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use placet_proto::journal::{FIXED, Frame, MAX_HEADER, SEGMENT_HEADER, SegmentHeader};

use crate::error::Failure;

/// Tables of frames that are kept: statements are mostly asked for in order.
const KEPT: usize = 4;

/// The journal of one log.
pub struct Journal {
    /// First index and file of each segment, ascending.
    segments: Vec<(u64, PathBuf)>,
    /// Tables of the segments that were asked for last, the last one first.
    tables: VecDeque<(u64, Table)>,
}

/// Where the statements of one segment are.
struct Table {
    path: PathBuf,
    file: File,
    salt: [u8; 32],
    /// First index and offset of each frame with entries, ascending.
    frames: Vec<(u64, u64)>,
    /// The frame that was read last, the index of its first entry, and where its bodies begin.
    last: Option<(Frame, u64)>,
}

impl Journal {
    /// Finds the segments of the log named `name` (`log` or `gov`).
    ///
    /// # Errors
    /// `io.error`.
    pub fn open(bodies: &Path, name: &str) -> Result<Self, Failure> {
        let mut segments = Vec::new();
        for item in fs::read_dir(bodies).map_err(|e| Failure::io(bodies, e))? {
            let path = item.map_err(|e| Failure::io(bodies, e))?.path();
            let file = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let digits = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            let digits = digits.and_then(|rest| rest.strip_suffix(".seg"));
            if let Some(first) = digits.filter(|d| d.len() == 20).and_then(|d| d.parse().ok()) {
                segments.push((first, path));
            }
        }
        segments.sort_unstable();
        Ok(Self { segments, tables: VecDeque::new() })
    }

    /// The bytes that stand where the statement of an index is: the statement, or zeroes where it
    /// was erased. None if there is no such entry.
    ///
    /// # Errors
    /// `io.error`, `journal.corrupt`.
    pub fn bytes(&mut self, index: u64) -> Result<Option<Vec<u8>>, Failure> {
        let after = self.segments.partition_point(|(first, _)| *first <= index);
        let Some((first, path)) = after.checked_sub(1).and_then(|at| self.segments.get(at)) else {
            return Ok(None);
        };
        let place = match self.tables.iter().position(|(f, _)| f == first) {
            Some(place) => place,
            None => {
                let table = Table::read(path)?;
                self.tables.push_front((*first, table));
                self.tables.truncate(KEPT);
                0
            }
        };
        self.tables.get_mut(place).map_or(Ok(None), |(_, table)| table.bytes(index))
    }
}

impl Table {
    fn read(path: &Path) -> Result<Self, Failure> {
        let io = |e| Failure::io(path, e);
        let file = File::open(path).map_err(io)?;
        let mut table =
            Self { path: path.to_owned(), file, salt: [0; 32], frames: Vec::new(), last: None };
        let header = table.at(0, SEGMENT_HEADER)?;
        let header = SegmentHeader::decode(&header).map_err(|reason| table.corrupt(reason))?;
        table.salt = header.salt;
        let (mut offset, mut next) = (SEGMENT_HEADER as u64, header.first);
        // The last frame may be half written: everything published is before it.
        while let Some(frame) = table.frame(offset)? {
            if frame.first != next {
                break;
            }
            if frame.count() > 0 {
                table.frames.push((frame.first, offset));
            }
            next = next.saturating_add(frame.count());
            offset =
                offset.saturating_add(frame.header_len() as u64).saturating_add(frame.bodies_len());
        }
        Ok(table)
    }

    fn bytes(&mut self, index: u64) -> Result<Option<Vec<u8>>, Failure> {
        let known = |frame: &Frame| {
            index.checked_sub(frame.first).is_some_and(|behind| behind < frame.count())
        };
        if !self.last.as_ref().is_some_and(|(frame, _)| known(frame)) {
            let after = self.frames.partition_point(|(first, _)| *first <= index);
            let found = after.checked_sub(1).and_then(|at| self.frames.get(at)).copied();
            let Some((_, offset)) = found else { return Ok(None) };
            let frame = self.frame(offset)?.ok_or_else(|| self.corrupt("a frame is gone"))?;
            if !known(&frame) {
                return Ok(None);
            }
            let bodies = offset.saturating_add(frame.header_len() as u64);
            self.last = Some((frame, bodies));
        }
        let Some((frame, bodies)) = &self.last else { return Ok(None) };
        let mut at = *bodies;
        for (entry, here) in frame.entries().iter().zip(frame.first..) {
            if here == index {
                return self.at(at, entry.body_len as usize).map(Some);
            }
            at = at.saturating_add(u64::from(entry.body_len));
        }
        Ok(None)
    }

    /// The frame header at an offset; none where no whole one begins.
    fn frame(&self, offset: u64) -> Result<Option<Frame>, Failure> {
        let fixed = self.at(offset, FIXED)?;
        let Ok(length) = Frame::claimed_len(&fixed) else { return Ok(None) };
        let header = self.at(offset, length.min(MAX_HEADER))?;
        Ok(Frame::decode(&header, &self.salt).ok())
    }

    /// Bytes at an offset, fewer at the end of the file.
    fn at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = &self.file;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(length as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|e| Failure::io(&self.path, e))
    }

    fn corrupt(&self, reason: &str) -> Failure {
        Failure::malformed(&self.path, "journal.corrupt", reason)
    }
}
