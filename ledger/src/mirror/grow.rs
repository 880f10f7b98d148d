//! Fetching the entries between two sizes and checking them against the root, before anything of
//! them is shown.
//!
//! Only entries are fetched: the hashes of every tile are computed from them, so that a tile of the
//! copy can't be wrong.

use std::thread;

use placet_proto::tlog::merkle::{CompactRange, Hash, leaf_hash};
use placet_proto::tlog::tile::{
    NodeLocation, TILE_WIDTH, TileSource as _, TileTree, node_in_tile, parse_bundle,
};
use placet_proto::tlog::{Checkpoint, TileId, TileKind};

use super::Error;
use super::files::{self, CopyDir};
use super::remote::{self, Remote};

/// Bundles that are fetched at the same time.
const AT_ONCE: u64 = 8;
/// Most bytes of an entry bundle.
const MAX_BUNDLE: usize = TILE_WIDTH as usize * (2 + u16::MAX as usize);

/// Stages every tile and bundle that the tree of `to` has beyond the one of size `from`, which the
/// copy holds.
///
/// # Errors
/// [`Error::Tree`] when the entries do not give the root; then nothing stays staged. Those of
/// fetching and of files.
pub(super) fn stage(
    copy: &CopyDir,
    server: &dyn Remote,
    from: u64,
    to: &Checkpoint,
) -> Result<(), Error> {
    let grown = stage_all(copy, server, from, to);
    if matches!(grown, Err(Error::Tree { .. })) {
        // What waits there may be what is wrong: none of it is used again.
        copy.unstage()?;
    }
    grown
}

fn stage_all(copy: &CopyDir, server: &dyn Remote, from: u64, to: &Checkpoint) -> Result<(), Error> {
    let width = u64::from(TILE_WIDTH);
    let mut tree = Growing::load(copy, from)?;
    let (mut next, end) = (from / width, to.size.div_ceil(width));
    while next < end {
        let until = end.min(next.saturating_add(AT_ONCE));
        for (index, fetched) in (next..until).zip(fetch(copy, server, next..until, to.size)) {
            tree.add_bundle(copy, index, &fetched?, to)?;
        }
        next = until;
    }
    tree.finish(copy, to)
}

/// Several bundles at once, in their order.
fn fetch(
    copy: &CopyDir,
    server: &dyn Remote,
    bundles: std::ops::Range<u64>,
    size: u64,
) -> Vec<Result<Vec<u8>, Error>> {
    thread::scope(|scope| {
        let fetching: Vec<_> =
            bundles.map(|index| scope.spawn(move || bundle(copy, server, index, size))).collect();
        let lost = || Error::Unreachable {
            path: "tile/entries".to_owned(),
            detail: "its thread ended early".to_owned(),
        };
        fetching.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(lost()))).collect()
    })
}

/// One bundle, staged. A full one that an earlier attempt has staged is not fetched again; the root
/// says whether it was good.
fn bundle(copy: &CopyDir, server: &dyn Remote, index: u64, size: u64) -> Result<Vec<u8>, Error> {
    let id = TileId::at_size(TileKind::Entries, index, size);
    let id = id.ok_or(placet_proto::tlog::TileError::Range)?;
    let name = id.to_string();
    if id.is_full()
        && let Some(bytes) = files::read(&copy.staged(&name), MAX_BUNDLE)?
        && parse_bundle(&bytes, id.width).is_ok()
    {
        return Ok(bytes);
    }
    let bytes = remote::entries(server, index, id.width)?;
    copy.stage(&name, &bytes)?;
    Ok(bytes)
}

/// The right edge of a tree that grows: its last tile of every level.
struct Growing {
    range: CompactRange,
    /// By level: index of the tile, and its hashes so far, fewer than 256.
    rows: Vec<(u64, Vec<Hash>)>,
}

impl Growing {
    fn load(copy: &CopyDir, size: u64) -> Result<Self, Error> {
        let range = CompactRange::load(&TileTree::new(copy, size), size)?;
        let mut rows = Vec::new();
        let (mut nodes, mut level) = (size, 0_u8);
        while nodes > 0 {
            let index = nodes / u64::from(TILE_WIDTH);
            let hashes = match TileId::at_size(TileKind::Hashes(level), index, size) {
                Some(id) => copy.tile(id)?,
                None => Vec::new(),
            };
            rows.push((index, hashes));
            nodes /= u64::from(TILE_WIDTH);
            level = level.saturating_add(1);
        }
        Ok(Self { range, rows })
    }

    /// Appends the entries of a bundle that are new; those before must be the ones that are kept.
    fn add_bundle(
        &mut self,
        copy: &CopyDir,
        index: u64,
        bytes: &[u8],
        to: &Checkpoint,
    ) -> Result<(), Error> {
        let first = index.saturating_mul(u64::from(TILE_WIDTH));
        let width = TileId::at_size(TileKind::Entries, index, to.size).map_or(0, |id| id.width);
        let known = self.rows.first().map(|(_, hashes)| hashes.clone()).unwrap_or_default();
        for (at, entry) in (first..).zip(parse_bundle(bytes, width)?) {
            let leaf = leaf_hash(entry);
            if at < self.range.size() {
                let place = usize::try_from(at.saturating_sub(first)).unwrap_or(usize::MAX);
                if known.get(place) != Some(&leaf) {
                    let path = format!("tile/entries, index {at}");
                    return Err(Error::Tree { path, size: to.size });
                }
                continue;
            }
            self.range.append(leaf)?;
            self.push(copy, leaf)?;
        }
        Ok(())
    }

    /// A hash at the end of level 0; what becomes full is staged and joins the level above.
    fn push(&mut self, copy: &CopyDir, leaf: Hash) -> Result<(), Error> {
        let (mut hash, mut level) = (leaf, 0_usize);
        loop {
            if self.rows.len() <= level {
                self.rows.push((0, Vec::new()));
            }
            let Some((index, hashes)) = self.rows.get_mut(level) else { return Ok(()) };
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                return Ok(());
            }
            let kind = TileKind::Hashes(u8::try_from(level).unwrap_or(u8::MAX));
            copy.stage(&TileId::full(kind, *index).to_string(), hashes.as_flattened())?;
            let whole = NodeLocation { level: 0, index: 0, first: 0, count: TILE_WIDTH };
            hash = node_in_tile(hashes, &whole)?;
            hashes.clear();
            *index = index.saturating_add(1);
            level = level.saturating_add(1);
        }
    }

    /// Compares the root, then stages the partial tiles.
    fn finish(self, copy: &CopyDir, to: &Checkpoint) -> Result<(), Error> {
        if self.range.size() != to.size || self.range.root() != to.root {
            return Err(Error::Tree { path: "tile/entries".to_owned(), size: to.size });
        }
        for (level, (index, hashes)) in (0_u8..).zip(&self.rows) {
            if let Ok(width @ 1..) = u16::try_from(hashes.len()) {
                let id = TileId { kind: TileKind::Hashes(level), index: *index, width };
                copy.stage(&id.to_string(), hashes.as_flattened())?;
            }
        }
        Ok(())
    }
}
