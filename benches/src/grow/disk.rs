//! What a folder takes on the disk, by what it is for.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Bytes of one sort of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// Sum of their lengths.
    pub length: u64,
    /// What the file system sets aside for them, in whole blocks.
    pub allocated: u64,
}

/// The files of a ledger's folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Disk {
    /// Statements.
    pub bodies: u64,
    /// The journal around them: hashes, once keys, checksums.
    pub journal: Bytes,
    /// Tiles of hashes (`tile/0` and above).
    pub tiles: Bytes,
    /// Tiles of entries (`tile/entries`).
    pub entry_tiles: Bytes,
    /// Everything else but the index: notes, checkpoints, lists of frames, the governance log.
    pub rest: Bytes,
    /// The once index, which is made again from the journal.
    pub once_index: Bytes,
    /// Bytes an entry beside its body, the index left out: by length, and as allocated.
    pub per_entry: f64,
    /// As allocated.
    pub per_entry_allocated: f64,
    /// Bytes an entry of the once index, by length.
    pub once_index_per_entry: f64,
}

impl Disk {
    /// The folder of a log with so many entries, of so many bytes each.
    ///
    /// # Errors
    /// `bench.io`.
    pub fn of(root: &Path, entries: u64, size: usize) -> Result<Self, Error> {
        let mut disk = Self { bodies: entries.saturating_mul(size as u64), ..Self::default() };
        walk(root, &mut |path, bytes| {
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
            let sort = match &*name {
                n if n.starts_with("bodies/log-") && n.ends_with(".seg") => &mut disk.journal,
                n if n.starts_with("log/tile/entries/") => &mut disk.entry_tiles,
                n if n.starts_with("log/tile/") => &mut disk.tiles,
                n if n.starts_with("state/once-") => &mut disk.once_index,
                _ => &mut disk.rest,
            };
            sort.length += bytes.length;
            sort.allocated += bytes.allocated;
        })?;
        disk.journal.length = disk.journal.length.saturating_sub(disk.bodies);
        disk.journal.allocated = disk.journal.allocated.saturating_sub(disk.bodies);
        let beside = [disk.journal, disk.tiles, disk.entry_tiles, disk.rest];
        let each = |of: fn(&Bytes) -> u64, sorts: &[Bytes]| {
            let sum: u64 = sorts.iter().map(of).sum();
            (sum as f64 / entries.max(1) as f64 * 100.0).round() / 100.0
        };
        disk.per_entry = each(|bytes| bytes.length, &beside);
        disk.per_entry_allocated = each(|bytes| bytes.allocated, &beside);
        disk.once_index_per_entry = each(|bytes| bytes.length, &[disk.once_index]);
        Ok(disk)
    }
}

fn walk(folder: &Path, see: &mut dyn FnMut(&Path, Bytes)) -> Result<(), Error> {
    for item in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = item.map_err(Error::io(folder))?.path();
        let about = path.symlink_metadata().map_err(Error::io(&path))?;
        match about.is_dir() {
            true => walk(&path, see)?,
            false => {
                let allocated = about.blocks().saturating_mul(512);
                see(&path, Bytes { length: about.len(), allocated });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;

    #[test]
    fn every_byte_is_of_one_sort() {
        let tmp = tempfile::tempdir().unwrap();
        let feed = Feed::open(tmp.path()).unwrap();
        feed.append(1024, 100, 512, &mut |_| {}).unwrap();
        drop(feed);
        let disk = Disk::of(tmp.path(), 1024, 100).unwrap();
        assert_eq!(disk.bodies, 102_400);
        // A full tile of entries has 256 times 34 bytes, one of hashes 256 times 32.
        // Partial ones of a checkpoint that was published half-way may be there as well.
        assert!((4 * 256 * 34..5 * 256 * 34).contains(&disk.entry_tiles.length), "{disk:?}");
        assert!((4 * 256 * 32..6 * 256 * 32).contains(&disk.tiles.length), "{disk:?}");
        // A hash, a key, a length and a count for each.
        assert!((1024 * 69..1024 * 140).contains(&disk.journal.length), "{disk:?}");
        assert!(disk.once_index.length > 1024 * 40);
        assert!(disk.per_entry > 100.0 && disk.once_index_per_entry > 40.0);
    }
}
