//! The roster: who could approve at governance size n, computed from the complete list of
//! governance entries and never told by anybody (SPEC.md 6.5, 9.3).
//!
//! The service uses this when it accepts an approval; the auditor computes it again.

mod eligible;
mod judge;
mod lineage;
mod recovery;
mod roles;
mod signing;

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Body, Digest, Enrolment, Policy, PolicyRef, Revocation, RoleChange};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;
use placet_proto::tlog::merkle::{CompactRange, leaf_hash};

pub use self::lineage::{Lineage, MAX_LINEAGE};
use self::recovery::Announced;
use self::signing::ADMINISTRATOR;
use crate::crypto::ReadyKey;
use crate::report::{Problem, Status};

/// What assertions in a governance log are judged by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// RP ids that are allowed.
    pub rp_ids: Vec<String>,
    /// WebAuthn origins that are allowed.
    pub origins: Vec<String>,
    /// Serialised COSE_Keys that need nobody's word.
    pub roots: BTreeSet<Vec<u8>>,
    /// Whether credentials of class `software` count.
    pub allow_software: bool,
}

/// A governance document with whether it counts.
#[derive(Debug, Clone)]
pub struct Judged<T> {
    /// Index in the governance log.
    pub index: u64,
    /// What it says.
    pub document: T,
    /// Whether somebody who may signed it.
    pub authorised: Result<(), Problem>,
}

/// The complete governance log, read, up to some size.
///
/// Entries are judged once, in ascending order: what authorises an entry stands before it, so
/// that nothing recurses, however long a chain an attacker writes.
#[derive(Debug)]
pub struct Governance {
    rules: Rules,
    roots_at: Vec<[u8; 32]>,
    enrolments: BTreeMap<Vec<u8>, Judged<Enrolment>>,
    /// Keys of credentials as they are enrolled and in the form that verifies, where they can be
    /// read.
    ready: BTreeMap<Vec<u8>, (Vec<u8>, Arc<ReadyKey>)>,
    /// Credentials by the thumbprints of their keys.
    keys: BTreeMap<[u8; 32], Vec<u8>>,
    /// Length of the lineage by credential, of those that stand.
    depths: BTreeMap<Vec<u8>, usize>,
    roles: BTreeMap<String, Vec<Judged<RoleChange>>>,
    /// Index of the last standing enrolment or role of a person.
    changed: BTreeMap<String, u64>,
    /// Role changes that another change of the same person overtook before they were recorded.
    overtaken: BTreeSet<u64>,
    revocations: BTreeMap<Vec<u8>, Vec<Judged<Revocation>>>,
    /// Thumbprints of keys with the first revocation of each that stands, else that is open.
    revoked_keys: BTreeMap<Digest, (u64, Result<(), Problem>)>,
    /// Ascending by index.
    recoveries: Vec<Announced>,
    /// Credentials and keys that were announced, with the first `recovery` of each.
    announced: BTreeMap<(Vec<u8>, Digest), u64>,
    /// T1 of entries whose time matters, by index, as far as it is known.
    times: BTreeMap<u64, u64>,
    policies: Vec<Judged<Policy>>,
    /// Index of the last policy that stands.
    last_policy: Option<u64>,
    forks: Vec<(u64, Problem)>,
}

impl Governance {
    /// Reads entries 0..n-1, ascending. `statements` holds the known ones that are validly issued;
    /// others count for the tree only. `times` gives T1 (SPEC.md 9.4) of those whose time matters
    /// (`Body::is_timed`), by index, as far as it is known.
    #[must_use]
    pub fn new<'a>(
        rules: Rules,
        entries: impl IntoIterator<Item = [u8; 32]>,
        statements: impl IntoIterator<Item = (u64, &'a Statement)>,
        times: BTreeMap<u64, u64>,
    ) -> Self {
        let mut tree = CompactRange::new();
        let mut roots_at = vec![tree.root()];
        for entry in entries {
            // Sizes are bounded by the bundle's limits, far below where appending can fail.
            if tree.append(leaf_hash(&entry)).is_err() {
                break;
            }
            roots_at.push(tree.root());
        }
        let mut out = Self {
            rules,
            roots_at,
            enrolments: BTreeMap::new(),
            ready: BTreeMap::new(),
            keys: BTreeMap::new(),
            depths: BTreeMap::new(),
            roles: BTreeMap::new(),
            changed: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            revocations: BTreeMap::new(),
            revoked_keys: BTreeMap::new(),
            recoveries: Vec::new(),
            announced: BTreeMap::new(),
            times,
            policies: Vec::new(),
            last_policy: None,
            forks: Vec::new(),
        };
        for (index, statement) in statements {
            out.add(index, statement);
        }
        out
    }

    /// The root at a size, if the list reaches that far.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<[u8; 32]> {
        self.roots_at.get(usize::try_from(size).ok()?).copied()
    }

    /// Governance documents whose `after` names a root that is not this log's (SPEC.md 9.2), with
    /// their indexes.
    #[must_use]
    pub fn forks(&self) -> &[(u64, Problem)] {
        &self.forks
    }

    /// Documents that do not stand, with their indexes and why, ascending.
    #[must_use]
    pub fn without_effect(&self) -> Vec<(u64, &Problem)> {
        fn of<T>(judged: &Judged<T>) -> Option<(u64, &Problem)> {
            judged.authorised.as_ref().err().map(|why| (judged.index, why))
        }
        let enrolments = self.enrolments.values().filter_map(of);
        let roles = self.roles.values().flatten().filter_map(of);
        let revocations = self.revocations.values().flatten().filter_map(of);
        let policies = self.policies.iter().filter_map(of);
        let mut all: Vec<(u64, &Problem)> =
            enrolments.chain(roles).chain(revocations).chain(policies).collect();
        all.sort_by_key(|(index, _)| *index);
        all
    }

    /// The enrolment of a credential, whatever it is worth.
    #[must_use]
    pub fn enrolment(&self, credential: &[u8]) -> Option<&Judged<Enrolment>> {
        self.enrolments.get(credential)
    }

    /// The enrolment of a key by its RFC 9679 thumbprint, whatever it is worth.
    #[must_use]
    pub fn enrolment_of_key(&self, thumbprint: &Digest) -> Option<&Judged<Enrolment>> {
        self.enrolment(self.keys.get(thumbprint)?)
    }

    /// Every enrolment, by credential id.
    pub fn enrolments(&self) -> impl Iterator<Item = &Judged<Enrolment>> {
        self.enrolments.values()
    }

    /// Whether anybody is enrolled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.enrolments.is_empty()
    }

    fn add(&mut self, index: u64, statement: &Statement) {
        if let Some(after) = statement.document.body.after() {
            let right =
                after.gov.size <= index && self.root_at(after.gov.size) == Some(after.gov.root);
            if !right {
                let problem = Problem::failed(
                    "order.governance",
                    format!("governance entry {index} names a root of size {}", after.gov.size),
                );
                self.forks.push((index, problem));
                return;
            }
        }
        match &statement.document.body {
            // The first enrolment of a credential id counts, a second changes nothing.
            Body::Enrolment(e) if !self.enrolments.contains_key(&e.credential) => {
                self.add_enrolment(e, index, statement);
            }
            Body::Role(r) => {
                let n = r.after.gov.size;
                let authorised =
                    self.signed_by(ADMINISTRATOR, statement, &r.signer, Namespace::Role, n, index);
                if authorised.is_ok() {
                    if self.overtaken(&statement.document.body) {
                        self.overtaken.insert(index);
                    }
                    self.changed.insert(r.person.clone(), index);
                }
                let judged = Judged { index, document: r.clone(), authorised };
                self.roles.entry(r.person.clone()).or_default().push(judged);
            }
            Body::Revocation(r) => {
                let authorised = self.judge_revocation(r, index, statement);
                self.note_revoked(r.key, index, &authorised);
                let judged = Judged { index, document: r.clone(), authorised };
                self.revocations.entry(r.credential.clone()).or_default().push(judged);
            }
            Body::Recovery(r) => {
                self.announced.entry((r.credential.clone(), r.key)).or_insert(index);
                self.recoveries.extend(Announced::new(index, r, statement));
            }
            Body::Policy(p) => {
                let authorised = self.judge_policy(p, index, statement);
                if authorised.is_ok() {
                    self.last_policy = Some(index);
                }
                self.policies.push(Judged { index, document: p.clone(), authorised });
            }
            _ => {}
        }
    }

    /// The first enrolment of a key counts too. Credential ids are signed by nobody: under another
    /// id a revoked root would be new, and one passkey would be two persons.
    fn add_enrolment(&mut self, e: &Enrolment, index: u64, statement: &Statement) {
        let Entry::Vacant(place) = self.keys.entry(key_of(&e.public_key)) else { return };
        place.insert(e.credential.clone());
        if let Ok(ready) = signing::ready_key(&e.public_key) {
            self.ready.insert(e.credential.clone(), (e.public_key.clone(), Arc::new(ready)));
        }
        let authorised = self.judge_enrolment(e, index, statement);
        if authorised.is_ok() {
            let above = e.authoriser.as_ref().filter(|_| !self.is_root(e));
            let above = above.and_then(|a| self.depths.get(&a.credential)).copied().unwrap_or(0);
            self.depths.insert(e.credential.clone(), above.saturating_add(1));
            self.changed.insert(e.person.clone(), index);
        }
        let judged = Judged { index, document: e.clone(), authorised };
        self.enrolments.insert(e.credential.clone(), judged);
    }

    fn note_revoked(&mut self, key: Digest, index: u64, authorised: &Result<(), Problem>) {
        if authorised.as_ref().is_err_and(|why| why.status == Status::Failed) {
            return;
        }
        let known = self.revoked_keys.get(&key).map(|(_, known)| known.is_ok());
        if known.is_none() || (known == Some(false) && authorised.is_ok()) {
            self.revoked_keys.insert(key, (index, authorised.clone()));
        }
    }

    /// Whether the list already holds a change of the same matter that stands and that the
    /// document, by its `after`, could not know: another role or enrolment of the person of a
    /// `role`, another `policy`. Who signed it decided on what was no longer so, and an operator
    /// who files a document late, or a second time, must not undo what came between.
    #[must_use]
    pub fn overtaken(&self, body: &Body) -> bool {
        let last = match body {
            Body::Role(r) => self.changed.get(&r.person).copied(),
            Body::Policy(_) => self.last_policy,
            _ => None,
        };
        matches!((last, body.after()), (Some(last), Some(after)) if last >= after.gov.size)
    }

    fn is_root(&self, enrolment: &Enrolment) -> bool {
        self.rules.roots.contains(&enrolment.public_key)
    }

    /// The revocations of a credential, ascending.
    pub fn revocations(&self, credential: &[u8]) -> impl Iterator<Item = &Judged<Revocation>> {
        self.revocations.get(credential).into_iter().flatten()
    }

    /// The policy in force at size n: the last policy entry before it. The first is authorised by
    /// genesis alone, whose manifest hash is `first_manifest`.
    ///
    /// # Errors
    /// Failed `policy.not_in_force`; indeterminate `governance.unauthorised` if the last policy
    /// entry is signed by nobody who may.
    pub fn policy_at(&self, n: u64, first_manifest: &Digest) -> Result<PolicyRef, Problem> {
        let before = self.policies.partition_point(|p| p.index < n);
        let Some(last) = before.checked_sub(1).and_then(|i| self.policies.get(i)) else {
            return Err(Problem::failed(
                "policy.not_in_force",
                format!("no policy before size {n}"),
            ));
        };
        let (index, manifest) = (last.index, last.document.manifest_sha256);
        if let Err(why) = &last.authorised {
            let detail = format!("policy entry {index}: {} ({})", why.detail, why.code);
            return Err(Problem::open("governance.unauthorised", detail));
        }
        if index == 2 && manifest != *first_manifest {
            return Err(Problem::failed(
                "policy.not_in_force",
                "the first policy is not genesis's",
            ));
        }
        Ok(PolicyRef { index, manifest })
    }
}

/// What makes two keys the same key, however their COSE_Keys are written.
pub(crate) fn key_of(cose: &[u8]) -> [u8; 32] {
    PublicKey::from_cose(cose).map_or_else(|_| placet_proto::sha256(cose), |k| k.thumbprint())
}

/// A credential id for people: its first bytes.
#[must_use]
pub fn short(credential: &[u8]) -> String {
    let text = placet_proto::b64::encode_url(credential);
    match text.char_indices().nth(16) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
