//! What leaves the log: `erase`.

use clap::Args;

use super::PeopleRemote;

/// `erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// Index in the main log of a statement; what is about the same request goes with it
    #[arg(value_name = "LEAF")]
    pub leaf: u64,
    /// Why; stands in the log for ever
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
