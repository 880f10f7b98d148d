//! The thread that indexes what the logs take in. It sleeps until one of them grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::Inner;
use crate::{Error, LogId};

/// From the first new entry to the look at all that came: one transaction for many costs less of
/// what answering needs. Who searches does not wait for it (`Index::search` looks itself).
const GATHER: Duration = Duration::from_millis(50);
/// Pause after a failure, so that it does not fill the service's log.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Follower {
    stop: Arc<AtomicBool>,
    wake: watch::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub fn start(inner: Arc<Inner>) -> Result<Self, Error> {
        let failed = |error| Error::io("start", "the index thread")(error);
        let stop = Arc::<AtomicBool>::default();
        let (wake, woken) = watch::channel(());
        // Its own small run time: it waits for several events at once, and nothing else runs on it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(failed)?;
        let of_thread = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || runtime.block_on(run(&inner, &of_thread, woken)))
            .map_err(failed)?;
        Ok(Self { stop, wake, thread: Some(thread) })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake.send_replace(());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the index thread panicked");
        }
    }
}

async fn run(inner: &Inner, stop: &AtomicBool, mut woken: watch::Receiver<()>) {
    let stopped = || stop.load(Ordering::Relaxed);
    let mut main = inner.main.watch_size();
    let mut gov = inner.gov.watch_size();
    loop {
        main.mark_unchanged();
        gov.mark_unchanged();
        let done = LogId::ALL.into_iter().try_for_each(|id| inner.catch_up(id, stopped));
        if stopped() {
            return;
        }
        if let Err(error) = done {
            tracing::warn!(%error, "the search index does not keep up");
            let _ = tokio::time::timeout(PAUSE, woken.changed()).await;
            continue;
        }
        tokio::select! {
            grown = main.changed() => if grown.is_err() { return },
            grown = gov.changed() => if grown.is_err() { return },
            _ = woken.changed() => {}
        }
        if !stopped() {
            let _ = tokio::time::timeout(GATHER, woken.changed()).await;
        }
    }
}
