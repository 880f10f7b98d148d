//! The floor: a bare loop that does for each approval what nobody can leave out, and no more.
//!
//! For each it verifies an ES256 assertion (made beforehand), signs a statement of the usual length
//! by Ed25519, hashes body, leaf and node; what many threads have done so is written and flushed
//! together by one. No parser, no document, no once keys, no proof, nobody who waits.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, Ed25519KeyPair, ParsedPublicKey};
use placet_proto::tlog::merkle::{leaf_hash, node_hash};
use sha2::{Digest as _, Sha256};

use super::passkey::{Assertion, Passkey, signed_bytes};
use crate::Error;
use crate::stats::{millis, per_second, quantile};

/// Length of an approval statement, without its signature, as the service writes it for a small
/// action.
const STATEMENT: usize = 3072;
/// Assertions that are signed beforehand; the threads go round.
const ASSERTIONS: usize = 4096;
/// Approvals that wait for one flush at most: more make each wait longer and win nothing.
const MAX_BATCH: usize = 256;

/// What was measured.
pub struct Floor {
    /// Durable approvals.
    pub per_second: f64,
    /// Time of `fdatasync`, median.
    pub flush_p50_ms: f64,
    /// Time of `fdatasync`, 99th percentile.
    pub flush_p99_ms: f64,
    /// Approvals of one flush.
    pub per_flush: f64,
}

/// Runs the loop for `time` with as many threads as there are cores; the one that flushes mostly
/// waits for the disk and takes none.
pub fn measure(
    keys: &[Passkey],
    folder: &Path,
    cores: usize,
    time: Duration,
) -> Result<Floor, Error> {
    let signed = assertions(keys)?;
    let path = folder.join("floor");
    let mut file = File::create(&path).map_err(Error::io(&path))?;
    let signer = Ed25519KeyPair::generate().map_err(Error::failed)?;
    let shared = Shared::default();
    let began = Instant::now();
    let flushed = std::thread::scope(|scope| {
        for thread in 0..cores {
            let (shared, signer, signed) = (&shared, &signer, &signed);
            scope.spawn(move || shared.work(signed, thread, signer));
        }
        let flushed = shared.flush_until(&mut file, began, time);
        shared.stop();
        flushed
    });
    let (count, mut flushes) = flushed.map_err(Error::io(&path))?;
    let elapsed = began.elapsed();
    if shared.refused.load(Ordering::Relaxed) {
        return Err(Error::failed("an assertion of the floor did not verify"));
    }
    std::fs::remove_file(&path).map_err(Error::io(&path))?;
    Ok(Floor {
        per_second: per_second(count, elapsed),
        flush_p50_ms: millis(quantile(&mut flushes, 0.5)),
        flush_p99_ms: millis(quantile(&mut flushes, 0.99)),
        per_flush: count as f64 / flushes.len().max(1) as f64,
    })
}

/// An assertion beside the key that made it.
struct Signed {
    key: ParsedPublicKey,
    assertion: Assertion,
}

fn assertions(keys: &[Passkey]) -> Result<Vec<Signed>, Error> {
    let one = |(n, key): (usize, &Passkey)| {
        let challenge = [Sha256::digest(n.to_be_bytes()).as_slice(); 3].concat();
        let assertion = key.assert(&challenge, "https://placet.example.com")?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point());
        let key = key.map_err(Error::failed)?;
        Ok(Signed { key, assertion })
    };
    keys.iter().cycle().take(ASSERTIONS).enumerate().map(one).collect()
}

/// What is done and not flushed yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    count: usize,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    some: Condvar,
    room: Condvar,
    refused: AtomicBool,
}

impl Shared {
    /// One thread's approvals, until the end.
    fn work(&self, signed: &[Signed], thread: usize, signer: &Ed25519KeyPair) {
        let mut root = [0; 32];
        let mut statement = vec![b'x'; STATEMENT];
        for (n, one) in signed.iter().cycle().enumerate() {
            let Assertion { authenticator_data, client_data_json, signature } = &one.assertion;
            let message = signed_bytes(authenticator_data, client_data_json);
            if one.key.verify_sig(&message, signature).is_err() {
                self.refused.store(true, Ordering::Relaxed);
                return;
            }
            let id = [thread, n].map(|part| (part as u64).to_be_bytes()).concat();
            statement.truncate(STATEMENT);
            statement.splice(..id.len(), id);
            let signature = signer.sign(&statement);
            statement.extend_from_slice(signature.as_ref());
            let entry: [u8; 32] = Sha256::digest(&statement).into();
            root = node_hash(&root, &leaf_hash(&entry));
            if !self.put(&statement) {
                break;
            }
        }
        std::hint::black_box(root);
    }

    /// Hands one over; false at the end.
    fn put(&self, statement: &[u8]) -> bool {
        let mut waiting = self.lock();
        while waiting.count >= MAX_BATCH && !waiting.ended {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.bytes.extend_from_slice(statement);
        waiting.count += 1;
        if waiting.count == 1 {
            self.some.notify_one();
        }
        !waiting.ended
    }

    /// Flushes whatever there is, again and again; gives how much, and how long each flush took.
    fn flush_until(
        &self,
        file: &mut File,
        began: Instant,
        time: Duration,
    ) -> std::io::Result<(u64, Vec<Duration>)> {
        let (mut count, mut flushes, mut bytes) = (0, Vec::new(), Vec::new());
        while began.elapsed() < time && !self.refused.load(Ordering::Relaxed) {
            let mut waiting = self.lock();
            if waiting.count == 0 {
                let patience = Duration::from_millis(100);
                let waited = self.some.wait_timeout(waiting, patience);
                waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            bytes.clear();
            std::mem::swap(&mut waiting.bytes, &mut bytes);
            let taken = std::mem::take(&mut waiting.count);
            drop(waiting);
            self.room.notify_all();
            if taken > 0 {
                file.write_all(&bytes)?;
                let flush = Instant::now();
                file.sync_data()?;
                flushes.push(flush.elapsed());
                count += taken as u64;
            }
        }
        Ok((count, flushes))
    }

    fn stop(&self) {
        self.lock().ended = true;
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_flushes_what_it_counts() {
        let tmp = tempfile::tempdir().unwrap();
        let keys = [Passkey::generate().unwrap(), Passkey::generate().unwrap()];
        let floor = measure(&keys, tmp.path(), 2, Duration::from_millis(200)).unwrap();
        assert!(floor.per_second > 0.0 && floor.per_flush >= 1.0);
        assert!(floor.flush_p50_ms <= floor.flush_p99_ms);
        assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0);
    }
}
