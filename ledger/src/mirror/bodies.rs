//! The statements behind the entries, for those who may read them.
//!
//! A statement counts only if its SHA-256 is the entry of its index; one that the server has erased
//! or withholds is written as erased, and a verifier asks for the order.

use std::fs;
use std::io;

use placet_proto::logcopy::{self, BUNDLE_WIDTH, MAX_BUNDLE_BYTES};
use placet_proto::tlog::tile::{TILE_WIDTH, parse_bundle};
use placet_proto::tlog::{TileId, TileKind};

use super::Error;
use super::files::{self, CopyDir};
use super::remote::Remote;
use crate::storage::Hash;

/// Largest answer with statements, in bytes: what the service gives at once, and one statement.
const MAX_ANSWER: usize = 5 << 20;
/// Bytes of a Placet entry in a bundle, its length included.
const ENTRY: usize = 34;

/// The service of a ledger, for what is not among the files of its logs.
pub struct Service {
    /// Where it is.
    pub server: Box<dyn Remote>,
    /// `main` or `gov`, as the service calls the log.
    pub log: &'static str,
    /// Whether statements are copied: the server has to be shown a token for that.
    pub bodies: bool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("log", &self.log).finish_non_exhaustive()
    }
}

/// What a round of fetching came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Statements that were fetched.
    pub fetched: u64,
    /// Of these, how many the server has not: erased, or withheld.
    pub absent: u64,
    /// Notes that are new.
    pub notes: u64,
    /// Notes that were listed and not taken: no verifier would, or there are too many that differ
    /// in nothing that counts.
    pub left_out: u64,
    /// Whether the list of notes may go on: ask again soon.
    pub more: bool,
}

/// Takes the last statements, whose file is to grow, out of readers' sight; they are not lost.
pub(super) fn set_aside(copy: &CopyDir, size: u64) -> Result<(), Error> {
    let bundle = size / u64::from(BUNDLE_WIDTH);
    if logcopy::width(bundle, size) == 0 {
        return Ok(());
    }
    let (from, to) = (copy.placed(&name(bundle)), copy.staged(&name(bundle)));
    files::make_parent(&to)?;
    match fs::rename(&from, &to) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(Error::io("rename", &to)),
    }
}

/// Fetches the statements of every file that a copy of this size should have and has not.
pub(super) fn fill(copy: &CopyDir, service: &Service, size: u64) -> Result<Filled, Error> {
    let mut filled = Filled::default();
    for bundle in 0..size.div_ceil(u64::from(BUNDLE_WIDTH)) {
        if copy.placed(&name(bundle)).exists() {
            continue;
        }
        let entries = entries(copy, bundle, size)?;
        let mut held = held(copy, bundle, &entries)?;
        let before = held.len();
        let first = bundle.saturating_mul(u64::from(BUNDLE_WIDTH));
        while let Some(rest) = entries.get(held.len()..).filter(|rest| !rest.is_empty()) {
            let index = first.saturating_add(u64::try_from(held.len()).unwrap_or(u64::MAX));
            held.extend(fetch(service, index, rest)?);
        }
        let mut bytes = Vec::new();
        for statement in &held {
            logcopy::push(&mut bytes, statement.as_deref())
                .map_err(|e| Error::format(&name(bundle), e))?;
        }
        let new = held.get(before..).unwrap_or_default();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        filled.fetched = filled.fetched.saturating_add(count(new.len()));
        let absent = new.iter().filter(|s| s.is_none()).count();
        filled.absent = filled.absent.saturating_add(count(absent));
        files::replace(&copy.placed(&name(bundle)), &bytes, true)?;
        files::remove(&copy.staged(&name(bundle)))?;
    }
    Ok(filled)
}

/// One answer: statements from `index` on, at least one, as far as these entries go.
fn fetch(service: &Service, index: u64, entries: &[Hash]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let path = format!("v1/statements/{}/{index}", service.log);
    let bytes = service.server.get(&path, MAX_ANSWER)?;
    let statements = logcopy::parse_run(&bytes).map_err(|e| Error::format(&path, e))?;
    if statements.is_empty() {
        return Err(Error::format(&path, logcopy::LogCopyError::Truncated));
    }
    checked(index, &statements, entries)
}

/// Statements with those that are none of these entries' refused. More than there are entries, as
/// of a log that has grown, are left out.
fn checked(
    index: u64,
    statements: &[Option<&[u8]>],
    entries: &[Hash],
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let mut out = Vec::new();
    for ((index, statement), entry) in (index..).zip(statements).zip(entries) {
        if statement.is_some_and(|bytes| placet_proto::sha256(bytes) != *entry) {
            return Err(Error::Statement { index });
        }
        out.push(statement.map(<[u8]>::to_vec));
    }
    Ok(out)
}

/// What was set aside of a bundle; damage there costs a fetch and nothing else.
fn held(copy: &CopyDir, bundle: u64, entries: &[Hash]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let Some(bytes) = files::read(&copy.staged(&name(bundle)), MAX_BUNDLE_BYTES)? else {
        return Ok(Vec::new());
    };
    let Ok(statements) = logcopy::parse_run(&bytes) else { return Ok(Vec::new()) };
    Ok(checked(0, &statements, entries).unwrap_or_default())
}

fn entries(copy: &CopyDir, bundle: u64, size: u64) -> Result<Vec<Hash>, Error> {
    let width = logcopy::width(bundle, size);
    let id = TileId { kind: TileKind::Entries, index: bundle, width };
    let path = copy.placed(&id.to_string());
    let damaged = |reason: &str| Error::Copy { path: path.clone(), reason: reason.to_owned() };
    let bytes = files::read(&path, ENTRY * usize::from(TILE_WIDTH))?;
    let bytes = bytes.ok_or_else(|| damaged("it is missing"))?;
    let entries = parse_bundle(&bytes, width).map_err(|e| damaged(&e.to_string()))?;
    let hashes: Option<Vec<Hash>> = entries.iter().map(|e| Hash::try_from(*e).ok()).collect();
    hashes.ok_or_else(|| damaged("its entries are no hashes: this log has no statements"))
}

fn name(bundle: u64) -> String {
    format!("statements/{bundle}")
}
