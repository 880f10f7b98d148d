//! Persons with software passkeys.

use placet_proto::document::{
    After, Answer, Body, Document, Enrolment, KeyClass, Revocation, Role, RoleChange, Signer,
    name_commitment,
};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::{Assertion, Attestation};
use placet_proto::time::UnixSeconds;
use placet_softkey::SoftKey;

use crate::ledger::{Forge, ORIGIN, RP_ID};

/// A person who holds one passkey.
#[derive(Debug)]
pub struct Person {
    /// Pseudonym.
    pub id: String,
    /// Name.
    pub name: String,
    /// Salt of the name's commitment.
    pub salt: [u8; 16],
    /// The passkey.
    pub key: SoftKey,
    /// Its registration.
    pub attestation: Attestation,
}

impl Person {
    /// A person with everything derived from the name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let seed = placet_proto::sha256(name.as_bytes());
        let mut salt = [0; 16];
        salt.copy_from_slice(&seed[..16]);
        let key = SoftKey::from_seed(&seed, RP_ID);
        let made = key.register(b"registration challenge", ORIGIN);
        let attestation = Attestation {
            object: made.attestation_object,
            client_data_json: made.client_data_json,
        };
        Self {
            id: crate::ledger::uuid_from(&placet_proto::sha256(&seed)),
            name: name.to_owned(),
            salt,
            key,
            attestation,
        }
    }

    /// How documents name the person.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer { person: self.id.clone(), credential: self.key.credential_id().to_vec() }
    }

    /// Signs a document under a namespace, on the ledger's own page.
    pub fn sign(&mut self, namespace: Namespace, document: &Document) -> Assertion {
        self.sign_at(namespace, document, ORIGIN)
    }

    /// Signs a document on a page of any origin.
    pub fn sign_at(
        &mut self,
        namespace: Namespace,
        document: &Document,
        origin: &str,
    ) -> Assertion {
        let made = self.key.assert(&sshsig::challenge(namespace, document.bytes()), origin);
        Assertion {
            namespace,
            credential: made.credential_id,
            authenticator_data: made.authenticator_data,
            client_data_json: made.client_data_json,
            signature: made.signature,
        }
    }

    /// The enrolment document's body.
    #[must_use]
    pub fn enrolment(
        &self,
        roles: &[Role],
        authoriser: Option<&Person>,
        after: After,
    ) -> Enrolment {
        Enrolment {
            person: self.id.clone(),
            name_commitment: name_commitment(&self.salt, &self.name),
            credential: self.key.credential_id().to_vec(),
            public_key: self.key.public_key().to_cose(),
            rp_id: RP_ID.to_owned(),
            backup_eligible: false,
            class: KeyClass::Software,
            attestation_fmt: "none".to_owned(),
            attestation_sha256: placet_proto::sha256(&self.attestation.object),
            attestation_client_data_sha256: placet_proto::sha256(
                &self.attestation.client_data_json,
            ),
            roles: roles.to_vec(),
            authoriser: authoriser.map(Person::signer),
            recovery: None,
            after,
        }
    }
}

impl Forge {
    /// Enrols a person and has the governance log cosigned, as the service does.
    pub fn enrol(&mut self, person: &mut Person, roles: &[Role], by: Option<&mut Person>) -> u64 {
        let body = Body::Enrolment(person.enrolment(roles, by.as_deref(), self.after()));
        let index = self.enrol_with(person, body, by);
        self.tick(1);
        self.publish_gov();
        index
    }

    /// Enrols with any document.
    pub fn enrol_with(&mut self, person: &mut Person, body: Body, by: Option<&mut Person>) -> u64 {
        let document = self.document(body);
        let mut assertions = vec![person.sign(Namespace::EnrolPossess, &document)];
        if let Some(by) = by {
            assertions.push(by.sign(Namespace::EnrolAuthorise, &document));
        }
        let attestation = person.attestation.clone();
        let subject = self.uuid();
        let issuer = self.ledger_key.clone();
        let statement =
            self.statement(&issuer, &document, &subject, assertions, Some(&attestation));
        self.gov.append(statement)
    }

    /// Revokes a credential.
    pub fn revoke(&mut self, target: &Person, by: &mut Person, effective_from: u64) -> u64 {
        let body = Body::Revocation(Revocation {
            credential: target.key.credential_id().to_vec(),
            key: target.key.public_key().thumbprint(),
            effective_from: UnixSeconds(effective_from),
            reason: "lost".to_owned(),
            signer: by.signer(),
            after: self.after(),
        });
        self.govern(Namespace::Revoke, body, by)
    }

    /// Sets the roles of a person.
    pub fn set_roles(&mut self, target: &Person, roles: &[Role], by: &mut Person) -> u64 {
        let body = Body::Role(RoleChange {
            person: target.id.clone(),
            roles: roles.to_vec(),
            signer: by.signer(),
            after: self.after(),
        });
        self.govern(Namespace::Role, body, by)
    }

    /// Signs a governance document and appends it.
    pub fn govern(&mut self, namespace: Namespace, body: Body, by: &mut Person) -> u64 {
        let document = self.document(body);
        let assertion = by.sign(namespace, &document);
        let subject = self.uuid();
        let issuer = self.ledger_key.clone();
        let statement = self.statement(&issuer, &document, &subject, vec![assertion], None);
        self.gov.append(statement)
    }

    /// Signs an answer and appends it to the main log.
    pub fn answer(&mut self, person: &mut Person, answer: Answer, denial: bool) -> u64 {
        let body = if denial { Body::Denial(answer) } else { Body::Approval(answer) };
        let document = self.document(body);
        let namespace = if denial { Namespace::Deny } else { Namespace::Approve };
        let assertion = person.sign(namespace, &document);
        self.append_answer(&document, assertion)
    }

    /// Appends an answer that was signed elsewhere, or by somebody else.
    pub fn append_answer(&mut self, document: &Document, assertion: Assertion) -> u64 {
        let subject = document.body.request().expect("an answer").to_owned();
        let issuer = self.ledger_key.clone();
        let statement = self.statement(&issuer, document, &subject, vec![assertion], None);
        self.main.append(statement)
    }
}
