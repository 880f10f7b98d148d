//! One file per command.

mod answer;
mod bench;
mod completions;
mod config;
mod demo;
mod development;
mod enrol;
mod erase;
mod evidence;
mod export;
mod gateway;
mod init;
mod keep;
mod keys;
mod log;
mod mirror;
mod notify;
mod people;
mod policy;
mod request;
mod search;
mod serve;
mod tail;
mod token;
mod trust;
mod witness;

use crate::cli::Command;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// Runs a command.
///
/// # Errors
/// What stopped it; [`Failure::exit`] is then the exit code.
pub(crate) fn run(command: &Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, output),
        Command::Init(args) => init::run(args, output),
        Command::Serve(args) => serve::run(args, output),
        Command::Request(args) => request::run(args, output),
        Command::Gateway(args) => gateway::run(args, output),
        Command::Enrol(args) => enrol::run(args, output),
        Command::People(args) => people::run(args, output),
        Command::Policy(args) => policy::run(args, output),
        Command::Approve(args) => answer::run(args, false, output),
        Command::Deny(args) => answer::run(args, true, output),
        Command::Evidence(args) => evidence::run(args, output),
        Command::Search(args) => search::run(args, output),
        Command::Erase(args) => erase::run(args, output),
        Command::Export(args) => export::run(args, output),
        Command::Log(args) => log::run(args, output),
        Command::Witness(args) => witness::run(args, output),
        Command::Trust(args) => trust::run(args, output),
        Command::Notify(args) => notify::run(args, output),
        Command::Keys(args) => keys::run(args, output),
        Command::Config(args) => config::run(args, output),
        Command::Token(args) => token::run(args, output),
        Command::Bench(args) => bench::run(args, output),
        Command::Completions { shell } => completions::run(*shell, output),
    }
}
