//! What an operator does beside the service: `token`, `notify`, `keys`.

use std::path::PathBuf;

use clap::Subcommand;

/// `token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it, once
    Create {
        /// The ledger's folder; the service may run
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// What it may do: pep, evidence.read, search, metrics, admin; may be repeated
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// What you call it
        #[arg(long, value_name = "TEXT")]
        label: String,
        /// Days after which it ends
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
        expires: Option<u64>,
    },
    /// List tokens, without their secrets
    List {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Revoke a token, at once and for ever
    Revoke {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// `notify`.
#[derive(Debug, Subcommand)]
pub enum Notify {
    /// Send a test to the targets in placet.toml, whether or not the service runs
    Test {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Only this target; default all
        name: Option<String>,
    },
    /// What waits, what was delivered, what was given up
    Status {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Queue what was given up again
    Retry {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The endpoint, as `status` names it
        endpoint: String,
    },
}

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// All public keys of a ledger
    List {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}
