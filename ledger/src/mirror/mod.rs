//! Following a log of somebody else's, into a copy that others can verify (SPEC.md 6.6).
//!
//! Each step fetches the checkpoint and admits it only if the log signed it, its quorum of
//! witnesses cosigned it, and its tree holds the one that is kept. Two checkpoints that can't both
//! be true become a file that shows it to everybody (SPEC.md 6.7).
//!
//! | module | job |
//! |---|---|
//! | `remote` | the server, not believed |
//! | `files` | the copy on disk: what is shown, what waits, what is kept |
//! | `grow` | entries, checked against the root |
//! | `bodies` | statements, checked against the entries |
//! | `notes` | every note that was published, checked against the tree |
//! | `seen` | notes whose trees were not given, kept until the copy can judge them |

mod bodies;
mod error;
mod files;
mod grow;
mod notes;
mod remote;
mod seen;

use std::path::Path;

use placet_proto::misbehaviour::{Fork, MAX_NOTE, Misbehaviour, Noted};
use placet_proto::tlog::VerifierKey;
use placet_proto::tlog::merkle::{CompactRange, consistency_path, root_at, verify_consistency};
use placet_proto::tlog::tile::TileTree;
use placet_verifier::misbehaviour::{LogKeys, shown};
use placet_verifier::notes::{LogTrust, open};

pub use bodies::{Filled, Service};
pub use error::Error;
pub use files::{CopyDir, MAX_KEPT};
pub use remote::{HttpRemote, Remote};

/// Whose signatures count.
#[derive(Debug)]
pub enum Keys {
    /// A log of a trust file, with its witness policy.
    Trusted(Box<LogTrust>),
    /// The key of any C2SP tlog-tiles log; witnesses are not asked about.
    Key {
        /// Name of the log.
        origin: String,
        /// Its key, type 0x01.
        key: Box<VerifierKey>,
    },
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The checkpoint is the one that is kept, byte for byte.
    Unchanged,
    /// The same tree under another note: signed or cosigned anew.
    Renewed,
    /// An older checkpoint of the same history was served, as a cache may do.
    Stale {
        /// Its size.
        size: u64,
    },
    /// The log has grown, and the copy with it.
    Grown {
        /// From this size,
        from: u64,
        /// to this one.
        to: u64,
    },
}

/// One log that is followed.
pub struct Mirror {
    keys: Keys,
    server: Box<dyn Remote>,
    service: Option<Service>,
    copy: CopyDir,
    kept: Option<Noted>,
    book: Option<notes::Book>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").field("copy", &self.copy).finish_non_exhaustive()
    }
}

impl Mirror {
    /// Opens a copy, or begins one, and checks that it is whole and of this log.
    ///
    /// # Errors
    /// [`Error::Copy`], [`Error::Locked`], [`Error::Io`].
    pub fn open(
        root: &Path,
        keys: Keys,
        server: Box<dyn Remote>,
        service: Option<Service>,
    ) -> Result<Self, Error> {
        let copy = CopyDir::open(root)?;
        let kept = copy.checkpoint()?;
        if let Some(noted) = &kept {
            let checkpoint = noted.signed.checkpoint();
            let other = |reason: &str| Error::Copy {
                path: root.join("checkpoint"),
                reason: reason.to_owned(),
            };
            if !keys.as_log_keys().signed(&noted.signed) {
                return Err(other("the checkpoint of this copy is not signed by the log given"));
            }
            let tree = CompactRange::load(&TileTree::new(&copy, checkpoint.size), checkpoint.size)?;
            if tree.root() != checkpoint.root {
                return Err(other("the tiles of this copy are not of its checkpoint's tree"));
            }
            // A kill may have come between the two.
            copy.keep(noted)?;
        }
        Ok(Self { keys, server, service, copy, kept, book: None })
    }

    /// The checkpoint that the copy stands at.
    #[must_use]
    pub fn kept(&self) -> Option<&Noted> {
        self.kept.as_ref()
    }

    /// The copy.
    #[must_use]
    pub fn copy(&self) -> &CopyDir {
        &self.copy
    }

    /// Asks once, and takes what is new.
    ///
    /// # Errors
    /// [`Error`]; after each of them the copy is as whole as before.
    pub fn step(&mut self) -> Result<Step, Error> {
        // A kill may have come between growing and this.
        self.settle()?;
        let bytes = self.server.get("checkpoint", MAX_NOTE)?;
        let note = Noted::parse(&bytes).map_err(|e| Error::format("checkpoint", e))?;
        if !self.keys.as_log_keys().signed(&note.signed) {
            let detail = "the checkpoint is not signed by the log".to_owned();
            return Err(Error::Checkpoint { code: "log.checkpoint", detail });
        }
        // A contradiction is looked for before all else that may be wrong with the note: for it the
        // log's own signature is enough. Whoever has shown it can't take it back: it is on the disk
        // before its tiles are asked for.
        self.remember(&note)?;
        self.compare(&note).map_err(|error| self.caught(&note, error))?;
        self.keys.admit(&note)?;
        let size = note.signed.checkpoint().size;
        let from = self.kept.as_ref().map_or(0, |kept| kept.signed.checkpoint().size);
        let step = match &self.kept {
            Some(kept) if kept.bytes == note.bytes => Step::Unchanged,
            Some(_) if size < from => {
                self.copy.keep(&note)?;
                Step::Stale { size }
            }
            Some(_) if size == from => {
                self.copy.set_checkpoint(&note)?;
                self.kept = Some(note);
                Step::Renewed
            }
            _ => {
                grow::stage(&self.copy, self.server.as_ref(), from, note.signed.checkpoint())?;
                bodies::set_aside(&self.copy, from)?;
                self.copy.advance(from, &note)?;
                self.kept = Some(note);
                self.settle()?;
                Step::Grown { from, to: size }
            }
        };
        Ok(step)
    }

    /// Fetches statements and notes that the copy has not yet.
    ///
    /// # Errors
    /// [`Error::Statement`] for one that is not its entry's, [`Error::Misbehaved`] for a note of
    /// another history, and those of fetching and of files.
    pub fn fill(&mut self) -> Result<Filled, Error> {
        let mut filled = Filled::default();
        let bodies = self.service.as_ref().filter(|service| service.bodies);
        if let (Some(service), Some(kept)) = (bodies, &self.kept) {
            filled = bodies::fill(&self.copy, service, kept.signed.checkpoint().size)?;
        }
        let mut book = match self.book.take() {
            Some(book) => book,
            None => notes::Book::open(&self.copy, &self.keys)?,
        };
        let done = notes::fill(self, &mut book, self.service.as_ref(), &mut filled);
        // What came before whatever ended it is kept.
        book.write(&self.copy)?;
        self.book = Some(book);
        done.map(|()| filled)
    }

    /// Whether the note and the one that is kept can both be true.
    fn compare(&self, note: &Noted) -> Result<(), Error> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let (old, new) = (kept.signed.checkpoint(), note.signed.checkpoint());
        let (old_size, new_size) = (old.size, new.size);
        let evidence = if new_size == old_size {
            if new.root == old.root {
                return Ok(());
            }
            Misbehaviour::new(kept.clone(), note.clone(), None)
        } else if new_size == 0 || old_size == 0 {
            // The empty tree is a prefix of every other.
            return Ok(());
        } else if new_size < old_size {
            let tree = TileTree::new(&self.copy, old_size);
            let root = root_at(&tree, new_size)?;
            if root == new.root {
                return Ok(());
            }
            let path = consistency_path(&tree, new_size, old_size)?;
            Misbehaviour::new(note.clone(), kept.clone(), Some(Fork { root, path }))
        } else {
            let tree = TileTree::new(remote::RemoteTiles(self.server.as_ref()), new_size);
            let root = root_at(&tree, old_size)?;
            let path = consistency_path(&tree, old_size, new_size)?;
            let proved = verify_consistency(old_size, new_size, &root, &new.root, &path);
            if proved.is_err() {
                return Err(Error::Tree { path: "tile".to_owned(), size: new_size });
            }
            if root == old.root {
                return Ok(());
            }
            Misbehaviour::new(kept.clone(), note.clone(), Some(Fork { root, path }))
        };
        Err(self.judge(evidence.map_err(|e| Error::format("checkpoint", e))?))
    }

    /// By the very code by which a third party will judge the file.
    fn judge(&self, evidence: Misbehaviour) -> Error {
        match shown(&evidence, self.keys.as_log_keys()) {
            Ok(detail) => Error::Misbehaved { evidence: Box::new(evidence), detail },
            Err(problem) => Error::Checkpoint { code: problem.code, detail: problem.detail },
        }
    }
}

impl Keys {
    fn as_log_keys(&self) -> LogKeys<'_> {
        match self {
            Self::Trusted(trust) => LogKeys::Trusted(trust),
            Self::Key { origin, key } => LogKeys::Key { origin, key },
        }
    }

    /// Under a trust file: the key's window, every known witness's line, and the quorum.
    fn admit(&self, note: &Noted) -> Result<(), Error> {
        let Self::Trusted(trust) = self else { return Ok(()) };
        let refused = |code: &'static str, detail: String| Error::Checkpoint { code, detail };
        let opened = open(&note.bytes, &note.signed, trust);
        let opened = opened.map_err(|problem| refused(problem.code, problem.detail))?;
        if trust.policy.is_none() || opened.has_quorum() {
            return Ok(());
        }
        let size = note.signed.checkpoint().size;
        let detail =
            format!("the checkpoint of size {size} lacks the witnesses that are asked for");
        Err(refused("witness.quorum", detail))
    }
}

#[cfg(test)]
mod tests;
