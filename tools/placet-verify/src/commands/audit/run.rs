//! The four steps of an audit, driven over the copy.

use std::collections::BTreeMap;

use placet_proto::b64;
use placet_proto::statement::Statement;
use placet_verifier::audit::{
    Auditor, Chunk, Examined, Findings, Fold, MAX_OF_REQUEST, Orders, Prepared, Roots as _, Saved,
};

use super::progress::Progress;
use super::read::Reader;
use super::source::{Source, Tree, WIDTH};
use super::state::{self, State, Taken};
use super::threads::{self, Threads};
use crate::cli::Audit;
use crate::codes;
use crate::error::Failure;
use crate::trust::GivenTrust;

/// Files of statements in a chunk at most: 8192 statements.
const CHUNK_BUNDLES: u64 = 32;
/// Chunks of a small log at least, so that it, too, is done piece by piece. More would cost: a
/// request that lies across two chunks is looked at twice.
const CHUNKS: u64 = 4;
/// Bytes of statements in a chunk, but for its first file: what is read of them takes some times
/// as much memory.
const CHUNK_BYTES: u64 = 32 << 20;
/// Requests, or refused statements, that are looked at again between two looks at the clock.
const LOOKS: usize = 4096;

/// What an audit found.
pub struct Done {
    /// Everything that was found.
    pub findings: Findings,
    /// What has to be said before anything else.
    pub caveats: Vec<String>,
    /// Lines of keys that no policy knows.
    pub unknown_signatures: Vec<String>,
    /// Under which times hold.
    pub assumption: String,
    /// Statements of the main log by kind.
    pub main: BTreeMap<String, u64>,
    /// Statements of the governance log by kind.
    pub gov: BTreeMap<String, u64>,
    /// Requests.
    pub requests: u64,
    /// Passkeys' signatures in both logs.
    pub assertions: u64,
    /// Of these, in what an earlier run had done.
    pub assertions_before: u64,
    /// Entries that an earlier run had done.
    pub entries_before: u64,
    /// Root of the main log.
    pub root: Option<String>,
    /// Root of the governance log.
    pub gov_root: Option<String>,
}

/// Audits the copies.
///
/// # Errors
/// What reading copies and state gives.
pub fn audit(
    args: &Audit,
    source: &Source,
    trust: &GivenTrust,
    as_of: u64,
    workers: usize,
) -> Result<Done, Failure> {
    let mut progress = Progress::new(source.size());
    let tree = Tree::read(source, workers)?;
    let copies = source.copies()?;
    let prepared = Prepared::new(copies, &tree, &trust.file, as_of, &Threads(workers))
        .map_err(|e| Failure::malformed(&args.copy, e.code, &e.detail))?;
    let run = Run { source, tree: &tree, prepared: &prepared, workers };
    let mut findings = prepared.findings();
    let (mut main, mut requests) = (BTreeMap::new(), 0);
    let (mut before, mut entries_before) = (0, 0);
    if let Some(auditor) = prepared.auditor(&tree, Orders::default()) {
        let mut fold = Fold::default();
        let mut state = run.resume(args, trust, &mut fold)?;
        (before, entries_before) = (assertions_in(fold.counts()), fold.size());
        run.chunks(&auditor, &mut fold, state.as_mut(), &mut progress)?;
        main = fold.counts().clone();
        requests = run.second_look(&auditor, fold, &mut findings, &mut progress)?;
    }
    progress.end();
    let gov = prepared.gov_counts().iter().map(|(k, n)| ((*k).to_owned(), *n)).collect();
    Ok(Done {
        findings,
        caveats: prepared.caveats().to_vec(),
        unknown_signatures: prepared.unknown_signatures().to_vec(),
        assumption: prepared.assumption().to_owned(),
        assertions: assertions_in(&main).saturating_add(prepared.gov_assertions()),
        assertions_before: before,
        entries_before,
        main,
        gov,
        requests,
        root: tree.main_root(source.size()).map(b64::encode_hex),
        gov_root: prepared.gov_root(source.gov_checkpoint.size).map(b64::encode_hex),
    })
}

/// Each answer and each order of erasure carries one assertion.
fn assertions_in(counts: &BTreeMap<String, u64>) -> u64 {
    let of = |kind| counts.get(kind).copied().unwrap_or(0);
    ["approval", "denial", "erasure"].into_iter().map(of).fold(0, u64::saturating_add)
}

struct Run<'a> {
    source: &'a Source,
    tree: &'a Tree<'a>,
    prepared: &'a Prepared<'a>,
    workers: usize,
}

impl Run<'_> {
    /// Opens the state and takes from it what was done.
    fn resume(
        &self,
        args: &Audit,
        trust: &GivenTrust,
        fold: &mut Fold,
    ) -> Result<Option<State>, Failure> {
        let (Some(path), Some([main, gov])) = (&args.state, self.prepared.genesis()) else {
            return Ok(None);
        };
        let binding = state::binding(&trust.sha256, [&main, &gov]);
        let reader = Reader::new(self.source);
        let state = State::open(path, &binding, |saved| {
            let follows = saved.chunk.from == fold.size() && saved.chunk.to > saved.chunk.from;
            let same = self.tree.main_root(saved.chunk.to) == Some(saved.root)
                && self.prepared.gov_root(saved.gov_size) == Some(saved.gov_root);
            if !follows || !same {
                let detail = format!(
                    "the copy's history up to size {} is not the one that was audited",
                    saved.chunk.to
                );
                return Err(Failure::malformed(path, codes::STATE, &detail));
            }
            // A body that was missing may have come since: a mirror fetches them one by one.
            for index in &saved.chunk.missing {
                if reader.is_there(*index)? {
                    return Ok(Taken::Again);
                }
            }
            fold.add(saved.chunk);
            Ok(Taken::Kept)
        })?;
        Ok(Some(state))
    }

    /// Step 2: reads the main log from where it stands to its end.
    fn chunks(
        &self,
        auditor: &Auditor<'_>,
        fold: &mut Fold,
        mut state: Option<&mut State>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut next = fold.size() / WIDTH;
        while next < self.source.bundles() {
            let end = self.chunk_end(next);
            let chunk = self.chunk(auditor, next..end)?;
            if let Some(state) = &mut state
                && chunk.to.is_multiple_of(WIDTH)
            {
                state.save(&self.saved(chunk.clone()))?;
            }
            fold.add(chunk);
            progress.read(fold.size());
            next = end;
        }
        Ok(())
    }

    /// The last file, if it is not full, is a chunk by itself: it may grow, and is read again then.
    fn chunk_end(&self, first: u64) -> u64 {
        let full = self.source.size() / WIDTH;
        let most = (full / CHUNKS).clamp(1, CHUNK_BUNDLES);
        let (mut end, mut bytes) = (first.saturating_add(1), self.source.bytes_of(first));
        while end < full && end.saturating_sub(first) < most {
            bytes = bytes.saturating_add(self.source.bytes_of(end));
            if bytes > CHUNK_BYTES {
                break;
            }
            end = end.saturating_add(1);
        }
        end
    }

    fn chunk(
        &self,
        auditor: &Auditor<'_>,
        bundles: std::ops::Range<u64>,
    ) -> Result<Chunk, Failure> {
        let first = bundles.start.saturating_mul(WIDTH);
        let count = usize::try_from(bundles.end.saturating_sub(bundles.start)).unwrap_or(0);
        let examined = threads::each(self.workers, count, |at| {
            let index = bundles.start.saturating_add(at as u64);
            let bundle = self.source.bundle(index)?;
            let from = index.saturating_mul(WIDTH);
            let all = (0..bundle.len()).filter_map(|position| {
                let (entry, body) = bundle.get(position)?;
                Some(auditor.examine(from.saturating_add(position as u64), entry, body))
            });
            Ok(all.collect::<Vec<Examined>>())
        })?;
        let examined: Vec<Examined> = examined.into_iter().flatten().collect();
        let (chunk, groups) = Chunk::read(first, &examined);
        let clean = threads::each(self.workers, groups.len(), |at| {
            Ok(groups.get(at).is_some_and(|group| Chunk::is_clean(auditor, group)))
        })?;
        Ok(chunk.conclude(groups.iter().zip(clean)))
    }

    fn saved(&self, chunk: Chunk) -> Saved {
        let gov_size = self.source.gov_checkpoint.size;
        Saved {
            root: self.tree.main_root(chunk.to).unwrap_or_default(),
            gov_root: self.prepared.gov_root(gov_size).unwrap_or_default(),
            chunk,
            gov_size,
        }
    }

    /// Steps 3 and 4; gives the number of requests.
    fn second_look(
        &self,
        auditor: &Auditor<'_>,
        mut fold: Fold,
        findings: &mut Findings,
        progress: &mut Progress,
    ) -> Result<u64, Failure> {
        let reader = Reader::new(self.source);
        let mut orders = Orders::default();
        for index in fold.orders() {
            if let Examined::Stated(statement) = reader.examine(auditor, *index)? {
                findings.add(auditor.add_order(&mut orders, *index, &statement));
            }
        }
        let with_orders = self.prepared.auditor(self.tree, orders);
        let auditor = with_orders.as_ref().unwrap_or(auditor);
        for part in fold.refused().chunks(LOOKS) {
            let refused = threads::each(self.workers, part.len(), |at| {
                let index = part.get(at).copied().unwrap_or_default();
                match reader.examine(auditor, index)? {
                    Examined::Refused(finding) => Ok(*finding),
                    _ => Err(stale(self.source)),
                }
            })?;
            findings.add(refused);
        }
        for index in fold.missing().to_vec() {
            if reader.is_there(index)? {
                return Err(changed(self.source, index));
            }
            let (entry, other) = reader.missing(index)?;
            match auditor.erased(index, entry, other) {
                Ok(statement) => fold.erased(&statement),
                Err(finding) => findings.add([*finding]),
            }
        }
        let again = fold.second_look();
        progress.begin_again(again.len());
        for start in (0..again.len()).step_by(LOOKS) {
            let count = again.len().saturating_sub(start).min(LOOKS);
            let found = threads::each(self.workers, count, |at| {
                let group = again.group(start.saturating_add(at));
                group.map_or(Ok(Vec::new()), |group| reader.judge(auditor, &group))
            })?;
            findings.add(found.into_iter().flatten());
            progress.again(start.saturating_add(count));
        }
        Ok(again.requests)
    }
}

/// A statement that was no evidence is some now: a key was announced since.
fn stale(source: &Source) -> Failure {
    let detail = "a key was announced since the state was written: begin anew without it";
    Failure::malformed(&source.main.statements_path(0), codes::STATE, detail)
}

/// A body that was missing has come since its chunk was read: who fetches the copy is not done.
fn changed(source: &Source, index: u64) -> Failure {
    let detail = "the copy grew while it was audited: audit it again";
    Failure::malformed(&source.main.statements_path(index / WIDTH), codes::COPY, detail)
}

/// Statements of one request, as they are judged together.
pub fn together(statements: &[(u64, Statement)]) -> Vec<(u64, &Statement)> {
    statements.iter().take(MAX_OF_REQUEST).map(|(index, s)| (*index, s)).collect()
}
