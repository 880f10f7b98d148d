//! Enrolments that wait for an administrator.
//!
//! The new person has registered a key and signed; the document names the administrator who has to
//! sign next. Another one can take over: then the document is made anew, and the new key signs
//! once more, for what it signed named somebody else.

use placet_proto::document::{Body, Digest, Document, KeyClass, Role, Signer};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::time::UnixSeconds;
use placet_proto::words;

use super::Refusal;
use super::answers::Signed;
use super::ledger::Ledger;
use super::people::Enrolled;
use super::registrations::{Occasion, Registration};
use super::standing::thumbprint;
use crate::Error;

/// An enrolment that is not recorded yet.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingEnrolment {
    /// Names the registration.
    pub id: String,
    /// Why it was begun.
    pub occasion: Occasion,
    /// The person.
    pub person: String,
    /// The name.
    pub name: String,
    /// The roles that it gives.
    pub roles: Vec<Role>,
    /// Where the private key lives, by the service's word.
    pub class: KeyClass,
    /// Attestation format.
    pub attestation_fmt: String,
    /// RFC 9679 thumbprint of the key.
    pub thumbprint: Digest,
    /// Whether the new key has signed the document as it is now.
    pub possessed: bool,
    /// Who has to authorise it.
    pub authoriser: Option<Signer>,
    /// When it is forgotten.
    pub until: UnixSeconds,
}

impl WaitingEnrolment {
    /// The fingerprint words, which the owner of the key has to say.
    #[must_use]
    pub fn words(&self) -> String {
        words::fingerprint(&self.thumbprint)
    }

    /// Of a registration whose key is known.
    #[must_use]
    pub fn of(registration: &Registration) -> Option<Self> {
        let (_, e) = registration.enrolment()?;
        Some(Self {
            id: registration.id.clone(),
            occasion: registration.occasion,
            person: registration.person.clone(),
            name: registration.name.clone(),
            roles: e.roles.clone(),
            class: e.class,
            attestation_fmt: e.attestation_fmt.clone(),
            thumbprint: thumbprint(&e.public_key),
            possessed: registration.possess.is_some(),
            authoriser: e.authoriser.clone(),
            until: registration.until,
        })
    }
}

impl Ledger {
    /// Enrolments that wait for a signature, oldest first.
    ///
    /// # Errors
    /// `ledger.sqlite`, and those of reading the governance log.
    pub fn waiting_enrolments(&self) -> Result<Vec<WaitingEnrolment>, Error> {
        let mut out = Vec::new();
        for registration in self.state.registered(self.now())? {
            let asked = !matches!(registration.occasion, Occasion::Bootstrap | Occasion::Recovery);
            if asked && !self.settled(&registration)? {
                out.extend(WaitingEnrolment::of(&registration));
            }
        }
        Ok(out)
    }

    /// The document of a waiting enrolment and the challenge for the authoriser that it names.
    ///
    /// # Errors
    /// `enrol.unknown`; `enrol.possession` while the new key has not signed;
    /// `enrol.authoriser` when the document names another credential than `by`.
    pub fn open_authorisation(&self, id: &str, by: &[u8]) -> Result<(Document, Vec<u8>), Error> {
        let registration = self.state.registration(id, self.now())?;
        let (document, enrolment) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        if enrolment.authoriser.as_ref().is_none_or(|a| a.credential != by) {
            return Err(Refusal::Authoriser.into());
        }
        if registration.possess.is_none() {
            return Err(Refusal::Possession.into());
        }
        let challenge = sshsig::challenge(Namespace::EnrolAuthorise, document.bytes());
        Ok((document.clone(), challenge))
    }

    /// Records an administrator's signature under a waiting enrolment.
    ///
    /// # Errors
    /// As [`Ledger::sign_enrolment`].
    pub fn authorise_enrolment(&self, id: &str, signed: Signed) -> Result<Enrolled, Error> {
        self.sign_enrolment(id, Namespace::EnrolAuthorise, signed)
    }

    /// Makes the administrator with this credential the one who has to authorise. The new key has
    /// to sign once more.
    ///
    /// # Errors
    /// `enrol.unknown`, `person.not_authorised`.
    pub fn take_over_enrolment(&self, id: &str, by: &[u8]) -> Result<(), Error> {
        let after = self.current_after()?;
        let person = self.check_role(by, after.gov.size, Role::Administrator)?;
        let nonce = super::clock::random()?;
        self.change_registration(id, |r| {
            let (_, enrolment) = r.enrolment().ok_or(Refusal::RegistrationUnknown)?;
            if enrolment.authoriser.is_none() {
                return Err(Refusal::Authoriser.into());
            }
            let authoriser = Signer { person, credential: by.to_vec() };
            let mut enrolment = enrolment.clone();
            enrolment.authoriser = Some(authoriser.clone());
            enrolment.after = after;
            r.document = Some(Document::new(nonce, Body::Enrolment(enrolment))?);
            r.authoriser = Some(authoriser);
            r.possess = None;
            r.authorise = None;
            Ok(())
        })
        .map(drop)
    }

    /// Refuses a waiting enrolment; the invitation that it came by ends with it.
    ///
    /// # Errors
    /// `enrol.unknown`, `person.not_authorised`.
    pub fn reject_enrolment(&self, id: &str, by: &Signer) -> Result<(), Error> {
        let registration = self.state.registration(id, self.now())?;
        let own = registration.person == by.person && registration.occasion == Occasion::Own;
        if !own {
            let size = self.current_after()?.gov.size;
            self.check_role(&by.credential, size, Role::Administrator)?;
        }
        match &registration.invitation {
            Some(invitation) => {
                self.end_invitation(invitation, "rejected")?;
                self.noted("invitation.cancel", invitation, Some(by));
                Ok(())
            }
            None => self.state.remove_registration(id),
        }
    }

    /// Whether the enrolment is recorded: the program may have ended between recording it and
    /// forgetting the registration.
    pub(super) fn settled(&self, registration: &Registration) -> Result<bool, Error> {
        let Some((_, enrolment)) = registration.enrolment() else { return Ok(false) };
        let roster = self.roster()?;
        let Some(enrolled) = roster.enrolment(&enrolment.credential) else { return Ok(false) };
        if let Some(invitation) = &registration.invitation {
            self.invitation_enrolled(invitation, enrolled.index)?;
        }
        self.state.remove_registration(&registration.id)?;
        Ok(true)
    }
}
