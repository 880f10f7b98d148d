//! Bytes of a ledger's journal: segment header, frame header, entry headers. The service writes
//! them; whoever compares a ledger's folder with something reads them, without the service's code.
//!
//! ```text
//! segment header (88 bytes)
//!   0  magic "placetS1"   8  index of the first entry, u64
//!  16  first index of the segment before, u64 (all ones: none)
//!  24  salt, 32 random bytes   56  SHA-256 of bytes 0..56
//! frame header
//!   0  magic "placetF1"   8  kind, u32   12  length of this header, u32
//!  16  index of the first entry, u64     24  count of entries, u32
//!  28  total length of the bodies, u64
//!  36  per entry: SHA-256 of the statement (32), body length u32, number of once keys u8, keys
//!      (or, for an erasure: the index that it erases, u64)
//!  -32 SHA-256(salt ‖ everything before)
//! ```
//! All integers are big-endian. The bodies follow the frame header.
//!
//! The salt is there because statements come from strangers: after a crash, recovery looks for a
//! valid frame behind a damaged one, and a statement that contains a forged frame must not pass.

use sha2::{Digest, Sha256};

use crate::tlog::merkle::Hash;

/// Most entries of one frame, and so of one batch.
pub const MAX_FRAME_ENTRIES: usize = 256;
/// Most bytes of statements in one frame.
pub const MAX_FRAME_BODIES: usize = 8 << 20;
/// Most once keys of one entry.
pub const MAX_ONCE_KEYS: usize = 4;
/// Length of a segment header in bytes.
pub const SEGMENT_HEADER: usize = 88;
/// Length of the part of a frame header that every frame has, in bytes.
pub const FIXED: usize = 36;
/// Longest frame header in bytes.
pub const MAX_HEADER: usize = FIXED + MAX_FRAME_ENTRIES * (32 + 4 + 1 + 32 * MAX_ONCE_KEYS) + 32;

const SEGMENT_MAGIC: &[u8; 8] = b"placetS1";
/// First bytes of every frame.
pub const FRAME_MAGIC: &[u8; 8] = b"placetF1";
const KIND_ENTRIES: u32 = 0;
const KIND_ERASURE: u32 = 1;

/// Something that happens at most once in a log, as 32 bytes that the caller derives from what it
/// names (SHA-256 with a domain prefix). The engine attaches no other meaning to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OnceKey(pub [u8; 32]);

impl std::fmt::Debug for OnceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OnceKey({})", hex::encode(self.0))
    }
}

/// What stands at the start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Index of the first entry.
    pub first: u64,
    /// First index of the segment before; none for the first segment.
    pub previous: Option<u64>,
    /// Random bytes that enter every checksum of this segment.
    pub salt: [u8; 32],
}

impl SegmentHeader {
    /// The 88 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.previous.unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(&self.salt);
        let sum = Sha256::digest(&out);
        out.extend_from_slice(&sum);
        out
    }

    /// The header in `bytes`, or what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<SegmentHeader, &'static str> {
        let mut at = Cursor { bytes };
        let short = "the segment header is cut short";
        if at.take(8).ok_or(short)? != SEGMENT_MAGIC {
            return Err("this is not a journal segment");
        }
        let first = at.u64().ok_or(short)?;
        let previous = at.u64().ok_or(short)?;
        let salt = at.hash().ok_or(short)?;
        let sum = at.hash().ok_or(short)?;
        if Sha256::digest(bytes.get(..56).ok_or(short)?)[..] != sum {
            return Err("the checksum of the segment header is wrong");
        }
        let previous = (previous != u64::MAX).then_some(previous);
        Ok(SegmentHeader { first, previous, salt })
    }
}

/// One entry as a frame header states it. It outlives the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    /// SHA-256 of the statement: the log entry.
    pub hash: Hash,
    /// Length of the statement in bytes.
    pub body_len: u32,
    /// Keys that this entry took, at most [`MAX_ONCE_KEYS`].
    pub once: Vec<OnceKey>,
}

/// What a frame records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A batch of entries.
    Entries(Vec<EntryHeader>),
    /// The body of one earlier entry is erased. Written and made durable before the erasing, so
    /// that a crash in the middle can be finished, and told apart from damage.
    Erasure(u64),
}

/// A frame header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Index of the first entry; for an erasure, the size of the log at that moment.
    pub first: u64,
    /// What it records.
    pub content: Content,
}

impl Frame {
    /// Number of entries.
    pub fn count(&self) -> u64 {
        self.entries().len() as u64
    }

    /// The entries, none for an erasure.
    pub fn entries(&self) -> &[EntryHeader] {
        match &self.content {
            Content::Entries(entries) => entries,
            Content::Erasure(_) => &[],
        }
    }

    /// Sum of the body lengths in bytes.
    pub fn bodies_len(&self) -> u64 {
        self.entries().iter().map(|entry| u64::from(entry.body_len)).sum()
    }

    /// Length of the header in bytes.
    pub fn header_len(&self) -> usize {
        let variable: usize = match &self.content {
            Content::Entries(entries) => entries.iter().map(|e| 37 + 32 * e.once.len()).sum(),
            Content::Erasure(_) => 8,
        };
        FIXED + variable + 32
    }

    /// The header's bytes, without bodies.
    pub fn encode(&self, salt: &[u8; 32]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.header_len());
        let kind = match self.content {
            Content::Entries(_) => KIND_ENTRIES,
            Content::Erasure(_) => KIND_ERASURE,
        };
        out.extend_from_slice(FRAME_MAGIC);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&(self.header_len() as u32).to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&(self.entries().len() as u32).to_be_bytes());
        out.extend_from_slice(&self.bodies_len().to_be_bytes());
        match &self.content {
            Content::Entries(entries) => {
                for entry in entries {
                    out.extend_from_slice(&entry.hash);
                    out.extend_from_slice(&entry.body_len.to_be_bytes());
                    out.push(entry.once.len() as u8);
                    entry.once.iter().for_each(|key| out.extend_from_slice(&key.0));
                }
            }
            Content::Erasure(index) => out.extend_from_slice(&index.to_be_bytes()),
        }
        let sum = checksum(salt, &out);
        out.extend_from_slice(&sum);
        out
    }

    /// How long the header that starts with `fixed` claims to be, if that is possible at all.
    pub fn claimed_len(fixed: &[u8]) -> Result<usize, &'static str> {
        let mut at = Cursor { bytes: fixed };
        let short = "the frame header is cut short";
        if at.take(8).ok_or(short)? != FRAME_MAGIC {
            return Err("no frame starts here");
        }
        at.u32().ok_or(short)?;
        let len = at.u32().ok_or(short)? as usize;
        if !(FIXED + 32..=MAX_HEADER).contains(&len) {
            return Err("the frame header has an impossible length");
        }
        Ok(len)
    }

    /// The frame whose whole header is `bytes`, or what is wrong with it.
    pub fn decode(bytes: &[u8], salt: &[u8; 32]) -> Result<Frame, &'static str> {
        let short = "the frame header is cut short";
        if Frame::claimed_len(bytes)? != bytes.len() {
            return Err(short);
        }
        let (covered, sum) = bytes.split_at_checked(bytes.len() - 32).ok_or(short)?;
        if checksum(salt, covered)[..] != *sum {
            return Err("the checksum of the frame header is wrong");
        }
        let mut at = Cursor { bytes: covered };
        at.take(8).ok_or(short)?;
        let kind = at.u32().ok_or(short)?;
        at.u32().ok_or(short)?;
        let first = at.u64().ok_or(short)?;
        let count = at.u32().ok_or(short)? as usize;
        let bodies = at.u64().ok_or(short)?;
        let content = match kind {
            KIND_ENTRIES => Content::Entries(decode_entries(&mut at, count)?),
            KIND_ERASURE => Content::Erasure(at.u64().ok_or(short)?),
            _ => return Err("the frame is of an unknown kind"),
        };
        let frame = Frame { first, content };
        if !at.bytes.is_empty() || frame.bodies_len() != bodies {
            return Err("the frame header contradicts itself");
        }
        Ok(frame)
    }
}

fn decode_entries(at: &mut Cursor<'_>, count: usize) -> Result<Vec<EntryHeader>, &'static str> {
    let short = "the frame header is cut short";
    if count == 0 || count > MAX_FRAME_ENTRIES {
        return Err("the frame has an impossible number of entries");
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let hash = at.hash().ok_or(short)?;
        let body_len = at.u32().ok_or(short)?;
        let keys = usize::from(at.take(1).and_then(|b| b.first().copied()).ok_or(short)?);
        if keys > MAX_ONCE_KEYS || body_len as usize > MAX_FRAME_BODIES {
            return Err("an entry exceeds the limits of a frame");
        }
        let once = (0..keys).map(|_| at.hash().map(OnceKey)).collect::<Option<_>>().ok_or(short)?;
        entries.push(EntryHeader { hash, body_len, once });
    }
    Ok(entries)
}

fn checksum(salt: &[u8; 32], covered: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(covered).finalize().into()
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(head)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn hash(&mut self) -> Option<Hash> {
        self.take(32)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = EntryHeader> {
        let once = proptest::collection::vec(any::<[u8; 32]>().prop_map(OnceKey), 0..=4);
        (any::<[u8; 32]>(), 1u32..9000, once).prop_map(|(hash, body_len, once)| EntryHeader {
            hash,
            body_len,
            once,
        })
    }

    fn frame() -> impl Strategy<Value = Frame> {
        let content = prop_oneof![
            proptest::collection::vec(entry(), 1..9).prop_map(Content::Entries),
            any::<u64>().prop_map(Content::Erasure)
        ];
        (any::<u64>(), content).prop_map(|(first, content)| Frame { first, content })
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_and_every_changed_byte_is_noticed(
            frame in frame(), salt: [u8; 32], at: usize, bit in 0u8..8,
        ) {
            let mut bytes = frame.encode(&salt);
            prop_assert_eq!(bytes.len(), frame.header_len());
            prop_assert_eq!(Frame::decode(&bytes, &salt), Ok(frame));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(Frame::decode(&bytes, &salt).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes: Vec<u8>, salt: [u8; 32]) {
            prop_assert!(Frame::decode(&bytes, &salt).is_err());
            prop_assert!(SegmentHeader::decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_frame_under_another_salt_is_refused() {
        let frame = Frame { first: 7, content: Content::Erasure(3) };
        let error = Frame::decode(&frame.encode(&[1; 32]), &[2; 32]).unwrap_err();
        assert_eq!(error, "the checksum of the frame header is wrong");
    }

    #[test]
    fn a_segment_header_reads_back() {
        let header = SegmentHeader { first: 9, previous: Some(3), salt: [5; 32] };
        assert_eq!(header.encode().len(), SEGMENT_HEADER);
        assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
        let mut bytes = header.encode();
        bytes[9] ^= 1;
        assert!(SegmentHeader::decode(&bytes).is_err());
    }
}
