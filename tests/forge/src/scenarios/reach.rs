//! Rules that no other vector reaches: receipts and their keys, unknown algorithms, executions,
//! several persons, several requests.

use p256::ecdsa::signature::Signer as _;
use placet_proto::bundle::{Bundle, Included};
use placet_proto::cose::{
    self, ALG_EDDSA, ALG_ES256, Receipt, receipt_protected, receipt_unprotected,
};
use placet_proto::cose_key::PublicKey;
use placet_proto::document::{
    Body, Execution, OutcomeResult, Purpose, Raw, Revocation, Role, RoleChange,
};
use placet_proto::sshsig::Namespace;
use placet_proto::statement::{Header, Unsigned};
use placet_proto::time::UnixSeconds;
use placet_proto::trust::TrustFile;

use super::story::{Story, action, story};
use crate::ledger::signing_key;
use crate::people::Person;
use crate::vector::{Expect, Vector};

/// ML-DSA-44 (RFC 9881), which this profile does not have.
const ALG_ML_DSA_44: i64 = -48;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = receipts();
    vectors.extend(executions());
    vectors.extend([
        statement_of_unknown_algorithm(),
        issuer_signature(),
        opening_mismatch(),
        denial_expected(),
        approval_where_denial_expected(),
        fork_in_governance(),
        role_taken_in_the_span(),
        two_requests(),
        two_persons(
            "quorum-met",
            "Two persons were asked for and approved.",
            Expect::Passed,
            |_| "X0001",
        ),
        two_persons(
            "quorum-of-two-actions",
            "Two persons were asked for; each approved another action.",
            Expect::Failed("quorum.unmet"),
            |second| if second { "X0002" } else { "X0001" },
        ),
        one_of_two_spent(),
    ]);
    vectors
}

fn changed(
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
    change: impl FnOnce(&Story, &mut Bundle, &mut TrustFile),
) -> Vector {
    let s = story();
    let (mut bundle, mut trust) = (s.bundle(), s.trust());
    change(&s, &mut bundle, &mut trust);
    Vector::new(name, about, requirements, &bundle, &trust, expect)
}

/// The receipt of a statement under another algorithm.
fn resigned(
    s: &Story,
    included: &Included,
    alg: i64,
    kid: &[u8; 32],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let receipt = Receipt::parse(&included.receipts[0]).expect("our receipt");
    let root = s.forge.main.root(receipt.proof.tree_size);
    let protected = receipt_protected(alg, kid, &receipt.claims);
    let signature = sign(&cose::sig_structure(&protected, &root));
    cose::encode_sign1(&protected, &receipt_unprotected(&receipt.proof), None, &signature)
}

#[allow(clippy::too_many_lines, reason = "a list, one vector a paragraph")]
fn receipts() -> Vec<Vector> {
    vec![
        changed(
            "receipts-two",
            "A statement has receipts of two sizes.",
            &["R-5.5-1"],
            Expect::Passed,
            |s, bundle, _| {
                let included = &mut bundle.main.statements[1];
                let sub = format!("urn:uuid:{}", s.request);
                let older = s.forge.main.receipt(included.index, included.index + 1, &sub);
                included.receipts.insert(0, older);
            },
        ),
        changed(
            "receipt-of-unknown-algorithm",
            "A statement has a second receipt under an algorithm of a later profile.",
            &["R-13-2"],
            Expect::Indeterminate("alg.unsupported"),
            |s, bundle, _| {
                let included = &mut bundle.main.statements[1];
                let kid = [7; 32];
                let second = resigned(s, included, ALG_ML_DSA_44, &kid, |_| vec![0; 2420]);
                included.receipts.push(second);
            },
        ),
        changed(
            "receipt-key-es256",
            "The receipt key is an ES256 key.",
            &["R-13-1"],
            Expect::Passed,
            |s, bundle, trust| es256(s, bundle, trust, ALG_ES256),
        ),
        changed(
            "receipt-alg-of-another-key",
            "Receipts say EdDSA, and their key is an ES256 key.",
            &["R-13-1"],
            Expect::Indeterminate("alg.unsupported"),
            |s, bundle, trust| es256(s, bundle, trust, ALG_EDDSA),
        ),
        changed(
            "receipt-key-unknown",
            "A receipt is by a key that the trust file does not know.",
            &[],
            Expect::Failed("log.inclusion"),
            |s, bundle, _| {
                let mut stranger = s.forge.main.clone();
                stranger.receipt_key = signing_key("stranger");
                let included = &mut bundle.main.statements[1];
                let sub = format!("urn:uuid:{}", s.request);
                included.receipts = vec![stranger.receipt(included.index, stranger.size(), &sub)];
            },
        ),
        changed(
            "receipt-key-window",
            "Receipts are by a key that is trusted up to a smaller size only.",
            &["R-8.2-1"],
            Expect::Failed("key.window"),
            |s, _, trust| {
                let mut keys = trust.logs[0].keys.iter_mut();
                let key = keys.find(|k| k.purpose == Purpose::Receipt).expect("a receipt key");
                key.until_size = Some(s.forge.main.size() - 1);
            },
        ),
        changed(
            "receipt-signature",
            "One bit of a receipt's signature is wrong.",
            &[],
            Expect::Failed("log.inclusion"),
            |_, bundle, _| {
                let receipt = &mut bundle.main.statements[1].receipts[0];
                *receipt.last_mut().expect("a byte") ^= 1;
            },
        ),
    ]
}

fn es256(s: &Story, bundle: &mut Bundle, trust: &mut TrustFile, alg: i64) {
    let seed = placet_proto::sha256(b"es256 receipt key");
    let key = p256::ecdsa::SigningKey::from_slice(&seed).expect("a scalar");
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |part: &[u8]| <[u8; 32]>::try_from(part).expect("32 bytes");
    let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..65]);
    let public = PublicKey::Es256 { x: coordinate(x), y: coordinate(y) };
    for included in &mut bundle.main.statements {
        included.receipts = vec![resigned(s, included, alg, &public.thumbprint(), |message| {
            let signature: p256::ecdsa::Signature = key.sign(message);
            signature.to_bytes().to_vec()
        })];
    }
    let mut keys = trust.logs[0].keys.iter_mut();
    let trusted = keys.find(|k| k.purpose == Purpose::Receipt).expect("a receipt key");
    trusted.public_key = public.to_cose();
}

fn with_execution(
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
    change: impl FnOnce(&mut Execution),
) -> Vector {
    let mut s = Story::opened();
    let opened = s.forge.after();
    s = s.approved();
    s.forge.tick(1);
    let mut execution = s.forge.execution_of(&[s.approval]);
    // Which `after` an execution has is of use to one of them only.
    if name == "execution-opened-before-approval" {
        execution.after = opened;
    }
    change(&mut execution);
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    s.closed().vector(name, about, requirements, expect)
}

fn executions() -> Vec<Vector> {
    let outcome = |name, about, requirements, expect, change: fn(&mut _)| {
        let mut s = Story::opened().approved().executed();
        s.forge.tick(1);
        s.forge.outcome(s.execution, change);
        s.close();
        s.vector(name, about, requirements, expect)
    };
    vec![
        with_execution(
            "execution-of-no-approval",
            "An execution names a document that is not the approval's.",
            &["R-9.6-2"],
            Expect::Failed("execution.approval"),
            |e| e.approvals[0].document_sha256 = [7; 32],
        ),
        with_execution(
            "execution-raw",
            "Bytes were forwarded that nobody approved.",
            &["R-9.6-1"],
            Expect::Failed("execution.raw"),
            |e| {
                e.raw =
                    Some(Raw { media_type: "text/plain".to_owned(), length: 1, sha256: [7; 32] });
            },
        ),
        with_execution(
            "execution-opened-before-approval",
            "An execution names a checkpoint from before the approval.",
            &["R-9.2-4"],
            Expect::Failed("order.index"),
            |_| (),
        ),
        outcome(
            "outcome-unknown",
            "Nobody knows how the execution ended.",
            &["R-9.6-3"],
            Expect::Indeterminate("outcome.unknown"),
            |o: &mut placet_proto::document::Outcome| o.result = OutcomeResult::Unknown,
        ),
        outcome(
            "outcome-of-another-execution",
            "The outcome names another document than the execution's.",
            &["R-9.6-3"],
            Expect::Failed("outcome.mismatch"),
            |o| o.execution.document_sha256 = [7; 32],
        ),
    ]
}

fn statement_of_unknown_algorithm() -> Vector {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = s.alice.sign(Namespace::Approve, &document);
    let header = Header {
        alg: ALG_ML_DSA_44,
        kid: s.forge.ledger_key.kid(),
        iss: s.forge.ledger_key.iss.clone(),
        sub: format!("urn:uuid:{}", s.request),
        iat: s.forge.clock,
        cti: [9; 16],
        typ: document.kind().typ(),
    };
    let statement = Unsigned::new(&header, &document, vec![assertion], None).sign(&[0; 2420]);
    s.forge.tick(3);
    s.forge.main.append(statement);
    s.close();
    s.vector(
        "statement-of-unknown-algorithm",
        "The approval is stated under an algorithm of a later profile.",
        &["R-13-2"],
        Expect::Indeterminate("alg.unsupported"),
    )
}

fn issuer_signature() -> Vector {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    // The log registers a statement that its issuer did not sign.
    let statement = s.forge.main.statements.last_mut().expect("the approval");
    *statement.last_mut().expect("a byte") ^= 1;
    s.close();
    s.vector(
        "issuer-signature",
        "One bit of a statement's signature is wrong; it was registered so.",
        &[],
        Expect::Failed("issuer.signature"),
    )
}

fn opening_mismatch() -> Vector {
    changed(
        "opening-of-another-name",
        "An opening gives Alice another name.",
        &["R-4.6-1"],
        Expect::Failed("opening.mismatch"),
        |_, bundle, _| bundle.openings[0].name = "Mallory".to_owned(),
    )
}

fn denial_expected() -> Vector {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, true);
    s.close();
    let v = s.vector(
        "denial-expected",
        "Alice refused, and evidence of that was asked for.",
        &[],
        Expect::Passed,
    );
    Vector { expect_denial: true, ..v }
}

fn approval_where_denial_expected() -> Vector {
    let v = story().vector(
        "denial-expected-approved",
        "Alice approved, and evidence of a denial was asked for.",
        &[],
        Expect::Failed("answer.approved"),
    );
    Vector { expect_denial: true, ..v }
}

fn fork_in_governance() -> Vector {
    let mut s = Story::opened();
    let bob = Person::named("Bob");
    let mut after = s.forge.after();
    after.gov.root = [9; 32];
    let body = Body::Revocation(Revocation {
        credential: bob.key.credential_id().to_vec(),
        key: bob.key.public_key().thumbprint(),
        effective_from: UnixSeconds(s.forge.clock),
        reason: String::new(),
        signer: s.alice.signer(),
        after,
    });
    s.forge.govern(Namespace::Revoke, body, &mut s.alice);
    s.forge.tick(1);
    s.forge.publish_both();
    let s = s.approved().executed().closed();
    s.vector(
        "governance-of-another-fork",
        "A governance document names a root that the governance log never had.",
        &["R-9.2-5"],
        Expect::Failed("order.governance"),
    )
}

fn role_taken_in_the_span() -> Vector {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &bob);
    let body = Body::Role(RoleChange {
        person: bob.id.clone(),
        roles: vec![],
        signer: s.alice.signer(),
        after: s.forge.after(),
    });
    s.forge.govern(Namespace::Role, body, &mut s.alice);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut bob, answer, false);
    s.close();
    s.vector(
        "role-taken-in-the-span",
        "Bob's role was taken from him while he approved.",
        &["R-9.5-2"],
        Expect::Indeterminate("roster.disputed"),
    )
}

fn two_requests() -> Vector {
    let mut s = Story::opened();
    let first = s.request.clone();
    let second = s.forge.uuid();
    s = s.approved().executed();
    s.forge.outcome(s.execution, |_| ());
    s.forge.tick(1);
    s.forge.publish_both();
    s.request = second.clone();
    let s = s.approved().executed().closed();
    let bundle = s.forge.bundle(&[&first, &second], &[&s.alice]);
    let expect = Expect::Passed;
    let about = "Two requests in one bundle, both approved and executed.";
    Vector::new("two-requests", about, &["R-9-4"], &bundle, &s.trust(), expect)
}

/// Alice and Bob answer a request that asks for both.
fn alice_and_bob(what: impl Fn(bool) -> &'static str) -> (Story, Vec<u64>) {
    let mut s = Story::opened();
    let mut bob = Person::named("Bob");
    s.forge.enrol(&mut bob, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.publish_both();
    let mut by_alice = s.forge.answer_for(&s.request, &action(what(false)), &s.alice);
    let mut by_bob = s.forge.answer_for(&s.request, &action(what(true)), &bob);
    by_alice.quorum.required = 2;
    by_bob.quorum.required = 2;
    s.forge.tick(3);
    let first = s.forge.answer(&mut s.alice, by_alice, false);
    let second = s.forge.answer(&mut bob, by_bob, false);
    s.forge.publish_main();
    s.forge.tick(1);
    (s, vec![first, second])
}

fn two_persons(
    name: &'static str,
    about: &'static str,
    expect: Expect,
    what: impl Fn(bool) -> &'static str,
) -> Vector {
    let (mut s, approvals) = alice_and_bob(what);
    s.execution = s.forge.execute(s.forge.execution_of(&approvals));
    s.forge.publish_main();
    s.closed().vector(name, about, &["R-9.6-4"], expect)
}

fn one_of_two_spent() -> Vector {
    let (mut s, approvals) = alice_and_bob(|_| "X0001");
    s.execution = s.forge.execute(s.forge.execution_of(&approvals[..1]));
    s.forge.publish_main();
    s.closed().vector(
        "quorum-half-spent",
        "Two persons approved; the execution spends one approval.",
        &["R-9.6-4"],
        Expect::Failed("quorum.unmet"),
    )
}
