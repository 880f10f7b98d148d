//! What the service signs for PEPs: `binding_token` in a requestable denial and `approval.state` in
//! a result (ARAP, "Binding Token Integrity" and "Completion Semantics"). Both are compact JWS
//! under the service key that `jwks_uri` publishes, each with a `typ` of its own.
//!
//! Neither is a grant. A binding token proves which evaluation was denied; the state proves which
//! approval was told. What counts is what the log holds.

use placet_ledger::Error;
use placet_ledger::service::{Ledger, RequestView};
use placet_proto::action::Action;
use placet_proto::b64;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

/// `typ` of a binding token.
const BINDING: &str = "placet-binding+jwt";
/// `typ` of an approval's state.
const STATE: &str = "placet-approval+jwt";
/// Members of a context that belong to the profile and are never authorisation input (ARAP,
/// "Terminology").
const MACHINERY: [&str; 5] =
    ["access_request", "evaluation_id", "evaluated_at", "reason", "approval"];

/// A binding token that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The evaluation that was denied.
    pub evaluation_id: String,
    /// Its own id, for one use.
    pub jti: String,
    /// When it ends.
    pub expires: UnixSeconds,
    /// The `expires_at` of the denial.
    pub denial_expires_at: String,
    /// Members of the context that it binds.
    pub members: Vec<String>,
    /// ARAP's digest of subject, resource, action and that context.
    pub binding_hash: String,
}

/// An approval's state that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The approval.
    pub approval_id: String,
    /// When it was given.
    pub approved_at: UnixSeconds,
    /// Until when it counts.
    pub approved_until: UnixSeconds,
    /// Members of the context that it binds.
    pub members: Vec<String>,
    /// ARAP's digest of what was approved.
    pub binding_hash: String,
}

/// Members of an action's context that bind: all but the profile's own.
pub fn bound_members(action: &Action) -> Vec<String> {
    let context = action.context();
    let members = context.as_object().unwrap_or_default().iter().map(|(name, _)| name);
    members.filter(|name| !MACHINERY.contains(&name.as_str())).cloned().collect()
}

/// ARAP's `binding_hash` of an action under these members.
pub fn binding_hash(action: &Action, members: &[String]) -> String {
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    action.binding_hash(&members)
}

/// Signs a binding token for a denial.
pub fn sign_binding(
    ledger: &Ledger,
    action: &Action,
    evaluation_id: &str,
    at: UnixSeconds,
    expires: UnixSeconds,
) -> Result<String, Error> {
    let mut jti = [0; 16];
    getrandom::fill(&mut jti).map_err(|_| placet_ledger::service::Refusal::Random)?;
    let members = bound_members(action);
    let url = &ledger.config().public_url;
    let claims = Json::object([
        ("iss", Json::from(url.as_str())),
        ("aud", service_id(url).into()),
        ("iat", seconds(at)),
        ("exp", seconds(expires)),
        ("jti", b64::encode_url(jti).into()),
        ("denial_expires_at", expires.to_string().into()),
        ("evaluation_id", evaluation_id.into()),
        ("binding_hash", binding_hash(action, &members).into()),
        ("binding_context_members", names(&members)),
    ]);
    ledger.jws_sign(BINDING, &claims)
}

/// Checks a binding token: signature, issuer, audience, shape. Its times are for the caller.
pub fn verify_binding(ledger: &Ledger, token: &str) -> Option<Binding> {
    let url = &ledger.config().public_url;
    let claims = ledger.jws_verify(BINDING, token).ok()?;
    meant_for(&claims, url, &service_id(url))?;
    Some(Binding {
        evaluation_id: text(&claims, "evaluation_id")?,
        jti: text(&claims, "jti")?,
        expires: UnixSeconds(claims.get("exp")?.as_u64()?),
        denial_expires_at: text(&claims, "denial_expires_at")?,
        members: list(&claims, "binding_context_members")?,
        binding_hash: text(&claims, "binding_hash")?,
    })
}

/// Signs the state of an approval. The same approval gives the same bytes.
pub fn sign_state(
    ledger: &Ledger,
    view: &RequestView,
    at: UnixSeconds,
    until: UnixSeconds,
) -> Result<String, Error> {
    let url = ledger.config().public_url.as_str();
    let action = &view.decision.action;
    let members = bound_members(action);
    let claims = Json::object([
        ("iss", Json::from(url)),
        ("aud", url.into()),
        ("iat", seconds(at)),
        ("exp", seconds(until)),
        ("approval_id", view.row.id.as_str().into()),
        ("task_id", view.row.id.as_str().into()),
        ("evaluation_id", view.row.id.as_str().into()),
        ("client_id", view.decision.audience.as_str().into()),
        ("binding_hash", binding_hash(action, &members).into()),
        ("binding_context_members", names(&members)),
    ]);
    ledger.jws_sign(STATE, &claims)
}

/// Checks the state of an approval: signature, issuer, audience, shape. Its times are for the
/// caller.
pub fn verify_state(ledger: &Ledger, token: &str) -> Option<State> {
    let config = ledger.config();
    let url = config.public_url.as_str();
    let claims = ledger.jws_verify(STATE, token).ok()?;
    meant_for(&claims, url, url)?;
    (text(&claims, "client_id")? == config.audience).then_some(())?;
    Some(State {
        approval_id: text(&claims, "approval_id")?,
        approved_at: UnixSeconds(claims.get("iat")?.as_u64()?),
        approved_until: UnixSeconds(claims.get("exp")?.as_u64()?),
        members: list(&claims, "binding_context_members")?,
        binding_hash: text(&claims, "binding_hash")?,
    })
}

/// The identifier of the access request service: the URL of its endpoint.
fn service_id(url: &str) -> String {
    format!("{url}/access/v1/requests")
}

/// `iss` is this decision point; `aud` is, or is a list that holds, whom the token is for.
fn meant_for(claims: &Json, issuer: &str, audience: &str) -> Option<()> {
    let aud = claims.get("aud")?;
    let one = aud.as_str() == Some(audience);
    let listed = aud.as_array().unwrap_or_default().iter().any(|a| a.as_str() == Some(audience));
    (claims.get("iss")?.as_str() == Some(issuer) && (one || listed)).then_some(())
}

fn text(claims: &Json, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}

fn list(claims: &Json, name: &str) -> Option<Vec<String>> {
    claims.get(name)?.as_array()?.iter().map(|m| m.as_str().map(str::to_owned)).collect()
}

fn names(members: &[String]) -> Json {
    Json::Array(members.iter().map(|m| Json::from(m.as_str())).collect())
}

fn seconds(at: UnixSeconds) -> Json {
    Json::try_from(at.0).unwrap_or(Json::Null)
}
