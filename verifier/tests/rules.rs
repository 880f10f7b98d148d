//! Rules of SPEC.md that no vector shows: what a reader refuses, and the borders of steps.

use placet_forge::scenarios::{self, Story, action, story};
use placet_forge::{IssuerKey, Person};
use placet_proto::cose::{self, EMPTY_MAP, Sign1};
use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Body, Document, Purpose, Role};
use placet_proto::json::{self, Json};
use placet_proto::kind::Kind;
use placet_proto::sshsig::Namespace;
use placet_proto::statement::{Attestation, Header, Statement, Unsigned};
use placet_proto::tlog::checkpoint::SignedCheckpoint;
use placet_proto::trust::TrustFile;
use placet_proto::{Error, jcs};
use placet_verifier::notes::{self, LogTrust};
use placet_verifier::{Options, Report, Status, Verdict, checks, verify_bundle};

const START: u64 = 1_795_305_600;

fn options() -> Options {
    Options { as_of: START + 3600, ..Options::default() }
}

fn verify(story: &Story) -> Report {
    verify_bundle(&story.bundle().encode(), &story.trust(), &options()).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("refused").code()
}

/// Every document of the honest story, one for each kind in it.
fn documents() -> Vec<Document> {
    let s = story();
    let statements = s.forge.gov.statements.iter().chain(&s.forge.main.statements);
    let mut documents: Vec<Document> =
        statements.map(|bytes| Statement::parse(bytes).unwrap().document).collect();
    documents.sort_by_key(Document::kind);
    documents.dedup_by_key(|d| d.kind());
    documents
}

fn document(kind: Kind) -> Document {
    documents().into_iter().find(|d| d.kind() == kind).expect("the story has one")
}

/// The document with one member set, by a path such as `after.main.size`.
fn with(document: &Document, path: &str, value: &str) -> Result<Document, Error> {
    let mut root = json::parse(document.bytes()).unwrap();
    let value = json::parse(value.as_bytes()).unwrap();
    set(&mut root, path, value);
    Document::parse(&jcs::to_bytes(&root))
}

fn set(at: &mut Json, path: &str, value: Json) {
    match path.split_once('.') {
        None => at.insert(path, value),
        Some((head, rest)) => {
            let mut inner = at.get(head).expect("a member").clone();
            set(&mut inner, rest, value);
            at.insert(head, inner);
        }
    }
}

/// R-4.1-1.
#[test]
fn a_document_has_exactly_the_members_of_its_kind() {
    let documents = documents();
    assert!(documents.len() >= 7);
    for document in documents {
        let json = json::parse(document.bytes()).unwrap();
        let names: Vec<String> =
            json.as_object().unwrap().iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            let mut less = json.clone();
            less.remove(&name);
            let refused = code(Document::parse(&jcs::to_bytes(&less)));
            assert_eq!(refused, "document.missing", "{:?} without {name}", document.kind());
        }
        assert_eq!(code(with(&document, "surplus", "1")), "document.unknown_member");
    }
}

/// R-4.1-2, R-4.2-1.
#[test]
fn profile_and_kind_are_known_and_agree() {
    let approval = document(Kind::Approval);
    assert_eq!(code(with(&approval, "profile", r#""placet/9""#)), "profile.unknown");
    assert_eq!(code(with(&approval, "kind", r#""grant""#)), "kind.unknown");
    let relabelled = state(&approval, |header| header.typ = Kind::Denial.typ());
    assert_eq!(code(Statement::parse(&relabelled)), "statement.kind_mismatch");
}

/// R-4.4-1, R-4.5-2, R-4.5-3, R-4.5-4, R-4.5-6, R-2.4-1, R-12-1.
#[test]
fn values_have_their_one_form_and_their_limits() {
    let approval = document(Kind::Approval);
    let long = format!("\"{}\"", "x".repeat(1025));
    for (path, value) in [
        ("after.main.size", "1"),
        ("after.gov.size", "0"),
        ("audience", long.as_str()),
        ("audience", r#""""#),
        ("max_uses", "2"),
        ("quorum.required", "0"),
        ("quorum.required", "17"),
        ("surface", r#""phone""#),
        ("not_after", r#""2026-11-22T00:10:11+00:00""#),
        ("request", r#""7A42E389-2368-4826-9282-02014A6CA95A""#),
        ("nonce", r#""IBRiFp5ep_uXtQRoObEIDA==""#),
        (
            "policy.manifest",
            r#""93B6F6795495FA686FB50BE9E49903EBC7D207DC31A0D14B9D67454A20EEAD67""#,
        ),
    ] {
        assert_eq!(code(with(&approval, path, value)), "document.value", "{path}: {value}");
    }
    let policy = document(Kind::Policy);
    let other = format!("\"{}\"", "0".repeat(64));
    assert_eq!(code(with(&policy, "manifest_sha256", &other)), "document.value");
    let enrolment = document(Kind::Enrolment);
    for roles in [r#"["approver","administrator"]"#, r#"["approver","approver"]"#, "[]"] {
        assert_eq!(code(with(&enrolment, "roles", roles)), "document.value", "{roles}");
    }
    let recovered = with(&enrolment, "recovery", r#"{"index":3}"#).unwrap();
    let signer = r#"{"credential":"AA","person":"00000000-0000-4000-8000-000000000000"}"#;
    with(&enrolment, "authoriser", signer).unwrap();
    assert_eq!(code(with(&recovered, "authoriser", signer)), "document.value");
    assert_eq!(code(Document::parse(&vec![b' '; 128 * 1024 + 1])), "document.limit");
    let zeros = vec![0; 16 * 1024 * 1024 + 1];
    let refused = verify_bundle(&zeros, &story().trust(), &options()).unwrap_err();
    assert_eq!(refused.code, "bundle.size");
}

/// A statement of an approval whose header was changed, signed.
fn state(document: &Document, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let s = story();
    let original = Statement::parse(&s.forge.main.statements[s.approval as usize]).unwrap();
    let mut header = original.header.clone();
    change(&mut header);
    Unsigned::new(&header, document, original.assertions, None).sign(&original.signature)
}

/// R-5.1-1, R-5.2-1, R-5.2-2, R-5.3-2, R-5.3-3.
#[test]
fn a_statement_has_exactly_its_envelope() {
    let approval = document(Kind::Approval);
    let good = state(&approval, |_| ());
    Statement::parse(&good).unwrap();
    let parts = Sign1::parse(&good).unwrap();
    let payload = parts.payload.unwrap();
    let build = |protected: &[u8], unprotected: &[u8], payload: Option<&[u8]>| {
        let bytes = cose::encode_sign1(protected, unprotected, payload, parts.signature);
        code(Statement::parse(&bytes))
    };
    // One label, one member more, at the end of the map where the order allows it.
    let more = |map: &[u8], tail: &[u8]| [&[map[0] + 1], &map[1..], tail].concat();
    let labelled = more(parts.protected, &[0x11, 0x00]);
    assert_eq!(build(&labelled, EMPTY_MAP, Some(payload)), "cose.header");
    let member = more(payload, &[&[0x6d][..], b"zzzzzzzzzzzzz", &[0x00]].concat());
    assert_eq!(build(parts.protected, EMPTY_MAP, Some(&member)), "statement.payload");
    let unprotected = [0xa1, 0x18, 0x20, 0x00];
    assert_eq!(build(parts.protected, &unprotected, Some(payload)), "statement.unprotected");
    assert_eq!(build(parts.protected, EMPTY_MAP, None), "statement.detached");
    for sub in ["urn:uuid:00000000-0000-4000-8000-000000000000", "7a42e389", ""] {
        let bytes = state(&approval, |header| header.sub = sub.to_owned());
        assert_eq!(code(Statement::parse(&bytes)), "statement.subject", "{sub}");
    }
    let s = story();
    let enrolment = s.forge.gov.statements.last().unwrap();
    let enrolment = Statement::parse(enrolment).unwrap();
    let good = enrolment.attestation.clone().unwrap();
    let object = Attestation { object: b"another".to_vec(), ..good.clone() };
    let client = Attestation { client_data_json: b"another".to_vec(), ..good };
    for attestation in [None, Some(&object), Some(&client)] {
        let unsigned = Unsigned::new(
            &enrolment.header,
            &enrolment.document,
            enrolment.assertions.clone(),
            attestation,
        );
        let bytes = unsigned.sign(&enrolment.signature);
        assert_eq!(code(Statement::parse(&bytes)), "statement.attestation");
    }
}

/// R-8.1-1, R-8.1-2, R-8.2-2.
#[test]
fn a_trust_file_that_could_mean_two_things_is_refused() {
    let trust = story().trust();
    let refused = |change: &dyn Fn(&mut TrustFile)| {
        let mut changed = trust.clone();
        change(&mut changed);
        code(TrustFile::parse(&changed.encode()))
    };
    let mut surplus = json::parse(&trust.encode()).unwrap();
    surplus.insert("surplus", Json::Null);
    assert_eq!(code(TrustFile::parse(&jcs::to_bytes(&surplus))), "document.unknown_member");
    let vkey = story().forge.main.vkey().to_vkey();
    assert_eq!(
        refused(&|t| t.logs[0].witness_policy.insert_str(0, &format!("log {vkey}\n"))),
        "trust.rule"
    );
    assert_eq!(refused(&|t| t.logs[0].operated_by_self = vec!["w-one".to_owned()]), "trust.rule");
    assert_eq!(refused(&|t| t.logs[1].keys[0] = t.logs[0].keys[0].clone()), "trust.rule");
    // The same key under its other algorithm id is the same key.
    assert_eq!(
        refused(&|t| {
            let mut twin = t.logs[0].keys[0].clone();
            let at = twin.public_key.windows(2).position(|w| w == [0x03, 0x27]).unwrap();
            twin.public_key[at + 1] = 0x32;
            assert!(PublicKey::from_cose(&twin.public_key).is_ok());
            twin.purpose = Purpose::Receipt;
            t.logs[1].keys.push(twin);
        }),
        "trust.rule"
    );
}

/// R-6.2-1.
#[test]
fn a_checkpoint_of_one_entry_is_refused() {
    let s = story();
    let trust = LogTrust::new(&s.trust().logs[0]).unwrap();
    let open = |size| {
        let bytes = s.forge.main.checkpoint(size).to_bytes();
        notes::open(&bytes, &SignedCheckpoint::parse(&bytes).unwrap(), &trust).map_err(|p| p.code)
    };
    assert_eq!(open(1).unwrap_err(), "log.checkpoint");
    assert_eq!(open(2).unwrap().size, 2);
}

/// R-9-4: the code is that of the first check in the published order, whatever else fails.
#[test]
fn the_order_of_checks_decides_the_code() {
    let s = story();
    let mut trust = s.trust();
    let mut demands = options();
    demands.action = Some(action("X0002"));
    demands.passkey = Some("Mallory".to_owned());
    let report = verify_bundle(&s.bundle().encode(), &trust, &demands).unwrap();
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("action.mismatch")));
    trust.origins.clear();
    let report = verify_bundle(&s.bundle().encode(), &trust, &demands).unwrap();
    assert_eq!(report.code, Some("assertion.origin"));
    trust.allow_dev = false;
    let report = verify_bundle(&s.bundle().encode(), &trust, &demands).unwrap();
    assert_eq!(report.code, Some("trust.dev_log"));
    let rank = |id: &str| checks().position(|(known, _)| known == id).unwrap();
    let ranks: Vec<(bool, usize)> =
        report.checks.iter().map(|c| (c.request.is_some(), rank(c.id))).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
}

/// R-9-5: the trust file alone can't let a key state what genesis does not.
#[test]
fn genesis_limits_what_an_issuer_states() {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = s.alice.sign(Namespace::Approve, &document);
    let (request, pep): (String, IssuerKey) = (s.request.clone(), s.forge.pep_key.clone());
    let statement = s.forge.statement(&pep, &document, &request, vec![assertion], None);
    s.forge.main.append(statement);
    s.close();
    let mut trust = s.trust();
    for key in trust.logs.iter_mut().flat_map(|log| &mut log.keys) {
        if key.audience.is_some() {
            key.kinds.push("approval".to_owned());
        }
    }
    let report = verify_bundle(&s.bundle().encode(), &trust, &options()).unwrap();
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("issuer.kind")));
}

/// R-9-6: both spans are half-open; the approval lies in [11 s, 15 s) after the start.
#[test]
fn spans_are_half_open() {
    let s = story();
    for (from, to, expected) in [
        (11, 15, None),
        (11, 14, Some("time.overlap")),
        (12, 15, Some("time.overlap")),
        (15, 20, Some("time.outside")),
        (0, 11, Some("time.outside")),
    ] {
        let between = Some((START + from, START + to));
        let demands = Options { between, ..options() };
        let report = verify_bundle(&s.bundle().encode(), &s.trust(), &demands).unwrap();
        assert_eq!(report.code, expected, "[{from}, {to})");
    }
}

/// R-9.2-4.
#[test]
fn execution_and_outcome_come_after_what_they_name() {
    let mut s = Story::opened().approved();
    let before = match &Statement::parse(&s.forge.main.statements[s.approval as usize])
        .unwrap()
        .document
        .body
    {
        Body::Approval(a) => a.after.clone(),
        _ => unreachable!("an approval"),
    };
    s.forge.tick(1);
    let mut execution = s.forge.execution_of(&[s.approval]);
    execution.after = before.clone();
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    let report = verify(&s.closed());
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("order.index")));
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.forge.outcome(s.execution, |o| o.after = before);
    s.close();
    let report = verify(&s);
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("order.index")));
}

/// R-9.6-2.
#[test]
fn an_execution_names_approvals_by_index_and_document() {
    for by_index in [true, false] {
        let mut s = Story::opened().approved();
        s.forge.tick(1);
        let mut execution = s.forge.execution_of(&[s.approval]);
        if by_index {
            execution.approvals[0].index -= 1;
        } else {
            execution.approvals[0].document_sha256[0] ^= 1;
        }
        s.execution = s.forge.execute(execution);
        s.forge.publish_main();
        let report = verify(&s.closed());
        assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("execution.approval")));
    }
}

/// R-9.6-4.
#[test]
fn an_execution_spends_as_many_persons_as_were_asked_for() {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let mut spent = Vec::new();
    let mut answers = Vec::new();
    for person in [&s.alice, &bob] {
        let mut answer = s.forge.answer_for(&s.request, &action("X0001"), person);
        answer.quorum.required = 2;
        answers.push(answer);
    }
    s.forge.tick(2);
    for (person, answer) in [&mut s.alice, &mut bob].into_iter().zip(answers) {
        spent.push(s.forge.answer(person, answer, false));
    }
    s.forge.publish_main();
    s.forge.tick(1);
    let both = s.forge.clone();
    for (approvals, expected) in [(&spent[..1], Some("quorum.unmet")), (&spent[..], None)] {
        s.forge = both.clone();
        s.execution = s.forge.execute(s.forge.execution_of(approvals));
        s.forge.publish_main();
        s.forge.tick(1);
        s.forge.outcome(s.execution, |_| ());
        s.close();
        let report = verify_bundle(
            &s.forge.bundle(&[&s.request], &[&s.alice, &bob]).encode(),
            &s.trust(),
            &options(),
        )
        .unwrap();
        assert_eq!(report.code, expected);
        let bound = report.checks.iter().find(|c| c.id == "execution.bound").unwrap();
        assert_eq!(bound.status == Status::Passed, expected.is_none());
    }
}

/// R-13-2, R-9.1-4: an algorithm that we do not have leaves the verdict open.
#[test]
fn an_unknown_algorithm_is_no_failure() {
    let mut s = Story::opened();
    let after = s.forge.after();
    let mut bob = Person::named("Bob");
    let mut enrolment = bob.enrolment(&[Role::Approver], Some(&s.alice), after);
    // ES384 in place of ES256: {1: 2, 3: -35, …}.
    let at = enrolment.public_key.windows(2).position(|w| w == [0x03, 0x26]).unwrap();
    enrolment.public_key.splice(at + 1..at + 2, [0x38, 0x22]);
    s.forge.enrol_with(&mut bob, Body::Enrolment(enrolment), Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.close();
    let report = verify(&s);
    assert_eq!((report.verdict, report.code), (Verdict::Indeterminate, Some("alg.unsupported")));
}

/// R-9.1-2, R-9.1-3: the assertion is by the credential and for the RP id that the document names.
#[test]
fn an_assertion_is_bound_to_credential_and_rp_id() {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = bob.sign(Namespace::Approve, &document);
    s.forge.append_answer(&document, assertion);
    s.close();
    let report = verify(&s);
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("assertion.binding")));

    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.rp_id = "example.org".to_owned();
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, false);
    s.close();
    assert_eq!(verify(&s).code, Some("assertion.binding"));

    let s = story();
    let mut trust = s.trust();
    trust.rp_ids = vec!["example.org".to_owned()];
    let report = verify_bundle(&s.bundle().encode(), &trust, &options()).unwrap();
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("assertion.rp_id")));
}

/// Rules that vectors show without naming them.
#[test]
fn vectors_show_lineage_time_and_currency() {
    let vectors = scenarios::all();
    for (rule, name, verdict, expected) in [
        ("R-9.3-2", "role-taken-before", Verdict::Failed, Some("lineage.role")),
        ("R-9.3-2", "not-an-approver", Verdict::Failed, Some("lineage.role")),
        ("R-9.4-4", "clock-skew", Verdict::Indeterminate, Some("time.clock_skew")),
        ("R-9.5-1", "closing-checkpoint-missing", Verdict::Indeterminate, Some("time.upper_open")),
        ("R-9.5-2", "revoked-before", Verdict::Failed, Some("roster.revoked")),
        ("R-9.5-2", "revoked-between", Verdict::Indeterminate, Some("roster.disputed")),
        ("R-9.5-2", "revoked-later", Verdict::Passed, None),
        (
            "R-9.5-3",
            "authoriser-revoked-backdated",
            Verdict::Indeterminate,
            Some("roster.disputed"),
        ),
        ("R-9.5-3", "authoriser-revoked-later", Verdict::Passed, None),
    ] {
        let vector = vectors.iter().find(|v| v.name == name).expect(name);
        let trust = TrustFile::parse(&vector.trust).unwrap();
        let demands = Options { as_of: vector.as_of, ..Options::default() };
        let report = verify_bundle(&vector.bundle, &trust, &demands).unwrap();
        assert_eq!((report.verdict, report.code), (verdict, expected), "{rule}: {name}");
    }
}

/// R-4.6-1.
#[test]
fn a_name_opens_the_commitment_of_the_enrolment() {
    let s = story();
    let mut bundle = s.bundle();
    bundle.openings[0].name = "Alicia".to_owned();
    let report = verify_bundle(&bundle.encode(), &s.trust(), &options()).unwrap();
    assert_eq!((report.verdict, report.code), (Verdict::Failed, Some("opening.mismatch")));
}

/// R-5.3-1: no assertion fewer, none more.
#[test]
fn a_statement_has_the_assertions_that_its_kind_asks_for() {
    let s = story();
    let original = Statement::parse(&s.forge.main.statements[s.approval as usize]).unwrap();
    let bytes =
        Unsigned::new(&original.header, &original.document, vec![], None).sign(&original.signature);
    assert_eq!(code(Statement::parse(&bytes)), "statement.assertions");
}

/// R-9.2-1, R-9.2-5: an `after` says of a note what the note says.
#[test]
fn an_after_names_what_is_there() {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.after.main.root[0] ^= 1;
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, false);
    s.close();
    assert_eq!(verify(&s).code, Some("order.after"));

    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    let mut after = s.forge.after();
    after.gov.root[0] ^= 1;
    let body = Body::Enrolment(bob.enrolment(&[Role::Approver], Some(&s.alice), after));
    s.forge.enrol_with(&mut bob, body, Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let s = s.approved().executed().closed();
    assert_eq!(verify(&s).code, Some("order.governance"));
}

/// R-9.2-2: the checkpoint named has to be older than the answer, whatever else is wrong.
#[test]
fn an_answer_stands_after_the_checkpoint_that_it_names() {
    let vectors = scenarios::all();
    let vector = vectors.iter().find(|v| v.name == "answer-before-its-checkpoint").unwrap();
    let trust = TrustFile::parse(&vector.trust).unwrap();
    let report = verify_bundle(&vector.bundle, &trust, &options()).unwrap();
    let order = report.checks.iter().find(|c| c.id == "order.after").unwrap();
    assert_eq!((order.status, order.code), (Status::Failed, Some("order.index")));
}
