//! Tiles against the journal: the engine's own tree code runs over storage that compares.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use placet_proto::tlog::tile::{TILE_WIDTH, TileId, TileKind};

use super::Found;
use crate::Error;
use crate::dir::{Dir, LogId};
use crate::host::real;
use crate::objects::FileObjects;
use crate::storage::{Hash, Objects};
use crate::tiles::Tree;

/// Entries that are added to the tree at a time.
const CHUNK: usize = 4096;

/// The tree of the journal, as far as it was read.
pub(super) struct TreeCheck {
    tree: Tree,
    waiting: Vec<Hash>,
    folder: PathBuf,
}

impl TreeCheck {
    pub(super) fn new(
        dir: &Dir,
        log: LogId,
        published: u64,
        found: &Found,
    ) -> Result<TreeCheck, Error> {
        let folder = dir.tiles(log);
        let files = FileObjects::open(&real(), &folder, &dir.state(), false)?;
        let compare = Arc::new(Compare { files, published, found: found.clone() });
        Ok(TreeCheck { tree: Tree::empty(compare, true), waiting: Vec::new(), folder })
    }

    pub(super) fn entry(&mut self, hash: Hash) -> Result<(), Error> {
        self.waiting.push(hash);
        if self.waiting.len() >= CHUNK { self.settle() } else { Ok(()) }
    }

    /// The root at `size`, at most what was read. A size below the present one is an odd case
    /// (notes out of order) and is read from the tiles.
    pub(super) fn root_at(&mut self, size: u64) -> Result<Hash, Error> {
        self.settle()?;
        self.tree.root_at(size)
    }

    /// Compares the partial tiles of the published size, which is the present one.
    pub(super) fn partials(&mut self, size: u64) -> Result<(), Error> {
        self.settle()?;
        self.tree.write_partials(size, true, 0)
    }

    /// Looks at every file there is.
    pub(super) fn finish(
        mut self,
        size_now: impl Fn() -> Result<u64, Error>,
        found: &Found,
    ) -> Result<(), Error> {
        self.settle()?;
        let mut beyond = Vec::new();
        let mut folders = vec![self.folder.join("tile")];
        while let Some(folder) = folders.pop() {
            let items = match std::fs::read_dir(&folder) {
                // A folder of partial tiles may vanish at any time.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                items => items.map_err(Error::io("list", &folder))?,
            };
            for item in items {
                let path = item.map_err(Error::io("list", &folder))?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    self.file(&path, &mut beyond, found)?;
                }
            }
        }
        let size = if beyond.is_empty() { 0 } else { size_now()? };
        for tile in beyond {
            if last_leaf(tile) > size {
                found.add("tile.stray", None, format!("{tile} is beyond the log"));
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path, beyond: &mut Vec<TileId>, found: &Found) -> Result<(), Error> {
        let name = path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy();
        let Ok(tile) = name.parse::<TileId>() else {
            found.add("tile.stray", None, name);
            return Ok(());
        };
        if last_leaf(tile) > self.tree.size() {
            if beyond.len() < super::MAX_FINDINGS {
                beyond.push(tile);
            }
            return Ok(());
        }
        // Full tiles were compared while the journal was read.
        if !tile.is_full()
            && let Ok(bytes) = std::fs::read(path)
            && self.tree.tile(tile).ok().flatten().is_none_or(|expected| expected != bytes)
        {
            found.add("tile.wrong", None, name);
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            self.tree.extend(&std::mem::take(&mut self.waiting))?;
        }
        Ok(())
    }
}

/// Number of entries that a tree must have for this tile to exist.
fn last_leaf(tile: TileId) -> u64 {
    let level = match tile.kind {
        TileKind::Hashes(level) => u32::from(level),
        TileKind::Entries => 0,
    };
    let hashes = tile.index.saturating_mul(u64::from(TILE_WIDTH));
    let each = 256u64.checked_pow(level).unwrap_or(u64::MAX);
    hashes.saturating_add(u64::from(tile.width)).saturating_mul(each)
}

/// Storage that compares what it is given with what is there.
struct Compare {
    files: FileObjects,
    published: u64,
    found: Found,
}

impl Objects for Compare {
    fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.files.get(path)
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let Ok(tile) = path.parse::<TileId>() else { return Ok(()) };
        match self.files.get(path)? {
            Some(there) if there == bytes => {}
            Some(_) => self.found.add("tile.wrong", None, path),
            // What is not published yet is made again when the log is opened.
            None if last_leaf(tile) > self.published => {}
            // A full tile stands for its partial ones.
            None if !tile.is_full() && self.full_exists(tile)? => {}
            None => self.found.add("tile.missing", None, path),
        }
        Ok(())
    }

    fn offer(&self, _: &str, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn unsynced(&self) -> usize {
        0
    }

    fn replace(&self, _: &str, _: &[u8]) -> Result<(), Error> {
        Err(Error::ReadOnly)
    }

    fn remove_below(&self, _: &str) {}
}

impl Compare {
    fn full_exists(&self, tile: TileId) -> Result<bool, Error> {
        Ok(self.files.get(&TileId::full(tile.kind, tile.index).to_string())?.is_some())
    }
}
