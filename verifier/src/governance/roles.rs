//! The roles of a person, as enrolments give them and `role` documents replace them (SPEC.md 9.3).

use placet_proto::document::{Enrolment, Role, RoleChange};

use super::signing::unauthorised;
use super::{Governance, Judged};
use crate::report::{Problem, Status};

impl Governance {
    /// The role changes of a person, ascending.
    pub fn role_changes(
        &self,
        person: &str,
    ) -> impl DoubleEndedIterator<Item = &Judged<RoleChange>> {
        self.roles.get(person).into_iter().flatten()
    }

    /// Whether a credential's person has a role at size n: that of its enrolment, replaced by
    /// every `role` since. A change that was overtaken, or that the enrolment could not know by its
    /// `after`, only takes away.
    ///
    /// # Errors
    /// Indeterminate `governance.unauthorised`: the person has it, unless a change counts of which
    /// that can't be said, such as by an administrator whose own recovery nobody confirmed.
    pub(super) fn has_role(
        &self,
        enrolment: &Enrolment,
        index: u64,
        n: u64,
        role: Role,
    ) -> Result<bool, Problem> {
        let mut has = enrolment.roles.contains(&role);
        let mut taken: Option<(u64, &Problem)> = None;
        let since = enrolment.after.gov.size;
        let changes = self.role_changes(&enrolment.person).take_while(|c| c.index < n);
        for change in changes.filter(|c| c.index >= since) {
            let gives = change.document.roles.contains(&role);
            match &change.authorised {
                Ok(()) => {
                    let replaces = change.index > index && !self.overtaken.contains(&change.index);
                    has = gives && (has || replaces);
                    // Who decides anew, and knew, settles it.
                    taken =
                        taken.filter(|(at, _)| !replaces || change.document.after.gov.size <= *at);
                }
                Err(why) if why.status != Status::Failed && !gives => {
                    taken = Some((change.index, why));
                }
                Err(_) => {}
            }
        }
        match taken {
            Some((at, why)) if has => Err(unauthorised(at, why)),
            _ => Ok(has),
        }
    }
}
