//! What decides: `policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PeopleRemote;

/// `policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Judge a policy folder as arming it would
    Check {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
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
