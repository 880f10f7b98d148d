//! The runs of an index together: which ones count, and making few of many.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::run::{self, MAX_FILTER, Reader, Row, Run};
use super::{RUN_AT, Shared};
use crate::Error;
use crate::host::Host;

/// Runs of a size that become one.
const FAN_IN: usize = 8;
/// Runs from which on the cheapest neighbours are merged, whatever their sizes are: after very many
/// restarts there may be small ones between large ones.
const MAX_RUNS: usize = 64;

/// How often a reader lists the runs beside a writer that merges them.
const MAX_LOOKS: usize = 8;

/// Opens the runs of a folder that count; removes the others if `writable`.
pub fn open_runs(host: &dyn Host, folder: &Path, writable: bool) -> Result<Vec<Arc<Run>>, Error> {
    for _ in 1..MAX_LOOKS {
        match open_listed(host, folder, writable) {
            // A merge has removed it; what it became is listed now.
            Err(error) if !writable && is_gone(&error) => {}
            opened => return opened,
        }
    }
    open_listed(host, folder, writable)
}

fn open_listed(host: &dyn Host, folder: &Path, writable: bool) -> Result<Vec<Arc<Run>>, Error> {
    let listed = match host.list(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(Error::io("list", folder))?,
    };
    let mut named: Vec<_> =
        listed.iter().filter_map(|path| run::entries_of(path).map(|e| (e, path))).collect();
    // Of those that begin at one entry, the longest first.
    named.sort_by_key(|(entries, _)| (entries.start, std::cmp::Reverse(entries.end)));
    let (mut runs, mut covered, mut memory) = (Vec::new(), 0, MAX_FILTER);
    for (entries, path) in named {
        if entries.start != covered {
            continue;
        }
        match Run::open(host, path, memory) {
            Ok(run) if run.entries == entries => {
                covered = entries.end;
                memory = memory.saturating_sub(run.memory());
                runs.push(Arc::new(run));
            }
            Err(error) if !writable => return Err(error),
            Err(error) if !is_damage(&error) => return Err(error),
            _ => tracing::warn!(path = %path.display(), "making a run of once keys again"),
        }
    }
    let left_over = listed.iter().filter(|path| !runs.iter().any(|run| run.path() == **path));
    for path in left_over.filter(|_| writable) {
        host.remove_file(path).map_err(Error::io("remove", path))?;
    }
    Ok(runs)
}

/// Which neighbours are to become one, if any.
pub fn due(runs: &[Arc<Run>]) -> Option<Range<usize>> {
    let window = |at: usize| runs.get(at..at.checked_add(FAN_IN)?);
    let starts = || 0..runs.len().saturating_sub(FAN_IN - 1);
    let alike = |at: &usize| {
        window(*at).is_some_and(|window| {
            let mut tiers = window.iter().map(|run| tier(run.count));
            let first = tiers.next();
            tiers.all(|tier| Some(tier) == first)
        })
    };
    let weight =
        |at: &usize| -> u64 { window(*at).unwrap_or_default().iter().map(|run| run.count).sum() };
    let crowded = || starts().min_by_key(weight).filter(|_| runs.len() > MAX_RUNS);
    let at = starts().find(alike).or_else(crowded)?;
    Some(at..at.saturating_add(FAN_IN))
}

/// Writes rows that are in order as the next run.
pub fn write_run(index: &Shared, entries: Range<u64>, rows: Vec<Row>) -> Result<Run, Error> {
    let folder = &index.folder;
    if !index.host.exists(folder) {
        let full = |error| Error::io("create", folder)(error).or_full();
        index.host.create_folders(folder).map_err(full)?;
    }
    let most = rows.len() as u64;
    let path = run::write(&*index.host, folder, entries, most, &mut rows.into_iter().map(Ok))?;
    Run::open(&*index.host, &path, index.filter_memory())
}

/// Makes one run of neighbours; none when the index is being closed.
pub fn merge(index: &Shared, inputs: &[Arc<Run>]) -> Result<Option<Run>, Error> {
    let (Some(first), Some(last)) = (inputs.first(), inputs.last()) else { return Ok(None) };
    let entries = first.entries.start..last.entries.end;
    let most = inputs.iter().map(|run| run.count).sum();
    let readers = inputs.iter().map(Run::reader).collect();
    let mut rows = Merged { heads: Vec::new(), readers, closing: &index.closing };
    (0..inputs.len()).try_for_each(|reader| rows.advance(reader))?;
    match run::write(&*index.host, &index.folder, entries, most, &mut rows) {
        Ok(path) => Run::open(&*index.host, &path, index.filter_memory()).map(Some),
        Err(Error::Busy) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The rows of several runs in one order. When the index is being closed the next one is an error,
/// so that what was written so far never becomes a run.
struct Merged<'a> {
    /// The next row of each reader that has one, with the number of the reader.
    heads: Vec<(Row, usize)>,
    readers: Vec<Reader>,
    closing: &'a AtomicBool,
}

impl Merged<'_> {
    fn advance(&mut self, reader: usize) -> Result<(), Error> {
        if let Some(row) = self.readers.get_mut(reader).and_then(Iterator::next) {
            self.heads.push((row?, reader));
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Row>, Error> {
        if self.closing.load(Ordering::Relaxed) {
            return Err(Error::Busy);
        }
        let least = self.heads.iter().enumerate().min_by_key(|(_, (row, _))| *row);
        let Some((at, _)) = least else { return Ok(None) };
        let (row, reader) = self.heads.swap_remove(at);
        self.advance(reader)?;
        Ok(Some(row))
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

/// Sizes between two powers of [`FAN_IN`] are alike.
fn tier(count: u64) -> u32 {
    (count / (RUN_AT as u64)).checked_ilog(FAN_IN as u64).map_or(0, |tier| tier.saturating_add(1))
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::super::odd::Odd;
    use super::*;
    use crate::storage::OnceKey;

    #[test]
    fn a_reader_beside_a_merge_lists_again() {
        let tmp = tempfile::tempdir().unwrap();
        let host = Odd::default();
        let mut rows = [(OnceKey([1; 32]), 4)].into_iter().map(Ok);
        let merged = run::write(&host, tmp.path(), 0..8, 1, &mut rows).unwrap();
        let inputs = [0..5, 5..8].map(|entries| {
            let mut rows = [(OnceKey([1; 32]), entries.start)].into_iter().map(Ok);
            let path = run::write(&host, tmp.path(), entries, 1, &mut rows).unwrap();
            std::fs::remove_file(&path).unwrap();
            path
        });
        *crate::sync::lock(&host.listed) = vec![inputs.to_vec(), inputs.to_vec()];
        let runs = open_runs(&host, tmp.path(), false).unwrap();
        assert_eq!(runs.iter().map(|run| run.path()).collect::<Vec<_>>(), [merged.as_path()]);
        // One that stays away is an error, and soon.
        *crate::sync::lock(&host.listed) = vec![inputs.to_vec(); 100];
        assert_eq!(open_runs(&host, tmp.path(), false).unwrap_err().code(), "ledger.io");
        assert!(crate::sync::lock(&host.listed).len() > 90);
    }
}
