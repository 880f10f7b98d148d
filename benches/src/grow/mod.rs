//! How a log does as it grows: rate, proofs, memory, restart, disk.
//!
//! This process only looks on. The log is in another one ([`worker`]), so that its memory is that
//! of a ledger and so that it can be killed. Between two stretches of the large log a new one grows
//! from nothing: both rates are of the same minute of the same machine.

mod disk;
mod report;
pub mod worker;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde::de::DeserializeOwned;

pub use self::disk::Disk;
pub use self::report::{Report, Restart, Stretch};
use self::worker::{Grown, Known, Order, Ready};
use crate::Error;
use crate::machine::{self, Machine};
use crate::stats::ratio;

/// Stretches of a run.
const STRETCHES: u64 = 20;
/// Entries of the new log beside a stretch, at most: with more it would no longer be an empty one.
const MOST_EMPTY: u64 = 200_000;
/// Entries of the large log, at least, behind its last stretch when it is killed.
const BEFORE_KILL: u64 = 20_000;

/// What is to be measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Entries of the large log.
    pub entries: u64,
    /// Bytes of a record.
    pub size: usize,
    /// Random proofs behind each stretch.
    pub proofs: usize,
    /// A folder of the file system that is measured; what is made in it is removed again.
    pub dir: PathBuf,
    /// The program and its arguments that run [`worker::run`].
    pub worker: Vec<String>,
}

/// Runs it. `say` hears what is being done.
///
/// # Errors
/// `bench.io`, `bench.failed`.
pub fn run(options: &Options, say: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let machine = Machine::this();
    let scratch = tempfile::Builder::new().prefix("placet-grow-").tempdir_in(&options.dir);
    let scratch = scratch.map_err(Error::io(&options.dir))?;
    let (large, small) = (scratch.path().join("large"), scratch.path().join("small"));
    let stretches = stretches(options, &large, &small, say)?;
    say("killing it while it appends, and opening it again");
    let restart = restart(options, &large)?;
    let disk = Disk::of(&large, restart.entries, options.size)?;
    Ok(Report::new(
        options,
        machine,
        machine::file_system(scratch.path()),
        stretches,
        restart,
        disk,
    ))
}

/// Grows the large log to its size, a new one beside it each time.
fn stretches(
    options: &Options,
    large: &Path,
    small: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Stretch>, Error> {
    let (mut worker, _): (_, Ready) = Worker::start(options, large)?;
    let mut stretches = Vec::new();
    let mut entries = 0;
    for n in 1..=STRETCHES {
        let count = (options.entries * n / STRETCHES).saturating_sub(entries);
        entries += count;
        let grown: Grown = worker.order(&Order::Grow { count, proofs: options.proofs })?;
        let empty = {
            let (mut beside, _): (_, Ready) = Worker::start(options, small)?;
            let count = count.min(MOST_EMPTY);
            let empty: Grown = beside.order(&Order::Grow { count, proofs: 0 })?;
            beside.end()?;
            std::fs::remove_dir_all(small).map_err(Error::io(small))?;
            empty
        };
        let ratio = ratio(grown.rate_per_s, empty.rate_per_s);
        say(&format!(
            "{entries} entries: {:.0} a second, {ratio:.2} of an empty log; proofs p50 {:.3} ms, \
             p99 {:.3} ms; {} MiB",
            grown.rate_per_s,
            grown.proof_p50_ms,
            grown.proof_p99_ms,
            grown.rss_kib / 1024
        ));
        stretches.push(Stretch { entries, empty_per_s: empty.rate_per_s, ratio, grown });
    }
    worker.end()?;
    Ok(stretches)
}

/// Opens the large log, lets it append until it is killed, and times a new process until that has
/// both logs open and has appended.
fn restart(options: &Options, large: &Path) -> Result<Restart, Error> {
    let (mut worker, _): (_, Ready) = Worker::start(options, large)?;
    let mut known = 0;
    worker.send(&Order::Flood)?;
    let mut from = None;
    loop {
        let Known { size } = worker.hear()?;
        known = size.max(known);
        if known >= from.get_or_insert(known).saturating_add(BEFORE_KILL) {
            break;
        }
    }
    worker.child.kill().map_err(Error::io("kill"))?;
    // What it had said before it died counts as well.
    while let Ok(Known { size }) = worker.hear() {
        known = size.max(known);
    }
    worker.child.wait().map_err(Error::io("wait"))?;
    let began = Instant::now();
    let (mut worker, ready): (_, Ready) = Worker::start(options, large)?;
    let milliseconds = crate::stats::millis(began.elapsed());
    if ready.size <= known {
        return Err(Error::failed(format!(
            "{known} entries were acknowledged, it has {}",
            ready.size
        )));
    }
    worker.send(&Order::End)?;
    worker.child.wait().map_err(Error::io("wait"))?;
    Ok(Restart {
        until_appended_ms: milliseconds,
        open_ms: ready.open_ms,
        acknowledged: known,
        entries: ready.size,
    })
}

/// The process with a log.
struct Worker {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts one, which opens both logs, appends once, and says so.
    fn start<T: DeserializeOwned>(options: &Options, dir: &Path) -> Result<(Self, T), Error> {
        let (program, args) =
            options.worker.split_first().ok_or_else(|| Error::failed("no program to run"))?;
        let mut child = Command::new(program)
            .args(args)
            .arg("--dir")
            .arg(dir)
            .arg("--size")
            .arg(options.size.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::io(program))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.ok_or_else(|| Error::failed("no output"))?);
        let mut worker = Self { child, orders, answers };
        let ready = worker.hear()?;
        Ok((worker, ready))
    }

    fn order<T: DeserializeOwned>(&mut self, order: &Order) -> Result<T, Error> {
        self.send(order)?;
        self.hear()
    }

    fn send(&mut self, order: &Order) -> Result<(), Error> {
        let line = serde_json::to_string(order).map_err(Error::failed)? + "\n";
        let orders = self.orders.as_mut().ok_or_else(|| Error::failed("it is ending"))?;
        orders.write_all(line.as_bytes()).map_err(Error::io("the worker"))
    }

    fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).map_err(Error::io("the worker"))?;
        if read == 0 {
            return Err(Error::failed("the process with the log ended"));
        }
        serde_json::from_str(&line).map_err(Error::failed)
    }

    fn end(mut self) -> Result<(), Error> {
        self.send(&Order::End)?;
        match self.child.wait().map_err(Error::io("wait"))?.success() {
            true => Ok(()),
            false => Err(Error::failed("the process with the log failed")),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // One that is left after an error; else it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
