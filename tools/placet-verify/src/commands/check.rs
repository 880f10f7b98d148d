//! `check`: verifies bundles. All decisions are `placet-verifier`'s.

use std::path::Path;

use placet_proto::action::Action;
use placet_proto::bundle::MAX_BUNDLE;
use placet_proto::json;
use placet_proto::time::UnixSeconds;
use placet_verifier::{Options, verify_bundle};

use super::copy;
use crate::cli::{Check, Wanted};
use crate::error::{Failure, shown};
use crate::escape;
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::result::FileResult;
use crate::text;
use crate::trust::{self, GivenTrust};

/// Verifies each file and gives the worst result.
///
/// # Errors
/// A trust file, action or copy of the log that can't be read, and output that can't be written.
pub fn run(args: &Check, output: &mut Output) -> Result<Exit, Failure> {
    let trust = GivenTrust::read(&args.trust).inspect_err(|_| {
        output.say("The trust file can't be used; nothing was verified.");
    })?;
    let as_of = trust::as_of(args.as_of);
    let mut options = options(&args.wanted, as_of)?;
    if let Some(log) = &args.log {
        demand_whole_log(log, &trust, &mut options)?;
    }
    let mut worst = Exit::Passed;
    for file in &args.files {
        let result = match verify(file, &trust, &options, as_of) {
            Ok(result) => result,
            Err(failure) => FileResult::of_failure(shown(file), &failure, &trust, as_of),
        };
        worst = worst.worse(result.exit);
        if args.json {
            output.result(&to_json(&result)?)?;
        } else {
            output.result(&text::render(&result, args.quiet))?;
        }
    }
    Ok(worst)
}

/// Verifies one file, asking for nothing but what every bundle must show, and with a copy of the
/// log for what that shows.
///
/// # Errors
/// A trust file or copy that can't be read.
pub(crate) fn one(file: &Path, trust: &Path, log: Option<&Path>) -> Result<FileResult, Failure> {
    let trust = GivenTrust::read(trust)?;
    let as_of = trust::as_of(None);
    let mut options = Options { as_of: as_of.0, ..Options::default() };
    if let Some(log) = log {
        demand_whole_log(log, &trust, &mut options)?;
    }
    Ok(verify(file, &trust, &options, as_of)
        .unwrap_or_else(|failure| FileResult::of_failure(shown(file), &failure, &trust, as_of)))
}

fn demand_whole_log(log: &Path, trust: &GivenTrust, options: &mut Options) -> Result<(), Failure> {
    options.whole_log = Some(copy::whole_log(log, &trust.file)?);
    options.require.push("consumption.unique".to_owned());
    Ok(())
}

fn verify(
    file: &Path,
    trust: &GivenTrust,
    options: &Options,
    as_of: UnixSeconds,
) -> Result<FileResult, Failure> {
    let input = input::read(file, MAX_BUNDLE)?;
    let report = verify_bundle(&input.bytes, &trust.file, options)
        .map_err(|e| Failure::malformed(file, e.code, &e.detail))?;
    Ok(FileResult::of_report(&input, report, trust, as_of))
}

fn options(wanted: &Wanted, as_of: UnixSeconds) -> Result<Options, Failure> {
    let between = match wanted.between.as_deref() {
        Some([from, to]) if from < to => Some((from.0, to.0)),
        Some(_) => return Err(Failure::Usage("--between: T1 must be before T2".to_owned())),
        None => None,
    };
    let action = match &wanted.action {
        Some(path) => {
            let input = input::read(path, json::MAX_BYTES)?;
            let refuse = |e: placet_proto::Error| Failure::proto(path, &e);
            let json = json::parse(&input.bytes).map_err(|e| refuse(e.into()))?;
            Some(Action::from_request(&json).map_err(|e| refuse(e.into()))?)
        }
        None => None,
    };
    Ok(Options {
        as_of: as_of.0,
        action,
        passkey: wanted.passkey.clone(),
        between,
        expect_denial: wanted.denial,
        require: wanted.require.clone(),
        whole_log: None,
    })
}

fn to_json(result: &FileResult) -> Result<String, Failure> {
    let json = serde_json::to_string(result);
    let json = json.map_err(|e| Failure::Io { path: "JSON".to_owned(), source: e.into() })?;
    Ok(escape::json(&json) + "\n")
}
