//! The command line. Parser, help, manual pages and completions all come from here.

#![allow(rustdoc::bare_urls, reason = "these texts are printed by --help as they stand")]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Proof that a person approved exactly what an AI agent did.
///
/// Runs the service that decides, asks persons, and records in two witnessed logs; and is the
/// command line of its operator, of agents and of approvers.
#[derive(Debug, Parser)]
#[command(name = "placet", version, styles = Styles::plain(), after_long_help = AFTER)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Colours: words say everything by themselves
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = "Output")]
    pub color: Color,
    /// Results as JSON, one object a line
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Exit codes:
  0   done, permitted, nothing found
  1   refused, denied, or something was found
  2   a mistake on the command line
  3   not decided: an approval is awaited, or the evidence is not complete yet
  4   what was read is not what it should be
  5   a file, listener or server could not be read, written or reached
  70  a bug of this program

Examples:
  placet demo
  placet serve --dev --dir ./ledger --listen 127.0.0.1:8420
  placet request --url http://localhost:8420 --token-file ledger/keys/pep-token action.json
  placet evidence REQUEST --url http://localhost:8420 --token-file ledger/keys/pep-token --out evidence.placet";

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into files and pipes
    Always,
    /// Nowhere
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::AlwaysAnsi,
            Color::Never => Self::Never,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the whole of it on this machine: from an agent's wish to proof in a file
    Demo(Demo),
    /// Make a ledger's folder: settings, keys and the first entries of both logs
    Init(Init),
    /// Run the service
    Serve(Serve),
    /// Ask whether an action is permitted; if it needs a person, ask for approval
    Request(Request),
    /// Enrol a software passkey as the first person; development ledgers only
    Enrol(Enrol),
    /// Invite people, and change who may do what
    #[command(subcommand)]
    People(People),
    /// Approve a request with a software passkey; without a request, list what waits
    Approve(Answer),
    /// Deny a request with a software passkey; without a request, list what waits
    Deny(Answer),
    /// Fetch the evidence about requests, for verification offline
    Evidence(Evidence),
    /// Search both logs by request, person, agent, action, session and time
    Search(Search),
    /// Read the logs of a folder, whether or not the service runs
    #[command(subcommand)]
    Log(Log),
    /// Run a C2SP witness
    #[command(subcommand)]
    Witness(Witness),
    /// Make trust files
    #[command(subcommand)]
    Trust(Trust),
    /// Look after notifications
    #[command(subcommand)]
    Notify(Notify),
    /// Look at a ledger's keys
    #[command(subcommand)]
    Keys(Keys),
    /// Look at the settings
    #[command(subcommand)]
    Config(Config),
    /// Tokens of programs
    #[command(subcommand)]
    Token(Token),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

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

/// Settings: each is a key of placet.toml, too, and a variable PLACET_KEY in capitals.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag, else PLACET_*, else placet.toml)")]
pub struct Settings {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Origin of the pages, as browsers see it
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Certificate chain in PEM; read again on SIGHUP and when it changes
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, by commas
    #[arg(long, value_name = "RANGES")]
    pub trusted_proxy: Option<String>,
    /// Whether /metrics needs no token on this machine
    #[arg(long, value_name = "BOOL")]
    pub metrics_public: Option<bool>,
    /// Further origins that clients may state, by commas
    #[arg(long, value_name = "ORIGINS")]
    pub origins: Option<String>,
    /// Witnesses that the operator runs, by commas
    #[arg(long, value_name = "NAMES")]
    pub operated_by_self: Option<String>,
    /// Milliseconds between two cosigned checkpoints
    #[arg(long, value_name = "MS")]
    pub publish_ms: Option<u64>,
    /// Age in seconds at which a note is renewed while a request is open
    #[arg(long, value_name = "S")]
    pub recosign_open_s: Option<u64>,
    /// Age in seconds at which a note is renewed otherwise
    #[arg(long, value_name = "S")]
    pub recosign_idle_s: Option<u64>,
    /// Seconds after which a missing outcome is recorded as unknown
    #[arg(long, value_name = "S")]
    pub outcome_s: Option<u64>,
    /// Hosts that may be called beside public HTTPS servers, by commas
    #[arg(long, value_name = "HOSTS")]
    pub outbound_allow: Option<String>,
    /// Certificate roots beside the system's, in PEM
    #[arg(long, value_name = "FILE")]
    pub outbound_ca_file: Option<String>,
}

impl Settings {
    /// Keys and values of those that were given.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, String)> {
        let number = |n: &Option<u64>| n.map(|n| n.to_string());
        let all = [
            ("listen", self.listen.map(|a| a.to_string())),
            ("public_url", self.public_url.clone()),
            ("tls_cert", self.tls_cert.clone()),
            ("tls_key", self.tls_key.clone()),
            ("trusted_proxy", self.trusted_proxy.clone()),
            ("metrics_public", self.metrics_public.map(|b| b.to_string())),
            ("origins", self.origins.clone()),
            ("operated_by_self", self.operated_by_self.clone()),
            ("publish_ms", number(&self.publish_ms)),
            ("recosign_open_s", number(&self.recosign_open_s)),
            ("recosign_idle_s", number(&self.recosign_idle_s)),
            ("outcome_s", number(&self.outcome_s)),
            ("outbound_allow", self.outbound_allow.clone()),
            ("outbound_ca_file", self.outbound_ca_file.clone()),
        ];
        all.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the settings in force, each with where it comes from
    Check {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Settings as `serve` takes them.
        #[command(flatten)]
        settings: Settings,
    },
}

/// `token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it, once
    Create {
        /// The ledger's folder; the service may run
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// What it may do: pep, register, evidence.read, search, metrics, notify, admin; may be
        /// repeated
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

/// Where the service is, and as whom one speaks to it.
#[derive(Debug, Args)]
pub struct Remote {
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL")]
    pub url: String,
    /// File with the token
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `request`.
#[derive(Debug, Args)]
pub struct Request {
    /// Where the service is.
    #[command(flatten)]
    pub remote: Remote,
    /// The action, as an AuthZEN evaluation request; - is standard input
    #[arg(value_name = "ACTION.json")]
    pub action: PathBuf,
}

/// `enrol`.
#[derive(Debug, Args)]
pub struct Enrol {
    /// Where the service is.
    #[command(flatten)]
    pub remote: Remote,
    /// File of the software passkey; made if it is missing
    #[arg(long, value_name = "SOFTKEY")]
    pub key: PathBuf,
    /// The one-time code that `init` printed
    #[arg(long, value_name = "CODE")]
    pub code: String,
    /// Name of the person
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Host name to which a new key is bound
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub rp_id: String,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Lets people in and out, signs policies
    Administrator,
    /// Answers requests
    Approver,
    /// Reads everything
    Auditor,
    /// Runs the service
    Operator,
}

impl Role {
    /// The word in a document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }
}

/// `people`.
#[derive(Debug, Subcommand)]
pub enum People {
    /// Make a link with which one person registers one passkey
    Invite(PeopleInvite),
    /// Who is enrolled, and who waits
    List(PeopleList),
    /// Replace the roles of a person
    Role(PeopleRole),
    /// Say that a passkey is not to be trusted
    Revoke(PeopleRevoke),
    /// Make a link for somebody whose passkeys are lost, on the machine of the ledger
    Recover {
        /// The person's name, or id
        #[arg(value_name = "NAME")]
        name: String,
        /// The ledger's folder; the service may run
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Where the service is, and who acts.
#[derive(Debug, Args)]
pub struct PeopleRemote {
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL")]
    pub url: String,
    /// File of an enrolled software passkey; without it, the page for real ones is named
    #[arg(long, value_name = "SOFTKEY")]
    pub key: Option<PathBuf>,
}

/// `people invite`.
#[derive(Debug, Args)]
pub struct PeopleInvite {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// The name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A role; may be repeated
    #[arg(long, value_name = "ROLE", default_value = "approver")]
    pub role: Vec<Role>,
    /// An id of the person in other systems, such as an e-mail address; may be repeated
    #[arg(long, value_name = "ID")]
    pub identity: Vec<String>,
}

/// `people list`.
#[derive(Debug, Args)]
pub struct PeopleList {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// File with a token of scope admin
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE", conflicts_with = "key")]
    pub token_file: Option<PathBuf>,
}

/// `people role`.
#[derive(Debug, Args)]
pub struct PeopleRole {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// The person's name, or id
    #[arg(value_name = "NAME")]
    pub person: String,
    /// A role, of all that the person has from now on; may be repeated, none takes all away
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<Role>,
    /// Go on though nobody can administrate the ledger afterwards
    #[arg(long)]
    pub last_administrator: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `people revoke`.
#[derive(Debug, Args)]
pub struct PeopleRevoke {
    /// Where the service is, and who acts.
    #[command(flatten)]
    pub remote: PeopleRemote,
    /// The passkey: its thumbprint, eight digits of it or more, or its six words
    #[arg(value_name = "KEY")]
    pub passkey: String,
    /// Why; stands in the log for ever
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Since when it is not to be trusted, such as 2026-11-22T04:00:00Z; default now
    #[arg(long, value_name = "TIME")]
    pub effective_from: Option<String>,
    /// Go on though nobody can administrate the ledger afterwards
    #[arg(long)]
    pub last_administrator: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `approve`, `deny`.
#[derive(Debug, Args)]
pub struct Answer {
    /// Where the service is.
    #[command(flatten)]
    pub remote: Remote,
    /// The request; without it, those that wait are listed
    #[arg(value_name = "REQUEST")]
    pub request: Option<String>,
    /// File of an enrolled software passkey; its signature is evidence of nothing
    #[arg(long, value_name = "SOFTKEY")]
    pub key: Option<PathBuf>,
    /// Why; with deny only
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `evidence`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("from").required(true).args(["url", "dir"]))]
pub struct Evidence {
    /// The requests
    #[arg(required = true, value_name = "REQUEST")]
    pub requests: Vec<String>,
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL")]
    pub url: Option<String>,
    /// File with a token of scope evidence.read or pep
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The ledger's folder, while no service runs on it
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Close what is open first, and wait at most so long for it: 30s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Where the bundle goes; - is standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `search`.
#[derive(Debug, Args)]
pub struct Search {
    /// Address of the service
    #[arg(long, env = "PLACET_URL", value_name = "URL")]
    pub url: String,
    /// A token with scope search, in a file
    #[arg(long, env = "PLACET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// In place of a token: sign in with this software passkey
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// One log: main or gov; both if it is left out
    #[arg(long, value_name = "LOG", help_heading = "What is searched for")]
    pub log: Option<String>,
    /// A kind, such as approval or denial
    #[arg(long, value_name = "KIND", help_heading = "What is searched for")]
    pub kind: Option<String>,
    /// A request
    #[arg(long, value_name = "ID", help_heading = "What is searched for")]
    pub request: Option<String>,
    /// An action, by its action_digest in hexadecimal
    #[arg(long, value_name = "HEX", help_heading = "What is searched for")]
    pub digest: Option<String>,
    /// A session of an agent
    #[arg(long, value_name = "ID", help_heading = "What is searched for")]
    pub session: Option<String>,
    /// A credential, by its id in base64url
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    #[arg(help_heading = "What is searched for")]
    pub credential: Option<String>,
    /// The person who answered
    #[arg(long, value_name = "ID", help_heading = "What is searched for")]
    pub approver: Option<String>,
    /// A person who answered, signed or is spoken of
    #[arg(long, value_name = "ID", help_heading = "What is searched for")]
    pub person: Option<String>,
    /// The agent: its id, or type/id
    #[arg(long, value_name = "AGENT", help_heading = "What is searched for")]
    pub agent: Option<String>,
    /// The enforcement point
    #[arg(long, value_name = "AUDIENCE", help_heading = "What is searched for")]
    pub audience: Option<String>,
    /// Stated at this time or later, RFC 3339
    #[arg(long, value_name = "T", help_heading = "What is searched for")]
    pub from: Option<String>,
    /// Stated before this time, RFC 3339
    #[arg(long, value_name = "T", help_heading = "What is searched for")]
    pub to: Option<String>,
    /// Entries to find
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Go on where an earlier search of the same kind ended
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub cursor: Option<String>,
}

/// Which of the two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Decisions, approvals, executions
    Main,
    /// Keys, policies, persons
    Gov,
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
    /// The last statements, one a line
    Tail {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Which log
        #[arg(long, default_value = "main")]
        log: Which,
        /// How many
        #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
        lines: u64,
    },
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
        log: Which,
    },
    /// Read everything again and say what does not fit together; repairs nothing
    Fsck {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
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

/// Whole seconds, `30s` or `30`, or minutes, `2m`; at most an hour.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    match seconds {
        Some(seconds) if seconds <= 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err("a time such as 30s or 2m, at most an hour".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_seconds_or_minutes() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "-1s", "61m", "1h", "18446744073709551615m"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
