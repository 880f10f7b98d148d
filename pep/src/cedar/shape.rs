//! Which of the context members that the gate fills an action's schema declares.
//!
//! The engine has no call that tells. But its validator says, without a warning, that a policy
//! about a member can apply, exactly if the member is declared and has the type.

use std::{collections::HashMap, str::FromStr};

use cedar_policy::{EntityUid, PolicySet, Schema, ValidationMode, Validator};
use serde_json::{Map, Value};

use crate::pdp::VerifiedApproval;

/// What the context of one action may hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ContextShape {
    action_digest: bool,
    /// `context.approval` with `digest` and `method`.
    pub approval: bool,
    /// `context.approval.approvers`.
    pub approvers: bool,
    user_verified: bool,
    age_seconds: bool,
}

impl ContextShape {
    /// Sets `action_digest` and, if given, `approval`, as far as the schema declares them.
    pub fn fill(
        &self,
        context: &mut Map<String, Value>,
        action_digest: &str,
        approval: Option<&VerifiedApproval>,
    ) {
        if self.action_digest {
            context.insert("action_digest".to_owned(), action_digest.into());
        }
        let Some(approval) = approval.filter(|_| self.approval) else { return };
        let digest = placet_proto::b64::encode_hex(approval.action_digest);
        let age = i64::try_from(approval.age_seconds).unwrap_or(i64::MAX);
        let members = [
            (true, "digest", Value::from(digest)),
            (true, "method", approval.method.as_str().into()),
            (self.approvers, "approvers", approval.approvers.into()),
            (self.user_verified, "user_verified", approval.user_verified.into()),
            (self.age_seconds, "age_seconds", age.into()),
        ];
        let declared = members.into_iter().filter(|(declared, ..)| *declared);
        let record = declared.map(|(_, name, value)| (name.to_owned(), value)).collect();
        context.insert("approval".to_owned(), Value::Object(record));
    }
}

/// The shapes of all actions of a schema.
pub(super) fn of_actions(schema: &Schema) -> HashMap<EntityUid, ContextShape> {
    let validator = Validator::new(schema.clone());
    let shape = |action: &EntityUid| {
        let declares = |record: &str, member: &str, literal: &str| {
            let test =
                format!("context{record} has {member} && context{record}.{member} == {literal}");
            let guard = if record.is_empty() { "" } else { "context has approval && " };
            can_apply(&validator, action, &format!("{guard}{test}"))
        };
        let approval = |member: &str, literal: &str| declares(".approval", member, literal);
        ContextShape {
            action_digest: declares("", "action_digest", "\"\""),
            approval: approval("digest", "\"\"") && approval("method", "\"\""),
            approvers: approval("approvers", "1"),
            user_verified: approval("user_verified", "true"),
            age_seconds: approval("age_seconds", "1"),
        }
    };
    schema.actions().map(|action| (action.clone(), shape(action))).collect()
}

fn can_apply(validator: &Validator, action: &EntityUid, condition: &str) -> bool {
    let text = format!("permit (principal, action == {action}, resource) when {{ {condition} }};");
    PolicySet::from_str(&text).is_ok_and(|policy| {
        let result = validator.validate(&policy, ValidationMode::Strict);
        result.validation_passed_without_warnings()
    })
}
