//! The transaction challenge (draft-rosomakho-oauth-txn-challenge-00 4) and the handle of a
//! transaction authorization: two JWS under the challenge key.
//!
//! Neither grants anything. A challenge says which action a PEP refused, to whom, and that a person
//! may permit it; the handle says which key asked for that.

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::keys::Signer;
use super::{seconds, text};

/// `typ` of a challenge.
pub const TYPE: &str = "txn-authz-challenge+jwt";
/// `typ` of a handle.
const HANDLE: &str = "placet-txn-handle+jwt";
/// Seconds for which a challenge can be brought.
pub const LIFE_S: u64 = 300;

/// A challenge: who was refused what, and for whom the token will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `iss`: the resource, which is `aud` of the token.
    pub resource: String,
    /// `txn`: the transaction, a UUIDv4.
    pub txn: String,
    /// The request of the requestable denial.
    pub request: String,
    /// The key that the token will be bound to, where the PEP knows it.
    pub jkt: Option<String>,
    /// `exp`.
    pub expires: UnixSeconds,
}

/// A transaction authorization that was begun: a challenge and the key that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// As in the challenge.
    pub resource: String,
    /// As in the challenge.
    pub txn: String,
    /// The request that answers it: that of the denial, or an equal one that waited.
    pub request: String,
    /// The thumbprint of the key.
    pub jkt: String,
    /// When it ends.
    pub expires: UnixSeconds,
}

/// What a challenge says beside what is read again.
#[derive(Debug, Clone)]
pub struct Shown {
    /// `authorization_details`.
    pub details: Json,
    /// `reason`, for people.
    pub reason: String,
    /// `act`, as the PEP verified it.
    pub act: Option<Json>,
    /// `iat`.
    pub at: UnixSeconds,
    /// `jti`.
    pub jti: String,
}

impl Challenge {
    /// Signs it. `service` is the authorization server: `aud`.
    ///
    /// # Errors
    /// `key.file`.
    pub fn sign(
        &self,
        key: &Signer,
        service: &str,
        shown: &Shown,
    ) -> Result<String, placet_ledger::Error> {
        let mut claims = Json::object([
            ("iss", Json::from(self.resource.as_str())),
            ("aud", service.into()),
            ("iat", seconds(shown.at)),
            ("exp", seconds(self.expires)),
            ("jti", shown.jti.as_str().into()),
            ("txn", self.txn.as_str().into()),
            ("reason", shown.reason.as_str().into()),
            ("authorization_details", Json::Array(vec![shown.details.clone()])),
            ("request", self.request.as_str().into()),
        ]);
        if let Some(jkt) = &self.jkt {
            claims.insert("cnf", Json::object([("jkt", Json::from(jkt.as_str()))]));
        }
        if let Some(act) = &shown.act {
            claims.insert("act", act.clone());
        }
        key.sign(TYPE, &claims)
    }

    /// Reads a challenge of ours that has not ended.
    #[must_use]
    pub fn read(key: &Signer, service: &str, token: &str, now: UnixSeconds) -> Option<Self> {
        let claims = key.verify(TYPE, token)?;
        let own = |name: &str| text(&claims, name).map(str::to_owned);
        (text(&claims, "aud")? == service).then_some(())?;
        let expires = UnixSeconds(claims.get("exp")?.as_u64()?);
        (now < expires).then_some(())?;
        let jkt = claims.get("cnf").and_then(|cnf| text(cnf, "jkt")).map(str::to_owned);
        (jkt.is_some() == claims.get("cnf").is_some()).then_some(())?;
        let (resource, txn, request) = (own("iss")?, own("txn")?, own("request")?);
        Some(Self { resource, txn, request, jkt, expires })
    }
}

impl Handle {
    /// Signs it.
    ///
    /// # Errors
    /// `key.file`.
    pub fn sign(&self, key: &Signer, service: &str) -> Result<String, placet_ledger::Error> {
        let claims = Json::object([
            ("iss", Json::from(service)),
            ("aud", service.into()),
            ("resource", self.resource.as_str().into()),
            ("txn", self.txn.as_str().into()),
            ("request", self.request.as_str().into()),
            ("jkt", self.jkt.as_str().into()),
            ("exp", seconds(self.expires)),
        ]);
        key.sign(HANDLE, &claims)
    }

    /// Reads a handle of ours, whether it has ended or not.
    #[must_use]
    pub fn read(key: &Signer, service: &str, token: &str) -> Option<Self> {
        let claims = key.verify(HANDLE, token)?;
        let own = |name: &str| text(&claims, name).map(str::to_owned);
        (text(&claims, "aud")? == service).then_some(())?;
        Some(Self {
            resource: own("resource")?,
            txn: own("txn")?,
            request: own("request")?,
            jkt: own("jkt")?,
            expires: UnixSeconds(claims.get("exp")?.as_u64()?),
        })
    }
}

/// The value of `WWW-Authenticate` that carries a challenge. The scheme is that of the token which
/// answers it: DPoP.
#[must_use]
pub fn www_authenticate(challenge: &str) -> String {
    format!(
        r#"DPoP error="transaction_authorization_required", error_description="a person has to approve this", transaction_challenge="{challenge}""#
    )
}

/// The value of `WWW-Authenticate` by which a PEP asks for a newer or stronger sign-in of the
/// subject itself (RFC 9470 3): what an AuthZEN obligation `step-up` comes to. No value of the
/// policy's can leave its quotes. `scheme` is that of the token that was brought, as in `DPoP`.
#[must_use]
pub fn insufficient_user_authentication(
    scheme: &str,
    acr_values: &[String],
    max_age_s: Option<u64>,
) -> String {
    let plain = |value: &&String| {
        !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    let values: Vec<&str> = acr_values.iter().filter(plain).map(String::as_str).collect();
    let mut out = format!(r#"{scheme} error="insufficient_user_authentication""#);
    if !values.is_empty() {
        out.push_str(&format!(r#", acr_values="{}""#, values.join(" ")));
    }
    if let Some(max_age) = max_age_s {
        out.push_str(&format!(r#", max_age="{max_age}""#));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::keys::Keys;

    #[test]
    fn what_was_signed_is_read_in_its_time_and_for_its_use_only() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = placet_ledger::Dir::init(&tmp.path().join("d")).unwrap();
        let Keys { challenge: key, token: other } = Keys::load_or_create(&dir).unwrap();
        let challenge = Challenge {
            resource: "https://api.example".to_owned(),
            txn: "t".to_owned(),
            request: "r".to_owned(),
            jkt: Some("k".to_owned()),
            expires: UnixSeconds(100),
        };
        let shown = Shown {
            details: Json::Object(Vec::new()),
            reason: "why".to_owned(),
            act: None,
            at: UnixSeconds(1),
            jti: "j".to_owned(),
        };
        let signed = challenge.sign(&key, "https://placet.example", &shown).unwrap();
        let read = |key, service, at| Challenge::read(key, service, &signed, UnixSeconds(at));
        assert_eq!(read(&key, "https://placet.example", 99), Some(challenge.clone()));
        assert_eq!(read(&key, "https://placet.example", 100), None);
        assert_eq!(read(&key, "https://other.example", 99), None);
        assert_eq!(read(&other, "https://placet.example", 99), None);
        assert_eq!(Handle::read(&key, "https://placet.example", &signed), None);
        let handle = Handle {
            resource: challenge.resource,
            txn: challenge.txn,
            request: challenge.request,
            jkt: "k".to_owned(),
            expires: UnixSeconds(100),
        };
        let signed = handle.sign(&key, "https://placet.example").unwrap();
        assert_eq!(Handle::read(&key, "https://placet.example", &signed), Some(handle));
        let as_challenge = Challenge::read(&key, "https://placet.example", &signed, UnixSeconds(1));
        assert_eq!(as_challenge, None);
    }

    #[test]
    fn step_up_says_what_is_wanted_and_nothing_else() {
        let values = ["phr".to_owned(), "a\", x=\"b".to_owned(), "urn:x:3".to_owned()];
        assert_eq!(
            insufficient_user_authentication("Bearer", &values, Some(60)),
            r#"Bearer error="insufficient_user_authentication", acr_values="phr urn:x:3", max_age="60""#
        );
    }
}
