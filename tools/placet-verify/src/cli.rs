//! The command line. Parser, help, manual pages and completions all come from here.

use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use placet_proto::time::{Fraction, UnixSeconds};

/// Verifies Placet evidence offline.
///
/// It believes nothing but the trust file that you give it, has no network code, and asks the
/// system clock only whether that trust file has expired.
#[derive(Debug, Parser)]
#[command(name = "placet-verify", version, styles = Styles::plain(), after_long_help = AFTER)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Colours: words say everything by themselves
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Exit codes:
  0   PASSED: every required check passed, and at least one ran
  1   FAILED: a check ran and said no
  2   a mistake on the command line
  3   INDETERMINATE: it could not be decided
  4   MALFORMED: the input is not what it should be
  5   a file could not be read or written
  6   LOG MISBEHAVED: two signed statements that can't both be true
  70  a bug of this program
Of several files the worst counts, in the order 6, 1, 4, 3, 5, 0.

Examples:
  placet-verify check evidence.placet --trust trust.json
  placet-verify check evidence.placet --trust trust.json --action action.json
  placet-verify explain time.upper_open";

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
    /// Verify evidence bundles
    Check(Check),
    /// Verify everything in copies of both logs of a ledger
    Audit(Audit),
    /// Decode a file and print it, without verifying anything
    Show(Show),
    /// Say what a code means and what to do next
    Explain(Explain),
    /// Compare two checkpoints of one log: did it only grow? Or judge evidence that it did not
    Consistency(Consistency),
    /// Look at trust files
    #[command(subcommand)]
    Trust(Trust),
    /// Export an answer as a signature that ssh-keygen verifies
    ExportSsh(ExportSsh),
    /// Export a statement with its receipt for other COSE and SCITT verifiers
    ExportCose(ExportCose),
    /// Export a C2SP tlog-proof of an answer
    ExportTlogProof(ExportTlogProof),
    /// Verify an RFC 9942 receipt of any log, and its statement
    Receipt(Receipt),
    /// Compare the events that a SIEM holds with the log that they were exported from
    Reconcile(Reconcile),
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Evidence bundles; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What you trust. One that came with the evidence proves nothing
    #[arg(long, env = "PLACET_TRUST", value_name = "TRUST")]
    pub trust: PathBuf,
    /// What the evidence is asked to show.
    #[command(flatten)]
    pub wanted: Wanted,
    /// A copy of the whole log: checkpoint, tile and statements
    #[arg(long, value_name = "COPY", help_heading = "What must be shown")]
    pub log: Option<PathBuf>,
    /// Judge the trust file's expiry as of this time, default now
    #[arg(long, value_name = "T", value_parser = time)]
    pub as_of: Option<UnixSeconds>,
    /// One JSON object a file and line, schema placet/verify-result/v1
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Only the verdict and what has to be said beside it
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    pub quiet: bool,
}

/// What the evidence is asked to show.
#[derive(Debug, Args)]
#[command(next_help_heading = "What must be shown")]
pub struct Wanted {
    /// The approved action is the one in this file (an AuthZEN request)
    #[arg(long, value_name = "ACTION.json")]
    pub action: Option<PathBuf>,
    /// Who approved: a credential id (base64url), the thumbprint of a key (hex), the name of a root
    /// in the trust file, or else a name that the evidence opens
    #[arg(long, value_name = "ID|KEY|NAME", allow_hyphen_values = true)]
    pub passkey: Option<String>,
    /// The approval lies in [T1, T2), RFC 3339 with offset
    #[arg(long, num_args = 2, value_names = ["T1", "T2"], value_parser = time)]
    pub between: Option<Vec<UnixSeconds>>,
    /// A person denied the request
    #[arg(long)]
    pub denial: bool,
    /// A check that has to pass beside the usual ones; may be repeated
    #[arg(long, value_name = "ID")]
    pub require: Vec<String>,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Copies of both logs, in COPY/log and COPY/gov (`placet log export --log both`)
    #[arg(value_name = "COPY")]
    pub copy: PathBuf,
    /// The copy of the governance log, if it is not COPY/gov; COPY is then that of the main log
    #[arg(long, value_name = "COPY")]
    pub gov: Option<PathBuf>,
    /// What you trust. One that came with the copy proves nothing
    #[arg(long, env = "PLACET_TRUST", value_name = "TRUST")]
    pub trust: PathBuf,
    /// Where to note what was done, so that an audit that was stopped, or a copy that grew, goes on
    /// from there. Keep it to yourself: whoever writes it decides what is looked at
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// How many threads verify, default one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Judge the trust file's expiry as of this time, default now
    #[arg(long, value_name = "T", value_parser = time)]
    pub as_of: Option<UnixSeconds>,
    /// One JSON object, schema placet/audit-result/v1
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Events of which logs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Logs {
    /// Both
    Both,
    /// Decisions, answers, executions
    Main,
    /// Keys, policies, people
    Gov,
}

/// `reconcile`.
#[derive(Debug, Args)]
#[command(after_long_help = RECONCILE)]
pub struct Reconcile {
    /// A ledger's folder, or copies of both logs in COPY/log and COPY/gov (`placet log export
    /// --log both`, `placet log mirror`), with statements or without
    #[arg(value_name = "COPY")]
    pub copy: PathBuf,
    /// The events, one a line, as exported or as a receiver keeps them (RFC 5424 header, HEC
    /// envelope); - is standard input
    #[arg(value_name = "EVENTS")]
    pub events: PathBuf,
    /// The key of the hashes in the events (DIR/keys/export-hash); of a ledger's folder its own
    #[arg(long, value_name = "FILE")]
    pub hash_key: Option<PathBuf>,
    /// A profile that the operator exported with, as events name it; may be repeated. Default: the
    /// one that all events have
    #[arg(long, value_name = "PROFILE")]
    pub profile: Vec<String>,
    /// Events of which logs there are to be
    #[arg(long, value_name = "LOGS", default_value = "both")]
    pub log: Logs,
    /// The log may have grown since: what is behind the last event is not missed
    #[arg(long)]
    pub behind: bool,
    /// The copy may be older than the events: what is behind its checkpoint stays open
    #[arg(long)]
    pub ahead: bool,
    /// The receiver does not keep the order of events
    #[arg(long)]
    pub any_order: bool,
    /// Where to write the evidence if a checkpoint in the events shows another tree than the copy
    #[arg(long, value_name = "FILE", default_value = "log-misbehaved.json")]
    pub out: PathBuf,
    /// One JSON object, schema placet/reconcile-result/v1
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

const RECONCILE: &str = "\
Format and field profile are found out from the events. Repeated events are no fault where they are
the same. PASSED says that the events are those of this copy, no more and no less; that the copy is
the log is what `audit` and `consistency` say.";

/// `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// A bundle, statement, COSE Receipt, checkpoint, tlog-proof, document, action or trust file
    pub file: PathBuf,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, such as time.upper_open; without one, all are listed
    pub code: Option<String>,
}

/// `consistency`.
#[derive(Debug, Args)]
pub struct Consistency {
    /// A checkpoint; or alone: a file of evidence that a log misbehaved
    #[arg(value_name = "OLD|EVIDENCE")]
    pub old: PathBuf,
    /// A later checkpoint of the same log
    pub new: Option<PathBuf>,
    /// What you trust
    #[arg(long, env = "PLACET_TRUST", value_name = "TRUST", required_unless_present = "vkey")]
    pub trust: Option<PathBuf>,
    /// The key of a log of any C2SP tlog-tiles log, in place of a trust file
    #[arg(long, value_name = "VKEY")]
    pub vkey: Option<String>,
    /// The log's origin, if its key has another name
    #[arg(long, value_name = "O", requires = "vkey")]
    pub origin: Option<String>,
    /// A consistency proof: one base64 hash a line (C2SP tlog-witness)
    #[arg(long, value_name = "FILE", conflicts_with = "log", requires = "new")]
    pub proof: Option<PathBuf>,
    /// A copy of the log with its tiles (C2SP tlog-tiles)
    #[arg(long, value_name = "COPY", requires = "new")]
    pub log: Option<PathBuf>,
    /// Where to write the evidence if the log misbehaved
    #[arg(long, value_name = "FILE", default_value = "log-misbehaved.json")]
    pub out: PathBuf,
}

/// `trust`.
#[derive(Debug, Subcommand)]
pub enum Trust {
    /// Print what a trust file says, with the fingerprint of every key
    Show(TrustFileArgs),
    /// Check that a trust file can be used
    Check(TrustFileArgs),
    /// Say how two trust files differ in meaning; exit code 1 if they do
    Diff(TrustDiff),
}

/// `trust show`, `trust check`.
#[derive(Debug, Args)]
pub struct TrustFileArgs {
    /// The trust file
    #[arg(env = "PLACET_TRUST")]
    pub file: PathBuf,
    /// Judge the expiry as of this time, default now
    #[arg(long, value_name = "T", value_parser = time)]
    pub as_of: Option<UnixSeconds>,
}

/// `trust diff`.
#[derive(Debug, Args)]
pub struct TrustDiff {
    /// A trust file
    pub old: PathBuf,
    /// Another trust file
    pub new: PathBuf,
}

/// Which statement of a bundle.
#[derive(Debug, Args)]
pub struct Selection {
    /// The request, if the bundle is about several
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
    /// The statement at this index of the main log, default the first answer
    #[arg(long, value_name = "N")]
    pub index: Option<u64>,
}

/// `export-ssh`.
#[derive(Debug, Args)]
pub struct ExportSsh {
    /// The bundle
    pub file: PathBuf,
    /// Folder for document.json, document.json.sig and allowed_signers
    #[arg(long, value_name = "D")]
    pub out: PathBuf,
    /// Which statement.
    #[command(flatten)]
    pub which: Selection,
}

/// `export-cose`.
#[derive(Debug, Args)]
pub struct ExportCose {
    /// The bundle
    pub file: PathBuf,
    /// Folder for statement.cose, receipt.cose, entry.hex, issuer.pem and log.pem
    #[arg(long, value_name = "D")]
    pub out: PathBuf,
    /// Where to find the two public keys, default trust.json beside the bundle
    #[arg(long, env = "PLACET_TRUST", value_name = "TRUST")]
    pub trust: Option<PathBuf>,
    /// Which statement.
    #[command(flatten)]
    pub which: Selection,
}

/// `export-tlog-proof`.
#[derive(Debug, Args)]
pub struct ExportTlogProof {
    /// The bundle
    pub file: PathBuf,
    /// The file to write
    #[arg(long, value_name = "F")]
    pub out: PathBuf,
    /// Which statement.
    #[command(flatten)]
    pub which: Selection,
}

/// `receipt`.
#[derive(Debug, Args)]
pub struct Receipt {
    /// A COSE_Sign1 with an attached payload
    #[arg(long, value_name = "FILE", requires = "statement_pubkey")]
    pub statement: Option<PathBuf>,
    /// Its public key, PEM SubjectPublicKeyInfo (Ed25519 or P-256)
    #[arg(long, value_name = "PEM", requires = "statement")]
    pub statement_pubkey: Option<PathBuf>,
    /// A COSE Receipt
    #[arg(long, value_name = "FILE")]
    pub receipt: PathBuf,
    /// The log's public key, PEM
    #[arg(long, value_name = "PEM")]
    pub receipt_log_pubkey: PathBuf,
    /// The log entry before leaf hashing, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub leaf_entry_hex: String,
}

fn time(text: &str) -> Result<UnixSeconds, String> {
    UnixSeconds::parse_tolerant(text, Fraction::Refuse).map_err(|_| {
        "not an RFC 3339 time with offset, such as 2026-11-22T08:00:00+01:00".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_an_offset_and_are_utc_inside() {
        assert_eq!(time("1970-01-01T02:00:00+01:00"), Ok(UnixSeconds(3600)));
        assert!(time("1970-01-01T02:00:00").is_err());
        assert!(time("1970-01-01").is_err());
    }
}
