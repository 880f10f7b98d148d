//! Records without an assertion: the rate of the engine in process, and the time to proof.
//!
//! This is our side of the comparison with other logs (`benches/peers`), which measures them in the
//! same two stages.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use placet_ledger::{Log, Outcome};
use serde::Serialize;

use crate::Error;
use crate::feed::{Feed, Window, record};
use crate::machine::{self, Machine};
use crate::stats::{millis, per_second, quantile};

/// Calls that are appended between two looks at the clock.
const SLICE: u64 = 32_768;
/// Records of the second stage that wait at most: the engine refuses more than 4096.
const MAX_WAITING: usize = 4000;
/// Records of the second stage are offered so often.
const TICK: Duration = Duration::from_millis(1);

/// What is to be measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Length of each stage.
    pub stage: Duration,
    /// Bytes of a record.
    pub size: usize,
    /// Calls that wait at any time in the first stage.
    pub inflight: usize,
    /// A folder of the file system that is measured; what is made in it is removed again.
    pub dir: PathBuf,
}

/// What was measured. Rates are per second, times in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Durable records, with exact uniqueness of one key each.
    pub rate_per_s: f64,
    /// Records of the first stage.
    pub entries: u64,
    /// Records offered in the second stage: half of that rate.
    pub offered_per_s: f64,
    /// Records of the second stage.
    pub samples: usize,
    /// From submitting until the inclusion proof under a signed checkpoint is there: half of them.
    pub proof_p50_ms: f64,
    /// 99 of 100.
    pub proof_p99_ms: f64,
    /// When an append counts.
    pub fsync: &'static str,
    /// Bytes of a record.
    pub size: usize,
    /// Calls that waited at any time in the first stage.
    pub inflight: usize,
    /// Length of each stage.
    pub seconds: f64,
    /// File system of the folder.
    pub file_system: String,
    /// Version of this program.
    pub version: &'static str,
    /// Commit of the working folder, if it is a repository.
    pub commit: Option<String>,
    /// The day, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
}

impl Report {
    /// As lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "records, {} bytes, one once key each, in process\n  {:.0} a second, flushed: {}\n  \
             at half of that: submit to proof p50 {:.2} ms, p99 {:.2} ms\n",
            self.size, self.rate_per_s, self.fsync, self.proof_p50_ms, self.proof_p99_ms
        )
    }
}

/// Runs both stages on one log.
///
/// # Errors
/// `bench.io`, `bench.failed`, and those of the ledger.
pub fn run(options: &Options) -> Result<Report, Error> {
    let machine = Machine::this();
    let scratch = tempfile::Builder::new().prefix("placet-bench-").tempdir_in(&options.dir);
    let scratch = scratch.map_err(Error::io(&options.dir))?;
    let feed = Feed::open(scratch.path())?;
    let (entries, took) = rate(&feed, options)?;
    let rate_per_s = per_second(entries, took);
    let mut waits = latency(&feed, options, rate_per_s / 2.0)?;
    Ok(Report {
        schema: "placet/bench-records/v1",
        rate_per_s,
        entries,
        offered_per_s: per_second(waits.len() as u64, options.stage),
        samples: waits.len(),
        proof_p50_ms: millis(quantile(&mut waits, 0.5)),
        proof_p99_ms: millis(quantile(&mut waits, 0.99)),
        fsync: "fdatasync of every batch, before it is answered",
        size: options.size,
        inflight: options.inflight,
        seconds: options.stage.as_secs_f64(),
        file_system: machine::file_system(scratch.path()),
        version: env!("CARGO_PKG_VERSION"),
        commit: machine::commit(),
        date: machine::today(),
        machine,
    })
}

fn rate(feed: &Feed, options: &Options) -> Result<(u64, Duration), Error> {
    let (mut entries, mut took) = (0_u64, Duration::ZERO);
    while took < options.stage {
        took += feed.append(SLICE, options.size, options.inflight, &mut |_| {})?;
        entries += SLICE;
    }
    Ok((entries, took))
}

/// Offers so many records a second, evenly, and gives how long each took to its proof.
fn latency(feed: &Feed, options: &Options, rate: f64) -> Result<Vec<Duration>, Error> {
    let window = Arc::new(Window::default());
    let (answers, answered) = channel();
    let log = Arc::clone(&feed.log);
    let prover = std::thread::spawn(move || prove(&log, &answered));
    let mut next = feed.log.size();
    let (first, began) = (next, Instant::now());
    while began.elapsed() < options.stage {
        let due = first + (began.elapsed().as_secs_f64() * rate) as u64;
        for number in next..due {
            // A log that is behind is waited for, and that counts: a record's time begins when it
            // was due.
            window.wait_below(MAX_WAITING)?;
            window.add();
            let since = Duration::from_secs_f64((number - first) as f64 / rate);
            let began = began + since;
            let (ended, answers) = (Arc::clone(&window), answers.clone());
            feed.log.submit(vec![record(number, options.size)], move |outcome| {
                if let Ok(Outcome::Appended { first_index }) = outcome {
                    // Nobody listens only after a proof that failed, which is told there.
                    let _ = answers.send((first_index, began));
                }
                ended.end(outcome);
            })?;
        }
        next = due.max(next);
        std::thread::park_timeout(TICK);
    }
    window.wait_below(1)?;
    drop(answers);
    prover.join().map_err(|_| Error::failed("the prover panicked"))?
}

/// Makes the proof of each answered record under the newest signed checkpoint.
fn prove(log: &Log, answered: &Receiver<(u64, Instant)>) -> Result<Vec<Duration>, Error> {
    let mut waits = Vec::new();
    for (index, began) in answered {
        let head = log.checkpoint_fast().map_or(0, |fast| fast.head.size);
        log.inclusion_path(index, head)?;
        waits.push(began.elapsed());
    }
    Ok(waits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stages_give_figures() {
        let tmp = tempfile::tempdir().unwrap();
        let stage = Duration::from_millis(200);
        let dir = tmp.path().to_path_buf();
        let report = run(&Options { stage, size: 256, inflight: 512, dir }).unwrap();
        assert!(report.rate_per_s > 0.0 && report.samples > 0);
        assert!(report.proof_p50_ms > 0.0 && report.proof_p50_ms <= report.proof_p99_ms);
        assert!(report.text().contains("a second"));
        assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0);
    }
}
