//! The logs as events for a SIEM: `export`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `export`.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Send both logs to the sinks of export.toml, and go on as they grow
    Run(ExportRun),
    /// Where each sink stands: next leaf, lag, last acknowledgement, last error
    Status(ExportPlace),
    /// Send one test event to each sink and say what came back
    Test {
        /// Where the ledger and its settings are.
        #[command(flatten)]
        place: ExportPlace,
        /// Only this sink; default all
        #[arg(value_name = "SINK")]
        sink: Option<String>,
    },
}

/// Where the ledger, its sinks and their cursors are.
#[derive(Debug, Args)]
pub struct ExportPlace {
    /// The ledger's folder; the service may run
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The sinks; default DIR/export.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the cursors; default DIR/state/export
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
}

/// `export run`.
#[derive(Debug, Args)]
pub struct ExportRun {
    /// Where the ledger and its settings are.
    #[command(flatten)]
    pub place: ExportPlace,
    /// End when everything that is published now has been sent
    #[arg(long)]
    pub once: bool,
    /// Serve metrics for Prometheus at this address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
}
