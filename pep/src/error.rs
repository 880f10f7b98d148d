//! The one error type of this crate.
//!
//! Every error means that nothing was permitted: callers answer deny.

use crate::authzen::AuthzenError;
use crate::enforce::EnforceError;
use crate::gateway::ConfigError;
use crate::identity::IdentityError;
use crate::policy::PolicyError;

/// Any failure to load a policy or to reach a decision.
///
/// The text of an error is for people and may change; [`Error::code`] is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request that is not an evaluation request.
    #[error(transparent)]
    Authzen(#[from] AuthzenError),
    /// A policy folder that cannot be armed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An action that was not let run.
    #[error(transparent)]
    Enforce(#[from] EnforceError),
    /// A gateway's configuration.
    #[error(transparent)]
    Gateway(#[from] ConfigError),
    /// Nobody that is known, or settings by which nobody can be.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] placet_ledger::Error),
}

impl Error {
    /// The stable, machine-readable code, such as `policy.canary`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authzen(e) => e.code(),
            Self::Policy(e) => e.code(),
            Self::Enforce(e) => e.code(),
            Self::Gateway(e) => e.code(),
            Self::Identity(e) => e.code(),
            Self::Ledger(e) => e.code(),
        }
    }
}
