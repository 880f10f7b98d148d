//! What decides: `policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PeopleRemote;

/// `policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Judge a policy folder: what can't be armed, and what could fail at run time
    Check {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Decide requests of a file and compare with what is expected
    Test {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// The file; default tests.json in the folder
        #[arg(long, value_name = "FILE")]
        cases: Option<PathBuf>,
        /// Let what a request says win over the entity store, as in development
        #[arg(long)]
        trust: bool,
    },
    /// Put a policy in force, by an administrator's passkey
    Activate(PolicyActivate),
}

/// `policy activate`.
#[derive(Debug, Args)]
pub struct PolicyActivate {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// The policy folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
