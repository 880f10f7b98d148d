//! Annotations of policies: how to ask for the approval that a policy wants.

use cedar_policy::Policy;

use crate::{
    pdp::{MAX_QUORUM, Method, Requirement},
    policy::{PolicyError, PolicyFiles},
};

/// The longest annotation that people read, in bytes.
const MAX_TEXT_BYTES: usize = 500;

/// Reads the annotations of one policy; `None` if it has none of ours.
///
/// # Errors
/// `policy.annotation` for a value that nothing here understands: a typing error in `@quorum` must
/// not lower it.
pub(super) fn of_policy(
    policy: &Policy,
    files: &PolicyFiles,
) -> Result<Option<Requirement>, PolicyError> {
    let names = ["approve", "quorum", "max_age", "template", "reason", "risk"];
    if !names.iter().any(|name| policy.annotation(name).is_some()) {
        return Ok(None);
    }
    let fault = |text: String| PolicyError::Annotation { policy: name_of(policy), text };
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
        max_age_seconds,
        template,
        reason: text("reason")?,
        risk: text("risk")?,
    }))
}

/// The requirement of several policies together: the strictest of each. Texts come from the first
/// that has one; the caller gives them in a stable order.
pub(super) fn merge(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    let none = Requirement { method: Method::SshSk, quorum: 1, ..Requirement::default() };
    let mut any = false;
    let merged = requirements.into_iter().fold(none, |sum, next| {
        any = true;
        Requirement {
            // A passkey is the stricter of the two methods: a security key accepts either.
            method: if sum.method.accepts(next.method) { next.method } else { sum.method },
            quorum: sum.quorum.max(next.quorum),
            max_age_seconds: match (sum.max_age_seconds, next.max_age_seconds) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            template: sum.template.or(next.template),
            reason: sum.reason.or(next.reason),
            risk: sum.risk.or(next.risk),
        }
    });
    if any { merged } else { Requirement { method: Method::Webauthn, ..merged } }
}

/// What people and records call a policy: its `@id`, else the engine's own id.
pub(super) fn name_of(policy: &Policy) -> String {
    policy.annotation("id").map_or_else(|| policy.id().to_string(), str::to_owned)
}
