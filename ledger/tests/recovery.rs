//! A key in place of a lost one: announced, open to objection, enrolled after the delay.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::*;
use placet_ledger::LogId;
use placet_ledger::service::*;
use placet_proto::document::{Body, Role};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;
use placet_softkey::SoftKey;

const DELAY_S: u64 = 86_400;

/// A ledger whose witness lives by the clock of the test.
struct Slow {
    fixture: Fixture,
    witnesses: Witnesses,
}

impl Slow {
    fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().join("d");
        let mut config = Config::local("localhost/test", 8420);
        (config.publish_ms, config.recovery_delay_s) = (20, DELAY_S);
        let clock = Arc::<TestClock>::default();
        let witnesses = witnesses(&root, &config, tmp.path(), &clock);
        let around = Surroundings { clock: clock.clone(), witnesses: Some(witnesses.clone()) };
        let Initialised { ledger, code } = init(&root, &config, &BTreeMap::new(), around).unwrap();
        Self { fixture: Fixture { ledger, clock, code, tmp }, witnesses }
    }

    /// Closes the ledger and opens it again.
    fn reopen(self) -> Self {
        let Self { fixture: Fixture { ledger, clock, code, tmp }, witnesses } = self;
        let weak = Arc::downgrade(&ledger);
        drop(ledger);
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        let ledger = loop {
            let around = Surroundings { clock: clock.clone(), witnesses: Some(witnesses.clone()) };
            match Ledger::open(&tmp.path().join("d"), around) {
                Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        Self { fixture: Fixture { ledger, clock, code, tmp }, witnesses }
    }

    fn ledger(&self) -> &Ledger {
        &self.fixture.ledger
    }

    fn link(&self, named: &str) -> Result<Invited, placet_ledger::Error> {
        // The service runs, and holds the lock of the folder.
        let root = self.fixture.tmp.path().join("d");
        recovery_link(&root, named, self.ledger().now())
    }

    /// Registers a fresh key by a link.
    fn register(&self, link: &Invited) -> (String, SoftKey, EnrolmentToSign) {
        let begun = self.ledger().begin_invited(&link.token, None).unwrap();
        let key = SoftKey::generate("localhost").unwrap();
        let made = registered(&key, &begun.challenge);
        let sign = self.ledger().register(&begun.registration, &made).unwrap();
        assert_eq!(sign.namespace, Namespace::Recover);
        (begun.registration, key, sign)
    }

    fn announce(&self, named: &str) -> (Invited, String, SoftKey) {
        let link = self.link(named).unwrap();
        let (id, mut key, sign) = self.register(&link);
        let signed = signed(&mut key, &sign.possess);
        self.ledger().announce_recovery(&id, signed).unwrap();
        (link, id, key)
    }

    fn state(&self, link: &Invited) -> &'static str {
        self.ledger().invitation(&link.token, None).unwrap().1.name()
    }

    fn object(&self, key: &SoftKey, by: &mut Person) -> Result<(), placet_ledger::Error> {
        let change = Change::Revoke {
            credential: key.credential_id().to_vec(),
            effective_from: self.ledger().now(),
            reason: "objection".to_owned(),
        };
        let sign = self.ledger().prepare_change(&change, by.key.credential_id())?;
        let by = signed(&mut by.key, &sign.challenge);
        self.ledger().confirm_change(sign.document.sha256(), by).map(drop)
    }
}

impl Slow {
    fn change_roles(&self, by: &mut Person, person: &str, roles: Vec<Role>) {
        let change = Change::Roles { person: person.to_owned(), roles };
        let sign = self.ledger().prepare_change(&change, by.key.credential_id()).unwrap();
        let signed = signed(&mut by.key, &sign.challenge);
        self.ledger().confirm_change(sign.document.sha256(), signed).unwrap();
    }
}

fn code<T>(result: Result<T, placet_ledger::Error>) -> &'static str {
    result.err().map_or("ok", |e| e.code())
}

// SPEC.md R-10-30.
#[test]
fn after_the_delay_the_announced_key_is_enrolled_and_everybody_was_told() {
    let slow = Slow::new();
    let alice = slow.fixture.bootstrap("Alice");
    let slow = slow.reopen();
    let (link, id, mut key) = slow.announce("Alice");
    let slow = slow.reopen();
    let running = slow.ledger().running_recoveries().unwrap();
    assert_eq!((running.len(), running[0].person.as_str()), (1, alice.id.as_str()));
    assert_eq!(running[0].key, key.public_key().thumbprint());
    let wait = running[0].effective_from.0 - slow.ledger().now().0;
    assert!((DELAY_S - 60..=DELAY_S).contains(&wait), "{wait}");
    assert_eq!(slow.state(&link), "announced");
    assert_eq!(code(slow.ledger().complete_recovery(&id)), "recovery.early");
    // The announcement alone authorises nothing.
    assert!(slow.ledger().roles_now(key.credential_id()).unwrap().is_empty());

    slow.fixture.clock.forward(DELAY_S + 1);
    let slow = slow.reopen();
    let sign = slow.ledger().complete_recovery(&id).unwrap();
    let slow = slow.reopen();
    let by_key = signed(&mut key, &sign.possess);
    let done = slow.ledger().sign_enrolment(&id, Namespace::EnrolPossess, by_key).unwrap();
    assert!(matches!(done, Enrolled::Recorded { note_missing: None, .. }), "{done:?}");
    assert_eq!(slow.state(&link), "ready");
    assert!(slow.ledger().running_recoveries().unwrap().is_empty());
    let person = slow.ledger().person(&alice.id).unwrap();
    assert_eq!((person.keys.len(), person.name.as_deref()), (2, Some("Alice")));
    assert_eq!(person.keys[1].roles, person.keys[0].roles);
    // The new key is the person's: it says that the old one is lost.
    let mut recovered = Person { id: alice.id, key };
    slow.object(&alice.key, &mut recovered).unwrap();
    assert_eq!(slow.ledger().administrator_keys().unwrap(), 1);
}

// SPEC.md R-10-31.
#[test]
fn an_approver_s_objection_ends_it() {
    let slow = Slow::new();
    let mut alice = slow.fixture.bootstrap("Alice");
    let mut bob = slow.fixture.enrol("Bob", &mut alice);
    let (link, id, mut key) = slow.announce("Alice");
    let second = slow.link("Alice").unwrap();
    let begun = slow.ledger().begin_invited(&second.token, None).unwrap();
    let made = registered(&SoftKey::generate("localhost").unwrap(), &begun.challenge);
    let refused = slow.ledger().register(&begun.registration, &made);
    assert_eq!(code(refused), "recovery.running");
    // The new key can't silence anybody, nor object.
    let mut thief = Person { id: alice.id.clone(), key: SoftKey::generate("localhost").unwrap() };
    assert_eq!(code(slow.object(&key, &mut thief)), "person.unknown");

    slow.object(&key, &mut bob).unwrap();
    let slow = slow.reopen();
    assert_eq!(slow.state(&link), "rejected");
    assert!(slow.ledger().running_recoveries().unwrap().is_empty());
    let all = slow.ledger().recoveries().unwrap();
    assert!(matches!(all[0].state, RecoveryState::Objected(_)), "{all:?}");
    slow.fixture.clock.forward(DELAY_S + 1);
    assert_eq!(code(slow.ledger().complete_recovery(&id)), "recovery.objected");
    let by_key = signed(&mut key, b"anything");
    let early = slow.ledger().sign_enrolment(&id, Namespace::EnrolPossess, by_key);
    assert_eq!(code(early), "request.invalid");
    // Bob's own key is not a recovery's: only administrators revoke those of others.
    let bobs = bob.key.credential_id().to_vec();
    let change = Change::Revoke {
        credential: alice.key.credential_id().to_vec(),
        effective_from: slow.ledger().now(),
        reason: "x".to_owned(),
    };
    assert_eq!(code(slow.ledger().prepare_change(&change, &bobs)), "person.not_authorised");
    // It can begin again.
    slow.announce("Alice");
}

// SPEC.md R-10-31.
#[test]
fn an_objection_between_the_last_signature_and_its_record_counts() {
    let slow = Slow::new();
    let mut alice = slow.fixture.bootstrap("Alice");
    let (_, id, mut key) = slow.announce("Alice");
    slow.fixture.clock.forward(DELAY_S + 1);
    let sign = slow.ledger().complete_recovery(&id).unwrap();
    slow.object(&key, &mut alice).unwrap();
    let by_key = signed(&mut key, &sign.possess);
    let done = slow.ledger().sign_enrolment(&id, Namespace::EnrolPossess, by_key);
    assert_eq!(code(done), "recovery.objected");
    assert!(slow.ledger().roles_now(key.credential_id()).unwrap().is_empty());
}

// SPEC.md R-10-30.
#[test]
fn links_are_for_those_who_are_known_and_for_a_day() {
    let slow = Slow::new();
    assert_eq!(code(slow.link("Alice")), "person.unknown");
    slow.fixture.bootstrap("Alice");
    let link = slow.link("Alice").unwrap();
    slow.fixture.clock.forward(86_400);
    assert_eq!(code(slow.ledger().begin_invited(&link.token, None)), "invite.expired");
    let link = slow.link("Alice").unwrap();
    let (id, mut key, sign) = slow.register(&link);
    // What is signed is the announcement, under its own namespace.
    let wrong = signed(&mut key, &sign.possess);
    let other = slow.ledger().sign_enrolment(&id, Namespace::EnrolPossess, wrong);
    assert_eq!(code(other), "request.invalid");
    let mut stranger = SoftKey::generate("localhost").unwrap();
    let forged = signed(&mut stranger, &sign.possess);
    assert_eq!(code(slow.ledger().announce_recovery(&id, forged)), "answer.assertion");
    assert!(slow.ledger().recoveries().unwrap().is_empty());
    let config = Config { dev: false, recovery_delay_s: 3600, ..slow.ledger().config().clone() };
    let saved = config.save(&slow.fixture.tmp.path().join("d"));
    assert_eq!(code(saved), "config.invalid");
}

// SPEC.md R-10-30.
#[test]
fn an_announcement_that_was_kept_back_leaves_no_less_time_to_object() {
    let slow = Slow::new();
    let alice = slow.fixture.bootstrap("Alice");
    let link = slow.link("Alice").unwrap();
    let (id, mut key, sign) = slow.register(&link);
    // The link is good still; what it was signed for would count in a minute.
    slow.fixture.clock.forward(86_400 - 60);
    let late = signed(&mut key, &sign.possess);
    assert_eq!(code(slow.ledger().announce_recovery(&id, late)), "enrol.unknown");
    assert!(slow.ledger().recoveries().unwrap().is_empty());
    assert_eq!(slow.state(&link), "open");
    // Registered again it is announced, and counts after the whole delay.
    let (id, mut key, sign) = slow.register(&link);
    let fresh = signed(&mut key, &sign.possess);
    slow.ledger().announce_recovery(&id, fresh).unwrap();
    let running = slow.ledger().running_recoveries().unwrap();
    assert_eq!(running[0].person, alice.id);
    assert!(running[0].effective_from.0 + 60 >= slow.ledger().now().0 + DELAY_S);
}

#[test]
fn who_was_demoted_meanwhile_gets_nothing_back_by_a_recovery() {
    let slow = Slow::new();
    let mut alice = slow.fixture.bootstrap("Alice");
    let bob = slow.fixture.enrol("Bob", &mut alice);
    let (_, id, _) = slow.announce("Bob");
    slow.change_roles(&mut alice, &bob.id, vec![Role::Auditor]);
    slow.fixture.clock.forward(DELAY_S + 1);
    assert_eq!(code(slow.ledger().complete_recovery(&id)), "person.not_authorised");

    // Nor between the document and its signature.
    let carol = slow.fixture.enrol("Carol", &mut alice);
    let (_, id, mut key) = slow.announce("Carol");
    slow.fixture.clock.forward(DELAY_S + 1);
    let sign = slow.ledger().complete_recovery(&id).unwrap();
    slow.change_roles(&mut alice, &carol.id, vec![Role::Auditor]);
    let by_key = signed(&mut key, &sign.possess);
    let done = slow.ledger().sign_enrolment(&id, Namespace::EnrolPossess, by_key);
    assert_eq!(code(done), "person.not_authorised");
    assert!(slow.ledger().roles_now(key.credential_id()).unwrap().is_empty());
}

#[test]
fn a_link_made_on_the_machine_is_on_the_record() {
    let slow = Slow::new();
    slow.fixture.bootstrap("Alice");
    let link = slow.link("Alice").unwrap();
    let size = slow.ledger().log(LogId::Main).size();
    slow.ledger().record_noted_acts().unwrap();
    assert_eq!(slow.ledger().log(LogId::Main).size(), size + 1);
    let statement = match slow.ledger().log(LogId::Main).statement(size).unwrap() {
        placet_ledger::Statement::Present(bytes) => Statement::parse(&bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let Body::Administration(act) = &statement.document.body else { panic!("another kind") };
    assert_eq!((act.act.as_str(), act.target.as_str()), ("invitation.create", link.id.as_str()));
}
