//! Asking persons, and waiting for them (ARAP).

use std::time::{Duration, Instant};

use placet_proto::action::Action;
use placet_proto::document::{Raw, is_uuid_v4};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::calls::TaskState;
use super::verdict::{Denied, Verdict};
use super::{EnforceError, Enforcer, Intent};

/// Longest look that the ledger is asked for.
const LONGEST_LOOK: Duration = Duration::from_secs(30);
/// First and longest pause after a ledger that could not be asked.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// A denial that persons can change.
#[derive(Debug, Clone)]
pub struct Requestable {
    enforcer: Enforcer,
    action: Action,
    raw: Option<Raw>,
    context: Json,
    evaluation_id: String,
}

/// What an agent says beside the action, for the persons who are asked. It is signed by nobody and
/// decides nothing.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Why, in words.
    pub justification: Option<String>,
    /// ARAP `client`.
    pub client: Option<Json>,
    /// ARAP `callback`.
    pub callback: Option<Json>,
}

impl Requestable {
    pub(super) fn read(
        enforcer: &Enforcer,
        action: &Action,
        raw: &Option<Raw>,
        context: &Json,
    ) -> Result<Option<Self>, EnforceError> {
        if context.get("access_request").is_none() {
            return Ok(None);
        }
        let id = context.get("evaluation_id").and_then(Json::as_str);
        let id = id.filter(|id| !id.is_empty() && id.len() <= 128 && id.is_ascii());
        let id = id.ok_or(EnforceError::Answer("its requestable denial has no id"))?;
        Ok(Some(Self {
            enforcer: enforcer.clone(),
            action: action.clone(),
            raw: raw.clone(),
            context: context.clone(),
            evaluation_id: id.to_owned(),
        }))
    }

    /// The action that was denied.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// What was bound of the bytes.
    #[must_use]
    pub fn raw(&self) -> Option<&Raw> {
        self.raw.as_ref()
    }

    /// `context.evaluation_id`.
    #[must_use]
    pub fn evaluation_id(&self) -> &str {
        &self.evaluation_id
    }

    /// The whole `context` of the denial: `access_request` with `expires_at`, `binding_token`,
    /// `template`, `display`.
    #[must_use]
    pub fn context(&self) -> &Json {
        &self.context
    }

    /// Asks for an approval. An equal request that waits, or that was approved and not spent, is
    /// joined instead, so that asking again after a restart asks nobody twice.
    ///
    /// # Errors
    /// Those of the ledger; `enforce.refused` with `arap.*`.
    pub async fn submit(&self) -> Result<Pending, EnforceError> {
        self.submit_saying(&Said::default()).await
    }

    /// As [`Requestable::submit`], with what the agent says.
    ///
    /// # Errors
    /// As there.
    pub async fn submit_saying(&self, said: &Said) -> Result<Pending, EnforceError> {
        let mut body = self.action.to_json();
        if let Some(why) = &said.justification {
            let mut context = self.action.context();
            context.insert("business_justification", why.as_str().into());
            body.insert("context", context);
        }
        body.insert("denial", self.denial());
        for (name, value) in [("client", &said.client), ("callback", &said.callback)] {
            if let Some(value) = value {
                body.insert(name, value.clone());
            }
        }
        // The same submission of the same denial: a repetition after a lost answer is the same.
        let time = self.enforcer.settings.call_time;
        let key = self.evaluation_id.as_str();
        let calls = &self.enforcer.calls;
        let state = match calls.submit(&body, key, time).await {
            Err(error) if error.is_lost() => calls.submit(&body, key, time).await?,
            other => other?,
        };
        Ok(Pending {
            enforcer: self.enforcer.clone(),
            action: self.action.clone(),
            raw: self.raw.clone(),
            id: state.id.clone(),
            review: state.review.clone(),
            answer_by: state.answer_by.as_deref().and_then(|at| UnixSeconds::parse(at).ok()),
            first: Progress::of(state),
        })
    }

    /// ARAP's `denial`: members of the denial's context, as they were.
    fn denial(&self) -> Json {
        let mut out = Json::Object(Vec::new());
        for name in ["evaluation_id", "evaluated_at", "reason"] {
            if let Some(value) = self.context.get(name) {
                out.insert(name, value.clone());
            }
        }
        let request = self.context.get("access_request");
        for name in ["expires_at", "binding_token"] {
            if let Some(value) = request.and_then(|r| r.get(name)) {
                out.insert(name, value.clone());
            }
        }
        out
    }
}

/// A task that persons answer.
#[derive(Debug, Clone)]
pub struct Pending {
    enforcer: Enforcer,
    action: Action,
    raw: Option<Raw>,
    id: String,
    review: Option<String>,
    answer_by: Option<UnixSeconds>,
    first: Progress,
}

impl Enforcer {
    /// A task that was submitted before, by its id: for an agent that comes back and names it. Only
    /// [`Pending::poll`] says where it stands, and whether its approval serves for this intent the
    /// decision point says, when it is redeemed.
    ///
    /// # Errors
    /// `enforce.config` for an id that is no UUIDv4.
    pub fn task(&self, intent: &Intent, id: &str) -> Result<Pending, EnforceError> {
        if !is_uuid_v4(id) {
            return Err(EnforceError::Config("the task is no UUIDv4".to_owned()));
        }
        Ok(Pending {
            enforcer: self.clone(),
            action: intent.action().clone(),
            raw: intent.raw(),
            id: id.to_owned(),
            review: None,
            answer_by: None,
            first: Progress::Open(Duration::ZERO),
        })
    }
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Nobody, or too few, have answered. Look again after this time.
    Open(Duration),
    /// It is approved, which permits nothing by itself: [`Pending::redeem`].
    Approved(Approval),
    /// It ended otherwise: `denied`, `expired`, `cancelled`, or a word that is not known here.
    Ended(String),
}

/// ARAP's approval object, to be given back with the next evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval(Json);

impl Progress {
    fn of(state: TaskState) -> Self {
        match (state.status.as_str(), state.approval) {
            ("pending", _) => Self::Open(state.retry_after),
            ("approved", Some(approval)) => Self::Approved(Approval(approval)),
            (other, _) => Self::Ended(super::error::cut(other)),
        }
    }
}

impl Pending {
    /// The task's id, which is the request's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The page for approvers. It is not for the agent (ARAP, "PEP-Facing vs End-Client-Facing
    /// Surfaces").
    #[must_use]
    pub fn review(&self) -> Option<&str> {
        self.review.as_deref()
    }

    /// Until when persons can answer.
    #[must_use]
    pub fn answer_by(&self) -> Option<UnixSeconds> {
        self.answer_by
    }

    /// Where it stood when it was submitted: a joined task may be approved already.
    #[must_use]
    pub fn at_submission(&self) -> &Progress {
        &self.first
    }

    /// Where it stands now.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn poll(&self) -> Result<Progress, EnforceError> {
        self.look(Duration::ZERO).await
    }

    /// Waits until persons have answered, `patience` at most, and evaluates again with what they
    /// answered. Dropping the future stops the waiting and nothing else; a ledger that is away for
    /// a while is asked again.
    ///
    /// # Errors
    /// `enforce.waiting` when the time is over; those of the ledger that do not pass.
    pub async fn wait(&self, patience: Duration) -> Result<Verdict, EnforceError> {
        let began = Instant::now();
        let left = || patience.saturating_sub(began.elapsed());
        let mut progress = self.first.clone();
        let mut pause = PAUSES.0;
        loop {
            match &progress {
                Progress::Open(_) if left().is_zero() => return Err(EnforceError::Waiting),
                Progress::Open(_) => {}
                Progress::Approved(approval) => match self.redeem(approval).await {
                    Err(error) if error.is_transient() && !left().is_zero() => {
                        tokio::time::sleep(pause.min(left())).await;
                        pause = pause.saturating_mul(2).min(PAUSES.1);
                        continue;
                    }
                    other => return other,
                },
                Progress::Ended(word) => {
                    return Ok(Verdict::Denied(Denied::because(word, &self.id)));
                }
            }
            let looked = Instant::now();
            let look = left().min(LONGEST_LOOK);
            let rest = match self.look(look).await {
                Ok(Progress::Open(retry)) => {
                    pause = PAUSES.0;
                    progress = Progress::Open(retry);
                    // A look that lasted as long as the ledger wants us to wait was the wait.
                    retry.saturating_sub(looked.elapsed())
                }
                Ok(other) => {
                    progress = other;
                    continue;
                }
                Err(error) if error.is_transient() => {
                    pause = pause.saturating_mul(2).min(PAUSES.1);
                    match error {
                        EnforceError::Refused { retry_after: Some(time), .. } => time.max(pause),
                        _ => pause,
                    }
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(rest.min(left())).await;
        }
    }

    /// Evaluates again with an approval that a look found. The policy in force decides.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn redeem(&self, approval: &Approval) -> Result<Verdict, EnforceError> {
        if approval.0.get("id").and_then(Json::as_str) != Some(self.id.as_str()) {
            return Err(EnforceError::Answer("its approval is of another request"));
        }
        self.enforcer.decide(&self.action, self.raw.clone(), Some(&approval.0)).await
    }

    /// Withdraws the request, for all who joined it.
    ///
    /// # Errors
    /// Those of the ledger; `enforce.refused` with `arap.invalid_task_state` once it has ended.
    pub async fn cancel(&self) -> Result<(), EnforceError> {
        self.enforcer.calls.cancel(&self.id, self.enforcer.settings.call_time).await
    }

    async fn look(&self, wait: Duration) -> Result<Progress, EnforceError> {
        let time = self.enforcer.settings.call_time;
        self.enforcer.calls.task(&self.id, wait, time).await.map(Progress::of)
    }
}
