//! Who the agent is: from the credentials of one HTTP request to a subject.
//!
//! A PEP hands what a caller presented ([`Presented`]) to an [`Identify`] and gets an [`Identity`]
//! or the reason why not. No credential is a policy: who somebody is says nothing about what they
//! may do, and an identity ends up as `subject` of the action that is decided, recorded and
//! approved.
//!
//! * [`error`]: why a credential is refused, with stable codes and the `WWW-Authenticate` for it.
//! * [`identities`]: all that a PEP knows, made from its settings ([`config`]).
//! * [`issuer`]: access tokens as JWT and JWT-SVIDs; below it [`jws`], [`jwk`], [`key_set`] with
//!   [`fetch`], [`claims`] and [`dpop`].
//! * [`spiffe`]: SPIFFE IDs and the certificates of a trust domain; [`clients`]: asking for them.
//! * [`api_token`]: opaque secrets of programs, kept as SHA-256.

pub mod api_token;
pub mod claims;
pub mod clients;
pub mod config;
pub mod dpop;
pub mod error;
pub mod fetch;
pub mod identities;
pub mod issuer;
pub mod jwk;
pub mod jws;
pub mod key_set;
pub mod spiffe;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

use axum::http::HeaderMap;
use pki_types::CertificateDer;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

pub use error::IdentityError;
pub use identities::{Identities, TrustDomain};

/// Longest identifier of a subject, in bytes (SPEC.md 4.5).
pub const MAX_ID: usize = 1024;

/// What came with one request.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The method, as sent: `POST`.
    pub method: &'a str,
    /// The absolute URL by which the caller reached the PEP: `https://api.example/users/7`. What
    /// follows `?` or `#` is ignored. Taken from the PEP's own configuration and the path, never
    /// from a header that a stranger may set.
    pub url: &'a str,
    /// The headers; `Authorization` and `DPoP` are read.
    pub headers: &'a HeaderMap,
    /// The certificates by which the caller authenticated in TLS, the leaf first, DER. Empty
    /// without mutual TLS.
    pub certificates: &'a [CertificateDer<'static>],
    /// The time, of the PEP's clock.
    pub now: UnixSeconds,
}

/// How a caller showed that the credential is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Not at all: whoever has the secret is who it names.
    Bearer,
    /// By the key of a DPoP proof (RFC 9449), by its RFC 7638 thumbprint in base64url.
    Dpop {
        /// The thumbprint.
        jkt: String,
    },
    /// By the certificate of the TLS connection, by its SHA-256 in base64url (RFC 8705).
    Mtls {
        /// The thumbprint.
        x5t: String,
    },
}

/// A caller whose credentials hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name of the `[[identity]]` that vouches for it.
    pub source: String,
    /// `subject.type`.
    pub kind: String,
    /// `subject.id`.
    pub id: String,
    /// `subject.properties`, an object: `act` is the chain of actors of RFC 8693.
    pub properties: Json,
    /// `client_id` of an access token.
    pub client_id: Option<String>,
    /// How the caller showed possession.
    pub proof: Proof,
    /// When the credential ends.
    pub expires: Option<UnixSeconds>,
    /// The claims of a token that was verified; empty for other credentials.
    pub claims: Json,
}

impl Identity {
    /// The `subject` of an AuthZEN request.
    #[must_use]
    pub fn subject(&self) -> Json {
        let mut subject = Json::object([
            ("type", Json::from(self.kind.as_str())),
            ("id", self.id.as_str().into()),
        ]);
        if self.properties.as_object().is_some_and(|members| !members.is_empty()) {
            subject.insert("properties", self.properties.clone());
        }
        subject
    }

    /// The thumbprint of the key that the caller proved to have by DPoP.
    #[must_use]
    pub fn jkt(&self) -> Option<&str> {
        match &self.proof {
            Proof::Dpop { jkt } => Some(jkt),
            Proof::Bearer | Proof::Mtls { .. } => None,
        }
    }
}

/// An answer that is on its way.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Identity, IdentityError>> + Send + 'a>>;

/// Finds out who calls.
pub trait Identify: Send + Sync {
    /// The caller of one request. To be called once for each: a DPoP proof counts once.
    ///
    /// # Errors
    /// [`IdentityError`]: nobody is known, and nothing is permitted.
    fn identify<'a>(&'a self, presented: Presented<'a>) -> Answer<'a>;
}

/// The one value of a header.
///
/// # Errors
/// `identity.malformed` if it is there twice or is no visible ASCII.
pub(crate) fn one_header<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, IdentityError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(IdentityError::Malformed("a credential's header is there twice"));
    }
    let text = value.to_str().map_err(|_| IdentityError::Malformed("a header is no text"))?;
    Ok(Some(text))
}

/// The scheme and the credential of `Authorization`.
///
/// # Errors
/// `identity.malformed`.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<(Scheme, &str)>, IdentityError> {
    let Some(value) = one_header(headers, "authorization")? else { return Ok(None) };
    let bad = IdentityError::Malformed("`Authorization` is neither Bearer nor DPoP with a token");
    let (scheme, token) = value.split_once(' ').ok_or(bad.clone())?;
    let token = token.trim_matches(' ');
    // RFC 6750 2.1, b64token.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(bad);
    }
    match scheme {
        s if s.eq_ignore_ascii_case("bearer") => Ok(Some((Scheme::Bearer, token))),
        s if s.eq_ignore_ascii_case("dpop") => Ok(Some((Scheme::Dpop, token))),
        _ => Err(bad),
    }
}

/// The scheme of `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// RFC 6750.
    Bearer,
    /// RFC 9449.
    Dpop,
}
