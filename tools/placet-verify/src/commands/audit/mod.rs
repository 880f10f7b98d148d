//! `audit`: verifies everything in copies of both logs (SPEC.md 9.10). It reads, spreads the work
//! over the cores and notes what was done; all decisions are the verifier's.

mod progress;
mod read;
mod report;
mod run;
mod source;
mod state;
mod threads;

use std::num::NonZero;
use std::path::Path;
use std::time::Instant;

use self::report::{AuditResult, RunFacts};
use self::source::Source;
use crate::cli::Audit;
use crate::error::Failure;
use crate::escape;
use crate::exit::Exit;
use crate::output::Output;
use crate::trust::{self, GivenTrust};

/// Audits the copies.
///
/// # Errors
/// A trust file, copy or state that can't be read, and output that can't be written.
pub fn run(args: &Audit, output: &mut Output) -> Result<Exit, Failure> {
    let trust = GivenTrust::read(&args.trust).inspect_err(|_| {
        output.say("The trust file can't be used; nothing was verified.");
    })?;
    let (mut result, run) = judge(args, &trust)?;
    if args.json {
        result.run = Some(run);
        let json = serde_json::to_string(&result);
        let json = json.map_err(|e| Failure::Io { path: "JSON".to_owned(), source: e.into() })?;
        output.result(&(escape::json(&json) + "\n"))?;
    } else {
        output.result(&result.text())?;
        output.say(&run.text());
    }
    Ok(result.exit)
}

/// Audits copies as `audit COPY --trust TRUST` does; the exit code, the code, and the text.
///
/// # Errors
/// A trust file or copy that can't be read.
pub fn one(copy: &Path, trust: &Path) -> Result<(Exit, Option<&'static str>, String), Failure> {
    let (copy, trust) = (copy.to_owned(), trust.to_owned());
    let (gov, state, threads, as_of) = (None, None, None, None);
    let args = Audit { copy, gov, trust, state, threads, as_of, json: false };
    let (result, _) = judge(&args, &GivenTrust::read(&args.trust)?)?;
    Ok((result.exit, result.code, result.text()))
}

fn judge(args: &Audit, trust: &GivenTrust) -> Result<(AuditResult, RunFacts), Failure> {
    let as_of = trust::as_of(args.as_of);
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = args.threads.map_or_else(cores, usize::from);
    let started = Instant::now();
    let source = Source::open(args)?;
    let done = run::audit(args, &source, trust, as_of.0, workers)?;
    let run = RunFacts::new(started.elapsed(), workers, &done);
    Ok((AuditResult::new(args, &source, trust, as_of, done), run))
}
