//! One sink and its cursor: read, encode, send, move on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use placet_proto::event::Encoder;
use placet_proto::kind::LogRole;

use super::config::SinkConfig;
use super::cursor::{Cursor, SinkLock};
use super::deadletter::DeadLetters;
use super::event::Event;
use super::finding::Found;
use super::sink::{Failure, Sink};
use super::source::{Item, Limits, Position, Source};
use super::status::{Shared, State, unix_now};
use crate::sync::lock;

/// First wait after a failure.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait after failures, but for receivers that ask for more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Longest wait that a receiver may ask for.
const LONGEST_ASKED: u64 = 600;
/// Leaves that are sent again on a new connection, unless the settings say otherwise: more than
/// were lost when a receiver was killed with full buffers.
pub const OVERLAP: u64 = 10_000;
/// Failures in a row after which a run to the end gives up.
const ATTEMPTS: u32 = 6;

/// How a sink ended.
#[derive(Debug)]
pub enum Ended {
    /// All is sent that there was, or it was told to end.
    Done,
    /// The receiver refuses for good.
    Refused(String),
    /// It can't be reached, or something here failed.
    Failed(String),
    /// The log is not the one that was exported.
    Rollback(Arc<crate::Error>),
}

impl Ended {
    /// The word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Rollback(_) => "log.rollback",
        }
    }

    /// Why, where it is not done.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Refused(detail) | Self::Failed(detail) => Some(detail.clone()),
            Self::Rollback(error) => Some(error.to_string()),
        }
    }
}

/// Why a turn ended early.
enum Halt {
    Sink(Failure),
    /// An event was refused, and there is no place for it but the receiver.
    Refused(String),
    Here(crate::Error),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Sink(failure)
    }
}

impl From<crate::Error> for Halt {
    fn from(error: crate::Error) -> Self {
        Self::Here(error)
    }
}

/// What all sinks of a run share.
#[derive(Debug)]
pub struct Together {
    /// The logs.
    pub source: Arc<Source>,
    /// Whether to end.
    pub stop: AtomicBool,
    /// Whether to end where the logs end.
    pub once: bool,
    /// That a log was rolled back, found by whoever looked first.
    pub rollback: Mutex<Option<Arc<crate::Error>>>,
}

impl Together {
    /// Lets every sink end after its present batch.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.source.wake();
    }

    /// Ends all sinks because of this.
    pub fn rolled_back(&self, error: crate::Error) {
        *lock(&self.rollback) = Some(Arc::new(error));
        self.source.wake();
    }
}

/// One sink at work.
pub struct Worker {
    name: String,
    together: Arc<Together>,
    sink: Box<dyn Sink>,
    encoder: Encoder,
    cursor: Cursor,
    /// Held as long as this works.
    _lock: SinkLock,
    limits: Limits,
    overlap: u64,
    dead: Option<DeadLetters>,
    shared: Arc<Shared>,
    /// Where the next batch begins; behind what is acknowledged after a rewind.
    at: [Position; 2],
    acknowledged: [Position; 2],
    /// Whether `at` has to go back, since the connection is a new one.
    rewind: bool,
    /// New connections since something new was sent.
    connections: u32,
}

impl Worker {
    /// Puts it together, at the cursor.
    ///
    /// # Errors
    /// `export.cursor`.
    pub fn new(
        together: Arc<Together>,
        config: &SinkConfig,
        sink: Box<dyn Sink>,
        encoder: Encoder,
        (cursor, lock): (Cursor, SinkLock),
        shared: Arc<Shared>,
    ) -> Result<Self, crate::Error> {
        let at = cursor.positions(&together.source)?;
        let dead = config.dead_letter.clone().map(|path| DeadLetters::new(path, &config.name));
        shared.change(|p| {
            p.at = at.clone();
            p.events = cursor.kept().events;
            p.last_ack = cursor.kept().last_ack;
            p.last_error = cursor.kept().last_error.clone();
        });
        Ok(Self {
            name: config.name.clone(),
            together,
            sink,
            encoder,
            cursor,
            _lock: lock,
            limits: Limits { count: config.batch, bytes: config.batch_bytes },
            overlap: config.overlap.unwrap_or(OVERLAP),
            dead,
            shared,
            acknowledged: at.clone(),
            at,
            rewind: false,
            connections: 0,
        })
    }

    /// What was exported before has to be part of the logs as they are now.
    ///
    /// # Errors
    /// `log.rollback`, and those of reading.
    pub fn prove(&self) -> Result<(), crate::Error> {
        for (role, at) in Source::ROLES.into_iter().zip(&self.at) {
            self.together.source.prove(role, at)?;
        }
        Ok(())
    }

    /// Works until there is an end.
    pub fn run(mut self) -> Ended {
        let mut failures = 0_u32;
        let ended = loop {
            if self.together.stop.load(Ordering::Acquire) {
                if let Err(failure) = self.sink.close() {
                    tracing::warn!(sink = self.name, %failure, "at the end");
                }
                break Ended::Done;
            }
            if let Some(error) = lock(&self.together.rollback).clone() {
                break Ended::Rollback(error);
            }
            let seen = self.together.source.news();
            let halt = match self.turn() {
                Ok(true) => {
                    // What went over a new connection again is no success yet.
                    failures = if self.connections == 0 { 0 } else { failures };
                    continue;
                }
                Ok(false) if self.together.once => match self.sink.close() {
                    Ok(()) => break Ended::Done,
                    Err(failure) => Halt::Sink(failure),
                },
                Ok(false) => {
                    failures = 0;
                    self.together.source.wait(seen, LONGEST_WAIT);
                    continue;
                }
                Err(halt) => halt,
            };
            let (detail, asked) = match halt {
                Halt::Refused(detail) => break Ended::Refused(detail),
                Halt::Sink(Failure::Denied { detail }) if self.together.once => {
                    break Ended::Refused(detail);
                }
                // It may be a receiver half started, or a clock: who asks again finds out.
                Halt::Sink(Failure::Denied { detail }) => {
                    failures = failures.saturating_add(1);
                    self.complain(&detail, State::Stopped);
                    self.pause(wait(failures, None));
                    continue;
                }
                Halt::Sink(Failure::Refused { detail, .. }) => break Ended::Refused(detail),
                Halt::Here(error) if error.code() == "log.rollback" => {
                    self.together.rolled_back(error);
                    continue;
                }
                Halt::Here(error) => (error.to_string(), None),
                Halt::Sink(Failure::Passing { detail, retry_after }) => (detail, retry_after),
            };
            failures = failures.saturating_add(1);
            self.complain(&detail, State::Waiting);
            if self.together.once && failures >= ATTEMPTS {
                break Ended::Failed(detail);
            }
            self.pause(wait(failures, asked));
        };
        self.ended(ended)
    }

    fn ended(mut self, ended: Ended) -> Ended {
        let detail = match &ended {
            Ended::Done => {
                self.shared.change(|p| p.state = State::Done);
                return ended;
            }
            Ended::Refused(detail) | Ended::Failed(detail) => detail.clone(),
            Ended::Rollback(error) => {
                let error = Arc::clone(error);
                self.report(&error);
                error.to_string()
            }
        };
        tracing::error!(sink = self.name, %detail, "export stopped");
        self.complain(&detail, State::Stopped);
        ended
    }

    fn report(&mut self, error: &crate::Error) {
        let main = self.together.source.origin(LogRole::Main);
        let Some(found) = Found::of(error, main) else { return };
        let mut places = Source::ROLES.iter().zip(&self.acknowledged);
        let at = places.find(|(role, _)| **role == found.role());
        let at = at.map(|(_, at)| at.clone()).unwrap_or_default();
        if let Err(failure) = found.tell(&mut *self.sink, &self.encoder, &at) {
            tracing::error!(sink = self.name, %failure, "the receiver was not told of it");
        }
        // What a file was told stays in it.
        self.cursor.kept_mut().file = self.sink.mark();
    }

    /// One batch. False when there was nothing to send.
    fn turn(&mut self) -> Result<bool, Halt> {
        if self.sink.ready()? && !self.sink.acknowledges() {
            self.rewind = true;
            self.connections = self.connections.saturating_add(1);
        }
        if self.rewind {
            self.rewind()?;
            if self.connections > 1 {
                let lost = self.connections.saturating_sub(1);
                let what = format!("{lost} connections ended before anything new was sent");
                return Err(Failure::passing(what).into());
            }
        }
        let (events, behind) = self.batch()?;
        if events.is_empty() {
            self.connections = 0;
            return Ok(false);
        }
        if self.sink.mark() != self.cursor.kept().file {
            // A new file: what a crash leaves in it is told by this.
            self.cursor.kept_mut().file = self.sink.mark();
            self.cursor.save()?;
        }
        self.deliver(&events)?;
        self.at = behind;
        for (at, acknowledged) in self.at.iter().zip(&mut self.acknowledged) {
            if ahead(at) > ahead(acknowledged) {
                acknowledged.clone_from(at);
                self.connections = 0;
            }
        }
        self.acknowledge(events.len() as u64)?;
        Ok(true)
    }

    /// Goes back by the overlap, in both logs or, where that fails, at the next turn.
    fn rewind(&mut self) -> Result<(), crate::Error> {
        let mut back = self.acknowledged.clone();
        for (role, at) in Source::ROLES.into_iter().zip(&mut back) {
            *at = self.together.source.rewound(role, at, self.overlap)?;
        }
        self.at = back;
        self.rewind = false;
        Ok(())
    }

    fn acknowledge(&mut self, events: u64) -> Result<(), crate::Error> {
        let now = unix_now();
        self.cursor.set(&self.together.source, &self.acknowledged);
        let kept = self.cursor.kept_mut();
        kept.events = kept.events.saturating_add(events);
        kept.last_ack = Some(now);
        kept.file = self.sink.mark();
        let events = kept.events;
        self.cursor.save()?;
        let at = self.acknowledged.clone();
        self.shared.change(|p| {
            p.at = at;
            p.events = events;
            p.last_ack = Some(now);
            p.state = State::Running;
        });
        Ok(())
    }

    /// The events of the next batch, and the positions behind it.
    fn batch(&self) -> Result<(Vec<Event>, [Position; 2]), crate::Error> {
        let source = &self.together.source;
        let mut events = Vec::new();
        let mut behind = self.at.clone();
        for (role, at) in Source::ROLES.into_iter().zip(&mut behind) {
            let count = self.limits.count.saturating_sub(events.len());
            let origin = source.origin(role);
            let limits = Limits { count, ..self.limits };
            let longest = self.sink.longest(origin);
            *at = source.read(role, at, limits, &mut |item| {
                let (leaf, encoded) = match item {
                    Item::Leaf(leaf, issuers) => {
                        (Some(leaf.index), self.encoder.leaf_within(&leaf, issuers, longest))
                    }
                    Item::Note(note) => (None, self.encoder.checkpoint_within(&note, longest)),
                };
                events.push(Event { role, origin: Arc::clone(origin), leaf, encoded });
            })?;
        }
        Ok((events, behind))
    }

    /// Sends a batch. A receiver that refuses it without saying what of it gets its halves, so that
    /// one event that it will never take does not hold up the others.
    fn deliver(&mut self, events: &[Event]) -> Result<(), Halt> {
        let mut open = vec![events];
        while let Some(part) = open.pop() {
            let (detail, which) = match self.sink.deliver(part) {
                Ok(()) => continue,
                Err(Failure::Refused { detail, which }) => (detail, which),
                Err(failure) => return Err(failure.into()),
            };
            self.shared.change(|p| p.errors = p.errors.saturating_add(1));
            match which {
                Some(which) => {
                    for event in which.iter().filter_map(|n| part.get(*n)) {
                        self.put_aside(event, &detail)?;
                    }
                }
                None if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    open.extend([second, first]);
                }
                None => {
                    for event in part {
                        self.put_aside(event, &detail)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn put_aside(&self, event: &Event, detail: &str) -> Result<(), Halt> {
        let uid = &event.encoded.uid;
        let Some(dead) = &self.dead else {
            return Err(Halt::Refused(format!("event {uid} was refused: {detail}")));
        };
        dead.add(event, detail, unix_now())?;
        tracing::error!(sink = self.name, uid, detail, "an event was refused and put aside");
        self.shared.change(|p| p.dead_letters = p.dead_letters.saturating_add(1));
        Ok(())
    }

    fn complain(&mut self, detail: &str, state: State) {
        tracing::warn!(sink = self.name, detail, "export");
        self.cursor.failed(unix_now(), detail);
        let last_error = self.cursor.kept().last_error.clone();
        self.shared.change(|p| {
            p.errors = p.errors.saturating_add(1);
            p.last_error = last_error;
            p.state = state;
        });
        // What is in the cursor is what was acknowledged, so keeping it changes nothing else.
        if let Err(error) = self.cursor.save() {
            tracing::warn!(sink = self.name, %error, "the cursor was not kept");
        }
    }

    /// Waits, unless it is time to end.
    fn pause(&self, time: Duration) {
        let until = std::time::Instant::now().checked_add(time);
        while !self.together.stop.load(Ordering::Acquire) {
            let now = std::time::Instant::now();
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
            if left.is_zero() {
                return;
            }
            // News end the wait early; there is nothing to be done about them yet.
            let seen = self.together.source.news();
            self.together.source.wait(seen, left);
        }
    }
}

/// In the order of the stream: a note comes behind the leaves that it covers.
fn ahead(at: &Position) -> (u64, u64) {
    (at.note.as_ref().map_or(0, |passed| passed.sequence.saturating_add(1)), at.next_leaf)
}

/// The wait before attempt number `failures` + 1: doubled each time, up to a minute, less up to
/// half of it, so that many exporters do not come back at once; never sooner than the receiver
/// wants.
fn wait(failures: u32, asked: Option<u64>) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let full = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    let mut random = [0_u8; 1];
    // Without randomness the wait is whole.
    let _ = getrandom::fill(&mut random);
    let [random] = random;
    let less = full.saturating_mul(u32::from(random)) / 512;
    let asked = Duration::from_secs(asked.unwrap_or(0).min(LONGEST_ASKED));
    full.saturating_sub(less).max(asked)
}

#[cfg(test)]
pub(super) mod tests;
