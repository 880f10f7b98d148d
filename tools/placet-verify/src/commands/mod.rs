//! One file per command.

mod audit;
mod check;
mod consistency;
mod copy;
mod explain;
mod export_cose;
mod export_ssh;
mod export_tlog_proof;
mod receipt;
mod reconcile;
mod select;
mod show;
mod trust;

use crate::cli::Command;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) use audit::one as audit_one;
pub(crate) use check::one as check_one;
pub(crate) use reconcile::one as reconcile_one;

/// Runs a command.
///
/// # Errors
/// What stopped it; [`Failure::exit`] is then the exit code.
pub fn run(command: &Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::run(args, output),
        Command::Audit(args) => audit::run(args, output),
        Command::Show(args) => show::run(args, output),
        Command::Explain(args) => explain::run(args, output),
        Command::Consistency(args) => consistency::run(args, output),
        Command::Trust(args) => trust::run(args, output),
        Command::ExportSsh(args) => export_ssh::run(args, output),
        Command::ExportCose(args) => export_cose::run(args, output),
        Command::ExportTlogProof(args) => export_tlog_proof::run(args, output),
        Command::Receipt(args) => receipt::run(args, output),
        Command::Reconcile(args) => reconcile::run(args, output),
    }
}
