//! The log's side: a copy (SPEC.md 6.6), with statements or without, or a ledger's own folder.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Body as Document, Purpose};
use placet_proto::event::{Issuers, Leaf};
use placet_proto::kind::{Kind, LogRole};
use placet_proto::logcopy;
use placet_proto::misbehaviour::{Fork, Misbehaviour, Noted};
use placet_proto::statement::{self, Statement};
use placet_proto::tlog::checkpoint::Checkpoint;
use placet_proto::tlog::merkle::Hash;
use placet_proto::tlog::note::Note;
use placet_verifier::audit::MainTree;
use placet_verifier::crypto;

use super::journal::Journal;
use crate::commands::copy::Copy;
use crate::error::Failure;

/// Entries of a tile, and statements of a file.
const WIDTH: u64 = 256;
/// Tiles and files of statements that are kept: 32 full files of statements are a few megabytes.
const KEPT: usize = 8;

/// One log.
pub struct Side {
    /// Which.
    pub role: LogRole,
    /// Its checkpoint, not verified: nothing here vouches for the copy.
    pub checkpoint: Checkpoint,
    /// The note, byte for byte.
    pub note: Vec<u8>,
    copy: Copy,
    bodies: Bodies,
    tree: MainTree,
    issuers: Issuers,
    /// Keys by which the log says that it signs checkpoints.
    checkpoint_keys: Vec<PublicKey>,
    /// Leaves that an order names, whether or not it is carried out yet.
    ordered: BTreeSet<u64>,
    /// The first leaf of which this copy holds no statement: what it may have announced is unknown
    /// behind it.
    absent_from: u64,
    /// SHA-256 of the notes that this copy says were published; none of a ledger's own folder,
    /// whose notes are in a database that this program does not read.
    published: Option<BTreeSet<[u8; 32]>>,
    /// Tiles that were asked for last: number, entries, the bytes of the file of statements.
    kept: VecDeque<(u64, Vec<Hash>, Option<Vec<u8>>)>,
}

enum Bodies {
    /// Files beside the tiles, perhaps none.
    Files,
    /// A ledger's journals.
    Journal(Journal),
}

/// A statement as this side has it.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// The bytes, which are those of the entry.
    Present(Vec<u8>),
    /// It was erased.
    Erased,
    /// This copy holds none.
    Absent,
}

impl Side {
    /// Opens the copy of one log in `folder`; `bodies` is where a ledger's journals are.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn open(role: LogRole, folder: &Path, bodies: Option<&Path>) -> Result<Self, Failure> {
        let copy = Copy::of(folder);
        let (checkpoint, note) = copy.checkpoint()?;
        let name = if role == LogRole::Main { "log" } else { "gov" };
        let bodies = match bodies {
            Some(bodies) => Bodies::Journal(Journal::open(bodies, name)?),
            None => Bodies::Files,
        };
        let published = match &bodies {
            Bodies::Journal(_) => None,
            Bodies::Files => {
                let notes = copy.notes()?;
                Some(notes.iter().chain([&note]).map(|n| placet_proto::sha256(n)).collect())
            }
        };
        let mut side = Self {
            role,
            checkpoint,
            note,
            copy,
            bodies,
            tree: MainTree::default(),
            issuers: Issuers::default(),
            checkpoint_keys: Vec::new(),
            ordered: BTreeSet::new(),
            absent_from: u64::MAX,
            published,
            kept: VecDeque::new(),
        };
        side.read_tree(folder)?;
        side.read_issuers()?;
        Ok(side)
    }

    /// Entries in the copy.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Whether this is a ledger's own folder.
    pub fn is_own(&self) -> bool {
        matches!(self.bodies, Bodies::Journal(_))
    }

    /// The notes that this copy says were published, by their SHA-256.
    pub fn published(&self) -> Option<&BTreeSet<[u8; 32]>> {
        self.published.as_ref()
    }

    /// Whether an order of the log names this leaf.
    pub fn is_ordered(&self, index: u64) -> bool {
        self.ordered.contains(&index)
    }

    /// Whether all is known that the log announced before this leaf.
    pub fn knows_issuers(&self, index: u64) -> bool {
        index < self.absent_from
    }

    /// Whether a key by which the log says that it signs checkpoints signed this note. What a copy
    /// says of its keys is no evidence; a note that not even they signed is none of this log.
    pub fn is_signed(&self, note: &Note) -> bool {
        note.signatures().iter().filter(|line| line.name() == self.checkpoint.origin).any(|line| {
            let text = note.text().as_bytes();
            self.checkpoint_keys
                .iter()
                .any(|key| crypto::verify_cose(key, text, line.signature()).is_ok())
        })
    }

    /// Issuers that the log announces.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// The root at a size, computed from the entries.
    ///
    /// # Errors
    /// What reading the tiles gives.
    pub fn root(&mut self, size: u64) -> Result<Option<Hash>, Failure> {
        if size > self.size() {
            return Ok(None);
        }
        let rest = match size.is_multiple_of(WIDTH) {
            true => Vec::new(),
            false => self.copy.entries(size / WIDTH, self.size())?,
        };
        Ok(self.tree.root(size, &rest).ok())
    }

    /// Entry and statement of an index below the size.
    ///
    /// # Errors
    /// What reading the copy gives; `body.missing` where other bytes than the entry's stand.
    pub fn statement(&mut self, index: u64) -> Result<(Hash, Body), Failure> {
        let at = self.tile(index / WIDTH)?;
        let position = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        let missing = || {
            let path = self.copy.statements_path(index / WIDTH);
            let detail = format!("the statement of index {index} is not the one of its entry");
            Failure::malformed(&path, "body.missing", &detail)
        };
        let Some((number, entries, file)) = self.kept.get(at) else { return Err(missing()) };
        let entry = *entries.get(position).ok_or_else(missing)?;
        let found = match (&mut self.bodies, file) {
            (Bodies::Journal(journal), _) => journal.bytes(index)?,
            (Bodies::Files, None) => return Ok((entry, Body::Absent)),
            (Bodies::Files, Some(bytes)) => {
                let width = logcopy::width(*number, self.checkpoint.size);
                let read = logcopy::parse(bytes, width);
                let path = self.copy.statements_path(*number);
                let read = read.map_err(|e| Failure::proto(&path, &e.into()))?;
                Some(read.get(position).copied().flatten().unwrap_or_default().to_vec())
            }
        };
        match found {
            Some(bytes) if placet_proto::sha256(&bytes) == entry => {
                Ok((entry, Body::Present(bytes)))
            }
            Some(bytes) if bytes.iter().all(|byte| *byte == 0) => Ok((entry, Body::Erased)),
            _ => Err(missing()),
        }
    }

    /// What shows, with the copy's own checkpoint, that the log was shown in two ways: a note whose
    /// root at a size of the copy is another one. Who judges it looks at the signatures.
    ///
    /// # Errors
    /// What reading the tiles gives.
    pub fn misbehaviour(
        &mut self,
        note: &[u8],
        size: u64,
    ) -> Result<Option<Misbehaviour>, Failure> {
        let fork = match size < self.size() {
            true => {
                let Some(root) = self.root(size)? else { return Ok(None) };
                Some(Fork { root, path: self.copy.consistency(size, self.size())? })
            }
            false => None,
        };
        let (Ok(older), Ok(newer)) = (Noted::parse(note), Noted::parse(&self.note)) else {
            return Ok(None);
        };
        Ok(Misbehaviour::new(older, newer, fork).ok())
    }

    /// The leaf of which an event is to be made.
    pub fn leaf<'a>(
        &'a self,
        index: u64,
        entry: Hash,
        statement: Option<&'a [u8]>,
        covered_at: u64,
    ) -> Leaf<'a> {
        let origin = &self.checkpoint.origin;
        Leaf { role: self.role, origin, index, entry, statement, covered_at }
    }

    /// Where a tile stands among those that are kept, read if need be.
    fn tile(&mut self, number: u64) -> Result<usize, Failure> {
        if let Some(at) = self.kept.iter().position(|(n, ..)| *n == number) {
            return Ok(at);
        }
        let entries = self.copy.entries(number, self.size())?;
        let file = match self.bodies {
            Bodies::Files => self.copy.statements(number)?,
            Bodies::Journal(_) => None,
        };
        self.kept.push_front((number, entries, file));
        self.kept.truncate(KEPT);
        Ok(0)
    }

    /// Reads every entry, and refuses a copy whose tree is not the one of its own checkpoint.
    fn read_tree(&mut self, folder: &Path) -> Result<(), Failure> {
        for number in 0..self.size() / WIDTH {
            let entries = self.copy.entries(number, self.size())?;
            let node = MainTree::node(&entries);
            let node = node.map_err(|e| Failure::malformed(folder, e.code(), &e.to_string()))?;
            self.tree.append(node);
        }
        let size = self.size();
        if self.root(size)? != Some(self.checkpoint.root) {
            let detail = "its entries do not give the root of its checkpoint";
            return Err(Failure::malformed(folder, "audit.copy", detail));
        }
        Ok(())
    }

    /// Finds which keys the log announces, and what its orders name.
    fn read_issuers(&mut self) -> Result<(), Failure> {
        for index in 0..self.size() {
            let bytes = match self.statement(index)?.1 {
                Body::Present(bytes) => bytes,
                // Of a key or genesis there is always one: those are never erased.
                Body::Erased if index > 2 => continue,
                Body::Erased | Body::Absent => {
                    self.absent_from = self.absent_from.min(index);
                    continue;
                }
            };
            let kind = statement::peek(&bytes).ok().and_then(|(_, kind)| Kind::from_name(&kind));
            if !matches!(kind, Some(Kind::Genesis | Kind::Key | Kind::Erasure)) {
                continue;
            }
            let Ok(statement) = Statement::parse(&bytes) else { continue };
            self.issuers.learn(self.role, index, &statement);
            if !self.issuers.state(self.role, index, &statement) {
                continue;
            }
            match &statement.document.body {
                Document::Key(keys) => {
                    let of = keys.keys.iter().filter(|key| key.purpose == Purpose::Checkpoint);
                    let read = of.filter_map(|key| crypto::parse_cose_key(&key.public_key).ok());
                    self.checkpoint_keys.extend(read);
                }
                Document::Erasure(order) => {
                    self.ordered.extend(order.targets.iter().map(|target| target.index));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
