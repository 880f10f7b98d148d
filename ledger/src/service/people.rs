//! Enrolling persons: registration, the document that it leads to, possession, authorisation.
//!
//! 1. [`Ledger::begin_bootstrap`], [`Ledger::begin_enrolment`], [`Ledger::begin_own`] or
//!    [`Ledger::begin_invited`]: a challenge for `navigator.credentials.create()`.
//! 2. [`Ledger::register`]: the attestation is checked by the verifier's code and the enrolment
//!    document made, with a challenge for the new credential and one for the authoriser.
//! 3. [`Ledger::sign_enrolment`]: each assertion as it comes; with the last one the enrolment is
//!    recorded, and a cosigned governance checkpoint covers it before this returns.
//!
//! Between any two of these the program may be restarted: the registration is on disk.

use placet_proto::document::{Body, Document, Enrolment, KeyClass, Role, Signer, name_commitment};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::{Assertion, Attestation};
use placet_proto::time::UnixSeconds;
use placet_verifier::crypto::Algorithm;
use placet_verifier::governance::{Governance as Roster, Rules};
use placet_verifier::webauthn::{
    AssertionPolicy, RegistrationFacts, RegistrationPolicy, RegistrationResponse,
    verify_registration,
};

use super::Refusal;
use super::answers::{Signed, assertion_refused};
use super::clock::{random, uuid};
use super::directory::checked_name;
use super::ledger::{Appended, Issue, Ledger, once_key};
use super::registrations::{Occasion, Registration};
use crate::sync::lock;
use crate::{Error, LogId};

/// Seconds that a registration may take whose key has not signed yet.
const WAIT_S: u64 = 3600;
/// Seconds that a registration whose key has signed waits for its authoriser.
pub(super) const AUTHORISE_S: u64 = 30 * 86_400;

/// A challenge for `navigator.credentials.create()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationChallenge {
    /// Names the registration in the calls that follow.
    pub registration: String,
    /// The challenge.
    pub challenge: [u8; 32],
    /// The person: `user.id` of the WebAuthn call.
    pub person: String,
    /// The name.
    pub name: String,
    /// RP id.
    pub rp_id: String,
    /// Credential ids of the person that are enrolled: `excludeCredentials`.
    pub exclude: Vec<Vec<u8>>,
    /// What the browser is asked to attest: `none`, `indirect` or `direct`.
    pub attestation: &'static str,
}

/// What a client registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// attestationObject.
    pub attestation_object: Vec<u8>,
    /// clientDataJSON.
    pub client_data_json: Vec<u8>,
    /// Whether the client says that it is a software key; only a development ledger takes it.
    pub software: bool,
}

/// An enrolment that waits for signatures.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrolmentToSign {
    /// The document.
    pub document: Document,
    /// Namespace in which the new credential signs.
    pub namespace: Namespace,
    /// Challenge for the new credential.
    pub possess: Vec<u8>,
    /// Credential of the authoriser and the challenge for it.
    pub authorise: Option<(Vec<u8>, Vec<u8>)>,
}

/// What became of an enrolment.
#[derive(Debug, Clone, PartialEq)]
pub enum Enrolled {
    /// The other signature is still missing.
    Waiting(Namespace),
    /// It is recorded, and covered by a cosigned checkpoint unless `note_missing` says why not:
    /// then the person can't approve until there is one.
    Recorded {
        /// The statement.
        appended: Box<Appended>,
        /// Why no cosigned checkpoint covers it yet.
        note_missing: Option<String>,
    },
}

/// Passkeys that a person enrols without anybody else, over all time.
const MAX_OWN: usize = 32;

impl Ledger {
    /// Begins the one enrolment that nobody authorises, of an administrator who approves too.
    ///
    /// # Errors
    /// `enrol.code`; `request.invalid` for a name that is empty or too long.
    pub fn begin_bootstrap(&self, code: &str, name: &str) -> Result<RegistrationChallenge, Error> {
        self.check_code(code)?;
        checked_name(name)?;
        let roles = vec![Role::Administrator, Role::Approver];
        let person = (uuid()?, name.to_owned(), random()?);
        let by = self.dev_signer()?;
        let occasion = if by.is_some() { Occasion::Present } else { Occasion::Bootstrap };
        self.begin(self.registration(occasion, person, roles, by)?)
    }

    /// Begins an enrolment that the holder of `authoriser` will have to sign. `person` is given
    /// for a further credential of somebody who is enrolled.
    ///
    /// # Errors
    /// `person.unknown`, `person.not_authorised`, `request.invalid`.
    pub fn begin_enrolment(
        &self,
        name: &str,
        roles: &[Role],
        authoriser: &[u8],
        person: Option<&str>,
    ) -> Result<RegistrationChallenge, Error> {
        let size = self.current_after()?.gov.size;
        let by = self.check_role(authoriser, size, Role::Administrator)?;
        let roles = checked_roles(roles)?;
        checked_name(name)?;
        // A further credential opens the same commitment only with the same salt.
        let person = match person {
            Some(person) => {
                let kept = self.state.person(person)?.filter(|(kept, _)| kept == name);
                let (name, salt) = kept.ok_or(Refusal::PersonUnknown)?;
                (person.to_owned(), name, salt)
            }
            None => (uuid()?, name.to_owned(), random()?),
        };
        let authoriser = Signer { person: by, credential: authoriser.to_vec() };
        self.begin(self.registration(Occasion::Present, person, roles, Some(authoriser))?)
    }

    /// Begins the registration of a further passkey by the person whose passkey `by` is, which will
    /// have to authorise it. It gets the roles that the person has, or those of them that are
    /// named.
    ///
    /// # Errors
    /// `person.unknown` also for somebody whose name was erased; `person.not_authorised` for a
    /// role that the person has not; `request.invalid`.
    pub fn begin_own(
        &self,
        by: &[u8],
        roles: Option<&[Role]>,
    ) -> Result<RegistrationChallenge, Error> {
        let person = self.person_of(by)?;
        let held = self.roles_now(by)?;
        let roles = match roles {
            Some(roles) => checked_roles(roles)?,
            None => held.clone(),
        };
        if roles.is_empty() || roles.iter().any(|role| !held.contains(role)) {
            let why = "a further passkey gets no role that its person has not";
            return Err(Refusal::NotAuthorised(why.to_owned()).into());
        }
        // Beyond this an administrator has to invite: the governance log is read whole by every
        // auditor, and nobody shall fill it alone.
        if self.enrolments()?.iter().filter(|e| e.person == person).count() >= MAX_OWN {
            return Err(Refusal::Limit("passkeys of one person").into());
        }
        let (name, salt) = self.state.person(&person)?.ok_or(Refusal::PersonUnknown)?;
        let authoriser = Signer { person: person.clone(), credential: by.to_vec() };
        let person = (person, name, salt);
        self.begin(self.registration(Occasion::Own, person, roles, Some(authoriser))?)
    }

    fn registration(
        &self,
        occasion: Occasion,
        (person, name, salt): (String, String, [u8; 16]),
        roles: Vec<Role>,
        authoriser: Option<Signer>,
    ) -> Result<Registration, Error> {
        Ok(Registration {
            id: uuid()?,
            until: UnixSeconds(self.now().0.saturating_add(WAIT_S)),
            occasion,
            person,
            name,
            salt,
            roles,
            authoriser,
            invitation: None,
            challenge: random()?,
            attestation: None,
            document: None,
            possess: None,
            authorise: None,
            announcement: None,
            recovery: None,
        })
    }

    /// Keeps a new registration.
    pub(super) fn begin(&self, new: Registration) -> Result<RegistrationChallenge, Error> {
        self.state.put_registration(&new, self.now())?;
        // Who has a link is told of no passkeys of others.
        let own = self.enrolments()?.into_iter().filter(|e| e.person == new.person);
        let exclude = own.map(|e| e.credential).collect();
        Ok(RegistrationChallenge {
            attestation: self.config.attestation.as_str(),
            registration: new.id,
            challenge: new.challenge,
            person: new.person,
            name: new.name,
            rp_id: self.config.rp_id.clone(),
            exclude,
        })
    }

    /// Checks what the client registered and makes the document that has to be signed.
    ///
    /// # Errors
    /// `enrol.unknown`, `enrol.repeated`, `enrol.signed`, `answer.assertion` with the verifier's
    /// code.
    pub fn register(&self, id: &str, new: &Registered) -> Result<EnrolmentToSign, Error> {
        let registration = self.state.registration(id, self.now())?;
        if new.software && !self.config.dev {
            let why = "a software key is for development ledgers only".to_owned();
            return Err(Refusal::NotAuthorised(why).into());
        }
        let facts = self.registration_facts(&registration, new)?;
        if self.is_enrolled(&facts.credential_id, &facts.public_key.to_cose())? {
            return Err(Refusal::Enrolled.into());
        }
        let document = self.document(Body::Enrolment(self.enrolment(&registration, facts)?))?;
        let announcement = match registration.occasion {
            Occasion::Recovery => Some(self.announcement(&document)?),
            _ => None,
        };
        let changed = self.change_registration(id, |r| {
            // What a key has signed, and others may have looked at, is not replaced.
            if r.possess.is_some() || r.recovery.is_some() {
                return Err(Refusal::RegistrationSigned.into());
            }
            r.document = Some(document);
            r.announcement = announcement;
            r.attestation = Some(Attestation {
                object: new.attestation_object.clone(),
                client_data_json: new.client_data_json.clone(),
            });
            r.authorise = None;
            Ok(())
        })?;
        let mut to_sign = self.to_be_signed(&changed)?;
        if self.is_by_dev_administrator(&changed) {
            to_sign.authorise = None;
        }
        Ok(to_sign)
    }

    fn registration_facts(
        &self,
        registration: &Registration,
        new: &Registered,
    ) -> Result<RegistrationFacts, Error> {
        let policy = RegistrationPolicy {
            accept: AssertionPolicy::strict(
                vec![self.config.rp_id.clone()],
                self.config.allowed_origins(),
            ),
            algorithms: vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256],
            declared_software: new.software,
            attestation_roots: self.attestation_roots.clone(),
        };
        let response = RegistrationResponse {
            attestation_object: &new.attestation_object,
            client_data_json: &new.client_data_json,
        };
        let facts = verify_registration(&policy, &registration.challenge, &response)
            .map_err(|e| Refusal::Assertion { code: e.code().to_owned(), text: e.to_string() })?;
        super::attestation::require(&self.config, &facts)?;
        Ok(facts)
    }

    /// What has to be signed now, of a registration whose key is known.
    ///
    /// # Errors
    /// `enrol.unknown`.
    pub fn to_be_signed(&self, registration: &Registration) -> Result<EnrolmentToSign, Error> {
        if registration.occasion == Occasion::Recovery {
            return self.recovery_to_sign(registration);
        }
        let (document, _) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        let namespace = Namespace::EnrolPossess;
        let authorise = registration.authoriser.as_ref().map(|a| {
            (a.credential.clone(), sshsig::challenge(Namespace::EnrolAuthorise, document.bytes()))
        });
        Ok(EnrolmentToSign {
            document: document.clone(),
            namespace,
            possess: sshsig::challenge(namespace, document.bytes()),
            authorise,
        })
    }

    fn enrolment(
        &self,
        registration: &Registration,
        facts: RegistrationFacts,
    ) -> Result<Enrolment, Error> {
        let class = KeyClass::from_name(facts.class.as_str())
            .ok_or(Refusal::Invalid("an unknown class of authenticator"))?;
        Ok(Enrolment {
            person: registration.person.clone(),
            name_commitment: name_commitment(&registration.salt, &registration.name),
            credential: facts.credential_id,
            public_key: facts.public_key.to_cose(),
            rp_id: facts.rp_id,
            backup_eligible: facts.flags.backup_eligible(),
            class,
            attestation_fmt: facts.fmt,
            attestation_sha256: facts.attestation_object_sha256,
            attestation_client_data_sha256: facts.client_data_sha256,
            roles: registration.roles.clone(),
            authoriser: registration.authoriser.clone(),
            recovery: None,
            after: self.current_after()?,
        })
    }

    /// Takes one assertion over an enrolment document. With the last of them, records it and
    /// waits for a cosigned governance checkpoint that covers it.
    ///
    /// # Errors
    /// `enrol.unknown`, `enrol.code`, `enrol.repeated`, `answer.assertion`,
    /// `person.not_authorised`, `ledger.limit`.
    pub fn sign_enrolment(
        &self,
        id: &str,
        namespace: Namespace,
        signed: Signed,
    ) -> Result<Enrolled, Error> {
        let registration = self.state.registration(id, self.now())?;
        let (document, enrolment) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        if registration.occasion == Occasion::Recovery && enrolment.recovery.is_none() {
            return Err(Refusal::Invalid("the key has to be announced first").into());
        }
        let assertion = signed.under(namespace);
        match (namespace, &enrolment.authoriser) {
            (Namespace::EnrolPossess, _) => {
                self.check_possession(document, enrolment, &assertion)?;
            }
            (Namespace::EnrolAuthorise, Some(authoriser)) => {
                self.check_assertion(document, &assertion, &authoriser.credential)?;
                self.check_authoriser(enrolment)?;
            }
            _ => return Err(Refusal::Invalid("no such signature is asked for").into()),
        }
        let checked = *document.sha256();
        let until = UnixSeconds(self.now().0.saturating_add(AUTHORISE_S));
        let now_signed = self.change_registration(id, |r| {
            take(r, &checked, assertion)?;
            r.until = r.until.max(until);
            Ok(())
        })?;
        if now_signed.possess.is_none() {
            return Ok(Enrolled::Waiting(Namespace::EnrolPossess));
        }
        if now_signed.authorise.is_none() && self.is_by_dev_administrator(&now_signed) {
            let to_sign = self.to_be_signed(&now_signed)?;
            if let Some(done) = self.authorise_in_development(&now_signed, &to_sign)? {
                return Ok(done);
            }
        }
        if now_signed.authorise.is_none() && enrolment.authoriser.is_some() {
            self.outbound().enrolment_waiting(&enrolment.person, &checked);
            return Ok(Enrolled::Waiting(Namespace::EnrolAuthorise));
        }
        let appended = self.record_enrolment(enrolment, &now_signed)?;
        self.state.remove_registration(id)?;
        let note = self.publisher(LogId::Gov).covering(appended.index.saturating_add(1));
        let note_missing = note.err().map(|e| e.to_string());
        Ok(Enrolled::Recorded { appended: Box::new(appended), note_missing })
    }

    fn record_enrolment(
        &self,
        enrolment: &Enrolment,
        registration: &Registration,
    ) -> Result<Appended, Error> {
        let (document, _) = registration.enrolment().ok_or(Refusal::RegistrationUnknown)?;
        // Two bootstraps, or an authoriser that is being revoked, must not pass each other.
        let one = lock(&self.governing);
        if let Err(refused) = self.check_recordable(enrolment, registration) {
            // Another administrator may authorise it still.
            self.change_registration(&registration.id, |r| {
                r.authorise = None;
                Ok(())
            })?;
            return Err(refused);
        }
        self.state.set_person(&registration.person, &registration.name, &registration.salt)?;
        self.add_invited_identities(registration)?;
        let signed = registration.possess.iter().chain(&registration.authorise);
        let issue = Issue {
            log: LogId::Gov,
            assertions: signed.cloned().collect(),
            attestation: registration.attestation.clone(),
            once: vec![once_key("enrolment", &[&enrolment.credential])],
            ..Issue::by_ledger(document.clone())
        };
        let appended = self.issue(issue)?.map_err(|_| Refusal::Enrolled)?;
        drop(one);
        if registration.occasion == Occasion::Bootstrap
            || self.is_by_dev_administrator(registration)
        {
            self.forget_code()?;
        }
        if let Some(invitation) = &registration.invitation {
            self.invitation_enrolled(invitation, appended.index)?;
        }
        Ok(appended)
    }

    fn check_recordable(
        &self,
        enrolment: &Enrolment,
        registration: &Registration,
    ) -> Result<(), Error> {
        match (&enrolment.authoriser, registration.occasion) {
            (Some(_), _) => self.check_authoriser(enrolment),
            (None, Occasion::Recovery) => self.check_recovered(registration),
            (None, Occasion::Bootstrap) if !self.anybody_enrolled()? => Ok(()),
            (None, _) => Err(Refusal::Code.into()),
        }
    }

    /// An administrator; of a further key of the same person also another key of that person, for
    /// no roles that it does not hold itself (SPEC.md 9.3).
    fn check_authoriser(&self, enrolment: &Enrolment) -> Result<(), Error> {
        let Some(authoriser) = &enrolment.authoriser else {
            return Err(Refusal::Invalid("no such signature is asked for").into());
        };
        let size = enrolment.after.gov.size;
        let holds = |role| self.check_role(&authoriser.credential, size, role);
        let own = authoriser.person == enrolment.person;
        if own && enrolment.roles.iter().all(|role| holds(*role).is_ok()) {
            return Ok(());
        }
        holds(Role::Administrator).map(drop)
    }

    /// Ids that the administrator gave with the invitation, beside those that are there.
    fn add_invited_identities(&self, registration: &Registration) -> Result<(), Error> {
        let Some(invitation) = &registration.invitation else { return Ok(()) };
        let Some(invitation) = self.state.invitation(invitation)? else { return Ok(()) };
        if invitation.identities.is_empty() {
            return Ok(());
        }
        let mut ids = self.identities(&registration.person)?;
        ids.extend(invitation.identities);
        let ids = super::directory::checked_identities(&ids)?;
        self.state.set_identities(&registration.person, &ids)
    }

    /// The new key is in no roster yet: a roster of nothing checks it by the same code.
    pub(super) fn check_possession(
        &self,
        document: &Document,
        enrolment: &Enrolment,
        assertion: &Assertion,
    ) -> Result<(), Error> {
        let rules = Rules {
            rp_ids: vec![self.config.rp_id.clone()],
            origins: self.config.allowed_origins(),
            roots: std::collections::BTreeSet::new(),
            allow_software: self.config.dev,
        };
        let challenge = sshsig::challenge(assertion.namespace, document.bytes());
        Roster::new(rules, [], [], std::collections::BTreeMap::new())
            .check_assertion(assertion, &challenge, &enrolment.credential, enrolment)
            .map(drop)
            .map_err(|p| assertion_refused(&p))
    }

    /// Everybody who is enrolled: one entry for each credential, in the order of the log.
    ///
    /// # Errors
    /// As reading the governance log.
    pub fn enrolments(&self) -> Result<Vec<Enrolment>, Error> {
        let entries = self.governance.entries(&self.gov, self.gov.size())?;
        Ok(entries
            .iter()
            .filter_map(|s| match &s.document.body {
                Body::Enrolment(e) => Some(e.clone()),
                _ => None,
            })
            .collect())
    }

    /// The same key under another id counts for nothing either (SPEC.md 6.5).
    fn is_enrolled(&self, credential: &[u8], key: &[u8]) -> Result<bool, Error> {
        Ok(self.enrolments()?.iter().any(|e| e.credential == credential || e.public_key == key))
    }

    /// Changes a registration in one step: nobody else changes it between reading and writing.
    pub(super) fn change_registration(
        &self,
        id: &str,
        change: impl FnOnce(&mut Registration) -> Result<(), Error>,
    ) -> Result<Registration, Error> {
        let _one = lock(&self.registering);
        let mut registration = self.state.registration(id, self.now())?;
        change(&mut registration)?;
        self.state.change_registration(&registration)?;
        Ok(registration)
    }
}

/// Keeps an assertion that was checked against the document of this SHA-256. Meanwhile the client
/// may have registered something else, or another administrator taken over: an assertion never
/// moves to another document.
fn take(
    registration: &mut Registration,
    checked: &[u8; 32],
    assertion: Assertion,
) -> Result<(), Error> {
    if registration.document.as_ref().is_none_or(|d| d.sha256() != checked) {
        return Err(Refusal::RegistrationUnknown.into());
    }
    match assertion.namespace {
        Namespace::EnrolPossess => registration.possess = Some(assertion),
        _ => registration.authorise = Some(assertion),
    }
    Ok(())
}

/// The roles of an enrolment, ascending, none twice, at least one.
pub(super) fn checked_roles(roles: &[Role]) -> Result<Vec<Role>, Error> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    match roles.is_empty() {
        true => Err(Refusal::Invalid("an enrolment has a role").into()),
        false => Ok(roles),
    }
}
