//! How many approvals a second: of the bare machine, of our engine, of our service.
//!
//! Everything runs in one process, one after the other, on the same cores and in the same folder,
//! so that the ratios of one run mean something. Every append waits for `fdatasync`: there is no
//! other mode.

mod floor;
#[allow(dead_code, reason = "floor uses a part of it")]
mod passkey;
mod report;

use std::path::PathBuf;
use std::time::Duration;

pub use self::report::Report;
use crate::Error;
use crate::machine::{self, Machine};

/// What is to be measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each stage is measured.
    pub stage: Duration,
    /// A folder of the file system that is measured; what is made in it is removed again.
    pub dir: PathBuf,
}

/// Runs all stages. `say` hears what is being done.
///
/// # Errors
/// `bench.io`, `bench.failed`, and those of the ledger.
pub fn run(options: &Options, say: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    let machine = Machine::this();
    let scratch = tempfile::Builder::new().prefix("placet-bench-").tempdir_in(&options.dir);
    let scratch = scratch.map_err(Error::io(&options.dir))?;
    let keys: Vec<_> =
        (0..PERSONS).map(|_| passkey::Passkey::generate()).collect::<Result<_, _>>()?;
    say("floor: verify, sign, hash, fdatasync");
    let floor = floor::measure(&keys, scratch.path(), machine.cores, options.stage)?;
    Ok(Report {
        schema: "placet/bench-append/v1",
        seconds: options.stage.as_secs_f64(),
        fsync: "every batch of appends, before it is answered",
        file_system: machine::file_system(scratch.path()),
        version: env!("CARGO_PKG_VERSION"),
        commit: machine::commit(),
        machine,
        floor_per_s: floor.per_second,
        fdatasync_p50_ms: floor.flush_p50_ms,
        fdatasync_p99_ms: floor.flush_p99_ms,
        floor_per_flush: floor.per_flush,
    })
}

/// Persons who answer.
const PERSONS: usize = 64;
