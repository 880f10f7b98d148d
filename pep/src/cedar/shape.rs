//! Which of the context members that the gate fills an action's schema declares.

use cedar_policy::RestrictedExpression;
use placet_proto::{b64, document::SessionSeen};

use super::types::{Record, Type, Values};
use crate::pdp::VerifiedApproval;

/// What the context of one action may hold.
#[derive(Debug, Clone, Default)]
pub(super) struct ContextShape {
    action_digest: bool,
    /// `context.approval` with `digest` and `method`.
    pub approval: bool,
    /// `context.approval.approvers`.
    pub approvers: bool,
    user_verified: bool,
    age_seconds: bool,
    /// The members of `context.session`, where the mapping has a session filled.
    pub session: Vec<String>,
}

impl ContextShape {
    /// The shape of a context of this type. `session`: whether its member of that name is one that
    /// is filled here.
    pub fn of(context: &Record, session: bool) -> Self {
        let is = |record: &Record, name: &str, of: &Type| {
            record.get(name).is_some_and(|member| member.of == *of)
        };
        let approval = match context.get("approval").map(|member| &member.of) {
            Some(Type::Record(approval)) => approval.clone(),
            _ => Record::new(),
        };
        let has = |name: &str, of: &Type| is(&approval, name, of);
        Self {
            action_digest: is(context, "action_digest", &Type::String),
            approval: has("digest", &Type::String) && has("method", &Type::String),
            approvers: has("approvers", &Type::Long),
            user_verified: has("user_verified", &Type::Bool),
            age_seconds: has("age_seconds", &Type::Long),
            session: match context.get("session").map(|member| &member.of) {
                Some(Type::Record(record)) if session => record.keys().cloned().collect(),
                _ => Vec::new(),
            },
        }
    }

    /// Sets `action_digest` and, if given, `approval` and `session`, as far as the schema declares
    /// them.
    pub fn fill(
        &self,
        context: &mut Values,
        action_digest: &str,
        approval: Option<&VerifiedApproval>,
        session: Option<&SessionSeen>,
    ) {
        type E = RestrictedExpression;
        if let Some(session) = session {
            self.fill_session(context, session);
        }
        if self.action_digest {
            context.insert("action_digest".to_owned(), E::new_string(action_digest.to_owned()));
        }
        let Some(approval) = approval.filter(|_| self.approval) else { return };
        let digest = b64::encode_hex(approval.action_digest);
        let age = i64::try_from(approval.age_seconds).unwrap_or(i64::MAX);
        let members = [
            (true, "digest", E::new_string(digest)),
            (true, "method", E::new_string(approval.method.as_str().to_owned())),
            (self.approvers, "approvers", E::new_long(approval.approvers.into())),
            (self.user_verified, "user_verified", E::new_bool(approval.user_verified)),
            (self.age_seconds, "age_seconds", E::new_long(age)),
        ];
        let declared = members.into_iter().filter(|(declared, ..)| *declared);
        let record = E::new_record(declared.map(|(_, name, value)| (name.to_owned(), value)));
        // Names of one record are all different here, which is all that can fail.
        if let Ok(record) = record {
            context.insert("approval".to_owned(), record);
        }
    }

    fn fill_session(&self, context: &mut Values, session: &SessionSeen) {
        type E = RestrictedExpression;
        if self.session.is_empty() {
            return;
        }
        let members = self.session.iter().map(|name| {
            let count = session.count(name).unwrap_or(u64::MAX);
            (name.clone(), E::new_long(i64::try_from(count).unwrap_or(i64::MAX)))
        });
        if let Ok(record) = E::new_record(members) {
            context.insert("session".to_owned(), record);
        }
    }
}
