//! How many approvals a second: of the bare machine, of our engine, of our service.
//!
//! Everything runs in one process, one after the other, on the same cores and in the same folder,
//! so that the ratios of one run mean something. Every append waits for `fdatasync`: there is no
//! other mode.

mod engine;
mod floor;
mod http;
mod passkey;
mod place;
mod report;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use placet_ledger::service::Ledger;

use self::engine::Engine;
use self::http::Serve;
use self::passkey::Passkey;
use self::place::Place;
pub use self::report::Report;
use crate::Error;
use crate::machine::{self, Machine};
use crate::stats::{millis, per_second, quantile, ratio};

/// Persons who answer: enough for the pace that each may keep.
const PERSONS: usize = 64;
/// Records without an assertion are measured so long at most: they are beside the four stages.
const RECORDS: Duration = Duration::from_secs(5);

/// The files of a policy, by their names.
pub type PolicyFiles = BTreeMap<String, Vec<u8>>;

/// What is to be measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each stage is measured.
    pub stage: Duration,
    /// A folder of the file system that is measured; what is made in it is removed again.
    pub dir: PathBuf,
}

/// What makes all routes of a ledger that listens at an address.
pub type MakeRouter<'a> = dyn Fn(&Arc<Ledger>, SocketAddr) -> Result<Router, String> + 'a;

/// The service as the program puts it together.
pub struct Service<'a> {
    /// The policy of the ledger that is served.
    pub policy: PolicyFiles,
    /// All routes of a ledger that listens at an address. Called inside the runtime.
    pub router: &'a MakeRouter<'a>,
}

/// Runs all stages. `say` hears what is being done.
///
/// # Errors
/// `bench.io`, `bench.failed`, and those of the ledger.
pub fn run(
    options: &Options,
    service: &Service<'_>,
    say: &mut dyn FnMut(&str),
) -> Result<Report, Error> {
    let machine = Machine::this();
    let (stage, cores) = (options.stage, machine.cores);
    let scratch = tempfile::Builder::new().prefix("placet-bench-").tempdir_in(&options.dir);
    let scratch = scratch.map_err(Error::io(&options.dir))?;
    let keys = (0..PERSONS).map(|_| Passkey::generate()).collect::<Result<Vec<_>, _>>()?;
    say("floor: verify, sign, hash, fdatasync");
    let floor = floor::measure(&keys, scratch.path(), cores, stage)?;
    say("a ledger with persons in it (not timed)");
    let listener = http::listen()?;
    let port = listener.2.port();
    let mut place = Place::new(&scratch.path().join("service"), port, &service.policy, keys)?;
    let engine = Engine::new(&scratch.path().join("engine"), &mut place, cores)?;
    say("engine: check, state, append, prove");
    let approvals = engine.approvals(&place.persons, stage)?;
    let engine_per_s = per_second(approvals.count, approvals.time);
    say("engine: records that nobody signs");
    let records = engine.records(stage.min(RECORDS))?;
    say("engine: half of that load, each with its time to proof");
    let mut paced = engine.paced(&place.persons, engine_per_s / 2.0, stage)?;
    drop(engine);
    say("service: answers over HTTP");
    let serve = Serve::start(&place, service, listener)?;
    let answers = serve.answers(&mut place, stage, cores);
    serve.stop();
    let mut answers = answers?;
    let file_system = machine::file_system(scratch.path());
    place::close(place.ledger);
    let http_per_s = per_second(answers.count, answers.time);
    let records_per_s = per_second(records.count, records.time);
    Ok(Report {
        schema: "placet/bench-append/v1",
        floor_per_s: floor.per_second,
        engine_per_s,
        http_per_s,
        records_per_s,
        ratio_engine: ratio(engine_per_s, floor.per_second),
        ratio_http: ratio(http_per_s, floor.per_second),
        ratio_records: ratio(records_per_s, engine_per_s),
        fdatasync_p50_ms: floor.flush_p50_ms,
        fdatasync_p99_ms: floor.flush_p99_ms,
        proof_p50_ms: millis(quantile(&mut paced.waits, 0.5)),
        proof_p99_ms: millis(quantile(&mut paced.waits, 0.99)),
        load_of_latencies: per_second(paced.count, paced.time),
        http_p50_ms: millis(quantile(&mut answers.waits, 0.5)),
        http_p99_ms: millis(quantile(&mut answers.waits, 0.99)),
        http_timed_s: answers.time.as_secs_f64(),
        floor_per_flush: floor.per_flush,
        fsync: "fdatasync of every batch, before anybody in it is answered",
        seconds: stage.as_secs_f64(),
        file_system,
        version: env!("CARGO_PKG_VERSION"),
        commit: machine::commit(),
        date: machine::today(),
        machine,
    })
}

/// Does `count` pieces of work on so many threads; the results are in order.
fn parallel<T: Send>(
    threads: usize,
    count: usize,
    work: &(dyn Fn(usize) -> Result<T, Error> + Sync),
) -> Result<Vec<T>, Error> {
    let share = count.div_ceil(threads.max(1)).max(1);
    let starts = (0..count).step_by(share);
    let one = |start: usize| (start..count.min(start + share)).map(work).collect();
    std::thread::scope(|scope| {
        let all: Vec<_> = starts.map(|start| scope.spawn(move || one(start))).collect();
        let mut out = Vec::with_capacity(count);
        for thread in all {
            let part: Result<Vec<T>, Error> =
                thread.join().map_err(|_| Error::failed("a thread panicked"))?;
            out.extend(part?);
        }
        Ok(out)
    })
}
