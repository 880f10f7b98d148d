//! A copy of a log on disk (SPEC.md 6.6): C2SP tlog-tiles, and beside them the statements that are
//! not erased.
//!
//! ```text
//! COPY/checkpoint              the note that says how many entries there are
//! COPY/tile/0/…                leaf hashes
//! COPY/tile/entries/…          entries: for Placet the SHA-256 of each statement
//! COPY/statements/N            statements in bundles of 256
//! COPY/notes/N                 notes that were published, 256 in a file
//! COPY/checkpoints/N           a note of size N that the maker of the copy was shown
//! COPY/log-misbehaved*.json    evidence that the log signed two histories (SPEC.md 6.7)
//! ```
//!
//! A folder with both logs (a mirror's, a ledger's own) works too, its `log/` being the copy; a
//! ledger's own has no statements.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use placet_proto::cose::Sign1;
use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Body, Purpose};
use placet_proto::logcopy;
use placet_proto::misbehaviour::{MAX_FILE, Misbehaviour};
use placet_proto::statement::Statement;
use placet_proto::tlog::checkpoint::Checkpoint;
use placet_proto::tlog::merkle::{self, CompactRange, Hash, HashReader, MerkleError};
use placet_proto::tlog::note::MAX_NOTE_LEN;
use placet_proto::tlog::tile::{self, TILE_WIDTH};
use placet_proto::tlog::{SignedCheckpoint, TileId, TileKind, TlogError};
use placet_proto::trust::TrustFile;
use placet_verifier::{WholeLog, crypto};

use crate::codes;
use crate::error::Failure;
use crate::input;

/// The most entries that are read: 512 MiB of hashes.
const MAX_ENTRIES: u64 = 1 << 24;
/// The most notes of a log that are read: one every ten seconds for a hundred days.
const MAX_NOTES: usize = 1 << 20;
/// The most bytes of notes of a log that are read.
const MAX_NOTES_SIZE: usize = 256 << 20;
/// The most files of evidence that are read: one is enough, and a mirror writes no more.
const MAX_EVIDENCE: usize = 100;

/// A copy of one log.
pub struct Copy {
    tiles: PathBuf,
    statements: PathBuf,
    notes: PathBuf,
}

impl Copy {
    /// Finds the parts of a copy; nothing is read yet.
    pub fn at(path: &Path) -> Self {
        let own = path.join("log");
        let tiles = if own.join("tile").is_dir() { own } else { path.to_owned() };
        Self::of(&tiles)
    }

    /// A copy in exactly this folder.
    pub fn of(folder: &Path) -> Self {
        let (statements, notes) = (folder.join("statements"), folder.join("notes"));
        Self { tiles: folder.to_owned(), statements, notes }
    }

    /// The copy's checkpoint, not verified, and its bytes.
    ///
    /// # Errors
    /// As [`Copy::size`].
    pub fn checkpoint(&self) -> Result<(Checkpoint, Vec<u8>), Failure> {
        let path = self.tiles.join("checkpoint");
        let note = input::read(&path, MAX_NOTE_LEN)?;
        let signed = SignedCheckpoint::parse(&note.bytes).map_err(|e| refuse(&path, e))?;
        check_size(&path, signed.checkpoint().size)?;
        Ok((signed.checkpoint().clone(), note.bytes))
    }

    /// Every note in the copy, beside its checkpoint.
    ///
    /// # Errors
    /// What reading the files gives; `logcopy.*`.
    pub fn notes(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let (mut notes, mut size) = (Vec::new(), 0_usize);
        for n in 0_u64.. {
            let path = self.notes.join(n.to_string());
            if !path.exists() {
                break;
            }
            let bytes = input::read(&path, logcopy::MAX_NOTES_BYTES)?.bytes;
            size = size.saturating_add(bytes.len());
            if notes.len() >= MAX_NOTES || size > MAX_NOTES_SIZE {
                return Err(Failure::malformed(&path, codes::SIZE, "more notes than are read"));
            }
            let read =
                logcopy::parse_notes(&bytes).map_err(|e| Failure::proto(&path, &e.into()))?;
            notes.extend(read.into_iter().map(<[u8]>::to_vec));
        }
        for path in self.listed("checkpoints", |name| name.parse::<u64>().is_ok())? {
            let bytes = input::read(&path, MAX_NOTE_LEN)?.bytes;
            size = size.saturating_add(bytes.len());
            if notes.len() >= MAX_NOTES || size > MAX_NOTES_SIZE {
                return Err(Failure::malformed(&path, codes::SIZE, "more notes than are read"));
            }
            notes.push(bytes);
        }
        Ok(notes)
    }

    /// Files in the copy that are to show that its log misbehaved (SPEC.md 6.7).
    ///
    /// # Errors
    /// What reading the files gives.
    pub fn misbehaviour(&self) -> Result<Vec<Misbehaviour>, Failure> {
        let named = |name: &str| name.starts_with("log-misbehaved") && name.ends_with(".json");
        let files = self.listed("", named)?;
        let read = files.iter().take(MAX_EVIDENCE).map(|path| {
            let bytes = input::read(path, MAX_FILE)?.bytes;
            Misbehaviour::parse(&bytes).map_err(|e| Failure::proto(path, &e))
        });
        read.collect()
    }

    /// Files of a folder of the copy, ascending by name; none if there is no such folder.
    fn listed(&self, folder: &str, wanted: fn(&str) -> bool) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.tiles.join(folder);
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| Failure::io(&folder, e))?,
        };
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| wanted(name)).take(MAX_NOTES).collect();
        names.sort_unstable();
        Ok(names.iter().map(|name| folder.join(name)).collect())
    }

    /// The bytes of one file of statements; `None` if it is absent.
    ///
    /// # Errors
    /// `io.error`, `input.size`.
    pub fn statements(&self, bundle: u64) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.statements_path(bundle);
        match path.exists() {
            true => Ok(Some(input::read(&path, logcopy::MAX_BUNDLE_BYTES)?.bytes)),
            false => Ok(None),
        }
    }

    /// Where one file of statements is.
    pub fn statements_path(&self, bundle: u64) -> PathBuf {
        self.statements.join(bundle.to_string())
    }

    /// The size in the copy's checkpoint; nothing vouches for it here.
    ///
    /// # Errors
    /// What reading the checkpoint gives; `input.size` for more entries than are read.
    pub fn size(&self) -> Result<u64, Failure> {
        self.checkpoint().map(|(checkpoint, _)| checkpoint.size)
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

    /// The consistency path between two sizes, computed from the leaf hashes alone: nobody checked
    /// the tiles above them.
    ///
    /// # Errors
    /// What reading the tiles gives.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, Failure> {
        check_size(&self.tiles, to)?;
        merkle::consistency_path(&Leaves { copy: self, size: to }, from, to).map_err(|e| match e {
            ReadError::Read(failure) => failure,
            ReadError::Tlog(e) => refuse(&self.tiles, e),
        })
    }

    /// Leaf hashes of one tile of level 0.
    fn hashes(&self, index: u64, size: u64) -> Result<Vec<Hash>, Failure> {
        let (path, bytes, width) = self.tile(TileKind::Hashes(0), index, size, 32 * 256)?;
        let wanted = bytes.get(..usize::from(width).saturating_mul(32));
        tile::parse_tile(wanted.unwrap_or(&bytes), width).map_err(|e| refuse(&path, e))
    }

    /// The entries of one bundle, each a hash.
    ///
    /// # Errors
    /// What reading the tile gives.
    pub fn entries(&self, index: u64, size: u64) -> Result<Vec<Hash>, Failure> {
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

    /// Looks at the statements of one bundle, whose entries are known. A body that is absent,
    /// erased or not that of its entry is missing: it could be anything.
    fn read_bundle(
        &self,
        bundle: u64,
        entries: &[Hash],
        issuers: &[PublicKey],
        whole: &mut WholeLog,
    ) -> Result<(), Failure> {
        let path = self.statements_path(bundle);
        let width = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        let bytes = self.statements(bundle)?;
        let statements = match &bytes {
            Some(bytes) => {
                logcopy::parse(bytes, width).map_err(|e| Failure::proto(&path, &e.into()))?
            }
            None => vec![None; entries.len()],
        };
        let first = bundle.saturating_mul(u64::from(TILE_WIDTH));
        for ((index, entry), statement) in (first..).zip(entries).zip(statements) {
            match statement.filter(|bytes| placet_proto::sha256(bytes) == *entry) {
                Some(bytes) => {
                    let request = execution_request(bytes, issuers);
                    whole.executions.extend(request.map(|r| (index, r)));
                }
                None => whole.bodies_missing = whole.bodies_missing.saturating_add(1),
            }
        }
        Ok(())
    }
}

/// What reading leaf hashes for a proof can fail with.
enum ReadError {
    /// The file.
    Read(Failure),
    /// What is in it.
    Tlog(TlogError),
}

impl From<MerkleError> for ReadError {
    fn from(e: MerkleError) -> Self {
        Self::Tlog(e.into())
    }
}

/// The tree over the leaf hashes of a copy. The nodes of a path don't overlap, so that all of them
/// cost one reading.
struct Leaves<'c> {
    copy: &'c Copy,
    size: u64,
}

impl HashReader for Leaves<'_> {
    type Error = ReadError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let beyond = || MerkleError::Index { index, size: self.size };
        let width = 1_u64.checked_shl(level.into()).ok_or_else(beyond)?;
        let first = index.checked_mul(width).ok_or_else(beyond)?;
        let end = first.checked_add(width).filter(|end| *end <= self.size).ok_or_else(beyond)?;
        let tile = u64::from(TILE_WIDTH);
        let mut range = CompactRange::new();
        for at in first / tile..end.div_ceil(tile) {
            let hashes = self.copy.hashes(at, self.size).map_err(ReadError::Read)?;
            for (leaf, hash) in (at.saturating_mul(tile)..).zip(hashes) {
                if (first..end).contains(&leaf) {
                    range.append(hash)?;
                }
            }
        }
        Ok(range.root())
    }
}

/// Reads a copy for the check that an approval was spent once. Executions are those that an issuer
/// key of the trust file signed: what others call one, whoever registered it, is no evidence.
///
/// # Errors
/// What reading the copy gives.
pub fn whole_log(path: &Path, trust: &TrustFile) -> Result<WholeLog, Failure> {
    let keys = trust.logs.iter().flat_map(|log| &log.keys);
    let issuers: Vec<PublicKey> = keys
        .filter(|key| key.purpose == Purpose::Issuer)
        .filter_map(|key| crypto::parse_cose_key(&key.public_key).ok())
        .collect();
    let copy = Copy::at(path);
    let size = copy.size()?;
    let mut whole = WholeLog { misbehaviour: copy.misbehaviour()?, ..WholeLog::default() };
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let entries = copy.entries(index, size)?;
        copy.read_bundle(index, &entries, &issuers, &mut whole)?;
        whole.entries.extend(entries);
    }
    Ok(whole)
}

/// The request of an execution that one of the keys signed; `None` for other statements.
fn execution_request(bytes: &[u8], issuers: &[PublicKey]) -> Option<String> {
    let statement = Statement::parse(bytes).ok()?;
    let Body::Execution(execution) = &statement.document.body else { return None };
    let key = issuers.iter().find(|key| key.thumbprint() == statement.header.kid)?;
    let signed = Sign1::parse(bytes).ok()?.signed_bytes(&[]);
    crypto::verify_cose(key, &signed, &statement.signature).ok()?;
    Some(execution.request.clone())
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
