//! The process with the log: does what it reads on standard input, and answers each line with one.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use placet_ledger::Log;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::feed::{Feed, record};
use crate::stats::{millis, per_second, quantile};

/// Calls that wait for their answer while it grows.
const INFLIGHT: usize = 2048;
/// Time between two proofs that are made while it grows.
const BETWEEN_PROOFS: Duration = Duration::from_millis(2);

/// What it is told, one JSON object a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Append, then make proofs of random entries. Answered by [`Grown`].
    Grow {
        /// Records.
        count: u64,
        /// Proofs.
        proofs: usize,
    },
    /// Append until it is killed. Answered by one [`Known`] after the other.
    Flood,
    /// Close the log.
    End,
}

/// What it says when it is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Entries of the main log, the one included that was appended to see that it is ready.
    pub size: u64,
    /// Time to open both logs, in milliseconds.
    pub open_ms: f64,
}

/// What is durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Known {
    /// Entries of the main log.
    pub size: u64,
}

/// How it grew. Times in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Grown {
    /// Records, per second.
    pub rate_per_s: f64,
    /// An inclusion proof of a random entry, while nothing is appended: half of them.
    pub proof_p50_ms: f64,
    /// 99 of 100.
    pub proof_p99_ms: f64,
    /// The same while records were appended on all cores.
    pub busy_proof_p50_ms: f64,
    /// 99 of 100.
    pub busy_proof_p99_ms: f64,
    /// Memory of the process now, in KiB.
    pub rss_kib: u64,
    /// The most that it ever was.
    pub rss_peak_kib: u64,
}

/// Opens the folder at `path`, or makes it, and does what it is told until the orders end.
///
/// # Errors
/// `bench.io`, `bench.failed`, those of the ledger.
pub fn run(
    path: &Path,
    size: usize,
    orders: &mut dyn BufRead,
    answers: &mut dyn Write,
) -> Result<(), Error> {
    let began = Instant::now();
    let feed = Feed::open(path)?;
    let open_ms = millis(began.elapsed());
    feed.log.append(vec![record(feed.log.size(), size)])?;
    say(answers, &Ready { size: feed.log.size(), open_ms })?;
    for line in orders.lines() {
        match serde_json::from_str(&line.map_err(Error::io("orders"))?).map_err(Error::failed)? {
            Order::Grow { count, proofs } => say(answers, &grow(&feed, count, size, proofs)?)?,
            Order::Flood => flood(&feed, size, answers)?,
            Order::End => break,
        }
    }
    Ok(())
}

fn say(answers: &mut dyn Write, what: &impl Serialize) -> Result<(), Error> {
    let line = serde_json::to_string(what).map_err(Error::failed)? + "\n";
    answers.write_all(line.as_bytes()).and_then(|()| answers.flush()).map_err(Error::io("answers"))
}

fn grow(feed: &Feed, count: u64, size: usize, proofs: usize) -> Result<Grown, Error> {
    let ending = Arc::new(AtomicBool::new(false));
    let (log, end) = (Arc::clone(&feed.log), Arc::clone(&ending));
    let prover = (proofs > 0).then(|| std::thread::spawn(move || prove_until(&log, &end)));
    let took = feed.append(count, size, INFLIGHT, &mut |_| {})?;
    ending.store(true, Ordering::Relaxed);
    let mut busy = match prover.map(std::thread::JoinHandle::join) {
        Some(times) => times.map_err(|_| Error::failed("the prover panicked"))??,
        None => Vec::new(),
    };
    let mut random = Random(count);
    let prove = |_| prove(&feed.log, &mut random);
    let mut quiet = (0..proofs).map(prove).collect::<Result<Vec<_>, _>>()?;
    Ok(Grown {
        rate_per_s: per_second(count, took),
        proof_p50_ms: millis(quantile(&mut quiet, 0.5)),
        proof_p99_ms: millis(quantile(&mut quiet, 0.99)),
        busy_proof_p50_ms: millis(quantile(&mut busy, 0.5)),
        busy_proof_p99_ms: millis(quantile(&mut busy, 0.99)),
        rss_kib: memory("VmRSS:"),
        rss_peak_kib: memory("VmHWM:"),
    })
}

fn prove_until(log: &Log, end: &AtomicBool) -> Result<Vec<Duration>, Error> {
    let (mut times, mut random) = (Vec::new(), Random(1));
    while !end.load(Ordering::Relaxed) {
        times.push(prove(log, &mut random)?);
        std::thread::park_timeout(BETWEEN_PROOFS);
    }
    Ok(times)
}

/// The inclusion proof of a random entry under the newest signed checkpoint.
fn prove(log: &Log, random: &mut Random) -> Result<Duration, Error> {
    let size = log.checkpoint_fast().map_or(0, |fast| fast.head.size);
    if size == 0 {
        return Ok(Duration::ZERO);
    }
    let index = random.below(size);
    let began = Instant::now();
    log.inclusion_path(index, size)?;
    Ok(began.elapsed())
}

fn flood(feed: &Feed, size: usize, answers: &mut dyn Write) -> Result<(), Error> {
    let mut failed = None;
    let mut known = |size| {
        let said = say(answers, &Known { size });
        failed = failed.take().or(said.err());
    };
    feed.append(u64::MAX, size, INFLIGHT, &mut known)?;
    failed.map_or(Ok(()), Err)
}

/// A field of what the kernel says of this process, in KiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)).checked_rem(end).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(dir: &Path, orders: &[Order]) -> Vec<String> {
        let lines: Vec<_> = orders.iter().map(|o| serde_json::to_string(o).unwrap()).collect();
        let mut answers = Vec::new();
        run(dir, 64, &mut lines.join("\n").as_bytes(), &mut answers).unwrap();
        String::from_utf8(answers).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn it_grows_and_says_how() {
        let tmp = tempfile::tempdir().unwrap();
        let orders = [Order::Grow { count: 2000, proofs: 50 }, Order::End];
        let said = talk(tmp.path(), &orders);
        let ready: Ready = serde_json::from_str(&said[0]).unwrap();
        assert_eq!((ready.size, said.len()), (1, 2));
        let grown: Grown = serde_json::from_str(&said[1]).unwrap();
        assert!(grown.rate_per_s > 0.0 && grown.proof_p50_ms > 0.0);
        assert!(grown.rss_kib > 1000 && grown.rss_kib <= grown.rss_peak_kib);
        let again: Ready = serde_json::from_str(&talk(tmp.path(), &[])[0]).unwrap();
        assert_eq!(again.size, 2002);
    }
}
