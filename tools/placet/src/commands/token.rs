//! `token`: what programs show. The service may run: both open the same file.

use std::path::Path;

use placet_ledger::Dir;
use placet_ledger::service::{Access, Clock as _, Scope, SystemClock, TokenRow};
use serde::Serialize;

use crate::cli::Token;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

const DAY_S: u64 = 86_400;

/// Makes, lists or revokes tokens. That is recorded in the main log by the service, now or when it
/// starts.
///
/// # Errors
/// A scope that is none, `token.unknown`, and those of the folder.
pub fn run(command: &Token, output: &mut Output) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    match command {
        Token::Create { dir, scope, label, expires } => {
            let known = |name: &String| {
                let wrong = || Failure::Usage(format!("--scope {name:?} is none"));
                Scope::from_name(name).ok_or_else(wrong)
            };
            let scopes = scope.iter().map(known).collect::<Result<Vec<_>, _>>()?;
            let end = expires.and_then(|days| now.checked_add(days.saturating_mul(DAY_S)));
            let access = open(dir)?;
            let (row, token) = access.create_token(label, &scopes, end, now)?;
            access.note_act("token.create", &row.id, &names(&row))?;
            output.show(&Made { schema: "placet/token/v1", token, row: Shows::of(&row) })?;
        }
        Token::List { dir } => {
            let tokens = open(dir)?.tokens()?.iter().map(Shows::of).collect();
            output.show(&List { schema: "placet/tokens/v1", tokens })?;
        }
        Token::Revoke { dir, id } => {
            let access = open(dir)?;
            let Some(row) = access.revoke_token(id, now)? else {
                let detail = format!("no token {id:?} that is not revoked");
                return Err(Failure::refused("token.unknown", detail));
            };
            access.note_act("token.revoke", &row.id, "")?;
            output.show(&List { schema: "placet/tokens/v1", tokens: vec![Shows::of(&row)] })?;
        }
    }
    Ok(Exit::Done)
}

fn open(dir: &Path) -> Result<Access, Failure> {
    let dir = Dir::open_read_only(dir)?;
    Ok(Access::open(&dir.state().join("service.sqlite"))?)
}

fn names(row: &TokenRow) -> String {
    row.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

#[derive(Debug, Serialize)]
struct Shows {
    id: String,
    label: String,
    scopes: String,
    created: String,
    expires: Option<String>,
    last_used: Option<String>,
    revoked: Option<String>,
}

impl Shows {
    fn of(row: &TokenRow) -> Self {
        Self {
            id: row.id.clone(),
            label: row.label.clone(),
            scopes: names(row),
            created: row.created.to_string(),
            expires: row.expires.map(|t| t.to_string()),
            last_used: row.last_used.map(|t| t.to_string()),
            revoked: row.revoked.map(|t| t.to_string()),
        }
    }

    fn line(&self) -> String {
        let label = placet_verify::escape::line(&self.label);
        let end = match (&self.revoked, &self.expires) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "without end".to_owned(),
        };
        let used = self.last_used.as_deref().unwrap_or("never used");
        format!("{}  {}  {end}  last {used}  {label}\n", self.id, self.scopes)
    }
}

#[derive(Debug, Serialize)]
struct Made {
    schema: &'static str,
    /// Shown this once; the ledger keeps its hash.
    token: String,
    row: Shows,
}

impl Shown for Made {
    fn text(&self) -> String {
        format!("{}\n{}It is shown this once.\n", self.token, self.row.line())
    }
}

#[derive(Debug, Serialize)]
struct List {
    schema: &'static str,
    tokens: Vec<Shows>,
}

impl Shown for List {
    fn text(&self) -> String {
        self.tokens.iter().map(Shows::line).collect()
    }
}
