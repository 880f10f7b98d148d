//! Both logs, the keys and the clock.

use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use placet_proto::action::Action;
use placet_proto::cbor::{MapWriter, Writer};
use placet_proto::cose::{self, ALG_EDDSA};
use placet_proto::document::{
    After, Answer, Body, DigestRef, Document, Execution, Genesis, Initiator, Issuer, KeyInfo, Keys,
    NoteRef, Outcome, OutcomeResult, Policy, PolicyRef, Purpose, Quorum, Shown,
};
use placet_proto::kind::{Kind, LogRole};
use placet_proto::statement::{Assertion, Attestation, Header, Unsigned};
use placet_proto::time::UnixSeconds;
use placet_proto::tlog::checkpoint::SignedCheckpoint;

use crate::log::{MemLog, Witness, public};
use crate::people::Person;

/// Origin of the main log.
pub const MAIN: &str = "example.org/placet";
/// Origin of the governance log.
pub const GOV: &str = "example.org/placet/gov";
/// RP id.
pub const RP_ID: &str = "localhost";
/// Origin of the approval page.
pub const ORIGIN: &str = "http://localhost:8080";
/// The PEP.
pub const AUDIENCE: &str = "urn:example:pep:directory";
/// 2026-11-22T00:00:00Z.
pub(crate) const START: u64 = 1_795_305_600;

/// A key that issues statements.
#[derive(Debug, Clone)]
pub struct IssuerKey {
    /// `iss`.
    pub iss: String,
    /// The key.
    pub key: SigningKey,
    /// Kinds that genesis and the trust file let it state.
    pub kinds: Vec<String>,
    /// Its only audience.
    pub audience: Option<String>,
}

impl IssuerKey {
    /// RFC 9679 thumbprint.
    #[must_use]
    pub fn kid(&self) -> [u8; 32] {
        public(&self.key).thumbprint()
    }
}

/// The ledger.
#[derive(Debug, Clone)]
pub struct Forge {
    /// Seconds since 1970.
    pub clock: u64,
    /// Main log.
    pub main: MemLog,
    /// Governance log.
    pub gov: MemLog,
    /// Two witnesses; the policy asks for both.
    pub witnesses: [Witness; 2],
    /// The ledger's issuer key.
    pub ledger_key: IssuerKey,
    /// The PEP's issuer key.
    pub pep_key: IssuerKey,
    /// Whether genesis says dev.
    pub dev: bool,
    /// Index and manifest of the policy in force.
    pub policy: PolicyRef,
    counter: u64,
}

impl Forge {
    /// A ledger with genesis, key and policy in both logs, cosigned. `dev` as software keys are
    /// all there is here.
    #[must_use]
    pub fn new() -> Self {
        Self::with(true)
    }

    /// A ledger whose genesis says `dev` or not.
    #[must_use]
    pub fn with(dev: bool) -> Self {
        let kinds = |list: &[Kind]| list.iter().map(|k| k.name().to_owned()).collect::<Vec<_>>();
        let pep_kinds = [Kind::Execution, Kind::Outcome];
        let ledger_kinds: Vec<Kind> =
            Kind::ALL.into_iter().filter(|k| !pep_kinds.contains(k)).collect();
        let log = |role: LogRole, origin: &str| MemLog {
            role,
            origin: origin.to_owned(),
            checkpoint_key: signing_key(&format!("{origin} checkpoint")),
            receipt_key: signing_key(&format!("{origin} receipt")),
            statements: Vec::new(),
            notes: Vec::new(),
        };
        let witness = |name: &str| Witness { name: name.to_owned(), key: signing_key(name) };
        let mut forge = Self {
            clock: START,
            main: log(LogRole::Main, MAIN),
            gov: log(LogRole::Gov, GOV),
            witnesses: [witness("example.org/w1"), witness("example.net/w2")],
            ledger_key: IssuerKey {
                iss: MAIN.to_owned(),
                key: signing_key("ledger issuer"),
                kinds: kinds(&ledger_kinds),
                audience: None,
            },
            pep_key: IssuerKey {
                iss: AUDIENCE.to_owned(),
                key: signing_key("pep issuer"),
                kinds: kinds(&pep_kinds),
                audience: Some(AUDIENCE.to_owned()),
            },
            dev,
            policy: PolicyRef { index: 2, manifest: [0; 32] },
            counter: 0,
        };
        forge.init();
        forge
    }

    fn init(&mut self) {
        let files = vec![("policies.cedar".to_owned(), placet_proto::sha256(b"forbid all"))];
        let manifest = placet_proto::sha256(&Policy::manifest_bytes(&files));
        self.policy = PolicyRef { index: 2, manifest };
        let issuers: Vec<Issuer> = [&self.ledger_key, &self.pep_key]
            .map(|k| Issuer { kid: k.kid(), kinds: k.kinds.clone(), audience: k.audience.clone() })
            .into();
        for role in [LogRole::Main, LogRole::Gov] {
            let genesis = Body::Genesis(Genesis {
                role,
                origin: self.log(role).origin.clone(),
                peer: self.log(other(role)).origin.clone(),
                dev: self.dev,
                rp_id: RP_ID.to_owned(),
                external_issuers: vec![],
                issuers: issuers.clone(),
                first_key: self.ledger_key.kid(),
                policy_manifest: manifest,
                at: UnixSeconds(self.clock),
            });
            let keys = Body::Key(Keys { keys: self.key_infos(role), at: UnixSeconds(self.clock) });
            let policy = Body::Policy(Policy {
                files: files.clone(),
                manifest_sha256: manifest,
                authorised: None,
                at: UnixSeconds(self.clock),
            });
            for body in [genesis, keys, policy] {
                let document = self.document(body);
                let subject = self.uuid();
                let issuer = self.ledger_key.clone();
                let statement = self.statement(&issuer, &document, &subject, vec![], None);
                self.log_mut(role).append(statement);
            }
        }
        self.publish_both();
    }

    fn key_infos(&self, role: LogRole) -> Vec<KeyInfo> {
        let log = self.log(role);
        let info = |purpose, key: &SigningKey, issuer: Option<&IssuerKey>| KeyInfo {
            purpose,
            kid: public(key).thumbprint(),
            public_key: public(key).to_cose(),
            kinds: issuer.map(|i| i.kinds.clone()),
            audience: issuer.and_then(|i| i.audience.clone()),
        };
        vec![
            info(Purpose::Checkpoint, &log.checkpoint_key, None),
            info(Purpose::Receipt, &log.receipt_key, None),
            info(Purpose::Issuer, &self.ledger_key.key, Some(&self.ledger_key)),
            info(Purpose::Issuer, &self.pep_key.key, Some(&self.pep_key)),
        ]
    }

    /// One of the logs.
    #[must_use]
    pub fn log(&self, role: LogRole) -> &MemLog {
        match role {
            LogRole::Main => &self.main,
            LogRole::Gov => &self.gov,
        }
    }

    fn log_mut(&mut self, role: LogRole) -> &mut MemLog {
        match role {
            LogRole::Main => &mut self.main,
            LogRole::Gov => &mut self.gov,
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, seconds: u64) {
        self.clock += seconds;
    }

    /// Has the main log cosigned by both witnesses now.
    pub fn publish_main(&mut self) -> Vec<u8> {
        let (clock, [a, b]) = (self.clock, self.witnesses.clone());
        self.main.publish(&[(&a, clock), (&b, clock)])
    }

    /// Has the governance log cosigned by both witnesses now.
    pub fn publish_gov(&mut self) -> Vec<u8> {
        let (clock, [a, b]) = (self.clock, self.witnesses.clone());
        self.gov.publish(&[(&a, clock), (&b, clock)])
    }

    /// Has both logs cosigned now.
    pub fn publish_both(&mut self) {
        self.publish_main();
        self.publish_gov();
    }

    /// Writes copies of both logs, as `placet log export --log both` does.
    pub fn write_copies(&self, dir: &Path) {
        self.main.write_copy(&dir.join("log"));
        self.gov.write_copy(&dir.join("gov"));
    }

    /// `after` of the newest notes.
    #[must_use]
    pub fn after(&self) -> After {
        let of = |log: &MemLog| note_ref(log.notes.last().expect("a published note"));
        After { main: of(&self.main), gov: of(&self.gov) }
    }

    /// A fresh UUIDv4, deterministic.
    pub fn uuid(&mut self) -> String {
        self.counter += 1;
        uuid_from(&placet_proto::sha256(&self.counter.to_be_bytes()))
    }

    fn nonce(&mut self) -> [u8; 16] {
        self.counter += 1;
        let hash = placet_proto::sha256_parts(&[b"nonce", &self.counter.to_be_bytes()]);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&hash[..16]);
        nonce
    }

    /// A document with a fresh nonce.
    pub fn document(&mut self, body: Body) -> Document {
        Document::new(self.nonce(), body).expect("a document that the profile allows")
    }

    /// A statement by any issuer key.
    pub fn statement(
        &mut self,
        issuer: &IssuerKey,
        document: &Document,
        subject: &str,
        assertions: Vec<Assertion>,
        attestation: Option<&Attestation>,
    ) -> Vec<u8> {
        let header = Header {
            alg: ALG_EDDSA,
            kid: issuer.kid(),
            iss: issuer.iss.clone(),
            sub: format!("urn:uuid:{subject}"),
            iat: self.clock,
            cti: self.nonce(),
            typ: document.kind().typ(),
        };
        let unsigned = Unsigned::new(&header, document, assertions, attestation);
        let signature = issuer.key.sign(&unsigned.signed_bytes()).to_bytes();
        unsigned.sign(&signature)
    }

    /// A statement of any kind with any bytes for a document.
    pub fn raw_statement(
        &mut self,
        issuer: &IssuerKey,
        kind: &str,
        subject: &str,
        document: &[u8],
    ) -> Vec<u8> {
        let header = Header {
            alg: ALG_EDDSA,
            kid: issuer.kid(),
            iss: issuer.iss.clone(),
            sub: format!("urn:uuid:{subject}"),
            iat: self.clock,
            cti: self.nonce(),
            typ: placet_proto::kind::typ_of(kind),
        };
        let mut map = MapWriter::new();
        map.text("kind", |w| w.text(kind))
            .text("profile", |w| w.text(placet_proto::PROFILE))
            .text("document", |w| w.bytes(document))
            .text("assertions", |w| w.array(0));
        let mut w = Writer::new();
        w.map(map);
        let (protected, payload) = (header.encode(), w.into_bytes());
        let signature = issuer.key.sign(&cose::sig_structure(&protected, &payload)).to_bytes();
        cose::encode_sign1(&protected, cose::EMPTY_MAP, Some(&payload), &signature)
    }

    /// What a person would sign for `action` now.
    #[must_use]
    pub fn answer_for(&self, request: &str, action: &Action, person: &Person) -> Answer {
        Answer {
            request: request.to_owned(),
            action: action.clone(),
            audience: AUDIENCE.to_owned(),
            initiator: initiator(),
            approver: person.signer(),
            rp_id: RP_ID.to_owned(),
            surface: "browser".to_owned(),
            quorum: Quorum::of(1),
            raw: None,
            policy: self.policy.clone(),
            after: self.after(),
            not_after: UnixSeconds(self.clock + 600),
            shown: Some(Shown {
                template_sha256: placet_proto::sha256(b"template"),
                locale: "en".to_owned(),
                text_sha256: placet_proto::sha256(b"text"),
            }),
            reason: None,
        }
    }

    /// What the PEP would state when it spends the approvals at these indexes.
    #[must_use]
    pub fn execution_of(&self, approvals: &[u64]) -> Execution {
        let refs: Vec<DigestRef> = approvals.iter().map(|i| self.digest_ref(*i)).collect();
        let first = self.main.statements.get(approvals[0] as usize).expect("an index of the log");
        let parsed = placet_proto::statement::Statement::parse(first).expect("our own statement");
        let (Body::Approval(answer) | Body::Denial(answer)) = &parsed.document.body else {
            panic!("not an answer");
        };
        Execution {
            request: answer.request.clone(),
            audience: answer.audience.clone(),
            initiator: answer.initiator.clone(),
            action_digest: answer.action.digest(),
            raw: answer.raw.clone(),
            approvals: refs,
            idempotency: placet_proto::sha256(b"idempotency key"),
            after: self.after(),
            at: UnixSeconds(self.clock),
        }
    }

    /// States an execution.
    pub fn execute(&mut self, execution: Execution) -> u64 {
        let request = execution.request.clone();
        self.pep_states(Body::Execution(execution), &request)
    }

    /// States the outcome of the execution at this index.
    pub fn outcome(&mut self, execution_index: u64, change: impl FnOnce(&mut Outcome)) -> u64 {
        let statement = &self.main.statements[execution_index as usize];
        let parsed =
            placet_proto::statement::Statement::parse(statement).expect("our own statement");
        let Body::Execution(execution) = &parsed.document.body else { panic!("not an execution") };
        let mut outcome = Outcome {
            request: execution.request.clone(),
            audience: execution.audience.clone(),
            execution: self.digest_ref(execution_index),
            result: OutcomeResult::Success,
            action_digest: execution.action_digest,
            raw: execution.raw.clone(),
            detail: String::new(),
            after: self.after(),
            at: UnixSeconds(self.clock),
        };
        change(&mut outcome);
        let request = outcome.request.clone();
        self.pep_states(Body::Outcome(outcome), &request)
    }

    /// A statement by the PEP's key, appended to the main log.
    pub fn pep_states(&mut self, body: Body, request: &str) -> u64 {
        let document = self.document(body);
        let issuer = self.pep_key.clone();
        let statement = self.statement(&issuer, &document, request, vec![], None);
        self.main.append(statement)
    }

    /// A statement by the ledger's key, appended to the main log.
    pub fn ledger_states(&mut self, body: Body, subject: &str) -> u64 {
        let document = self.document(body);
        let issuer = self.ledger_key.clone();
        let statement = self.statement(&issuer, &document, subject, vec![], None);
        self.main.append(statement)
    }

    fn digest_ref(&self, index: u64) -> DigestRef {
        let statement = self.main.statements.get(index as usize).expect("an index of the log");
        let parsed =
            placet_proto::statement::Statement::parse(statement).expect("our own statement");
        DigestRef { index, document_sha256: *parsed.document.sha256() }
    }
}

impl Default for Forge {
    fn default() -> Self {
        Self::new()
    }
}

/// The agent.
#[must_use]
pub fn initiator() -> Initiator {
    Initiator { kind: "agent".to_owned(), id: "support-bot".to_owned() }
}

/// A note as an `after` names it.
#[must_use]
pub fn note_ref(note: &[u8]) -> NoteRef {
    let signed = SignedCheckpoint::parse(note).expect("a checkpoint");
    let checkpoint = signed.checkpoint();
    NoteRef {
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        root: checkpoint.root,
        note_sha256: placet_proto::sha256(note),
    }
}

/// A deterministic Ed25519 key.
#[must_use]
pub fn signing_key(label: &str) -> SigningKey {
    SigningKey::from_bytes(&placet_proto::sha256(label.as_bytes()))
}

fn other(role: LogRole) -> LogRole {
    if role == LogRole::Main { LogRole::Gov } else { LogRole::Main }
}

pub(crate) fn uuid_from(hash: &[u8; 32]) -> String {
    let mut b = *hash;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = placet_proto::b64::encode_hex(&b[..16]);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
