//! `request`: an agent asks, and asks for a person where the policy wants one.

use std::path::Path;

use placet_ledger::http::action_code;
use placet_proto::action::Action;
use placet_proto::json::{self, Json};
use placet_verify::escape;
use serde::Serialize;

use crate::cli::Request;
use crate::client::{Client, Task};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder;
use crate::output::{Output, Shown};

/// Evaluates an action; on a requestable denial files the access request.
///
/// # Errors
/// An action that is none, and those of the service.
pub fn run(args: &Request, output: &mut Output) -> Result<Exit, Failure> {
    let action = read_action(&args.action)?;
    let client =
        Client::new(&args.remote.url, &args.remote.tls, args.remote.token_file.as_deref())?;
    let decision = client.evaluate(&action, None)?;
    let task = decision.denial.map(|denial| client.submit(&action, &denial)).transpose()?;
    let exit = match (decision.permitted, &task) {
        (true, _) => Exit::Done,
        (false, Some(_)) => Exit::Open,
        (false, None) => Exit::Refused,
    };
    output.show(&Answer {
        schema: "placet/request/v1",
        permitted: decision.permitted,
        reason: decision.reason,
        task: task.map(|task| Asked::of(task, &action)),
    })?;
    Ok(exit)
}

/// Reads an AuthZEN evaluation request; `context.approval` is the service's to say.
///
/// # Errors
/// `io.error`, `input.size`, and those of the formats.
pub fn read_action(path: &Path) -> Result<Action, Failure> {
    let bytes = folder::read(path, json::MAX_BYTES as u64)?;
    let value: Json = json::parse(&bytes).map_err(|e| Failure::proto(path, &e.into()))?;
    Action::from_request(&value).map_err(|e| Failure::proto(path, &e.into()))
}

#[derive(Debug, Serialize)]
struct Answer {
    schema: &'static str,
    permitted: bool,
    reason: Option<String>,
    task: Option<Asked>,
}

/// What a person has to answer.
#[derive(Debug, Serialize)]
struct Asked {
    id: String,
    status: String,
    page: String,
    action_code: String,
    expires_at: String,
}

impl Asked {
    fn of(task: Task, action: &Action) -> Self {
        let action_code = action_code(&task.id, &action.digest());
        let Task { id, status, page, expires_at, .. } = task;
        Self { id, status, page, action_code, expires_at }
    }
}

impl Shown for Answer {
    fn text(&self) -> String {
        let reason = escape::line(self.reason.as_deref().unwrap_or("no reason given"));
        match (&self.task, self.permitted) {
            (_, true) => "Permitted.\n".to_owned(),
            (None, false) => format!("Denied: {reason}\n"),
            (Some(task), false) => format!(
                "Denied until a person approves.\n  request  {}\n  page     {}\n  code     {}\n  \
                 until    {}\n",
                escape::line(&task.id),
                escape::line(&task.page),
                task.action_code,
                escape::line(&task.expires_at),
            ),
        }
    }
}
