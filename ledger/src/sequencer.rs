//! One writer thread: takes what is queued, commits it as one batch, answers when it is durable.
//!
//! The queue is bounded in calls and in bytes, so that a slow disk shows as [`Error::Busy`] at the
//! door and not as memory. After a failure the thread answers everybody with [`Error::Stopped`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Error;
use crate::journal::{MAX_FRAME_BODIES, MAX_FRAME_ENTRIES};
use crate::storage::{Group, Outcome};
use crate::sync::lock;

/// Calls that may wait.
pub const MAX_QUEUED_CALLS: usize = 4096;
/// Bytes of statements that may wait.
pub const MAX_QUEUED_BYTES: usize = 64 << 20;

/// What the thread does with a batch. Implemented by the log.
pub(crate) trait Commit: Send + Sync + 'static {
    /// Records the groups durably; one outcome for each.
    fn commit(&self, groups: &[Group]) -> Result<Vec<Outcome>, Error>;
    /// Called behind the answers, for what is not urgent; says after which time it wants to be
    /// called again if nothing comes.
    fn tend(&self) -> Option<Duration>;
    /// Called once, when the thread ends.
    fn ended(&self, reason: Option<&str>);
}

/// The queue and its thread.
pub(crate) struct Sequencer {
    queue: Option<SyncSender<Call>>,
    thread: Option<JoinHandle<()>>,
    load: Arc<Load>,
}

#[derive(Default)]
struct Load {
    calls: AtomicUsize,
    bytes: AtomicUsize,
    stopped: Mutex<Option<String>>,
}

struct Call {
    group: Group,
    waiter: Waiter,
}

impl Sequencer {
    pub(crate) fn start(name: &str, log: Arc<dyn Commit>) -> Result<Sequencer, Error> {
        let (mut sequencer, mut writer) = Sequencer::by_hand(log);
        let thread = std::thread::Builder::new()
            .name(format!("{name}-writer"))
            .spawn(move || writer.run())
            .map_err(Error::io("start the writer of", name))?;
        sequencer.thread = Some(thread);
        Ok(sequencer)
    }

    /// Without a thread: whoever has the writer says when it commits.
    pub(crate) fn by_hand(log: Arc<dyn Commit>) -> (Sequencer, Writer) {
        let (queue, calls) = sync_channel(MAX_QUEUED_CALLS);
        let load = Arc::new(Load::default());
        let end = End { log, load: Arc::clone(&load), reason: Some("the writer panicked".into()) };
        let writer = Writer { calls, carried: None, tend_after: None, end };
        (Sequencer { queue: Some(queue), thread: None, load }, writer)
    }

    /// Queues a group. `answer` is called exactly once, on the writer thread, with what became of
    /// it, or at once with the reason why it was not queued.
    pub(crate) fn submit(&self, group: Group, answer: Answer) {
        let waiter = Waiter { answer: Some(answer), load: Arc::clone(&self.load) };
        if let Some(reason) = self.stopped() {
            return waiter.answer(Err(Error::Stopped { reason }));
        }
        let bytes = group.bytes();
        let queued = self.load.bytes.fetch_add(bytes, Ordering::Relaxed);
        let refused = match &self.queue {
            _ if queued.saturating_add(bytes) > MAX_QUEUED_BYTES => Some(waiter),
            Some(queue) => {
                self.load.calls.fetch_add(1, Ordering::Relaxed);
                match queue.try_send(Call { group, waiter }) {
                    Ok(()) => return,
                    Err(TrySendError::Full(call) | TrySendError::Disconnected(call)) => {
                        self.load.calls.fetch_sub(1, Ordering::Relaxed);
                        Some(call.waiter)
                    }
                }
            }
            None => Some(waiter),
        };
        self.load.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(waiter) = refused {
            let error = match self.stopped() {
                Some(reason) => Error::Stopped { reason },
                None => Error::Busy,
            };
            waiter.answer(Err(error));
        }
    }

    /// Calls that wait.
    pub(crate) fn queued(&self) -> usize {
        self.load.calls.load(Ordering::Relaxed)
    }

    /// Why nothing is written any more, if so.
    pub(crate) fn stopped(&self) -> Option<String> {
        lock(&self.load.stopped).clone()
    }
}

impl Drop for Sequencer {
    /// Commits what is queued, then ends the thread.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

/// What is called with the outcome.
pub(crate) type Answer = Box<dyn FnOnce(Result<Outcome, Error>) + Send>;

/// Makes sure that nobody waits for ever: a waiter that is dropped unanswered is told so.
struct Waiter {
    answer: Option<Answer>,
    load: Arc<Load>,
}

impl Waiter {
    fn answer(mut self, outcome: Result<Outcome, Error>) {
        if let Some(answer) = self.answer.take() {
            answer(outcome);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let reason = lock(&self.load.stopped).clone();
            let reason = reason.unwrap_or_else(|| "the writer ended".to_owned());
            answer(Err(Error::Stopped { reason }));
        }
    }
}

/// Commits what is queued: the one place from which a log is written.
pub(crate) struct Writer {
    // Dropped first: who finds the queue closed has to find the reason, too.
    end: End,
    calls: Receiver<Call>,
    /// What did not fit into the batch before.
    carried: Option<Call>,
    /// When the log wants to be tended, if nothing comes before.
    tend_after: Option<Duration>,
}

impl Writer {
    /// Commits one batch of what waits now; false when nothing waits, or nothing is written any
    /// more.
    pub(crate) fn turn(&mut self) -> bool {
        if lock(&self.end.load.stopped).is_some() {
            return false;
        }
        match self.carried.take().or_else(|| self.calls.try_recv().ok()) {
            Some(first) => self.commit(first).is_ok(),
            None => false,
        }
    }

    /// Ends in good order.
    pub(crate) fn end(mut self) {
        self.end.reason = None;
    }

    /// Until the queue is closed or writing fails.
    fn run(&mut self) {
        while let Some(first) = self.next() {
            if let Err(reason) = self.commit(first) {
                self.end.reason = Some(reason);
                return;
            }
        }
        self.end.reason = None;
    }

    /// The next call, tending the log meanwhile; none when the queue is closed.
    fn next(&mut self) -> Option<Call> {
        loop {
            let Some(time) = self.tend_after.filter(|_| self.carried.is_none()) else {
                return self.carried.take().or_else(|| self.calls.recv().ok());
            };
            match self.calls.recv_timeout(time) {
                Ok(call) => return Some(call),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.tend_after = self.end.log.tend(),
            }
        }
    }

    /// One batch. The error is why nothing is written any more.
    fn commit(&mut self, first: Call) -> Result<(), String> {
        let (log, load) = (&self.end.log, &self.end.load);
        let (groups, waiters) = drain(first, &self.calls, &mut self.carried);
        let bytes = groups.iter().map(Group::bytes).sum();
        let result = log.commit(&groups);
        load.calls.fetch_sub(groups.len(), Ordering::Relaxed);
        load.bytes.fetch_sub(bytes, Ordering::Relaxed);
        match result {
            Ok(outcomes) => {
                waiters.into_iter().zip(outcomes).for_each(|(w, outcome)| w.answer(Ok(outcome)));
                self.tend_after = log.tend();
                Ok(())
            }
            // Nothing was recorded, and there may be space for what comes next.
            Err(Error::Full { path }) => {
                waiters.into_iter().for_each(|w| w.answer(Err(Error::Full { path: path.clone() })));
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                // Whoever is answered finds the door closed already.
                *lock(&load.stopped) = Some(reason.clone());
                for waiter in waiters {
                    waiter.answer(Err(Error::Stopped { reason: reason.clone() }));
                }
                Err(reason)
            }
        }
    }
}

/// Tells everybody that the thread ended, however it did. Calls that are still queued are dropped
/// with the channel behind this, which answers their waiters.
struct End {
    log: Arc<dyn Commit>,
    load: Arc<Load>,
    reason: Option<String>,
}

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.load.stopped).clone_from(&self.reason);
        self.log.ended(self.reason.as_deref());
    }
}

/// Everything that waits, up to the limits of a frame; what no longer fits is carried over.
fn drain(
    first: Call,
    calls: &Receiver<Call>,
    carried: &mut Option<Call>,
) -> (Vec<Group>, Vec<Waiter>) {
    let (mut entries, mut bytes) = (first.group.entries().len(), first.group.bytes());
    let (mut groups, mut waiters) = (vec![first.group], vec![first.waiter]);
    while let Ok(call) = calls.try_recv() {
        entries = entries.saturating_add(call.group.entries().len());
        bytes = bytes.saturating_add(call.group.bytes());
        if entries > MAX_FRAME_ENTRIES || bytes > MAX_FRAME_BODIES {
            *carried = Some(call);
            break;
        }
        groups.push(call.group);
        waiters.push(call.waiter);
    }
    (groups, waiters)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::storage::NewEntry;

    /// Commits only when the test says so, and then tells the batch.
    struct Gate {
        go: Mutex<Receiver<Result<(), Error>>>,
        began: Mutex<Sender<usize>>,
    }

    impl Commit for Gate {
        fn commit(&self, groups: &[Group]) -> Result<Vec<Outcome>, Error> {
            lock(&self.began).send(groups.len()).unwrap();
            lock(&self.go).recv().unwrap()?;
            Ok((0..groups.len() as u64).map(|n| Outcome::Appended { first_index: n }).collect())
        }
        fn tend(&self) -> Option<Duration> {
            None
        }
        fn ended(&self, _: Option<&str>) {}
    }

    fn gated() -> (Sequencer, Sender<Result<(), Error>>, Receiver<usize>) {
        let ((go_in, go), (began_in, began)) = (channel(), channel());
        let gate = Gate { go: Mutex::new(go), began: Mutex::new(began_in) };
        (Sequencer::start("test", Arc::new(gate)).unwrap(), go_in, began)
    }

    fn submit(sequencer: &Sequencer, bytes: usize) -> Receiver<Result<Outcome, Error>> {
        let (answer, answered) = channel();
        let group = Group::new(vec![NewEntry::plain(vec![1; bytes])]).unwrap();
        sequencer.submit(group, Box::new(move |outcome| answer.send(outcome).unwrap()));
        answered
    }

    #[test]
    fn a_full_queue_is_busy_and_what_waits_is_committed_together() {
        let (sequencer, go, began) = gated();
        let first = submit(&sequencer, 1);
        assert_eq!(began.recv().unwrap(), 1);
        let waiting: Vec<_> = (0..MAX_QUEUED_CALLS).map(|_| submit(&sequencer, 1)).collect();
        let busy = submit(&sequencer, 1).recv().unwrap().unwrap_err();
        assert_eq!(busy.code(), "ledger.busy");
        assert_eq!(sequencer.queued(), MAX_QUEUED_CALLS + 1);
        go.send(Ok(())).unwrap();
        assert_eq!(first.recv().unwrap().unwrap(), Outcome::Appended { first_index: 0 });
        assert_eq!(began.recv().unwrap(), MAX_FRAME_ENTRIES);
        (0..MAX_QUEUED_CALLS).for_each(|_| drop(go.send(Ok(()))));
        for answered in waiting {
            answered.recv().unwrap().unwrap();
        }
    }

    #[test]
    fn bytes_are_bounded_too() {
        let (sequencer, go, began) = gated();
        let mut waiting = vec![submit(&sequencer, 1)];
        began.recv().unwrap();
        waiting.extend((0..63).map(|_| submit(&sequencer, 1 << 20)));
        let busy = submit(&sequencer, 1 << 20).recv().unwrap().unwrap_err();
        assert_eq!(busy.code(), "ledger.busy");
        (0..70).for_each(|_| drop(go.send(Ok(()))));
        for answered in waiting {
            answered.recv().unwrap().unwrap();
        }
    }

    #[test]
    fn after_a_panic_everybody_is_told() {
        let (sequencer, go, began) = gated();
        let first = submit(&sequencer, 1);
        began.recv().unwrap();
        let second = submit(&sequencer, 1);
        // The gate unwraps what it receives: a closed channel makes it panic.
        drop(go);
        for answered in [first, second] {
            assert_eq!(answered.recv().unwrap().unwrap_err().code(), "ledger.stopped");
        }
        let late = submit(&sequencer, 1).recv().unwrap().unwrap_err();
        assert_eq!(late.code(), "ledger.stopped");
    }

    #[test]
    fn after_a_failure_everybody_is_told() {
        let (sequencer, go, began) = gated();
        let first = submit(&sequencer, 1);
        began.recv().unwrap();
        let second = submit(&sequencer, 1);
        go.send(Err(Error::Stopped { reason: "the disk is full".into() })).unwrap();
        for answered in [first, second] {
            assert_eq!(answered.recv().unwrap().unwrap_err().code(), "ledger.stopped");
        }
        let late = submit(&sequencer, 1).recv().unwrap().unwrap_err();
        assert!(late.to_string().contains("the disk is full"), "{late}");
    }
}
