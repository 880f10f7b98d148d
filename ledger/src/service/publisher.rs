//! Publishing: the newest checkpoint of a log, taken to its witnesses, shown when the quorum of the
//! policy stands behind it and not before.
//!
//! One thread per log. It wakes when the log grows, when somebody asks, and when the published note
//! gets old; no person waits for it, save where a note must cover something new.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use placet_proto::tlog::{Hash, Policy, SignedCheckpoint};
use tokio::sync::watch;

use super::Refusal;
use crate::sync::lock;
use crate::witness::{ProofSource, WitnessGroup, WitnessStatus, verify_cosignature};
use crate::{Error, FastCheckpoint, Log, Note};

/// Longest wait for a forced publication.
const FORCED: Duration = Duration::from_secs(20);
/// First and longest pause after a round that failed.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A witness policy and those who can be asked.
#[derive(Debug, Clone)]
pub struct Witnesses {
    /// The policy's text, as it goes into trust files.
    pub text: String,
    /// Names, in the policy, of witnesses that the operator runs.
    pub operated_by_self: Vec<String>,
    /// Who is asked about the main log.
    pub main: Arc<WitnessGroup>,
    /// Who is asked about the governance log: the same policy.
    pub gov: Arc<WitnessGroup>,
}

impl Witnesses {
    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.main.policy()
    }
}

/// When to publish without being asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Shortest time between two publications of a growing log.
    pub growing: Duration,
    /// Age at which a note is renewed while a request is open.
    pub open: Duration,
    /// Age at which a note is renewed otherwise.
    pub idle: Duration,
}

/// How publication goes, for health pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublisherStatus {
    /// Why the last round gave no note; nothing if it did.
    pub problem: Option<String>,
    /// Rounds that failed since the last good one.
    pub failed_rounds: u32,
    /// What each witness last did.
    pub witnesses: Vec<WitnessStatus>,
}

/// The publisher of one log.
pub struct Publisher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    log: Arc<Log>,
    group: Arc<WitnessGroup>,
    source: Arc<dyn ProofSource>,
    pace: Pace,
    state: Mutex<State>,
    changed: Condvar,
    /// The ticket that was served last, for those who wait without a thread.
    served: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    wanted: u64,
    served: u64,
    result: Option<Result<Note, Refusal>>,
    /// Whether a request is open.
    open: bool,
    stop: bool,
    attempted: Option<Instant>,
    status: PublisherStatus,
}

impl Publisher {
    /// Starts the thread.
    ///
    /// # Errors
    /// `ledger.io`.
    pub fn start(log: Arc<Log>, group: Arc<WitnessGroup>, pace: Pace) -> Result<Self, Error> {
        let source = Arc::new(Source(Arc::clone(&log)));
        let shared = Arc::new(Shared {
            log,
            group,
            source,
            pace,
            state: Mutex::default(),
            changed: Condvar::new(),
            served: watch::Sender::new(0),
        });
        let name = shared.log.id().name();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(format!("{name}-publisher"))
            .spawn(move || of_thread.run())
            .map_err(Error::io("start the publisher of", name))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Publishes now and waits for it. The note covers every entry that was durable at the call;
    /// under `quorum none` and when no stamp advanced it may be one that was published before.
    ///
    /// # Errors
    /// `witness.quorum` when the witnesses did not satisfy the policy in time.
    pub fn publish_now(&self) -> Result<Note, Error> {
        self.publish_within(FORCED)
    }

    /// As [`Publisher::publish_now`], waiting no longer than `wait`.
    ///
    /// # Errors
    /// As there.
    pub fn publish_within(&self, wait: Duration) -> Result<Note, Error> {
        let until = Instant::now() + wait.min(FORCED);
        let mut state = lock(&self.shared.state);
        state.wanted = state.wanted.saturating_add(1);
        let ticket = state.wanted;
        self.shared.changed.notify_all();
        loop {
            if state.served >= ticket
                && let Some(result) = &state.result
            {
                return result.clone().map_err(Error::from);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stop {
                return Err(Refusal::Quorum("the witnesses did not answer in time".into()).into());
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The newest note, once it is newer than the one in this row of [`crate::Notes`]; nothing when
    /// the time is over.
    #[must_use]
    pub fn newer_than(&self, row: u64, wait: Duration) -> Option<Note> {
        let until = Instant::now().checked_add(wait)?;
        let mut state = lock(&self.shared.state);
        loop {
            if let Some(note) = self.shared.log.checkpoint().filter(|note| note.row > row) {
                return Some(note);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || state.stop {
                return None;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The newest note, renewed first if it does not cover `size` entries.
    ///
    /// # Errors
    /// As [`Publisher::publish_now`].
    pub fn covering(&self, size: u64) -> Result<Note, Error> {
        match self.shared.log.checkpoint().filter(|note| note.size >= size) {
            Some(note) => Ok(note),
            None => self.publish_now().and_then(|note| match note.size >= size {
                true => Ok(note),
                false => Err(Refusal::Quorum("the note does not cover what is new".into()).into()),
            }),
        }
    }

    /// As [`Publisher::covering`], without a thread that waits.
    ///
    /// # Errors
    /// As there.
    pub async fn covered(&self, size: u64) -> Result<(), Error> {
        let covers = |note: &Note| note.size >= size;
        if self.shared.log.checkpoint().is_some_and(|note| covers(&note)) {
            return Ok(());
        }
        let mut rounds = self.shared.served.subscribe();
        let ticket = {
            let mut state = lock(&self.shared.state);
            state.wanted = state.wanted.saturating_add(1);
            state.wanted
        };
        self.shared.changed.notify_all();
        let served = tokio::time::timeout(FORCED, rounds.wait_for(|served| *served >= ticket));
        if !matches!(served.await, Ok(Ok(_))) {
            return Err(Refusal::Quorum("the witnesses did not answer in time".into()).into());
        }
        // What the round brought that was asked for, also if a later one has failed since.
        if self.shared.log.checkpoint().is_some_and(|note| covers(&note)) {
            return Ok(());
        }
        match lock(&self.shared.state).result.clone() {
            Some(Err(refused)) => Err(refused.into()),
            _ => Err(Refusal::Quorum("the note does not cover what is new".into()).into()),
        }
    }

    /// Tells that the log grew; returns at once.
    pub fn nudge(&self) {
        drop(lock(&self.shared.state));
        self.shared.changed.notify_all();
    }

    /// Tells whether a request is open, which makes notes be renewed more often.
    pub fn set_open(&self, open: bool) {
        lock(&self.shared.state).open = open;
        self.shared.changed.notify_all();
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> PublisherStatus {
        let status = lock(&self.shared.state).status.clone();
        PublisherStatus { witnesses: self.shared.group.status(), ..status }
    }

    /// The witness policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.shared.group.policy()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        lock(&self.shared.state).stop = true;
        self.shared.changed.notify_all();
        self.shared.served.send_replace(u64::MAX);
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("a publisher thread panicked");
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut published_at: Option<Instant> = None;
        loop {
            let Some(ticket) = self.wait_until_due(published_at) else { return };
            let result = self.round();
            let ok = result.is_ok();
            if ok {
                published_at = Some(Instant::now());
            }
            let mut state = lock(&self.state);
            state.attempted = Some(Instant::now());
            state.served = ticket;
            state.status.failed_rounds =
                if ok { 0 } else { state.status.failed_rounds.saturating_add(1) };
            state.status.problem = result.as_ref().err().map(ToString::to_string);
            if let Some(problem) = &state.status.problem {
                tracing::warn!(log = self.log.id().name(), problem, "no cosigned checkpoint");
            }
            state.result = Some(result);
            drop(state);
            self.served.send_replace(ticket);
            self.changed.notify_all();
        }
    }

    /// Waits for a reason to publish; gives the ticket that it serves, nothing at the end.
    fn wait_until_due(&self, published_at: Option<Instant>) -> Option<u64> {
        let mut state = lock(&self.state);
        loop {
            if state.stop {
                return None;
            }
            if state.wanted > state.served {
                return Some(state.wanted);
            }
            let left = self.due_in(&state, published_at);
            if left.is_zero() {
                return Some(state.wanted);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn due_in(&self, state: &State, published_at: Option<Instant>) -> Duration {
        let size = self.log.size();
        let published = self.log.checkpoint().map_or(0, |note| note.size);
        let since = |at: Option<Instant>| at.map_or(Duration::MAX, |at| at.elapsed());
        let pace = match (size > published, self.group.policy().is_none(), state.open) {
            // A log that init has not filled yet has nothing to sign.
            _ if size < 2 => return self.pace.idle,
            (true, _, _) => self.pace.growing,
            // Without witnesses the same size gives the same note.
            (false, true, _) => return self.pace.idle,
            (false, false, true) => self.pace.open,
            (false, false, false) => self.pace.idle,
        };
        let due = pace.saturating_sub(since(published_at));
        let pause = match state.status.failed_rounds {
            0 => Duration::ZERO,
            n => BACKOFF.0.saturating_mul(1 << (n - 1).min(5)).min(BACKOFF.1),
        };
        due.max(pause.saturating_sub(since(state.attempted)))
    }

    fn round(&self) -> Result<Note, Refusal> {
        let fast = self.log.checkpoint_fast();
        let fast = fast.ok_or_else(|| Refusal::Quorum("the log is empty".to_owned()))?;
        let note = self.cosigned(&fast)?;
        self.log.publish(&note).map_err(|e| Refusal::Quorum(format!("{}: {e}", e.code())))
    }

    /// The note with the cosignatures of this round, if they satisfy the policy.
    fn cosigned(&self, fast: &FastCheckpoint) -> Result<Vec<u8>, Refusal> {
        if self.group.policy().is_none() {
            return Ok(fast.note.clone());
        }
        let refuse = |e: &dyn std::fmt::Display| Refusal::Quorum(e.to_string());
        let signed = SignedCheckpoint::parse(&fast.note).map_err(|e| refuse(&e))?;
        let cosigned = self.group.cosign(&signed, &self.source).map_err(|e| refuse(&e))?;
        // A stamp of 0 counts for nothing, though the signature may be right.
        match self.group.policy().latest_time(&cosigned.times) {
            Some(_) => Ok(cosigned.note),
            None => Err(Refusal::Quorum("the stamps do not satisfy the policy".to_owned())),
        }
    }
}

/// The log, as witnesses ask about it.
struct Source(Arc<Log>);

impl ProofSource for Source {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, String> {
        match old_size {
            0 => Ok(Vec::new()),
            old_size => self.0.consistency_path(old_size, new_size).map_err(|e| e.to_string()),
        }
    }
}

/// T1 of a published note under this policy, and one second less than T2 (SPEC.md 9.4).
#[must_use]
pub fn times_of(policy: &Policy, note: &[u8]) -> Option<(u64, u64)> {
    let signed = SignedCheckpoint::parse(note).ok()?;
    let note = signed.note();
    let times: Vec<Option<u64>> = policy
        .witnesses()
        .iter()
        .map(|w| verify_cosignature(&w.key, note.text(), note.signatures()).ok().map(|(_, t)| t))
        .collect();
    Some((policy.latest_time(&times)?, policy.earliest_time(&times)?))
}
