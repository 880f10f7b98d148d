//! Why nothing ran.

use std::time::Duration;

use placet_proto::action::ActionError;

use super::verdict::Denied;

/// Longest text of another party that an error repeats, in characters.
pub(super) const MAX_TEXT: usize = 300;

/// Why an action was not started. Whoever gets one has run nothing; what ran is told by
/// [`super::Ran`], whatever became of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnforceError {
    /// The policy, or a person, said no; or nobody answered in time.
    #[error("denied: {}", .0.reason)]
    Denied(Denied),
    /// Nobody has answered yet. The task goes on.
    #[error("nobody has answered yet")]
    Waiting,
    /// The ledger was not reached, or the connection broke before its answer was complete.
    #[error("the ledger was not reached: {0}")]
    Unavailable(String),
    /// The ledger did not answer in time.
    #[error("the ledger did not answer in time")]
    Timeout,
    /// The ledger answered with an error: `code` is the ledger's, such as `consume.conflict`.
    #[error("the ledger refused ({status} {code}): {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The ledger's stable code.
        code: String,
        /// What it says, for people.
        detail: String,
        /// When it may go better.
        retry_after: Option<Duration>,
    },
    /// What came is no answer to what was asked.
    #[error("the ledger's answer is not one to this question: {0}")]
    Answer(&'static str),
    /// What is about to run is not what was permitted.
    #[error("what is about to run is not what was permitted: {0}")]
    Mismatch(&'static str),
    /// The approval was spent by this very call before: the action may have run.
    #[error("this call was made before; the action may have run")]
    Repeated,
    /// The permit was kept for too long: what permitted it may no longer do so.
    #[error("the permit is too old; evaluate again")]
    Stale,
    /// The decision comes with an obligation that this enforcement point doesn't fulfil.
    #[error("an obligation that is not fulfilled here: {0}")]
    Obligation(String),
    /// The evidence of the approval does not show what it has to.
    #[error("the evidence does not hold ({code}): {detail}")]
    Evidence {
        /// The verifier's code.
        code: String,
        /// Which check, and what it looked at.
        detail: String,
    },
    /// A request that nothing maps to an action.
    #[error("no action is known for this request: {0}")]
    Unmapped(&'static str),
    /// More bytes than are bound.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// Settings that can't be used.
    #[error("{0}")]
    Config(String),
    /// An action that is none.
    #[error(transparent)]
    Action(#[from] ActionError),
}

impl EnforceError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "enforce.denied",
            Self::Waiting => "enforce.waiting",
            Self::Unavailable(_) => "enforce.unavailable",
            Self::Timeout => "enforce.timeout",
            Self::Refused { .. } => "enforce.refused",
            Self::Answer(_) => "enforce.answer",
            Self::Mismatch(_) => "enforce.mismatch",
            Self::Repeated => "enforce.repeated",
            Self::Stale => "enforce.stale",
            Self::Obligation(_) => "enforce.obligation",
            Self::Evidence { .. } => "enforce.evidence",
            Self::Unmapped(_) => "enforce.unmapped",
            Self::TooLarge(_) => "enforce.too_large",
            Self::Config(_) => "enforce.config",
            Self::Action(e) => e.code(),
        }
    }

    /// The ledger's own code, where it answered with one.
    #[must_use]
    pub fn ledger_code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the same call may go better a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout => true,
            Self::Refused { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether the ledger may have done what was asked although no answer came.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout)
    }
}

/// A text of another party, cut.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
