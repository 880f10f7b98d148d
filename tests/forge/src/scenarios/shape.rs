//! Bundles that are not what a bundle has to be.

use placet_proto::bundle::{Bundle, Content};

use super::story::story;
use crate::vector::{Expect, Vector};

#[allow(clippy::too_many_lines, reason = "a list, one vector a paragraph")]
pub(super) fn vectors() -> Vec<Vector> {
    let s = story();
    let malformed = |name, about, requirements, code, change: &dyn Fn(&mut Bundle)| {
        let mut bundle = s.bundle();
        change(&mut bundle);
        Vector::new(name, about, requirements, &bundle, &s.trust(), Expect::Malformed(code))
    };
    let bytes = |name, about, requirements, code, change: &dyn Fn(&mut Vec<u8>)| {
        let mut vector = s.vector(name, about, requirements, Expect::Malformed(code));
        change(&mut vector.bundle);
        vector
    };
    let structure = "bundle.structure";
    vec![
        bytes("empty-file", "No bytes at all.", &["R-7.1-1"], "bundle.size", &|b| b.clear()),
        bytes("seal-broken", "One bit of the seal is wrong.", &["R-7.1-1"], "bundle.seal", &|b| {
            if let Some(last) = b.last_mut() {
                *last ^= 1;
            }
        }),
        bytes("cut-short", "The last byte is missing.", &["R-7.1-1"], "bundle.seal", &|b| {
            b.pop();
        }),
        bytes(
            "bytes-after",
            "A byte after the end, sealed.",
            &["R-2.3-5"],
            "cbor.trailing",
            &|b| {
                b.truncate(b.len() - 32);
                b.extend([0; 32]);
                let seal = placet_proto::sha256(b);
                b.extend(seal);
            },
        ),
        malformed(
            "notes-not-ascending",
            "Notes in the wrong order.",
            &["R-7.3-1"],
            structure,
            &|b| b.main.notes.reverse(),
        ),
        malformed("note-twice", "A note stands twice.", &["R-7.3-1"], structure, &|b| {
            let note = b.gov.notes[0].clone();
            b.gov.notes.insert(0, note);
        }),
        malformed(
            "no-genesis",
            "The first statement is not genesis.",
            &["R-7.3-2"],
            structure,
            &|b| {
                b.main.statements.remove(0);
            },
        ),
        malformed(
            "foreign-statement",
            "A statement is of no request of the bundle.",
            &["R-7.3-2"],
            structure,
            &|b| {
                b.requests = vec![crate::ledger::uuid_from(&[1; 32])];
            },
        ),
        malformed(
            "request-without-statement",
            "A request has no statement.",
            &["R-7.3-2"],
            structure,
            &|b| {
                b.requests.push(crate::ledger::uuid_from(&[0xff; 32]));
                b.requests.sort();
            },
        ),
        malformed(
            "receipt-without-note",
            "A receipt has the size of no note.",
            &["R-7.3-3"],
            structure,
            &|b| {
                let last = b.main.notes.len() - 1;
                b.main.notes.remove(last);
                b.main.consistency.pop();
            },
        ),
        malformed(
            "consistency-missing",
            "Neighbouring sizes without a path.",
            &["R-7.3-4"],
            structure,
            &|b| {
                b.main.consistency.pop();
            },
        ),
        malformed(
            "consistency-superfluous",
            "A path that connects no neighbours.",
            &["R-7.3-4"],
            structure,
            &|b| {
                let first = b.main.consistency[0].clone();
                b.main.consistency.push(first);
            },
        ),
        malformed(
            "governance-incomplete",
            "A governance entry is missing.",
            &["R-7.3-5"],
            structure,
            &|b| {
                b.gov.entries.pop();
            },
        ),
        malformed(
            "note-unreferenced",
            "Nothing refers to a note.",
            &["R-7.3-6"],
            structure,
            &|b| {
                let mut note = s.forge.main.checkpoint(3);
                s.forge.witnesses[0].cosign(&mut note, 77);
                b.main.notes.push(note.to_bytes());
                b.main.notes.sort_by_key(|n| (crate::ledger::note_ref(n).size, n.clone()));
            },
        ),
        malformed(
            "opening-unreferenced",
            "An opening of somebody who is not enrolled.",
            &["R-7.3-7"],
            structure,
            &|b| {
                b.openings[0].person = crate::ledger::uuid_from(&[3; 32]);
            },
        ),
        malformed(
            "statement-detached-damage",
            "A statement is cut short.",
            &["R-5.1-1"],
            "cbor.truncated",
            &|b| {
                let Content::Statement(bytes) = &mut b.main.statements[1].content else { return };
                bytes.pop();
            },
        ),
    ]
}
