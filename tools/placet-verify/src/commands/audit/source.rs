//! Both logs on disk, and the main log's tree.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use placet_proto::logcopy;
use placet_proto::tlog::checkpoint::Checkpoint;
use placet_proto::tlog::merkle::Hash;
use placet_proto::tlog::tile::TILE_WIDTH;
use placet_verifier::audit::{Copies, MainTree, Roots};

use super::threads;
use crate::cli::Audit;
use crate::codes;
use crate::commands::copy::Copy;
use crate::error::Failure;

/// Entries of a tile, and statements of a file.
pub const WIDTH: u64 = TILE_WIDTH as u64;
/// Bytes of a governance log that are read. One of more than 16 MiB fits into no bundle.
const MAX_GOV_BYTES: usize = 64 << 20;
/// Most roots that are kept; they are computed again where there are more.
const MAX_ROOTS: usize = 65_536;

/// The copies.
pub struct Source {
    /// Of the main log.
    pub main: Copy,
    /// Its checkpoint, not verified.
    pub checkpoint: Checkpoint,
    gov: Copy,
    /// The governance log's.
    pub gov_checkpoint: Checkpoint,
}

/// One file of statements with its entries.
pub struct Bundle {
    entries: Vec<Hash>,
    bytes: Option<Vec<u8>>,
    /// Start and length in `bytes`, `None` for an erased body.
    bodies: Vec<Option<(usize, usize)>>,
}

impl Bundle {
    /// Entry and body of the statement at a position.
    pub fn get(&self, position: usize) -> Option<(&Hash, Option<&[u8]>)> {
        let entry = self.entries.get(position)?;
        let body = self.bodies.get(position).copied().flatten();
        let bytes = self.bytes.as_deref().zip(body);
        let body = bytes.and_then(|(b, (at, len))| b.get(at..at.checked_add(len)?));
        Some((entry, body))
    }

    /// Statements in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that it takes in memory.
    pub fn weight(&self) -> usize {
        self.bytes.as_ref().map_or(0, Vec::len).saturating_add(self.entries.len() * 64)
    }
}

impl Source {
    /// Finds both copies and reads their checkpoints.
    ///
    /// # Errors
    /// `audit.copy`, and what reading the checkpoints gives.
    pub fn open(args: &Audit) -> Result<Self, Failure> {
        let path = args.copy.as_path();
        if args.gov.is_none() && path.join("FORMAT").is_file() {
            let detail = "this is a ledger's own folder: its statements stand in its journals";
            return Err(Failure::malformed(path, codes::COPY, detail));
        }
        let main = match args.gov.is_some() && is_copy(path) {
            true => path.to_owned(),
            false => ["log", "main"]
                .map(|name| path.join(name))
                .into_iter()
                .find(|folder| is_copy(folder))
                .ok_or_else(|| none(path, "log"))?,
        };
        let gov = args.gov.clone().unwrap_or_else(|| path.join("gov"));
        if !is_copy(&gov) {
            return Err(none(&gov, "gov"));
        }
        let (main, gov) = (Copy::of(&main), Copy::of(&gov));
        let (checkpoint, _) = main.checkpoint()?;
        let (gov_checkpoint, _) = gov.checkpoint()?;
        Ok(Self { main, checkpoint, gov, gov_checkpoint })
    }

    /// Entries of the main log.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Files of statements of the main log.
    pub fn bundles(&self) -> u64 {
        self.size().div_ceil(WIDTH)
    }

    /// Bytes of a file of statements; 0 if there is none.
    pub fn bytes_of(&self, bundle: u64) -> u64 {
        fs::metadata(self.main.statements_path(bundle)).map_or(0, |m| m.len())
    }

    /// Reads one file of statements of the main log with its entries.
    ///
    /// # Errors
    /// What reading the copy gives; `logcopy.*`.
    pub fn bundle(&self, index: u64) -> Result<Bundle, Failure> {
        bundle(&self.main, index, self.size())
    }

    /// Everything that is read before the main log.
    ///
    /// # Errors
    /// What reading the copies gives; `audit.copy` where a governance statement is missing.
    pub fn copies(&self) -> Result<Copies, Failure> {
        let notes = |copy: &Copy| -> Result<Vec<Vec<u8>>, Failure> {
            let mut notes = copy.notes()?;
            notes.push(copy.checkpoint()?.1);
            Ok(notes)
        };
        let first = self.bundle(0)?;
        let first = whole(&first, 0).ok_or_else(|| lost(&self.main, 0))?;
        let size = self.gov_checkpoint.size;
        let (mut gov, mut bytes) = (Vec::new(), 0_usize);
        for index in 0..size.div_ceil(WIDTH) {
            let read = bundle(&self.gov, index, size)?;
            bytes = bytes.saturating_add(read.weight());
            if bytes > MAX_GOV_BYTES {
                let path = self.gov.statements_path(index);
                return Err(Failure::malformed(
                    &path,
                    codes::SIZE,
                    "a larger governance log than is read",
                ));
            }
            for position in 0..read.len() {
                gov.push(whole(&read, position).ok_or_else(|| lost(&self.gov, index))?);
            }
        }
        Ok(Copies {
            main_origin: self.checkpoint.origin.clone(),
            main_notes: notes(&self.main)?,
            main_size: self.size(),
            main_genesis: first,
            gov_origin: self.gov_checkpoint.origin.clone(),
            gov_notes: notes(&self.gov)?,
            gov,
            misbehaviour: [self.main.misbehaviour()?, self.gov.misbehaviour()?].concat(),
        })
    }
}

fn is_copy(folder: &Path) -> bool {
    folder.join("checkpoint").is_file() && folder.join("tile").is_dir()
}

fn none(path: &Path, name: &str) -> Failure {
    Failure::malformed(path, codes::COPY, &format!("no copy of a log in {name}"))
}

/// What every bundle of evidence would hold is never erased.
fn lost(copy: &Copy, bundle: u64) -> Failure {
    let detail = "a governance statement, or the main log's first, is missing or another one";
    Failure::malformed(&copy.statements_path(bundle), "body.missing", detail)
}

fn whole(bundle: &Bundle, position: usize) -> Option<Vec<u8>> {
    let (entry, body) = bundle.get(position)?;
    body.filter(|b| placet_proto::sha256(b) == *entry).map(<[u8]>::to_vec)
}

fn bundle(copy: &Copy, index: u64, size: u64) -> Result<Bundle, Failure> {
    let entries = copy.entries(index, size)?;
    let bytes = copy.statements(index)?;
    let mut bodies = vec![None; entries.len()];
    if let Some(bytes) = &bytes {
        let width = logcopy::width(index, size);
        let path = copy.statements_path(index);
        let read = logcopy::parse(bytes, width).map_err(|e| Failure::proto(&path, &e.into()))?;
        let mut at = 0_usize;
        for (place, body) in bodies.iter_mut().zip(read) {
            // Each statement stands behind a length of four bytes.
            at = at.saturating_add(4);
            let length = body.map_or(0, <[u8]>::len);
            *place = body.map(|_| (at, length));
            at = at.saturating_add(length);
        }
    }
    Ok(Bundle { entries, bytes, bodies })
}

/// Roots of the main log, recomputed from its entries.
pub struct Tree<'s> {
    source: &'s Source,
    tree: MainTree,
    known: Mutex<HashMap<u64, Option<Hash>>>,
}

impl<'s> Tree<'s> {
    /// Reads every entry.
    ///
    /// # Errors
    /// What reading the tiles gives.
    pub fn read(source: &'s Source, workers: usize) -> Result<Self, Failure> {
        let full = usize::try_from(source.size() / WIDTH).unwrap_or(usize::MAX);
        let nodes = threads::each(workers, full, |index| {
            let entries = source.main.entries(index as u64, source.size())?;
            MainTree::node(&entries).map_err(|e| {
                Failure::malformed(&source.main.statements_path(0), e.code(), &e.to_string())
            })
        })?;
        let mut tree = MainTree::default();
        for node in nodes {
            tree.append(node);
        }
        Ok(Self { source, tree, known: Mutex::default() })
    }

    fn compute(&self, size: u64) -> Option<Hash> {
        let source = self.source;
        let rest = match size.is_multiple_of(WIDTH) {
            true => Vec::new(),
            false => source.main.entries(size / WIDTH, source.size()).ok()?,
        };
        self.tree.root(size, &rest).ok()
    }
}

impl Roots for Tree<'_> {
    fn main_root(&self, size: u64) -> Option<Hash> {
        if size > self.source.size() {
            return None;
        }
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = lock().get(&size) {
            return *root;
        }
        let root = self.compute(size);
        let mut known = lock();
        if known.len() >= MAX_ROOTS {
            known.clear();
        }
        known.insert(size, root);
        root
    }
}
