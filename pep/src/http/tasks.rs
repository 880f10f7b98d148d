//! Tasks: what became of a submission (ARAP, "Task Status Endpoint").
//!
//! The task of one action is its request, under the same id; a bundle has an id of its own. A
//! status is computed from the log. Once `approved`, a task stays so: what ends an approval shows
//! in its `approved_until`, and at re-evaluation.

use std::pin::pin;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use placet_ledger::http::evidence::MAX_WAIT_S;
use placet_ledger::http::problem::Fault;
use placet_ledger::service::{RequestState, RequestView};
use placet_proto::document::is_uuid_v4;
use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::problems::{task_expired, task_state, unknown_task};
use super::{Body, Pep, approval, body, input, json_bytes, reply};

/// Seconds for which a task can be looked at after its request has ended.
pub const KEEP_S: u64 = 86_400;
/// Member of `display`, of our own: until when the first of the requests can be answered.
const ANSWER_BY: &str = "github.com/placet-project/answer_by";
/// Longest text of who withdraws a request, in bytes.
const MAX_TEXT: usize = 1024;

/// A task, as the log has it now.
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its requests: one, or those of a bundle in order.
    pub requests: Vec<RequestView>,
    /// Whether it is a bundle.
    pub bundle: bool,
}

/// `?wait=SECONDS`: a longer look at a pending task, beside what the profile defines.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Wait {
    #[serde(default)]
    wait: u64,
}

/// `GET /access/v1/requests/{task}`.
pub async fn get(
    State(pep): State<Pep>,
    Path(task): Path<String>,
    query: Result<Query<Wait>, QueryRejection>,
) -> Response {
    reply(async {
        let Query(query) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
        let wait = Duration::from_secs(query.wait.min(MAX_WAIT_S));
        let mut watch = pep.0.app.ledger().watch();
        let mut over = pin!(tokio::time::sleep(wait));
        loop {
            let (worker, id) = (pep.clone(), task.clone());
            // Not of the places for calls: who waits has been let in already.
            let look = tokio::task::spawn_blocking(move || {
                let task = worker.task(&id)?;
                let json = task.json(&worker)?;
                let response = task.response(&worker, StatusCode::OK, &json);
                let pending = task.is_pending();
                let requests = task.requests.into_iter().map(|view| view.row.id).collect();
                Ok::<_, Fault>((response, pending, requests))
            });
            let stopped = || Fault::from(placet_ledger::Error::Busy);
            let (response, pending, requests): (_, _, Vec<String>) =
                look.await.map_err(|_| stopped())??;
            if !pending || wait.is_zero() {
                return Ok(response);
            }
            tokio::select! {
                () = &mut over => return Ok(response),
                going = watch.changed(&requests) => going.then_some(()).ok_or_else(stopped)?,
            }
        }
    })
    .await
}

/// `POST` or `DELETE /access/v1/requests/{task}/cancel`, with `{reason?, comment?}` or nothing.
pub async fn cancel(State(pep): State<Pep>, Path(task): Path<String>, bytes: Body) -> Response {
    reply(async {
        let why = reason(&body(bytes)?)?;
        let worker = pep.clone();
        pep.0.app.run(move |_| Ok(worker.cancel(&task, &why))).await?
    })
    .await
}

fn reason(bytes: &[u8]) -> Result<String, Fault> {
    if bytes.is_empty() {
        return Ok("withdrawn by who asked".to_owned());
    }
    let value = input::object(bytes, None)?;
    let mut parts = Vec::new();
    for name in ["reason", "comment"] {
        if value.get(name).is_some() {
            parts.push(input::text(&value, name, MAX_TEXT / 2)?);
        }
    }
    Ok(match parts.is_empty() {
        true => "withdrawn by who asked".to_owned(),
        false => parts.join(": "),
    })
}

impl Pep {
    /// A task of this PEP.
    pub(super) fn task(&self, id: &str) -> Result<Task, Fault> {
        if !is_uuid_v4(id) {
            return Err(unknown_task());
        }
        let ledger = self.0.app.ledger();
        let bundle = self.0.store.bundle(id)?;
        let (bundle, ids) = match bundle {
            Some(ids) => (true, ids),
            None => (false, vec![id.to_owned()]),
        };
        let mut requests = Vec::with_capacity(ids.len());
        for id in &ids {
            let view = ledger.request(id).map_err(|error| match error.code() {
                "request.unknown" | "log.erased" => unknown_task(),
                _ => error.into(),
            })?;
            // An offered request is no task yet, and that of another PEP is none of this one's.
            let offered = view.row.state == RequestState::Offered && !bundle;
            if offered || view.decision.audience != ledger.config().audience {
                return Err(unknown_task());
            }
            requests.push(view);
        }
        let task = Task { id: id.to_owned(), requests, bundle };
        match task.expires() <= ledger.now() {
            true => Err(task_expired()),
            false => Ok(task),
        }
    }

    fn cancel(&self, id: &str, why: &str) -> Result<Response, Fault> {
        let task = self.task(id)?;
        let mut cancelled = false;
        for view in task.requests.iter().filter(|view| status(view) == "pending") {
            match self.0.app.ledger().cancel(&view.row.id, why) {
                Ok(_) => cancelled = true,
                Err(error) if matches!(error.code(), "request.ended" | "request.state") => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !cancelled {
            return Err(task_state());
        }
        let task = self.task(id)?;
        let json = task.json(self)?;
        Ok(task.response(self, StatusCode::OK, &json))
    }
}

impl Task {
    /// ARAP's word for where it stands, over all items.
    pub fn status(&self) -> &'static str {
        let mut all = self.requests.iter().map(status);
        let first = all.next().unwrap_or("failed");
        let mut words = std::iter::once(first).chain(all);
        if words.any(|word| word == "pending") {
            return "pending";
        }
        match self.requests.iter().map(status).all(|word| word == first) {
            true => first,
            false => "partial",
        }
    }

    /// Whether anything can change still.
    pub fn is_pending(&self) -> bool {
        self.status() == "pending"
    }

    /// When the handle ends.
    pub fn expires(&self) -> UnixSeconds {
        let last = self.requests.iter().map(|view| view.row.not_after.0).max().unwrap_or(0);
        UnixSeconds(last.saturating_add(KEEP_S))
    }

    /// The body of an answer.
    ///
    /// # Errors
    /// Those of the ledger, when an approval can't be told.
    pub fn json(&self, pep: &Pep) -> Result<Json, Fault> {
        let endpoint = self.endpoint(pep);
        let mut links = Json::Object(Vec::new());
        if let ([view], false) = (self.requests.as_slice(), self.bundle) {
            links.insert("review", pep.url(&format!("/approve/{}", view.row.id)).into());
        }
        let status = self.status();
        if status == "pending" {
            links.insert("cancel", format!("{endpoint}/cancel").into());
        }
        let mut task = Json::object([
            ("id", Json::from(self.id.as_str())),
            ("status", status.into()),
            ("status_endpoint", endpoint.into()),
            ("expires_at", self.expires().to_string().into()),
            ("progress", self.progress()),
            ("display", self.display()),
            ("links", links),
        ]);
        if self.bundle {
            let items = self.requests.iter().map(|view| item(pep, view));
            task.insert("items", items.collect::<Result<Vec<_>, _>>()?.into());
        }
        let mut out = Json::object([("task", task)]);
        if let ([view], false) = (self.requests.as_slice(), self.bundle)
            && let Some(result) = result(pep, view)?
        {
            out.insert("result", result);
        }
        Ok(out)
    }

    /// What a callback says: where the task stands, and nothing that could be enforced.
    pub fn notice(&self, pep: &Pep) -> Json {
        Json::object([
            ("id", Json::from(self.id.as_str())),
            ("status", self.status().into()),
            ("status_endpoint", self.endpoint(pep).into()),
        ])
    }

    /// The answer, with when to look again at what is pending.
    pub fn response(&self, pep: &Pep, status: StatusCode, json: &Json) -> Response {
        let mut response = json_bytes(status, jcs::to_bytes(json));
        let headers = response.headers_mut();
        if self.is_pending() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_s(pep)));
        }
        if let Ok(location) = HeaderValue::try_from(self.endpoint(pep)) {
            headers.insert(header::LOCATION, location);
        }
        response
    }

    fn endpoint(&self, pep: &Pep) -> String {
        pep.url(&format!("/access/v1/requests/{}", self.id))
    }

    /// A person who has not answered in a minute is looked for less often.
    fn retry_s(&self, pep: &Pep) -> u64 {
        let oldest = self.requests.iter().map(|view| view.decision.at.0).min().unwrap_or(0);
        let age = pep.0.app.ledger().now().0.saturating_sub(oldest);
        age.checked_div(30).unwrap_or(0).clamp(2, 30)
    }

    /// A step is one person's approval; of a bundle all items' together. `current_step` counts
    /// from one.
    fn progress(&self) -> Json {
        let total: u64 = self.requests.iter().map(|view| view.row.required).sum();
        let approvals = |view: &RequestView| {
            let given = view.answers.iter().filter(|a| !a.denial).count() as u64;
            given.min(view.row.required)
        };
        let given: u64 = self.requests.iter().map(approvals).sum();
        let number = |n: u64| Json::from(u32::try_from(n).unwrap_or(u32::MAX));
        Json::object([
            ("current_step", number(given.saturating_add(1).min(total))),
            ("total_steps", number(total)),
            ("step_name", "approval".into()),
        ])
    }

    fn display(&self) -> Json {
        let title = match self.requests.as_slice() {
            [view] => view.decision.action.name().to_owned(),
            several => format!("{} actions", several.len()),
        };
        let ends = self.requests.iter().map(|view| view.row.not_after).min();
        let why = self.requests.iter().find_map(|view| view.why.clone());
        let until = ends.map(|t| format!("It can be answered until {t}.")).unwrap_or_default();
        let description = match (self.status(), why) {
            ("pending", Some(why)) => format!("{why}. {until}"),
            ("pending", None) => format!("Persons have been asked to approve this. {until}"),
            (status, _) => format!("This is {status}."),
        };
        let mut out =
            Json::object([("title", Json::from(title)), ("description", description.into())]);
        if let Some(ends) = ends {
            out.insert(ANSWER_BY, ends.to_string().into());
        }
        out
    }
}

fn item(pep: &Pep, view: &RequestView) -> Result<Json, Fault> {
    let action = &view.decision.action;
    let mut out = Json::object([
        ("resource", action.resource().clone()),
        ("action", action.action().clone()),
        ("status", status(view).into()),
    ]);
    if let Some(result) = result(pep, view)? {
        out.insert("result", result);
    }
    Ok(out)
}

/// Every approved task has its result, also one whose approval has been spent: the approval then
/// says that its time is over.
fn result(pep: &Pep, view: &RequestView) -> Result<Option<Json>, Fault> {
    if status(view) != "approved" {
        return Ok(None);
    }
    let approval = match approval::object(pep.0.app.ledger(), view) {
        Ok(approval) => approval,
        // What was erased can't be used, and there is nothing to say about it.
        Err(error) if error.code() == "log.erased" => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Json::object([("mode", Json::from("reevaluate")), ("approval", approval)])))
}

/// ARAP's word for where a request stands. A terminal one is never left (ARAP, "State
/// Transitions").
pub fn status(view: &RequestView) -> &'static str {
    if approval::was_approved(view) {
        return "approved";
    }
    match view.row.state {
        RequestState::Offered | RequestState::Open => "pending",
        RequestState::Approved | RequestState::Executed | RequestState::Done => "approved",
        RequestState::Denied => "denied",
        RequestState::Expired => "expired",
        RequestState::Cancelled => "cancelled",
    }
}
