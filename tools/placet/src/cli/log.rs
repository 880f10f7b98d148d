//! Reading the logs and watching them: `log`, `witness`, `trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Which of the two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Decisions, approvals, executions
    Main,
    /// Keys, policies, persons
    Gov,
}

/// What `log export` copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exported {
    /// Decisions, approvals, executions
    Main,
    /// Keys, policies, persons
    Gov,
    /// Both, into COPY/log and COPY/gov: what `placet-verify audit` reads
    Both,
}

/// What `log tail` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tailed {
    /// Decisions, approvals, executions
    Main,
    /// Keys, policies, persons
    Gov,
    /// Both, by the time that issuers claim; within a log in its order
    Both,
}

/// `log tail`.
#[derive(Debug, Args)]
pub struct Tail {
    /// The ledger's folder; a service may write it
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Which log
    #[arg(long, default_value = "main")]
    pub log: Tailed,
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub lines: u64,
    /// Go on with what is added, until interrupted
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Only these kinds (decision, approval, ...; erased, external), separated by commas
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Only this request
    #[arg(long, value_name = "REQUEST")]
    pub request: Option<String>,
    /// Only what this agent, or this subject of an action, asked for
    #[arg(long, value_name = "ID")]
    pub agent: Option<String>,
}

/// `log`.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Both logs in short, or one statement in full
    Show {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Which log
        #[arg(long, default_value = "main")]
        log: Which,
        /// The statement with this index
        #[arg(value_name = "INDEX")]
        index: Option<u64>,
    },
    /// The last statements, one a line, and those that follow
    Tail(Tail),
    /// Write a copy for those who verify: checkpoint, tiles, the statements that are not erased
    Export {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The folder of the copy, missing or empty
        #[arg(long, value_name = "COPY")]
        out: PathBuf,
        /// Which log
        #[arg(long, default_value = "main")]
        log: Exported,
    },
    /// Follow a log of somebody else's into a copy; refuses whatever is inconsistent
    Mirror(Mirror),
    /// Read everything again and say what does not fit together; repairs nothing
    Fsck {
        /// The ledger's folder
        #[arg(value_name = "DIR", required_unless_present = "dir")]
        folder: Option<PathBuf>,
        /// The same
        #[arg(long, value_name = "DIR", conflicts_with = "folder")]
        dir: Option<PathBuf>,
    },
    /// Write a backup of everything that can't be made again, keys included; a service may run
    Backup {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The folder of the backup, missing or empty
        #[arg(long, value_name = "BACKUP")]
        out: PathBuf,
    },
    /// Make a folder of a backup; refuses one that is behind a checkpoint that is known
    Restore(Restore),
    /// Publish the last checkpoints and add nothing any more, for ever; the service must be stopped
    Freeze {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Why, for those who find it
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Make the derived indexes again from the journals; the service must be stopped
    RebuildIndex {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

/// `log mirror`.
#[derive(Debug, Args)]
#[command(after_long_help = MIRROR)]
pub struct Mirror {
    /// Address of a ledger; with --vkey, of one log (C2SP tlog-tiles prefix)
    #[arg(value_name = "URL")]
    pub url: String,
    /// The folder of the copy. With a trust file, `log` and `gov` in it
    #[arg(long, value_name = "COPY")]
    pub out: PathBuf,
    /// What you trust: both logs of the ledger are followed, under their witness policies
    #[arg(long, env = "PLACET_TRUST", value_name = "TRUST", required_unless_present = "vkey")]
    pub trust: Option<PathBuf>,
    /// The key of any C2SP tlog-tiles log, in place of a trust file
    #[arg(long, value_name = "VKEY", conflicts_with = "token_file")]
    pub vkey: Option<String>,
    /// The log's origin, if its key has another name
    #[arg(long, value_name = "O", requires = "vkey")]
    pub origin: Option<String>,
    /// The ledger's origin, if the trust file knows several
    #[arg(long, value_name = "O", conflicts_with = "vkey")]
    pub ledger: Option<String>,
    /// File with a token of scope evidence.read: statements are copied, too
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Copy no statements, whatever token there is
    #[arg(long)]
    pub no_bodies: bool,
    /// Whose certificates are believed.
    #[command(flatten)]
    pub tls: super::Tls,
    /// Take what is there now and end
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 60, conflicts_with = "once")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub interval: u64,
}

const MIRROR: &str = "\
Each checkpoint has to be signed by the log, cosigned as the trust file asks, and hold the tree of
every checkpoint before; each entry is hashed into the root, each statement into its entry, before
the copy shows it. The copy is whole at any moment, and a killed mirror goes on where it was.

Two checkpoints that can't both be true end it with exit code 6 and log-misbehaved.json in the copy,
which shows it to everybody: placet-verify consistency COPY/log/log-misbehaved.json --trust TRUST";

/// `log restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The folder to make, missing or empty, or where this was interrupted
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The backup
    #[arg(long, value_name = "BACKUP")]
    pub from: PathBuf,
    /// A checkpoint of a log, from a monitor, a witness or evidence; may be repeated
    #[arg(long, value_name = "NOTE")]
    pub checkpoint: Vec<PathBuf>,
    /// What is left of the old folder, for the checkpoints in it; may be repeated
    #[arg(long, value_name = "DIR")]
    pub old: Vec<PathBuf>,
    /// Nobody has a checkpoint. Then a backup that is behind the log forks it unnoticed
    #[arg(long)]
    pub nothing_known: bool,
}

/// Logs that a witness is to know.
#[derive(Debug, Args)]
pub struct WitnessLogs {
    /// A log's key, as a vkey; may be repeated, with one --origin each
    #[arg(long, value_name = "VKEY")]
    pub log: Vec<String>,
    /// The log's origin, if its key has another name
    #[arg(long, value_name = "O", requires = "log")]
    pub origin: Vec<String>,
}

/// `witness`.
#[derive(Debug, Subcommand)]
pub enum Witness {
    /// Make a witness's key, and name the logs that it knows
    Init {
        /// The witness's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Name of the key
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The logs.
        #[command(flatten)]
        logs: WitnessLogs,
    },
    /// Run the witness
    Serve {
        /// The witness's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Address and port; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        listen: std::net::SocketAddr,
        /// Further logs.
        #[command(flatten)]
        logs: WitnessLogs,
        /// End when standard input does: for whoever starts a witness as a child
        #[arg(long, hide = true)]
        until_stdin_ends: bool,
    },
}

/// `trust`.
#[derive(Debug, Subcommand)]
pub enum Trust {
    /// Make a trust file for this ledger, or add to one
    Export(TrustExport),
}

/// `trust export`.
#[derive(Debug, Args)]
pub struct TrustExport {
    /// The ledger's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The trust file; one that exists is added to
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// A passkey whose owner has told you its six words: its thumbprint, eight digits of it or
    /// more, or the words; may be repeated
    #[arg(long, value_name = "KEY")]
    pub root: Vec<String>,
    /// Do not ask: the words were compared
    #[arg(long)]
    pub yes: bool,
    /// Let evidence of a development ledger pass
    #[arg(long)]
    pub allow_dev: bool,
}
