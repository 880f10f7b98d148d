//! The policy in force, armed; another one is loaded when the governance log names another.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use placet_ledger::service::{Ledger, Refusal};
use placet_proto::document::PolicyRef;

use super::Pep;
use crate::Error;
use crate::cedar::CedarPdp;
use crate::policy::{PolicyError, PolicyFiles};

/// A policy, ready to decide.
pub struct Armed {
    /// Its entry in the governance log.
    pub policy: PolicyRef,
    /// What decides.
    pub pdp: CedarPdp,
    /// Its files, for templates.
    pub files: PolicyFiles,
}

impl Armed {
    /// Loads the policy that is in force. A ledger without policy files denies everything.
    pub fn load(ledger: &Ledger) -> Result<Self, Error> {
        let (policy, files) = ledger.policy_files()?;
        let files = match files.is_empty() {
            true => PolicyFiles::deny_all(),
            false => PolicyFiles::from_files(files)?,
        };
        let pdp = load(ledger, &files)?;
        tracing::info!(index = policy.index, "a policy is armed");
        Ok(Self { policy, pdp, files })
    }
}

/// Judges a policy that somebody wants to put in force, as arming it would.
pub fn judge(ledger: &Ledger, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Refusal> {
    let judged = PolicyFiles::from_files(files.clone()).map_err(Error::from);
    let judged = judged.and_then(|files| load(ledger, &files));
    judged.map(drop).map_err(|e| Refusal::Policy { code: e.code(), text: e.to_string() })
}

/// A policy that names a person whom nobody knows would wait for answers that can't come.
fn load(ledger: &Ledger, files: &PolicyFiles) -> Result<CedarPdp, Error> {
    // What a PEP says of subjects and resources wins over the store in development only.
    let pdp = CedarPdp::load_with(files, ledger.config().dev)?;
    for person in pdp.people() {
        if !ledger.is_person(person)? {
            return Err(PolicyError::Person(person.to_owned()).into());
        }
    }
    Ok(pdp)
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
