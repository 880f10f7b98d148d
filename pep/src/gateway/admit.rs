//! From an action to a permit.

use std::time::Duration;

use axum::http::HeaderMap;
use placet_proto::document::is_uuid_v4;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::duties::StepUp;
use super::headers;
use super::refusal::Refusal;
use super::{Gateway, challenge};
use crate::enforce::{Denied, EnforceError, Intent, Pending, Permit, Progress, Verdict};
use crate::identity::Identity;

/// Header by which a client names the request that was approved, and by which it is told which one
/// waits.
pub const REQUEST: &str = "placet-request";

/// What a client asks for beside the call itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// The request whose approval is to be spent.
    pub request: Option<String>,
    /// For how long it waits for persons.
    pub wait: Duration,
    /// Whether it wants a task to look at in place of a challenge.
    pub task: bool,
    /// Whether it understands transaction challenges.
    pub challenge: bool,
}

/// Why a call does not pass now.
#[derive(Debug)]
pub enum Stop {
    /// It is refused.
    Refused(Refusal),
    /// Persons are asked.
    Waiting(Box<Asked>),
}

/// Persons are asked.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: String,
    /// Until when they can answer.
    pub answer_by: Option<UnixSeconds>,
    /// What the client asked for.
    pub wishes: Wishes,
    /// A transaction challenge, if the client understands one and there is one.
    pub challenge: Option<String>,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Wishes {
    /// Reads them.
    ///
    /// # Errors
    /// `gateway.header` for a request that is no UUIDv4, and for a wait that is no number.
    pub fn read(all: &HeaderMap, longest_wait: Duration) -> Result<Self, Refusal> {
        let request = headers::one(all, REQUEST)?;
        if request.is_some_and(|id| !is_uuid_v4(id)) {
            return Err(Refusal::Header(format!("{REQUEST}: no lowercase UUIDv4")));
        }
        let wait = headers::preference(all, "wait").map(|text| text.parse::<u64>()).transpose();
        let wait = wait.map_err(|_| Refusal::Header("prefer: wait is in seconds".to_owned()))?;
        let challenge = headers::one(all, "accept-txn-challenge")?;
        Ok(Self {
            request: request.map(str::to_owned),
            wait: Duration::from_secs(wait.unwrap_or_default()).min(longest_wait),
            task: headers::preference(all, "respond-async").is_some(),
            challenge: challenge.is_some_and(|value| value.starts_with("?1")),
        })
    }
}

impl Gateway {
    /// A permit for this intent, or why there is none now.
    ///
    /// A client that names a request gets the permit of that request or none: nothing new is asked
    /// of persons on its behalf. One that names none joins a request that is equal and approved, or
    /// waits, or is opened now.
    ///
    /// # Errors
    /// [`Stop`].
    pub async fn admit(
        &self,
        intent: &Intent,
        identity: &Identity,
        wishes: &Wishes,
    ) -> Result<Permit, Stop> {
        let enforcer = &self.0.enforcer;
        let (pending, now) = match &wishes.request {
            Some(id) => {
                if self.0.tasks.is_anothers(id, &identity.subject()) {
                    return Err(Refusal::Approval("unknown_task".to_owned()).into());
                }
                let pending = enforcer.task(intent, id).map_err(refused)?;
                let now = pending.poll().await.map_err(refused)?;
                (pending, now)
            }
            None => match enforcer.evaluate(intent).await.map_err(refused)? {
                Verdict::Permitted(permit) => return Ok(permit),
                Verdict::Denied(denied) => return Err(denial(denied, identity).into()),
                Verdict::NeedsApproval(requestable) => {
                    let pending = requestable.submit().await.map_err(refused)?;
                    self.0.tasks.keep(&identity.subject(), &pending);
                    let now = pending.at_submission().clone();
                    (pending, now)
                }
            },
        };
        let (wait, _place) = match &now {
            Progress::Open(_) => self.waiting(identity, wishes.wait),
            _ => (Duration::ZERO, None),
        };
        let verdict = match now {
            Progress::Approved(approval) => pending.redeem(&approval).await,
            Progress::Ended(word) => return Err(Refusal::Denied(word).into()),
            Progress::Open(_) if wait.is_zero() => Err(EnforceError::Waiting),
            Progress::Open(_) => pending.wait(wait).await,
        };
        match verdict {
            Ok(Verdict::Permitted(permit)) => Ok(permit),
            Ok(Verdict::Denied(denied)) => Err(Refusal::Approval(denied.reason).into()),
            Ok(Verdict::NeedsApproval(again)) => {
                let reason = again.context().get("reason").and_then(Json::as_str);
                let reason = reason.unwrap_or("approval_required").to_owned();
                Err(Refusal::Approval(reason).into())
            }
            Err(EnforceError::Waiting) => Err(self.asked(&pending, intent, identity, wishes).await),
            Err(error) => Err(refused(error).into()),
        }
    }

    async fn asked(
        &self,
        pending: &Pending,
        intent: &Intent,
        identity: &Identity,
        wishes: &Wishes,
    ) -> Stop {
        let mut challenge = None;
        if let (true, Some(hook)) = (wishes.challenge, &self.0.challenge) {
            let raw = intent.raw();
            let waiting = challenge::Waiting {
                request: pending.id(),
                action: intent.action(),
                raw: raw.as_ref(),
                identity,
                resource: self.0.config.public_url.as_deref(),
            };
            challenge = hook.challenge(waiting).await;
        }
        Stop::Waiting(Box::new(Asked {
            request: pending.id().to_owned(),
            answer_by: pending.answer_by(),
            wishes: wishes.clone(),
            challenge,
        }))
    }
}

/// What a client is told of a denial: one that wants another sign-in says so, unless the client's
/// token shows that it had one.
fn denial(denied: Denied, identity: &Identity) -> Refusal {
    // Of a permit that nobody here could enforce a sign-in makes none.
    if denied.reason != "obligation_unsupported"
        && let Some(refusal) =
            StepUp::of_denial(&denied.obligations).find_map(|step| step.check(identity).err())
    {
        return refusal;
    }
    Refusal::Denied(denied.reason)
}

/// What a client is told of an error of the enforcement library. What the ledger said beyond its
/// code is the operator's to read.
pub(super) fn refused(error: EnforceError) -> Refusal {
    tracing::info!(code = error.code(), ledger = error.ledger_code(), "a call is refused");
    match error {
        EnforceError::Denied(denied) => Refusal::Denied(denied.reason),
        EnforceError::Refused { code, status, .. } => match status {
            429 => Refusal::Busy,
            500.. | 401 | 403 => Refusal::Unavailable,
            _ => Refusal::Approval(code),
        },
        EnforceError::Unavailable(_)
        | EnforceError::Timeout
        | EnforceError::Answer(_)
        | EnforceError::Config(_) => Refusal::Unavailable,
        other => Refusal::Approval(other.code().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_strictly() {
        let read = |list: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in list {
                map.append(*name, value.parse().unwrap());
            }
            Wishes::read(&map, Duration::from_secs(60))
        };
        let none = read(&[]).unwrap();
        assert_eq!((none.request, none.wait, none.task, none.challenge), Default::default());
        let all = read(&[
            ("prefer", "wait=600, respond-async"),
            ("accept-txn-challenge", "?1"),
            ("placet-request", "0b9a4c1e-8a60-4b1c-9c0e-0123456789ab"),
        ]);
        let all = all.unwrap();
        assert_eq!(all.wait, Duration::from_secs(60));
        assert!(all.task && all.challenge && all.request.is_some());
        for bad in [("prefer", "wait=soon"), ("placet-request", "../x"), ("placet-request", "")] {
            assert_eq!(read(&[bad]).unwrap_err().code(), "gateway.header", "{bad:?}");
        }
    }
}
