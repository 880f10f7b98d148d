//! What is to be proved of a folder: that no permit of a high-risk action exists without a passkey
//! approval of exactly that action.
//!
//! Which actions these are the mapping says, in the table `prove`; a condition can narrow one:
//!
//! ```toml
//! [prove]
//! high_risk = ["shell", {action = "pay", when = 'context.action.amount > 1000'}]
//! ```
//!
//! Without it they are those that stand in the scope of a permit with `@risk("high")` or
//! `@risk("critical")`.

use std::str::FromStr as _;

use cedar_policy::{ActionConstraint, Effect, EntityUid, Policy, PolicySet};
use placet_proto::json::Json;

use super::{
    CedarPdp, chain,
    types::{Record, Type},
};
use crate::policy::PolicyError;

/// The most actions in `prove.high_risk`.
const MAX_GOALS: usize = 256;
/// The longest condition, in bytes.
const MAX_CONDITION_BYTES: usize = 4096;
/// Words of `@risk` that mean a high risk.
const HIGH: [&str; 2] = ["high", "critical"];
/// Words of `@risk` that mean none.
const NOT_HIGH: [&str; 2] = ["low", "medium"];

/// An action of high risk, as the mapping has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HighRisk {
    /// A name that requests have for it, or the action of the schema in full.
    pub action: String,
    /// When it is of high risk, as the condition of a policy; `None`: always.
    pub when: Option<String>,
}

/// One thing to be proved.
#[derive(Debug, Clone)]
pub struct Goal {
    /// What requests call the action.
    pub name: String,
    /// The action in the schema.
    pub action: EntityUid,
    /// When it is of high risk; `None`: always.
    pub when: Option<String>,
    /// A policy that permits what may be permitted: all that is not of high risk, and what carries
    /// a passkey approval with the digest of this very request. Every permit of the folder has to
    /// be one of this.
    pub gate: PolicySet,
}

impl CedarPdp {
    /// What is to be proved: of `actions`, if there are any, else of what the folder says.
    ///
    /// # Errors
    /// `policy.mapping` for an action that the folder does not have, and for a condition that is
    /// none.
    pub fn goals(&self, actions: &[String]) -> Result<Vec<Goal>, PolicyError> {
        let always = |action: String| HighRisk { action, when: None };
        let wanted = match (actions, self.mapping.high_risk()) {
            ([], Some(listed)) => listed.to_vec(),
            ([], None) => self.by_annotation()?.into_iter().map(always).collect(),
            (named, _) => named.iter().cloned().map(always).collect(),
        };
        wanted.into_iter().map(|wanted| self.goal(wanted)).collect()
    }

    fn goal(&self, wanted: HighRisk) -> Result<Goal, PolicyError> {
        let HighRisk { action: name, when } = wanted;
        let action = self.mapping.action_uid(&name).cloned();
        let in_full = || EntityUid::from_str(&name).ok();
        let action = action
            .or_else(in_full)
            .filter(|action| self.schema.actions().any(|known| known == action))
            .ok_or_else(|| PolicyError::Mapping(format!("prove: there is no action {name:?}")))?;
        let gate = gate(when.as_deref(), self.types.context(&action)).map_err(|why| {
            PolicyError::Mapping(format!("prove: the condition of {name:?}: {why}"))
        })?;
        Ok(Goal { name, action, when, gate })
    }

    /// Names of the actions in the scopes of permits that are said to be of high risk.
    fn by_annotation(&self) -> Result<Vec<String>, PolicyError> {
        let words = self.policies().filter_map(|policy| policy.annotation("risk"));
        let mut unknown = words.filter(|word| !HIGH.contains(word) && !NOT_HIGH.contains(word));
        if let Some(word) = unknown.next() {
            // Taken for a low one, it would leave out what somebody meant to be proved.
            let why = format!("prove: @risk({word:?}) is none of low, medium, high and critical");
            return Err(PolicyError::Mapping(why));
        }
        let risky = |policy: &&Policy| {
            policy.effect() == Effect::Permit
                && policy.annotation("risk").is_some_and(|word| HIGH.contains(&word))
        };
        let scopes: Vec<ActionConstraint> =
            self.policies().filter(risky).map(Policy::action_constraint).collect();
        let meant = |action: &EntityUid| {
            let within =
                |group: &EntityUid| group == action || self.store.ancestors(action).contains(group);
            scopes.iter().any(|scope| match scope {
                ActionConstraint::Any => true,
                ActionConstraint::Eq(one) => one == action,
                ActionConstraint::In(groups) => groups.iter().any(within),
            })
        };
        let names = self.mapping.action_names();
        let of_name = |name: &&str| self.mapping.action_uid(name).is_some_and(meant);
        Ok(names.into_iter().filter(of_name).map(str::to_owned).collect())
    }
}

/// The gate of one action. Where the schema gives no place to an approval and to the digest, there
/// is none that could be bound, and nothing of high risk may be permitted.
fn gate(when: Option<&str>, context: Option<&Record>) -> Result<PolicySet, String> {
    let text = |record: &Record, name: &str| {
        record.get(name).is_some_and(|member| member.of == Type::String)
    };
    let bindable = context.is_some_and(|context| {
        let approval = context.get("approval").map(|member| &member.of);
        text(context, "action_digest")
            && matches!(approval, Some(Type::Record(a)) if text(a, "digest") && text(a, "method"))
    });
    let approved = match bindable {
        true => {
            "context has approval && context.approval.digest == context.action_digest && \
             context.approval.method == \"webauthn\""
        }
        false => "false",
    };
    let low = when.map(|when| format!("!({when}) || ")).unwrap_or_default();
    let policy = format!("permit (principal, action, resource) when {{ {low}({approved}) }};");
    let gate = PolicySet::from_str(&policy).map_err(|e| chain(&e))?;
    match gate.num_of_policies() {
        1 => Ok(gate),
        n => Err(format!("it makes {n} policies of one")),
    }
}

/// Reads the mapping's `prove`.
pub(super) fn read(prove: &Json) -> Result<Vec<HighRisk>, String> {
    let members = prove.as_object().unwrap_or_default();
    let list = match members {
        [(name, list)] if name == "high_risk" => list.as_array(),
        _ => None,
    };
    let list = list.filter(|list| list.len() <= MAX_GOALS);
    let list = list.ok_or_else(|| {
        format!("prove has one member, high_risk: a list of at most {MAX_GOALS} actions")
    })?;
    list.iter().map(high_risk).collect()
}

fn high_risk(item: &Json) -> Result<HighRisk, String> {
    if let Some(action) = item.as_str() {
        return Ok(HighRisk { action: action.to_owned(), when: None });
    }
    let text = |name: &str| item.get(name).and_then(Json::as_str).map(str::to_owned);
    let (action, when) = (text("action"), text("when"));
    let given = item.as_object().map_or(0, <[_]>::len);
    match (action, when) {
        (Some(action), Some(when)) if given == 2 && when.len() <= MAX_CONDITION_BYTES => {
            Ok(HighRisk { action, when: Some(when) })
        }
        _ => Err("prove.high_risk: an item is a name, or {action, when}".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{MAPPING_TOML, PolicyFiles};
    use placet_proto::json;

    fn with_mapping(prove: &str) -> Result<CedarPdp, crate::Error> {
        let mapping = format!(
            "[canary]\nsubject = {{type = \"agent\", id = \"x\"}}\naction = {{name = \
             \"delete_user\"}}\nresource = {{type = \"user\", id = \"canary\"}}\n{prove}"
        );
        let demo = PolicyFiles::demo();
        let kept = demo.iter().filter(|(name, _)| *name != "mapping.json");
        let mut files: std::collections::BTreeMap<String, Vec<u8>> =
            kept.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        files.insert(MAPPING_TOML.to_owned(), mapping.into_bytes());
        CedarPdp::load(&PolicyFiles::from_files(files)?)
    }

    fn names(goals: &[Goal]) -> Vec<&str> {
        goals.iter().map(|goal| goal.name.as_str()).collect()
    }

    #[test]
    fn a_risk_that_nobody_knows_is_not_taken_for_a_low_one() {
        let demo = PolicyFiles::demo();
        let files = demo.iter().map(|(name, bytes)| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            (name.to_owned(), text.replace("@risk(\"high\")", "@risk(\"High\")").into_bytes())
        });
        let pdp = CedarPdp::load(&PolicyFiles::from_files(files.collect()).unwrap()).unwrap();
        let refused = pdp.goals(&[]).unwrap_err();
        assert!(refused.to_string().contains("High"), "{refused}");
        assert_eq!(names(&pdp.goals(&["disable_user".to_owned()]).unwrap()), ["disable_user"]);
    }

    #[test]
    fn what_is_of_high_risk_is_named_listed_or_annotated() {
        let demo = CedarPdp::load(&PolicyFiles::demo()).unwrap();
        assert_eq!(names(&demo.goals(&[]).unwrap()), ["disable_user"]);
        let named = demo.goals(&["Action::\"read_user\"".to_owned()]).unwrap();
        assert_eq!(named[0].action.to_string(), "Action::\"read_user\"");
        assert_eq!(demo.goals(&["nothing".to_owned()]).unwrap_err().code(), "policy.mapping");

        let listed = r#"[prove]
            high_risk = ["delete_user", {action = "read_user", when = 'context has ticket'}]"#;
        let goals = with_mapping(listed).unwrap().goals(&[]).unwrap();
        assert_eq!(names(&goals), ["delete_user", "read_user"]);
        assert!(goals[1].gate.to_string().contains("has ticket"), "{}", goals[1].gate);
        let condition = r#"[prove]
            high_risk = [{action = "read_user", when = 'true) }; permit (principal, action, resource) when { (true'}]"#;
        let two = with_mapping(condition).unwrap().goals(&[]).unwrap_err();
        assert!(two.to_string().contains("2 policies"), "{two}");
        for bad in ["[prove]\n", "[prove]\nhigh_risk = \"a\"", "[prove]\nhigh_risk = [1]"] {
            assert_eq!(with_mapping(bad).unwrap_err().code(), "policy.mapping", "{bad}");
        }
    }

    #[test]
    fn items_have_exactly_their_members() {
        for bad in [
            r#"{"high_risk": [{"action": "a"}]}"#,
            r#"{"high_risk": [{"action": "a", "when": "true", "x": 1}]}"#,
            r#"{"high_risk": [], "x": 1}"#,
            r#"[]"#,
        ] {
            assert!(read(&json::parse(bad.as_bytes()).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_place_for_a_bound_approval_nothing_risky_may_be_permitted() {
        assert!(gate(None, None).unwrap().to_string().contains("false"));
        assert!(gate(Some("!!"), None).is_err());
    }
}
