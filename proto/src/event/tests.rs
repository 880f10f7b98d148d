//! Every format over the same facts: what is hidden stays hidden, what is said can be read back.

use proptest::prelude::*;

use super::read::{Found, Likeness};
use super::*;
use crate::action::Action;
use crate::document::{
    After, Answer, Body, Decision, DigestRef, Document, Execution, Genesis, Initiator, NoteRef,
    Outcome, OutcomeResult, PolicyRef, Quorum, Raw, Shown as ShownText, Signer, Verdict,
};
use crate::json;
use crate::statement::{Assertion, Header, Unsigned};
use crate::time::UnixSeconds;
use crate::tlog::checkpoint::Checkpoint;

const ORIGIN: &str = "ledger.example";
const REQUEST: &str = "3f1c6f0e-6a52-4a0e-9a55-0c6f4d5e7b01";
const PERSON: &str = "5b0f8f5c-7f0e-4d3b-8b9a-2f6f0a1b2c3d";
const KID: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];
const SECRET: &str = "the-parameter-that-nobody-may-see";

fn note_ref(origin: &str) -> NoteRef {
    NoteRef { origin: origin.to_owned(), size: 5, root: [1; 32], note_sha256: [2; 32] }
}

fn after() -> After {
    After { main: note_ref(ORIGIN), gov: note_ref("ledger.example/gov") }
}

fn action(resource: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"user","id":"alice@example.com","properties":{{"s":"{SECRET}"}}}},
        "action":{{"name":"disable_user","properties":{{"a":"{SECRET}"}}}},
        "resource":{{"type":"account","id":{resource},"properties":{{"r":"{SECRET}"}}}},
        "context":{{"c":"{SECRET}"}}}}"#
    );
    Action::from_request(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

fn initiator() -> Initiator {
    Initiator { kind: "agent".to_owned(), id: "agent-1".to_owned() }
}

fn answer(resource: &str, reason: Option<&str>) -> Answer {
    Answer {
        request: REQUEST.to_owned(),
        action: action(resource),
        audience: "pep.example".to_owned(),
        initiator: initiator(),
        approver: Signer { person: PERSON.to_owned(), credential: vec![1, 2, 3] },
        rp_id: "ledger.example".to_owned(),
        surface: "browser".to_owned(),
        quorum: Quorum { required: 1, people: vec![], roles: vec![], allow_self: false },
        raw: Some(Raw { media_type: "text/plain".to_owned(), length: 3, sha256: [9; 32] }),
        policy: PolicyRef { index: 2, manifest: [3; 32] },
        after: after(),
        not_after: UnixSeconds(1_800_000_000),
        shown: Some(ShownText {
            template_sha256: [4; 32],
            locale: "en".to_owned(),
            text_sha256: [5; 32],
        }),
        reason: reason.map(str::to_owned),
    }
}

fn genesis() -> Body {
    let issuer = |kid, kinds: &[&str]| crate::document::Issuer {
        kid,
        kinds: kinds.iter().map(|k| (*k).to_owned()).collect(),
        audience: None,
    };
    Body::Genesis(Genesis {
        role: LogRole::Main,
        origin: ORIGIN.to_owned(),
        peer: "ledger.example/gov".to_owned(),
        dev: true,
        rp_id: "ledger.example".to_owned(),
        external_issuers: vec![],
        issuers: vec![issuer(
            KID,
            &["genesis", "key", "decision", "approval", "denial", "outcome"],
        )],
        first_key: KID,
        policy_manifest: [3; 32],
        at: UnixSeconds(1_700_000_000),
    })
}

fn statement(kid: [u8; 32], body: Body) -> Vec<u8> {
    let uuid = body.request().unwrap_or(REQUEST).to_owned();
    let assertions = body.kind().namespace().map(|namespace| Assertion {
        namespace,
        credential: vec![1, 2, 3],
        authenticator_data: vec![0; 37],
        client_data_json: b"{}".to_vec(),
        signature: vec![0; 8],
    });
    let header = Header {
        alg: -8,
        kid,
        iss: "https://ledger.example".to_owned(),
        sub: format!("urn:uuid:{uuid}"),
        iat: 1_763_836_412,
        cti: [6; 16],
        typ: body.kind().typ(),
    };
    let document = Document::new([1; 16], body).unwrap();
    Unsigned::new(&header, &document, assertions.into_iter().collect(), None).sign(&[0; 64])
}

fn issuers() -> Issuers {
    let mut issuers = Issuers::default();
    let first = statement(KID, genesis());
    issuers.learn(LogRole::Main, 0, &crate::statement::Statement::parse(&first).unwrap());
    assert_eq!(issuers.parts().len(), 1);
    issuers
}

fn leaf<'a>(index: u64, bytes: &'a [u8]) -> Leaf<'a> {
    let entry = crate::sha256(bytes);
    let (role, covered_at) = (LogRole::Main, 1_763_836_500);
    Leaf { role, origin: ORIGIN, index, entry, statement: Some(bytes), covered_at }
}

fn key() -> HashKey {
    HashKey::new([42; 32])
}

fn encoder(format: Format) -> Encoder {
    Encoder::new(format, Profile::new(key(), []).unwrap())
}

fn note() -> Vec<u8> {
    let text = Checkpoint::new(ORIGIN, 7, [1; 32]).unwrap().to_text();
    let signed = b64::encode_std([&[0_u8, 0, 0, 1][..], &[0; 64]].concat());
    let stamped = [&[0_u8, 0, 0, 2][..], &1_763_836_499_u64.to_be_bytes(), &[0; 64]].concat();
    let stamped = b64::encode_std(stamped);
    format!("{text}\n\u{2014} {ORIGIN} {signed}\n\u{2014} witness.example {stamped}\n").into_bytes()
}

fn covering(note: &[u8]) -> Covering<'_> {
    let at = note_time(note).unwrap();
    let (role, origin, root) = (LogRole::Main, ORIGIN, [1; 32]);
    Covering {
        role,
        origin,
        sequence: 1,
        first: 5,
        size: 7,
        root,
        note,
        previous: Some([9; 32]),
        at,
    }
}

#[test]
fn every_format_says_which_leaf_it_is_of_and_can_be_compared() {
    let bytes = statement(KID, Body::Approval(answer(r#""acct|=\\\n7""#, None)));
    let masked = |format, text: &str| Encoder::new(format, Profile::parse(text, None).unwrap());
    for format in Format::ALL {
        let event = encoder(format).leaf(&leaf(12, &bytes), &issuers());
        assert_eq!(event.kind.code, "approval.approved", "{format:?}");
        assert!(!event.line.contains(&b'\n'), "{format:?}");
        let found = Found::parse(&event.line).unwrap();
        assert_eq!((found.format, found.index), (format, Some(12)), "{format:?}");
        assert_eq!((found.role, found.origin.as_str()), (LogRole::Main, ORIGIN));
        assert_eq!((found.uid.as_str(), found.time), (event.uid.as_str(), 1_763_836_412));
        assert_eq!(found.compare(&event.line, false), Likeness::Same, "{format:?}");
        // Without the key it is the same as far as can be said.
        let open = masked(format, &found.profile).leaf(&leaf(12, &bytes), &issuers());
        assert_eq!(found.compare(&open.line, true), Likeness::SameButHashes, "{format:?}");
        // Another person, or another hash that is none, is not.
        let other = statement(KID, Body::Approval(answer(r#""acct-8""#, None)));
        let other = encoder(format).leaf(&leaf(12, &other), &issuers());
        assert_eq!(found.compare(&other.line, false), Likeness::Different, "{format:?}");
    }
}

#[test]
fn content_is_hidden_unless_it_is_asked_for() {
    // [R-18-3] Parameters, reasons and digests that could be guessed are keyed hashes.
    let body = Body::Denial(answer(r#""acct-7""#, Some(SECRET)));
    let digest = b64::encode_hex(action(r#""acct-7""#).digest());
    let bytes = statement(KID, body);
    for format in Format::ALL {
        let line = encoder(format).leaf(&leaf(12, &bytes), &issuers()).line;
        let text = String::from_utf8(line).unwrap();
        assert!(!text.contains(SECRET) && !text.contains(&digest), "{format:?} {text}");
        assert!(!text.contains(&b64::encode_hex([9; 32])), "{format:?}: raw");
        assert!(text.contains("hmac-sha256:"), "{format:?}");
        let plain = Profile::new(key(), [("reason", Shown::Plain), ("context", Shown::Dropped)]);
        let plain = Encoder::new(format, plain.unwrap()).leaf(&leaf(12, &bytes), &issuers());
        let text = String::from_utf8(plain.line).unwrap();
        assert!(text.contains(SECRET), "{format:?}");
        assert!(text.contains("context:dropped reason:plain"), "{format:?} {text}");
    }
    let refused = |name, shown| Profile::new(key(), [(name, shown)]).unwrap_err().code();
    assert_eq!(refused("action_digest", Shown::Plain), "event.shown");
    assert_eq!(refused("request", Shown::Keyed), "event.shown");
    assert_eq!(refused("subject_id", Shown::Dropped), "event.shown");
    assert_eq!(refused("nonsense", Shown::Plain), "event.field");
}

#[test]
fn equal_actions_have_equal_hashes_and_different_ones_different_ones() {
    let digest_of = |body: Body| {
        let line = encoder(Format::Json).leaf(&leaf(1, &statement(KID, body)), &issuers()).line;
        let event = json::parse(&line).unwrap();
        event.get("action_digest").and_then(json::Json::as_str).unwrap().to_owned()
    };
    let outcome = |action_digest| {
        Body::Outcome(Outcome {
            request: REQUEST.to_owned(),
            audience: "pep.example".to_owned(),
            execution: DigestRef { index: 3, document_sha256: [1; 32] },
            result: OutcomeResult::Success,
            action_digest,
            raw: None,
            detail: String::new(),
            after: after(),
            at: UnixSeconds(1_763_836_412),
        })
    };
    let approved = digest_of(Body::Approval(answer(r#""acct-7""#, None)));
    assert_eq!(approved, digest_of(outcome(action(r#""acct-7""#).digest())));
    assert_ne!(approved, digest_of(outcome(action(r#""acct-8""#).digest())));
}

#[test]
fn what_others_state_is_external_whatever_it_looks_like() {
    // [R-18-5] An approval under a key that may not state approvals, and one before its key.
    let foreign = statement(OTHER, Body::Approval(answer(r#""acct-7""#, None)));
    let event = encoder(Format::Json).leaf(&leaf(12, &foreign), &issuers());
    assert_eq!(event.kind.code, "statement.external");
    assert!(!String::from_utf8(event.line).unwrap().contains("disable_user"));
    let execution = Body::Execution(Execution {
        request: REQUEST.to_owned(),
        audience: "pep.example".to_owned(),
        initiator: initiator(),
        action_digest: [1; 32],
        raw: None,
        approvals: vec![DigestRef { index: 3, document_sha256: [1; 32] }],
        idempotency: [1; 32],
        after: after(),
        at: UnixSeconds(1_763_836_412),
    });
    // A key of the ledger's, but not for this kind.
    let wrong = statement(KID, execution);
    let event = encoder(Format::Json).leaf(&leaf(12, &wrong), &issuers());
    assert_eq!(event.kind.code, "statement.external");
    let event = encoder(Format::Json).leaf(&leaf(12, b"\xd2nonsense"), &issuers());
    assert_eq!((event.kind.code, event.time_ms), ("statement.external", 1_763_836_500_000));
    // A second genesis names whom it likes.
    let mut known = issuers();
    let mut second = genesis();
    if let Body::Genesis(genesis) = &mut second {
        genesis.issuers[0].kid = OTHER;
    }
    let parsed = crate::statement::Statement::parse(&statement(OTHER, second)).unwrap();
    known.learn(LogRole::Main, 9, &parsed);
    assert_eq!(known, issuers());
}

#[test]
fn an_erased_leaf_keeps_its_id() {
    // [R-18-4]
    let bytes = statement(KID, Body::Approval(answer(r#""acct-7""#, None)));
    for format in Format::ALL {
        let before = encoder(format).leaf(&leaf(12, &bytes), &issuers());
        let erased = Leaf { statement: None, ..leaf(12, &bytes) };
        let after = encoder(format).leaf(&erased, &issuers());
        assert_eq!(
            (after.uid.as_str(), after.kind.code),
            (before.uid.as_str(), "statement.erased")
        );
        assert_eq!(after.time_ms, 1_763_836_500_000);
        assert!(!String::from_utf8(after.line).unwrap().contains(REQUEST), "{format:?}");
    }
}

#[test]
fn a_checkpoint_carries_its_note_and_its_time() {
    let note = note();
    for format in Format::ALL {
        let event = encoder(format).checkpoint(&covering(&note));
        assert_eq!(event.time_ms, 1_763_836_499_000, "{format:?}");
        let found = Found::parse(&event.line).unwrap();
        let of = found.note.clone().unwrap();
        assert_eq!((of.sequence, of.first, of.previous), (1, 5, Some([9; 32])), "{format:?}");
        assert_eq!(of.note, note, "{format:?}");
        assert_eq!(found.compare(&event.line, false), Likeness::Same);
    }
    assert_eq!(note_time(b"no note"), None);
}

#[test]
fn receivers_wrap_events_and_that_is_undone() {
    let note = note();
    let line = encoder(Format::Ocsf).checkpoint(&covering(&note)).line;
    let text = String::from_utf8(line.clone()).unwrap();
    let plain = Found::parse(&line).unwrap();
    for wrapped in [
        format!("<110>1 2026-11-22T18:33:32Z host placet 1 export.checkpoint - {text}\n"),
        format!("<110>1 - - - - - [placet@0 a=\"]\\\"x\"][b@0 c=\"d\"] \u{feff}{text}\r\n"),
        format!(r#"{{"time":"1.0","sourcetype":"placet:ocsf","event":{text},"fields":{{"a":1}}}}"#),
        // Written anew, with other blanks and another order.
        json_with_blanks(&text),
    ] {
        assert_eq!(Found::parse(wrapped.as_bytes()).unwrap(), plain, "{wrapped}");
    }
    for (line, code) in [
        (&b"<110>1 hello"[..], "event.format"),
        (b"hello", "event.format"),
        (b"\xff", "event.format"),
        (b"{", "json.syntax"),
        (br#"{"class_uid":1}"#, "event.member"),
        (b"CEF:0|a|b|c", "event.member"),
        (b"LEEF:2.0|Placet|Placet|1|x|x09|a=b", "event.member"),
    ] {
        let error = Found::parse(line).unwrap_err();
        assert_eq!(error.code(), code, "{:?}", String::from_utf8_lossy(line));
    }
    assert_eq!(Found::parse(&vec![b'x'; read::MAX_LINE + 1]).unwrap_err().code(), "event.limit");
}

fn json_with_blanks(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap().replace('\n', " ")
}

#[test]
fn a_profile_has_one_spelling() {
    let profile = Profile::new(key(), [("reason", Shown::Plain), ("context", Shown::Keyed)]);
    let text = profile.unwrap().text();
    assert_eq!(text, format!("{}/{} reason:plain", table::TABLE, key().id()));
    assert!(!Profile::parse(&text, Some(&key())).unwrap().is_masked());
    assert!(Profile::parse(&text, Some(&HashKey::new([1; 32]))).unwrap().is_masked());
    for (text, code) in [
        (format!("9/{} ", key().id()), "event.table"),
        (format!("{}/short", table::TABLE), "event.profile"),
        (format!("{}/{} context:keyed", table::TABLE, key().id()), "event.profile"),
        (format!("{}/{} reason:plain context:plain", table::TABLE, key().id()), "event.profile"),
        (format!("{}/{} reason:open", table::TABLE, key().id()), "event.profile"),
    ] {
        assert_eq!(Profile::parse(&text, None).unwrap_err().code(), code, "{text}");
    }
    assert_eq!(HashKey::parse(&key().to_text()).unwrap(), key());
    assert_eq!(HashKey::parse("short").unwrap_err().code(), "event.hash_key");
}

/// A decision whose texts are hostile.
fn decision(id: &str, reason: &str) -> Vec<u8> {
    let mut action = action(r#""acct-7""#);
    let mut whole = action.to_json();
    if let Some(resource) = whole.get("resource").cloned() {
        let mut resource = resource;
        resource.insert("id", json::Json::string(id));
        whole.insert("resource", resource);
        action = Action::from_request(&whole).unwrap();
    }
    let decision = Decision {
        request: REQUEST.to_owned(),
        action,
        audience: "pep.example".to_owned(),
        initiator: Initiator { kind: "agent".to_owned(), id: id.to_owned() },
        decision: Verdict::Deny,
        policy: PolicyRef { index: 2, manifest: [3; 32] },
        determining: vec![id.to_owned()],
        reason: reason.to_owned(),
        approvals: vec![],
        at: UnixSeconds(1_763_836_412),
        not_after: None,
        quorum: None,
        obligations: vec![],
        seen: None,
    };
    statement(KID, Body::Decision(decision))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_ends_a_line_or_a_field(id in "\\PC{1,40}|[\\x00-\\x7f|=\\\\\u{2028}]{1,40}",
                                      reason in "[\\x00-\\x7f]{0,60}") {
        let bytes = decision(&id, &reason);
        for format in Format::ALL {
            let event = encoder(format).leaf(&leaf(3, &bytes), &issuers());
            prop_assert!(!event.line.contains(&b'\n') && !event.line.contains(&b'\r'));
            let found = Found::parse(&event.line).unwrap();
            prop_assert_eq!((found.index, found.uid.as_str()), (Some(3), event.uid.as_str()));
            prop_assert_eq!(found.code.as_str(), "action.denied");
            prop_assert_eq!(found.compare(&event.line, false), Likeness::Same);
        }
    }

    #[test]
    fn lines_of_strangers_are_read_without_a_panic(
        line in proptest::collection::vec(any::<u8>(), 0..300),
        head in 0..5_usize,
    ) {
        let heads: [&[u8]; 5] =
            [b"", b"CEF:0|P|P|1|", b"LEEF:2.0|", b"<1>1 a b c d e [", b"{\"class_uid\":"];
        let _ = Found::parse(&[heads[head], &line].concat());
    }
}
