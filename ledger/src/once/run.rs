//! A run: a file of keys in their order that never changes. It holds the keys of all entries of a
//! range, which its name tells.
//!
//! ```text
//! header (104 bytes, then zeroes up to 4096)
//!   0  magic "placetO2"   8  first entry of the range, u64   16  end of the range, u64
//!  24  number of keys, u64   32  length of the filter, u64   40  SHA-256 of the filter
//!  72  SHA-256 of bytes 0..72
//! blocks of 4096 bytes: 102 rows, ascending, each a key (32) and its entry, u64; in the last block
//!   zeroes behind the rows; then 16 bytes of the SHA-256 of: first entry, end, number of the
//!   block, each u64, and the 4080 bytes before
//! the filter (see [`super::filter`]); none in a run that is too large for one
//! ```
//! All integers are big-endian. A run is durable before it has its name, so that one which is not
//! whole was damaged; it is made again from the journal. Every byte that an answer rests on is
//! under a hash: a bit that flips on the disk stops the log, and lets no key be taken twice.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::filter::Filter;
use crate::Error;
use crate::host::{Access, Host, HostFile};
use crate::storage::OnceKey;

const MAGIC: &[u8; 8] = b"placetO2";
const HEADER: usize = 104;
/// A key and its entry.
const ROW: usize = 40;
/// What is read and checked at once: a page.
const BLOCK: usize = 4096;
/// Rows of a block, and their bytes; behind them is the sum.
const BLOCK_ROWS: usize = 102;
const BLOCK_DATA: usize = BLOCK_ROWS * ROW;
/// Blocks that reading or writing from end to end moves at once: 640 KiB.
const CHUNK_BLOCKS: usize = 160;
/// Longest filter, for 32 million keys. Without one a new key costs a search of about 20 reads.
pub const MAX_FILTER: usize = 64 << 20;

/// A key and the entry that took it.
pub type Row = (OnceKey, u64);

/// An open run.
#[derive(Debug)]
pub struct Run {
    /// The entries whose keys it holds.
    pub entries: Range<u64>,
    /// Number of keys.
    pub count: u64,
    path: PathBuf,
    file: Box<dyn HostFile>,
    filter: Option<Filter>,
}

impl Run {
    /// Opens a run. The filter stays on the disk unless it fits into `memory` bytes.
    ///
    /// # Errors
    /// [`Error::Io`], with `InvalidData` when it is not whole.
    pub fn open(host: &dyn Host, path: &Path, memory: usize) -> Result<Run, Error> {
        let file = host.open(path, Access::Read).map_err(Error::io("open", path))?;
        let mut header = [0; HEADER];
        let read = file.read_up_to(&mut header, 0).map_err(Error::io("read", path))?;
        let fields = (read == HEADER).then(|| fields(&header)).flatten();
        let (entries, count, filter_len, filter_sum) = fields.ok_or_else(|| not_whole(path))?;
        let filter_at = offset(blocks_of(count));
        let len = file.size().map_err(Error::io("stat", path))?;
        if filter_at.checked_add(filter_len) != Some(len) || filter_len > MAX_FILTER as u64 {
            return Err(not_whole(path));
        }
        let mut filter = None;
        if filter_len > 0 && filter_len <= memory as u64 {
            let mut bytes = vec![0; filter_len as usize];
            let read = file.read_up_to(&mut bytes, filter_at).map_err(Error::io("read", path))?;
            let good = read == bytes.len() && Sha256::digest(&bytes)[..] == filter_sum;
            let found = Filter::decode(&bytes).filter(|_| good);
            filter = Some(found.ok_or_else(|| not_whole(path))?);
        }
        Ok(Run { entries, count, path: path.to_path_buf(), file, filter })
    }

    /// Bytes of memory that its filter takes.
    pub fn memory(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::len)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entry that took `key`, if it is one of these.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn find(&self, key: &OnceKey) -> Result<Option<u64>, Error> {
        if self.filter.as_ref().is_some_and(|filter| !filter.may_hold(key)) {
            return Ok(None);
        }
        // The block whose first key is the last one that is not behind `key`.
        let (mut low, mut high) = (0, blocks_of(self.count));
        while high.saturating_sub(low) > 1 {
            let middle = low.midpoint(high);
            match self.blocks(middle, 1)?.first() {
                Some((first, _)) if first <= key => low = middle,
                _ => high = middle,
            }
        }
        let rows = self.blocks(low, high.saturating_sub(low))?;
        let at = rows.binary_search_by(|(found, _)| found.cmp(key)).ok();
        Ok(at.and_then(|at| rows.get(at)).map(|(_, entry)| *entry))
    }

    /// Reads it from end to end.
    pub fn reader(self: &Arc<Run>) -> Reader {
        Reader { run: Arc::clone(self), next: 0, rows: Vec::new().into_iter() }
    }

    /// The rows of neighbouring blocks.
    fn blocks(&self, from: u64, count: u64) -> Result<Vec<Row>, Error> {
        let mut bytes = vec![0; (count as usize).saturating_mul(BLOCK)];
        let read = self.file.read_up_to(&mut bytes, offset(from));
        if read.map_err(Error::io("read", &self.path))? < bytes.len() {
            return Err(not_whole(&self.path));
        }
        let mut rows = Vec::with_capacity((count as usize).saturating_mul(BLOCK_ROWS));
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        for (number, block) in (from..).zip(blocks) {
            let (data, sum) = block.split_at_checked(BLOCK_DATA).unwrap_or_default();
            if sum != block_sum(&self.entries, number, data) {
                return Err(not_whole(&self.path));
            }
            let before = number.saturating_mul(BLOCK_ROWS as u64);
            let here = self.count.saturating_sub(before).min(BLOCK_ROWS as u64);
            let (data, _) = data.as_chunks::<ROW>();
            for row in data.iter().take(here as usize) {
                rows.push(decode(row).ok_or_else(|| not_whole(&self.path))?);
            }
        }
        Ok(rows)
    }
}

/// The rows of a run in their order.
#[derive(Debug)]
pub struct Reader {
    run: Arc<Run>,
    /// The next block.
    next: u64,
    rows: std::vec::IntoIter<Row>,
}

impl Iterator for Reader {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.rows.next() {
            return Some(Ok(row));
        }
        let all = blocks_of(self.run.count);
        let count = all.saturating_sub(self.next).min(CHUNK_BLOCKS as u64);
        if count == 0 {
            return None;
        }
        match self.run.blocks(self.next, count) {
            Ok(rows) => {
                self.next = self.next.saturating_add(count);
                self.rows = rows.into_iter();
                self.rows.next().map(Ok)
            }
            Err(error) => {
                // Nobody reads on behind an error.
                self.next = all;
                Some(Err(error))
            }
        }
    }
}

/// Writes a run of rows that come in ascending order of their keys, at most `most`, and makes it
/// durable. Of a key that comes twice the first row counts.
///
/// # Errors
/// [`Error::Full`], [`Error::Io`], those of `rows`; no file is left then. [`Error::Stopped`] for a
/// flush that failed.
pub fn write(
    host: &dyn Host,
    folder: &Path,
    entries: Range<u64>,
    most: u64,
    rows: &mut dyn Iterator<Item = Result<Row, Error>>,
) -> Result<PathBuf, Error> {
    let path = folder.join(name(&entries));
    let tmp = path.with_extension("tmp");
    let full = |action, path: &Path, error| Error::io(action, path)(error).or_full();
    let written = write_file(host, &tmp, entries, most, rows)
        .and_then(|()| host.rename(&tmp, &path).map_err(|e| full("rename", &path, e)))
        // As with the file: nobody knows then whether the name is on the disk.
        .and_then(|()| host.sync_folder(folder).map_err(|error| stopped(folder, error)));
    if written.is_err() {
        // It would take up space until the next start. Often it is not there at all.
        let _ = host.remove_file(&tmp);
    }
    written.map(|()| path)
}

/// Name of the run of these entries.
fn name(entries: &Range<u64>) -> String {
    format!("{:020}-{:020}.run", entries.start, entries.end)
}

/// The range in a name of a run.
pub fn entries_of(path: &Path) -> Option<Range<u64>> {
    let (start, end) = path.file_name()?.to_str()?.strip_suffix(".run")?.split_once('-')?;
    let entries = start.parse().ok()?..end.parse().ok()?;
    (path.ends_with(name(&entries)) && entries.start < entries.end).then_some(entries)
}

fn write_file(
    host: &dyn Host,
    tmp: &Path,
    entries: Range<u64>,
    most: u64,
    rows: &mut dyn Iterator<Item = Result<Row, Error>>,
) -> Result<(), Error> {
    let full = |action, error| Error::io(action, tmp)(error).or_full();
    let file = host.open(tmp, Access::Create).map_err(|e| full("create", e))?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut filter = (Filter::len_for(most) <= MAX_FILTER).then(|| Filter::new(most));
    let (mut count, mut blocks, mut last) = (0_u64, 0_u64, None);
    // Whole blocks that are not written yet, and the one that is being filled.
    let (mut chunk, mut block) = (Vec::new(), Vec::with_capacity(BLOCK));
    let write = |chunk: &mut Vec<u8>, blocks: u64| {
        let first = blocks.saturating_sub((chunk.len() / BLOCK) as u64);
        let written = file.write_all_at(chunk, offset(first)).map_err(|e| full("write", e));
        chunk.clear();
        written
    };
    for row in rows {
        let (key, entry) = row?;
        if last == Some(key) {
            continue;
        }
        last = Some(key);
        count = count.saturating_add(1);
        if let Some(filter) = &mut filter {
            filter.insert(&key);
        }
        block.extend_from_slice(&key.0);
        block.extend_from_slice(&entry.to_be_bytes());
        if block.len() >= BLOCK_DATA {
            seal(&entries, blocks, &mut block, &mut chunk);
            blocks = blocks.saturating_add(1);
        }
        if chunk.len() >= CHUNK_BLOCKS * BLOCK {
            write(&mut chunk, blocks)?;
        }
    }
    if !block.is_empty() {
        seal(&entries, blocks, &mut block, &mut chunk);
        blocks = blocks.saturating_add(1);
    }
    write(&mut chunk, blocks)?;
    let filter_bytes = filter.as_ref().map(Filter::encode).unwrap_or_default();
    file.write_all_at(&filter_bytes, offset(blocks)).map_err(|e| full("write", e))?;
    let header = header(&entries, count, &filter_bytes);
    file.write_all_at(&header, 0).map_err(|e| full("write", e))?;
    // Nobody knows then what is on the disk: the index is moved no more.
    file.sync().map_err(|error| stopped(tmp, error))
}

fn stopped(path: &Path, error: std::io::Error) -> Error {
    Error::Stopped { reason: Error::io("flush", path)(error).to_string() }
}

/// Fills a block up, with its sum, and moves it to those that are whole.
fn seal(entries: &Range<u64>, number: u64, block: &mut Vec<u8>, chunk: &mut Vec<u8>) {
    block.resize(BLOCK_DATA, 0);
    let sum = block_sum(entries, number, block);
    chunk.append(block);
    chunk.extend_from_slice(&sum);
}

fn block_sum(entries: &Range<u64>, number: u64, data: &[u8]) -> [u8; BLOCK - BLOCK_DATA] {
    let mut hash = Sha256::new();
    for field in [entries.start, entries.end, number] {
        hash.update(field.to_be_bytes());
    }
    hash.update(data);
    let mut sum = [0; BLOCK - BLOCK_DATA];
    sum.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    sum
}

fn header(entries: &Range<u64>, count: u64, filter: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend_from_slice(MAGIC);
    for field in [entries.start, entries.end, count, filter.len() as u64] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(&Sha256::digest(filter));
    let sum = Sha256::digest(&out);
    out.extend_from_slice(&sum);
    out
}

/// Range, number of keys, length and hash of the filter; none when it is no header.
fn fields(header: &[u8; HEADER]) -> Option<(Range<u64>, u64, u64, [u8; 32])> {
    let (stated, sum) = header.split_at_checked(72)?;
    if !stated.starts_with(MAGIC) || Sha256::digest(stated)[..] != *sum {
        return None;
    }
    let field = |at: usize| {
        let bytes = stated.get(at..at.checked_add(8)?)?;
        bytes.try_into().ok().map(u64::from_be_bytes)
    };
    Some((field(8)?..field(16)?, field(24)?, field(32)?, stated.get(40..72)?.try_into().ok()?))
}

fn decode(row: &[u8; ROW]) -> Option<Row> {
    let (key, entry) = row.split_at_checked(32)?;
    Some((OnceKey(key.try_into().ok()?), u64::from_be_bytes(entry.try_into().ok()?)))
}

fn blocks_of(count: u64) -> u64 {
    count.div_ceil(BLOCK_ROWS as u64)
}

/// Where a block begins; the header has the place of one.
fn offset(block: u64) -> u64 {
    block.saturating_add(1).saturating_mul(BLOCK as u64)
}

fn not_whole(path: &Path) -> Error {
    let why = "this run of once keys is not whole; `placet log rebuild-index` makes it again";
    Error::io("read", path)(std::io::Error::new(std::io::ErrorKind::InvalidData, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::real;

    fn key(n: u64) -> OnceKey {
        OnceKey(Sha256::digest(n.to_be_bytes()).into())
    }

    fn made(folder: &Path, entries: Range<u64>) -> Run {
        let mut rows: Vec<Row> = entries.clone().map(|n| (key(n), n)).collect();
        rows.sort_unstable();
        let most = rows.len() as u64;
        let mut rows = rows.into_iter().map(Ok);
        let path = write(&*real(), folder, entries, most, &mut rows).unwrap();
        Run::open(&*real(), &path, MAX_FILTER).unwrap()
    }

    #[test]
    fn every_key_is_found_and_no_other() {
        let tmp = tempfile::tempdir().unwrap();
        for count in [1, 99, 100, 101, 5000, 20_000] {
            let run = made(tmp.path(), 10..10 + count);
            assert_eq!((run.count, run.entries.clone()), (count, 10..10 + count));
            assert_eq!(entries_of(run.path()), Some(10..10 + count));
            for n in (10..10 + count).step_by(7) {
                assert_eq!(run.find(&key(n)).unwrap(), Some(n), "{n} of {count}");
            }
            for n in 50_000..51_000 {
                assert_eq!(run.find(&key(n)).unwrap(), None);
            }
            let unfiltered = Run::open(&*real(), run.path(), 0).unwrap();
            assert_eq!((unfiltered.memory(), run.memory() > 0), (0, true));
            assert_eq!(unfiltered.find(&key(10)).unwrap(), Some(10));
            assert_eq!(unfiltered.find(&key(9)).unwrap(), None);
            let rows: Vec<Row> = Arc::new(run).reader().map(Result::unwrap).collect();
            assert_eq!(rows.len() as u64, count);
            assert!(rows.is_sorted());
        }
    }

    #[test]
    fn of_a_key_that_comes_twice_the_first_counts() {
        let tmp = tempfile::tempdir().unwrap();
        let mut rows = [(key(1), 4), (key(1), 5)].into_iter().map(Ok);
        let path = write(&*real(), tmp.path(), 4..6, 2, &mut rows).unwrap();
        let run = Run::open(&*real(), &path, 0).unwrap();
        assert_eq!((run.count, run.find(&key(1)).unwrap()), (1, Some(4)));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let run = made(tmp.path(), 0..1000);
        let good = std::fs::read(run.path()).unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(run.path(), bytes).unwrap();
            let error = Run::open(&*real(), run.path(), MAX_FILTER).unwrap_err();
            assert_eq!(error.code(), "ledger.io");
        };
        refused(&[]);
        refused(&good[..50]);
        refused(&good[..good.len() - 1]);
        refused(&[&good[..], b"x"].concat());
        for at in [0, 9, 30, 80, good.len() - 1] {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            refused(&bytes);
        }
        // A row that is damaged is no reason to give its key to another entry.
        for at in (BLOCK..BLOCK * 11).step_by(509) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            std::fs::write(run.path(), &bytes).unwrap();
            let damaged = Run::open(&*real(), run.path(), 0).unwrap();
            let found = (0..1000).map(|n| damaged.find(&key(n)));
            let wrong = found.enumerate().filter(|(n, found)| match found {
                Ok(entry) => *entry != Some(*n as u64),
                Err(_) => false,
            });
            assert_eq!(wrong.count(), 0, "byte {at}");
            let whole: Result<Vec<Row>, Error> = Arc::new(damaged).reader().collect();
            assert!(whole.is_err(), "byte {at}");
        }
        assert_eq!(entries_of(Path::new("a/1-2.run")), None);
        assert_eq!(entries_of(Path::new("a/none.run")), None);
    }

    #[test]
    fn a_folder_that_can_t_be_flushed_stops_the_index() {
        let tmp = tempfile::tempdir().unwrap();
        let host = super::super::odd::Odd { no_flush: true, ..Default::default() };
        let mut rows = [(key(1), 4)].into_iter().map(Ok);
        let error = write(&host, tmp.path(), 4..6, 1, &mut rows).unwrap_err();
        // Tried again it might seem to succeed, with the name on no disk.
        assert_eq!(error.code(), "ledger.stopped");
    }
}
