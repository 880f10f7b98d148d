//! Why a caller is not known.

use axum::http::StatusCode;

/// Algorithms of DPoP proofs that are accepted, for `algs` (RFC 9449 7.1).
pub const DPOP_ALGORITHMS: &str = "ES256 EdDSA PS256 RS256 ES384";

/// Why credentials are refused. The texts name no value that a caller sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No credential came, or none of a configured kind.
    #[error("no credential that is accepted here was presented")]
    Missing,
    /// It is no credential by its form: size, encoding, JSON, repeated members or headers.
    #[error("malformed credential: {0}")]
    Malformed(&'static str),
    /// The header of a JWS asks for what is not offered: `crit`, a key from the header.
    #[error("header of the token: {0}")]
    Header(&'static str),
    /// `alg` is none that this issuer or this key may use; `none` and HMAC never are.
    #[error("the token's algorithm is not accepted for this issuer and key")]
    Algorithm,
    /// `typ` is of another use of JWT (RFC 8725 3.11).
    #[error("the token is of another type")]
    Type,
    /// Nobody configured trusts this issuer or trust domain.
    #[error("the token's issuer is not trusted here")]
    Issuer,
    /// The issuer's key set has no such key.
    #[error("the token's key is not in its issuer's key set")]
    Key,
    /// The signature.
    #[error("the token's signature does not verify")]
    Signature,
    /// It is for somebody else.
    #[error("the token is not for this audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim is missing or has another form.
    #[error("claim of the token: {0}")]
    Claim(&'static str),
    /// A bearer token where possession has to be proved.
    #[error("the token is not bound to a key, and bearer tokens are not accepted here")]
    Unbound,
    /// It is bound to another key or certificate, or was presented as if it were not bound.
    #[error("proof of possession: {0}")]
    Binding(&'static str),
    /// The DPoP proof (RFC 9449 4.3).
    #[error("DPoP proof: {0}")]
    Dpop(&'static str),
    /// The DPoP proof was used.
    #[error("the DPoP proof was used before")]
    Replayed,
    /// A SPIFFE ID or an SVID against its standard.
    #[error("SPIFFE: {0}")]
    Spiffe(&'static str),
    /// The certificate leads to no root of its trust domain.
    #[error("the client's certificate is not accepted: {0}")]
    Certificate(&'static str),
    /// An API token that is unknown or over.
    #[error("the API token is unknown or over")]
    Token,
    /// The keys can't be had: nobody can be identified now.
    #[error("identity can't be established now: {0}")]
    Unavailable(&'static str),
    /// The configuration.
    #[error("identity configuration: {0}")]
    Config(String),
}

impl IdentityError {
    /// The stable code (SPEC.md 11).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "identity.missing",
            Self::Malformed(_) => "identity.malformed",
            Self::Header(_) => "identity.header",
            Self::Algorithm => "identity.algorithm",
            Self::Type => "identity.type",
            Self::Issuer => "identity.issuer",
            Self::Key => "identity.key",
            Self::Signature => "identity.signature",
            Self::Audience => "identity.audience",
            Self::Expired => "identity.expired",
            Self::NotYet => "identity.not_yet",
            Self::Claim(_) => "identity.claim",
            Self::Unbound => "identity.unbound",
            Self::Binding(_) => "identity.binding",
            Self::Dpop(_) => "identity.dpop",
            Self::Replayed => "identity.replayed",
            Self::Spiffe(_) => "identity.spiffe",
            Self::Certificate(_) => "identity.certificate",
            Self::Token => "identity.token",
            Self::Unavailable(_) => "identity.unavailable",
            Self::Config(_) => "identity.config",
        }
    }

    /// 401, or 503 when it is our fault.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) | Self::Config(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The values of `WWW-Authenticate` for a 401, one header each (RFC 6750 3, RFC 9449 7.1).
    /// Whoever presented nothing is told no error.
    #[must_use]
    pub fn www_authenticate(&self) -> Vec<String> {
        let bearer = match self {
            Self::Missing => "Bearer".to_owned(),
            Self::Malformed(_) => r#"Bearer error="invalid_request""#.to_owned(),
            _ => format!(r#"Bearer error="invalid_token", error_description="{self}""#),
        };
        let dpop = match self {
            Self::Dpop(_) | Self::Replayed => {
                format!(r#"DPoP error="invalid_dpop_proof", algs="{DPOP_ALGORITHMS}""#)
            }
            Self::Missing | Self::Malformed(_) => format!(r#"DPoP algs="{DPOP_ALGORITHMS}""#),
            _ => format!(r#"DPoP error="invalid_token", algs="{DPOP_ALGORITHMS}""#),
        };
        vec![bearer, dpop]
    }
}
