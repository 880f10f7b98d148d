//! `POST /access/v1/requests`: opening what requestable denials offered (ARAP, "Access Request
//! Submission").
//!
//! Equal requests are one task: as long as a request of the same action, initiator, PEP and bytes
//! waits for persons, or is approved and can still be spent, a submission joins it. Its approval
//! authorises one execution, whoever of those that joined is first; what comes later asks anew.

use std::sync::PoisonError;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use placet_ledger::http::auth::{self, Caller};
use placet_ledger::http::problem::Fault;
use placet_ledger::service::{Refusal, RequestState, RequestView};
use placet_proto::document::PolicyRef;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{jcs, sha256};

use super::approval::approved;
use super::binding::{Bound, bind};
use super::decide::unmet;
use super::problems::{bad_binding, duplicate, not_requestable, too_fast, too_many_open};
use super::store::{Held, Known, Plan};
use super::submission::Submission;
use super::tasks::KEEP_S;
use super::{Body, Pep, body, callbacks, input, reply};

/// Longest Idempotency-Key, in bytes.
const MAX_KEY: usize = 255;
/// Seconds that a request must have left for others to join it.
const JOIN_S: u64 = 60;

/// `POST /access/v1/requests`.
pub async fn submit(State(pep): State<Pep>, headers: HeaderMap, bytes: Body) -> Response {
    reply(async {
        let value = input::object(&body(bytes)?, None)?;
        let key = match headers.get("idempotency-key").map(|key| key.as_bytes()) {
            None => None,
            Some(key) if (1..=MAX_KEY).contains(&key.len()) => Some(sha256(key)),
            Some(_) => return Err(Fault::bad_request("an Idempotency-Key has 1 to 255 bytes")),
        };
        let caller = caller_id(&pep, &headers).await;
        let worker = pep.clone();
        let work = move |_: &_| Ok(worker.answer_submission(&caller, key, &value));
        pep.0.app.run(work).await?
    })
    .await
}

/// By whose token somebody asks: keys of one are not keys of another (ARAP, "Idempotency Key
/// Abuse"). Who may ask at all was seen to before.
async fn caller_id(pep: &Pep, headers: &HeaderMap) -> String {
    match auth::caller(&pep.0.app, headers).await {
        Ok(Some(Caller::Token { id, .. })) => id,
        _ => String::new(),
    }
}

/// What a submission leads to.
struct Choice {
    /// The request that answers each item.
    requests: Vec<RequestView>,
    /// Those of them that have to be opened, by their place.
    open: Vec<usize>,
}

impl Pep {
    fn answer_submission(
        &self,
        caller: &str,
        key: Option<[u8; 32]>,
        value: &Json,
    ) -> Result<Response, Fault> {
        let id = self.submit(caller, key, value)?;
        let task = self.task(&id)?;
        // 201 when there is nothing to wait for (ARAP, "Access Request Response").
        let status = if task.is_pending() { StatusCode::ACCEPTED } else { StatusCode::CREATED };
        let json = task.json(self)?;
        Ok(task.response(self, status, &json))
    }

    /// Takes a submission; gives the id of its task.
    pub(super) fn submit(
        &self,
        caller: &str,
        key: Option<[u8; 32]>,
        value: &Json,
    ) -> Result<String, Fault> {
        let ledger = self.0.app.ledger();
        let body = sha256(&jcs::to_bytes(value));
        // One at a time: two equal submissions must not both find nothing to join.
        let _one = self.0.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let now = ledger.now();
        if let Some(key) = &key {
            match self.0.store.known(caller, key, &body, now)? {
                Known::Not => {}
                Known::Task(task) => return self.resume(task),
                Known::Other => return Err(duplicate()),
            }
        }
        let submission = Submission::read(value)?;
        if let Some(callback) = &submission.callback {
            callbacks::check(ledger, &callback.endpoint)?;
        }
        let client = submission.client.as_ref();
        let bound = submission.items.iter().map(|item| bind(ledger, item, client));
        let bound = bound.collect::<Result<Vec<_>, _>>()?;
        let asked = submission.items.iter().zip(&bound);
        let asked = asked.map(|(item, b)| submission.asked(item, &b.view.decision.action));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let choice = self.choose(&bound, now)?;
        self.check_limits(&choice)?;
        let plan = plan(caller, key, body, &submission, &bound, &choice)?;
        match self.0.store.record(&plan, now)? {
            Ok(()) => {}
            Err(Held::Key) => return Err(duplicate()),
            Err(Held::Token) => return Err(bad_binding("the binding token was used")),
            Err(Held::Limit(what)) => {
                return Err(placet_ledger::Error::from(Refusal::Limit(what)).into());
            }
        }
        let opened = self.open(&choice, &asked);
        if opened.is_err() {
            self.0.store.take_back(&plan)?;
        }
        opened.map(|()| plan.task)
    }

    /// A submission that was recorded takes effect, should a crash have come between.
    fn resume(&self, task: String) -> Result<String, Fault> {
        let ledger = self.0.app.ledger();
        let requests = self.0.store.bundle(&task)?.unwrap_or_else(|| vec![task.clone()]);
        for id in requests {
            if ledger.row(&id)?.state == RequestState::Offered {
                ledger.submit(&id)?;
            }
        }
        Ok(task)
    }

    /// Which requests answer the items.
    fn choose(&self, bound: &[Bound], now: UnixSeconds) -> Result<Choice, Fault> {
        let ledger = self.0.app.ledger();
        let policy = ledger.policy_in_force()?;
        let mut choice = Choice { requests: Vec::with_capacity(bound.len()), open: Vec::new() };
        for item in bound {
            let own = &item.view;
            let taken = |id: &str| choice.requests.iter().any(|r| r.row.id == id);
            if taken(&own.row.id) {
                return Err(bad_binding("two items are bound to one evaluation"));
            }
            if own.row.state != RequestState::Offered {
                choice.requests.push(own.clone());
                continue;
            }
            if own.decision.policy != policy {
                return Err(not_requestable("another policy is in force; evaluate again"));
            }
            let mut joined = None;
            for id in ledger.equal_live(&own.row.id)? {
                let other = ledger.request(&id)?;
                if !taken(&id) && self.can_join(own, &other, &policy, now)? {
                    joined = Some(other);
                    break;
                }
            }
            match joined {
                Some(other) => choice.requests.push(other),
                None => {
                    choice.open.push(choice.requests.len());
                    choice.requests.push(own.clone());
                }
            }
        }
        Ok(choice)
    }

    /// Whether an equal request can still come to what this one asks for: the same persons under
    /// the policy in force, time enough, and if approved, an approval that counts now.
    fn can_join(
        &self,
        own: &RequestView,
        other: &RequestView,
        policy: &PolicyRef,
        now: UnixSeconds,
    ) -> Result<bool, Fault> {
        let same = other.decision.policy == *policy && other.decision.quorum == own.decision.quorum;
        if !same || other.row.not_after.0 < now.0.saturating_add(JOIN_S) {
            return Ok(false);
        }
        if other.row.state != RequestState::Approved {
            return Ok(other.row.state == RequestState::Open);
        }
        let Ok(approved) = approved(self.0.app.ledger(), other, other.raw.clone()) else {
            return Ok(false);
        };
        Ok(self.permits(&other.decision, &approved).unwrap_or(false))
    }

    /// Whether as many requests as are to be opened may be, and somebody can answer them.
    fn check_limits(&self, choice: &Choice) -> Result<(), Fault> {
        let ledger = self.0.app.ledger();
        let opened = choice.open.iter().filter_map(|place| choice.requests.get(*place));
        for view in opened.clone() {
            let decision = &view.decision;
            let quorum = decision.quorum.as_ref();
            let quorum = quorum.ok_or_else(|| not_requestable("it has no quorum"))?;
            let reach = ledger.reach(quorum, &decision.initiator, &decision.action)?;
            if !reach.suffices() {
                return Err(not_requestable(&unmet(reach).detail));
            }
        }
        // The items of a submission have one subject, and nearly always one initiator.
        let Some(first) = opened.clone().next() else { return Ok(()) };
        let n = choice.open.len();
        let open = ledger.open_of_agent(&first.row.id)?;
        if open.saturating_add(n as u64) > ledger.config().max_open_per_agent {
            return Err(too_many_open());
        }
        self.0.openings.take(&first.decision.initiator, n).map_err(too_fast)
    }

    /// Opens the requests; if one can't be, those that were are withdrawn.
    fn open(&self, choice: &Choice, asked: &[Option<String>]) -> Result<(), Fault> {
        let ledger = self.0.app.ledger();
        let mut opened = Vec::new();
        for place in &choice.open {
            let (Some(view), Some(asked)) = (choice.requests.get(*place), asked.get(*place)) else {
                continue;
            };
            let id = &view.row.id;
            let noted = asked.as_ref().map_or(Ok(()), |text| ledger.note_asked(id, text));
            match noted.and_then(|()| ledger.submit(id)) {
                Ok(_) => opened.push(id),
                Err(error) => {
                    for id in opened {
                        ledger.cancel(id, "its bundle could not be opened")?;
                    }
                    return Err(match error.code() {
                        "agent.limit" => too_many_open(),
                        _ => error.into(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn plan(
    caller: &str,
    key: Option<[u8; 32]>,
    body: [u8; 32],
    submission: &Submission,
    bound: &[Bound],
    choice: &Choice,
) -> Result<Plan, Fault> {
    let ids = || choice.requests.iter().map(|view| view.row.id.clone());
    let task = match (submission.bundle, ids().next()) {
        (false, Some(id)) => id,
        _ => new_id()?,
    };
    let bundle = submission.bundle.then(|| ids().collect());
    let last = choice.requests.iter().map(|view| view.row.not_after.0).max().unwrap_or(0);
    Ok(Plan {
        caller: caller.to_owned(),
        key,
        body,
        task,
        bundle,
        tokens: bound.iter().filter_map(|b| b.token.clone()).collect(),
        callback: submission.callback.clone(),
        until: UnixSeconds(last.saturating_add(KEEP_S)),
    })
}

/// A fresh UUIDv4.
pub fn new_id() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| placet_ledger::Error::from(Refusal::Random))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
