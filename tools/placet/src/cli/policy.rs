//! What decides: `policy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{PeopleRemote, Tls, duration};

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
    /// Prove that nothing of high risk is permitted without a passkey approval of exactly that
    Prove(PolicyProve),
    /// Put a policy in force, by an administrator's passkey
    Activate(PolicyActivate),
    /// Say which policy decided a past decision, and decide it again
    Explain(PolicyExplain),
    /// List the policies that were ever in force, who signed them and what they changed
    History(PolicyHistory),
    /// Ready policies to begin with
    #[command(subcommand)]
    Pack(PolicyPack),
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

/// A ledger to read from: its folder, or its service.
#[derive(Debug, Args)]
pub struct FromLedger {
    /// The ledger's folder, whether or not a service runs on it
    #[arg(long, value_name = "DIR", help_heading = "Where it is read")]
    pub dir: Option<PathBuf>,
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL", help_heading = "Where it is read")]
    pub url: Option<String>,
    /// Whom it is believed.
    #[command(flatten)]
    pub tls: Tls,
    /// File with a token of scope evidence.read
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    #[arg(help_heading = "Where it is read")]
    pub token_file: Option<PathBuf>,
    /// In place of a token: sign in with this software passkey
    #[arg(long, value_name = "SOFTKEY", help_heading = "Where it is read")]
    pub key: Option<PathBuf>,
}

/// `policy history`.
#[derive(Debug, Args)]
pub struct PolicyHistory {
    /// Where it is read.
    #[command(flatten)]
    pub from: FromLedger,
    /// Show which lines changed
    #[arg(long)]
    pub diff: bool,
    /// The newest so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// `policy explain`.
#[derive(Debug, Args)]
#[command(after_long_help = EXPLAINED)]
pub struct PolicyExplain {
    /// A request, or the index of a receipt in the main log; of --evidence all, without it
    #[arg(value_name = "REQUEST")]
    pub about: Option<String>,
    /// Evidence about it, in place of the ledger's own log
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// The policy that decided, if it is not to come from the ledger
    #[arg(long, value_name = "FOLDER")]
    pub policy: Option<PathBuf>,
    /// Where the rest is read.
    #[command(flatten)]
    pub from: FromLedger,
}

const EXPLAINED: &str = "\
Exit codes:
  0  it is decided the same again
  1  it is decided otherwise
  3  something that is needed is missing: a file of the policy, an erased statement, an approval

With --evidence and --policy it needs nothing but these files, years later.";

/// `policy prove`.
#[derive(Debug, Args)]
#[command(after_long_help = PROVED)]
pub struct PolicyProve {
    /// The folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// An action of high risk, in place of those that the folder names; may be repeated
    #[arg(long, value_name = "ACTION")]
    pub high_risk: Vec<String>,
    /// The program cvc5
    #[arg(long, env = "CVC5", value_name = "PATH", default_value = "cvc5")]
    pub solver: PathBuf,
    /// The longest that the solver may take for one question: 30s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub timeout: Duration,
    /// Write what disproves it to a file that `policy test --cases` reads
    #[arg(long, value_name = "FILE")]
    pub counterexamples: Option<PathBuf>,
}

const PROVED: &str = "\
Exit codes:
  0  proved, for every request and every entity store that the schema allows
  1  disproved: a request is shown
  3  neither: no solver, a solver that gave up, or no action of high risk";

/// `policy pack`.
#[derive(Debug, Subcommand)]
pub enum PolicyPack {
    /// List them
    List,
    /// Show what one permits, asks and denies, and its policies
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Write one into a folder, with its tests
    Write {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder, missing or empty
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
}
