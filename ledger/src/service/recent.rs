//! Between the log and the projection: statements that need not be read again, and the callers that
//! wait for both. Beside them decisions of requests that are being answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::mpsc::SyncSender;

use placet_proto::document::Decision;
use placet_proto::statement::Statement;

use crate::Error;
use crate::storage::Outcome;
use crate::sync::lock;

/// Statements that may wait for the projection; further ones are read from the log.
const MAX_STATEMENTS: usize = 1024;
/// Bytes of statements whose decisions are kept.
const MAX_DECISIONS: usize = 16 << 20;

/// Statements of the main log that were appended a moment ago, by index. The projection takes them
/// out, so that it need not read and parse again what this process has just written.
#[derive(Default)]
pub(super) struct Recent(Mutex<BTreeMap<u64, Statement>>);

impl Recent {
    pub fn put(&self, index: u64, statement: Statement) {
        let mut all = lock(&self.0);
        if all.len() >= MAX_STATEMENTS {
            all.pop_first();
        }
        all.insert(index, statement);
    }

    pub fn take(&self, index: u64) -> Option<Statement> {
        lock(&self.0).remove(&index)
    }

    /// Forgets what came when it was projected already.
    pub fn forget_below(&self, size: u64) {
        let mut all = lock(&self.0);
        *all = all.split_off(&size);
    }
}

/// What a caller is told who waits for its statement.
pub(super) enum Told {
    /// Project what has landed, for all.
    Lead,
    /// What became of it; it is projected, unless that failed.
    Done(Result<Outcome, Error>),
}

/// Callers whose statements are durable. One of them projects for all that have come so far, and
/// wakes them when that is done: each is woken once, and the thread that writes the log wakes one
/// for each batch.
#[derive(Default)]
pub(super) struct Landing(Mutex<Landed>);

#[derive(Default)]
struct Landed {
    waiting: Vec<(u64, SyncSender<Told>)>,
    /// Whether one of them, or one before them, is at it.
    led: bool,
}

impl Landing {
    /// Most messages that a caller gets: sending never waits.
    pub const MESSAGES: usize = 2;

    /// The statement of who is told by `tell` is durable at this index.
    pub fn land(&self, index: u64, tell: SyncSender<Told>) {
        let mut landed = lock(&self.0);
        let leads = !std::mem::replace(&mut landed.led, true);
        if leads {
            drop(tell.send(Told::Lead));
        }
        landed.waiting.push((index, tell));
    }

    /// Projects up to the last index that has landed, tells those who wait for that, and hands the
    /// lead on to one who has come meanwhile.
    pub fn lead(&self, project: impl FnOnce(u64) -> Result<(), Error>) {
        let _next = HandOn(self);
        let waiting = std::mem::take(&mut lock(&self.0).waiting);
        let last = waiting.iter().map(|(index, _)| *index).max();
        if let Some(last) = last
            && let Err(error) = project(last.saturating_add(1))
        {
            // Each of them finds that it is not done, tries again, and tells its own caller.
            tracing::warn!(%error, "the projection lags behind");
        }
        for (first_index, tell) in waiting {
            drop(tell.send(Told::Done(Ok(Outcome::Appended { first_index }))));
        }
    }
}

/// Finds the next who leads, also after a panic.
struct HandOn<'a>(&'a Landing);

impl Drop for HandOn<'_> {
    fn drop(&mut self) {
        let mut landed = lock(&self.0.0);
        landed.led = landed.waiting.iter().any(|(_, tell)| tell.send(Told::Lead).is_ok());
    }
}

/// Decisions by the index of their statement.
#[derive(Default)]
pub(super) struct Decisions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_index: HashMap<u64, Decision>,
    bytes: usize,
    /// Rises when something is to be forgotten: what was read before that is not kept.
    epoch: u64,
}

impl Decisions {
    /// The decision at an index; `read` gives it with the length of its statement.
    ///
    /// # Errors
    /// What `read` gives.
    pub fn get(
        &self,
        index: u64,
        read: impl FnOnce() -> Result<(Decision, usize), Error>,
    ) -> Result<Decision, Error> {
        let epoch = {
            let kept = lock(&self.0);
            if let Some(found) = kept.by_index.get(&index) {
                return Ok(found.clone());
            }
            kept.epoch
        };
        let (decision, bytes) = read()?;
        let mut kept = lock(&self.0);
        if kept.epoch == epoch && bytes <= MAX_DECISIONS {
            if kept.bytes.saturating_add(bytes) > MAX_DECISIONS {
                kept.clear();
            }
            kept.bytes = kept.bytes.saturating_add(bytes);
            kept.by_index.insert(index, decision.clone());
        }
        Ok(decision)
    }

    /// Forgets all of them: one of them is to be erased.
    pub fn forget(&self) {
        let mut kept = lock(&self.0);
        kept.epoch = kept.epoch.wrapping_add(1);
        kept.clear();
    }
}

impl Kept {
    fn clear(&mut self) {
        self.by_index.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    fn land(landing: &Landing, index: u64) -> Receiver<Told> {
        let (tell, told) = sync_channel(Landing::MESSAGES);
        landing.land(index, tell);
        told
    }

    fn leads(told: &Receiver<Told>) -> bool {
        matches!(told.try_recv(), Ok(Told::Lead))
    }

    fn is_done(told: &Receiver<Told>, index: u64) -> bool {
        let wanted = Outcome::Appended { first_index: index };
        matches!(told.try_recv(), Ok(Told::Done(Ok(outcome))) if outcome == wanted)
    }

    #[test]
    fn one_projects_for_all_and_hands_on() {
        let landing = Landing::default();
        let (first, second) = (land(&landing, 4), land(&landing, 5));
        assert!(leads(&first) && !leads(&second));
        let mut third = None;
        landing.lead(|size| {
            assert_eq!(size, 6);
            third = Some(land(&landing, 6));
            Ok(())
        });
        assert!(is_done(&first, 4) && is_done(&second, 5));
        let third = third.unwrap();
        assert!(leads(&third));
        landing.lead(|size| {
            assert_eq!(size, 7);
            Err(Error::Busy)
        });
        assert!(is_done(&third, 6), "it tries for itself");
        assert!(leads(&land(&landing, 7)), "nobody leads when nobody waits");
    }

    #[test]
    fn who_panics_hands_on_too() {
        let landing = Landing::default();
        let first = land(&landing, 1);
        assert!(leads(&first));
        let mut second = None;
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            landing.lead(|_| {
                second = Some(land(&landing, 2));
                panic!("projection");
            });
        }));
        assert!(panicked.is_err());
        assert!(first.try_recv().is_err(), "its outcome is lost, and it is told so");
        assert!(leads(&second.unwrap()));
    }

    #[test]
    fn what_is_read_before_an_erasure_is_not_kept() {
        let decisions = Decisions::default();
        let refused = decisions.get(3, || {
            decisions.forget();
            Err(Error::Busy)
        });
        assert!(refused.is_err());
        assert!(lock(&decisions.0).by_index.is_empty());
        assert_eq!(lock(&decisions.0).epoch, 1);
    }
}
