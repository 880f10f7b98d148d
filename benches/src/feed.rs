//! A log under load, in this process: records without an assertion, through the real engine.
//!
//! A record is a statement of a given length that takes one once key, so that the log checks and
//! keeps what it promises to check. The head is signed with Ed25519 for every batch, and published
//! every second, as the service does it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use placet_ledger::{Dir, Error as LedgerError, Log, LogId, NewEntry, OnceKey, Outcome};
use placet_proto::tlog::{KeyMaterial, Note, SignatureLine, VerifierKey};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// Shortest record: its number and a bit of filling.
pub const MIN_SIZE: usize = 16;
/// Time between two published checkpoints, as `publish_ms` has it by default.
pub const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
const ORIGIN: &str = "example.com/bench";

/// Both logs of a folder, open, and the thread that publishes the main one.
pub struct Feed {
    /// The main log.
    pub log: Arc<Log>,
    gov: Log,
    publisher: Option<Publisher>,
    dir: Dir,
}

impl Feed {
    /// Opens the folder, or makes it with three entries in the governance log.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let dir = match path.join("FORMAT").exists() {
            true => Dir::open(path)?,
            false => Dir::init(path)?,
        };
        let seed: [u8; 32] = Sha256::digest(b"placet bench").into();
        let log = Arc::new(Log::open(&dir, LogId::Main, ORIGIN, signer(ORIGIN, &seed)?)?);
        let origin = format!("{ORIGIN}/gov");
        let gov = Log::open(&dir, LogId::Gov, &origin, signer(&origin, &seed)?)?;
        if gov.size() == 0 {
            gov.append((1..=3).map(|n: u8| NewEntry::plain([n])).collect())?;
        }
        let publisher = Some(Publisher::start(&log)?);
        Ok(Self { log, gov, publisher, dir })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Number of entries of the governance log.
    #[must_use]
    pub fn gov_size(&self) -> u64 {
        self.gov.size()
    }

    /// Appends `count` records of `size` bytes, keeping `inflight` calls waiting, and gives how
    /// long that took until the last was answered. `known` hears the size that is durable.
    ///
    /// # Errors
    /// Those of the ledger; `bench.failed` when a record was refused.
    pub fn append(
        &self,
        count: u64,
        size: usize,
        inflight: usize,
        known: &mut dyn FnMut(u64),
    ) -> Result<Duration, Error> {
        let window = Arc::new(Window::default());
        let first = self.log.size();
        let began = Instant::now();
        for n in first..first.saturating_add(count) {
            window.wait_below(inflight)?;
            window.add();
            let answered = Arc::clone(&window);
            self.log.submit(vec![record(n, size)], move |outcome| answered.end(outcome))?;
            if n % 1024 == 0 {
                known(self.log.size());
            }
        }
        window.wait_below(1)?;
        Ok(began.elapsed())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.publisher.take();
    }
}

/// The record of this number: no two are the same, and each has a key of its own.
#[must_use]
pub fn record(number: u64, size: usize) -> NewEntry {
    let mut statement = vec![b'x'; size.max(MIN_SIZE)];
    statement.splice(..8, number.to_be_bytes());
    let key = Sha256::digest([b"bench-once-v1".as_slice(), &number.to_be_bytes()].concat());
    NewEntry { once: vec![OnceKey(key.into())], ..NewEntry::plain(statement) }
}

/// Signs the checkpoints of one log.
fn signer(
    origin: &str,
    seed: &[u8; 32],
) -> Result<impl Fn(&str) -> Result<Vec<u8>, String> + Send + Sync + 'static, Error> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(Error::failed)?;
    let public = pair.public_key().as_ref().try_into().map_err(Error::failed)?;
    let key = VerifierKey::new(origin, KeyMaterial::Ed25519(public)).map_err(Error::failed)?;
    Ok(move |text: &str| {
        let mut note = Note::new(text.to_owned()).map_err(|error| error.to_string())?;
        let signature = pair.sign(text.as_bytes()).as_ref().to_vec();
        let line = SignatureLine::new(&key, signature).map_err(|error| error.to_string())?;
        note.set_signature(line).map_err(|error| error.to_string())?;
        Ok(note.to_bytes())
    })
}

/// Calls that wait for their answer.
#[derive(Debug, Default)]
pub struct Window {
    state: Mutex<Waiting>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: usize,
    refused: Option<String>,
}

impl Window {
    /// One more.
    pub fn add(&self) {
        self.lock().calls += 1;
    }

    /// One less, with what became of it.
    pub fn end(&self, outcome: Result<Outcome, LedgerError>) {
        let mut state = self.lock();
        state.calls = state.calls.saturating_sub(1);
        match outcome {
            Ok(Outcome::Appended { .. }) => {}
            Ok(Outcome::Conflict { .. }) => state.refused = Some("a key was taken".into()),
            Err(error) => state.refused = Some(error.to_string()),
        }
        drop(state);
        self.ended.notify_one();
    }

    /// Waits until fewer than `most` wait.
    ///
    /// # Errors
    /// `bench.failed` when one was refused.
    pub fn wait_below(&self, most: usize) -> Result<(), Error> {
        let mut state = self.lock();
        while state.calls >= most && state.refused.is_none() {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.refused.as_ref().map_or(Ok(()), |reason| Err(Error::failed(reason)))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes what a log has signed.
struct Publisher {
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    fn start(log: &Arc<Log>) -> Result<Self, Error> {
        let ending = Arc::new(AtomicBool::new(false));
        let (log, end) = (Arc::clone(log), Arc::clone(&ending));
        let work = move || {
            while !end.load(Ordering::Relaxed) {
                let published = log.checkpoint().map_or(0, |note| note.size);
                if let Some(fast) = log.checkpoint_fast().filter(|f| f.head.size > published) {
                    // It stops the log if it fails for good, and the next append says so.
                    drop(log.publish(&fast.note));
                }
                std::thread::park_timeout(PUBLISH_INTERVAL);
            }
        };
        let thread = std::thread::Builder::new().name("bench-publisher".into()).spawn(work);
        let thread = Some(thread.map_err(Error::io("a thread"))?);
        Ok(Self { ending, thread })
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic in it would be a bug of this bench, and the figures are printed all the same.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_appended_published_and_found_again() {
        let tmp = tempfile::tempdir().unwrap();
        let feed = Feed::open(tmp.path()).unwrap();
        let mut known = 0;
        feed.append(3000, 64, 256, &mut |size| known = size).unwrap();
        assert_eq!((feed.log.size(), feed.gov_size()), (3000, 3));
        assert!(known <= 3000);
        drop(feed);
        let feed = Feed::open(tmp.path()).unwrap();
        assert_eq!(feed.log.size(), 3000);
        let again = feed.log.append(vec![record(7, 64)]).unwrap();
        assert!(matches!(again, Outcome::Conflict { index: 7, .. }), "{again:?}");
    }
}
