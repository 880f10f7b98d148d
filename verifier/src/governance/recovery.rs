//! Keys that replace lost ones (SPEC.md 9.3): announced, open to objection, enrolled after a delay.

use placet_proto::document::{Digest, Enrolment, Recovery};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::{Assertion, Statement};

use super::signing::{lineage_problem, unauthorised};
use super::{Governance, key_of};
use crate::report::Problem;

/// A `recovery` of the list. Its key is known by its thumbprint only, until it is enrolled.
#[derive(Debug, Clone)]
pub(super) struct Announced {
    pub(super) index: u64,
    pub(super) document: Recovery,
    assertion: Assertion,
    challenge: Vec<u8>,
}

impl Announced {
    pub(super) fn new(index: u64, document: &Recovery, statement: &Statement) -> Option<Self> {
        let assertion = statement.assertion(Namespace::Recover)?.clone();
        let challenge = sshsig::challenge(Namespace::Recover, statement.document.bytes());
        Some(Self { index, document: document.clone(), assertion, challenge })
    }
}

impl Governance {
    /// The thumbprint of a credential's key, by its enrolment, else by the last `recovery` that
    /// announces it: what a `revocation` of it has to name.
    #[must_use]
    pub fn key_of(&self, credential: &[u8]) -> Option<Digest> {
        if let Some(enrolled) = self.enrolments.get(credential) {
            return Some(key_of(&enrolled.document.public_key));
        }
        let announced = self.recoveries.iter().rfind(|r| r.document.credential == credential);
        announced.map(|r| r.document.key)
    }

    /// The `recovery` documents of the list with their indexes, ascending.
    pub fn recoveries(&self) -> impl Iterator<Item = (u64, &Recovery)> {
        self.recoveries.iter().map(|r| (r.index, &r.document))
    }

    /// Whether a `recovery` before size `n` announces this key and nobody enrolled it yet.
    pub(super) fn is_announced(&self, credential: &[u8], key: &Digest, n: u64) -> bool {
        let first = self.announced.get(&(credential.to_vec(), *key));
        !self.enrolments.contains_key(credential) && first.is_some_and(|index| *index < n)
    }

    /// Whether an enrolment follows the recovery that it names: the same key for the same person,
    /// not before the time announced, and nobody objected.
    pub(super) fn judge_recovery(&self, e: &Enrolment, at: u64, index: u64) -> Result<(), Problem> {
        let bad = |code, detail: &str| {
            Err(Problem::failed(code, format!("enrolment #{index} by recovery #{at}: {detail}")))
        };
        let found = self.recoveries.binary_search_by_key(&at, |r| r.index);
        let found = found.ok().and_then(|i| self.recoveries.get(i));
        let Some(announced) = found.filter(|r| r.index < e.after.gov.size) else {
            return bad("recovery.mismatch", "no recovery stands there");
        };
        let r = &announced.document;
        let (key, same_key) = (key_of(&e.public_key), r.key == key_of(&e.public_key));
        if !same_key || r.person != e.person || r.credential != e.credential || r.roles != e.roles {
            return bad("recovery.mismatch", "another person, key or role was announced");
        }
        self.check_assertion(&announced.assertion, &announced.challenge, &e.credential, e)
            .map_err(|p| lineage_problem(index, p))?;
        // Whatever stands there stands before the enrolment: entries are judged as they come.
        match self.revoked_keys.get(&key) {
            Some((at, Ok(()))) => {
                return bad("recovery.objected", &format!("revoked by entry {at}"));
            }
            Some((at, Err(why))) => return Err(unauthorised(*at, why)),
            None => {}
        }
        match self.times.get(&index) {
            None => Err(Problem::open(
                "time.lower_open",
                format!("when enrolment #{index} by recovery #{at} was signed is not shown"),
            )),
            Some(t1) if *t1 < r.effective_from.0 => bad("recovery.early", "before its time"),
            Some(_) => Ok(()),
        }
    }
}
