//! `bench`: how fast it is, on this machine.

use std::time::Duration;

use placet_benches::append::{self, Options, Report};

use crate::cli::{Bench, BenchAppend};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Measures.
///
/// # Errors
/// `bench.*`, and those of the ledger that is measured.
pub fn run(args: &Bench, output: &mut Output) -> Result<Exit, Failure> {
    match args {
        Bench::Append(args) => append(args, output),
    }
}

fn append(args: &BenchAppend, output: &mut Output) -> Result<Exit, Failure> {
    let stage = Duration::from_secs(u64::from(args.seconds));
    let options = Options { stage, dir: args.dir.clone() };
    let report = append::run(&options, &mut |line| output.say(line))?;
    output.show(&report)?;
    Ok(Exit::Done)
}

impl Shown for Report {
    fn text(&self) -> String {
        Report::text(self)
    }
}
