//! `GET /.placet/requests/{id}`: where a request stands, for the agent that made it.
//!
//! The agent has no token of the ledger. What is kept here is only which request is whose: an agent
//! that repeats its call after a restart of the gateway is known again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::server::ClientCertificates;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::Gateway;
use super::admit::{Stop, refused};
use super::answers;
use super::refusal::Refusal;
use super::target::Target;
use crate::enforce::{Pending, Progress};

/// Requests that are remembered; the oldest are forgotten.
const MAX_TASKS: usize = 2000;
/// Shortest and longest pause between two looks at a request.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// Whose requests are whose.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<String, (String, Pending)>,
    order: VecDeque<String>,
}

impl Tasks {
    /// Remembers a request of this subject.
    pub fn keep(&self, subject: &Json, pending: &Pending) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (jcs::to_string(subject), pending.clone());
        if kept.by_id.insert(pending.id().to_owned(), of).is_none() {
            kept.order.push_back(pending.id().to_owned());
        }
        while kept.order.len() > MAX_TASKS {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.by_id.remove(&oldest);
        }
    }

    /// Whether a request is known to be of somebody else.
    pub fn is_anothers(&self, id: &str, subject: &Json) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_id.get(id).is_some_and(|(of, _)| *of != jcs::to_string(subject))
    }

    /// A request, if it is this subject's.
    fn find(&self, id: &str, subject: &Json) -> Option<Pending> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, pending) = kept.by_id.get(id)?;
        (*of == jcs::to_string(subject)).then(|| pending.clone())
    }
}

/// `GET /.placet/requests/{id}`: `{"task": {"id", "status"}}`. `Prefer: wait=N` looks for so long.
pub async fn status(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let work = async {
        let (parts, _) = request.into_parts();
        let target = Target::parse(parts.uri.path())?;
        let certificates = parts.extensions.get::<ClientCertificates>();
        let identity =
            gateway.identify(&parts.method, &target, &parts.headers, certificates).await?;
        let _place = gateway.place(&identity)?;
        let wishes = super::admit::Wishes::read(&parts.headers, gateway.0.config.longest_wait)?;
        let found = gateway.0.tasks.find(&id, &identity.subject());
        let pending = found.ok_or_else(|| Refusal::Approval("unknown_task".to_owned()))?;
        let (wait, _share) = gateway.waiting(&identity, wishes.wait);
        let (status, retry) = look(&pending, wait).await?;
        Ok::<_, Stop>(told(&id, &status, retry))
    };
    match work.await {
        Ok(response) => response,
        Err(stop) => answers::stopped(&stop, gateway.0.config.public_url.as_deref()),
    }
}

async fn look(pending: &Pending, wait: Duration) -> Result<(String, Duration), Refusal> {
    let began = Instant::now();
    let mut now = pending.poll().await.map_err(refused)?;
    while let Progress::Open(retry) = &now {
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            break;
        }
        tokio::time::sleep((*retry).clamp(SHORTEST, LONGEST).min(left)).await;
        now = pending.poll().await.map_err(refused)?;
    }
    Ok(match now {
        Progress::Open(retry) => ("pending".to_owned(), retry),
        Progress::Approved(_) => ("approved".to_owned(), Duration::ZERO),
        Progress::Ended(word) => (word, Duration::ZERO),
    })
}

fn told(id: &str, status: &str, retry: Duration) -> Response {
    let task = Json::object([("id", Json::from(id)), ("status", status.into())]);
    let body = jcs::to_bytes(&Json::object([("task", task)]));
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let fresh = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = (StatusCode::OK, [json, fresh], body).into_response();
    if !retry.is_zero() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry.as_secs()));
    }
    response
}
