//! The program `placet-verify` as a library, so that its manual pages and completions come from
//! the same definition as its parser.
//!
//! It holds no trust decision: those are in `placet-verifier`. It reads files, asks the system
//! clock (for the expiry of the trust file only), and prints. It has no network code.

pub mod cli;
mod codes;
mod commands;
mod error;
pub mod escape;
pub mod exit;
mod input;
mod output;
mod result;
mod text;
mod trust;

use std::panic::{self, UnwindSafe};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use exit::Exit;
use output::Output;

/// Parses the command line, runs the command and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = guarded(|| {
        let mut output = Output::new(cli.color);
        let exit = commands::run(&cli.command, &mut output).unwrap_or_else(|failure| {
            output.complain(&failure);
            failure.exit()
        });
        // Who reads the output has read enough: that is success (ripgrep's rule).
        if output.is_cut() { Exit::Passed } else { exit }
    });
    exit.into()
}

/// What `check` says about one file, for programs that show the same report.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The result.
    pub exit: Exit,
    /// The code of the check that decided, or of what made the file unreadable.
    pub code: Option<&'static str>,
    /// The report, as `check` prints it.
    pub text: String,
}

/// Verifies one bundle against one trust file, as `check` does with no further wish than perhaps a
/// copy of the log.
///
/// # Errors
/// The sentence with which `check` would end, when the trust file or the copy can't be read.
pub fn check(bundle: &Path, trust: &Path, log: Option<&Path>) -> Result<Checked, String> {
    let result = commands::check_one(bundle, trust, log).map_err(|failure| failure.to_string())?;
    let text = text::render(&result, false);
    Ok(Checked { exit: result.exit, code: result.code, text })
}

/// Audits copies of both logs against one trust file, as `audit` does.
///
/// # Errors
/// The sentence with which `audit` would end, when a copy or the trust file can't be read.
pub fn audit(copy: &Path, trust: &Path) -> Result<Checked, String> {
    let audited = commands::audit_one(copy, trust).map_err(|failure| failure.to_string())?;
    let (exit, code, text) = audited;
    Ok(Checked { exit, code, text })
}

/// Compares events with a ledger's folder or copies of both logs, as `reconcile` does with no
/// further wish.
///
/// # Errors
/// The sentence with which `reconcile` would end, when the copy or the events can't be read.
pub fn reconcile(copy: &Path, events: &Path) -> Result<Checked, String> {
    let reconciled = commands::reconcile_one(copy, events);
    let (exit, code, text) = reconciled.map_err(|failure| failure.to_string())?;
    Ok(Checked { exit, code, text })
}

/// A panic is a bug of this program and never a verdict.
fn guarded(run: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    panic::catch_unwind(run).unwrap_or_else(|_| {
        eprintln!("This is a bug of placet-verify and no verdict. Please report it with the file.");
        Exit::Bug
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_and_no_verdict() {
        assert_eq!(guarded(|| panic!("on purpose")), Exit::Bug);
        assert_eq!(guarded(|| Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Bug.code(), 70);
    }
}
