//! The list of frames of a sealed segment, beside it as `.idx`: derived, checked, rebuilt at need.
//!
//! Its sum covers the segment's length. A list may be older than its segment: the next segment,
//! before which it was written, found no space or went with the power, and this one grew on.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::segment::{FrameRef, Segment};
use crate::host::{Access, Host};

/// Writes the list; failure costs a scan later and nothing else.
pub fn write(host: &dyn Host, segment: &Segment) {
    let mut bytes = Vec::new();
    for frame in segment.frames() {
        bytes.extend_from_slice(&frame.first.to_be_bytes());
        bytes.extend_from_slice(&frame.offset.to_be_bytes());
    }
    let Ok(length) = segment.len() else { return };
    let sum = sum(segment, length, &bytes);
    bytes.extend_from_slice(&sum);
    let tmp = path(segment).with_extension("idx.tmp");
    let written = host
        .open(&tmp, Access::Create)
        .and_then(|file| file.write_all_at(&bytes, 0))
        .and_then(|()| host.rename(&tmp, &path(segment)));
    if let Err(error) = written {
        // What is half written would take up space and be of no use.
        let _ = host.remove_file(&tmp);
        tracing::warn!(path = %path(segment).display(), %error, "could not write a frame list");
    }
}

/// The list, if there is one, it is whole, and the segment has not grown since.
pub fn read(host: &dyn Host, segment: &Segment) -> Option<Vec<FrameRef>> {
    let bytes = host.read(&path(segment)).ok()?;
    let (list, stored) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if sum(segment, segment.len().ok()?, list)[..] != *stored {
        return None;
    }
    list.chunks_exact(16)
        .map(|pair| {
            let (first, offset) = pair.split_at_checked(8)?;
            let first = u64::from_be_bytes(first.try_into().ok()?);
            Some(FrameRef { first, offset: u64::from_be_bytes(offset.try_into().ok()?) })
        })
        .collect()
}

fn path(segment: &Segment) -> PathBuf {
    segment.path.with_extension("idx")
}

fn sum(segment: &Segment, length: u64, list: &[u8]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(segment.header.salt);
    hasher.chain_update(length.to_be_bytes()).chain_update(list).finalize().into()
}
