//! The Merkle tree of one log (RFC 9162) as C2SP tiles.
//!
//! Full tiles are written once; the unfinished tile of each level, the right edge, is in memory.
//! So memory does not depend on the size of the log, and a proof reads a few tiles. The journal
//! holds every hash, so what a crash loses here is made again from there.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, RwLock};

use placet_proto::tlog::TlogError;
use placet_proto::tlog::merkle::{
    self, CompactRange, HashReader, consistency_path, inclusion_path, leaf_hash,
};
use placet_proto::tlog::tile::{
    self, TILE_HEIGHT, TILE_WIDTH, TileId, TileKind, encode_bundle, full_tiles, partial_width,
};

use crate::Error;
use crate::storage::{Hash, Objects, Store};
use crate::sync::{lock, read, write};

/// Tile levels that a tree of 2^64 entries can have.
pub(crate) const TILE_LEVELS: u8 = 8;
/// [`TILE_WIDTH`] as a length.
const WIDTH: usize = TILE_WIDTH as usize;
/// Full tiles that are kept for reading: 4 MiB.
const CACHED_TILES: usize = 256;
/// Entries that are read from the journal at a time when tiles are made again.
const REBUILD_CHUNK: u64 = 4096;
/// Full tiles of each level whose partial forms are removed again when a log is opened.
const MENDED_TILES: u64 = 8;

/// The tree.
pub struct Tree {
    objects: Arc<dyn Objects>,
    edge: RwLock<Arc<Edge>>,
    cache: Mutex<VecDeque<FullTile>>,
    /// Whether full tiles go to storage; else they are only held in `Edge::held`.
    writable: bool,
    /// Full tiles and bundles that found no space: those of one batch at most.
    late: Mutex<Vec<(String, Vec<u8>)>>,
}

/// The tree at one size. Readers take a snapshot, so that a proof speaks of one size.
#[derive(Clone, Debug, Default)]
struct Edge {
    range: CompactRange,
    /// The unfinished tile of each level.
    levels: Vec<Part>,
    /// The entries of the unfinished bundle.
    entries: Vec<Hash>,
    /// Full tiles that are not in storage, of a reader that may not put them there.
    held: Vec<FullTile>,
}

/// An unfinished tile, up to 255 hashes, and the nodes above them: those of each tree level that it
/// spans. A proof takes one of each level, and hashing them anew for each proof would cost more
/// than checking a signature.
type Part = [Vec<Hash>; TILE_HEIGHT as usize];

/// Level, index and nodes.
type FullTile = (u8, u64, Arc<Nodes>);

/// A full tile and the nodes above its hashes.
#[derive(Debug)]
struct Nodes(Part);

impl Nodes {
    fn above(hashes: &[Hash]) -> Self {
        Self(part(hashes))
    }

    fn hashes(&self) -> &[Hash] {
        let [hashes, ..] = &self.0;
        hashes
    }
}

impl Tree {
    /// The tree without entries. Full tiles go to `objects` if `writable`, else to memory.
    pub fn empty(objects: Arc<dyn Objects>, writable: bool) -> Tree {
        let (edge, cache, late) = (RwLock::default(), Mutex::default(), Mutex::default());
        Tree { objects, edge, cache, writable, late }
    }

    /// The tree over all entries of `store`, taking up tiles that are durable for size `mark`.
    ///
    /// # Errors
    /// [`Error::TileCorrupt`] when those tiles are not there; what the storage gives.
    pub fn load(
        objects: Arc<dyn Objects>,
        store: &dyn Store,
        mark: u64,
        writable: bool,
    ) -> Result<Tree, Error> {
        // Only whole tiles are taken up: the entries of the last one come from the journal.
        let base = mark - mark % u64::from(TILE_WIDTH);
        let tree = Tree::empty(objects, writable);
        let mut levels = Vec::new();
        for level in 0..TILE_LEVELS {
            let (index, width) = edge_of(base, level);
            if base >> (8 * u32::from(level)) == 0 {
                break;
            }
            levels.push(part(&tree.stored_prefix(TileId { width, ..full(level, index) })?));
        }
        let mut edge = Edge { levels, ..Edge::default() };
        let snapshot = Snapshot { tree: &tree, edge: &edge, size: base };
        edge.range = CompactRange::load(&snapshot, base)?;
        *write(&tree.edge) = Arc::new(edge);
        let mut at = base;
        while at < store.size() {
            let end = store.size().min(at.saturating_add(REBUILD_CHUNK));
            tree.extend(&store.entries(at..end)?)?;
            at = end;
        }
        Ok(tree)
    }

    /// Adds entries and gives the new size and root. Full tiles are in storage (not yet durable)
    /// when this returns.
    ///
    /// # Errors
    /// What the storage gives; the tree is unchanged then.
    pub fn extend(&self, entries: &[Hash]) -> Result<(u64, Hash), Error> {
        let mut edge = Edge::clone(&read(&self.edge));
        for entry in entries {
            self.push(&mut edge, entry)?;
        }
        let state = (edge.range.size(), edge.range.root());
        *write(&self.edge) = Arc::new(edge);
        Ok(state)
    }

    /// Tries again to store what found no space. To be called before anything is recorded, so
    /// that this is never more than what one batch fills.
    ///
    /// # Errors
    /// [`Error::Full`] when there still is none, what the storage gives.
    pub fn store_late(&self) -> Result<(), Error> {
        let mut late = lock(&self.late);
        while let Some((path, bytes)) = late.last() {
            self.objects.put(path, bytes)?;
            late.pop();
        }
        Ok(())
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        read(&self.edge).range.size()
    }

    /// Size and root now.
    pub fn head(&self) -> (u64, Hash) {
        let edge = read(&self.edge);
        (edge.range.size(), edge.range.root())
    }

    /// The root at any size up to the present one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TileCorrupt`], what the storage gives.
    pub fn root_at(&self, size: u64) -> Result<Hash, Error> {
        let edge = self.snapshot(size)?;
        if size == edge.range.size() {
            return Ok(edge.range.root());
        }
        merkle::root_at(&Snapshot { tree: self, edge: &edge, size }, size)
    }

    /// The path from entry `index` to the root at `size`, checked before it is given out.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TileCorrupt`], what the storage gives.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
        let edge = self.snapshot(size)?;
        if index >= size {
            return Err(Error::OutOfRange { what: "index", asked: index, size });
        }
        let snapshot = Snapshot { tree: self, edge: &edge, size };
        let path = inclusion_path(&snapshot, index, size)?;
        let root = match size == edge.range.size() {
            true => edge.range.root(),
            false => merkle::root_at(&snapshot, size)?,
        };
        let leaf = snapshot.subtree(0, index)?;
        merkle::verify_inclusion(&leaf, index, size, &path, &root)
            .map_err(|_| corrupt("tile", "tiles of different levels contradict each other"))?;
        Ok(path)
    }

    /// The path between the trees of two sizes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::TileCorrupt`], [`Error::Proto`] for `size1 > size2`, what
    /// the storage gives.
    pub fn consistency(&self, size1: u64, size2: u64) -> Result<Vec<Hash>, Error> {
        let edge = self.snapshot(size2)?;
        consistency_path(&Snapshot { tree: self, edge: &edge, size: size2 }, size1, size2)
    }

    /// The bytes of a tile or bundle, of any width that exists by now; none if it does not.
    ///
    /// # Errors
    /// [`Error::TileCorrupt`], what the storage gives.
    pub fn tile(&self, tile: TileId) -> Result<Option<Vec<u8>>, Error> {
        let edge = Arc::clone(&read(&self.edge));
        let widest = TileId::at_size(tile.kind, tile.index, edge.range.size());
        if widest.is_none_or(|widest| tile.width > widest.width) {
            return Ok(None);
        }
        let TileKind::Hashes(level) = tile.kind else {
            return self.bundle(&edge, tile).map(Some);
        };
        let snapshot = Snapshot { tree: self, edge: &edge, size: edge.range.size() };
        snapshot.with_tile(level, tile.index, |nodes| {
            let hashes = nodes.first().and_then(|hashes| hashes.get(..usize::from(tile.width)));
            Ok(Some(hashes.ok_or_else(|| corrupt(tile, "it is too short"))?.concat()))
        })
    }

    /// Stores the partial tiles of the tree at `size`: to be made durable, or only to be seen.
    ///
    /// Those that a tree of size `published` has as well are durable already. They stay as they
    /// are, unless they are damaged: a new file of that name would not be durable for a while.
    ///
    /// # Errors
    /// As [`Tree::tile`], and [`Error::OutOfRange`].
    pub fn write_partials(&self, size: u64, durable: bool, published: u64) -> Result<(), Error> {
        self.snapshot(size)?;
        for level in 0..TILE_LEVELS {
            let (index, width) = edge_of(size, level);
            if width == 0 {
                continue;
            }
            let stands = edge_of(published, level) == (index, width);
            let mut tiles = vec![TileId { width, ..full(level, index) }];
            if level == 0 {
                tiles.push(TileId { kind: TileKind::Entries, index, width });
            }
            for tile in tiles {
                let bytes = self.tile(tile)?.ok_or_else(|| corrupt(tile, "it is missing"))?;
                let path = tile.to_string();
                if stands && self.objects.get(&path)?.as_ref() == Some(&bytes) {
                    continue;
                }
                match durable {
                    true => self.objects.put(&path, &bytes)?,
                    false => self.objects.offer(&path, &bytes)?,
                }
            }
        }
        Ok(())
    }

    /// Puts the partial tiles in order that a power cut may have left: those that were only to be
    /// seen may be torn, those that were removed may be back.
    ///
    /// # Errors
    /// As [`Tree::tile`].
    pub fn mend_partials(&self, published: u64) -> Result<(), Error> {
        let size = self.size();
        for level in 0..TILE_LEVELS {
            let (end, width) = edge_of(size, level);
            let kept = edge_of(published, level).0.min(end);
            let from = end.saturating_sub(MENDED_TILES);
            for index in (from..end).filter(|index| *index != kept) {
                self.remove_partials(level, index);
            }
            if kept < end {
                self.mend_widths(level, kept, TILE_WIDTH.saturating_sub(1))?;
            }
            self.mend_widths(level, end, width)?;
        }
        Ok(())
    }

    fn mend_widths(&self, level: u8, index: u64, to: u16) -> Result<(), Error> {
        for width in 1..=to {
            let mut tiles = vec![TileId { width, ..full(level, index) }];
            if level == 0 {
                tiles.push(TileId { kind: TileKind::Entries, index, width });
            }
            for tile in tiles {
                let Some(stored) = self.objects.get(&tile.to_string())? else { continue };
                let bytes = self.tile(tile)?.ok_or_else(|| corrupt(tile, "it is missing"))?;
                if stored != bytes {
                    self.store(tile.to_string(), bytes)?;
                }
            }
        }
        Ok(())
    }

    fn remove_partials(&self, level: u8, index: u64) {
        self.objects.remove_below(&partial_folder(full(level, index)));
        if level == 0 {
            self.objects.remove_below(&partial_folder(bundle(index)));
        }
    }

    /// Removes partial tiles of what became full as the tree grew from one size to another, save
    /// for those of size `keep`: the full tiles that replace them may not be durable yet.
    pub fn drop_partials(&self, sizes: Range<u64>, keep: u64) {
        for level in 0..TILE_LEVELS {
            let (first, end) = (edge_of(sizes.start, level).0, edge_of(sizes.end, level).0);
            let kept = edge_of(keep, level).0;
            for index in (first..end).filter(|index| *index != kept) {
                self.remove_partials(level, index);
            }
        }
    }

    fn push(&self, edge: &mut Edge, entry: &Hash) -> Result<(), Error> {
        let index = edge.range.size() / u64::from(TILE_WIDTH);
        edge.entries.push(*entry);
        let levels = &mut edge.levels;
        edge.range.append_with(leaf_hash(entry), |level, _, hash| {
            let (at, above) = (usize::from(level / TILE_HEIGHT), usize::from(level % TILE_HEIGHT));
            if levels.len() <= at {
                levels.resize_with(at.saturating_add(1), Part::default);
            }
            if let Some(nodes) = levels.get_mut(at).and_then(|tile| tile.get_mut(above)) {
                nodes.push(*hash);
            }
        })?;
        if edge.entries.len() == WIDTH {
            let bytes = bundle_bytes(&std::mem::take(&mut edge.entries))?;
            if self.writable {
                self.store(bundle(index).to_string(), bytes)?;
            }
        }
        for (level, tile) in (0u8..).zip(edge.levels.iter_mut()) {
            let [hashes, ..] = &*tile;
            if hashes.len() < WIDTH {
                break;
            }
            let nodes = Arc::new(Nodes(std::mem::take(tile)));
            let index = edge_of(edge.range.size(), level).0.saturating_sub(1);
            if self.writable {
                let path = full(level, index).to_string();
                self.store(path, nodes.hashes().as_flattened().to_vec())?;
                self.remember(level, index, nodes);
            } else if !self.is_stored(full(level, index), nodes.hashes())? {
                edge.held.push((level, index, nodes));
            }
        }
        Ok(())
    }

    /// The journal has the entries already: for lack of space a tile waits in memory.
    fn store(&self, path: String, bytes: Vec<u8>) -> Result<(), Error> {
        match self.objects.put(&path, &bytes) {
            Err(Error::Full { .. }) => lock(&self.late).push((path, bytes)),
            stored => stored?,
        }
        Ok(())
    }

    fn stored(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let late = lock(&self.late).iter().find(|(p, _)| p == path).map(|(_, bytes)| bytes.clone());
        late.map_or_else(|| self.objects.get(path), |bytes| Ok(Some(bytes)))
    }

    fn snapshot(&self, size: u64) -> Result<Arc<Edge>, Error> {
        let edge = Arc::clone(&read(&self.edge));
        let current = edge.range.size();
        if size > current {
            return Err(Error::OutOfRange { what: "size", asked: size, size: current });
        }
        Ok(edge)
    }

    fn bundle(&self, edge: &Edge, tile: TileId) -> Result<Vec<u8>, Error> {
        let unfinished = edge_of(edge.range.size(), 0).0;
        let mut bytes = if tile.index == unfinished {
            bundle_bytes(&edge.entries)?
        } else {
            self.stored(&bundle(tile.index).to_string())?
                .ok_or_else(|| corrupt(tile, "it is missing"))?
        };
        let len = usize::from(tile.width).saturating_mul(34);
        if bytes.len() < len {
            return Err(corrupt(tile, "it is too short"));
        }
        bytes.truncate(len);
        Ok(bytes)
    }

    /// The first hashes of a stored tile that may be full by now or still partial.
    fn stored_prefix(&self, tile: TileId) -> Result<Vec<Hash>, Error> {
        if tile.width == 0 {
            return Ok(Vec::new());
        }
        // A full tile that was not durable yet may be cut short; its partial one stays till then.
        let full = self.objects.get(&TileId::full(tile.kind, tile.index).to_string())?;
        let bytes = match full.filter(|bytes| bytes.len() == WIDTH * 32) {
            Some(bytes) => bytes,
            None => self
                .objects
                .get(&tile.to_string())?
                .ok_or_else(|| corrupt(tile, "it is missing"))?,
        };
        let (hashes, rest) = bytes.as_chunks::<32>();
        let prefix = hashes.get(..usize::from(tile.width)).filter(|_| rest.is_empty());
        Ok(prefix.ok_or_else(|| corrupt(tile, "its length is wrong"))?.to_vec())
    }

    fn full_tile(&self, level: u8, index: u64) -> Result<Arc<Nodes>, Error> {
        {
            let mut cache = lock(&self.cache);
            if let Some(at) = cache.iter().position(|(l, i, _)| (*l, *i) == (level, index))
                && let Some(found) = cache.remove(at)
            {
                let nodes = Arc::clone(&found.2);
                cache.push_back(found);
                return Ok(nodes);
            }
        }
        let tile = full(level, index);
        let bytes =
            self.stored(&tile.to_string())?.ok_or_else(|| corrupt(tile, "it is missing"))?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() != WIDTH || !rest.is_empty() {
            return Err(corrupt(tile, "its length is wrong"));
        }
        let nodes = Arc::new(Nodes::above(hashes));
        self.remember(level, index, Arc::clone(&nodes));
        Ok(nodes)
    }

    fn is_stored(&self, tile: TileId, hashes: &[Hash]) -> Result<bool, Error> {
        let stored = self.objects.get(&tile.to_string())?;
        Ok(stored.is_some_and(|stored| stored == hashes.as_flattened()))
    }

    fn remember(&self, level: u8, index: u64, nodes: Arc<Nodes>) {
        let mut cache = lock(&self.cache);
        if cache.len() >= CACHED_TILES {
            cache.pop_front();
        }
        cache.push_back((level, index, nodes));
    }
}

/// Index and width of the unfinished tile of a level in a tree of `size` entries.
fn edge_of(size: u64, level: u8) -> (u64, u16) {
    let kind = TileKind::Hashes(level);
    (full_tiles(kind, size), partial_width(kind, size))
}

/// The full tile of hashes.
fn full(level: u8, index: u64) -> TileId {
    TileId::full(TileKind::Hashes(level), index)
}

/// The full bundle of entries.
fn bundle(index: u64) -> TileId {
    TileId::full(TileKind::Entries, index)
}

/// The folder of the partial forms of a tile.
fn partial_folder(tile: TileId) -> String {
    format!("{}.p", TileId::full(tile.kind, tile.index))
}

struct Snapshot<'a> {
    tree: &'a Tree,
    edge: &'a Edge,
    size: u64,
}

impl Snapshot<'_> {
    /// Looks at the nodes of a tile, of each tree level that it spans, as far as there are any.
    fn with_tile<T>(
        &self,
        level: u8,
        index: u64,
        look: impl FnOnce(&Part) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let unfinished = edge_of(self.edge.range.size().max(self.size), level).0;
        if index >= unfinished {
            let tile = self.edge.levels.get(usize::from(level)).filter(|_| index == unfinished);
            return look(tile.ok_or_else(|| corrupt(full(level, index), "it is missing"))?);
        }
        let held = self.edge.held.iter().find(|(l, i, _)| (*l, *i) == (level, index));
        match held {
            Some((_, _, nodes)) => look(&nodes.0),
            None => look(&self.tree.full_tile(level, index)?.0),
        }
    }
}

impl HashReader for Snapshot<'_> {
    type Error = Error;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Error> {
        let place = tile::locate(level, index);
        self.with_tile(place.level, place.index, |nodes| {
            let above = nodes.get(usize::from(level % TILE_HEIGHT));
            let at = usize::from(place.first.checked_div(place.count).unwrap_or(0));
            let node = above.and_then(|nodes| nodes.get(at)).copied();
            node.ok_or_else(|| corrupt(full(place.level, place.index), "it is too short"))
        })
    }
}

/// The hashes of a tile with the nodes above them.
fn part(hashes: &[Hash]) -> Part {
    let mut next = hashes.to_vec();
    std::array::from_fn(|_| {
        let (pairs, _) = next.as_chunks::<2>();
        let above = pairs.iter().map(|[left, right]| merkle::node_hash(left, right)).collect();
        std::mem::replace(&mut next, above)
    })
}

fn bundle_bytes(entries: &[Hash]) -> Result<Vec<u8>, Error> {
    encode_bundle(entries).map_err(|error| Error::Proto(TlogError::from(error).into()))
}

fn corrupt(tile: impl ToString, reason: &str) -> Error {
    Error::TileCorrupt { path: tile.to_string(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
