//! Changes of governance that an administrator signs: revocations, roles, policies.

use std::collections::BTreeMap;

use placet_proto::document::{
    Body, Digest, Document, Policy, Revocation, Role, RoleChange, Signer, is_uuid_v4,
};
use placet_proto::time::UnixSeconds;

use super::answers::{Signed, ToSign};
use super::init::store_policy;
use super::ledger::{Appended, Issue, Ledger};
use super::{Refusal, render};
use crate::sync::lock;
use crate::{Error, LogId};

/// Revocations of one passkey that its owner signs: a few can each name an earlier time. The
/// governance log is read whole by every auditor, and nobody shall fill it alone. Administrators
/// are not held up by it.
const MAX_OWN: usize = 8;

/// A change to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A credential is no longer to be trusted.
    Revoke {
        /// The credential.
        credential: Vec<u8>,
        /// From when on.
        effective_from: UnixSeconds,
        /// Why.
        reason: String,
    },
    /// The complete new roles of a person.
    Roles {
        /// The person.
        person: String,
        /// The roles.
        roles: Vec<Role>,
    },
    /// A policy: file names and contents.
    Policy(BTreeMap<String, Vec<u8>>),
}

impl Ledger {
    /// Makes the document that the holder of `signer` has to sign. It is kept for ten minutes.
    ///
    /// # Errors
    /// `person.unknown`, `person.not_authorised`, `request.invalid`, `ledger.limit`; `policy.*` for
    /// a policy that can't decide; `people.last_administrator` when nobody could administrate any
    /// more.
    pub fn prepare_change(&self, change: &Change, signer: &[u8]) -> Result<ToSign, Error> {
        self.prepare(change, signer, false)
    }

    /// As [`Ledger::prepare_change`], of a change after which nobody may be able to administrate:
    /// the person was told so, and confirmed it.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_last_change(&self, change: &Change, signer: &[u8]) -> Result<ToSign, Error> {
        self.prepare(change, signer, true)
    }

    fn prepare(&self, change: &Change, signer: &[u8], last: bool) -> Result<ToSign, Error> {
        // Nobody sweeps while files are there whose document does not wait yet.
        let _policies = matches!(change, Change::Policy(_)).then(|| lock(&self.policies));
        let after = self.current_after()?;
        let person = self.check_signer(change_target(change), signer, after.gov.size)?;
        let signer = Signer { person, credential: signer.to_vec() };
        let credential = signer.credential.clone();
        let body = match change {
            Change::Revoke { credential, effective_from, reason } => Body::Revocation(Revocation {
                credential: credential.clone(),
                key: self.key_of(credential)?,
                effective_from: *effective_from,
                reason: reason.clone(),
                signer,
                after,
            }),
            Change::Roles { person, roles } => {
                if !is_uuid_v4(person) || !self.enrolments()?.iter().any(|e| e.person == *person) {
                    return Err(Refusal::PersonUnknown.into());
                }
                let mut roles = roles.clone();
                roles.sort_unstable();
                roles.dedup();
                Body::Role(RoleChange { person: person.clone(), roles, signer, after })
            }
            Change::Policy(policy) => {
                if let Some(guard) = self.policy_guard.get() {
                    guard(self, policy)?;
                }
                self.sweep_policies()?;
                let files = store_policy(&self.dir, policy)?;
                let manifest_sha256 = placet_proto::sha256(&Policy::manifest_bytes(&files));
                let authorised = Some((signer, after));
                Body::Policy(Policy { files, manifest_sha256, authorised, at: self.now() })
            }
        };
        if !last && self.leaves_no_administrator(&body)? {
            return Err(Refusal::LastAdministrator.into());
        }
        let document = self.document(body)?;
        let text = render::render("", document.bytes())?;
        let to_sign = self.to_sign(document, credential, text)?;
        if last {
            lock(&self.pending).confirm_last(to_sign.document.sha256());
        }
        Ok(to_sign)
    }

    /// Checks a signed change, records it, and waits for a cosigned governance checkpoint that
    /// covers it. The change is in force when it is recorded, even if that wait fails: the second
    /// value then says why.
    ///
    /// # Errors
    /// `answer.document_unknown`, `answer.assertion`, `person.not_authorised`;
    /// `people.last_administrator` when others have gone since it was prepared, and nobody could
    /// administrate any more.
    pub fn confirm_change(
        &self,
        document: &Digest,
        signed: Signed,
    ) -> Result<(Appended, Option<String>), Error> {
        let bytes = lock(&self.pending).bytes(document, self.now())?;
        let document = Document::parse(&bytes)?;
        let (signer, after, target) = match &document.body {
            Body::Revocation(r) => (&r.signer, &r.after, Some(r.credential.clone())),
            Body::Role(r) => (&r.signer, &r.after, None),
            Body::Policy(p) => match &p.authorised {
                Some((signer, after)) => (signer, after, None),
                None => return Err(Refusal::DocumentUnknown.into()),
            },
            _ => return Err(Refusal::DocumentUnknown.into()),
        };
        let namespace = document.kind().namespace().ok_or(Refusal::DocumentUnknown)?;
        let assertion = signed.under(namespace);
        self.check_assertion(&document, &assertion, &signer.credential)?;
        let appended = {
            let _one = lock(&self.governing);
            let _policies = matches!(document.body, Body::Policy(_)).then(|| lock(&self.policies));
            if let Body::Policy(policy) = &document.body
                && !self.has_policy(&policy.files)
            {
                return Err(Refusal::DocumentUnknown.into());
            }
            self.check_signer(target.as_deref(), &signer.credential, after.gov.size)?;
            // A verifier gives no effect to what another change has overtaken (SPEC.md 9.3).
            if self.roster()?.overtaken(&document.body) {
                let why = "another change was recorded meanwhile: look at it, and sign again";
                return Err(Refusal::NotAuthorised(why.to_owned()).into());
            }
            let sha256 = *document.sha256();
            let confirmed = lock(&self.pending).is_confirmed_last(&sha256);
            if !confirmed && self.leaves_no_administrator(&document.body)? {
                return Err(Refusal::LastAdministrator.into());
            }
            let issue = Issue {
                log: LogId::Gov,
                assertions: vec![assertion],
                ..Issue::by_ledger(document)
            };
            let appended = self.issue(issue)?.map_err(|_| Refusal::DocumentUnknown)?;
            lock(&self.pending).remove(&sha256);
            appended
        };
        let note = self.publisher(LogId::Gov).covering(appended.index.saturating_add(1));
        Ok((appended, note.err().map(|e| e.to_string())))
    }

    /// An administrator; for a revocation also a credential of the same person (SPEC.md 9.3).
    fn check_signer(
        &self,
        revoked: Option<&[u8]>,
        signer: &[u8],
        gov_size: u64,
    ) -> Result<String, Error> {
        if let Some(revoked) = revoked {
            if self.running_recoveries()?.iter().any(|r| r.credential == revoked) {
                // Whoever could be deceived by the new key may object to it.
                let approver = self.check_role(signer, gov_size, Role::Approver);
                return approver
                    .or_else(|_| self.check_role(signer, gov_size, Role::Administrator));
            }
            let person = self.person_of(signer)?;
            let covered = self.roster()?.enrolment(signer).is_some_and(|e| e.index < gov_size);
            let before = self.roster()?.revocations(revoked).count();
            if covered && before < MAX_OWN && self.person_of(revoked)? == person {
                return Ok(person);
            }
        }
        self.check_role(signer, gov_size, Role::Administrator)
    }

    /// The thumbprint of an enrolled or announced key; a revocation has to name it.
    fn key_of(&self, credential: &[u8]) -> Result<Digest, Error> {
        self.roster()?.key_of(credential).ok_or_else(|| Refusal::PersonUnknown.into())
    }
}

fn change_target(change: &Change) -> Option<&[u8]> {
    match change {
        Change::Revoke { credential, .. } => Some(credential),
        _ => None,
    }
}
