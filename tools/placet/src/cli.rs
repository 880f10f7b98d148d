//! The command line. Parser, help, manual pages and completions all come from here.

#![allow(rustdoc::bare_urls, reason = "these texts are printed by --help as they stand")]

mod bench;
mod erase;
mod export;
mod gateway;
mod log;
mod operate;
mod people;
mod policy;
mod requests;
mod serve;
mod settings;

use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::bench::*;
pub use self::erase::*;
pub use self::export::*;
pub use self::gateway::*;
pub use self::log::*;
pub use self::operate::*;
pub use self::people::*;
pub use self::policy::*;
use self::requests::duration;
pub use self::requests::*;
pub use self::serve::*;
pub use self::settings::*;

/// Proof that a person approved exactly what an AI agent did.
///
/// Runs the service that decides, asks persons, and records in two witnessed logs; and is the
/// command line of its operator, of agents and of approvers.
#[derive(Debug, Parser)]
#[command(name = "placet", version, styles = Styles::plain(), after_long_help = AFTER)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Colours: words say everything by themselves
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = "Output")]
    pub color: Color,
    /// Results as JSON, one object a line
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Exit codes:
  0   done, permitted, nothing found
  1   refused, denied, or something was found
  2   a mistake on the command line
  3   not decided: an approval is awaited, or the evidence is not complete yet
  4   what was read is not what it should be
  5   a file, listener or server could not be read, written or reached
  6   two signed checkpoints of a log that can't both be true
  70  a bug of this program

Examples:
  placet demo
  placet serve --dev --dir ./ledger --listen 127.0.0.1:8420
  placet request --url http://localhost:8420 --token-file ledger/keys/pep-token action.json
  placet evidence REQUEST --url http://localhost:8420 --token-file ledger/keys/pep-token --out evidence.placet";

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into files and pipes
    Always,
    /// Nowhere
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::AlwaysAnsi,
            Color::Never => Self::Never,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the whole of it on this machine: from an agent's wish to proof in a file
    Demo(Demo),
    /// Make a ledger's folder: settings, keys and the first entries of both logs
    Init(Init),
    /// Run the service
    Serve(Serve),
    /// Ask whether an action is permitted; if it needs a person, ask for approval
    Request(Request),
    /// Enforcement points in front of other programs
    #[command(subcommand)]
    Gateway(Gateway),
    /// Enrol a software passkey as the first person; development ledgers only
    Enrol(Enrol),
    /// Invite people, and change who may do what
    #[command(subcommand)]
    People(People),
    /// Say what decides
    #[command(subcommand)]
    Policy(Policy),
    /// Approve a request with a software passkey; without a request, list what waits
    Approve(Answer),
    /// Deny a request with a software passkey; without a request, list what waits
    Deny(Answer),
    /// Fetch the evidence about requests, for verification offline
    Evidence(Evidence),
    /// Search both logs by request, person, agent, action, session and time
    Search(Box<Search>),
    /// Erase what a statement says, on an administrator's signature
    Erase(Erase),
    /// Read the logs of a folder, whether or not the service runs
    #[command(subcommand)]
    Log(Log),
    /// Both logs as events, for a SIEM
    #[command(subcommand)]
    Export(Export),
    /// Run a C2SP witness
    #[command(subcommand)]
    Witness(Witness),
    /// Make trust files
    #[command(subcommand)]
    Trust(Trust),
    /// Look after notifications
    #[command(subcommand)]
    Notify(Notify),
    /// Look at a ledger's keys
    #[command(subcommand)]
    Keys(Keys),
    /// Look at the settings
    #[command(subcommand)]
    Config(Config),
    /// Tokens of programs
    #[command(subcommand)]
    Token(Token),
    /// Measure how fast this is, on this machine
    #[command(subcommand)]
    Bench(Bench),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// By which roots a service's certificate is judged.
#[derive(Debug, Clone, Default, Args)]
pub struct Tls {
    /// Certificate roots beside the system's, in PEM
    #[arg(long, env = "PLACET_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Where the service is, and as whom one speaks to it.
#[derive(Debug, Args)]
pub struct Remote {
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL")]
    pub url: String,
    /// Whom it is believed.
    #[command(flatten)]
    pub tls: Tls,
    /// File with the token
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
