//! Entry bundles: big-endian uint16 length ‖ entry, again and again.

use super::{TILE_WIDTH, TileError};

/// The longest entry, in bytes: its length is a uint16.
pub const MAX_ENTRY_LEN: usize = u16::MAX as usize;

/// The bytes of a bundle of these entries.
///
/// # Errors
/// `tile.too_large` for an entry above [`MAX_ENTRY_LEN`] or more than 256 entries.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    if entries.len() > usize::from(TILE_WIDTH) {
        return Err(TileError::TooLarge);
    }
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| TileError::TooLarge)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// Reads a bundle of exactly `width` entries, which borrow from `bytes`.
///
/// # Errors
/// `tile.bundle` if there are more or fewer entries or one is cut short.
pub fn parse_bundle(mut bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    if width > TILE_WIDTH {
        return Err(TileError::TooLarge);
    }
    let mut entries = Vec::new();
    for _ in 0..width {
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(TileError::Bundle)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(TileError::Bundle)?;
        entries.push(entry);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(entries) } else { Err(TileError::Bundle) }
}
