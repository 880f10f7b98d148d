//! The access token of one action: RFC 9068 with `authorization_details` (RFC 9396) and
//! `cnf.jkt` (RFC 9449).

use placet_proto::document::{DigestRef, Raw};
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256_parts};

use super::keys::Signer;
use super::{DETAILS_TYPE, seconds, text};

/// `typ` of a token.
pub const TYPE: &str = "at+jwt";
/// Seconds from the execution to the token's end.
pub const LIFE_S: u64 = 120;
/// Clock difference that is forgiven at a token's end, in seconds.
pub const SKEW_S: u64 = 5;

/// What a token says.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionToken {
    /// `iss`: this service.
    pub issuer: String,
    /// `aud`: the resource, and nobody else.
    pub resource: String,
    /// `sub`.
    pub subject: String,
    /// `client_id`: the initiator of the decision, by what the PEP said.
    pub client_id: String,
    /// `act`, as the PEP verified it.
    pub act: Option<Json>,
    /// `txn`.
    pub txn: String,
    /// `cnf.jkt`.
    pub jkt: String,
    /// `iat` and `nbf`: when the approval was spent.
    pub at: UnixSeconds,
    /// `exp`.
    pub expires: UnixSeconds,
    /// `auth_time`: when the last of those who count approved.
    pub approved_at: UnixSeconds,
    /// Whether the persons' passkeys may be software ones, which only a ledger for development
    /// accepts.
    pub software: bool,
    /// The one object of `authorization_details`.
    pub details: Json,
}

/// What `authorization_details` holds of an approval that was spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The request, which is the id of the approval.
    pub request: String,
    /// Until when it could be spent.
    pub until: UnixSeconds,
    /// Persons who approved.
    pub approvers: usize,
    /// The execution in the main log.
    pub execution: DigestRef,
    /// The origin of that log.
    pub origin: String,
}

/// The object of `authorization_details` for an action; `spent` once it was approved.
#[must_use]
pub fn details(
    resource: &str,
    action: &placet_proto::action::Action,
    members: &[String],
    raw: Option<&Raw>,
    spent: Option<&Spent>,
) -> Json {
    let names: Vec<&str> = members.iter().map(String::as_str).collect();
    let listed = members.iter().map(|m| Json::from(m.as_str())).collect();
    let mut out = Json::object([
        ("type", Json::from(DETAILS_TYPE)),
        ("locations", Json::Array(vec![resource.into()])),
        ("actions", Json::Array(vec![action.name().into()])),
        ("binding_hash", action.binding_hash(&names).into()),
        ("binding_context_members", Json::Array(listed)),
        ("action_digest", b64::encode_hex(action.digest()).into()),
    ]);
    if let Some(raw) = raw {
        let length = Json::try_from(raw.length).unwrap_or(Json::Null);
        let raw = [
            ("media_type", Json::from(raw.media_type.as_str())),
            ("length", length),
            ("sha256", b64::encode_hex(raw.sha256).into()),
        ];
        out.insert("raw", Json::object(raw));
    }
    if let Some(spent) = spent {
        let count = Json::try_from(spent.approvers as u64).unwrap_or(Json::Null);
        let index = Json::try_from(spent.execution.index).unwrap_or(Json::Null);
        let approval = [
            ("id", Json::from(spent.request.as_str())),
            ("approved_until", spent.until.to_string().into()),
            ("approvers", count),
        ];
        let execution = [
            ("log", Json::from(spent.origin.as_str())),
            ("index", index),
            ("document_sha256", b64::encode_hex(spent.execution.document_sha256).into()),
        ];
        out.insert("approval", Json::object(approval));
        out.insert("execution", Json::object(execution));
    }
    out
}

impl ActionToken {
    /// Signs it. The same execution and key give the same claims, `jti` included: what is minted
    /// again after an answer was lost is the same token to a resource.
    ///
    /// # Errors
    /// `key.file`.
    pub fn sign(&self, key: &Signer) -> Result<String, placet_ledger::Error> {
        key.sign(TYPE, &self.claims())
    }

    fn claims(&self) -> Json {
        let id = sha256_parts(&[b"placet-jti\0", self.txn.as_bytes(), b"\0", self.jkt.as_bytes()]);
        let jti = b64::encode_url(id.get(..16).unwrap_or_default());
        let amr = if self.software { "swk" } else { "mfa" };
        let amr = ["pop", "user", amr].into_iter().map(Json::from).collect();
        let mut claims = Json::object([
            ("iss", Json::from(self.issuer.as_str())),
            ("aud", self.resource.as_str().into()),
            ("sub", self.subject.as_str().into()),
            ("client_id", self.client_id.as_str().into()),
            ("iat", seconds(self.at)),
            ("nbf", seconds(self.at)),
            ("exp", seconds(self.expires)),
            ("jti", jti.into()),
            ("txn", self.txn.as_str().into()),
            ("cnf", Json::object([("jkt", Json::from(self.jkt.as_str()))])),
            ("auth_time", seconds(self.approved_at)),
            ("amr", Json::Array(amr)),
            ("authorization_details", Json::Array(vec![self.details.clone()])),
        ]);
        if !self.software {
            // Phishing-resistant (OpenID EAP ACR values): a passkey answers one site only.
            claims.insert("acr", "phr".into());
        }
        if let Some(act) = &self.act {
            claims.insert("act", act.clone());
        }
        claims
    }
}

/// The claims of a token of ours that has begun and not ended.
#[must_use]
pub fn read(key: &Signer, issuer: &str, token: &str, now: UnixSeconds) -> Option<Json> {
    let claims = key.verify(TYPE, token)?;
    (text(&claims, "iss")? == issuer).then_some(())?;
    let exp = claims.get("exp")?.as_u64()?;
    let nbf = claims.get("nbf")?.as_u64()?;
    let begun = nbf <= now.0.saturating_add(SKEW_S);
    (begun && now.0 < exp.saturating_add(SKEW_S)).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::keys::Keys;

    // SPEC.md R-10-110.
    #[test]
    fn the_same_execution_and_key_give_the_same_claims() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = placet_ledger::Dir::init(&tmp.path().join("d")).unwrap();
        let Keys { token: key, challenge: other } = Keys::load_or_create(&dir).unwrap();
        let token = ActionToken {
            issuer: "https://placet.example".to_owned(),
            resource: "https://api.example".to_owned(),
            subject: "alice".to_owned(),
            client_id: "bot".to_owned(),
            act: None,
            txn: "t".to_owned(),
            jkt: "k".to_owned(),
            at: UnixSeconds(100),
            expires: UnixSeconds(220),
            approved_at: UnixSeconds(90),
            software: false,
            details: Json::Object(Vec::new()),
        };
        let signed = token.sign(&key).unwrap();
        let read = |key, at| read(key, "https://placet.example", &signed, UnixSeconds(at));
        let claims = read(&key, 100).unwrap();
        assert_eq!(Some(&claims), read(&key, 224).as_ref());
        assert_eq!((read(&key, 225), read(&key, 94), read(&other, 100)), (None, None, None));
        assert_eq!(text(&claims, "acr"), Some("phr"));
        let again = token.claims();
        assert_eq!(again.get("jti"), claims.get("jti"));
        let of_other = ActionToken { jkt: "l".to_owned(), ..token }.claims();
        assert_ne!(of_other.get("jti"), claims.get("jti"));
    }
}
