//! Making a ledger and running it: `init`, `serve`, `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FirstSettings, Settings};

/// How `demo` signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Passkey {
    /// Open the pages in a browser and wait for you
    Browser,
    /// A key in a file stands for you; evidence of nothing
    Software,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where everything is kept; default a new folder among the temporary files
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Who signs; default the browser where one can be opened
    #[arg(long, value_name = "WHAT")]
    pub passkey: Option<Passkey>,
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder, missing or empty
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The policy folder, or pack:NAME; without one everything is denied (with --dev: the
    /// demonstration's)
    #[arg(long, value_name = "FOLDER")]
    pub policy: Option<PathBuf>,
    /// What the ledger is, and settings for placet.toml.
    #[command(flatten)]
    pub settings: FirstSettings,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The ledger's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Settings in place of those in placet.toml.
    #[command(flatten)]
    pub settings: Settings,
    /// Make a development ledger if the folder is missing or empty
    #[arg(long)]
    pub dev: bool,
    /// The policy folder, watched: a change is put in force by a software passkey; with --dev only
    #[arg(long, value_name = "FOLDER", requires = "dev")]
    pub policy: Option<PathBuf>,
    /// Print a new one-time enrolment code; only while nobody is enrolled
    #[arg(long)]
    pub new_code: bool,
}
