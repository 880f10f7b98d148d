//! The two logs of a folder as streams of leaves and notes (SPEC.md 18.1), read beside whoever
//! writes them.
//!
//! Looking for news is one query for the newest note. Only when that covers more than what is open
//! is the log opened anew, which costs a look at its last segment and at the right edge of its
//! tree, whatever its size.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use placet_proto::event::{Covering, Issuers, Leaf, note_time};
use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::{Fork, Misbehaviour, Noted};

use super::orders::Orders;
use super::{Error, RolledBack};
use crate::log::notes_path;
use crate::storage::{Hash, Statement};
use crate::sync::{lock, read, write};
use crate::{Dir, Log, LogId, Note, Notes};

/// How often a folder is read again that somebody may be writing, before it counts as damaged.
const LOOKS: usize = 5;
/// Bytes that an erased leaf or a note counts as, towards the limit of a batch.
const SMALL: usize = 512;

/// Where a reader of one log stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Index of the next leaf.
    pub next_leaf: u64,
    /// The last note behind it; none before the first.
    pub note: Option<Passed>,
}

/// A note that was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its place in the order of publication, counted from 0.
    pub sequence: u64,
    /// The note.
    pub note: Note,
}

impl Position {
    /// Size of the last note, 0 before the first.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.note.as_ref().map_or(0, |passed| passed.note.size)
    }

    fn row(&self) -> u64 {
        self.note.as_ref().map_or(0, |passed| passed.note.row)
    }
}

/// What comes next in a log.
#[derive(Debug, Clone)]
pub enum Item<'a> {
    /// A leaf, and the keys that state in its log.
    Leaf(Leaf<'a>, &'a Issuers),
    /// A note over all leaves before.
    Note(Covering<'a>),
}

/// How much is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Items.
    pub count: usize,
    /// Bytes of statements, which the last one may exceed.
    pub bytes: usize,
}

/// How far behind a position is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Published leaves that are not exported.
    pub leaves: u64,
    /// Age in seconds of the oldest note that covers one of them; 0 where there is none.
    pub seconds: u64,
}

/// A folder that is followed. Threads share it.
#[derive(Debug)]
pub struct Source {
    dir: Dir,
    logs: [Followed; 2],
    /// Counts how often something new was found.
    news: Mutex<u64>,
    came: Condvar,
}

#[derive(Debug)]
struct Followed {
    id: LogId,
    role: LogRole,
    origin: Arc<str>,
    notes: PathBuf,
    view: RwLock<Option<Arc<View>>>,
    orders: Mutex<Orders>,
}

/// A log as it was when it was opened, and the newest note over it.
pub struct View {
    log: Arc<Log>,
    notes: Arc<Notes>,
    issuers: Arc<Issuers>,
    newest: Note,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("newest", &self.newest.size).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens the ledger in `root`, whose main log is named `origin`. What was learned of orders to
    /// erase is kept in the folder `state`.
    ///
    /// # Errors
    /// `dir.*`, `journal.corrupt`, `log.rollback`, `tile.corrupt`, `ledger.*`.
    pub fn open(root: &Path, origin: &str, state: &Path) -> Result<Self, crate::Error> {
        let dir = Dir::open_read_only(root)?;
        let followed = |id: LogId, role: LogRole, origin: String| {
            let orders = Orders::load(&state.join(format!("orders-{}.json", id.name())), &origin);
            Followed {
                id,
                role,
                origin: origin.into(),
                notes: notes_path(&dir, id),
                view: RwLock::default(),
                orders: Mutex::new(orders),
            }
        };
        let main = followed(LogId::Main, LogRole::Main, origin.to_owned());
        let gov = followed(LogId::Gov, LogRole::Gov, format!("{origin}/gov"));
        let source = Self { dir, logs: [main, gov], news: Mutex::new(0), came: Condvar::new() };
        source.refresh()?;
        Ok(source)
    }

    /// The two logs, in the order in which sinks get them: the governance log first, for it is
    /// small and says who may do what.
    pub const ROLES: [LogRole; 2] = [LogRole::Gov, LogRole::Main];

    /// Name of a log.
    #[must_use]
    pub fn origin(&self, role: LogRole) -> &Arc<str> {
        &self.followed(role).origin
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.dir.root()
    }

    /// Looks whether more was published, and wakes those who wait for it.
    ///
    /// # Errors
    /// [`Error::Rollback`] when what was published before is not part of it, and those of reading.
    pub fn refresh(&self) -> Result<bool, crate::Error> {
        let mut grown = false;
        for followed in &self.logs {
            grown |= followed.refresh(&self.dir)?;
        }
        if grown {
            *lock(&self.news) += 1;
            self.came.notify_all();
        }
        Ok(grown)
    }

    /// Wakes everybody who waits, so that they see that it is time to end.
    pub fn wake(&self) {
        *lock(&self.news) += 1;
        self.came.notify_all();
    }

    /// How often something new was found: for [`Source::wait`].
    #[must_use]
    pub fn news(&self) -> u64 {
        *lock(&self.news)
    }

    /// Waits until there is something newer than `seen`, or the time is over.
    pub fn wait(&self, seen: u64, time: Duration) {
        let news = lock(&self.news);
        let waited = self.came.wait_timeout_while(news, time, |news| *news == seen);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Size of the newest note of a log, 0 before the first.
    #[must_use]
    pub fn published(&self, role: LogRole) -> u64 {
        self.followed(role).view().map_or(0, |view| view.newest.size)
    }

    /// Calls `take` with what comes behind a position, within the limits, and gives the position
    /// behind the last item.
    ///
    /// # Errors
    /// Those of reading the log.
    pub fn read(
        &self,
        role: LogRole,
        from: &Position,
        limits: Limits,
        take: &mut dyn FnMut(Item<'_>),
    ) -> Result<Position, crate::Error> {
        let followed = self.followed(role);
        let Some(view) = followed.view() else { return Ok(from.clone()) };
        let mut reader = Reader { followed, view: &view, left: limits, at: from.clone() };
        while reader.left.count > 0 && reader.left.bytes > 0 {
            let Some(note) = view.notes.after(reader.at.row())? else { break };
            if note.row > view.newest.row {
                break;
            }
            if reader.at.next_leaf < note.size {
                reader.leaves(&note, take)?;
            } else {
                reader.note(note, take);
            }
        }
        Ok(reader.at)
    }

    /// The position `overlap` leaves before, and at most as many notes before: for receivers that
    /// acknowledge nothing.
    ///
    /// # Errors
    /// Those of reading the notes.
    pub fn rewound(
        &self,
        role: LogRole,
        from: &Position,
        overlap: u64,
    ) -> Result<Position, crate::Error> {
        let Some(view) = self.followed(role).view() else { return Ok(from.clone()) };
        let target = from.next_leaf.saturating_sub(overlap);
        let Some(passed) = &from.note else {
            return Ok(Position { next_leaf: target, note: None });
        };
        let before = match view.notes.covering(target, 0)? {
            Some(covering) if covering.row <= passed.note.row => view.notes.before(covering.row)?,
            _ => Some(passed.note.clone()),
        };
        // An idle log has many notes over the same leaves.
        let farthest = view.notes.back_from(passed.note.row, overlap)?;
        let before = match (before, farthest) {
            (Some(note), Some(far)) if far.row > note.row => Some(far),
            (None, Some(far)) => Some(far),
            (before, _) => before,
        };
        let Some(note) = before else {
            return Ok(Position { next_leaf: target, note: None });
        };
        let behind = view.notes.count(note.row.saturating_add(1), passed.note.row)?;
        let sequence = passed.sequence.saturating_sub(behind);
        let next_leaf = target.max(note.size).min(from.next_leaf);
        Ok(Position { next_leaf, note: Some(Passed { sequence, note }) })
    }

    /// Proves that what was exported up to a position is part of the log as it is now.
    ///
    /// # Errors
    /// [`Error::Rollback`], and those of reading.
    pub fn prove(&self, role: LogRole, at: &Position) -> Result<(), crate::Error> {
        let followed = self.followed(role);
        let Some(view) = followed.view() else {
            if *at == Position::default() {
                return Ok(());
            }
            let gone = "it has no published note any more".to_owned();
            return Err(followed.rollback(gone, at.note.as_ref().map(|p| &p.note), None, None));
        };
        let note = at.note.as_ref().map(|passed| &passed.note);
        let size = view.log.size();
        if at.next_leaf > size {
            let what = format!("{} leaves were exported, the log has {size}", at.next_leaf);
            return Err(followed.rollback(what, note, None, None));
        }
        let Some(note) = note else { return Ok(()) };
        followed.prove(&view, note)?;
        if view.notes.by_sha256(&note.sha256)?.is_none_or(|found| found.row != note.row) {
            let what = format!("the note of size {} that was exported is gone", note.size);
            return Err(followed.rollback(what, Some(note), Some(note.root), None));
        }
        Ok(())
    }

    /// How far behind a position is at `now`, in Unix seconds.
    ///
    /// # Errors
    /// Those of reading the notes.
    pub fn lag(&self, role: LogRole, at: &Position, now: u64) -> Result<Lag, crate::Error> {
        let Some(view) = self.followed(role).view() else { return Ok(Lag::default()) };
        let leaves = view.newest.size.saturating_sub(at.next_leaf);
        let oldest = match leaves {
            0 => None,
            _ => view.notes.covering(at.next_leaf, 0)?,
        };
        let seconds = oldest.map_or(0, |note| now.saturating_sub(note.published_at));
        Ok(Lag { leaves, seconds })
    }

    fn followed(&self, role: LogRole) -> &Followed {
        let [main, gov] = &self.logs;
        if role == LogRole::Gov { gov } else { main }
    }
}

impl Followed {
    fn view(&self) -> Option<Arc<View>> {
        read(&self.view).clone()
    }

    fn refresh(&self, dir: &Dir) -> Result<bool, crate::Error> {
        let Some(old) = self.view() else {
            if !self.notes.exists() {
                return Ok(false);
            }
            let Some(view) = self.opened(dir)? else { return Ok(false) };
            *write(&self.view) = Some(Arc::new(view));
            return Ok(true);
        };
        let Some(newest) = old.notes.newest()? else {
            let gone = "its notes are gone".to_owned();
            return Err(self.rollback(gone, Some(&old.newest), None, None));
        };
        if newest.row == old.newest.row && newest.sha256 == old.newest.sha256 {
            return Ok(false);
        }
        let view = if newest.size > old.log.size() {
            let opened = self.opened(dir)?;
            let gone = "its notes are gone".to_owned();
            opened.ok_or_else(|| self.rollback(gone, Some(&old.newest), None, None))?
        } else {
            let View { log, notes, issuers, .. } = &*old;
            let (log, notes, issuers) = (log.clone(), notes.clone(), issuers.clone());
            View { log, notes, issuers, newest }
        };
        self.prove(&view, &old.newest)?;
        *write(&self.view) = Some(Arc::new(view));
        Ok(true)
    }

    /// Opens the log; none while it has no published note.
    fn opened(&self, dir: &Dir) -> Result<Option<View>, crate::Error> {
        let mut looks = LOOKS;
        let log = loop {
            looks = looks.saturating_sub(1);
            match Log::open_read_only(dir, self.id, &self.origin) {
                // The writer may be in the middle of it.
                Err(_) if looks > 0 => std::thread::yield_now(),
                opened => break opened?,
            }
        };
        let (Some(newest), Some(_)) = (log.checkpoint(), log.notes()) else { return Ok(None) };
        let notes = Arc::new(Notes::open(&self.notes, false)?);
        let issuers = lock(&self.orders).apply(&log)?;
        Ok(Some(View { log: Arc::new(log), notes, issuers, newest }))
    }

    /// Whether a note's tree is part of the log that is open.
    fn prove(&self, view: &View, note: &Note) -> Result<(), crate::Error> {
        let size = view.log.size();
        if note.size > size {
            let what = format!("a note of size {} was published, it has {size}", note.size);
            return Err(self.rollback(what, Some(note), None, None));
        }
        let found = view.log.root_at(note.size)?;
        if found == note.root {
            return Ok(());
        }
        let what = format!("at size {} it has another root than was published", note.size);
        Err(self.rollback(what, Some(note), Some(found), evidence(view, note)))
    }

    fn rollback(
        &self,
        detail: String,
        exported: Option<&Note>,
        found_root: Option<Hash>,
        evidence: Option<Misbehaviour>,
    ) -> crate::Error {
        let exported = exported.map_or((0, [0; 32]), |note| (note.size, note.root));
        let origin = self.origin.to_string();
        let found = RolledBack { origin, detail, exported, found_root, evidence };
        Error::Rollback(Box::new(found)).into()
    }
}

/// Two signed notes that can't both be true: the one that was published then, and the first that
/// the log shows now for as many entries or more.
fn evidence(view: &View, older: &Note) -> Option<Misbehaviour> {
    let newer = view.notes.covering(older.size.checked_sub(1)?, 0).ok()??;
    let fork = match newer.size > older.size {
        true => Some(Fork {
            root: view.log.root_at(older.size).ok()?,
            path: view.log.consistency_path(older.size, newer.size).ok()?,
        }),
        false => None,
    };
    let (older, newer) = (Noted::parse(&older.note).ok()?, Noted::parse(&newer.note).ok()?);
    Misbehaviour::new(older, newer, fork).ok()
}

struct Reader<'a> {
    followed: &'a Followed,
    view: &'a View,
    left: Limits,
    at: Position,
}

impl Reader<'_> {
    fn leaves(&mut self, note: &Note, take: &mut dyn FnMut(Item<'_>)) -> Result<(), crate::Error> {
        let first = self.at.next_leaf;
        let count = u64::try_from(self.left.count).unwrap_or(u64::MAX);
        let end = note.size.min(first.saturating_add(count));
        let mut failed = None;
        let (log, followed) = (&self.view.log, self.followed);
        let covered_at = time_of(note);
        let (left, at) = (&mut self.left, &mut self.at);
        log.visit(first..end, |index, statement| {
            let (entry, statement) = match statement {
                Statement::Present(bytes) => (placet_proto::sha256(&bytes), Some(bytes)),
                Statement::Erased | Statement::NotFound => match log.entry(index) {
                    Ok(entry) => (entry, None),
                    Err(error) => {
                        failed = Some(error);
                        return ControlFlow::Break(());
                    }
                },
            };
            let cost = statement.as_ref().map_or(SMALL, Vec::len);
            let leaf = Leaf {
                role: followed.role,
                origin: &followed.origin,
                index,
                entry,
                statement: statement.as_deref(),
                covered_at,
            };
            take(Item::Leaf(leaf, &self.view.issuers));
            at.next_leaf = index.saturating_add(1);
            left.spend(cost)
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn note(&mut self, note: Note, take: &mut dyn FnMut(Item<'_>)) {
        let before = self.at.note.as_ref();
        let sequence = before.map_or(0, |passed| passed.sequence.saturating_add(1));
        take(Item::Note(Covering {
            role: self.followed.role,
            origin: &self.followed.origin,
            sequence,
            first: before.map_or(0, |passed| passed.note.size),
            size: note.size,
            root: note.root,
            note: &note.note,
            previous: before.map(|passed| passed.note.sha256),
            at: time_of(&note),
        }));
        self.at.note = Some(Passed { sequence, note });
        // Whether there is room for more is seen by whoever asks next.
        let _ = self.left.spend(SMALL);
    }
}

/// What witnesses state, and else what the ledger says.
fn time_of(note: &Note) -> u64 {
    note_time(&note.note).unwrap_or(note.published_at)
}

impl Limits {
    fn spend(&mut self, bytes: usize) -> ControlFlow<()> {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        match self.count == 0 || self.bytes == 0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
