//! The roster: who could approve at governance size n, computed from the complete list of
//! governance entries and never told by anybody (SPEC.md 6.5, 9.3).
//!
//! The service uses this when it accepts an approval; the auditor computes it again.

mod eligible;
mod recovery;

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::cose_key::PublicKey;
use placet_proto::document::{
    Body, Digest, Enrolment, KeyClass, Policy, PolicyRef, Revocation, Role, RoleChange, Signer,
};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::statement::Statement;
use placet_proto::tlog::merkle::{CompactRange, leaf_hash};

use self::recovery::Announced;
use crate::crypto;
use crate::report::Problem;
use crate::webauthn::{self, AssertionFacts, AssertionPolicy, CredentialKey};

/// Most enrolments from a credential up to its root, and most signatures that a role rests on.
/// Who replaces a key every year needs a third of it in ten; without a limit, a list of answers
/// under a long chain costs the product of both.
pub const MAX_LINEAGE: usize = 32;

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

/// How a credential comes to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// One line for each enrolment, the credential's own first, the root last.
    pub steps: Vec<String>,
    /// Credentials of the authorisers with the index of the enrolment that each authorised.
    pub ancestors: Vec<(Vec<u8>, u64)>,
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
    /// Thumbprints of the keys that are enrolled.
    keys: BTreeSet<[u8; 32]>,
    /// Length of the lineage by credential, of those that stand.
    depths: BTreeMap<Vec<u8>, usize>,
    roles: BTreeMap<String, Vec<Judged<RoleChange>>>,
    /// Index of the last standing enrolment or role of a person.
    changed: BTreeMap<String, u64>,
    /// Role changes that another change of the same person overtook before they were recorded.
    overtaken: BTreeSet<u64>,
    revocations: BTreeMap<Vec<u8>, Vec<Judged<Revocation>>>,
    /// Ascending by index.
    recoveries: Vec<Announced>,
    /// T1 of entries whose time matters, by index, as far as it is known.
    times: BTreeMap<u64, u64>,
    policies: Vec<Judged<Policy>>,
    forks: Vec<Problem>,
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
            keys: BTreeSet::new(),
            depths: BTreeMap::new(),
            roles: BTreeMap::new(),
            changed: BTreeMap::new(),
            overtaken: BTreeSet::new(),
            revocations: BTreeMap::new(),
            recoveries: Vec::new(),
            times,
            policies: Vec::new(),
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

    /// Governance documents whose `after` names a root that is not this log's (SPEC.md 9.2).
    #[must_use]
    pub fn forks(&self) -> &[Problem] {
        &self.forks
    }

    /// The enrolment of a credential, whatever it is worth.
    #[must_use]
    pub fn enrolment(&self, credential: &[u8]) -> Option<&Judged<Enrolment>> {
        self.enrolments.get(credential)
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
                self.forks.push(Problem::failed(
                    "order.governance",
                    format!("governance entry {index} names a root of size {}", after.gov.size),
                ));
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
                let judged = Judged { index, document: r.clone(), authorised };
                self.revocations.entry(r.credential.clone()).or_default().push(judged);
            }
            Body::Recovery(r) => {
                self.recoveries.extend(Announced::new(index, r, statement));
            }
            Body::Policy(p) => {
                let authorised = self.judge_policy(p, index, statement);
                self.policies.push(Judged { index, document: p.clone(), authorised });
            }
            _ => {}
        }
    }

    /// The first enrolment of a key counts too. Credential ids are signed by nobody: under another
    /// id a revoked root would be new, and one passkey would be two persons.
    fn add_enrolment(&mut self, e: &Enrolment, index: u64, statement: &Statement) {
        if !self.keys.insert(key_of(&e.public_key)) {
            return;
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

    /// Whether the list already holds a change of the same matter that stands and that the
    /// document, by its `after`, could not know: another role or enrolment of the person of a
    /// `role`, another `policy`. Who signed it decided on what was no longer so, and an operator
    /// who files a document late, or a second time, must not undo what came between.
    #[must_use]
    pub fn overtaken(&self, body: &Body) -> bool {
        let last = match body {
            Body::Role(r) => self.changed.get(&r.person).copied(),
            Body::Policy(_) => {
                self.policies.iter().rfind(|p| p.authorised.is_ok()).map(|p| p.index)
            }
            _ => None,
        };
        matches!((last, body.after()), (Some(last), Some(after)) if last >= after.gov.size)
    }

    fn is_root(&self, enrolment: &Enrolment) -> bool {
        self.rules.roots.contains(&enrolment.public_key)
    }

    fn judge_enrolment(
        &self,
        e: &Enrolment,
        index: u64,
        statement: &Statement,
    ) -> Result<(), Problem> {
        if e.class == KeyClass::Software && !self.rules.allow_software {
            return Err(Problem::failed("trust.dev_log", "the passkey is a software key"));
        }
        self.assertion(statement, Namespace::EnrolPossess, &e.credential, e)
            .map_err(|p| lineage_problem(index, p))?;
        if let Some(at) = e.recovery {
            // Of a root too: a root says whose the key is, not that nobody objected.
            self.judge_recovery(e, at, index)?;
            let detail = format!("enrolment #{index} of {} is a recovery", short(&e.credential));
            let known = self.is_root(e);
            return if known { Ok(()) } else { Err(Problem::open("lineage.recovery", detail)) };
        }
        if self.is_root(e) {
            return Ok(());
        }
        let Some(authoriser) = &e.authoriser else {
            return Err(Problem::open(
                "lineage.operator_asserted",
                format!("enrolment #{index} of {} is authorised by nobody", short(&e.credential)),
            ));
        };
        // A person's second key: the first gives what it has, and no more.
        let own = Signers::Each(&e.roles);
        let may = if authoriser.person == e.person { own } else { ADMINISTRATOR };
        let n = e.after.gov.size;
        self.signed_by(may, statement, authoriser, Namespace::EnrolAuthorise, n, index)
            .map_err(|p| lineage_problem(index, p))?;
        if self.depths.get(&authoriser.credential).is_some_and(|d| *d >= MAX_LINEAGE) {
            let detail = format!("enrolment #{index} is more than {MAX_LINEAGE} from a root");
            return Err(Problem::open("lineage.depth", detail));
        }
        Ok(())
    }

    /// Whoever holds a key may always say that it is lost, whether or not it was revoked before;
    /// an administrator may say so of any key, and an approver too of one that was announced for a
    /// recovery and is not enrolled yet. A key that only the operator says is that person's may
    /// not: else he could revoke whom he likes.
    fn judge_revocation(
        &self,
        r: &Revocation,
        index: u64,
        statement: &Statement,
    ) -> Result<(), Problem> {
        let (signer, n) = (&r.signer, r.after.gov.size);
        let announced = self.is_announced(&r.credential, &r.key, n);
        let enrolled = self.enrolments.get(&r.credential);
        let named = enrolled.is_some_and(|e| key_of(&e.document.public_key) == r.key);
        if !announced && !named {
            let detail = format!("{} has another key, or none", short(&r.credential));
            return Err(Problem::failed("revocation.key", detail));
        }
        let of = |c: &[u8]| self.enrolments.get(c).filter(|e| e.index < n).map(|e| &e.document);
        let stands = self.enrolments.get(&signer.credential).is_some_and(|e| e.authorised.is_ok());
        if let (true, Some(own), Some(target)) =
            (stands || signer.credential == r.credential, of(&signer.credential), of(&r.credential))
            && own.person == target.person
            && own.person == signer.person
        {
            return self
                .assertion(statement, Namespace::Revoke, &signer.credential, own)
                .map(|_| ());
        }
        let objects = Signers::Any(&[Role::Administrator, Role::Approver]);
        let may = if announced { objects } else { ADMINISTRATOR };
        self.signed_by(may, statement, signer, Namespace::Revoke, n, index)
    }

    fn judge_policy(&self, p: &Policy, index: u64, statement: &Statement) -> Result<(), Problem> {
        match &p.authorised {
            // Authorised by genesis alone: `policy_at` compares the manifest.
            None if index == 2 => Ok(()),
            None => Err(Problem::failed(
                "lineage.assertion",
                format!("policy entry {index} is unsigned"),
            )),
            Some(_) if self.overtaken(&statement.document.body) => Err(Problem::failed(
                "order.index",
                format!("policy entry {index} was signed before another came into force"),
            )),
            Some((signer, after)) => {
                let n = after.gov.size;
                self.signed_by(ADMINISTRATOR, statement, signer, Namespace::Policy, n, index)
            }
        }
    }

    /// `authorised(credential, n, role)` of SPEC.md 9.3, revocations of the credential itself left
    /// to [`Governance::revocations`].
    ///
    /// # Errors
    /// Why not: failed, or indeterminate `lineage.operator_asserted`.
    pub fn authorised(
        &self,
        credential: &[u8],
        n: u64,
        role: Role,
    ) -> Result<&Judged<Enrolment>, Problem> {
        let Some(enrolled) = self.enrolments.get(credential) else {
            return Err(Problem::failed("lineage.unknown_credential", short(credential)));
        };
        let index = enrolled.index;
        if index >= n {
            return Err(Problem::failed(
                "order.enrolled_late",
                format!(
                    "{} enrolled at governance index {index}, not before size {n}",
                    short(credential)
                ),
            ));
        }
        enrolled.authorised.clone()?;
        let e = &enrolled.document;
        if self.is_root(e) || self.has_role(e, index, n, role) {
            return Ok(enrolled);
        }
        Err(Problem::failed(
            "lineage.role",
            format!("{} is no {} at size {n}", short(credential), role.name()),
        ))
    }

    /// The enrolments from a credential up to its root.
    #[must_use]
    pub fn lineage(&self, credential: &[u8]) -> Lineage {
        let mut out = Lineage::default();
        let mut next = self.enrolments.get(credential);
        while let Some(Judged { index, document, .. }) = next {
            let line = format!("enrolment #{index} of {}", short(&document.credential));
            if self.is_root(document) {
                out.steps.push(format!("{line}: a root of the trust file"));
                break;
            }
            let Some(authoriser) = &document.authoriser else {
                let by = document.recovery.map(|at| format!("announced by recovery #{at}"));
                out.steps
                    .push(format!("{line}: {}", by.as_deref().unwrap_or("authorised by nobody")));
                break;
            };
            out.steps.push(format!("{line}: authorised by {}", short(&authoriser.credential)));
            out.ancestors.push((authoriser.credential.clone(), *index));
            if out.steps.len() >= MAX_LINEAGE {
                out.steps.push("…".to_owned());
                break;
            }
            // Indexes fall on the way up, so that this ends.
            next = self.enrolments.get(&authoriser.credential).filter(|e| e.index < *index);
        }
        out
    }

    /// The credentials on whose word it rests that a credential is enrolled and holds `role` at
    /// size `n`, each with the index of the entry that it signed: of authorisers of enrolments,
    /// and of those who gave roles.
    ///
    /// # Errors
    /// Indeterminate `lineage.depth` if there are more than [`MAX_LINEAGE`].
    pub fn vouchers(
        &self,
        credential: &[u8],
        n: u64,
        role: Role,
    ) -> Result<Vec<(Vec<u8>, u64)>, Problem> {
        let mut found: BTreeSet<(Vec<u8>, u64)> = BTreeSet::new();
        let mut next = vec![(credential.to_vec(), n, role)];
        while let Some((credential, n, role)) = next.pop() {
            let Some(Judged { index, document, .. }) = self.enrolments.get(&credential) else {
                continue;
            };
            if self.is_root(document) {
                continue;
            }
            let enrolled = document.authoriser.as_ref().map(|a| (a, *index, &document.after));
            let gave = |c: &&Judged<RoleChange>| {
                c.index > *index
                    && c.index < n
                    && c.authorised.is_ok()
                    && !self.overtaken.contains(&c.index)
                    && c.document.roles.contains(&role)
            };
            let given = self.role_changes(&document.person).rfind(gave);
            let given = given.map(|c| (&c.document.signer, c.index, &c.document.after));
            for (signer, index, after) in enrolled.into_iter().chain(given) {
                if found.insert((signer.credential.clone(), index)) {
                    let n = after.gov.size;
                    next.push((signer.credential.clone(), n, Role::Administrator));
                    if signer.person == document.person && role != Role::Administrator {
                        // A person's own key gives a second one what was given to it.
                        next.push((signer.credential.clone(), n, role));
                    }
                }
            }
            if found.len() > MAX_LINEAGE {
                let detail = format!("rests on more than {MAX_LINEAGE} signatures");
                return Err(Problem::open("lineage.depth", detail));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Checks that `signer` signed the statement under `namespace`, is one of those who may at size
    /// `n` of its `after` and still at its own `index`, and is not revoked by anything before it.
    /// The second because `after` is what the operator shows: a document can be filed, or signed
    /// with the help of somebody who lost the role, long after the checkpoint that it names.
    fn signed_by(
        &self,
        may: Signers<'_>,
        statement: &Statement,
        signer: &Signer,
        namespace: Namespace,
        n: u64,
        index: u64,
    ) -> Result<(), Problem> {
        let enrolled = self.may_sign(may, &signer.credential, n)?;
        self.may_sign(may, &signer.credential, index)?;
        if enrolled.document.person != signer.person {
            return Err(Problem::failed("lineage.person", short(&signer.credential))
                .versus(&enrolled.document.person, &signer.person));
        }
        if self.revocations(&signer.credential).any(|r| r.index < index && r.authorised.is_ok()) {
            return Err(Problem::failed("lineage.revoked", short(&signer.credential)));
        }
        self.assertion(statement, namespace, &signer.credential, &enrolled.document).map(|_| ())
    }

    /// An administrator may sign whatever anybody may.
    fn may_sign(
        &self,
        may: Signers<'_>,
        credential: &[u8],
        n: u64,
    ) -> Result<&Judged<Enrolment>, Problem> {
        let administrator = self.authorised(credential, n, Role::Administrator);
        let (Err(why), Signers::Any(roles) | Signers::Each(roles)) = (&administrator, may) else {
            return administrator;
        };
        let mut holds = roles.iter().map(|role| self.authorised(credential, n, *role));
        match may {
            Signers::Any(_) => holds.find(Result::is_ok).unwrap_or_else(|| Err(why.clone())),
            Signers::Each(_) => holds.try_fold(None, |_, held| held.map(Some))?.ok_or(why.clone()),
        }
    }

    /// Runs the strict assertion check with an enrolled key.
    ///
    /// # Errors
    /// `assertion.*`; indeterminate `alg.unsupported`.
    pub fn assertion(
        &self,
        statement: &Statement,
        namespace: Namespace,
        credential: &[u8],
        enrolment: &Enrolment,
    ) -> Result<AssertionFacts, Problem> {
        let Some(assertion) = statement.assertion(namespace) else {
            return Err(Problem::failed("assertion.binding", "no assertion under its namespace"));
        };
        let document = statement.document.bytes();
        self.check_assertion(
            assertion,
            &sshsig::challenge(namespace, document),
            credential,
            enrolment,
        )
    }

    /// [`Governance::assertion`] for an assertion that stands in no statement yet.
    ///
    /// # Errors
    /// As there.
    pub fn check_assertion(
        &self,
        assertion: &placet_proto::statement::Assertion,
        challenge: &[u8],
        credential: &[u8],
        enrolment: &Enrolment,
    ) -> Result<AssertionFacts, Problem> {
        if assertion.credential != credential {
            return Err(Problem::failed("assertion.binding", "assertion by another credential")
                .versus(short(credential), short(&assertion.credential)));
        }
        if !self.rules.rp_ids.contains(&enrolment.rp_id) {
            return Err(Problem::failed("assertion.rp_id", "the RP id is not allowed")
                .versus(self.rules.rp_ids.join(", "), &enrolment.rp_id));
        }
        let public_key = crypto::parse_cose_key(&enrolment.public_key)
            .map_err(|e| code_problem(e.code(), e.to_string()))?;
        let policy =
            AssertionPolicy::strict(vec![enrolment.rp_id.clone()], self.rules.origins.clone());
        let key = CredentialKey { public_key, backup_eligible: enrolment.backup_eligible };
        let assertion = webauthn::Assertion {
            credential_id: &assertion.credential,
            authenticator_data: &assertion.authenticator_data,
            client_data_json: &assertion.client_data_json,
            signature: &assertion.signature,
        };
        webauthn::verify_assertion(&policy, challenge, &key, &assertion)
            .map_err(|e| code_problem(e.code(), e.to_string()))
    }

    /// Whether a credential's person has a role at size n: that of its enrolment, replaced by
    /// every `role` since. A change that was overtaken, or that the enrolment could not know by its
    /// `after`, only takes away.
    fn has_role(&self, enrolment: &Enrolment, index: u64, n: u64, role: Role) -> bool {
        let mut has = enrolment.roles.contains(&role);
        let since = enrolment.after.gov.size;
        for change in self.role_changes(&enrolment.person) {
            if change.index >= n {
                break;
            }
            if change.index < since || change.authorised.is_err() {
                continue;
            }
            let replaces = change.index > index && !self.overtaken.contains(&change.index);
            has = change.document.roles.contains(&role) && (has || replaces);
        }
        has
    }

    /// The role changes of a person, ascending.
    pub fn role_changes(
        &self,
        person: &str,
    ) -> impl DoubleEndedIterator<Item = &Judged<RoleChange>> {
        self.roles.get(person).into_iter().flatten()
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

/// Whose signature a document needs; an administrator's will always do.
#[derive(Clone, Copy)]
enum Signers<'a> {
    /// Somebody with one of these roles.
    Any(&'a [Role]),
    /// Somebody with each of these roles.
    Each(&'a [Role]),
}

const ADMINISTRATOR: Signers<'static> = Signers::Any(&[]);

/// What makes two keys the same key, however their COSE_Keys are written.
fn key_of(cose: &[u8]) -> [u8; 32] {
    PublicKey::from_cose(cose).map_or_else(|_| placet_proto::sha256(cose), |k| k.thumbprint())
}

/// A bad assertion of an enrolment is a bad lineage; other problems stay what they are.
fn lineage_problem(index: u64, problem: Problem) -> Problem {
    if !problem.code.starts_with("assertion.") {
        return problem;
    }
    let detail = format!("enrolment #{index}: {} ({})", problem.detail, problem.code);
    Problem { code: "lineage.assertion", detail, ..problem }
}

fn code_problem(code: &'static str, detail: String) -> Problem {
    if code == "alg.unsupported" {
        Problem::open(code, detail)
    } else {
        Problem::failed(code, detail)
    }
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
