//! What is behind a [`Log`](super::Log): opening it against what was claimed before, committing,
//! publishing.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::Error;
use crate::checkpoint::{self, CheckpointSigner, FastCheckpoint, Head, MIN_SIGNED_SIZE};
use crate::dir::{Dir, LogId};
use crate::filestore::FileStore;
use crate::host::Host;
use crate::journal::Journal;
use crate::notes::{Note, Notes};
use crate::objects::FileObjects;
use crate::once::{OnceIndex, runs_path};
use crate::sequencer::Commit;
use crate::storage::{Group, Objects, Outcome, Store};
use crate::sync::{lock, read, write};
use crate::tiles::Tree;

/// The files of the fast checkpoint follow at this distance: each of them makes the next flush
/// of the journal dearer, and those who ask the service get it from memory.
const OFFER_INTERVAL: Duration = Duration::from_millis(100);
/// Tiles that may wait to be made durable before the writer does it itself.
const MAX_UNSYNCED: usize = 8192;

pub(super) struct Core {
    pub(super) host: Arc<dyn Host>,
    pub(super) id: LogId,
    pub(super) origin: String,
    pub(super) store: Box<dyn Store>,
    pub(super) objects: Arc<dyn Objects>,
    pub(super) tree: Tree,
    pub(super) notes: Option<Notes>,
    pub(super) signer: Option<Box<dyn CheckpointSigner>>,
    pub(super) fast: RwLock<Option<FastCheckpoint>>,
    /// One publication at a time.
    pub(super) publishing: Mutex<()>,
    pub(super) published: RwLock<Option<Note>>,
    pub(super) offered: Mutex<Offered>,
    pub(super) growth: Mutex<Growth>,
    pub(super) grown: Condvar,
    /// Why tiles can't be made durable any more, if so. Nothing is recorded then.
    pub(super) failed: Mutex<Option<String>>,
    pub(super) sizes: watch::Sender<u64>,
    /// Statements that are about to be erased: nobody reads them any more.
    pub(super) withheld: RwLock<BTreeSet<u64>>,
}

pub(super) struct Offered {
    size: u64,
    at: Option<SystemTime>,
}

#[derive(Default)]
pub(super) struct Growth {
    pub(super) size: u64,
    pub(super) ended: Option<String>,
}

impl Core {
    pub(super) fn open(
        dir: &Dir,
        id: LogId,
        origin: &str,
        signer: Option<Box<dyn CheckpointSigner>>,
    ) -> Result<Core, Error> {
        let writable = signer.is_some();
        let host = dir.host();
        let tmp = dir.state().join(format!("tmp-{}", id.name()));
        let objects = FileObjects::open(host, &dir.tiles(id), &tmp, writable)?;
        let objects: Arc<dyn Objects> = Arc::new(objects);
        let notes_path = host.database(&notes_path(dir, id));
        let notes = match writable || notes_path.exists() {
            true => Some(Notes::open(&notes_path, writable)?),
            false => None,
        };
        let once_path = host.database(&once_path(dir, id));
        let runs = runs_path(dir, id);
        let once = writable.then(|| OnceIndex::open(host, &once_path, &runs, true)).transpose()?;
        if writable {
            // Files that SQLite just made must not vanish with the power.
            host.sync_folder(&dir.state()).map_err(Error::io("flush", dir.state()))?;
        }
        let published = notes.as_ref().map_or(Ok(None), Notes::newest)?;
        let claims = Claims::read(&*objects, published.as_ref())?;
        let floor = claims.size().max(once.as_ref().map_or(0, OnceIndex::size));
        let limit = dir.segment_limit();
        let journal = Journal::open_with(host, &dir.bodies(), id, writable, floor, limit)?;
        if journal.size() < floor {
            let reason = format!("it has {} entries, {floor} were recorded", journal.size());
            return Err(Error::Rollback { log: id.name(), reason });
        }
        let store = Box::new(FileStore::new(journal, once)?);
        let mark = published.as_ref().map_or(0, |note| note.size);
        let tree = claims.tree(id, origin, &objects, &*store, mark, writable)?;
        if writable {
            tree.mend_partials(mark)?;
        }
        let size = tree.size();
        let core = Core {
            host: Arc::clone(host),
            id,
            origin: origin.to_owned(),
            store,
            objects,
            tree,
            notes,
            signer,
            fast: RwLock::new(claims.fast),
            publishing: Mutex::default(),
            published: RwLock::new(published),
            offered: Mutex::new(Offered { size: mark, at: None }),
            growth: Mutex::new(Growth { size, ended: None }),
            grown: Condvar::new(),
            failed: Mutex::default(),
            sizes: watch::Sender::new(size),
            withheld: RwLock::default(),
        };
        core.restore_checkpoint(claims.checkpoint.as_deref())?;
        Ok(core)
    }

    /// A crash between keeping a note and showing it leaves an old `checkpoint`.
    fn restore_checkpoint(&self, shown: Option<&[u8]>) -> Result<(), Error> {
        let published = read(&self.published);
        match &*published {
            Some(note) if self.signer.is_some() && shown != Some(&note.note) => {
                match self.objects.replace("checkpoint", &note.note) {
                    // The old one stays a while; nothing is wrong with it.
                    Err(Error::Full { .. }) => Ok(()),
                    replaced => replaced,
                }
            }
            _ => Ok(()),
        }
    }

    /// Signs the present size and root as the fast checkpoint.
    pub(super) fn sign_head(&self) -> Result<(), Error> {
        let (size, root) = self.tree.head();
        let head = Head { origin: self.origin.clone(), size, root };
        if let Some(signer) = &self.signer {
            *write(&self.fast) = checkpoint::sign(&**signer, head)?;
        }
        Ok(())
    }

    /// Writes the files of the fast checkpoint, for those who read the folder.
    pub(super) fn offer(&self) -> Result<(), Error> {
        let Some(fast) = read(&self.fast).clone() else { return Ok(()) };
        let mut offered = lock(&self.offered);
        let published = read(&self.published).as_ref().map_or(0, |note| note.size);
        self.tree.write_partials(fast.head.size, false, published)?;
        self.objects.offer("checkpoint-fast", &fast.note)?;
        self.tree.drop_partials(offered.size..fast.head.size, published);
        *offered = Offered { size: fast.head.size, at: Some(self.host.now()) };
        Ok(())
    }

    fn sync_tiles(&self) -> Result<(), Error> {
        self.objects.sync().map_err(|error| self.fail_if_lost(error))
    }

    /// After a flush that failed nobody knows what is on the disk: nothing is recorded any more.
    fn fail_if_lost(&self, error: Error) -> Error {
        if matches!(error, Error::Stopped { .. }) {
            tracing::error!(log = self.id.name(), %error, "nothing is recorded any more");
            *lock(&self.failed) = Some(error.to_string());
        }
        error
    }

    /// As [`Core::offer`]; a disk that is full keeps nobody from reading.
    pub(super) fn offer_unless_full(&self) -> Result<(), Error> {
        match self.offer() {
            Err(Error::Full { .. }) => Ok(()),
            offered => offered,
        }
    }

    fn offer_or_warn(&self) {
        if let Err(error) = self.offer() {
            tracing::warn!(log = self.id.name(), %error, "the fast checkpoint was not written");
        }
    }

    pub(super) fn publish(&self, note: &[u8]) -> Result<Note, Error> {
        let _one = lock(&self.publishing);
        if let Some(reason) = lock(&self.failed).clone() {
            return Err(Error::Stopped { reason });
        }
        let head = Head::of_note(note)?;
        let refuse = |reason: String| Err(Error::CheckpointInconsistent { reason });
        if head.origin != self.origin {
            return refuse(format!("its origin is {:?}, ours {:?}", head.origin, self.origin));
        }
        let size = self.tree.size();
        if head.size < MIN_SIGNED_SIZE || head.size > size {
            return refuse(format!("its size is {}, the log has {size} entries", head.size));
        }
        let old = read(&self.published).as_ref().map_or(0, |note| note.size);
        if head.size < old {
            return Err(Error::CheckpointSmaller { size: head.size, published: old });
        }
        if self.tree.root_at(head.size)? != head.root {
            return refuse(format!("its root at size {} is not ours", head.size));
        }
        self.tree.store_late()?;
        self.tree.write_partials(head.size, true, old)?;
        self.sync_tiles()?;
        let now = self.host.now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let notes = self.notes.as_ref().ok_or(Error::ReadOnly)?;
        let kept = notes.add(head.size, &head.root, note, now);
        let kept = kept.map_err(|error| self.fail_if_lost(error))?;
        if read(&self.published).as_ref().is_some_and(|newer| newer.row > kept.row) {
            // An old note that comes again is kept already and must not hide a newer one.
            return Ok(kept);
        }
        // It is published from here on, also if there is no space to show it: its tiles are durable
        // and what is offered later must not put others in their place that are not.
        *write(&self.published) = Some(kept.clone());
        let shown = self.objects.replace("checkpoint", note);
        self.tree.drop_partials(old..head.size, head.size);
        shown.map_err(|error| self.fail_if_lost(error))?;
        Ok(kept)
    }

    fn grow(&self, size: u64) {
        lock(&self.growth).size = size;
        self.grown.notify_all();
        self.sizes.send_replace(size);
    }
}

impl Commit for Core {
    fn commit(&self, groups: &[Group]) -> Result<Vec<Outcome>, Error> {
        if let Some(reason) = lock(&self.failed).clone() {
            return Err(Error::Stopped { reason });
        }
        self.tree.store_late()?;
        let committed = self.store.commit(groups)?;
        if !committed.entries.is_empty() {
            let (size, _) = self.tree.extend(&committed.entries)?;
            self.sign_head()?;
            self.grow(size);
        }
        Ok(committed.outcomes)
    }

    fn tend(&self) -> Option<Duration> {
        if self.objects.unsynced() > MAX_UNSYNCED {
            // A failure is kept and shows at the next commit.
            let _ = self.sync_tiles();
        }
        let Offered { size, at } = *lock(&self.offered);
        if size == self.tree.size() {
            return None;
        }
        // By the clock of the host, which a simulation has in its hands. One that was set back ends
        // the wait.
        let since = at.and_then(|at| self.host.now().duration_since(at).ok());
        let left = since.map_or(Duration::ZERO, |since| OFFER_INTERVAL.saturating_sub(since));
        if left > Duration::ZERO {
            return Some(left);
        }
        self.offer_or_warn();
        None
    }

    fn ended(&self, reason: Option<&str>) {
        if reason.is_none() {
            self.store.settle();
            self.offer_or_warn();
        }
        lock(&self.growth).ended = Some(reason.unwrap_or("the log was closed").to_owned());
        self.grown.notify_all();
    }
}

/// What earlier runs said about size and root; the journal has to bear it out.
struct Claims {
    checkpoint: Option<Vec<u8>>,
    fast: Option<FastCheckpoint>,
    heads: Vec<(&'static str, Head)>,
}

impl Claims {
    fn read(objects: &dyn Objects, published: Option<&Note>) -> Result<Claims, Error> {
        let mut heads = Vec::new();
        let checkpoint = objects.get("checkpoint")?;
        // One that does not parse is replaced from the notes, which are the durable form.
        if let Some(head) = checkpoint.as_deref().and_then(|note| Head::of_note(note).ok()) {
            heads.push(("checkpoint", head));
        }
        if let Some(note) = published {
            heads.push(("published note", Head::of_note(&note.note)?));
        }
        let note = objects.get("checkpoint-fast")?;
        let head = note.as_deref().and_then(|note| Head::of_note(note).ok());
        let fast = note.zip(head).map(|(note, head)| FastCheckpoint { head, note });
        heads.extend(fast.iter().map(|fast| ("checkpoint-fast", fast.head.clone())));
        Ok(Claims { checkpoint, fast, heads })
    }

    fn size(&self) -> u64 {
        self.heads.iter().map(|(_, head)| head.size).max().unwrap_or(0)
    }

    /// The tree, from tiles if they are good, else from the journal alone.
    fn tree(
        &self,
        id: LogId,
        origin: &str,
        objects: &Arc<dyn Objects>,
        store: &dyn Store,
        mark: u64,
        writable: bool,
    ) -> Result<Tree, Error> {
        let load = |mark| {
            let tree = Tree::load(Arc::clone(objects), store, mark, writable)?;
            let contradicted = self.contradicted(origin, &tree)?;
            Ok::<_, Error>((tree, contradicted))
        };
        let reason = match load(mark) {
            Ok((tree, None)) => return Ok(tree),
            Ok((_, Some(reason))) => reason,
            Err(error @ Error::TileCorrupt { .. }) => error.to_string(),
            Err(error) => return Err(error),
        };
        tracing::warn!(log = id.name(), reason, "making all tiles again from the journal");
        match load(0)? {
            (tree, None) => Ok(tree),
            (_, Some(reason)) => Err(Error::Rollback { log: id.name(), reason }),
        }
    }

    fn contradicted(&self, origin: &str, tree: &Tree) -> Result<Option<String>, Error> {
        for (name, head) in &self.heads {
            if head.origin != origin {
                return Ok(Some(format!("{name} is of {:?}, not of {origin:?}", head.origin)));
            }
            if tree.root_at(head.size)? != head.root {
                return Ok(Some(format!("{name} of size {} has another root", head.size)));
            }
        }
        Ok(None)
    }
}

/// Path of the once index of a log.
pub(crate) fn once_path(dir: &Dir, id: LogId) -> std::path::PathBuf {
    dir.state().join(format!("once-{}.sqlite", id.name()))
}

/// Path of the notes of a log.
pub(crate) fn notes_path(dir: &Dir, id: LogId) -> std::path::PathBuf {
    dir.state().join(format!("notes-{}.sqlite", id.name()))
}
