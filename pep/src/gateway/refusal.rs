//! Why a call does not pass. Nothing went upstream, unless it says otherwise.

use std::time::Duration;

use axum::http::StatusCode;

use super::duties::StepUp;
use crate::identity::IdentityError;

/// Why a call does not pass.
///
/// The texts go to the caller: they name no secret and nothing of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The target can be read in more than one way.
    #[error("the request's target is refused: {0}")]
    Target(String),
    /// No route has this method and path.
    #[error("no route of this gateway has this method and path")]
    Route,
    /// A header that is refused, or that a route needs and that is missing.
    #[error("header: {0}")]
    Header(String),
    /// A parameter is missing or has no value that fits.
    #[error("parameter {name}: {detail}")]
    Parameter {
        /// Its name in the route table.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// The body is not one that the route takes.
    #[error("body: {0}")]
    Body(String),
    /// The body is longer than the route's limit.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body did not come in time or broke off.
    #[error("the body did not come completely")]
    Incomplete,
    /// What was made of the call is no action of the format (SPEC.md 3.1).
    #[error("this call makes no valid action: {0}")]
    Action(String),
    /// Nobody that is known calls.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Who asks by forward-auth or ext_authz is no configured proxy.
    #[error("this path is for configured proxies only")]
    Proxy,
    /// The decision point denies.
    #[error("denied: {0}")]
    Denied(String),
    /// The policy wants another sign-in of the caller than its token says (RFC 9470); the scheme by
    /// which it brought that.
    #[error("the policy asks for a sign-in of class {:?}{}", .0.acr, methods(.0))]
    StepUp(StepUp, &'static str),
    /// The policy permits this call with one value of a parameter only.
    #[error("the policy permits it only with the value that it sets for parameter {0}")]
    Narrow(String),
    /// The policy permits no more calls for now.
    #[error("the policy permits no more of these calls for now")]
    Rate(Duration),
    /// The approval that the call names does not serve for it.
    #[error("the approval does not serve for this call: {0}")]
    Approval(String),
    /// The ledger can't be reached, or can't record.
    #[error("no decision could be reached and recorded; nothing was forwarded")]
    Unavailable,
    /// Too many calls at once.
    #[error("too many calls are at work")]
    Busy,
    /// The API behind could not be reached; nothing was sent to it.
    #[error("the API behind this gateway could not be reached; nothing was sent to it")]
    Upstream,
    /// The API answered with this status, and its answer can't be shown as the policy wants.
    #[error("the API answered HTTP {0}; its answer can't be redacted and is withheld")]
    Withheld(u16),
    /// The API broke off; what became of the call is not known.
    #[error("the API behind this gateway did not answer; it may have acted")]
    Broken,
}

impl Refusal {
    /// The stable code (SPEC.md 11).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Target(_) => "gateway.target",
            Self::Route => "gateway.route",
            Self::Header(_) => "gateway.header",
            Self::Parameter { .. } => "gateway.parameter",
            Self::Body(_) => "gateway.body",
            Self::TooLarge(_) => "gateway.too_large",
            Self::Incomplete => "gateway.incomplete",
            Self::Action(_) => "gateway.action",
            Self::Identity(error) => error.code(),
            Self::Proxy => "gateway.proxy",
            Self::Denied(_) => "gateway.denied",
            Self::StepUp(..) => "gateway.step_up",
            Self::Narrow(_) => "gateway.narrow",
            Self::Rate(_) => "gateway.rate",
            Self::Approval(_) => "gateway.approval",
            Self::Unavailable => "gateway.unavailable",
            Self::Busy => "gateway.busy",
            Self::Upstream => "gateway.upstream",
            Self::Withheld(_) => "gateway.withheld",
            Self::Broken => "gateway.broken",
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Target(_) | Self::Header(_) | Self::Parameter { .. } | Self::Body(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Action(_) | Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Identity(error) => error.status(),
            Self::StepUp(..) => StatusCode::UNAUTHORIZED,
            Self::Rate(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Route | Self::Proxy | Self::Denied(_) | Self::Narrow(_) | Self::Approval(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Unavailable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream | Self::Withheld(_) => StatusCode::BAD_GATEWAY,
            Self::Broken => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

fn methods(step: &StepUp) -> String {
    match step.amr.as_slice() {
        [] => String::new(),
        methods => format!(", by {}", methods.join(" and ")),
    }
}
