//! Who may answer a request: an approver whom the policy names for it, and not the initiator
//! itself unless the policy lets people answer for their own agents (SPEC.md 9.6; ARAP, "Approver
//! Eligibility and Separation of Duties").

use std::collections::BTreeSet;

use placet_proto::action::Action;
use placet_proto::document::{Initiator, Quorum, Role};

use super::Refusal;
use super::ledger::Ledger;
use super::requests::RequestView;
use crate::Error;

/// How many persons a quorum finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Persons that are needed.
    pub needed: u64,
    /// Persons that may answer now; counting stops when there are enough.
    pub found: u64,
}

impl Reach {
    /// Whether there are enough.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.found >= self.needed
    }
}

impl Ledger {
    /// How many of the persons that a quorum needs could answer now.
    ///
    /// # Errors
    /// `ledger.sqlite`, and what reading the governance log gives.
    pub fn reach(
        &self,
        quorum: &Quorum,
        initiator: &Initiator,
        action: &Action,
    ) -> Result<Reach, Error> {
        let size = self.gov.size();
        let mut persons = BTreeSet::new();
        for enrolment in self.enrolments()? {
            if persons.len() as u64 >= quorum.required {
                break;
            }
            if persons.contains(&enrolment.person) {
                continue;
            }
            let answer =
                self.check_eligible(quorum, initiator, action, &enrolment.credential, size);
            match answer {
                Ok(person) => drop(persons.insert(person)),
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Reach { needed: quorum.required, found: persons.len() as u64 })
    }

    /// Persons that hold one of these roles now, or are named, and may approve at all: for
    /// policies that put several conditions on one answer.
    ///
    /// # Errors
    /// As [`Ledger::reach`].
    pub fn approvers_among(&self, people: &[String], roles: &[Role]) -> Result<Vec<String>, Error> {
        let size = self.gov.size();
        let mut persons = BTreeSet::new();
        for enrolment in self.enrolments()? {
            let credential = &enrolment.credential;
            match self.check_listed(people, roles, credential, size) {
                Ok(person) => drop(persons.insert(person)),
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(persons.into_iter().collect())
    }

    /// Whether a person was ever enrolled.
    ///
    /// # Errors
    /// What reading the governance log gives.
    pub fn is_person(&self, person: &str) -> Result<bool, Error> {
        Ok(self.enrolments()?.iter().any(|e| e.person == person))
    }

    /// Whether this credential may answer this request; gives its person.
    pub(super) fn check_may_answer(
        &self,
        view: &RequestView,
        credential: &[u8],
        gov_size: u64,
    ) -> Result<String, Error> {
        let decision = &view.decision;
        let quorum = decision.quorum.as_ref().ok_or(Refusal::RequestUnknown)?;
        self.check_eligible(quorum, &decision.initiator, &decision.action, credential, gov_size)
    }

    fn check_eligible(
        &self,
        quorum: &Quorum,
        initiator: &Initiator,
        action: &Action,
        credential: &[u8],
        gov_size: u64,
    ) -> Result<String, Error> {
        let person = self.check_listed(&quorum.people, &quorum.roles, credential, gov_size)?;
        if !quorum.allow_self {
            let (_, subject) = action.subject_ref();
            if self.is_called(&person, &[initiator.id.as_str(), subject])? {
                return Err(Refusal::SelfApproval.into());
            }
        }
        Ok(person)
    }

    /// An approver who is named, holds one of the roles, or need be neither.
    fn check_listed(
        &self,
        people: &[String],
        roles: &[Role],
        credential: &[u8],
        gov_size: u64,
    ) -> Result<String, Error> {
        let person = self.check_role(credential, gov_size, Role::Approver)?;
        if (people.is_empty() && roles.is_empty()) || people.contains(&person) {
            return Ok(person);
        }
        for role in roles {
            match self.check_role(credential, gov_size, *role) {
                Ok(_) => return Ok(person),
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Refusal::NotEligible.into())
    }

    /// Whether an id of an action's subject or initiator is this person: the random id, the name,
    /// or an identity of the directory, without regard to case and surrounding space. It errs on
    /// the side of refusing.
    fn is_called(&self, person: &str, ids: &[&str]) -> Result<bool, Error> {
        let wanted: Vec<String> = ids.iter().map(|id| fold(id)).collect();
        if wanted.contains(&fold(person)) {
            return Ok(true);
        }
        Ok(self.state.called(person)?.iter().any(|other| wanted.contains(&fold(other))))
    }
}

fn fold(id: &str) -> String {
    id.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn one_name_in_two_spellings_is_one_name() {
        assert_eq!(fold(" Alice@Example.COM"), fold("alice@example.com "));
        assert_eq!(fold("ÉLISE"), fold("élise"));
        assert_ne!(fold("alice"), fold("alice2"));
    }
}
