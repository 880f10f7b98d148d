//! The logs as events for a SIEM: `export`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use placet_proto::event::{Format, Shown as ShownAs};

/// `export`.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Send both logs to the sinks of export.toml, and go on as they grow
    Run(ExportRun),
    /// Write everything that both logs published as events into a file, one a line
    Backfill(ExportBackfill),
    /// Write the key of the hashes in events, for whoever compares them with the log
    HashKey(ExportHashKey),
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

/// Events of which logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Streams {
    /// Both, the governance log first
    Both,
    /// Decisions, answers, executions
    Main,
    /// Keys, policies, people
    Gov,
}

/// `export backfill`.
#[derive(Debug, Args)]
pub struct ExportBackfill {
    /// The ledger's folder; the service may run
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The file to write, replaced where it is; - is standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// ocsf, ocsf-1.8, cef, leef, ecs, cloudevents or json
    #[arg(long, value_name = "FORMAT", default_value = "ocsf", value_parser = format)]
    pub format: Format,
    /// Show a field in another way than docs/events.md, such as reason=plain; may be repeated
    #[arg(long, value_name = "NAME=HOW", value_parser = field)]
    pub field: Vec<(String, ShownAs)>,
    /// The key of hashes; default DIR/keys/export-hash, made where it is missing
    #[arg(long, value_name = "FILE")]
    pub hash_key: Option<PathBuf>,
    /// Format, fields and key as this sink of export.toml has them
    #[arg(long, value_name = "SINK", conflicts_with_all = ["format", "field", "hash_key"])]
    pub sink: Option<String>,
    /// The sinks; default DIR/export.toml
    #[arg(long, value_name = "FILE", requires = "sink")]
    pub config: Option<PathBuf>,
    /// Events of which logs
    #[arg(long, value_name = "LOGS", default_value = "both")]
    pub log: Streams,
}

/// `export hash-key`.
#[derive(Debug, Args)]
pub struct ExportHashKey {
    /// The ledger's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The file to write, which must not be there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
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

/// Reads `NAME=plain`.
fn field(text: &str) -> Result<(String, ShownAs), String> {
    let (name, shown) = text.split_once('=').ok_or("such as resource_id=keyed")?;
    let shown = ShownAs::from_name(shown).ok_or("plain, keyed or dropped")?;
    Ok((name.to_owned(), shown))
}

/// Reads the name of a format.
fn format(text: &str) -> Result<Format, String> {
    Format::from_name(text).ok_or_else(|| Format::ALL.map(Format::name).join(", "))
}
