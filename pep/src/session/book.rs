//! Counts of sessions in a sliding window.
//!
//! Who decides holds its session, so that two requests of one session never see the same counts
//! and both pass a limit of one. A request counts from the moment at which it is decided
//! ([`Book::enter`]); once it is on record it is entered at its time ([`Ticket::settle`]), and if
//! it never gets there, it is taken back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rule::{Entry, SessionRule};
use placet_proto::document::SessionSeen;

/// The most sessions that are remembered at once.
const MAX_SESSIONS: usize = 10_000;
/// The most of one initiator, so that none takes the others' place.
const MAX_OF_AGENT: usize = 100;

/// What one event, or many, add to a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Answers of any kind.
    pub decisions: u64,
    /// Permits.
    pub permits: u64,
    /// Denials that can't be asked about.
    pub denials: u64,
    /// Approvals that were spent.
    pub approvals: u64,
    /// Amounts, in the order of the rule's volumes.
    pub volumes: Vec<u64>,
}

/// Why a session can't be entered: nothing is permitted then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Too many sessions, of this initiator or of all.
    Full,
    /// What happened before is not known yet.
    Unknown,
}

/// The counts of all sessions.
#[derive(Debug)]
pub struct Book {
    rule: SessionRule,
    table: Mutex<Table>,
    /// Until when the counts are not known to be complete, in seconds.
    blind_until: u64,
    /// The same for single initiators: those that had more sessions than are kept.
    blind_agents: HashMap<[u8; 32], u64>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<[u8; 32], Kept>,
    /// How many sessions each initiator has.
    agents: HashMap<[u8; 32], usize>,
}

#[derive(Debug)]
struct Kept {
    agent: [u8; 32],
    session: Arc<Mutex<Session>>,
}

#[derive(Debug, Default)]
struct Session {
    slots: BTreeMap<u64, Delta>,
    /// What is decided and not yet on record; counted whatever the time is.
    pending: BTreeMap<u64, Delta>,
    next: u64,
}

/// One request that is decided and not yet on record. Dropped, it is taken back.
#[derive(Debug)]
pub struct Ticket<'b> {
    book: &'b Book,
    session: Arc<Mutex<Session>>,
    id: u64,
}

impl Book {
    /// An empty book. `blind_until`: until when nothing can be said, for events before that are
    /// not known; 0: they are.
    #[must_use]
    pub fn new(rule: SessionRule, blind_until: u64) -> Self {
        Self { rule, table: Mutex::default(), blind_until, blind_agents: HashMap::new() }
    }

    /// Enters what is in a log, whose time is not yet over at `now`. Of an initiator that has more
    /// sessions than are kept nothing is said until `blind`; others are not held to that.
    ///
    /// # Errors
    /// [`Refused::Full`]: too many sessions of all.
    pub fn made_again(
        &mut self,
        entry: &Entry,
        delta: &Delta,
        (at, now, blind): (u64, u64, u64),
    ) -> Result<(), Refused> {
        // What counts no more takes no room.
        if self.rule.slot(at) < self.rule.first_slot(now)
            || self.blind_agents.contains_key(&entry.agent)
        {
            return Ok(());
        }
        match self.count(entry, delta, at) {
            Err(Refused::Full) if lock(&self.table).sessions.len() < MAX_SESSIONS => {
                self.blind_agents.insert(entry.agent, blind);
                Ok(())
            }
            counted => counted,
        }
    }

    /// What is counted.
    #[must_use]
    pub fn rule(&self) -> &SessionRule {
        &self.rule
    }

    /// Decides in a session: `decide` is told the counts, and says what it adds to them. Others
    /// of the same session wait meanwhile.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn enter<R>(
        &self,
        entry: &Entry,
        now: u64,
        decide: impl FnOnce(&SessionSeen) -> (R, Delta),
    ) -> Result<(R, Ticket<'_>), Refused> {
        let blind = self.blind_agents.get(&entry.agent).copied().unwrap_or_default();
        if now < self.blind_until.max(blind) {
            return Err(Refused::Unknown);
        }
        let session = self.session(entry, now)?;
        let mut held = lock(&session);
        held.forget(self.rule.first_slot(now));
        let seen = self.rule.seen(&held.sum(), &entry.amounts);
        let (out, delta) = decide(&seen);
        let id = held.next;
        held.next = id.wrapping_add(1);
        held.pending.insert(id, delta);
        drop(held);
        Ok((out, Ticket { book: self, session, id }))
    }

    /// Enters what is on record, as when a book is made from a log.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub fn count(&self, entry: &Entry, delta: &Delta, at: u64) -> Result<(), Refused> {
        let session = self.session(entry, at)?;
        lock(&session).add(self.rule.slot(at), delta);
        Ok(())
    }

    fn session(&self, entry: &Entry, now: u64) -> Result<Arc<Mutex<Session>>, Refused> {
        let mut table = lock(&self.table);
        if let Some(kept) = table.sessions.get(&entry.session) {
            return Ok(Arc::clone(&kept.session));
        }
        let full = |table: &Table| {
            let own = table.agents.get(&entry.agent).copied().unwrap_or_default();
            table.sessions.len() >= MAX_SESSIONS || own >= MAX_OF_AGENT
        };
        if full(&table) {
            table.sweep(self.rule.first_slot(now));
        }
        if full(&table) {
            return Err(Refused::Full);
        }
        let session = Arc::<Mutex<Session>>::default();
        let kept = Kept { agent: entry.agent, session: Arc::clone(&session) };
        table.sessions.insert(entry.session, kept);
        let own = table.agents.entry(entry.agent).or_default();
        *own = own.saturating_add(1);
        Ok(session)
    }
}

impl Ticket<'_> {
    /// It is on record: enters what it came to, at its time.
    pub fn settle(self, delta: &Delta, at: u64) {
        let mut session = lock(&self.session);
        session.add(self.book.rule.slot(at), delta);
        session.pending.remove(&self.id);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        lock(&self.session).pending.remove(&self.id);
    }
}

impl Table {
    /// Forgets sessions in which nothing counts any more and which nobody holds.
    fn sweep(&mut self, first: u64) {
        let Self { sessions, agents } = self;
        sessions.retain(|_, kept| {
            let held = Arc::strong_count(&kept.session) > 1;
            let live = held || !lock(&kept.session).is_over(first);
            if !live && let Some(own) = agents.get_mut(&kept.agent) {
                *own = own.saturating_sub(1);
            }
            live
        });
        agents.retain(|_, own| *own > 0);
    }
}

impl Session {
    fn forget(&mut self, first: u64) {
        if self.slots.first_key_value().is_some_and(|(slot, _)| *slot < first) {
            self.slots = self.slots.split_off(&first);
        }
    }

    fn is_over(&self, first: u64) -> bool {
        self.pending.is_empty() && self.slots.range(first..).next().is_none()
    }

    fn add(&mut self, slot: u64, delta: &Delta) {
        self.slots.entry(slot).or_default().add(delta);
    }

    fn sum(&self) -> Delta {
        let mut sum = Delta::default();
        self.slots.values().chain(self.pending.values()).for_each(|delta| sum.add(delta));
        sum
    }
}

impl Delta {
    fn add(&mut self, other: &Self) {
        self.decisions = self.decisions.saturating_add(other.decisions);
        self.permits = self.permits.saturating_add(other.permits);
        self.denials = self.denials.saturating_add(other.denials);
        self.approvals = self.approvals.saturating_add(other.approvals);
        if self.volumes.len() < other.volumes.len() {
            self.volumes.resize(other.volumes.len(), 0);
        }
        for (sum, amount) in self.volumes.iter_mut().zip(&other.volumes) {
            *sum = sum.saturating_add(*amount);
        }
    }
}

/// A thread that panicked left whole values behind: each is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
