//! All policies that were ever in force, from the governance log, and their files, which are kept
//! by their hashes for as long as the ledger is.

use placet_proto::document::{Body, Digest, Policy};

use super::ledger::Ledger;
use crate::Error;

/// A policy entry of the governance log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// Its index there.
    pub index: u64,
    /// The document.
    pub policy: Policy,
}

impl Ledger {
    /// Policy entries before `before` (`None`: the end), the newest first, at most `limit`.
    ///
    /// # Errors
    /// What reading the governance log gives.
    pub fn policies(&self, before: Option<u64>, limit: usize) -> Result<Vec<PolicyEntry>, Error> {
        let size = self.gov.size();
        let end = before.unwrap_or(size).min(size);
        let entries = self.governance.entries(&self.gov, end)?;
        let numbered = (0u64..).zip(&entries).collect::<Vec<_>>().into_iter().rev();
        let policies = numbered.filter_map(|(index, statement)| match &statement.document.body {
            Body::Policy(policy) => Some(PolicyEntry { index, policy: policy.clone() }),
            _ => None,
        });
        Ok(policies.take(limit).collect())
    }

    /// A file of any policy that is or was in force, by its SHA-256. `None`: no policy entry names
    /// it, or it is not kept here.
    ///
    /// # Errors
    /// What reading the governance log gives; `ledger.io`.
    pub fn policy_file(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let entries = self.governance.entries(&self.gov, self.gov.size())?;
        // A document that waits for a signature has files there too, which nobody decided by.
        let named = entries.iter().any(|statement| match &statement.document.body {
            Body::Policy(policy) => policy.files.iter().any(|(_, known)| known == digest),
            _ => false,
        });
        if !named {
            return Ok(None);
        }
        super::init::read_policy_file(self.dir.root(), digest)
    }
}
