//! What agents, approvers and auditors ask: `request`, `approve`, `deny`, `evidence`, `search`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Remote, Tls};

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
    /// Whom it is believed.
    #[command(flatten)]
    pub tls: Tls,
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
    /// Whom it is believed.
    #[command(flatten)]
    pub tls: Tls,
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

/// Whole seconds, `30s` or `30`, or minutes, `2m`; at most an hour.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
    use super::*;

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
