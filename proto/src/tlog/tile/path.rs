//! Paths: `tile/<level>/<index>[.p/<width>]` and `tile/entries/<index>[.p/<width>]`.

use std::fmt;
use std::str::FromStr;

use super::{TILE_WIDTH, TileError, TileId, TileKind};
use crate::tlog::text::parse_decimal;

/// The longest path: six index groups, `entries` and a width.
const MAX_PATH_LEN: usize = 64;

/// The most three-digit groups of an index; 10^18 tiles are more than a 64-bit tree has.
const MAX_INDEX_GROUPS: usize = 6;

/// The highest level that the specification allows.
const MAX_LEVEL: u64 = 63;

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let digits = self.index.to_string();
        let padded = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        let mut groups = padded.as_bytes().chunks(3).peekable();
        while let Some(group) = groups.next() {
            let group = str::from_utf8(group).map_err(|_| fmt::Error)?;
            if groups.peek().is_some() {
                write!(f, "x{group}/")?;
            } else {
                f.write_str(group)?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TileId {
    type Err = TileError;

    /// Reads a path in its one form, relative to the log's prefix.
    ///
    /// # Errors
    /// `tile.path`.
    fn from_str(path: &str) -> Result<Self, TileError> {
        if path.len() > MAX_PATH_LEN {
            return Err(TileError::Path);
        }
        let rest = path.strip_prefix("tile/").ok_or(TileError::Path)?;
        let (kind, rest) = rest.split_once('/').ok_or(TileError::Path)?;
        let kind = parse_kind(kind)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, parse_width(width)?),
            None => (rest, TILE_WIDTH),
        };
        let id = Self { kind, index: parse_index(index)?, width };
        // Leading groups of zeros are the one thing that the steps above let through.
        if id.to_string() == path { Ok(id) } else { Err(TileError::Path) }
    }
}

fn parse_kind(text: &str) -> Result<TileKind, TileError> {
    if text == "entries" {
        return Ok(TileKind::Entries);
    }
    let level = parse_decimal(text).filter(|level| *level <= MAX_LEVEL).ok_or(TileError::Path)?;
    u8::try_from(level).map(TileKind::Hashes).map_err(|_| TileError::Path)
}

fn parse_width(text: &str) -> Result<u16, TileError> {
    let width = parse_decimal(text).and_then(|width| u16::try_from(width).ok());
    width.filter(|width| (1..TILE_WIDTH).contains(width)).ok_or(TileError::Path)
}

fn parse_index(text: &str) -> Result<u64, TileError> {
    let groups: Vec<&str> = text.split('/').collect();
    let (last, leading) = groups.split_last().ok_or(TileError::Path)?;
    if groups.len() > MAX_INDEX_GROUPS {
        return Err(TileError::Path);
    }
    let mut digits = String::new();
    for group in leading {
        digits.push_str(parse_group(group.strip_prefix('x').ok_or(TileError::Path)?)?);
    }
    digits.push_str(parse_group(last)?);
    digits.parse().map_err(|_| TileError::Path)
}

fn parse_group(text: &str) -> Result<&str, TileError> {
    let three_digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    if three_digits { Ok(text) } else { Err(TileError::Path) }
}
