//! An operator who cheats with all his keys, one way a test: the verifier notices each.

use placet_forge::{Forge, Person};
use placet_proto::action::Action;
use placet_proto::bundle::Bundle;
use placet_proto::document::Role;
use placet_proto::json;
use placet_proto::trust::TrustFile;
use placet_verifier::{Options, Report, Verdict, verify_bundle};

fn action(id: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"disable_user"}},
            "resource":{{"type":"user","id":"{id}"}},"context":{{}}}}"#
    );
    Action::from_document(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

/// A ledger with a root administrator and one request approved, executed and closed.
struct Story {
    forge: Forge,
    alice: Person,
    request: String,
    approval: u64,
    execution: u64,
}

fn story() -> Story {
    let mut forge = Forge::new();
    let mut alice = Person::named("Alice");
    forge.tick(5);
    forge.enrol(&mut alice, &[Role::Administrator, Role::Approver], None);
    let request = forge.uuid();
    forge.tick(5);
    forge.publish_both();
    let answer = forge.answer_for(&request, &action("X0001"), &alice);
    forge.tick(3);
    let approval = forge.answer(&mut alice, answer, false);
    forge.publish_main();
    forge.tick(1);
    let execution = forge.execute(forge.execution_of(&[approval]));
    forge.publish_main();
    forge.tick(1);
    forge.outcome(execution, |_| ());
    forge.publish_main();
    forge.tick(2);
    forge.publish_gov();
    Story { forge, alice, request, approval, execution }
}

impl Story {
    fn bundle(&self) -> Bundle {
        self.forge.bundle(&[&self.request], &[&self.alice])
    }

    fn trust(&self) -> TrustFile {
        self.forge.trust(&[&self.alice])
    }

    fn check(&self) -> Report {
        check(&self.bundle(), &self.trust())
    }
}

fn check(bundle: &Bundle, trust: &TrustFile) -> Report {
    let options = Options { as_of: 1_795_305_600, ..Options::default() };
    verify_bundle(&bundle.encode(), trust, &options).unwrap()
}

#[track_caller]
fn assert_code(report: &Report, verdict: Verdict, code: &str) {
    assert_eq!((report.verdict, report.code), (verdict, Some(code)), "{report:#?}");
}

#[test]
fn the_honest_story_passes() {
    let story = story();
    let report = story.check();
    assert_eq!(report.verdict, Verdict::Passed, "{report:#?}");
    let facts = &report.requests[0];
    assert_eq!(facts.answers[0].name.as_deref(), Some("Alice"));
    assert!(facts.answers[0].t1 < facts.answers[0].t2);
    assert_eq!(
        (facts.answers[0].index, facts.execution.as_ref().unwrap().index),
        (story.approval, story.execution)
    );
}

#[test]
fn without_allow_dev_a_development_ledger_fails() {
    let story = story();
    let trust = TrustFile { allow_dev: false, ..story.trust() };
    assert_code(&check(&story.bundle(), &trust), Verdict::Failed, "trust.dev_log");
}
