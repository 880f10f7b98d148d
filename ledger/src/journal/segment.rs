//! One segment file: where its frames are, reading and writing at an offset.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::Error;
use crate::host::{Access, Host, HostFile};
use crate::storage::Statement;
use placet_proto::journal::{
    EntryHeader, FIXED, Frame, MAX_FRAME_BODIES, MAX_HEADER, SEGMENT_HEADER, SegmentHeader,
};

/// Times that something is read again which another process may be writing.
pub const LOOKS: usize = 5;

/// Where a frame of entries starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef {
    /// Index of its first entry.
    pub first: u64,
    /// Byte offset of its header.
    pub offset: u64,
}

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// Its header.
    pub header: SegmentHeader,
    file: Box<dyn HostFile>,
    /// Frames of entries in order. At most 64 MiB of frames, so a few megabytes at the very worst.
    frames: RwLock<Vec<FrameRef>>,
}

/// How a scan ended.
#[derive(Debug)]
pub struct Scan {
    /// Frames of entries.
    pub frames: Vec<FrameRef>,
    /// The last frame of any kind, with its offset.
    pub last: Option<(u64, Frame)>,
    /// Offset behind the last whole frame.
    pub end: u64,
    /// Index that the next entry gets.
    pub next: u64,
    /// Why the scan stopped before the end of the file; none when it did not.
    pub stopped_by: Option<String>,
}

impl Segment {
    /// Opens a file and checks its header; the frames are not known yet.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::JournalCorrupt`].
    pub fn open(host: &dyn Host, path: &Path, writable: bool) -> Result<Segment, Error> {
        let access = if writable { Access::Write } else { Access::Read };
        let file = host.open(path, access).map_err(Error::io("open", path))?;
        let mut bytes = [0; SEGMENT_HEADER];
        let read = file.read_up_to(&mut bytes, 0).map_err(Error::io("read", path))?;
        let header = match read {
            SEGMENT_HEADER => SegmentHeader::decode(&bytes),
            _ => Err("the segment header is cut short"),
        };
        let corrupt = |reason: &str| Error::JournalCorrupt {
            path: path.to_path_buf(),
            offset: 0,
            reason: reason.to_owned(),
        };
        let header = header.map_err(corrupt)?;
        Ok(Segment { path: path.to_path_buf(), header, file, frames: RwLock::default() })
    }

    /// Length of the file in bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn len(&self) -> Result<u64, Error> {
        self.file.size().map_err(Error::io("stat", &self.path))
    }

    /// The file, for writing, flushing and cutting.
    pub fn file(&self) -> &dyn HostFile {
        &*self.file
    }

    /// An error about this segment.
    pub fn corrupt(&self, offset: u64, reason: impl Into<String>) -> Error {
        Error::JournalCorrupt { path: self.path.clone(), offset, reason: reason.into() }
    }

    /// Replaces what is known about the frames.
    pub fn set_frames(&self, frames: Vec<FrameRef>) {
        *self.frames.write().unwrap_or_else(PoisonError::into_inner) = frames;
    }

    /// Adds a frame that is durable by now.
    pub fn push_frame(&self, frame: FrameRef) {
        self.frames.write().unwrap_or_else(PoisonError::into_inner).push(frame);
    }

    /// The frames that are known.
    pub fn frames(&self) -> Vec<FrameRef> {
        self.frames.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last frame that starts at or before `index`.
    pub fn frame_of(&self, index: u64) -> Option<FrameRef> {
        let frames = self.frames.read().unwrap_or_else(PoisonError::into_inner);
        let after = frames.partition_point(|frame| frame.first <= index);
        frames.get(after.checked_sub(1)?).copied()
    }

    /// The frame header at `offset`. The inner result says why there is none.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn frame_at(&self, offset: u64) -> Result<Result<Frame, &'static str>, Error> {
        // One read serves the usual small batch; a large header takes a second one.
        let mut bytes = self.read_up_to(offset, 4096)?;
        let claimed = match Frame::claimed_len(bytes.get(..FIXED).unwrap_or(&bytes)) {
            Ok(claimed) => claimed,
            Err(reason) => return Ok(Err(reason)),
        };
        if claimed > bytes.len() {
            bytes = self.read_up_to(offset, claimed)?;
        }
        Ok(match bytes.get(..claimed) {
            Some(header) => Frame::decode(header, &self.header.salt),
            None => Err("the frame header is cut short"),
        })
    }

    /// `len` bytes at `offset`; fewer at the end of the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read_up_to(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        let filled = self.file.read_up_to(&mut bytes, offset);
        bytes.truncate(filled.map_err(Error::io("read", &self.path))?);
        Ok(bytes)
    }

    /// Reads every frame header up to the end of the file or to the first that is not whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scan(&self) -> Result<Scan, Error> {
        let len = self.len()?;
        let mut scan = Scan {
            frames: Vec::new(),
            last: None,
            end: SEGMENT_HEADER as u64,
            next: self.header.first,
            stopped_by: None,
        };
        while scan.end < len {
            let frame = match self.frame_at(scan.end)? {
                Ok(frame) => frame,
                Err(reason) => {
                    scan.stopped_by = Some(reason.to_owned());
                    break;
                }
            };
            if frame.first != scan.next {
                let (found, expected) = (frame.first, scan.next);
                scan.stopped_by = Some(format!("a frame starts at {found} instead of {expected}"));
                break;
            }
            let end = frame_end(scan.end, &frame);
            if end > len {
                scan.stopped_by = Some("the bodies of the frame are cut short".to_owned());
                break;
            }
            if frame.count() > 0 {
                scan.frames.push(FrameRef { first: frame.first, offset: scan.end });
            }
            scan.next = scan.next.saturating_add(frame.count());
            scan.last = Some((scan.end, frame));
            scan.end = end;
        }
        Ok(scan)
    }

    /// Whether a frame with a good checksum starts anywhere behind `offset`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn valid_frame_behind(&self, offset: u64) -> Result<bool, Error> {
        let len = self.len()?;
        let most = MAX_HEADER.saturating_add(MAX_FRAME_BODIES) as u64;
        if len.saturating_sub(offset) > most {
            // No single frame is that long, so something whole was behind the damage.
            return Ok(true);
        }
        let start = offset.saturating_add(1);
        let tail = self.read_up_to(start, len.saturating_sub(start) as usize)?;
        let magic = placet_proto::journal::FRAME_MAGIC;
        for (at, _) in tail.windows(magic.len()).enumerate().filter(|(_, w)| w == magic) {
            if self.frame_at(start.saturating_add(at as u64))?.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The body at `offset`; the inner result is none if it is neither the one that was recorded
    /// nor erased.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn body(&self, offset: u64, entry: &EntryHeader) -> Result<Option<Statement>, Error> {
        for _ in 0..LOOKS {
            let body = self.read_up_to(offset, entry.body_len as usize)?;
            if Sha256::digest(&body)[..] == entry.hash {
                return Ok(Some(Statement::Present(body)));
            }
            if body.len() == entry.body_len as usize && body.iter().all(|byte| *byte == 0) {
                return Ok(Some(Statement::Erased));
            }
            // Another process may be in the middle of erasing it.
            std::thread::yield_now();
        }
        Ok(None)
    }

    /// Whether every body of `frame` at `offset` is the one that was recorded.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn bodies_match(&self, offset: u64, frame: &Frame) -> Result<bool, Error> {
        let mut at = offset.saturating_add(frame.header_len() as u64);
        for entry in frame.entries() {
            let body = self.read_up_to(at, entry.body_len as usize)?;
            if Sha256::digest(&body)[..] != entry.hash {
                return Ok(false);
            }
            at = at.saturating_add(u64::from(entry.body_len));
        }
        Ok(true)
    }
}

/// Frames of any kind, one after the other.
pub struct FrameScan<'a> {
    segment: &'a Segment,
    offset: u64,
}

impl<'a> FrameScan<'a> {
    /// From the first frame on.
    pub fn new(segment: &'a Segment) -> FrameScan<'a> {
        FrameScan { segment, offset: SEGMENT_HEADER as u64 }
    }

    /// The next frame that starts before `end`, with its offset.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::JournalCorrupt`].
    pub fn next_before(&mut self, end: u64) -> Result<Option<(u64, Frame)>, Error> {
        if self.offset >= end {
            return Ok(None);
        }
        let offset = self.offset;
        let frame = self.segment.frame_at(offset)?;
        let frame = frame.map_err(|reason| self.segment.corrupt(offset, reason))?;
        self.offset = frame_end(offset, &frame);
        Ok(Some((offset, frame)))
    }
}

/// Offset behind a frame that starts at `offset`.
pub fn frame_end(offset: u64, frame: &Frame) -> u64 {
    offset.saturating_add(frame.header_len() as u64).saturating_add(frame.bodies_len())
}
