//! How a credential comes to be trusted (SPEC.md 9.3), and on whose word (9.5).

use std::collections::BTreeSet;

use placet_proto::document::{Enrolment, Role, RoleChange};

use super::{Governance, Judged, short};
use crate::report::Problem;

/// Most enrolments from a credential up to its root, and most signatures that a role rests on.
/// Who replaces a key every year needs a third of it in ten; without a limit, a list of answers
/// under a long chain costs the product of both.
pub const MAX_LINEAGE: usize = 32;

/// How a credential comes to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// One line for each enrolment, the credential's own first, the root last.
    pub steps: Vec<String>,
    /// Credentials of the authorisers with the index of the enrolment that each authorised.
    pub ancestors: Vec<(Vec<u8>, u64)>,
}

impl Governance {
    /// `authorised(credential, n, role)` of SPEC.md 9.3, revocations of the credential itself left
    /// to [`Governance::revocations`].
    ///
    /// # Errors
    /// Why not: failed, or indeterminate `lineage.operator_asserted`.
    pub fn authorised(
        &self,
        credential: &[u8],
        n: u64,
        role: Role,
    ) -> Result<&Judged<Enrolment>, Problem> {
        let Some(enrolled) = self.enrolments.get(credential) else {
            return Err(Problem::failed("lineage.unknown_credential", short(credential)));
        };
        let index = enrolled.index;
        if index >= n {
            return Err(Problem::failed(
                "order.enrolled_late",
                format!(
                    "{} enrolled at governance index {index}, not before size {n}",
                    short(credential)
                ),
            ));
        }
        enrolled.authorised.clone()?;
        let e = &enrolled.document;
        if self.is_root(e) || self.has_role(e, index, n, role)? {
            return Ok(enrolled);
        }
        Err(Problem::failed(
            "lineage.role",
            format!("{} is no {} at size {n}", short(credential), role.name()),
        ))
    }

    /// The enrolments from a credential up to its root.
    #[must_use]
    pub fn lineage(&self, credential: &[u8]) -> Lineage {
        let mut out = Lineage::default();
        let mut next = self.enrolments.get(credential);
        while let Some(Judged { index, document, .. }) = next {
            let line = format!("enrolment #{index} of {}", short(&document.credential));
            if self.is_root(document) {
                out.steps.push(format!("{line}: a root of the trust file"));
                break;
            }
            let Some(authoriser) = &document.authoriser else {
                let by = document.recovery.map(|at| format!("announced by recovery #{at}"));
                out.steps
                    .push(format!("{line}: {}", by.as_deref().unwrap_or("authorised by nobody")));
                break;
            };
            out.steps.push(format!("{line}: authorised by {}", short(&authoriser.credential)));
            out.ancestors.push((authoriser.credential.clone(), *index));
            if out.steps.len() >= MAX_LINEAGE {
                out.steps.push("…".to_owned());
                break;
            }
            // Indexes fall on the way up, so that this ends.
            next = self.enrolments.get(&authoriser.credential).filter(|e| e.index < *index);
        }
        out
    }

    /// The credentials on whose word it rests that a credential is enrolled and holds `role` at
    /// size `n`, each with the index of the entry that it signed: of authorisers of enrolments,
    /// and of those who gave roles.
    ///
    /// # Errors
    /// Indeterminate `lineage.depth` if there are more than [`MAX_LINEAGE`].
    pub fn vouchers(
        &self,
        credential: &[u8],
        n: u64,
        role: Role,
    ) -> Result<Vec<(Vec<u8>, u64)>, Problem> {
        let mut found: BTreeSet<(Vec<u8>, u64)> = BTreeSet::new();
        let mut seen: BTreeSet<(Vec<u8>, u64, Role)> = BTreeSet::new();
        let mut next = vec![(credential.to_vec(), n, role)];
        while let Some((credential, n, role)) = next.pop() {
            let Some(Judged { index, document, .. }) = self.enrolments.get(&credential) else {
                continue;
            };
            if self.is_root(document) || !seen.insert((credential, n, role)) {
                continue;
            }
            let enrolled = document.authoriser.as_ref().map(|a| (a, *index, &document.after));
            let gave = |c: &&Judged<RoleChange>| {
                c.index > *index
                    && c.index < n
                    && c.authorised.is_ok()
                    && !self.overtaken.contains(&c.index)
                    && c.document.roles.contains(&role)
            };
            let given = self.role_changes(&document.person).rfind(gave);
            let given = given.map(|c| (&c.document.signer, c.index, &c.document.after));
            for (signer, index, after) in enrolled.into_iter().chain(given) {
                found.insert((signer.credential.clone(), index));
                let n = after.gov.size;
                next.push((signer.credential.clone(), n, Role::Administrator));
                if signer.person == document.person {
                    // A person's own key gives a second one what was given to it.
                    next.push((signer.credential.clone(), n, role));
                }
            }
            if found.len() > MAX_LINEAGE {
                let detail = format!("rests on more than {MAX_LINEAGE} signatures");
                return Err(Problem::open("lineage.depth", detail));
            }
        }
        Ok(found.into_iter().collect())
    }
}
