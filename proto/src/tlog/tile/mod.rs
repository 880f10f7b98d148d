//! C2SP tlog-tiles v0.1.0: the files that hold a tree, their paths and what is in them.
//!
//! A *tile* at level l and index n holds up to 256 hashes, each the root over a full subtree of
//! 256^l entries. The last tile of a level is *partial* unless the size is a multiple; a partial
//! tile is named by its width and never hashed into the level above. An *entry bundle* has the
//! same shape as a tile of level 0 and holds the entries themselves.

use super::merkle::{Hash, HashReader, MerkleError, node_hash};

mod bundle;
mod path;

pub use bundle::{MAX_ENTRY_LEN, encode_bundle, parse_bundle};

/// The hashes in a full tile, the entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The tree levels that one tile level spans.
pub const TILE_HEIGHT: u8 = 8;

/// The highest tile level that a tree of `u64` size can have.
const MAX_USED_LEVEL: u8 = 7;

/// Why a tile, a bundle or a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile or bundle in its one form.
    #[error("not a tile path")]
    Path,
    /// The bytes of a tile are not as many as its width asks for.
    #[error("a tile of width {width} has another length: {actual} bytes")]
    Length {
        /// The width of the tile, in hashes.
        width: u16,
        /// The bytes found.
        actual: usize,
    },
    /// The bytes of a bundle are not as many length-prefixed entries as its width asks for.
    #[error("malformed entry bundle")]
    Bundle,
    /// An entry is longer than [`MAX_ENTRY_LEN`], or a bundle has more than 256 of them.
    #[error("an entry or bundle exceeds its limit")]
    TooLarge,
    /// What was asked for is outside the tree.
    #[error("no such node in a tree of this size")]
    Range,
}

impl TileError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path => "tile.path",
            Self::Length { .. } => "tile.length",
            Self::Bundle => "tile.bundle",
            Self::TooLarge => "tile.too_large",
            Self::Range => "tile.range",
        }
    }
}

/// What a file under `tile/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileKind {
    /// Hashes of this tile level, 0 to 63 (a 64-bit size uses 0 to 7).
    Hashes(u8),
    /// Entries.
    Entries,
}

/// One tile or entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Hashes or entries.
    pub kind: TileKind,
    /// The index in its level, from 0.
    pub index: u64,
    /// How many hashes or entries it holds, 1 to [`TILE_WIDTH`].
    pub width: u16,
}

impl TileId {
    /// The full tile of this kind and index.
    #[must_use]
    pub fn full(kind: TileKind, index: u64) -> Self {
        Self { kind, index, width: TILE_WIDTH }
    }

    /// The tile of this kind and index as it is in a tree of `size` entries; `None` if it is
    /// empty there.
    #[must_use]
    pub fn at_size(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let full = full_tiles(kind, size);
        if index < full {
            return Some(Self::full(kind, index));
        }
        let width = partial_width(kind, size);
        (index == full && width > 0).then_some(Self { kind, index, width })
    }

    /// Whether it holds all [`TILE_WIDTH`] hashes or entries.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

/// How many nodes of this kind a tree of `size` entries has: `floor(size / 256^level)`.
#[must_use]
pub fn nodes(kind: TileKind, size: u64) -> u64 {
    match kind {
        TileKind::Entries => size,
        TileKind::Hashes(level) => {
            size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
        }
    }
}

/// How many full tiles of this kind a tree of `size` entries has.
#[must_use]
pub fn full_tiles(kind: TileKind, size: u64) -> u64 {
    nodes(kind, size) / u64::from(TILE_WIDTH)
}

/// The width of the partial tile of this kind in a tree of `size` entries, 0 if there is none.
#[must_use]
pub fn partial_width(kind: TileKind, size: u64) -> u16 {
    let rest = nodes(kind, size) % u64::from(TILE_WIDTH);
    u16::try_from(rest).unwrap_or(0)
}

/// The tiles and bundles that a tree of `new_size` has and one of `old_size` had not: what is to be
/// written when a log grows. From size 0 these are all of them. Bundles come first, then levels
/// upward, each left to right.
pub fn new_tiles(old_size: u64, new_size: u64) -> impl Iterator<Item = TileId> {
    let levels = (0..=MAX_USED_LEVEL).map(TileKind::Hashes);
    std::iter::once(TileKind::Entries).chain(levels).flat_map(move |kind| {
        // A partial tile of the old size that has grown is a new file, so start at its index.
        let first = full_tiles(kind, old_size);
        let end = full_tiles(kind, new_size).saturating_add(1);
        let unchanged = nodes(kind, old_size) >= nodes(kind, new_size);
        let range = if unchanged { 0..0 } else { first..end };
        range.filter_map(move |index| TileId::at_size(kind, index, new_size))
    })
}

/// Reads the hashes of a tile.
///
/// # Errors
/// `tile.length`.
pub fn parse_tile(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() != usize::from(width) || width > TILE_WIDTH {
        return Err(TileError::Length { width, actual: bytes.len() });
    }
    Ok(hashes.to_vec())
}

/// Where the hash of a full subtree is found: a run of `count` hashes in a tile, whose root it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLocation {
    /// The tile level.
    pub level: u8,
    /// The index of the tile in its level.
    pub index: u64,
    /// The first hash of the run.
    pub first: u16,
    /// The length of the run, a power of two up to 128.
    pub count: u16,
}

/// Where the hash of the full subtree at tree `level` and `index` is found.
#[must_use]
pub fn locate(level: u8, index: u64) -> NodeLocation {
    let above = level % TILE_HEIGHT;
    let count = 1_u16 << above;
    // Tile-level nodes are `count` times as many; the tile holds 256 of them.
    let subtrees_per_tile = u64::from(TILE_WIDTH >> above);
    let in_tile = u16::try_from(index % subtrees_per_tile).unwrap_or(0);
    NodeLocation {
        level: level / TILE_HEIGHT,
        index: index / subtrees_per_tile,
        first: in_tile.saturating_mul(count),
        count,
    }
}

/// The root over the run of a [`NodeLocation`] in its tile.
///
/// # Errors
/// `tile.range` if the tile is too narrow.
pub fn node_in_tile(hashes: &[Hash], location: &NodeLocation) -> Result<Hash, TileError> {
    let first = usize::from(location.first);
    let end = first.saturating_add(usize::from(location.count));
    let mut nodes = hashes.get(first..end).ok_or(TileError::Range)?.to_vec();
    while nodes.len() > 1 {
        let (pairs, _) = nodes.as_chunks::<2>();
        nodes = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    nodes.first().copied().ok_or(TileError::Range)
}

/// Something that gives the hashes of tiles, from files or over HTTP.
pub trait TileSource {
    /// What reading can fail with.
    type Error: From<TileError> + From<MerkleError>;

    /// The hashes of this tile, as many as its width. A source that has only a wider tile of the
    /// same index may give the first hashes of that.
    ///
    /// # Errors
    /// Whatever reading fails with.
    fn tile(&self, id: TileId) -> Result<Vec<Hash>, Self::Error>;
}

/// The tree of one size, read through its tiles: a [`HashReader`] for making proofs.
#[derive(Debug, Clone)]
pub struct TileTree<S> {
    source: S,
    size: u64,
}

impl<S: TileSource> TileTree<S> {
    /// The tree of the first `size` entries in this source.
    pub fn new(source: S, size: u64) -> Self {
        Self { source, size }
    }

    /// The size given.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl<S: TileSource> HashReader for TileTree<S> {
    type Error = S::Error;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, S::Error> {
        let location = locate(level, index);
        let kind = TileKind::Hashes(location.level);
        let id = TileId::at_size(kind, location.index, self.size).ok_or(TileError::Range)?;
        let hashes = self.source.tile(id)?;
        Ok(node_in_tile(&hashes, &location)?)
    }
}

#[cfg(test)]
mod tests;
