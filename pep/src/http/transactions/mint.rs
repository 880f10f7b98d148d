//! From an approval that is spent to the token for it.
//!
//! Minting **is** the execution: the approval is consumed under the transaction's own idempotency
//! key, in the log's one linearizable step, before a token is signed. A gateway that consumes first
//! leaves nothing to mint, and the other way round. An agent whose answer was lost polls again and
//! is given the same transaction, `jti` and end, by the time that stands in the log.

use placet_ledger::http::problem::Fault;
use placet_ledger::service::{Consume, RequestState, RequestView};
use placet_proto::json::Json;

use super::authorize::INTERVAL_S;
use super::fault::OauthFault;
use crate::http::{Pep, approval, tokens};
use crate::tokens::challenge::Handle;
use crate::tokens::token::{self, ActionToken};

impl Pep {
    /// The token of a transaction, or why there is none.
    pub(super) fn mint(&self, handle: &Handle) -> Result<Json, OauthFault> {
        let ledger = self.0.app.ledger();
        let view = ledger.request(&handle.request).map_err(|error| match error.code() {
            "request.unknown" | "log.erased" => OauthFault::denied("there is no such request"),
            _ => error.into(),
        })?;
        match view.row.state {
            RequestState::Offered | RequestState::Open => {
                let over = view.row.not_after <= ledger.now();
                return Err(if over {
                    OauthFault::expired()
                } else {
                    OauthFault::pending(INTERVAL_S)
                });
            }
            RequestState::Denied => return Err(OauthFault::denied("a person denied it")),
            RequestState::Cancelled => return Err(OauthFault::denied("it was withdrawn")),
            RequestState::Expired => return Err(OauthFault::expired()),
            RequestState::Approved | RequestState::Executed | RequestState::Done => {}
        }
        let call = Consume {
            request: view.row.id.clone(),
            audience: ledger.config().audience.clone(),
            initiator: view.decision.initiator.clone(),
            action_digest: view.decision.action.digest(),
            raw: view.raw.clone(),
            idempotency: format!("txn {} {}", handle.txn, handle.jkt).into_bytes(),
            policy: None,
        };
        // A token carries no obligations, and a resource that does not know them would not deny.
        let none = || OauthFault::denied("the policy attaches obligations, which no token carries");
        let unspent = view.row.state == RequestState::Approved;
        if unspent && !self.obligations(&view).map_err(refused)?.is_empty() {
            return Err(none());
        }
        let (consumed, obligations) = self.consume(&call).map_err(refused)?;
        // The policy may have changed in between: the approval is spent then, and nothing comes
        // of it.
        if !obligations.is_empty() {
            return Err(none());
        }
        self.token(handle, &view, consumed.execution)
    }

    fn token(
        &self,
        handle: &Handle,
        view: &RequestView,
        execution: placet_proto::document::DigestRef,
    ) -> Result<Json, OauthFault> {
        let ledger = self.0.app.ledger();
        let at = approval::stated_at(ledger, execution.index)?;
        let expires = at.checked_add(token::LIFE_S).unwrap_or(at).min(view.row.not_after);
        let now = ledger.now();
        if expires <= now {
            return Err(OauthFault::expired());
        }
        let approvals: Vec<_> = view.answers.iter().filter(|answer| !answer.denial).collect();
        let mut approved_at = None;
        for answer in &approvals {
            approved_at =
                approved_at.max(Some(approval::stated_at(ledger, answer.statement.index)?));
        }
        let spent = token::Spent {
            request: view.row.id.clone(),
            until: view.row.not_after,
            approvers: approvals.len(),
            execution,
            origin: ledger.config().origin.clone(),
        };
        let action = &view.decision.action;
        let members = tokens::bound_members(action);
        let details =
            token::details(&handle.resource, action, &members, view.raw.as_ref(), Some(&spent));
        let made = ActionToken {
            issuer: self.url(""),
            resource: handle.resource.clone(),
            subject: action.subject_ref().1.to_owned(),
            client_id: view.decision.initiator.id.clone(),
            act: action.subject().get("properties").and_then(|p| p.get("act")).cloned(),
            txn: handle.txn.clone(),
            jkt: handle.jkt.clone(),
            at,
            expires,
            approved_at: approved_at.unwrap_or(at),
            software: ledger.config().dev,
            details,
        };
        let signed = made.sign(&self.0.token_keys.token)?;
        let left = Json::try_from(expires.0.saturating_sub(now.0)).unwrap_or(Json::Null);
        Ok(Json::object([
            ("access_token", Json::from(signed)),
            ("token_type", "DPoP".into()),
            ("expires_in", left),
            ("authorization_details", Json::Array(vec![made.details])),
        ]))
    }
}

fn refused(fault: Fault) -> OauthFault {
    match fault.code.as_str() {
        "consume.conflict" => OauthFault::denied("its approval was spent elsewhere"),
        "request.expired" => OauthFault::expired(),
        "consume.not_approved" => OauthFault::denied("its approval does not count any more"),
        _ => fault.into(),
    }
}
