//! Enrolling persons: registration, the document that it leads to, possession, authorisation.
//!
//! 1. [`Ledger::begin_bootstrap`] or [`Ledger::begin_enrolment`]: a challenge for
//!    `navigator.credentials.create()`.
//! 2. [`Ledger::register`]: the attestation is checked by the verifier's code and the enrolment
//!    document made, with a challenge for the new credential and one for the authoriser.
//! 3. [`Ledger::sign_enrolment`]: each assertion as it comes; with the last one the enrolment is
//!    recorded, and a cosigned governance checkpoint covers it before this returns.

use std::collections::HashMap;

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
use super::ledger::{Appended, Issue, Ledger, once_key};
use crate::sync::lock;
use crate::{Error, LogId};

/// Seconds that a registration may take; an administrator may have to be found.
const WAIT_S: u64 = 3600;
/// Registrations that may be under way.
const MAX_OPEN: usize = 256;
/// Longest name, in bytes.
const MAX_NAME: usize = 1024;

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
    /// Credential ids that are enrolled: `excludeCredentials`.
    pub exclude: Vec<Vec<u8>>,
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

/// Registrations under way.
#[derive(Debug, Default)]
pub struct Registrations {
    open: HashMap<String, Registration>,
    serial: u64,
}

#[derive(Debug, Clone)]
struct Registration {
    until: UnixSeconds,
    serial: u64,
    person: String,
    name: String,
    salt: [u8; 16],
    roles: Vec<Role>,
    authoriser: Option<Signer>,
    challenge: [u8; 32],
    signing: Option<Signing>,
}

#[derive(Debug, Clone)]
struct Signing {
    document: Document,
    attestation: Attestation,
    possess: Option<Assertion>,
    authorise: Option<Assertion>,
}

impl Signing {
    /// Keeps an assertion that was checked against the document of this SHA-256. Meanwhile the
    /// client may have registered something else: an assertion never moves to another document.
    fn take(&mut self, checked: &[u8; 32], namespace: Namespace, assertion: Assertion) {
        if self.document.sha256() != checked {
            return;
        }
        match namespace {
            Namespace::EnrolPossess => self.possess = Some(assertion),
            _ => self.authorise = Some(assertion),
        }
    }
}

impl Registrations {
    /// Keeps a registration. Beginning one needs no secret, so the oldest gives way: nobody may
    /// keep others from enrolling for an hour.
    fn put(&mut self, id: String, registration: Registration, now: UnixSeconds) {
        self.open.retain(|_, r| r.until > now);
        self.serial = self.serial.saturating_add(1);
        if self.open.len() >= MAX_OPEN
            && let Some(oldest) = self.open.iter().min_by_key(|(_, r)| r.serial)
        {
            let oldest = oldest.0.clone();
            self.open.remove(&oldest);
        }
        self.open.insert(id, Registration { serial: self.serial, ..registration });
    }
}

impl Ledger {
    /// Begins the one enrolment that nobody authorises, with every role.
    ///
    /// # Errors
    /// `enrol.code`; `request.invalid` for a name that is empty or too long.
    pub fn begin_bootstrap(&self, code: &str, name: &str) -> Result<RegistrationChallenge, Error> {
        self.check_code(code)?;
        self.begin(name, vec![Role::Administrator, Role::Approver], None, None)
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
        let mut roles = roles.to_vec();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Err(Refusal::Invalid("an enrolment has a role").into());
        }
        let authoriser = Signer { person: by, credential: authoriser.to_vec() };
        self.begin(name, roles, Some(authoriser), person.map(str::to_owned))
    }

    fn begin(
        &self,
        name: &str,
        roles: Vec<Role>,
        authoriser: Option<Signer>,
        person: Option<String>,
    ) -> Result<RegistrationChallenge, Error> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(Refusal::Invalid("a name has 1 to 1024 bytes").into());
        }
        let entries = self.governance.entries(&self.gov, self.gov.size())?;
        let enrolled = || {
            entries.iter().filter_map(|s| match &s.document.body {
                Body::Enrolment(e) => Some(e),
                _ => None,
            })
        };
        // A further credential opens the same commitment only with the same salt.
        let (person, salt) = match person {
            Some(person) => {
                if !enrolled().any(|e| e.person == person) {
                    return Err(Refusal::PersonUnknown.into());
                }
                let kept = self.state.person(&person)?.filter(|(kept, _)| kept == name);
                (person, kept.ok_or(Refusal::PersonUnknown)?.1)
            }
            None => (uuid()?, random()?),
        };
        let registration = Registration {
            until: UnixSeconds(self.now().0.saturating_add(WAIT_S)),
            serial: 0,
            person: person.clone(),
            name: name.to_owned(),
            salt,
            roles,
            authoriser,
            challenge: random()?,
            signing: None,
        };
        let challenge = RegistrationChallenge {
            registration: uuid()?,
            challenge: registration.challenge,
            person,
            name: name.to_owned(),
            rp_id: self.config.rp_id.clone(),
            exclude: enrolled().map(|e| e.credential.clone()).collect(),
        };
        let now = self.now();
        lock(&self.registrations).put(challenge.registration.clone(), registration, now);
        Ok(challenge)
    }

    /// Checks what the client registered and makes the enrolment document.
    ///
    /// # Errors
    /// `enrol.unknown`, `enrol.repeated`, `answer.assertion` with the verifier's code.
    pub fn register(&self, id: &str, new: &Registered) -> Result<EnrolmentToSign, Error> {
        let registration = self.registration(id)?;
        if new.software && !self.config.dev {
            let why = "a software key is for development ledgers only".to_owned();
            return Err(Refusal::NotAuthorised(why).into());
        }
        let policy = RegistrationPolicy {
            accept: AssertionPolicy::strict(
                vec![self.config.rp_id.clone()],
                self.config.allowed_origins(),
            ),
            algorithms: vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256],
            declared_software: new.software,
        };
        let response = RegistrationResponse {
            attestation_object: &new.attestation_object,
            client_data_json: &new.client_data_json,
        };
        let facts = verify_registration(&policy, &registration.challenge, &response)
            .map_err(|e| Refusal::Assertion { code: e.code().to_owned(), text: e.to_string() })?;
        if self.is_enrolled(&facts.credential_id, &facts.public_key.to_cose())? {
            return Err(Refusal::Enrolled.into());
        }
        let document = self.document(Body::Enrolment(self.enrolment(&registration, facts)?))?;
        let possess = sshsig::challenge(Namespace::EnrolPossess, document.bytes());
        let authorise = registration.authoriser.as_ref().map(|a| {
            (a.credential.clone(), sshsig::challenge(Namespace::EnrolAuthorise, document.bytes()))
        });
        let signing = Signing {
            document: document.clone(),
            attestation: Attestation {
                object: new.attestation_object.clone(),
                client_data_json: new.client_data_json.clone(),
            },
            possess: None,
            authorise: None,
        };
        self.change_registration(id, |r| r.signing = Some(signing))?;
        Ok(EnrolmentToSign { document, possess, authorise })
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
            after: self.current_after()?,
        })
    }

    /// Takes one assertion over an enrolment document. With the last of them, records it and
    /// waits for a cosigned governance checkpoint that covers it.
    ///
    /// # Errors
    /// `enrol.unknown`, `enrol.code`, `enrol.repeated`, `answer.assertion`,
    /// `person.not_authorised`.
    pub fn sign_enrolment(
        &self,
        id: &str,
        namespace: Namespace,
        signed: Signed,
    ) -> Result<Enrolled, Error> {
        let registration = self.registration(id)?;
        let signing = registration.signing.ok_or(Refusal::RegistrationUnknown)?;
        let Body::Enrolment(enrolment) = &signing.document.body else {
            return Err(Refusal::RegistrationUnknown.into());
        };
        let assertion = signed.under(namespace);
        match (namespace, &enrolment.authoriser) {
            (Namespace::EnrolPossess, _) => {
                self.check_possession(&signing.document, enrolment, &assertion)?;
            }
            (Namespace::EnrolAuthorise, Some(authoriser)) => {
                self.check_assertion(&signing.document, &assertion, &authoriser.credential)?;
            }
            _ => return Err(Refusal::Invalid("no such signature is asked for").into()),
        }
        let checked = *signing.document.sha256();
        let now_signed = self.change_registration(id, |r| {
            if let Some(s) = &mut r.signing {
                s.take(&checked, namespace, assertion);
            }
        })?;
        let signing = now_signed.signing.clone().filter(|s| *s.document.sha256() == checked);
        let signing = signing.ok_or(Refusal::RegistrationUnknown)?;
        if signing.possess.is_none() {
            return Ok(Enrolled::Waiting(Namespace::EnrolPossess));
        }
        if signing.authorise.is_none() && enrolment.authoriser.is_some() {
            return Ok(Enrolled::Waiting(Namespace::EnrolAuthorise));
        }
        let appended = self.record_enrolment(enrolment, &now_signed, signing)?;
        lock(&self.registrations).open.remove(id);
        let note = self.publisher(LogId::Gov).covering(appended.index.saturating_add(1));
        let note_missing = note.err().map(|e| e.to_string());
        Ok(Enrolled::Recorded { appended: Box::new(appended), note_missing })
    }

    fn record_enrolment(
        &self,
        enrolment: &Enrolment,
        registration: &Registration,
        signing: Signing,
    ) -> Result<Appended, Error> {
        // Two bootstraps, or an authoriser that is being revoked, must not pass each other.
        let _one = lock(&self.governing);
        match &enrolment.authoriser {
            Some(a) => {
                self.check_role(&a.credential, enrolment.after.gov.size, Role::Administrator)?;
            }
            None if self.anybody_enrolled()? => return Err(Refusal::Code.into()),
            None => {}
        }
        self.state.set_person(&registration.person, &registration.name, &registration.salt)?;
        let issue = Issue {
            log: LogId::Gov,
            assertions: signing.possess.into_iter().chain(signing.authorise).collect(),
            attestation: Some(signing.attestation),
            once: vec![once_key("enrolment", &[&enrolment.credential])],
            ..Issue::by_ledger(signing.document)
        };
        let appended = self.issue(issue)?.map_err(|_| Refusal::Enrolled)?;
        if enrolment.authoriser.is_none() {
            self.forget_code()?;
        }
        Ok(appended)
    }

    /// The new key is in no roster yet: a roster of nothing checks it by the same code.
    fn check_possession(
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
        let challenge = sshsig::challenge(Namespace::EnrolPossess, document.bytes());
        Roster::new(rules, [], [])
            .check_assertion(assertion, &challenge, &enrolment.credential, enrolment)
            .map(drop)
            .map_err(|p| assertion_refused(&p))
    }

    /// The name of a person, unless it was erased.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn person_name(&self, person: &str) -> Result<Option<String>, Error> {
        Ok(self.state.person(person)?.map(|(name, _)| name))
    }

    /// Erases the name of a person for ever; the commitment in the log stays and says nothing.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn erase_name(&self, person: &str) -> Result<(), Error> {
        self.state.erase_person(person)
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

    fn registration(&self, id: &str) -> Result<Registration, Error> {
        let now = self.now();
        let registrations = lock(&self.registrations);
        let found = registrations.open.get(id).filter(|r| r.until > now);
        found.cloned().ok_or_else(|| Refusal::RegistrationUnknown.into())
    }

    fn change_registration(
        &self,
        id: &str,
        change: impl FnOnce(&mut Registration),
    ) -> Result<Registration, Error> {
        let mut registrations = lock(&self.registrations);
        let found = registrations.open.get_mut(id).ok_or(Refusal::RegistrationUnknown)?;
        change(found);
        Ok(found.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::document::Ended;

    fn signing(n: u8) -> Signing {
        let request = "5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8e9f".to_owned();
        let body = Body::Expiry(Ended { request, reason: None, at: UnixSeconds(1) });
        let document = Document::new([n; 16], body).unwrap();
        let (object, client_data_json) = (Vec::new(), Vec::new());
        let attestation = Attestation { object, client_data_json };
        Signing { document, attestation, possess: None, authorise: None }
    }

    fn assertion(namespace: Namespace) -> Assertion {
        Assertion {
            namespace,
            credential: vec![1],
            authenticator_data: vec![2],
            client_data_json: vec![3],
            signature: vec![4],
        }
    }

    #[test]
    fn an_assertion_never_moves_to_a_document_that_came_after_its_check() {
        let (checked, mut registered_since) = (signing(1), signing(2));
        for namespace in [Namespace::EnrolPossess, Namespace::EnrolAuthorise] {
            registered_since.take(checked.document.sha256(), namespace, assertion(namespace));
        }
        assert!(registered_since.possess.is_none() && registered_since.authorise.is_none());
        let mut same = signing(1);
        let namespace = Namespace::EnrolPossess;
        same.take(checked.document.sha256(), namespace, assertion(namespace));
        assert!(same.possess.is_some() && same.authorise.is_none());
    }

    #[test]
    fn who_begins_many_registrations_keeps_nobody_out() {
        let mut all = Registrations::default();
        let registration = Registration {
            until: UnixSeconds(9),
            serial: 0,
            person: String::new(),
            name: String::new(),
            salt: [0; 16],
            roles: Vec::new(),
            authoriser: None,
            challenge: [0; 32],
            signing: None,
        };
        for n in 0..=MAX_OPEN {
            all.put(n.to_string(), registration.clone(), UnixSeconds(1));
        }
        assert_eq!(all.open.len(), MAX_OPEN);
        assert!(!all.open.contains_key("0") && all.open.contains_key(&MAX_OPEN.to_string()));
        all.put("later".to_owned(), registration, UnixSeconds(9));
        assert_eq!(all.open.len(), 1, "what is too old is forgotten");
    }
}
