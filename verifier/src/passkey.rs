//! Step 26 of SPEC.md 9: whether the passkey, or the person, that the verifier's user names
//! answered.

use std::collections::BTreeSet;

use placet_proto::b64::{decode_hex_array, encode_url};

use crate::answers::Given;
use crate::context::Context;
use crate::governance::key_of;
use crate::report::{AnswerFacts, Problem};

/// Base64url of 16 bytes, the shortest credential id that WebAuthn allows.
const SHORTEST_ID: usize = 22;

/// Whether one of the answers is by whom the text names: a credential id in base64url, the
/// RFC 9679 thumbprint of a key in hex, the name of a root in the trust file, or else an opened
/// name. What the operator wrote is asked last, so that no name of his takes the place of what the
/// user named.
///
/// # Errors
/// Failed `passkey.mismatch`.
pub(crate) fn matched(
    cx: &Context<'_>,
    named: &str,
    given: &[Given<'_>],
    facts: &[AnswerFacts],
) -> Result<String, Problem> {
    let (found, what) = if is_id(named) {
        (by_id(cx, named, given), "a credential id or a thumbprint of a key")
    } else if cx.trust.roots.iter().any(|root| root.name.as_deref() == Some(named)) {
        (by_root(cx, named, given), "a root of the trust file")
    } else {
        let opened = facts.iter().any(|a| a.name.as_deref() == Some(named));
        (opened, "an opened name, as no root of the trust file is called so")
    };
    if found {
        return Ok(format!("{named}: {what}"));
    }
    let got: Vec<String> = facts.iter().map(shown).collect();
    Err(Problem::failed("passkey.mismatch", format!("somebody else answered; read as {what}"))
        .versus(named, got.join(", ")))
}

/// Whether the text can be an id; then it is no name, whatever the operator calls his people.
fn is_id(named: &str) -> bool {
    named.len() >= SHORTEST_ID
        && named.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn by_id(cx: &Context<'_>, named: &str, given: &[Given<'_>]) -> bool {
    let thumbprint = decode_hex_array::<32>(named).ok();
    given.iter().any(|g| {
        let own = &g.answer.approver.credential;
        let enrolled = cx.governance.enrolment(own).map(|e| key_of(&e.document.public_key));
        encode_url(own) == named || (thumbprint.is_some() && enrolled == thumbprint)
    })
}

/// By any key of a person who has a root of that name.
fn by_root(cx: &Context<'_>, named: &str, given: &[Given<'_>]) -> bool {
    let roots = cx.trust.roots.iter().filter(|root| root.name.as_deref() == Some(named));
    let persons: BTreeSet<&str> = roots
        .filter_map(|root| {
            let enrolled = cx.governance.enrolment_of_key(&key_of(&root.public_key))?;
            let stands = enrolled.authorised.is_ok();
            let same = enrolled.document.public_key == root.public_key;
            (stands && same).then_some(enrolled.document.person.as_str())
        })
        .collect();
    given.iter().any(|g| persons.contains(g.answer.approver.person.as_str()))
}

fn shown(answer: &AnswerFacts) -> String {
    match &answer.name {
        Some(name) => format!("{} ({name})", answer.credential),
        None => answer.credential.clone(),
    }
}
