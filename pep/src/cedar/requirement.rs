//! Annotations of policies: how to ask for the approval that a policy wants, and whom.
//!
//! | annotation | meaning |
//! |---|---|
//! | `@approve("passkey")` | how: `passkey`, or `security-key` for either |
//! | `@quorum("2")` | how many persons, 1 to 16 |
//! | `@approvers("role:administrator,person:UUID")` | who counts: any of these, and an approver |
//! | `@self_approval("allow")` | people may answer for their own agents; `deny`: not |
//! | `@max_age("300")` | oldest approval that counts, seconds |
//! | `@template("name")` | `templates/name.txt` is what approvers read |
//! | `@reason("text")`, `@risk("word")` | for the pages |

use cedar_policy::Policy;
use placet_proto::document::{Role, is_uuid_v4};

use super::obligations;
use crate::{
    pdp::{Approvers, MAX_QUORUM, Method, Requirement},
    policy::{PolicyError, PolicyFiles},
};

/// The longest annotation that people read, in bytes.
const MAX_TEXT_BYTES: usize = 500;
/// The most persons that a policy names (SPEC.md, `quorum`).
const MAX_PEOPLE: usize = 64;

const NAMES: [&str; 8] =
    ["approve", "quorum", "approvers", "self_approval", "max_age", "template", "reason", "risk"];

/// Reads the annotations of one policy; `None` if it has none of ours. `allow_self` is what holds
/// where the policy does not say whether people may answer for their own agents.
///
/// # Errors
/// `policy.annotation` for a value that nothing here understands, and for a name that is almost one
/// of ours: a typing error in `@quorum` must not lower it.
pub(super) fn of_policy(
    policy: &Policy,
    files: &PolicyFiles,
    allow_self: bool,
) -> Result<Option<Requirement>, PolicyError> {
    let fault = |text: String| PolicyError::Annotation { policy: place_of(policy), text };
    if let Some((given, meant)) = misspelt(policy) {
        return Err(fault(format!("@{given} is unknown; is it meant to be @{meant}?")));
    }
    if !NAMES.iter().any(|name| policy.annotation(name).is_some()) {
        return Ok(None);
    }
    let method = match policy.annotation("approve") {
        None | Some("passkey") => Method::Webauthn,
        Some("security-key") => Method::SshSk,
        Some(other) => return Err(fault(format!("@approve({other:?}) is unknown"))),
    };
    let number = |name: &str, range: std::ops::RangeInclusive<u64>| match policy.annotation(name) {
        None => Ok(None),
        Some(text) => match text.parse().ok().filter(|value| range.contains(value)) {
            Some(value) => Ok(Some(value)),
            None => Err(fault(format!("@{name}({text:?}) must be a number in {range:?}"))),
        },
    };
    let quorum = number("quorum", 1..=u64::from(MAX_QUORUM))?.unwrap_or(1);
    let max_age_seconds = number("max_age", 1..=31_536_000)?;
    let approvers = policy.annotation("approvers").map(approvers).transpose().map_err(fault)?;
    let allow_self = match policy.annotation("self_approval") {
        None => allow_self,
        Some("allow") => true,
        Some("deny") => false,
        Some(other) => return Err(fault(format!("@self_approval({other:?}): allow or deny"))),
    };
    let text = |name: &str| match policy.annotation(name) {
        Some(text) if text.is_empty() || text.len() > MAX_TEXT_BYTES => {
            Err(fault(format!("@{name} must have 1 to {MAX_TEXT_BYTES} bytes")))
        }
        other => Ok(other.map(str::to_owned)),
    };
    let template = text("template")?;
    if let Some(name) = template.as_ref().filter(|name| files.template(name).is_none()) {
        return Err(fault(format!("@template({name:?}): the folder has no such template")));
    }
    Ok(Some(Requirement {
        method,
        quorum: u32::try_from(quorum).unwrap_or(MAX_QUORUM),
        approvers: approvers.into_iter().collect(),
        allow_self,
        max_age_seconds,
        template,
        reason: text("reason")?,
        risk: text("risk")?,
    }))
}

/// The requirement of several policies together: the strictest of each. Texts come from the first
/// that has one; the caller gives them in a stable order. `allow_self` holds where none asks.
pub(super) fn merge(
    requirements: impl IntoIterator<Item = Requirement>,
    allow_self: bool,
) -> Requirement {
    let none = Requirement {
        method: Method::SshSk,
        quorum: 1,
        allow_self: true,
        ..Requirement::default()
    };
    let mut any = false;
    let mut merged = requirements.into_iter().fold(none, |mut sum, next| {
        any = true;
        sum.approvers.extend(next.approvers);
        Requirement {
            // A passkey is the stricter of the two methods: a security key accepts either.
            method: if sum.method.accepts(next.method) { next.method } else { sum.method },
            quorum: sum.quorum.max(next.quorum),
            approvers: sum.approvers,
            allow_self: sum.allow_self && next.allow_self,
            max_age_seconds: match (sum.max_age_seconds, next.max_age_seconds) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            template: sum.template.or(next.template),
            reason: sum.reason.or(next.reason),
            risk: sum.risk.or(next.risk),
        }
    });
    merged.approvers.sort_unstable();
    merged.approvers.dedup();
    if any { merged } else { Requirement { method: Method::Webauthn, allow_self, ..merged } }
}

/// What people and records call a policy, and where it is.
pub(super) fn place_of(policy: &Policy) -> String {
    match policy.annotation("id") {
        Some(name) => format!("{name} ({})", policy.id()),
        None => policy.id().to_string(),
    }
}

/// What people and records call a policy: its `@id`, else the engine's own id.
pub(super) fn name_of(policy: &Policy) -> String {
    policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned)
}

/// `role:NAME` and `person:UUID`, separated by commas.
fn approvers(text: &str) -> Result<Approvers, String> {
    let mut out = Approvers::default();
    for part in text.split(',').map(str::trim) {
        match part.split_once(':') {
            Some(("role", name)) => match Role::from_name(name) {
                Some(role) => out.roles.push(role),
                None => return Err(format!("@approvers: there is no role {name:?}")),
            },
            Some(("person", id)) if is_uuid_v4(id) => out.people.push(id.to_owned()),
            _ => {
                let text = "is neither role:NAME nor person:UUID (a random id in lower case)";
                return Err(format!("@approvers: {part:?} {text}"));
            }
        }
    }
    out.people.sort_unstable();
    out.people.dedup();
    out.roles.sort_unstable();
    out.roles.dedup();
    match out.people.len() {
        0..=MAX_PEOPLE => Ok(out),
        n => Err(format!("@approvers names {n} persons, at most {MAX_PEOPLE}")),
    }
}

/// An annotation that is within two letters of one of ours, and none.
fn misspelt(policy: &Policy) -> Option<(String, &'static str)> {
    let keys = policy.annotations().map(|(key, _)| key.to_string());
    let known = || NAMES.into_iter().chain(obligations::NAMES).chain(["id"]);
    keys.filter(|key| !known().any(|name| name == key)).find_map(|key| {
        let plain = key.to_ascii_lowercase().replace('-', "_");
        let ours = || NAMES.into_iter().chain(obligations::NAMES);
        ours().find(|name| distance(&plain, name) <= 2).map(|meant| (key, meant))
    })
}

/// Levenshtein's distance, in bytes; names of annotations are short.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (y, above) in b.bytes().zip(row.iter().skip(1)) {
            let changed = before.saturating_add(usize::from(x != y));
            left = changed.min(above.saturating_add(1)).min(left.saturating_add(1));
            before = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvers_are_roles_and_persons_and_nothing_else() {
        let id = "5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8e9f";
        let found = approvers(&format!("person:{id}, role:approver ,role:administrator")).unwrap();
        assert_eq!(found.people, [id]);
        assert_eq!(found.roles, [Role::Administrator, Role::Approver]);
        for bad in ["", "approver", "role:", "role:boss", "person:alice", "role:approver,", "role"]
        {
            assert!(approvers(bad).is_err(), "{bad}");
        }
        let upper = id.to_ascii_uppercase();
        assert!(approvers(&format!("person:{upper}")).is_err());
    }

    #[test]
    fn the_distance_is_that_of_levenshtein() {
        for (a, b, n) in [
            ("", "abc", 3),
            ("quorum", "quorum", 0),
            ("qorum", "quorum", 1),
            ("quroum", "quorum", 2),
            ("approver", "approvers", 1),
            ("advice", "approve", 5),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (n, n), "{a} {b}");
        }
    }
}
