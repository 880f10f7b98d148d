//! What a resource does with an action-bound token, before it acts.
//!
//! 1. Verify it as an access token with proof of possession: [`crate::identity::Identities`], with
//!    this ledger's issuer, the resource's own audience and `jwks_url` from
//!    `/.well-known/oauth-authorization-server`.
//! 2. [`authorize`]: it is for the very action, and bytes, that are about to run.
//! 3. Spend its `txn` in one atomic step that outlives a crash: `POST /v1/transactions/spend`, or a
//!    store of the resource's own. Only then act. [`Transactions`] is such a store for one process:
//!    it forgets when the process ends, so that a resource that uses it refuses tokens that were
//!    minted before it began, by the ledger's clock, which may be ahead of its own: until 30 s
//!    after the start none is accepted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use placet_proto::action::Action;
use placet_proto::b64;
use placet_proto::document::{Raw, is_uuid_v4};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::token::SKEW_S;
use super::{DETAILS_TYPE, text};
use crate::identity::{Identity, Proof, claims};

/// Seconds by which clocks may differ where a token is accepted: the larger of both readers'.
const FORGIVEN_S: u64 = if SKEW_S > claims::SKEW_S { SKEW_S } else { claims::SKEW_S };
/// Most transactions that [`Transactions`] remembers.
const MAX_TRANSACTIONS: usize = 100_000;

/// An action that a token allows, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// `txn`, to be spent.
    pub txn: String,
    /// The request that was approved, for `POST /v1/outcome`.
    pub request: String,
    /// `iat`.
    pub minted: UnixSeconds,
    /// `exp`.
    pub expires: UnixSeconds,
}

/// Why a token does not allow an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no action-bound token, or its caller did not prove to have its key.
    #[error("the token is not one for an approved action: {0}")]
    Invalid(&'static str),
    /// It was minted for another action, other bytes or another resource.
    #[error("the token is for another action: {0}")]
    Action(&'static str),
    /// Its transaction was spent.
    #[error("the token was used")]
    Spent,
    /// Its transaction can't be remembered.
    #[error("too many transactions at once")]
    Full,
}

impl TokenError {
    /// The stable code (SPEC.md 11).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid(_) => "token.invalid",
            Self::Action(_) => "token.action",
            Self::Spent => "token.spent",
            Self::Full => "token.full",
        }
    }
}

/// Whether the token of a caller is for this action. `raw` are the bytes that are about to run,
/// where the approval bound bytes.
///
/// # Errors
/// `token.invalid`, `token.action`.
pub fn authorize(
    caller: &Identity,
    resource: &str,
    action: &Action,
    raw: Option<&Raw>,
) -> Result<Authorized, TokenError> {
    if !matches!(caller.proof, Proof::Dpop { .. }) {
        return Err(TokenError::Invalid("its key was not proved"));
    }
    allows(&caller.claims, resource, &action.digest(), raw)
}

/// As [`authorize`], of claims that were verified.
///
/// # Errors
/// As there.
pub fn allows(
    claims: &Json,
    resource: &str,
    action_digest: &[u8; 32],
    raw: Option<&Raw>,
) -> Result<Authorized, TokenError> {
    let invalid = TokenError::Invalid;
    let other = TokenError::Action;
    let details = claims.get("authorization_details").and_then(Json::as_array);
    let [details] = details.unwrap_or_default() else {
        return Err(invalid("it has not exactly one object in `authorization_details`"));
    };
    if text(details, "type") != Some(DETAILS_TYPE) {
        return Err(invalid("`authorization_details` is of another type"));
    }
    let at = details.get("locations").and_then(Json::as_array).unwrap_or_default();
    let here = at.len() == 1 && at.iter().all(|l| l.as_str() == Some(resource));
    if !here || text(claims, "aud") != Some(resource) {
        return Err(other("it is for another resource"));
    }
    if text(details, "action_digest") != Some(b64::encode_hex(action_digest).as_str()) {
        return Err(other("`action_digest` differs"));
    }
    let same = match (details.get("raw"), raw) {
        (None, None) => true,
        (Some(bound), Some(raw)) => {
            text(bound, "media_type") == Some(&raw.media_type)
                && bound.get("length").and_then(Json::as_u64) == Some(raw.length)
                && text(bound, "sha256") == Some(&b64::encode_hex(raw.sha256))
        }
        _ => false,
    };
    if !same {
        return Err(other("`raw` differs"));
    }
    let approval = details.get("approval").ok_or(invalid("nobody approved it"))?;
    let request = text(approval, "id").filter(|id| is_uuid_v4(id));
    let txn = text(claims, "txn").filter(|txn| is_uuid_v4(txn));
    let moment = |name: &str| claims.get(name).and_then(Json::as_u64).map(UnixSeconds);
    match (request, txn, moment("iat"), moment("exp")) {
        (Some(request), Some(txn), Some(minted), Some(expires)) => {
            let (txn, request) = (txn.to_owned(), request.to_owned());
            Ok(Authorized { txn, request, minted, expires })
        }
        _ => Err(invalid("a claim is missing")),
    }
}

/// Transactions that one process has spent.
#[derive(Debug)]
pub struct Transactions {
    since: UnixSeconds,
    most: usize,
    spent: Mutex<HashMap<String, u64>>,
}

impl Transactions {
    /// None is spent since `since`.
    #[must_use]
    pub fn new(since: UnixSeconds) -> Self {
        Self { since, most: MAX_TRANSACTIONS, spent: Mutex::default() }
    }

    /// Spends a transaction. To be called after everything else was checked, right before acting.
    ///
    /// # Errors
    /// `token.spent`, also for what may have been minted before this process began, the clocks'
    /// difference that is forgiven included; `token.full`.
    pub fn spend(&self, authorized: &Authorized, now: UnixSeconds) -> Result<(), TokenError> {
        // One that was accepted from a clock ahead of ours, and one of the very second in which the
        // process before this one ended, may have been spent by that one.
        if authorized.minted.0 <= self.since.0.saturating_add(FORGIVEN_S) {
            return Err(TokenError::Spent);
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.contains_key(&authorized.txn) {
            return Err(TokenError::Spent);
        }
        if spent.len() >= self.most {
            spent.retain(|_, until| *until > now.0);
        }
        if spent.len() >= self.most {
            return Err(TokenError::Full);
        }
        // A token may be accepted for as long as the clocks are forgiven, here and by others.
        let until = authorized.expires.0.saturating_add(FORGIVEN_S);
        spent.insert(authorized.txn.clone(), until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::token;
    use placet_proto::document::DigestRef;
    use placet_proto::json;

    const RESOURCE: &str = "https://api.example";
    const TXN: &str = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";

    fn action(id: &str) -> Action {
        let text = format!(
            r#"{{"subject":{{"type":"agent","id":"bot"}},"action":{{"name":"disable"}},"resource":{{"type":"user","id":"{id}"}}}}"#
        );
        Action::from_request(&json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    fn raw(byte: u8) -> Raw {
        Raw { media_type: "application/json".to_owned(), length: 7, sha256: [byte; 32] }
    }

    fn caller(raw: Option<&Raw>) -> Identity {
        let spent = token::Spent {
            request: TXN.to_owned(),
            until: UnixSeconds(200),
            approvers: 1,
            execution: DigestRef { index: 7, document_sha256: [1; 32] },
            origin: "placet.example".to_owned(),
        };
        let details = token::details(RESOURCE, &action("7"), &[], raw, Some(&spent));
        let claims = Json::object([
            ("aud", Json::from(RESOURCE)),
            ("txn", TXN.into()),
            ("iat", json::parse(b"100").unwrap()),
            ("exp", json::parse(b"200").unwrap()),
            ("authorization_details", Json::Array(vec![details])),
        ]);
        Identity {
            source: "placet".to_owned(),
            kind: "agent".to_owned(),
            id: "bot".to_owned(),
            properties: Json::Object(Vec::new()),
            client_id: None,
            proof: Proof::Dpop { jkt: "k".to_owned() },
            expires: None,
            claims,
        }
    }

    // SPEC.md R-10-112.
    #[test]
    fn a_token_is_for_one_action_and_its_bytes_at_one_resource() {
        let bound = caller(Some(&raw(1)));
        let authorized = authorize(&bound, RESOURCE, &action("7"), Some(&raw(1))).unwrap();
        assert_eq!((authorized.txn.as_str(), authorized.expires), (TXN, UnixSeconds(200)));
        let code = |caller: &Identity, resource, id, raw: Option<Raw>| {
            authorize(caller, resource, &action(id), raw.as_ref()).unwrap_err().code()
        };
        assert_eq!(code(&bound, RESOURCE, "8", Some(raw(1))), "token.action");
        assert_eq!(code(&bound, RESOURCE, "7", Some(raw(2))), "token.action");
        assert_eq!(code(&bound, RESOURCE, "7", None), "token.action");
        assert_eq!(code(&caller(None), RESOURCE, "7", Some(raw(1))), "token.action");
        assert_eq!(code(&bound, "https://other.example", "7", Some(raw(1))), "token.action");
        let unproved = Identity { proof: Proof::Bearer, ..bound.clone() };
        assert_eq!(code(&unproved, RESOURCE, "7", Some(raw(1))), "token.invalid");
        let details = bound.claims.get("authorization_details").unwrap().as_array().unwrap();
        for changed in [
            Json::Array(Vec::new()),
            Json::Array([details, details].concat()),
            Json::Array(vec![Json::object([("type", Json::from("other"))])]),
            Json::Null,
        ] {
            let mut claims = bound.claims.clone();
            claims.insert("authorization_details", changed);
            let changed = Identity { claims, ..bound.clone() };
            assert_eq!(code(&changed, RESOURCE, "7", Some(raw(1))), "token.invalid");
        }
        // A challenge's details are not yet approved.
        let mut claims = bound.claims.clone();
        let asked = token::details(RESOURCE, &action("7"), &[], None, None);
        claims.insert("authorization_details", Json::Array(vec![asked]));
        let changed = Identity { claims, ..bound };
        assert_eq!(code(&changed, RESOURCE, "7", None), "token.invalid");
    }

    // SPEC.md R-10-113.
    #[test]
    fn a_transaction_is_spent_once() {
        let caller = caller(None);
        let authorized = authorize(&caller, RESOURCE, &action("7"), None).unwrap();
        let spent = Transactions { most: 1, ..Transactions::new(UnixSeconds(69)) };
        spent.spend(&authorized, UnixSeconds(110)).unwrap();
        let again = spent.spend(&authorized, UnixSeconds(110));
        assert_eq!(again.unwrap_err().code(), "token.spent");
        let other = Authorized { txn: "other".to_owned(), ..authorized.clone() };
        assert_eq!(spent.spend(&other, UnixSeconds(110)).unwrap_err().code(), "token.full");
        spent.spend(&other, UnixSeconds(231)).unwrap();
        // What was minted before this process began may have been spent by the one before.
        for began in [101, 100, 99, 70] {
            let later = Transactions::new(UnixSeconds(began));
            let again = later.spend(&authorized, UnixSeconds(110));
            assert_eq!(again.unwrap_err().code(), "token.spent", "{began}");
        }
    }
}
