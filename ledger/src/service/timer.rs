//! One thread that ends what is overdue: requests that nobody answered, executions whose outcome
//! never came. It sleeps until the next of them is due or something changes.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use crate::Error;
use crate::sync::lock;

/// Longest sleep: a clock that was set must not delay anything for longer.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// Shortest time from one look to the next: what is due is due to the second, and every record
/// wakes this thread.
const REST: Duration = Duration::from_millis(100);
/// Pause after a failure, so that it does not fill the log.
const PAUSE: Duration = Duration::from_secs(5);

/// The thread.
pub(super) struct Timer {
    handle: Arc<Handle>,
    thread: Option<JoinHandle<()>>,
}

/// What wakes it.
#[derive(Default)]
pub(super) struct Handle {
    state: Mutex<Wake>,
    changed: Condvar,
}

#[derive(Default)]
struct Wake {
    ledger: Option<Weak<Ledger>>,
    woken: bool,
    stop: bool,
}

impl Timer {
    pub fn start() -> Result<Self, Error> {
        let handle = Arc::<Handle>::default();
        let of_thread = Arc::clone(&handle);
        let thread = std::thread::Builder::new()
            .name("timer".to_owned())
            .spawn(move || of_thread.run())
            .map_err(Error::io("start", "the timer thread"))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    pub fn handle(&self) -> Arc<Handle> {
        Arc::clone(&self.handle)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        lock(&self.handle.state).stop = true;
        self.handle.changed.notify_all();
        let Some(thread) = self.thread.take() else { return };
        // The last reference to the ledger may be the one that this very thread holds.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the timer thread panicked");
        }
    }
}

impl Handle {
    pub fn attach(&self, ledger: Weak<Ledger>) {
        lock(&self.state).ledger = Some(ledger);
        self.changed.notify_all();
    }

    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_all();
    }

    fn run(&self) {
        let mut sleep = MAX_SLEEP;
        let mut tried: Option<Instant> = None;
        let mut looked: Option<Instant> = None;
        loop {
            let Some(ledger) = self.wait(sleep, looked) else { return };
            // Every change wakes this thread: what just failed is not tried at each of them.
            if tried.is_none_or(|tried| tried.elapsed() >= PAUSE) {
                let finished = ledger.finish_erasures();
                tried = finished.is_err().then(Instant::now);
                if let Err(error) = finished {
                    tracing::warn!(%error, "an erasure is not finished yet; it will be");
                }
            }
            looked = Some(Instant::now());
            sleep = match ledger.end_overdue() {
                Ok(next) => next.min(MAX_SLEEP),
                Err(error) => {
                    tracing::warn!(%error, "overdue requests could not be ended");
                    PAUSE
                }
            };
            if tried.is_some() {
                sleep = sleep.min(PAUSE);
            }
        }
    }

    /// Sleeps, then gives the ledger; nothing at the end.
    fn wait(&self, sleep: Duration, looked: Option<Instant>) -> Option<Arc<Ledger>> {
        let mut state = lock(&self.state);
        let until = Instant::now() + sleep;
        loop {
            if state.stop {
                return None;
            }
            let left = until.saturating_duration_since(Instant::now());
            let rest = looked.map_or(Duration::ZERO, |at| REST.saturating_sub(at.elapsed()));
            if state.ledger.is_some() && (left.is_zero() || (state.woken && rest.is_zero())) {
                state.woken = false;
                return state.ledger.as_ref().and_then(Weak::upgrade);
            }
            let left = if state.woken { left.min(rest) } else { left };
            let left = left.max(Duration::from_millis(1));
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
