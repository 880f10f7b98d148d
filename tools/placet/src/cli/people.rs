//! Who may do what: `enrol`, `people`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Remote, Tls};

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
    /// Whom it is believed.
    #[command(flatten)]
    pub tls: Tls,
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
