//! A copy of a log on disk: C2SP tlog-tiles, and beside them the statements that are not erased.
//!
//! ```text
//! COPY/checkpoint              the note that says how many entries there are
//! COPY/tile/0/…                leaf hashes
//! COPY/tile/entries/…          entries: for Placet the SHA-256 of each statement
//! COPY/statements/…            statements, one a file, under any name
//! ```
//!
//! A ledger's own folder works too: then the first three are in its `log/`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use placet_proto::cose::MAX_SIGN1_BYTES;
use placet_proto::document::Body;
use placet_proto::statement::Statement;
use placet_proto::tlog::merkle::{CompactRange, Hash};
use placet_proto::tlog::note::MAX_NOTE_LEN;
use placet_proto::tlog::tile::{self, TILE_WIDTH};
use placet_proto::tlog::{SignedCheckpoint, TileId, TileKind, TlogError};
use placet_verifier::WholeLog;

use crate::codes;
use crate::error::Failure;
use crate::input;

/// The most entries that are read: 512 MiB of hashes.
const MAX_ENTRIES: u64 = 1 << 24;
/// The most files in `statements` that are looked at.
const MAX_STATEMENTS: usize = 1 << 24;

/// A copy of one log.
pub struct Copy {
    tiles: PathBuf,
    statements: PathBuf,
}

impl Copy {
    /// Finds the parts of a copy; nothing is read yet.
    pub fn at(path: &Path) -> Self {
        let own = path.join("log");
        let tiles = if own.join("tile").is_dir() { own } else { path.to_owned() };
        Self { tiles, statements: path.join("statements") }
    }

    /// The size in the copy's checkpoint; nothing vouches for it here.
    ///
    /// # Errors
    /// What reading the checkpoint gives; `input.size` for more entries than are read.
    pub fn size(&self) -> Result<u64, Failure> {
        let path = self.tiles.join("checkpoint");
        let note = input::read(&path, MAX_NOTE_LEN)?;
        let signed = SignedCheckpoint::parse(&note.bytes);
        let size = signed.map_err(|e| refuse(&path, e))?.checkpoint().size;
        check_size(&path, size)?;
        Ok(size)
    }

    /// The roots at two sizes, computed from the leaf hashes alone.
    ///
    /// # Errors
    /// What reading the tiles gives.
    pub fn roots(&self, sizes: [u64; 2]) -> Result<[Hash; 2], Failure> {
        let end = sizes[0].max(sizes[1]);
        check_size(&self.tiles, end)?;
        let mut tree = CompactRange::new();
        let mut roots = [tree.root(); 2];
        for index in 0..end.div_ceil(u64::from(TILE_WIDTH)) {
            for leaf in self.hashes(index, end)? {
                tree.append(leaf).map_err(|e| refuse(&self.tiles, e))?;
                for (root, size) in roots.iter_mut().zip(sizes) {
                    if tree.size() == size {
                        *root = tree.root();
                    }
                }
            }
        }
        Ok(roots)
    }

    /// Leaf hashes of one tile of level 0.
    fn hashes(&self, index: u64, size: u64) -> Result<Vec<Hash>, Failure> {
        let (path, bytes, width) = self.tile(TileKind::Hashes(0), index, size, 32 * 256)?;
        let wanted = bytes.get(..usize::from(width).saturating_mul(32));
        tile::parse_tile(wanted.unwrap_or(&bytes), width).map_err(|e| refuse(&path, e))
    }

    /// The entries of one bundle, each a hash.
    fn entries(&self, index: u64, size: u64) -> Result<Vec<Hash>, Failure> {
        let (path, bytes, width) = self.tile(TileKind::Entries, index, size, 34 * 256)?;
        let wanted = bytes.get(..usize::from(width).saturating_mul(34));
        let entries = tile::parse_bundle(wanted.unwrap_or(&bytes), width);
        let entries = entries.map_err(|e| refuse(&path, e))?;
        let hashes: Option<Vec<Hash>> = entries.iter().map(|e| Hash::try_from(*e).ok()).collect();
        hashes.ok_or_else(|| {
            Failure::malformed(&path, "tile.bundle", "an entry is not 32 bytes: no Placet log")
        })
    }

    /// A tile at this size: the partial one, else the first part of the full one.
    fn tile(
        &self,
        kind: TileKind,
        index: u64,
        size: u64,
        max: usize,
    ) -> Result<(PathBuf, Vec<u8>, u16), Failure> {
        let range = || refuse(&self.tiles, tile::TileError::Range);
        let id = TileId::at_size(kind, index, size).ok_or_else(range)?;
        let exact = self.tiles.join(id.to_string());
        let full = self.tiles.join(TileId::full(kind, index).to_string());
        let path = if exact.is_file() { exact } else { full };
        let bytes = input::read(&path, max)?.bytes;
        Ok((path, bytes, id.width))
    }

    /// Every statement in the copy by its entry.
    fn bodies(&self) -> Result<HashMap<Hash, Option<String>>, Failure> {
        let mut bodies = HashMap::new();
        let listing = match fs::read_dir(&self.statements) {
            Ok(listing) => listing,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(bodies),
            Err(e) => return Err(Failure::io(&self.statements, e)),
        };
        for file in listing.take(MAX_STATEMENTS) {
            let path = file.map_err(|e| Failure::io(&self.statements, e))?.path();
            let input = input::read(&path, MAX_SIGN1_BYTES)?;
            // A file that is no statement matches no entry, so it can only be missing.
            bodies.insert(input.sha256, execution_request(&input.bytes));
        }
        Ok(bodies)
    }
}

/// Reads a copy for the check that an approval was spent once.
///
/// # Errors
/// What reading the copy gives.
pub fn whole_log(path: &Path) -> Result<WholeLog, Failure> {
    let copy = Copy::at(path);
    let size = copy.size()?;
    let bodies = copy.bodies()?;
    let mut whole = WholeLog::default();
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        whole.entries.extend(copy.entries(index, size)?);
    }
    for (index, entry) in (0_u64..).zip(&whole.entries) {
        match bodies.get(entry) {
            Some(Some(request)) => whole.executions.push((index, request.clone())),
            Some(None) => {}
            None => whole.bodies_missing = whole.bodies_missing.saturating_add(1),
        }
    }
    Ok(whole)
}

/// The request of an execution statement; `None` for other statements.
fn execution_request(bytes: &[u8]) -> Option<String> {
    match Statement::parse(bytes).ok()?.document.body {
        Body::Execution(execution) => Some(execution.request),
        _ => None,
    }
}

fn check_size(path: &Path, size: u64) -> Result<(), Failure> {
    if size > MAX_ENTRIES {
        return Err(Failure::malformed(path, codes::SIZE, "more entries than are read"));
    }
    Ok(())
}

fn refuse(path: &Path, error: impl Into<TlogError>) -> Failure {
    let error: TlogError = error.into();
    Failure::malformed(path, error.code(), &error.to_string())
}
