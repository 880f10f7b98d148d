//! Who counts: for a quorum (SPEC.md 9.7), and for an order of erasure (9.8).

use placet_proto::document::{Enrolment, Erasure, Quorum, Role};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;

use super::{Governance, Judged, short};
use crate::report::Problem;

impl Governance {
    /// Whether the holder of a credential has a role at size `n`. A root has administrator and
    /// approver; other roles it has, or has not, like anybody.
    fn has(&self, enrolled: &Judged<Enrolment>, n: u64, role: Role) -> Result<bool, Problem> {
        let implied = matches!(role, Role::Administrator | Role::Approver);
        let Judged { index, document, .. } = enrolled;
        if implied && self.is_root(document) {
            return Ok(true);
        }
        self.has_role(document, *index, n, role)
    }

    /// Whether the holder of a credential is one of those whom a quorum names at size `n`, if it
    /// names any. Whether the credential stands and its holder is an approver is another question
    /// ([`Governance::authorised`], step 16), and so is whether the role may have been taken
    /// ([`Governance::counts_by`], step 19): they may be open where this one is not.
    #[must_use]
    pub fn counts(&self, quorum: &Quorum, credential: &[u8], n: u64) -> bool {
        self.enrolments.get(credential).is_some_and(|e| {
            let open_or_held = |role| e.index < n && self.has(e, n, role).unwrap_or(true);
            quorum.names(&e.document.person, open_or_held)
        })
    }

    /// The roles by which the holder of a credential counts for a quorum at size `n`: those named
    /// that the person has; none if the quorum names nobody, or the person.
    ///
    /// # Errors
    /// Indeterminate `governance.unauthorised`: whether one of them was taken can't be said.
    pub fn counts_by(
        &self,
        quorum: &Quorum,
        credential: &[u8],
        n: u64,
    ) -> Result<Vec<Role>, Problem> {
        let mut held = Vec::new();
        let Some(enrolled) = self.enrolments.get(credential).filter(|e| e.index < n) else {
            return Ok(held);
        };
        if !quorum.people.contains(&enrolled.document.person) {
            for role in &quorum.roles {
                if self.has(enrolled, n, *role)? {
                    held.push(*role);
                }
            }
        }
        Ok(held)
    }

    /// Whether an administrator signed an order of erasure, as of the governance size that it
    /// names: the order stands in the other log, so that no later index can be compared.
    ///
    /// # Errors
    /// Why not: the codes of 9.3.
    pub fn judge_erasure(&self, order: &Erasure, statement: &Statement) -> Result<(), Problem> {
        let (signer, n) = (&order.signer, order.after.gov.size);
        if self.root_at(n) != Some(order.after.gov.root) {
            let detail = format!("the order names a governance root of size {n} that is not its");
            return Err(Problem::failed("order.governance", detail));
        }
        let enrolled = self.authorised(&signer.credential, n, Role::Administrator)?;
        if enrolled.document.person != signer.person {
            return Err(Problem::failed("lineage.person", short(&signer.credential)));
        }
        if self.revocations(&signer.credential).any(|r| r.index < n && r.authorised.is_ok()) {
            return Err(Problem::failed("lineage.revoked", short(&signer.credential)));
        }
        let document = &enrolled.document;
        self.assertion(statement, Namespace::Erase, &signer.credential, document).map(|_| ())
    }
}
