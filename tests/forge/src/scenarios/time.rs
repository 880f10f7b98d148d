//! Time: intervals, bounds that are open, witnesses that are missing or lie.

use super::story::{Story, action, story};
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        upper_open(),
        currency_open(),
        one_witness_missing(),
        stamps_of_zero(),
        clocks_differ(),
        quorum_none(),
        executed_too_late(),
        executed_about_then(),
        self_operated(),
        known_line_broken(),
        unknown_line(),
    ]
}

fn upper_open() -> Vector {
    let mut s = Story::opened();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.forge.tick(3);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    // The log has signed a checkpoint that holds the approval, but no witness has.
    let note = s.forge.main.checkpoint(s.forge.main.size()).to_bytes();
    s.forge.main.notes.push(note);
    s.forge.tick(2);
    s.forge.publish_gov();
    s.vector(
        "upper-bound-open",
        "No witness has cosigned a checkpoint that includes the approval.",
        &["R-9.4-3"],
        Expect::Indeterminate("time.upper_open"),
    )
}

fn currency_open() -> Vector {
    let s = Story::opened().approved();
    s.vector(
        "closing-checkpoint-missing",
        "No governance checkpoint is later than the approval: it might have been revoked.",
        &[],
        Expect::Indeterminate("time.upper_open"),
    )
}

fn one_witness_missing() -> Vector {
    let mut s = Story::opened();
    s.forge.tick(1);
    let (a, clock) = (s.forge.witnesses[0].clone(), s.forge.clock);
    s.forge.main.publish(&[(&a, clock)]);
    let s = s.approved().executed().closed();
    s.vector(
        "quorum-of-witnesses-unmet",
        "The checkpoint that the document names has one witness, the policy asks for both.",
        &[],
        Expect::Indeterminate("witness.quorum"),
    )
}

fn stamps_of_zero() -> Vector {
    let mut s = Story::opened();
    s.forge.tick(1);
    let ([a, b], clock) = (s.forge.witnesses.clone(), s.forge.clock);
    s.forge.main.publish(&[(&a, clock), (&b, 0)]);
    let s = s.approved().executed().closed();
    s.vector(
        "stamp-of-zero",
        "One witness makes no statement about time: its cosignature counts for nothing.",
        &["R-9.4-1"],
        Expect::Indeterminate("witness.quorum"),
    )
}

fn clocks_differ() -> Vector {
    let mut s = Story::opened();
    s.forge.tick(500);
    s.forge.publish_both();
    let answer = s.forge.answer_for(&s.request, &action("X0001"), &s.alice);
    s.approval = s.forge.answer(&mut s.alice, answer, false);
    s.forge.clock -= 400;
    s.forge.publish_main();
    s.forge.tick(2);
    s.forge.publish_gov();
    s.vector(
        "clock-skew",
        "The witnesses' clocks went back: the bounds contradict each other.",
        &["R-9.4-2", "R-9.4-3"],
        Expect::Indeterminate("time.clock_skew"),
    )
}

fn quorum_none() -> Vector {
    let s = story();
    let mut trust = s.trust();
    for log in &mut trust.logs {
        log.witness_policy = "quorum none\n".to_owned();
    }
    Vector::new(
        "quorum-none",
        "The trust file asks for no witnesses: currency can't be shown.",
        &[],
        &s.bundle(),
        &trust,
        Expect::Indeterminate("time.not_checked"),
    )
}

fn executed_at(seconds_late: u64) -> Story {
    let mut s = Story::opened().approved();
    // Ten minutes are allowed from the moment the document was made, three seconds before.
    s.forge.tick(597 + seconds_late);
    s.forge.publish_both();
    s.executed().closed()
}

fn executed_too_late() -> Vector {
    executed_at(0).vector(
        "executed-too-late",
        "The PEP executed after the approval had run out.",
        &[],
        Expect::Failed("not_after.expired"),
    )
}

fn executed_about_then() -> Vector {
    let mut s = Story::opened().approved();
    s.forge.tick(596);
    s.forge.publish_both();
    s.executed().closed().vector(
        "executed-about-then",
        "The execution's interval straddles the end of the approval.",
        &[],
        Expect::Indeterminate("not_after.undecided"),
    )
}

fn self_operated() -> Vector {
    let s = story();
    let mut trust = s.trust();
    for log in &mut trust.logs {
        log.operated_by_self = vec!["w1".to_owned(), "w2".to_owned()];
    }
    trust.require = vec!["witness.independent".to_owned()];
    Vector::new(
        "no-independent-witness",
        "All witnesses are the operator's own, and the trust file requires an independent one.",
        &[],
        &s.bundle(),
        &trust,
        Expect::Indeterminate("witness.none_independent"),
    )
}

fn known_line_broken() -> Vector {
    let s = story();
    let mut bundle = s.bundle();
    let note = bundle.main.notes.last_mut().expect("a note");
    let mut parsed = placet_proto::tlog::note::Note::parse(note).expect("a note");
    let line = parsed.signatures().last().expect("a line").clone();
    let mut blob = line.signature().to_vec();
    *blob.last_mut().expect("a byte") ^= 1;
    let witness = s.forge.witnesses.iter().find(|w| w.name == line.name()).expect("a witness");
    parsed.retain_signatures(|l| l.name() != line.name());
    let broken =
        placet_proto::tlog::note::SignatureLine::new(&witness.vkey(), blob).expect("a line");
    parsed.set_signature(broken).expect("a line");
    *note = parsed.to_bytes();
    Vector::new(
        "known-cosignature-broken",
        "The cosignature of a known witness does not verify: the note is refused.",
        &["R-6.4-1"],
        &bundle,
        &s.trust(),
        Expect::Failed("log.checkpoint"),
    )
}

fn unknown_line() -> Vector {
    let mut s = Story::opened().approved().executed();
    s.forge.tick(1);
    s.forge.outcome(s.execution, |_| ());
    let ([a, b], clock) = (s.forge.witnesses.clone(), s.forge.clock);
    let stranger = crate::log::Witness {
        name: "example.com/stranger".to_owned(),
        key: crate::ledger::signing_key("stranger"),
    };
    s.forge.main.publish(&[(&a, clock), (&stranger, clock), (&b, clock)]);
    s.forge.tick(2);
    s.forge.publish_gov();
    s.vector(
        "unknown-cosignature",
        "A witness that the policy does not know has cosigned too: ignored, but listed.",
        &["R-6.4-1"],
        Expect::Passed,
    )
}
