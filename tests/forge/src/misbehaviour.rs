//! Evidence that a log misbehaved (SPEC.md 6.7), true and forged, by the operator's keys and by
//! others.

use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::misbehaviour::{Fork, Misbehaviour, Noted};
use placet_proto::tlog::Note;

use crate::ledger::signing_key;
use crate::log::MemLog;
use crate::scenarios::story;

/// One file of evidence, and what a verifier says of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// File name without ending.
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// `log_misbehaved`, `failed` or `malformed`.
    pub verdict: &'static str,
    /// The code of the verdict.
    pub code: &'static str,
}

/// The trust file for all cases.
#[must_use]
pub fn trust() -> Vec<u8> {
    story().trust().encode()
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let honest = story().forge.main;
    // The same keys over another second entry.
    let mut liar = honest.clone();
    liar.statements[1].push(0);
    let mut stranger = liar.clone();
    stranger.checkpoint_key = signing_key("stranger");
    let (size, before) = (honest.size(), honest.size() - 2);
    let fork = |log: &MemLog, from, to| {
        Some(Fork { root: log.root(from), path: log.consistency(from, to) })
    };
    let guilty = ("log_misbehaved", "log.equivocation");
    let wrong_path = Some(Fork { root: liar.root(before), path: honest.consistency(before, size) });
    vec![
        case(
            "two-roots-for-one-size",
            honest.checkpoint(size),
            liar.checkpoint(size),
            None,
            guilty,
        ),
        case(
            "rewritten-and-grown",
            honest.checkpoint(before),
            liar.checkpoint(size),
            fork(&liar, before, size),
            guilty,
        ),
        case(
            "grown-from-a-power-of-two",
            liar.checkpoint(4),
            honest.checkpoint(size),
            fork(&honest, 4, size),
            guilty,
        ),
        case(
            "only-grew",
            honest.checkpoint(before),
            honest.checkpoint(size),
            fork(&honest, before, size),
            ("failed", "misbehaviour.none"),
        ),
        case(
            "one-checkpoint-twice",
            honest.checkpoint(size),
            honest.checkpoint(size),
            None,
            ("failed", "misbehaviour.none"),
        ),
        case(
            "a-proof-of-the-other-tree",
            honest.checkpoint(before),
            honest.checkpoint(size),
            wrong_path,
            ("failed", "log.consistency"),
        ),
        case(
            "signed-by-a-stranger",
            honest.checkpoint(size),
            stranger.checkpoint(size),
            None,
            ("failed", "log.checkpoint"),
        ),
        case(
            "a-fork-of-a-stranger",
            honest.checkpoint(before),
            stranger.checkpoint(size),
            fork(&stranger, before, size),
            ("failed", "log.checkpoint"),
        ),
        malformed(&honest, &liar),
    ]
}

/// `expected.json`: name → {verdict, code}.
#[must_use]
pub fn expected() -> Vec<u8> {
    let cases = cases().into_iter().map(|case| {
        let (verdict, code) = (Json::string(case.verdict), Json::string(case.code));
        (case.name, Json::object([("verdict", verdict), ("code", code)]))
    });
    let mut bytes = jcs::to_bytes(&Json::object(cases));
    bytes.push(b'\n');
    bytes
}

fn case(
    name: &'static str,
    older: Note,
    newer: Note,
    fork: Option<Fork>,
    (verdict, code): (&'static str, &'static str),
) -> Case {
    let noted = |note: &Note| Noted::parse(&note.to_bytes()).expect("a note");
    let evidence = Misbehaviour::new(noted(&older), noted(&newer), fork);
    Case { name, bytes: evidence.expect("a file in order").to_bytes(), verdict, code }
}

/// Different sizes, and nothing that joins them.
fn malformed(honest: &MemLog, liar: &MemLog) -> Case {
    let size = honest.size();
    let good = case(
        "no-fork-for-different-sizes",
        honest.checkpoint(size - 1),
        liar.checkpoint(size),
        Some(Fork { root: liar.root(size - 1), path: liar.consistency(size - 1, size) }),
        ("malformed", "misbehaviour.order"),
    );
    let mut value = placet_proto::json::parse(&good.bytes).expect("it was written");
    value.remove("fork");
    Case { bytes: jcs::to_bytes(&value), ..good }
}
