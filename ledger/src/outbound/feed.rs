//! From the logs to the queue: the log is the queue, and a cursor says how far it was read.
//!
//! What happened is read from the entries of both logs, never from a call that may be lost with
//! the process. Two things are in no log: that an offered request was opened, which the projection
//! knows, and that an enrolment waits, which is kept in the store at once. Cursor and deliveries
//! move in one transaction, so that each event is queued exactly once.

use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use rusqlite::{OptionalExtension as _, params};

use super::delivery::Delivery;
use super::event::{Event, EventKind};
use super::store::{Store, int, uint};
use crate::service::{Ledger, RequestState};
use crate::sync::{lock, read, write};
use crate::{Error, LogId};

/// Entries that are read before the cursor is moved.
const MAX_BATCH: u64 = 64;
/// Ids of opened requests that wait in memory; more are found by looking at all open requests.
const MAX_OPENED: usize = 1000;
/// Longest sleep between two looks.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// Seconds after which the cursor is kept although nobody wants to be told: it needs no flush for
/// every entry then.
const KEEP_S: u64 = 60;
/// Seconds between two looks for endpoints that nobody needs any more.
const TIDY_S: u64 = 3600;
/// Notices that are kept at most.
const MAX_NOTICES: i64 = 1000;

/// Turns events into deliveries: notifications of the settings, web push, callbacks of agents.
pub trait Source: Send + Sync {
    /// Whether anybody wants to be told at the moment; if nobody does, the logs are not even read.
    fn wanted(&self) -> bool {
        true
    }

    /// The deliveries for an event. An event may be shown twice after a failure; only what is
    /// given the last time is queued.
    ///
    /// # Errors
    /// Any; the same event comes again after a pause.
    fn deliveries(&self, ledger: &Ledger, event: &Event) -> Result<Vec<Delivery>, Error>;
}

/// The reading side.
pub struct Feed {
    store: Arc<Store>,
    sources: RwLock<Vec<Arc<dyn Source>>>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Up to where the logs were passed over because nobody wanted to be told, and when the store
    /// was last told so.
    passed: [u64; 2],
    kept_at: UnixSeconds,
    /// When endpoints that nobody needs were last forgotten.
    tidied_at: UnixSeconds,
    opened: Vec<String>,
    /// Whether all open requests have to be looked at: after a start, and after too many.
    look_at_all: bool,
    woken: bool,
    stop: bool,
}

impl Feed {
    pub(super) fn new(store: Arc<Store>) -> Self {
        let state = State {
            passed: [0; 2],
            kept_at: UnixSeconds(0),
            tidied_at: UnixSeconds(0),
            opened: Vec::new(),
            look_at_all: true,
            woken: false,
            stop: false,
        };
        Self {
            store,
            sources: RwLock::default(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn add(&self, source: Arc<dyn Source>) {
        write(&self.sources).push(source);
    }

    pub(super) fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }

    /// A request was opened; it is told at the next look.
    pub(super) fn opened(&self, request: &str) {
        let mut state = lock(&self.state);
        match state.opened.len() < MAX_OPENED {
            true => state.opened.push(request.to_owned()),
            false => state.look_at_all = true,
        }
        state.woken = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Keeps something that is in no log until it is told.
    pub(super) fn notice(&self, event: &Event) -> Result<(), Error> {
        self.store.with(|c| {
            c.execute(
                "INSERT OR IGNORE INTO notice SELECT ?1, ?2, ?3, ?4 WHERE \
                 (SELECT count(*) FROM notice) < ?5",
                params![event.id, event.kind.name(), event.person, int(event.at.0), MAX_NOTICES],
            )
        })?;
        self.wake();
        Ok(())
    }

    /// What the reading thread does. It holds the ledger only while it reads.
    pub(super) fn run(&self, ledger: &Weak<Ledger>, mut told: impl FnMut()) {
        let mut sleep = Duration::ZERO;
        loop {
            if !self.wait(sleep) {
                return;
            }
            let Some(ledger) = ledger.upgrade() else { return };
            sleep = match self.step(&ledger) {
                Ok(()) => {
                    told();
                    MAX_SLEEP
                }
                Err(error) => {
                    tracing::warn!(%error, "events were not told; they will be");
                    PAUSE
                }
            };
        }
    }

    fn wait(&self, sleep: Duration) -> bool {
        let state = lock(&self.state);
        let waits = |s: &mut State| !s.woken && !s.stop;
        let waited = self.changed.wait_timeout_while(state, sleep, waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.woken = false;
        !state.stop
    }

    /// Reads what is new and queues what comes of it.
    ///
    /// # Errors
    /// Those of the sources, `ledger.sqlite`, `ledger.limit` while too much waits.
    pub fn step(&self, ledger: &Ledger) -> Result<(), Error> {
        self.tidy(ledger.now())?;
        let sources = read(&self.sources).clone();
        // In this order: what is recorded after somebody began to want it is never passed over.
        let sizes = LogId::ALL.map(|log| ledger.log(log).size());
        let wanted = sources.iter().any(|source| source.wanted());
        match wanted {
            true => {
                let passed = lock(&self.state).passed;
                for (log, passed) in LogId::ALL.into_iter().zip(passed) {
                    self.read_log(ledger, log, &sources, passed)?;
                }
            }
            false => self.pass_over(ledger, sizes)?,
        }
        self.tell_notices(ledger, &sources)?;
        let (opened, all) = {
            let mut state = lock(&self.state);
            (std::mem::take(&mut state.opened), std::mem::take(&mut state.look_at_all))
        };
        let told = self.tell_opened(ledger, &sources, wanted, opened, all);
        if told.is_err() {
            lock(&self.state).look_at_all = true;
        }
        told
    }

    fn tidy(&self, now: UnixSeconds) -> Result<(), Error> {
        let due = {
            let mut state = lock(&self.state);
            let due = now.0 >= state.tidied_at.0.saturating_add(TIDY_S);
            if due {
                state.tidied_at = now;
            }
            due
        };
        if due { self.store.tidy(now) } else { Ok(()) }
    }

    fn read_log(
        &self,
        ledger: &Ledger,
        id: LogId,
        sources: &[Arc<dyn Source>],
        passed: u64,
    ) -> Result<(), Error> {
        let log = ledger.log(id);
        loop {
            let size = log.size();
            let cursor = self.store.cursor(id)?;
            // Before the first start nobody had asked to be told.
            let from = cursor.unwrap_or(size).max(passed).min(size);
            let to = size.min(from.saturating_add(MAX_BATCH));
            if cursor == Some(to) {
                return Ok(());
            }
            let (mut deliveries, mut ended) = (Vec::new(), Vec::new());
            for index in from..to {
                let Some(statement) = own_statement(ledger, id, index)? else { continue };
                let Some(event) = Event::of_entry(log.origin(), id, index, &statement) else {
                    continue;
                };
                deliveries.extend(gather(ledger, sources, &event)?);
                if event.kind == EventKind::RequestEnded {
                    ended.extend(event.request);
                }
            }
            self.store.write(&deliveries, ledger.now(), |t| {
                for request in &ended {
                    t.execute("DELETE FROM announced WHERE request = ?1", [request])?;
                }
                let sql = "INSERT OR REPLACE INTO cursor VALUES (?1, ?2)";
                t.execute(sql, params![id.name(), int(to)]).map(drop)
            })?;
        }
    }

    /// Nobody wants to be told of what is recorded up to these sizes.
    fn pass_over(&self, ledger: &Ledger, sizes: [u64; 2]) -> Result<(), Error> {
        let now = ledger.now();
        let first = {
            let mut state = lock(&self.state);
            let due = now.0 >= state.kept_at.0.saturating_add(KEEP_S);
            let first = due || state.passed == [0; 2];
            state.passed = sizes;
            if first {
                state.kept_at = now;
            }
            first
        };
        if !first {
            return Ok(());
        }
        self.store.write(&[], now, |t| {
            for (log, size) in LogId::ALL.into_iter().zip(sizes) {
                let sql = "INSERT OR REPLACE INTO cursor VALUES (?1, ?2)";
                t.execute(sql, params![log.name(), int(size)])?;
            }
            Ok(())
        })
    }

    /// Tells of requests that are open and were not told of yet.
    fn tell_opened(
        &self,
        ledger: &Ledger,
        sources: &[Arc<dyn Source>],
        wanted: bool,
        mut requests: Vec<String>,
        all: bool,
    ) -> Result<(), Error> {
        if !wanted {
            return Ok(());
        }
        if all {
            let open = ledger.requests(RequestState::Open)?;
            requests.extend(open.into_iter().map(|row| row.id));
        }
        for request in requests {
            let known = self.store.with(|c| {
                let sql = "SELECT 1 FROM announced WHERE request = ?1";
                c.prepare_cached(sql)?.query_row([&request], |_| Ok(())).optional()
            })?;
            if known.is_some() || ledger.row(&request)?.state != RequestState::Open {
                continue;
            }
            let event = Event::opened(&request, ledger.now());
            let deliveries = gather(ledger, sources, &event)?;
            self.store.write(&deliveries, ledger.now(), |t| {
                t.execute("INSERT OR IGNORE INTO announced VALUES (?1)", [&request]).map(drop)
            })?;
        }
        Ok(())
    }

    fn tell_notices(&self, ledger: &Ledger, sources: &[Arc<dyn Source>]) -> Result<(), Error> {
        let notices: Vec<(String, String, Option<String>, i64)> = self.store.with(|c| {
            c.prepare_cached("SELECT id, kind, person, at FROM notice ORDER BY at, id")?
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
                .collect()
        })?;
        for (id, kind, person, at) in notices {
            let mut deliveries = Vec::new();
            if let Some(kind) = EventKind::from_name(&kind) {
                let (id, at) = (id.clone(), UnixSeconds(uint(at)));
                let event = Event { kind, id, at, request: None, person, state: None };
                deliveries = gather(ledger, sources, &event)?;
            }
            self.store.write(&deliveries, ledger.now(), |t| {
                t.execute("DELETE FROM notice WHERE id = ?1", [&id]).map(drop)
            })?;
        }
        Ok(())
    }
}

fn gather(
    ledger: &Ledger,
    sources: &[Arc<dyn Source>],
    event: &Event,
) -> Result<Vec<Delivery>, Error> {
    let mut all = Vec::new();
    for source in sources {
        all.extend(source.deliveries(ledger, event)?);
    }
    for delivery in &mut all {
        delivery.request.clone_from(&event.request);
    }
    // One that no queue takes must not stop all that come after it.
    all.retain(|delivery: &Delivery| match delivery.check() {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, endpoint = delivery.endpoint, "a delivery was dropped");
            false
        }
    });
    Ok(all)
}

/// The statement at an index, if it is the ledger's own or its PEP's and was not erased.
fn own_statement(ledger: &Ledger, id: LogId, index: u64) -> Result<Option<Statement>, Error> {
    match id {
        LogId::Main => ledger.own_statement(index),
        LogId::Gov => crate::service::read_statement(ledger.log(id), index).map(Some),
    }
}
