//! Action-bound tokens: what an agent shows a resource across a boundary, after a person approved.
//!
//! A PEP that has been told *requestable denial* answers the agent with a signed **challenge**
//! (draft-rosomakho-oauth-txn-challenge-00). The agent brings it to this service, which asks the
//! persons; once they approved, the approval is spent and an **access token** (RFC 9068, 9396) is
//! minted for exactly that action, bound to the agent's key (RFC 9449), for [`token::LIFE_S`]
//! seconds. What the resource does with it is in [`resource`]. docs/tokens.md tells what is
//! guaranteed, and what is the resource's part.
//!
//! * [`keys`]: two ES256 keys, for challenges and for tokens, apart from all others.
//! * [`challenge`], [`token`]: the claims of both.
//! * [`spent`]: which transactions were spent, for resources that leave that to this service.

pub mod challenge;
pub mod keys;
pub mod resource;
pub mod spent;
pub mod token;

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

/// `type` of the one object in `authorization_details` (RFC 9396 2): a URI of ours.
pub const DETAILS_TYPE: &str = "https://github.com/placet-project/placet/docs/tokens#action";

/// A NumericDate.
pub(crate) fn seconds(at: UnixSeconds) -> Json {
    Json::try_from(at.0).unwrap_or(Json::Null)
}

/// A string member of claims.
pub(crate) fn text<'a>(claims: &'a Json, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Json::as_str)
}
