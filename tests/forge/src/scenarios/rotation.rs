//! Issuer keys that are rotated, and logs whose misbehaviour something else would hide.

use placet_proto::document::{Body, KeyInfo, Keys, Purpose};
use placet_proto::time::UnixSeconds;
use placet_proto::trust::{TrustFile, TrustedKey};

use super::story::{Story, story};
use crate::ledger::{IssuerKey, signing_key};
use crate::log::public;
use crate::vector::{Expect, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    vec![
        rotated("issuer-rotated", "The ledger's issuer key was rotated, and announced.", 1),
        rotated(
            "issuer-rotated-twice",
            "The second new issuer key was announced by the first new one.",
            2,
        ),
        unannounced(),
        announced_for_less(),
        two_roots_behind_a_bad_note(),
        two_roots_of_governance(),
        two_roots_outside_the_window(),
        second_root_by_somebody_else(),
    ]
}

/// A new issuer key: announced for these kinds, if any, and trusted for all from now on.
fn rotate(s: &mut Story, trust: &mut TrustFile, label: &str, announced: Option<Vec<String>>) {
    let old = s.forge.ledger_key.clone();
    let new = IssuerKey { key: signing_key(label), ..old.clone() };
    if let Some(kinds) = announced {
        let info = KeyInfo {
            purpose: Purpose::Issuer,
            kid: new.kid(),
            public_key: public(&new.key).to_cose(),
            kinds: Some(kinds),
            audience: None,
        };
        let body = Body::Key(Keys { keys: vec![info], at: UnixSeconds(s.forge.clock) });
        let (document, subject) = (s.forge.document(body), s.forge.uuid());
        let statement = s.forge.statement(&old, &document, &subject, vec![], None);
        s.forge.gov.append(statement);
    }
    let old_cose = public(&old.key).to_cose();
    for (log, size) in trust.logs.iter_mut().zip([s.forge.main.size(), s.forge.gov.size()]) {
        for key in log.keys.iter_mut().filter(|k| k.public_key == old_cose) {
            key.until_size = Some(size - 1);
        }
        log.keys.push(TrustedKey {
            purpose: Purpose::Issuer,
            public_key: public(&new.key).to_cose(),
            kinds: new.kinds.clone(),
            audience: None,
            from_size: size,
            until_size: None,
        });
    }
    s.forge.ledger_key = new;
    // The main log has to grow, or the window of a key that is rotated at once would be empty.
    s.forge.main.append(b"filler".to_vec());
    s.forge.tick(1);
    s.forge.publish_both();
}

fn told(s: Story, trust: &TrustFile, name: &'static str, about: &'static str, e: Expect) -> Vector {
    let s = s.approved().executed().closed();
    Vector::new(name, about, &["R-9-5"], &s.bundle(), trust, e)
}

fn rotated(name: &'static str, about: &'static str, times: usize) -> Vector {
    let mut s = Story::opened();
    let mut trust = s.trust();
    for label in ["second ledger issuer", "third ledger issuer"].iter().take(times) {
        let kinds = s.forge.ledger_key.kinds.clone();
        rotate(&mut s, &mut trust, label, Some(kinds));
    }
    told(s, &trust, name, about, Expect::Passed)
}

fn unannounced() -> Vector {
    let mut s = Story::opened();
    let mut trust = s.trust();
    rotate(&mut s, &mut trust, "second ledger issuer", None);
    told(
        s,
        &trust,
        "issuer-unannounced",
        "The trust file knows an issuer key that the governance log never announced.",
        Expect::Failed("issuer.kind"),
    )
}

fn announced_for_less() -> Vector {
    let mut s = Story::opened();
    let mut trust = s.trust();
    let kinds = vec!["decision".to_owned(), "expiry".to_owned()];
    rotate(&mut s, &mut trust, "second ledger issuer", Some(kinds));
    told(
        s,
        &trust,
        "issuer-announced-for-less",
        "An issuer key states an approval; it was announced for decisions and expiries.",
        Expect::Failed("issuer.kind"),
    )
}

/// A cosigned checkpoint of the newest size with a root that the tree does not have.
fn other_root(s: &Story, governance: bool) -> Vec<u8> {
    let log = if governance { &s.forge.gov } else { &s.forge.main };
    let mut note = log.checkpoint_of(log.size(), [9; 32]);
    for witness in &s.forge.witnesses {
        witness.cosign(&mut note, s.forge.clock);
    }
    note.to_bytes()
}

/// A checkpoint that a stranger signed.
fn bad_note(s: &Story) -> Vec<u8> {
    let mut stranger = s.forge.main.clone();
    stranger.checkpoint_key = signing_key("stranger");
    stranger.checkpoint(s.approval + 1).to_bytes()
}

fn two_roots_behind_a_bad_note() -> Vector {
    let mut s = story();
    let notes = [bad_note(&s), other_root(&s, false)];
    s.forge.main.notes.extend(notes);
    s.vector(
        "two-roots-behind-a-bad-note",
        "The log signed two roots for one size; a note that a stranger signed stands before them.",
        &["R-9-3"],
        Expect::LogMisbehaved,
    )
}

fn two_roots_of_governance() -> Vector {
    let mut s = story();
    let (bad, other) = (bad_note(&s), other_root(&s, true));
    s.forge.main.notes.push(bad);
    s.forge.gov.notes.push(other);
    s.vector(
        "two-roots-of-governance",
        "The governance log signed two roots for one size, and a main note is bad.",
        &["R-9-3"],
        Expect::LogMisbehaved,
    )
}

fn two_roots_outside_the_window() -> Vector {
    let mut s = story();
    let other = other_root(&s, false);
    s.forge.main.notes.push(other);
    let mut trust = s.trust();
    let checkpoint = trust.logs[0].keys.iter_mut().find(|k| k.purpose == Purpose::Checkpoint);
    checkpoint.expect("a checkpoint key").until_size = Some(s.forge.main.size() - 1);
    Vector::new(
        "two-roots-outside-the-window",
        "The log signed two roots for one size, with a key that was not to be used any more.",
        &["R-9-3"],
        &s.bundle(),
        &trust,
        Expect::LogMisbehaved,
    )
}

fn second_root_by_somebody_else() -> Vector {
    let mut s = story();
    let mut stranger = s.forge.main.clone();
    stranger.checkpoint_key = signing_key("stranger");
    let note = stranger.checkpoint_of(stranger.size(), [9; 32]).to_bytes();
    s.forge.main.notes.push(note);
    s.vector(
        "second-root-by-a-stranger",
        "A stranger signed another root for a size: that is no word of the log.",
        &["R-9-3"],
        Expect::Failed("log.checkpoint"),
    )
}
