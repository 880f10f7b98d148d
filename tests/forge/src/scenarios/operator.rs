//! An operator who cheats with all his keys, a PEP that does, and a log that forks.

use placet_proto::bundle::{Content, Included};
use placet_proto::cose::{InclusionProof, Receipt, ReceiptClaims};
use placet_proto::document::{Body, Initiator, Role};
use placet_proto::sshsig::Namespace;
use placet_proto::tlog::merkle::inclusion_path;

use super::story::{Story, action, story};
use crate::ledger::signing_key;
use crate::people::Person;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        honest(),
        denied(),
        no_execution(),
        enrols_after_the_fact(),
        other_forks_after(),
        note_left_out(),
        rewrites_tree_size(),
        receipt_of_other_statement(),
        signs_two_roots(),
        reuses_an_approval(),
        other_agent_spends(),
        other_pep_spends(),
        pep_key_speaks_for_another(),
        executes_another_action(),
        outcome_of_another_action(),
        no_outcome(),
        wrong_key_for_kind(),
        kind_in_wrong_log(),
        foreign_issuer(),
        rotates_to_stolen_checkpoint_key(),
        stolen_issuer_key_window(),
        statement_changed(),
        path_changed(),
        consistency_changed(),
        answered_twice(),
        too_few_persons(),
        answer_before_its_checkpoint(),
        assertion_for_another_document(),
        denial_signed_as_approval(),
        unknown_kind(),
    ]
}

fn honest() -> Vector {
    story().vector(
        "honest",
        "One approval, executed once, outcome recorded, both logs closed.",
        &["R-5.4-1", "R-9-1", "R-9.4-2", "R-9.4-3", "R-4.3-1"],
        Expect::Passed,
    )
}

fn denied() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.reason = Some("not her".to_owned());
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, true);
    s.close();
    s.vector("denied", "Alice refused. That is no approval.", &[], Expect::Failed("answer.denied"))
}

fn no_execution() -> Vector {
    let mut s = Story::opened().approved();
    s.forge.tick(2);
    s.close();
    s.vector("approved-not-executed", "An approval that nobody spent.", &[], Expect::Passed)
}

fn enrols_after_the_fact() -> Vector {
    let mut s = Story::opened();
    let mut mallory = Person::named("Mallory");
    // The document names the governance log as it was before Mallory was in it.
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &mallory);
    s.forge.tick(1);
    s.forge.enrol(&mut mallory, &[Role::Approver], Some(&mut s.alice));
    s.forge.tick(1);
    s.forge.answer(&mut mallory, answer, false);
    s.close();
    s.vector(
        "enrolled-after-the-fact",
        "The approver was enrolled only after the request had been opened.",
        &["R-9.2-3"],
        Expect::Failed("order.enrolled_late"),
    )
}

fn other_forks_after() -> Vector {
    let mut s = Story::opened();
    // The operator shows Alice a governance log of another history, cosigned by nobody else.
    let mut fork = s.forge.clone();
    let mut mallory = Person::named("Mallory");
    fork.enrol(&mut mallory, &[Role::Approver], None);
    let answer = fork.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.gov.notes.push(fork.gov.notes.last().expect("a note").clone());
    s.forge.tick(3);
    s.forge.answer(&mut s.alice, answer, false);
    // No checkpoint of the history shown has the size of the one named.
    s.forge.revoke(&mallory, &mut s.alice, 0);
    s.forge.revoke(&mallory, &mut s.alice, 0);
    s.close();
    s.vector(
        "other-forks-after",
        "The document names a governance checkpoint of a history that is not the one shown.",
        &["R-9.2-5"],
        Expect::Failed("log.root"),
    )
}

fn note_left_out() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    let named = s.forge.main.notes[1].clone();
    bundle.main.notes.retain(|n| *n != named);
    let sizes: Vec<u64> =
        bundle.main.notes.iter().map(|n| crate::ledger::note_ref(n).size).collect();
    bundle.main.consistency.retain(|c| sizes.contains(&c.from) && sizes.contains(&c.to));
    Vector::new(
        "note-left-out",
        "The checkpoint that the document names is not in the evidence.",
        &["R-9.2-1"],
        &bundle,
        &s.trust(),
        Expect::Failed("order.after"),
    )
}

fn rewrites_tree_size() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    // RFC 9942 leaves tree_size unsigned: the proof of leaf 0 alone can be told for another size.
    let included = bundle.main.statements.last_mut().expect("a statement");
    let receipt = Receipt::parse(&included.receipts[0]).expect("our receipt");
    let claims = ReceiptClaims { tree_size: receipt.proof.tree_size - 1, ..receipt.claims.clone() };
    let root = s.forge.main.root(receipt.proof.tree_size);
    included.receipts = vec![s.forge.main.sign_receipt(&claims, &receipt.proof, &root)];
    Vector::new(
        "receipt-tree-size",
        "A receipt's signed tree size is not that of its proof.",
        &["R-5.5-1"],
        &bundle,
        &s.trust(),
        Expect::Failed("log.receipt_claims"),
    )
}

fn receipt_of_other_statement() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    let size = s.forge.main.size();
    for included in bundle.main.statements.iter_mut().skip(1) {
        let sub = format!("urn:uuid:{}", crate::ledger::uuid_from(&[7; 32]));
        included.receipts = vec![s.forge.main.receipt(included.index, size, &sub)];
    }
    Vector::new(
        "receipt-subject",
        "A receipt names another subject than its statement.",
        &["R-5.5-2"],
        &bundle,
        &s.trust(),
        Expect::Failed("log.receipt_claims"),
    )
}

fn signs_two_roots() -> Vector {
    let mut s = story();
    let size = s.forge.main.size();
    let mut note = s.forge.main.checkpoint_of(size, [9; 32]);
    for witness in &s.forge.witnesses {
        witness.cosign(&mut note, s.forge.clock);
    }
    s.forge.main.notes.push(note.to_bytes());
    s.vector(
        "two-roots",
        "The log signed two roots for one size.",
        &["R-9-3"],
        Expect::LogMisbehaved,
    )
}

fn reuses_an_approval() -> Vector {
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.forge.execute(s.forge.execution_of(&[s.approval]));
    let s = s.closed();
    s.vector(
        "executed-twice",
        "One approval was spent twice.",
        &[],
        Expect::Failed("consumption.double"),
    )
}

fn with_execution(
    name: &'static str,
    about: &'static str,
    requirements: &'static [&'static str],
    expect: Expect,
    change: impl FnOnce(&mut placet_proto::document::Execution),
) -> Vector {
    let mut s = Story::opened().approved();
    s.forge.tick(1);
    let mut execution = s.forge.execution_of(&[s.approval]);
    change(&mut execution);
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    s.closed().vector(name, about, requirements, expect)
}

fn other_agent_spends() -> Vector {
    with_execution(
        "other-agent",
        "Another agent had the approval spent.",
        &["R-9.6-1"],
        Expect::Failed("execution.initiator"),
        |e| e.initiator = Initiator { kind: "agent".to_owned(), id: "other-bot".to_owned() },
    )
}

fn other_pep_spends() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    // Alice approved for one enforcement point; another one, which is trusted too, spends it.
    answer.audience = "urn:example:pep:elsewhere".to_owned();
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.forge.publish_main();
    s.forge.tick(1);
    let mut execution = s.forge.execution_of(&[s.approval]);
    execution.audience = crate::ledger::AUDIENCE.to_owned();
    s.execution = s.forge.execute(execution);
    s.forge.publish_main();
    s.closed().vector(
        "other-pep",
        "Another enforcement point than the one approved for spent the approval.",
        &["R-9.6-1"],
        Expect::Failed("execution.audience"),
    )
}

fn pep_key_speaks_for_another() -> Vector {
    with_execution(
        "pep-key-other-audience",
        "A PEP's key states an execution of another audience.",
        &["R-8.3-1"],
        Expect::Failed("issuer.kind"),
        |e| e.audience = "urn:example:pep:elsewhere".to_owned(),
    )
}

fn executes_another_action() -> Vector {
    with_execution(
        "other-action-executed",
        "What was executed is not what was approved.",
        &["R-9.6-1", "R-3.2-1"],
        Expect::Failed("execution.action"),
        |e| e.action_digest = action("X0002").digest(),
    )
}

fn outcome_of_another_action() -> Vector {
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.forge.outcome(s.execution, |o| o.action_digest = action("X0002").digest());
    s.close();
    s.vector(
        "outcome-mismatch",
        "What ran is not what the execution announced.",
        &["R-9.6-3"],
        Expect::Failed("outcome.mismatch"),
    )
}

fn no_outcome() -> Vector {
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.close();
    s.vector(
        "no-outcome",
        "The execution has no outcome yet.",
        &[],
        Expect::Indeterminate("outcome.absent"),
    )
}

fn wrong_key_for_kind() -> Vector {
    let mut s = Story::opened();
    // The PEP's key states the approval itself.
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = s.alice.sign(Namespace::Approve, &document);
    let (request, pep) = (s.request.clone(), s.forge.pep_key.clone());
    let statement = s.forge.statement(&pep, &document, &request, vec![assertion], None);
    s.forge.main.append(statement);
    s.close();
    s.vector(
        "wrong-key-for-kind",
        "An approval is stated by a key that may state executions only.",
        &[],
        Expect::Failed("issuer.kind"),
    )
}

fn kind_in_wrong_log() -> Vector {
    let mut s = Story::opened().approved();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = s.alice.sign(Namespace::Approve, &document);
    let (request, key) = (s.request.clone(), s.forge.ledger_key.clone());
    let statement = s.forge.statement(&key, &document, &request, vec![assertion], None);
    s.forge.gov.append(statement);
    s.close();
    s.vector(
        "kind-in-wrong-log",
        "An approval stands in the governance log.",
        &["R-4.2-3"],
        Expect::Failed("kind.wrong_log"),
    )
}

fn foreign_issuer() -> Vector {
    let mut s = Story::opened();
    let trust = s.trust();
    s.forge.ledger_key.key = signing_key("somebody else");
    let s = s.approved_and_closed();
    Vector::new(
        "foreign-issuer",
        "The approval is stated by a key that the trust file does not know: it is no evidence.",
        &["R-4.5-1"],
        &s.bundle(),
        &trust,
        Expect::Indeterminate("issuer.external"),
    )
}

fn rotates_to_stolen_checkpoint_key() -> Vector {
    let s = story();
    let mut trust = s.trust();
    // The user learned that the key was stolen and ends its time before the closing checkpoint.
    for log in &mut trust.logs {
        for key in &mut log.keys {
            if key.purpose == placet_proto::document::Purpose::Checkpoint {
                key.until_size = Some(4);
            }
        }
    }
    Vector::new(
        "stolen-checkpoint-key",
        "Checkpoints are signed by a key that is trusted up to size 4 only.",
        &["R-8.2-1"],
        &s.bundle(),
        &trust,
        Expect::Failed("key.window"),
    )
}

fn stolen_issuer_key_window() -> Vector {
    let s = story();
    let mut trust = s.trust();
    for key in &mut trust.logs[0].keys {
        if key.purpose == placet_proto::document::Purpose::Issuer {
            key.until_size = Some(s.approval - 1);
        }
    }
    Vector::new(
        "stolen-issuer-key",
        "The approval was stated after its issuer key's time.",
        &["R-8.2-1"],
        &s.bundle(),
        &trust,
        Expect::Failed("key.window"),
    )
}

fn statement_changed() -> Vector {
    let mut s = story();
    let mut bundle = s.bundle();
    // The same document, stated a second time: validly signed, but not what is in the tree.
    let included = &mut bundle.main.statements[1];
    let bytes = included.statement().expect("a body");
    let first = placet_proto::statement::Statement::parse(bytes).expect("our own");
    let key = s.forge.ledger_key.clone();
    let again =
        s.forge.statement(&key, &first.document, &s.request, first.assertions.clone(), None);
    included.content = Content::Statement(again);
    Vector::new(
        "statement-swapped",
        "A receipt stands with another statement than the one it was made for.",
        &["R-5.4-1"],
        &bundle,
        &s.trust(),
        Expect::Failed("log.inclusion"),
    )
}

fn path_changed() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    let size = s.forge.main.size();
    let included: &mut Included = &mut bundle.main.statements[1];
    let mut path = inclusion_path(&s.forge.main, included.index, size).expect("a path");
    path[0][0] ^= 1;
    let proof = InclusionProof { tree_size: size, leaf_index: included.index, path };
    let claims = Receipt::parse(&included.receipts[0]).expect("our receipt").claims;
    included.receipts = vec![s.forge.main.sign_receipt(&claims, &proof, &s.forge.main.root(size))];
    Vector::new(
        "path-changed",
        "One bit of an inclusion path is wrong; everything is signed.",
        &[],
        &bundle,
        &s.trust(),
        Expect::Failed("log.inclusion"),
    )
}

fn consistency_changed() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    let proof = bundle.main.consistency.iter_mut().find(|c| !c.path.is_empty()).expect("a path");
    proof.path[0][0] ^= 1;
    Vector::new(
        "consistency-changed",
        "One bit of a consistency path is wrong.",
        &[],
        &bundle,
        &s.trust(),
        Expect::Failed("log.consistency"),
    )
}

fn answered_twice() -> Vector {
    let mut s = Story::opened().approved();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.reason = None;
    s.forge.tick(1);
    s.forge.answer(&mut s.alice, answer, true);
    s.close();
    s.vector(
        "approved-and-denied",
        "The same person approved and denied.",
        &[],
        Expect::Failed("answer.conflict"),
    )
}

fn too_few_persons() -> Vector {
    let mut s = Story::opened();
    let mut answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    answer.quorum.required = 2;
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.close();
    s.vector(
        "quorum-unmet",
        "The policy asks for two persons, one approved.",
        &[],
        Expect::Failed("quorum.unmet"),
    )
}

fn answer_before_its_checkpoint() -> Vector {
    let mut s = Story::opened();
    // Alice signs a document that names a checkpoint of size 5; the operator files it at leaf 3. A
    // document can't stand in the tree whose root it names, so another history has to be shown.
    let mut later = s.forge.clone();
    later.main.append(b"placeholder one".to_vec());
    later.main.append(b"placeholder two".to_vec());
    later.publish_main();
    let answer = later.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.forge.main.notes.push(later.main.notes.last().expect("a note").clone());
    s.forge.publish_main();
    s.forge.main.append(b"filler".to_vec());
    s.forge.main.append(b"filler too".to_vec());
    s.close();
    s.vector(
        "answer-before-its-checkpoint",
        "The checkpoint named in the document is of another history of the same log.",
        &["R-9.2-2"],
        Expect::Failed("log.consistency"),
    )
}

fn assertion_for_another_document() -> Vector {
    let mut s = Story::opened();
    let other = s.forge.answer_for(&s.request, &action("X0002"), &s.alice);
    let other = s.forge.document(Body::Approval(other));
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    let document = s.forge.document(Body::Approval(answer));
    let assertion = s.alice.sign(Namespace::Approve, &other);
    s.forge.tick(3);
    s.forge.append_answer(&document, assertion);
    s.close();
    s.vector(
        "assertion-of-another-document",
        "Alice signed a document about X0002; it is shown with one about X0001.",
        &["R-4.3-1"],
        Expect::Failed("assertion.challenge"),
    )
}

fn denial_signed_as_approval() -> Vector {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    let document = s.forge.document(Body::Approval(answer));
    // The passkey signed under the namespace of denials; the operator relabels it.
    let mut assertion = s.alice.sign(Namespace::Deny, &document);
    assertion.namespace = Namespace::Approve;
    s.forge.tick(3);
    s.forge.append_answer(&document, assertion);
    s.close();
    s.vector(
        "denial-relabelled",
        "A signature under the namespace of denials is shown as an approval.",
        &["R-4.3-1", "R-5.3-1"],
        Expect::Failed("assertion.challenge"),
    )
}

fn unknown_kind() -> Vector {
    let mut s = Story::opened().approved();
    let (request, key) = (s.request.clone(), s.forge.ledger_key.clone());
    let statement = s.forge.raw_statement(
        &key,
        "finding",
        &request,
        br#"{"kind":"finding","profile":"placet/0"}"#,
    );
    s.forge.main.append(statement);
    s.close();
    s.vector(
        "unknown-kind",
        "A statement of a reserved kind is in the evidence: what it means is open.",
        &["R-4.2-2"],
        Expect::Indeterminate("kind.unknown"),
    )
}

impl Story {
    fn approved_and_closed(self) -> Self {
        let mut s = self.approved();
        s.forge.tick(1);
        s.close();
        s
    }
}
