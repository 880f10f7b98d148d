//! The policy in force, armed; another one is loaded when the governance log names another.

use std::sync::{Arc, PoisonError};

use placet_ledger::service::Ledger;
use placet_proto::document::PolicyRef;
use placet_proto::json::Json;

use super::Pep;
use crate::Error;
use crate::cedar::CedarPdp;
use crate::policy::{PolicyFiles, VERIFICATION};

/// A policy, ready to decide.
pub struct Armed {
    /// Its entry in the governance log.
    pub policy: PolicyRef,
    /// What decides.
    pub pdp: CedarPdp,
    /// Its files, for templates.
    pub files: PolicyFiles,
    /// Whether an initiator may answer requests of its own.
    pub allow_self: bool,
}

impl Armed {
    /// Loads the policy that is in force. A ledger without policy files denies everything.
    pub fn load(ledger: &Ledger) -> Result<Self, Error> {
        let (policy, files) = ledger.policy_files()?;
        let files = match files.is_empty() {
            true => PolicyFiles::deny_all(),
            false => PolicyFiles::from_files(files)?,
        };
        let pdp = CedarPdp::load(&files)?;
        let verification = files.json(VERIFICATION)?;
        let allow_self = verification.get("self_approval").and_then(Json::as_bool).unwrap_or(false);
        tracing::info!(index = policy.index, "a policy is armed");
        Ok(Self { policy, pdp, files, allow_self })
    }
}

impl Pep {
    /// The policy in force now.
    pub(super) fn armed(&self) -> Result<Arc<Armed>, Error> {
        let ledger = self.0.app.ledger();
        let in_force = ledger.policy_in_force()?;
        let armed = Arc::clone(&self.0.armed.read().unwrap_or_else(PoisonError::into_inner));
        if armed.policy == in_force {
            return Ok(armed);
        }
        let fresh = Arc::new(Armed::load(ledger)?);
        *self.0.armed.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}
