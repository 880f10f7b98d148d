//! Requests: decided, asked for, looked at, withdrawn, ended.

use std::sync::Arc;
use std::time::Duration;

use placet_proto::action::Action;
use placet_proto::document::{
    Body, Decision, DigestRef, Ended, Initiator, Obligation, PolicyRef, Quorum, Raw, Seen, Verdict,
    is_uuid_v4,
};
use placet_proto::time::UnixSeconds;
use tokio::sync::broadcast::{self, error::RecvError};

use super::carried::Submitted;
use super::clock::uuid;
use super::governance::read_statement;
use super::ledger::{Appended, Issue, Ledger, terminal_key};
use super::state::{AnswerRow, Extra, HistoryFilter, RequestRow, RequestState};
use super::{Refusal, render};
use crate::Error;
use crate::sync::read;

/// Requests that may be live at once.
const MAX_LIVE: u64 = 10_000;
/// Longest time that a request may stay open, in seconds: a quarter of a year.
pub(super) const MAX_OPEN_S: u64 = 90 * 86_400;

/// What the policy decision point answered, to be recorded before anybody acts on it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDecision {
    /// The request that is decided again; a fresh one if absent, as in every requestable denial.
    pub request: Option<String>,
    /// The action.
    pub action: Action,
    /// The PEP that asked.
    pub audience: String,
    /// The agent.
    pub initiator: Initiator,
    /// The answer.
    pub decision: Verdict,
    /// The policy that gave it.
    pub policy: PolicyRef,
    /// Ids of the determining policies.
    pub determining: Vec<String>,
    /// Stable reason word.
    pub reason: String,
    /// Approvals that were taken into account.
    pub approvals: Vec<DigestRef>,
    /// Until when a requestable denial can be answered and spent; required there.
    pub not_after: Option<UnixSeconds>,
    /// How many persons a requestable denial asks for; required there.
    pub quorum: Option<Quorum>,
    /// What the PEP has to do with the answer.
    pub obligations: Vec<Obligation>,
    /// What it rests on beside action, policy and approvals.
    pub seen: Option<Seen>,
}

/// What a requestable denial carries beside its decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// The bytes that the PEP will forward, where it forwards bytes.
    pub raw: Option<Raw>,
    /// Template of the text; the built-in one if absent.
    pub template: Option<String>,
    /// The policy's word for the risk, such as `high`: for the badge and the order of the queue.
    pub risk: Option<String>,
    /// Why the policy asks, in the words of its author.
    pub why: Option<String>,
    /// The oldest approval that the policy lets count, in seconds.
    pub max_age: Option<u64>,
}

/// A request changed: it was opened, answered, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestEvent {
    /// The request.
    pub request: String,
    /// Where it stands now.
    pub state: RequestState,
}

/// Hears of requests that change, from the moment on at which it was made.
#[derive(Debug)]
pub struct Watch(broadcast::Receiver<RequestEvent>);

impl Watch {
    /// Waits until one of these requests may have changed; false when the ledger ends. Make the
    /// watch before the look that it is to follow, or what comes between is missed.
    pub async fn changed(&mut self, requests: &[String]) -> bool {
        loop {
            match self.0.recv().await {
                Ok(event) if requests.contains(&event.request) => return true,
                // Others' changes are nobody's business: all who wait would look at each.
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

/// A request with all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestView {
    /// Where it stands.
    pub row: RequestRow,
    /// Its decision.
    pub decision: Decision,
    /// The bytes that the PEP will forward.
    pub raw: Option<Raw>,
    /// The template of its text.
    pub template: String,
    /// The policy's word for the risk; not part of what is signed.
    pub risk: Option<String>,
    /// Why the policy asks, in the words of its author; not part of what is signed.
    pub why: Option<String>,
    /// The oldest approval that the policy lets count, in seconds.
    pub max_age: Option<u64>,
    /// What the agent said when it asked, as canonical JSON; not part of what is signed.
    pub asked: Option<String>,
    /// The answers so far.
    pub answers: Vec<AnswerRow>,
}

impl Ledger {
    /// Records a decision. A requestable one makes an *offered* request, which
    /// [`Ledger::submit`] opens.
    ///
    /// # Errors
    /// `request.invalid`, `ledger.limit`, `export.lag`, and those of recording.
    pub fn decide(&self, new: NewDecision, carried: Carried) -> Result<Appended, Error> {
        self.check_export()?;
        let now = self.now();
        let requestable = new.decision == Verdict::Requestable;
        if requestable {
            self.check_requestable(&new, &carried, now)?;
        }
        let request = match new.request {
            Some(id) if is_uuid_v4(&id) => id,
            Some(_) => return Err(Refusal::Invalid("a request id is a lowercase UUIDv4").into()),
            None => uuid()?,
        };
        let decision = Decision {
            request: request.clone(),
            action: new.action,
            audience: new.audience,
            initiator: new.initiator,
            decision: new.decision,
            policy: new.policy,
            determining: new.determining,
            reason: new.reason,
            approvals: new.approvals,
            at: now,
            not_after: new.not_after,
            quorum: new.quorum,
            obligations: new.obligations,
            seen: new.seen,
        };
        if requestable {
            let marks = self.marks(&decision, &carried)?;
            let Carried { raw, template, risk, why, max_age } = carried;
            let extra = Extra { raw, template, submitted: false, risk, why };
            self.state.keep(&request, max_age, &marks, &extra)?;
        }
        let document = self.document(Body::Decision(decision))?;
        // The only key is that of the document, and its nonce is fresh.
        self.issue(Issue::by_ledger(document))?.map_err(|_| Refusal::Random.into())
    }

    /// Records a requestable denial and opens its request; gives the request's id.
    ///
    /// # Errors
    /// As [`Ledger::decide`] and [`Ledger::submit`].
    pub fn create(&self, new: NewDecision, carried: Carried) -> Result<String, Error> {
        if new.decision != Verdict::Requestable {
            return Err(Refusal::Invalid("only a requestable denial can be approved").into());
        }
        let appended = self.decide(new, carried)?;
        let request = appended.document.body.request().unwrap_or_default();
        self.submit(request)?;
        Ok(request.to_owned())
    }

    fn check_requestable(
        &self,
        new: &NewDecision,
        carried: &Carried,
        now: UnixSeconds,
    ) -> Result<(), Error> {
        let (Some(not_after), Some(quorum)) = (new.not_after, new.quorum.as_ref()) else {
            return Err(Refusal::Invalid("a requestable denial has not_after and quorum").into());
        };
        if not_after <= now || not_after.0 > now.0.saturating_add(MAX_OPEN_S) {
            return Err(Refusal::Invalid("not_after is within the next 90 days").into());
        }
        if !(1..=16).contains(&quorum.required) {
            return Err(Refusal::Invalid("a quorum is 1 to 16 persons").into());
        }
        if carried.template.as_ref().is_some_and(|t| t.len() > render::MAX_TEMPLATE) {
            return Err(Refusal::Invalid("the template is longer than 16 KiB").into());
        }
        // A chosen id would let a caller change what another request carries.
        if new.request.is_some() {
            return Err(
                Refusal::Invalid("a requestable denial gets a request id of its own").into()
            );
        }
        if self.state.live()? >= MAX_LIVE {
            return Err(Refusal::Limit("requests").into());
        }
        Ok(())
    }

    /// Opens an offered request, so that persons can answer it. Opening twice is no error.
    ///
    /// # Errors
    /// `request.unknown`; `request.state` when it has ended; `ledger.limit`; `agent.limit` when as
    /// many requests of its initiator wait for persons as `max_open_per_agent` lets.
    pub fn submit(&self, request: &str) -> Result<RequestRow, Error> {
        if self.state.live()? >= MAX_LIVE {
            return Err(Refusal::Limit("requests").into());
        }
        let filing = read(&self.filing);
        if self.is_erased(request)? {
            return Err(Refusal::RequestErased.into());
        }
        let submitted = self.state.submit(request, self.config.max_open_per_agent)?;
        drop(filing);
        match submitted {
            Submitted::Opened => {
                self.outbound().opened(request);
                self.after_change()?;
                self.tell(request)?;
            }
            Submitted::Unchanged => {}
            Submitted::TooMany => return Err(Refusal::AgentLimit.into()),
        }
        let row = self.row(request)?;
        match row.state.is_live() {
            true => Ok(row),
            false => Err(Refusal::RequestState(row.state.name()).into()),
        }
    }

    /// Whether the main log holds a decision of this id, whatever it was.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn is_decided(&self, request: &str) -> Result<bool, Error> {
        Ok(!self.state.entries(request)?.is_empty())
    }

    /// The last permit of a request that was recorded before an index of the main log.
    ///
    /// # Errors
    /// `ledger.sqlite`; those of reading the log, `log.erased` among them: what can't be read may
    /// have been the permit.
    pub fn permit_before(&self, request: &str, index: u64) -> Result<Option<Decision>, Error> {
        let mut before = index;
        loop {
            let entries = self.state.entries_before(request, before)?;
            let Some(last) = entries.last().copied() else { return Ok(None) };
            for entry in entries {
                match read_statement(&self.main, entry)?.document.body {
                    Body::Decision(decision) if decision.decision == Verdict::Permit => {
                        return Ok(Some(decision));
                    }
                    _ => {}
                }
            }
            before = last;
        }
    }

    /// Where a request stands.
    ///
    /// # Errors
    /// `request.unknown`.
    pub fn row(&self, request: &str) -> Result<RequestRow, Error> {
        self.state.request(request)?.ok_or_else(|| Refusal::RequestUnknown.into())
    }

    /// A request with all that is known of it.
    ///
    /// # Errors
    /// `request.unknown`; `log.erased`.
    pub fn request(&self, request: &str) -> Result<RequestView, Error> {
        let row = self.row(request)?;
        let decision = self.decisions.get(row.decision, || {
            let statement = read_statement(&self.main, row.decision)?;
            let length = statement.bytes().len();
            match statement.document.body {
                Body::Decision(decision) => Ok((decision, length)),
                _ => Err(Refusal::RequestUnknown.into()),
            }
        })?;
        let extra = self.state.extra(request)?;
        let template = extra.template.unwrap_or_else(|| render::DEFAULT_TEMPLATE.to_owned());
        let answers = self.state.answers(request)?;
        let Extra { raw, risk, why, .. } = extra;
        let (max_age, asked) = self.state.detail(request)?;
        let view = RequestView { row, decision, raw, template, risk, why, max_age, asked, answers };
        Ok(view)
    }

    /// Requests in a state, those that end first first, at most 1000.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn requests(&self, state: RequestState) -> Result<Vec<RequestRow>, Error> {
        self.state.in_state(state)
    }

    /// Requests with the latest decision first: who asked for what, and what became of it.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn history(&self, filter: &HistoryFilter, limit: u32) -> Result<Vec<RequestRow>, Error> {
        self.state.history(filter, limit)
    }

    /// The last request before this one that persons approved, of the same agent and with the same
    /// name of the action; nothing if there is none, or if it was erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn approved_like(&self, request: &str) -> Result<Option<RequestView>, Error> {
        let Some(row) = self.state.approved_like(request)? else { return Ok(None) };
        match self.request(&row.id) {
            Ok(view) => Ok(Some(view)),
            Err(Error::Refused(Refusal::Erased(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What becomes of requests, from now on. A receiver that falls behind is told so and has to
    /// look for itself.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<RequestEvent> {
        self.events.subscribe()
    }

    /// The same for those who wait for some requests.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.events())
    }

    /// Tells those who listen where a request stands now.
    pub(super) fn tell(&self, request: &str) -> Result<(), Error> {
        if self.events.receiver_count() == 0 {
            return Ok(());
        }
        if let Some(row) = self.state.request(request)? {
            // Nobody may be left by now.
            drop(self.events.send(RequestEvent { request: row.id, state: row.state }));
        }
        Ok(())
    }

    /// The answers to a request, in the order of the log.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn answers_of(&self, request: &str) -> Result<Vec<AnswerRow>, Error> {
        self.state.answers(request)
    }

    /// How many requests are in each state, for figures.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn request_counts(&self) -> Result<Vec<(RequestState, u64)>, Error> {
        self.state.counts()
    }

    /// Waits until the request is in another state than `seen`, or until the time is over, and
    /// tells where it stands then.
    ///
    /// # Errors
    /// `request.unknown`.
    pub async fn wait_for_change(
        self: &Arc<Self>,
        request: &str,
        seen: RequestState,
        timeout: Duration,
    ) -> Result<RequestRow, Error> {
        let mut watch = self.watch();
        let named = [request.to_owned()];
        let wait = async {
            loop {
                let row = self.row_async(request).await?;
                if row.state != seen || !watch.changed(&named).await {
                    return Ok(row);
                }
            }
        };
        match tokio::time::timeout(timeout, wait).await {
            Ok(row) => row,
            Err(_) => self.row_async(request).await,
        }
    }

    /// Reading may wait for a writer that waits for the disk, which no async thread shall do.
    async fn row_async(self: &Arc<Self>, request: &str) -> Result<RequestRow, Error> {
        let (ledger, request) = (Arc::clone(self), request.to_owned());
        let row = tokio::task::spawn_blocking(move || ledger.row(&request)).await;
        row.unwrap_or_else(|_| Err(Error::Stopped { reason: "a call panicked".to_owned() }))
    }

    /// Withdraws a request.
    ///
    /// # Errors
    /// `request.unknown`; `request.ended` when it ended before; `request.invalid` for a reason
    /// that is too long.
    pub fn cancel(&self, request: &str, reason: &str) -> Result<Appended, Error> {
        self.row(request)?;
        let ended =
            Ended { request: request.to_owned(), reason: Some(reason.to_owned()), at: self.now() };
        self.end(Body::Cancel(ended))
    }

    fn end(&self, body: Body) -> Result<Appended, Error> {
        let request = body.request().unwrap_or_default().to_owned();
        let mut issue = Issue::by_ledger(self.document(body)?);
        issue.once.push(terminal_key(&request));
        self.issue(issue)?.map_err(|_| Refusal::Ended.into())
    }

    /// Ends what is overdue; gives the time until the next.
    pub(super) fn end_overdue(&self) -> Result<Duration, Error> {
        let now = self.now();
        for row in self.state.overdue(now)? {
            let body = Body::Expiry(Ended { request: row.id.clone(), reason: None, at: now });
            match self.end(body) {
                // Somebody else ended it at the same moment.
                Err(Error::Refused(Refusal::Ended)) => {}
                other => drop(other?),
            }
        }
        for row in self.state.outcomes_overdue(now)? {
            self.outcome_unknown(&row)?;
        }
        let next = self.state.next_due()?;
        Ok(next.map_or(Duration::MAX, |t| Duration::from_secs(t.0.saturating_sub(now.0).max(1))))
    }
}
