//! The administrator of a development ledger that runs by itself: a software passkey in the process
//! that serves, which puts changed policies in force and lets the first person in. A ledger that is
//! not for development has none, and nothing here decides more than its signature does: what it
//! signs is checked and recorded like what any administrator signs.

use std::sync::Arc;

use placet_proto::document::{Body, Role, Signer};

use super::answers::Signed;
use super::people::EnrolmentToSign;
use super::{Enrolled, Ledger, Refusal, Registered, Registration};
use crate::Error;

/// A software passkey that signs what it is given.
pub trait DevAdministrator: Send + Sync {
    /// Its credential id.
    fn credential(&self) -> Vec<u8>;

    /// An assertion over a challenge.
    fn sign(&self, challenge: &[u8]) -> Signed;

    /// What it gives at its registration.
    fn register(&self, challenge: &[u8]) -> Registered;
}

impl Ledger {
    /// Takes a development administrator, and enrols it if nobody is enrolled yet. `false`: others
    /// are, and it is none of them.
    ///
    /// # Errors
    /// `person.not_authorised` outside of development, and those of enrolling.
    pub fn take_dev_administrator(
        &self,
        administrator: Arc<dyn DevAdministrator>,
    ) -> Result<bool, Error> {
        if !self.config.dev {
            let why = "a ledger that is not for development has no software administrator";
            return Err(Refusal::NotAuthorised(why.to_owned()).into());
        }
        if !self.anybody_enrolled()? {
            let code = self.new_bootstrap_code()?;
            let begun = self.begin_bootstrap(&code, "Development administrator")?;
            let registered = administrator.register(&begun.challenge);
            let to_sign = self.register(&begun.registration, &registered)?;
            let signed = administrator.sign(&to_sign.possess);
            self.sign_enrolment(&begun.registration, to_sign.namespace, signed)?;
        }
        let size = self.gov.size();
        let known = self.check_role(&administrator.credential(), size, Role::Administrator).is_ok();
        if known {
            self.dev_administrator.get_or_init(|| administrator);
        }
        Ok(known)
    }

    /// The signer that authorises who comes with the one-time code, of a development ledger in
    /// which nobody but its own administrator is enrolled.
    pub(super) fn dev_signer(&self) -> Result<Option<Signer>, Error> {
        let Some(administrator) = self.dev_administrator.get() else { return Ok(None) };
        let credential = administrator.credential();
        let size = self.current_after()?.gov.size;
        let person = self.check_role(&credential, size, Role::Administrator)?;
        Ok(Some(Signer { person, credential }))
    }

    /// Whether anybody is enrolled but the development administrator.
    pub(super) fn anybody_else_enrolled(&self) -> Result<bool, Error> {
        let own = self.dev_administrator.get().map(|administrator| administrator.credential());
        let entries = self.governance.entries(&self.gov, self.gov.size())?;
        Ok(entries.iter().any(|s| match &s.document.body {
            Body::Enrolment(enrolment) => Some(&enrolment.credential) != own.as_ref(),
            _ => false,
        }))
    }

    /// Whether the development administrator is to authorise this registration.
    pub(super) fn is_by_dev_administrator(&self, registration: &Registration) -> bool {
        let own = self.dev_administrator.get().map(|administrator| administrator.credential());
        let by = registration.authoriser.as_ref().map(|signer| &signer.credential);
        by.is_some() && by == own.as_ref() && registration.invitation.is_none()
    }

    /// Authorises a registration by the one-time code, whose own key has signed.
    pub(super) fn authorise_in_development(
        &self,
        registration: &Registration,
        to_sign: &EnrolmentToSign,
    ) -> Result<Option<Enrolled>, Error> {
        let Some(administrator) = self.dev_administrator.get() else { return Ok(None) };
        let Some((_, challenge)) = &to_sign.authorise else { return Ok(None) };
        let signed = administrator.sign(challenge);
        let namespace = placet_proto::sshsig::Namespace::EnrolAuthorise;
        self.sign_enrolment(&registration.id, namespace, signed).map(Some)
    }
}
