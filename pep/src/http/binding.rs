//! Whether a submission is of the denial that it names (ARAP, "Access Request Service Processing
//! Rules" and "Binding Token Integrity").
//!
//! What is asked for is always the action that the decision in the log holds; the submission only
//! names it, and has to agree with it.

use placet_ledger::Error;
use placet_ledger::http::problem::Fault;
use placet_ledger::service::{Ledger, RequestView};
use placet_proto::document::is_uuid_v4;
use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::decide::denial_ends;
use super::problems::{bad_binding, expired_denial, not_requestable};
use super::submission::Item;
use super::tokens::{binding_hash, bound_members, verify_binding};

/// An item with the denial that it is bound to.
pub struct Bound {
    /// The request that the denial offered.
    pub view: RequestView,
    /// The binding token, by its id and end.
    pub token: Option<(String, UnixSeconds)>,
}

/// Binds an item to its denial.
///
/// # Errors
/// `invalid_denial_binding`, `expired_denial`, `not_requestable`, and those of the ledger.
pub fn bind(ledger: &Ledger, item: &Item, client: Option<&Json>) -> Result<Bound, Fault> {
    let denial = &item.denial;
    let token = match &denial.binding_token {
        None => None,
        Some(token) => Some(
            verify_binding(ledger, token)
                .ok_or_else(|| bad_binding("`denial.binding_token` does not verify"))?,
        ),
    };
    let id = match (&denial.evaluation_id, &token) {
        (None, None) => return Err(bad_binding("no `evaluation_id` and no `binding_token`")),
        (Some(id), Some(token)) if *id != token.evaluation_id => {
            return Err(bad_binding("the token is of another evaluation"));
        }
        (Some(id), _) => id,
        (None, Some(token)) => &token.evaluation_id,
    };
    let view = evaluation(ledger, id)?;
    let decision = &view.decision;
    let members = bound_members(&decision.action);
    let hash = binding_hash(&decision.action, &members);
    let by_token = token.as_ref().is_none_or(|t| t.binding_hash == hash && t.members == members);
    if binding_hash(&item.action, &members) != hash || !by_token {
        return Err(bad_binding("another action was denied"));
    }
    check_actor(&view, item, client)?;

    let expires = denial_ends(decision);
    let text = expires.to_string();
    let echoed = denial.expires_at.as_ref().is_none_or(|e| *e == text);
    if !echoed || token.as_ref().is_some_and(|t| t.denial_expires_at != text) {
        return Err(bad_binding("`denial.expires_at` is not that of the denial"));
    }
    let deadline = token.as_ref().map_or(expires, |t| t.expires.min(expires));
    if ledger.now() >= deadline {
        return Err(expired_denial());
    }
    Ok(Bound { view, token: token.map(|t| (t.jti, t.expires)) })
}

/// The request that a requestable denial of this PEP offered.
fn evaluation(ledger: &Ledger, id: &str) -> Result<RequestView, Fault> {
    let unknown = || bad_binding("no such evaluation");
    if !is_uuid_v4(id) {
        return Err(unknown());
    }
    let view = match ledger.request(id) {
        Ok(view) => view,
        Err(error) => match error.code() {
            "request.unknown" if ledger.is_decided(id)? => {
                return Err(not_requestable("this evaluation was no requestable denial"));
            }
            "request.unknown" | "log.erased" => return Err(unknown()),
            _ => return Err(Error::into(error)),
        },
    };
    match view.decision.audience == ledger.config().audience {
        true => Ok(view),
        false => Err(unknown()),
    }
}

/// An actor stays who it was. The PEP may move it from `subject.properties.act` to `client.actor`;
/// a claim about it that the evaluation did not make is one that nobody verified (ARAP,
/// "Delegation and On-Behalf-Of").
fn check_actor(view: &RequestView, item: &Item, client: Option<&Json>) -> Result<(), Fault> {
    let act_of = |subject: &Json| subject.get("properties").and_then(|p| p.get("act")).cloned();
    let same = |a: &Json, b: &Json| jcs::to_bytes(a) == jcs::to_bytes(b);
    let denied = act_of(view.decision.action.subject());
    let submitted = act_of(item.action.subject());
    let actor = client.and_then(|c| c.get("actor"));
    match (&denied, &submitted) {
        (Some(denied), Some(submitted)) if same(denied, submitted) => {}
        (None, None) => {}
        (Some(_), None) if actor.is_some() => {}
        (Some(_), None) => return Err(bad_binding("the actor was dropped")),
        _ => return Err(bad_binding("another actor was denied")),
    }
    let Some(actor) = actor else { return Ok(()) };
    let is = |claimed: &str, member: &str| match actor.get(claimed) {
        None => true,
        Some(value) => {
            let denied = denied.as_ref().and_then(|act| act.get(member));
            denied.is_some_and(|denied| same(denied, value))
        }
    };
    let id = actor.get("id").and_then(Json::as_str);
    if id != Some(view.decision.initiator.id.as_str()) || !is("issuer", "iss") || !is("act", "act")
    {
        return Err(bad_binding("`client.actor` is not the actor of the evaluation"));
    }
    Ok(())
}
