//! Two ledgers for those who read what they say: one with a day on which every kind of statement
//! was recorded and nothing was wrong, and one with the attacks that a log shows.
//!
//! `PLACET_EVERY_KIND` names a folder, empty or missing, in which `clean/` and `attacked/` stay
//! behind; programs of others are shown what those give as events.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::*;
use placet_ledger::service::*;
use placet_ledger::{LogId, Statement as Stored};
use placet_proto::document::{DigestRef, Initiator, OutcomeResult, Quorum, Raw, Role, Verdict};
use placet_proto::kind::Kind;
use placet_proto::sshsig::Namespace;
use placet_proto::statement::Statement;
use placet_softkey::SoftKey;

#[test]
fn a_day_with_every_kind_and_a_day_with_every_attack() {
    let wanted = std::env::var_os("PLACET_EVERY_KIND").map(std::path::PathBuf::from);
    for (name, story) in [("clean", clean as fn(&Day)), ("attacked", attacked)] {
        let day = Day::begin();
        story(&day);
        let missing: Vec<_> = Kind::ALL.into_iter().filter(|k| !day.has(*k)).collect();
        assert!(name == "attacked" || missing.is_empty(), "{missing:?}");
        let root = day.fixture.tmp.path().join("d");
        let kept = day.end();
        if let Some(folder) = &wanted {
            copy(&root, &folder.join(name));
        }
        drop(kept);
    }
}

/// What happens without anybody doing wrong.
fn clean(day: &Day) {
    let fixture = &day.fixture;
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    let mut carol = fixture.enrol("Carol", &mut alice);
    day.finished("X0", &mut bob);
    day.finished("X1", &mut carol);
    fixture.answer(&day.asked("X0001", Quorum::of(1)), &mut carol, true);
    fixture.ledger.cancel(&day.asked("X0001", Quorum::of(1)), "no longer needed").unwrap();
    day.decided(Verdict::Permit, "permitted");
    day.decided(Verdict::Deny, "pdp.denied");
    let request = day.asked("X0001", Quorum::of(1));
    fixture.answer(&request, &mut bob, false);
    fixture.ledger.consume(&fixture.consume(&request)).unwrap();
    let lost = Report { result: OutcomeResult::Failure, ..fixture.report(&request) };
    fixture.ledger.outcome(&lost).unwrap();

    // Governance: roles, a lost key, a key in its place, a stricter policy, an act, an erasure.
    let roles = vec![Role::Approver, Role::Auditor];
    day.change(&Change::Roles { person: bob.id.clone(), roles }, &mut alice);
    let key = SoftKey::generate("localhost").unwrap();
    day.announce("Carol", key);
    let revoked = Change::Revoke {
        credential: carol.key.credential_id().to_vec(),
        effective_from: fixture.ledger.now(),
        reason: "lost".to_owned(),
    };
    day.change(&revoked, &mut alice);
    let files = ["a.cedar", "b.cedar"].map(|name| (name.to_owned(), b"forbid".to_vec()));
    day.change(&Change::Policy(BTreeMap::from(files)), &mut alice);
    let erased = day.finished("X-erased", &mut bob);
    let leaf = fixture.ledger.row(&erased).unwrap().decision;
    let by = alice.key.credential_id().to_vec();
    let order = fixture.ledger.prepare_erasure(leaf, "asked for", &by).unwrap();
    let assertion = signed(&mut alice.key, &order.to_sign.challenge);
    fixture.ledger.confirm_erasure(order.to_sign.document.sha256(), assertion).unwrap();

    let late = day.asked("X-late", Quorum::of(1));
    fixture.clock.forward(700);
    let mut changes = fixture.ledger.changes();
    while fixture.ledger.row(&late).unwrap().state != RequestState::Expired {
        futures_util::future::FutureExt::now_or_never(changes.changed());
        std::thread::yield_now();
    }
}

/// What somebody tries, as far as a ledger records it. What it refuses to record leaves a denial
/// with its reason at most.
fn attacked(day: &Day) {
    let fixture = &day.fixture;
    let mut alice = fixture.bootstrap("Alice");
    let mut bob = fixture.enrol("Bob", &mut alice);
    // An approval is brought again after it was spent, one when its time is over, and one for
    // another action: the decision point asks for a new one each time, and says why.
    day.finished("X0001", &mut bob);
    day.refused("X0001", "pdp.approval_spent");
    let late = day.asked("X0002", Quorum::of(1));
    fixture.answer(&late, &mut bob, false);
    day.refused("X0002", "pdp.approval_expired");
    let other = day.asked("X0003", Quorum::of(1));
    fixture.answer(&other, &mut bob, false);
    day.refused("X9999", "pdp.approval_digest");
    day.decided(Verdict::Deny, "pdp.approval_unverifiable");
    // Somebody lets an agent ask in his own name, and approves it himself: the policy allows that.
    let own = NewDecision {
        initiator: Initiator { kind: "user".to_owned(), id: bob.id.clone() },
        quorum: Some(Quorum { allow_self: true, ..Quorum::of(1) }),
        ..fixture.decision(1)
    };
    let own = fixture.ledger.create(own, Carried::default()).unwrap();
    fixture.answer(&own, &mut bob, false);
    // A dozen approvals within a moment.
    for n in 0..12 {
        fixture.answer(&day.asked(&format!("Y{n}"), Quorum::of(1)), &mut bob, false);
    }
    // The policy of two files becomes one of none that forbids.
    let files = BTreeMap::from([("a.cedar".to_owned(), b"permit".to_vec())]);
    day.change(&Change::Policy(files), &mut alice);
    day.decided(Verdict::Permit, "permitted");
}

/// A ledger on one day.
struct Day {
    fixture: Fixture,
}

impl Day {
    fn begin() -> Self {
        Self { fixture: Fixture::with(|config| config.recovery_delay_s = 86_400) }
    }

    /// A request that waits for a person.
    fn asked(&self, user: &str, quorum: Quorum) -> String {
        let decision =
            NewDecision { action: action(user), quorum: Some(quorum), ..self.fixture.decision(1) };
        let raw = (user == "X0").then(|| Raw {
            media_type: "application/json".to_owned(),
            length: 2,
            sha256: [7; 32],
        });
        self.fixture.ledger.create(decision, Carried { raw, ..Carried::default() }).unwrap()
    }

    /// A request that was approved, decided again, spent, and is over.
    fn finished(&self, user: &str, by: &mut Person) -> String {
        let fixture = &self.fixture;
        let request = self.asked(user, Quorum::of(1));
        let approval = fixture.answer(&request, by, false).appended;
        let again = NewDecision {
            request: Some(request.clone()),
            action: action(user),
            decision: Verdict::Permit,
            reason: "approved".to_owned(),
            approvals: vec![DigestRef {
                index: approval.index,
                document_sha256: *approval.document.sha256(),
            }],
            not_after: None,
            quorum: None,
            ..fixture.decision(1)
        };
        fixture.ledger.decide(again, Carried::default()).unwrap();
        let action_digest = action(user).digest();
        let raw = fixture.ledger.request(&request).unwrap().raw;
        let consume = Consume { action_digest, raw: raw.clone(), ..fixture.consume(&request) };
        fixture.ledger.consume(&consume).unwrap();
        let report = Report { action_digest, raw, ..fixture.report(&request) };
        fixture.ledger.outcome(&report).unwrap();
        request
    }

    /// An approval that does not count is brought: a new one may be asked for.
    fn refused(&self, user: &str, reason: &str) {
        let (action, reason) = (action(user), reason.to_owned());
        let decision = NewDecision { action, reason, ..self.fixture.decision(1) };
        self.fixture.ledger.create(decision, Carried::default()).unwrap();
    }

    fn decided(&self, decision: Verdict, reason: &str) {
        let decided = self.final_decision(decision, reason);
        self.fixture.ledger.decide(decided, Carried::default()).unwrap();
    }

    fn final_decision(&self, decision: Verdict, reason: &str) -> NewDecision {
        let reason = reason.to_owned();
        let fresh = self.fixture.decision(1);
        NewDecision { decision, reason, not_after: None, quorum: None, ..fresh }
    }

    fn change(&self, change: &Change, by: &mut Person) {
        let sign = self.fixture.ledger.prepare_change(change, by.key.credential_id()).unwrap();
        let by = signed(&mut by.key, &sign.challenge);
        self.fixture.ledger.confirm_change(sign.document.sha256(), by).unwrap();
    }

    /// A recovery, and the act that its link is.
    fn announce(&self, name: &str, mut key: SoftKey) {
        let ledger = &self.fixture.ledger;
        let root = self.fixture.tmp.path().join("d");
        let link = recovery_link(&root, name, ledger.now()).unwrap();
        ledger.record_noted_acts().unwrap();
        let begun = ledger.begin_invited(&link.token, None).unwrap();
        let made = registered(&key, &begun.challenge);
        let sign = ledger.register(&begun.registration, &made).unwrap();
        assert_eq!(sign.namespace, Namespace::Recover);
        ledger.announce_recovery(&begun.registration, signed(&mut key, &sign.possess)).unwrap();
    }

    fn has(&self, kind: Kind) -> bool {
        let mut found = BTreeSet::new();
        for id in LogId::ALL {
            let log = self.fixture.ledger.log(id);
            for index in 0..log.size() {
                if let Stored::Present(bytes) = log.statement(index).unwrap() {
                    found.insert(Statement::parse(&bytes).unwrap().kind());
                }
            }
        }
        found.contains(&kind)
    }

    /// Publishes all of it and closes the ledger; what is given keeps the folder.
    fn end(self) -> tempfile::TempDir {
        let Fixture { ledger, tmp, .. } = self.fixture;
        for id in LogId::ALL {
            ledger.publisher(id).publish_now().unwrap();
        }
        let weak = std::sync::Arc::downgrade(&ledger);
        drop(ledger);
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        tmp
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let (path, target) = (item.path(), to.join(item.file_name()));
        if item.file_type().unwrap().is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
