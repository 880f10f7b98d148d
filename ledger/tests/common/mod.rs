//! A ledger in a temporary folder, with software passkeys for persons.
#![allow(dead_code)] // Each test file uses a part of it.

pub mod web;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use placet_ledger::service::keys::{Keys, NoteSigner};
use placet_ledger::service::*;
use placet_ledger::witness::{WitnessClient, WitnessGroup, builtin};
use placet_ledger::{Dir, LogId};
use placet_proto::action::Action;
use placet_proto::document::{Initiator, PolicyRef, Quorum, Role, Verdict};
use placet_proto::json;
use placet_proto::sshsig::Namespace;
use placet_proto::time::UnixSeconds;
use placet_proto::tlog::Policy;
use placet_proto::trust::{Root, TrustFile};
use placet_softkey::SoftKey;

pub const ORIGIN: &str = "cli://localhost";

/// The clock of the machine, set forward by tests.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn back(&self, seconds: u64) {
        self.0.fetch_sub(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(SystemClock.now().0.wrapping_add(self.0.load(Ordering::SeqCst)))
    }
}

pub struct Person {
    pub id: String,
    pub key: SoftKey,
}

pub struct Fixture {
    pub ledger: Arc<Ledger>,
    pub clock: Arc<TestClock>,
    pub code: String,
    pub tmp: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let mut config = Config::local("localhost/test", 8420);
        config.publish_ms = 20;
        // The tests' one agent asks for more than agents may.
        config.max_open_per_agent = 10_000;
        change(&mut config);
        let policy = BTreeMap::from([("a.cedar".to_owned(), b"forbid".to_vec())]);
        let clock = Arc::<TestClock>::default();
        let around = Surroundings { clock: clock.clone(), witnesses: None };
        let root = tmp.path().join("d");
        let Initialised { ledger, code } = init(&root, &config, &policy, around).unwrap();
        Self { ledger, clock, code, tmp }
    }

    /// Closes the ledger and opens it again.
    pub fn reopen(self, between: impl FnOnce(&std::path::Path)) -> Self {
        let Self { ledger, clock, code, tmp } = self;
        let root = tmp.path().join("d");
        let weak = Arc::downgrade(&ledger);
        drop(ledger);
        // The timer thread may hold the ledger for the moment of its round.
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        between(&root);
        let around = || Surroundings { clock: clock.clone(), witnesses: None };
        let ledger = loop {
            match Ledger::open(&root, around()) {
                Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        Self { ledger, clock, code, tmp }
    }

    /// Enrols the first person, who has every role.
    pub fn bootstrap(&self, name: &str) -> Person {
        let challenge = self.ledger.begin_bootstrap(&self.code, name).unwrap();
        self.finish(challenge, None)
    }

    /// Enrols a further person, authorised by `by`.
    pub fn enrol(&self, name: &str, by: &mut Person) -> Person {
        let authoriser = by.key.credential_id().to_vec();
        let roles = [Role::Approver];
        let challenge = self.ledger.begin_enrolment(name, &roles, &authoriser, None).unwrap();
        self.finish(challenge, Some(by))
    }

    fn finish(&self, c: RegistrationChallenge, by: Option<&mut Person>) -> Person {
        let mut key = SoftKey::generate("localhost").unwrap();
        let registered = registered(&key, &c.challenge);
        let sign = self.ledger.register(&c.registration, &registered).unwrap();
        let possess = signed(&mut key, &sign.possess);
        let mut done =
            self.ledger.sign_enrolment(&c.registration, Namespace::EnrolPossess, possess).unwrap();
        if let Some(by) = by {
            assert_eq!(done, Enrolled::Waiting(Namespace::EnrolAuthorise));
            let (credential, challenge) = sign.authorise.unwrap();
            assert_eq!(credential, by.key.credential_id());
            let authorise = signed(&mut by.key, &challenge);
            done = self
                .ledger
                .sign_enrolment(&c.registration, Namespace::EnrolAuthorise, authorise)
                .unwrap();
        }
        assert!(matches!(done, Enrolled::Recorded { note_missing: None, .. }), "{done:?}");
        Person { id: c.person, key }
    }

    pub fn policy(&self) -> PolicyRef {
        self.ledger.policy_files().unwrap().0
    }

    pub fn decision(&self, required: u64) -> NewDecision {
        NewDecision {
            request: None,
            action: action("X0001"),
            audience: self.ledger.config().audience.clone(),
            initiator: agent(),
            decision: Verdict::Requestable,
            policy: self.policy(),
            determining: vec!["policy0".into()],
            reason: "approval_required".into(),
            approvals: vec![],
            not_after: self.ledger.now().checked_add(600),
            quorum: Some(Quorum::of(required)),
            obligations: vec![],
            seen: None,
        }
    }

    pub fn request(&self, required: u64) -> String {
        self.ledger.create(self.decision(required), Carried::default()).unwrap()
    }

    pub fn open(
        &self,
        request: &str,
        by: &Person,
        denial: bool,
    ) -> Result<ToSign, placet_ledger::Error> {
        self.ledger.open_request(&Opening {
            request: request.to_owned(),
            credential: by.key.credential_id().to_vec(),
            surface: "cli".into(),
            denial,
            reason: denial.then(|| "no".to_owned()),
        })
    }

    pub fn answer(&self, request: &str, by: &mut Person, denial: bool) -> Answered {
        let sign = self.open(request, by, denial).unwrap();
        let assertion = signed(&mut by.key, &sign.challenge);
        self.ledger.answer(sign.document.sha256(), assertion).unwrap()
    }

    pub fn consume(&self, request: &str) -> Consume {
        Consume {
            request: request.to_owned(),
            audience: self.ledger.config().audience.clone(),
            initiator: agent(),
            action_digest: action("X0001").digest(),
            raw: None,
            idempotency: b"call 1".to_vec(),
            policy: Some(self.policy()),
        }
    }

    pub fn report(&self, request: &str) -> Report {
        Report {
            request: request.to_owned(),
            audience: self.ledger.config().audience.clone(),
            result: placet_proto::document::OutcomeResult::Success,
            action_digest: action("X0001").digest(),
            raw: None,
            detail: "done".into(),
            idempotency: None,
        }
    }

    pub fn trust(&self, roots: &[&Person]) -> TrustFile {
        let roots = roots
            .iter()
            .map(|p| Root { public_key: p.key.public_key().to_cose(), name: None })
            .collect();
        let choices = TrustChoices { roots, allow_dev: true, ..TrustChoices::default() };
        self.ledger.trust_file(choices).unwrap()
    }
}

/// A witness that lives by the clock of the test, in the folder `tmp`.
pub fn witnesses(
    root: &std::path::Path,
    config: &Config,
    tmp: &std::path::Path,
    clock: &Arc<TestClock>,
) -> Witnesses {
    let dir = Dir::init(root).unwrap();
    let keys = Keys::load_or_create(&dir, config.receipt_alg).unwrap();
    let origins = [(LogId::Main, config.origin.clone()), (LogId::Gov, config.gov_origin())];
    let logs = origins.map(|(id, origin)| {
        let signer = NoteSigner::new(&origin, Arc::clone(&keys.of(id).checkpoint)).unwrap();
        (origin, vec![signer.verifier().clone()])
    });
    let folder = tmp.join("w");
    std::fs::create_dir(&folder).unwrap();
    let (of_witness, by) = (Arc::clone(clock), "w.example");
    let witness =
        builtin::open(&folder, by, logs.to_vec(), Box::new(move || of_witness.now().0)).unwrap();
    let text = format!("witness w {}\nquorum w\n", witness.public().to_vkey());
    let group = || {
        let client: WitnessClient = builtin::client(Arc::clone(&witness));
        let policy = Policy::parse(text.as_bytes()).unwrap();
        Arc::new(WitnessGroup::with_clients(policy, vec![Some(client)], Duration::from_secs(5)))
    };
    let (main, gov) = (group(), group());
    Witnesses { text, operated_by_self: vec![], main, gov }
}

pub fn action(id: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"user","id":"dora"}},"action":{{"name":"disable_user"}},
        "resource":{{"type":"user","id":"{id}"}},"context":{{"ticket":"T-1"}}}}"#
    );
    Action::from_document(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

pub fn agent() -> Initiator {
    Initiator { kind: "agent".into(), id: "helpdesk-bot".into() }
}

pub fn registered(key: &SoftKey, challenge: &[u8]) -> Registered {
    let r = key.register(challenge, ORIGIN);
    Registered {
        attestation_object: r.attestation_object,
        client_data_json: r.client_data_json,
        software: true,
    }
}

pub fn signed(key: &mut SoftKey, challenge: &[u8]) -> Signed {
    let a = key.assert(challenge, ORIGIN);
    Signed {
        credential: a.credential_id,
        authenticator_data: a.authenticator_data,
        client_data_json: a.client_data_json,
        signature: a.signature,
    }
}
