//! The program `placet` as a library, so that its manual pages and completions come from the same
//! definition as its parser.
//!
//! | module | job |
//! |---|---|
//! | [`cli`] | what can be asked |
//! | [`commands`] | one file per command |
//! | [`exit`] | exit codes, in one place |
//! | `error`, `output` | what is said, and where |
//! | `client` | the service's HTTP interface, from the agent's and the approver's side |
//! | `service` | the service in this process |
//! | `folder`, `trust` | reading a ledger's folder without its lock, and making trust files of it |
//!
//! It holds no rule of its own: what may be recorded is the ledger's decision, what is proved the
//! verifier's.

pub mod cli;
mod client;
pub mod commands;
mod error;
pub mod exit;
mod folder;
mod output;
mod service;
mod trust;

use std::panic;
use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use exit::Exit;
use output::Output;

/// Parses the command line, runs the command and gives the exit code. A panic is a bug of this
/// program: exit code 70.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = panic::catch_unwind(|| {
        let mut output = Output::new(cli.color, cli.json);
        let exit = commands::run(&cli.command, &mut output).unwrap_or_else(|failure| {
            output.complain(&failure);
            failure.exit()
        });
        // Who reads the output has read enough: that is success.
        if output.is_cut() { Exit::Done } else { exit }
    });
    outcome.unwrap_or(Exit::Bug).into()
}
