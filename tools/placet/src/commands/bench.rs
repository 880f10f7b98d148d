//! `bench`: how fast it is, on this machine.

use std::path::Path;
use std::time::Duration;

use placet_benches::append::{self, Options, Report, Service};
use placet_benches::{call, grow, records};
use placet_pep::policy::PolicyFiles;

use crate::cli::{Bench, BenchAppend, BenchGrow, BenchGrowWorker, BenchHttp, BenchRecords};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::read_text;
use crate::output::{Output, Shown};
use crate::service;

/// Measures.
///
/// # Errors
/// `bench.*`, and those of the ledger that is measured.
pub fn run(args: &Bench, output: &mut Output) -> Result<Exit, Failure> {
    match args {
        Bench::Append(args) => append(args, output),
        Bench::Records(args) => records(args, output),
        Bench::Http(args) => http(args, output),
        Bench::Grow(args) => grow(args, output),
        Bench::GrowWorker(args) => grow_worker(args),
    }
}

fn append(args: &BenchAppend, output: &mut Output) -> Result<Exit, Failure> {
    let stage = Duration::from_secs(u64::from(args.seconds));
    let options = Options { stage, dir: args.dir.clone() };
    let files = PolicyFiles::demo();
    let policy = files.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    // As `serve` does it, without its log of requests.
    let router = |ledger: &_, address| {
        let router = service::router(ledger, address, false).map_err(|e| e.to_string())?;
        placet_ledger::notify::start(ledger).map_err(|e| e.to_string())?;
        Ok(router)
    };
    let service = Service { policy, router: &router };
    let report = append::run(&options, &service, &mut |line| output.say(line))?;
    output.show(&report)?;
    Ok(Exit::Done)
}

impl Shown for Report {
    fn text(&self) -> String {
        Report::text(self)
    }
}

/// Largest body of a call and longest token, in bytes.
const MAX_BODY: u64 = 64 * 1024;
/// Random proofs behind each stretch of a growing log.
const PROOFS: usize = 2000;

fn records(args: &BenchRecords, output: &mut Output) -> Result<Exit, Failure> {
    let report = records::run(&records::Options {
        stage: Duration::from_secs(u64::from(args.seconds)),
        size: args.size as usize,
        inflight: usize::from(args.inflight),
        dir: args.dir.clone(),
    })?;
    output.show(&report)?;
    Ok(Exit::Done)
}

fn http(args: &BenchHttp, output: &mut Output) -> Result<Exit, Failure> {
    let rest = args.url.strip_prefix("http://");
    let (authority, path) = rest
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        .ok_or_else(|| Failure::Usage("--url begins with http://".to_owned()))?;
    let body = args.body.as_deref().map(|file| read_text(file, MAX_BODY)).transpose()?;
    let mut headers = args.headers.clone();
    if let Some(file) = &args.token_file {
        headers.push(format!("Authorization: Bearer {}", read_text(file, MAX_BODY)?.trim()));
    }
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let target = format!("/{path}");
    let report = call::run(&call::Options {
        request: call::request(method, authority, &target, &headers, body.as_bytes()),
        authority: authority.to_owned(),
        expect: args.expect,
        rate: args.rate,
        stage: Duration::from_secs(u64::from(args.seconds)),
        connections: usize::from(args.connections),
        dir: args.dir.clone(),
    })?;
    output.show(&report)?;
    Ok(Exit::Done)
}

fn grow(args: &BenchGrow, output: &mut Output) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(Failure::io(Path::new("this program")))?;
    let words = [program.to_string_lossy().as_ref(), "bench", "grow-worker"].map(str::to_owned);
    let options = grow::Options {
        entries: args.entries,
        size: args.size as usize,
        proofs: PROOFS,
        dir: args.dir.clone(),
        worker: words.into(),
    };
    let report = grow::run(&options, &mut |line| output.say(line))?;
    output.show(&report)?;
    Ok(Exit::Done)
}

fn grow_worker(args: &BenchGrowWorker) -> Result<Exit, Failure> {
    let (mut orders, mut answers) = (std::io::stdin().lock(), std::io::stdout().lock());
    grow::worker::run(&args.dir, args.size as usize, &mut orders, &mut answers)?;
    Ok(Exit::Done)
}

impl Shown for call::Report {
    fn text(&self) -> String {
        call::Report::text(self)
    }
}

impl Shown for records::Report {
    fn text(&self) -> String {
        records::Report::text(self)
    }
}

impl Shown for grow::Report {
    fn text(&self) -> String {
        grow::Report::text(self)
    }
}
