//! Telling who asked that a task has ended (ARAP, "Callback Completion").
//!
//! A callback is a notification and carries no result: whoever gets it looks at the task. It is
//! signed (RFC 9421) with the key that `jwks_uri` publishes, and goes through the service's queue:
//! durable, tried again, and never to an address that the operator did not mean.

use std::sync::Weak;

use placet_ledger::Error;
use placet_ledger::http::problem::Fault;
use placet_ledger::outbound::delivery::message_id;
use placet_ledger::outbound::{Delivery, Event, EventKind, Source};
use placet_ledger::service::Ledger;
use placet_proto::json::{self, Json};
use placet_proto::{jcs, sha256};

use super::store::Waiting;
use super::tasks::Task;
use super::{Pep, Shared, approval};

/// Whether a PEP may be called back there: at an origin that the operator lists in
/// `callback_origins`, and at an address that may be called at all.
///
/// # Errors
/// 400 `arap.callback`.
pub fn check(ledger: &Ledger, endpoint: &str) -> Result<(), Fault> {
    let bad = |detail: String| {
        Fault::new(axum::http::StatusCode::BAD_REQUEST, "Callback", "arap.callback", detail)
    };
    let target = ledger.outbound().check_url(endpoint).map_err(|e| bad(e.to_string()))?;
    let origin = target.origin();
    let mut listed = ledger.config().callback_origins.iter();
    match listed.any(|o| o.trim_end_matches('/').eq_ignore_ascii_case(&origin)) {
        true => Ok(()),
        false => Err(bad(format!("{origin} is not among `callback_origins`"))),
    }
}

/// Turns the end of a task into deliveries.
pub(super) struct Callbacks(pub Weak<Shared>);

impl Source for Callbacks {
    fn wanted(&self) -> bool {
        let Some(shared) = self.0.upgrade() else { return false };
        // A store that can't be read says so when the events come.
        shared.store.has_callbacks().unwrap_or(true)
    }

    fn deliveries(&self, ledger: &Ledger, event: &Event) -> Result<Vec<Delivery>, Error> {
        let (Some(shared), Some(request)) = (self.0.upgrade(), &event.request) else {
            return Ok(Vec::new());
        };
        let pep = Pep(shared);
        let waiting = pep.0.store.callbacks_of(request)?;
        if waiting.is_empty() || !ends(ledger, request, event.kind)? {
            return Ok(Vec::new());
        }
        let mut out = Vec::new();
        for callback in waiting {
            // A task that is gone has nobody to be told of.
            let Ok(task) = pep.task(&callback.task) else { continue };
            out.extend(delivery(&pep, &task, &callback));
        }
        Ok(out)
    }
}

/// Whether an event is the one that made a request's status terminal. What is approved stays so:
/// being spent later is no news.
fn ends(ledger: &Ledger, request: &str, kind: EventKind) -> Result<bool, Error> {
    let view = match ledger.request(request) {
        Ok(view) => view,
        Err(error) if matches!(error.code(), "request.unknown" | "log.erased") => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(match kind {
        EventKind::RequestAnswered => approval::was_approved(&view),
        EventKind::RequestEnded => !approval::was_approved(&view),
        _ => false,
    })
}

fn delivery(pep: &Pep, task: &Task, waiting: &Waiting) -> Option<Delivery> {
    let callback = &waiting.callback;
    let status = task.status();
    let wanted = callback.events.as_ref().is_none_or(|e| e.split(' ').any(|e| e == status));
    if task.is_pending() || !wanted {
        return None;
    }
    let mut body = Json::object([("task", task.notice(pep))]);
    let state = callback.state.as_ref().and_then(|s| json::parse(s.as_bytes()).ok());
    if let Some(state) = state {
        body.insert("state", state);
    }
    let url = callback.endpoint.as_str();
    let state = callback.state.as_deref().unwrap_or_default();
    let parts = [b"callback", task.id.as_bytes(), url.as_bytes(), state.as_bytes()];
    let hash = sha256(url.as_bytes());
    let endpoint = format!("callback:{}", placet_proto::b64::encode_hex(hash));
    Some(Delivery::json(&endpoint, &message_id(&parts), url, jcs::to_bytes(&body)))
}
