//! The whole verification, over sound evidence with a few bytes changed and the seal put right:
//! what still passes must state the same facts.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use placet_forge::{Forge, Person};
use placet_proto::{action::Action, document::Role, json, sha256, trust::TrustFile};
use placet_verifier::{Options, RequestFacts, Verdict, verify_bundle};

const MAX_EDITS: usize = 4;
const SEAL: usize = 32;

struct Sound {
    bytes: Vec<u8>,
    trust: TrustFile,
    facts: Vec<RequestFacts>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let mut forge = Forge::new();
    let mut alice = Person::named("Alice");
    forge.tick(5);
    forge.enrol(&mut alice, &[Role::Administrator, Role::Approver], None);
    let request = forge.uuid();
    forge.tick(5);
    forge.publish_both();
    let action = json::parse(
        br#"{"subject":{"type":"agent","id":"a"},"action":{"name":"n"},
        "resource":{"type":"user","id":"u"},"context":{}}"#,
    );
    let action = Action::from_document(&action.expect("JSON")).expect("an action");
    let answer = forge.answer_for(&request, &action, &alice);
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
    let bytes = forge.bundle(&[&request], &[&alice]).encode();
    let trust = forge.trust(&[&alice]);
    let report = verify_bundle(&bytes, &trust, &Options::default()).expect("sound evidence");
    assert_eq!(report.verdict, Verdict::Passed);
    Sound { bytes, trust, facts: report.requests }
});

fuzz_target!(|data: &[u8]| {
    let _ = verify_bundle(data, &SOUND.trust, &Options::default());
    let mut bytes = SOUND.bytes.clone();
    let end = bytes.len() - SEAL;
    for edit in data.chunks_exact(4).take(MAX_EDITS) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % end;
        bytes[at] = if edit[2] & 1 == 0 { bytes[at] ^ edit[3] } else { edit[3] };
    }
    let seal = sha256(&bytes[..end]);
    bytes[end..].copy_from_slice(&seal);
    if let Ok(report) = verify_bundle(&bytes, &SOUND.trust, &Options::default()) {
        if report.verdict == Verdict::Passed {
            assert_eq!(report.requests, SOUND.facts);
        }
    }
});
