//! What a PEP told that it can't do is not permitted to it.

use placet_proto::action::Action;
use placet_proto::document::MAX_OBLIGATIONS;
use placet_proto::json::Json;

use crate::obligations::{Obligation, custom_name, unfulfilled};
use crate::pdp::{Denial, Evaluation, Outcome};

/// The member of a request's context in which a PEP tells what it can.
const DECLARED: &str = "supported_obligations";
/// The most entries of that member.
const MAX_DECLARED: usize = 64;

/// Denies what a PEP could not enforce: a permit, and what would become one by an approval, of
/// which an obligation is not among the types that the PEP declared (`pdp.obligation_unsupported`),
/// and any of which there are more obligations than a decision holds (`pdp.obligation_limit`).
///
/// The denial keeps the obligations that the PEP can fulfil, as the profile wants them done in any
/// case; its other words are in the detail.
pub(crate) fn withhold(evaluation: &mut Evaluation, action: &Action) {
    let denied = match &evaluation.outcome {
        Outcome::Permit(_) => withheld(&evaluation.obligations, action),
        Outcome::Requestable(_) => withheld(&evaluation.promised, action),
        Outcome::Deny(_) => None,
    };
    if let Some(denial) = denied {
        evaluation.outcome = Outcome::Deny(denial);
        evaluation.promised.clear();
        let action = action.clone();
        evaluation.obligations.retain(|o| withheld(std::slice::from_ref(o), &action).is_none());
    }
    evaluation.obligations.truncate(MAX_OBLIGATIONS);
}

/// The denial of a permit with these obligations, if it can't be given to the PEP that asks.
fn withheld(obligations: &[Obligation], action: &Action) -> Option<Denial> {
    let denial = |code, detail: String| Some(Denial { code, detail });
    if obligations.len() > MAX_OBLIGATIONS {
        return denial("pdp.obligation_limit", "more than 64 obligations".to_owned());
    }
    let given = action.context();
    let declared = given.get(DECLARED)?;
    let unsupported = "pdp.obligation_unsupported";
    let names = declared.as_array().filter(|list| list.len() <= MAX_DECLARED);
    let Some(names) = names else {
        return denial(unsupported, format!("context.{DECLARED} is no list of types"));
    };
    let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
    let can = |obligation: &Obligation| {
        // A PEP that says `custom` takes any; one that says `custom:redact` takes those.
        names.contains(&obligation.kind.as_str())
            || unfulfilled(std::slice::from_ref(obligation), &names).is_empty()
    };
    let missing = obligations.iter().find(|obligation| !can(obligation))?;
    let name = custom_name(missing).map(|name| format!(" {name}")).unwrap_or_default();
    denial(unsupported, format!("the PEP does not support {}{name}", missing.kind))
}
