//! Who is enrolled, and what each key may do now.

use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Body, Digest, Enrolment, KeyClass, Role, Signer};
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256, words};
use placet_verifier::governance::{Governance as Roster, Judged};

use super::Refusal;
use super::ledger::Ledger;
use crate::Error;

/// Fewest hexadecimal digits that name a key.
const MIN_PREFIX: usize = 8;

/// A person who is enrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    /// The random id.
    pub person: String,
    /// The name, unless it was erased.
    pub name: Option<String>,
    /// AuthZEN subject ids.
    pub identities: Vec<String>,
    /// The roles that some key of the person holds now.
    pub roles: Vec<Role>,
    /// The keys, in the order of the log.
    pub keys: Vec<KeyView>,
}

/// A key of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyView {
    /// The credential id.
    pub credential: Vec<u8>,
    /// RFC 9679 thumbprint.
    pub thumbprint: Digest,
    /// Where the private key lives, by the service's word.
    pub class: KeyClass,
    /// Attestation format.
    pub attestation_fmt: String,
    /// Index of the enrolment in the governance log.
    pub index: u64,
    /// Whether a cosigned checkpoint covers the enrolment.
    pub covered: bool,
    /// The roles that it holds now; none when it is revoked or was never authorised.
    pub roles: Vec<Role>,
    /// Who authorised it.
    pub authoriser: Option<Signer>,
    /// Since when it is not to be trusted, by which entry, and why.
    pub revoked: Option<(UnixSeconds, u64, String)>,
    /// Why the enrolment does not count, if it does not.
    pub problem: Option<String>,
}

impl KeyView {
    /// The fingerprint words, to be compared with the owner.
    #[must_use]
    pub fn words(&self) -> String {
        words::fingerprint(&self.thumbprint)
    }
}

impl Ledger {
    /// Everybody who is enrolled, in the order of the log.
    ///
    /// # Errors
    /// Those of reading the governance log, and `ledger.sqlite`.
    pub fn people(&self) -> Result<Vec<PersonView>, Error> {
        let roster = self.roster()?;
        let mut all: Vec<PersonView> = Vec::new();
        for enrolment in self.enrolments()? {
            let Some(judged) = roster.enrolment(&enrolment.credential) else { continue };
            let key = self.key_view(&roster, judged);
            match all.iter_mut().find(|p| p.person == enrolment.person) {
                Some(person) => person.keys.push(key),
                None => all.push(PersonView {
                    name: self.person_name(&enrolment.person)?,
                    identities: self.identities(&enrolment.person)?,
                    person: enrolment.person,
                    roles: Vec::new(),
                    keys: vec![key],
                }),
            }
        }
        for person in &mut all {
            let mut roles: Vec<Role> =
                person.keys.iter().flat_map(|k| k.roles.iter().copied()).collect();
            roles.sort_unstable();
            roles.dedup();
            person.roles = roles;
        }
        Ok(all)
    }

    /// One person.
    ///
    /// # Errors
    /// `person.unknown`.
    pub fn person(&self, person: &str) -> Result<PersonView, Error> {
        let found = self.people()?.into_iter().find(|p| p.person == person);
        found.ok_or_else(|| Refusal::PersonUnknown.into())
    }

    /// The roles that a credential holds by everything that is recorded now; none for one that is
    /// revoked, from whenever on.
    ///
    /// # Errors
    /// Those of reading the governance log.
    pub fn roles_now(&self, credential: &[u8]) -> Result<Vec<Role>, Error> {
        let roster = self.roster()?;
        Ok(match roster.enrolment(credential) {
            Some(enrolled) => held(&roster, enrolled, self.gov.size()),
            None => Vec::new(),
        })
    }

    /// As [`Ledger::roles_now`] where the roster is at hand; none if it has to be made first.
    pub(super) fn roles_at_hand(&self, credential: &[u8]) -> Option<Vec<Role>> {
        let roster = self.roster_at_hand()?;
        let enrolled = roster.enrolment(credential)?;
        Some(held(&roster, enrolled, self.gov.size()))
    }

    /// The roles that a person has by the log, whether or not a key can use them.
    pub(super) fn roles_of_person(&self, person: &str) -> Result<Vec<Role>, Error> {
        let roster = self.roster()?;
        let theirs = roster.enrolments().filter(|e| e.document.person == person);
        let mut roles: Vec<Role> =
            theirs.filter(|e| e.authorised.is_ok()).flat_map(|e| by_entries(&roster, e)).collect();
        roles.sort_unstable();
        roles.dedup();
        match roles.is_empty() {
            true => Err(Refusal::PersonUnknown.into()),
            false => Ok(roles),
        }
    }

    /// The person whose credential this is.
    pub(super) fn person_of(&self, credential: &[u8]) -> Result<String, Error> {
        let roster = self.roster()?;
        let enrolled = roster.enrolment(credential).ok_or(Refusal::PersonUnknown)?;
        Ok(enrolled.document.person.clone())
    }

    /// The key that is named: by the hexadecimal digits with which its thumbprint begins, eight at
    /// least, or by its fingerprint words.
    ///
    /// # Errors
    /// `person.unknown`; `person.ambiguous` when several keys begin so.
    pub fn find_key(&self, named: &str) -> Result<KeyView, Error> {
        let all = self.people()?;
        let mut found =
            all.iter().flat_map(|p| &p.keys).filter(|k| names_key(named, &k.thumbprint));
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key.clone()),
            (None, _) => Err(Refusal::PersonUnknown.into()),
            _ => Err(Refusal::PersonAmbiguous.into()),
        }
    }

    /// How many keys can act as administrator now.
    ///
    /// # Errors
    /// Those of reading the governance log.
    pub fn administrator_keys(&self) -> Result<usize, Error> {
        self.administrator_keys_without(None)
    }

    /// Whether nobody could administrate any more after this change, a revocation or a change of
    /// roles, though somebody can now.
    ///
    /// # Errors
    /// Those of reading the governance log.
    pub fn leaves_no_administrator(&self, change: &Body) -> Result<bool, Error> {
        Ok(self.administrator_keys()? > 0 && self.administrator_keys_without(Some(change))? == 0)
    }

    fn administrator_keys_without(&self, change: Option<&Body>) -> Result<usize, Error> {
        let (roster, size) = (self.roster()?, self.gov.size());
        let taken = |e: &Enrolment| match change {
            Some(Body::Revocation(r)) => e.credential == r.credential,
            Some(Body::Role(r)) => e.person == r.person && !r.roles.contains(&Role::Administrator),
            _ => false,
        };
        let can = |e: &&Judged<Enrolment>| {
            !taken(&e.document) && held(&roster, e, size).contains(&Role::Administrator)
        };
        Ok(roster.enrolments().filter(can).count())
    }

    fn key_view(&self, roster: &Roster, judged: &Judged<Enrolment>) -> KeyView {
        let e = &judged.document;
        let mut revoked = roster.revocations(&e.credential).filter(|r| r.authorised.is_ok());
        KeyView {
            credential: e.credential.clone(),
            thumbprint: thumbprint(&e.public_key),
            class: e.class,
            attestation_fmt: e.attestation_fmt.clone(),
            index: judged.index,
            covered: self.is_covered(judged.index),
            roles: held(roster, judged, self.gov.size()),
            authoriser: e.authoriser.clone(),
            revoked: revoked
                .next()
                .map(|r| (r.document.effective_from, r.index, r.document.reason.clone())),
            problem: judged.authorised.as_ref().err().map(|p| p.code.to_owned()),
        }
    }
}

/// The RFC 9679 thumbprint of a serialised COSE_Key.
#[must_use]
pub fn thumbprint(cose_key: &[u8]) -> Digest {
    PublicKey::from_cose(cose_key).map_or_else(|_| sha256(cose_key), |key| key.thumbprint())
}

/// Whether what somebody typed names the key with this thumbprint.
#[must_use]
pub fn names_key(named: &str, thumbprint: &Digest) -> bool {
    let named = named.trim().to_ascii_lowercase();
    let spoken: Vec<&str> = named.split([' ', '-']).filter(|w| !w.is_empty()).collect();
    if spoken.len() > 1 {
        return spoken.join(" ") == words::fingerprint(thumbprint);
    }
    named.len() >= MIN_PREFIX && b64::encode_hex(thumbprint).starts_with(&named)
}

/// The roles of a key by the entries about its person. The roster lets a root do everything, which
/// is right for an auditor who decided on that root; the service holds the first person, too, to
/// the roles that are recorded.
pub(super) fn by_entries(roster: &Roster, enrolled: &Judged<Enrolment>) -> Vec<Role> {
    let e = &enrolled.document;
    let mut roles = e.roles.clone();
    for change in roster.role_changes(&e.person) {
        if change.authorised.is_err() || change.index < e.after.gov.size {
            continue;
        }
        match change.index > enrolled.index {
            true => roles.clone_from(&change.document.roles),
            // The enrolment could not know it, so that it only takes away.
            false => roles.retain(|role| change.document.roles.contains(role)),
        }
    }
    roles
}

fn held(roster: &Roster, enrolled: &Judged<Enrolment>, size: u64) -> Vec<Role> {
    let credential = &enrolled.document.credential;
    if roster.revocations(credential).any(|r| r.authorised.is_ok()) {
        return Vec::new();
    }
    let mut roles = by_entries(roster, enrolled);
    roles.retain(|role| roster.authorised(credential, size, *role).is_ok());
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_a_prefix_or_by_all_words() {
        let key = [0xab; 32];
        assert!(names_key("abababab", &key) && names_key(" ABABABABab ", &key));
        assert!(names_key(&words::fingerprint(&key), &key));
        assert!(names_key(&words::fingerprint(&key).replace(' ', "-"), &key));
        let five: Vec<String> =
            words::fingerprint(&key).split(' ').take(5).map(str::to_owned).collect();
        for not in ["abababa", "abababac", "", &five.join(" ")] {
            assert!(!names_key(not, &key), "{not:?}");
        }
    }
}
