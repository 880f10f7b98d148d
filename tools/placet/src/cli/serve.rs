//! Making a ledger and running it: `init`, `serve`, `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Settings;

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

/// Algorithm of the keys that sign COSE Receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReceiptAlg {
    /// Ed25519
    Eddsa,
    /// P-256, for verifiers without Ed25519
    Es256,
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder, missing or empty
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Name of the main log, for ever: a host name with a path, such as ledger.example.com/2026
    #[arg(long, value_name = "NAME")]
    pub origin: String,
    /// Host name to which passkeys are bound; with --dev default localhost
    #[arg(long, value_name = "HOST", requires = "public_url")]
    pub rp_id: Option<String>,
    /// Origin of the pages, as browsers see it, such as https://placet.example.com
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Where the service listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8420")]
    pub listen: std::net::SocketAddr,
    /// For trying out: takes software keys, and its evidence says so
    #[arg(long)]
    pub dev: bool,
    /// The policy folder; without one everything is denied (with --dev: the demonstration's)
    #[arg(long, value_name = "FOLDER")]
    pub policy: Option<PathBuf>,
    /// Algorithm of the receipt keys
    #[arg(long, value_name = "ALG", default_value = "eddsa")]
    pub receipt_alg: ReceiptAlg,
    /// Witnesses and their quorum, a C2SP tlog-policy; default the built-in witness
    #[arg(long, value_name = "FILE")]
    pub witness_policy: Option<PathBuf>,
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
    /// Print a new one-time enrolment code; only while nobody is enrolled
    #[arg(long)]
    pub new_code: bool,
}
