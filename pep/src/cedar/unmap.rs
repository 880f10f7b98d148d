//! From the engine's terms back to a request: what a solver found, in a form that can be tried.

use cedar_policy::{Entities, EntityTypeName, EntityUid, EvalResult, Request};
use placet_proto::json::{self, Json};

use super::CedarPdp;

impl CedarPdp {
    /// A request, with the entities that it is about, as a case for `placet policy test`: members
    /// `request`, `entities` and, if the request carries one, `approval`.
    ///
    /// `None` for what no request can say: a type or an action that the mapping does not give, or
    /// a number that JSON has not.
    #[must_use]
    pub fn case_of(&self, request: &Request, entities: &Entities) -> Option<Json> {
        let (principal, action, resource) =
            (request.principal()?, request.action()?, request.resource()?);
        let subject = self.mapping.name_of_subject(principal.type_name())?;
        let object = self.mapping.name_of_resource(resource.type_name())?;
        let name = self.mapping.name_of_action(action)?;
        let mut does = Json::object([("name", Json::from(name.as_str()))]);
        let mut context = Json::Object(Vec::new());
        let (mut approval, mut digest) = (None, None);
        for member in self.types.context(action)?.keys() {
            let Some(value) = request.context().and_then(|c| c.get(member)) else { continue };
            match member.as_str() {
                "approval" => approval = Some(value_of(&value)?),
                "action_digest" => digest = Some(value_of(&value)?),
                // What a session had done is told by the service, and not by a request.
                "session" if self.session_rule().is_some() => {}
                name if name == self.mapping.parameters_member() => {
                    does.insert("properties", value_of(&value)?);
                }
                _ => context.insert(member.as_str(), value_of(&value)?),
            }
        }
        let entity = |of: &str, uid: &EntityUid| {
            Json::object([("type", Json::from(of)), ("id", uid.id().unescaped().into())])
        };
        let asked = Json::object([
            ("subject", entity(&subject, principal)),
            ("action", does),
            ("resource", entity(&object, resource)),
            ("context", context),
        ]);
        let mut out = Json::object([("request", asked), ("entities", told(entities)?)]);
        if let Some(approval) = approval {
            out.insert("approval", as_case(&approval, digest.as_ref()));
        }
        Some(with_ids(out))
    }
}

/// Solvers like the empty text, which is no id of a request: wherever an entity has it, another one
/// stands for it.
fn with_ids(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(with_ids).collect()),
        Json::Object(members) => {
            let is_entity =
                members.iter().any(|(name, value)| name == "type" && value.as_str().is_some());
            let named = |(name, value): (String, Json)| match value.as_str() {
                Some("") if is_entity && name == "id" => (name, Json::from("any")),
                _ => (name, with_ids(value)),
            };
            Json::Object(members.into_iter().map(named).collect())
        }
        other => other,
    }
}

/// The members of an approval that a case may have. An approval of another action is told by
/// `other_action`: the digest itself is that of a request that nobody can make. A method that there
/// is not stands for the weaker of the two that there are, and numbers that no approval has for the
/// nearest that one has.
fn as_case(approval: &Json, digest: Option<&Json>) -> Json {
    let mut out = Json::Object(Vec::new());
    if let Some(method) = approval.get("method").and_then(Json::as_str) {
        let method = if method == "webauthn" { method } else { "ssh-sk" };
        out.insert("method", method.into());
    }
    for name in ["approvers", "age_seconds"] {
        if let Some(number) = approval.get(name).and_then(Json::as_i64) {
            let number = u32::try_from(number.max(0)).unwrap_or(u32::MAX);
            out.insert(name, number.into());
        }
    }
    if let Some(verified) = approval.get("user_verified") {
        out.insert("user_verified", verified.clone());
    }
    if approval.get("digest") != digest {
        out.insert("other_action", Json::Bool(true));
    }
    out
}

/// Entities in Cedar's JSON, without actions, which are the schema's.
fn told(entities: &Entities) -> Option<Json> {
    let text = entities.to_json_value().ok()?.to_string();
    let all = json::parse(text.as_bytes()).ok()?;
    let is_action = |entity: &Json| {
        let of = entity.get("uid").and_then(|uid| uid.get("type")).and_then(Json::as_str);
        let of = of.and_then(|of| of.parse::<EntityTypeName>().ok());
        of.is_some_and(|of| of.basename() == "Action")
    };
    let kept = all.as_array()?.iter().filter(|entity| !is_action(entity));
    Some(kept.cloned().collect::<Vec<_>>().into())
}

/// A value as a request has it.
fn value_of(value: &EvalResult) -> Option<Json> {
    Some(match value {
        EvalResult::Bool(value) => Json::Bool(*value),
        EvalResult::Long(value) => json::parse(value.to_string().as_bytes()).ok()?,
        EvalResult::String(text) => Json::from(text.as_str()),
        EvalResult::EntityUid(uid) => Json::object([
            ("type", Json::from(uid.type_name().to_string())),
            ("id", uid.id().unescaped().into()),
        ]),
        EvalResult::Set(set) => set.iter().map(value_of).collect::<Option<Vec<_>>>()?.into(),
        EvalResult::Record(record) => {
            let member =
                |(name, value): (&String, &EvalResult)| Some((name.clone(), value_of(value)?));
            Json::object(record.iter().map(member).collect::<Option<Vec<_>>>()?)
        }
        // `decimal("1.5")`, and so for times, durations and addresses.
        EvalResult::ExtensionValue(call) => {
            let inner = call.split_once("(\"")?.1.strip_suffix("\")")?;
            Json::from((!inner.contains('"')).then_some(inner)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyFiles;
    use cedar_policy::Context;

    #[test]
    fn a_request_of_the_engine_becomes_a_case() {
        let pdp = CedarPdp::load(&PolicyFiles::demo()).unwrap();
        let uid = |text: &str| -> EntityUid { text.parse().unwrap() };
        let action = uid("Action::\"disable_user\"");
        let context = r#"{"action_digest": "high", "ticket": "T-1", "approval": {"digest": "",
            "method": "webauthn", "approvers": 1, "user_verified": true, "age_seconds": 2}}"#;
        let context = Context::from_json_str(context, Some((pdp.schema(), &action))).unwrap();
        let (who, what) = (uid("Agent::\"a\""), uid("User::\"b\""));
        let request = Request::new(who, action, what, context, Some(pdp.schema())).unwrap();
        let entities = r#"[{"uid": {"type": "Agent", "id": "a"}, "attrs": {"team": "t"},
            "parents": []}]"#;
        let entities = Entities::from_json_str(entities, Some(pdp.schema())).unwrap();
        let case = pdp.case_of(&request, &entities).unwrap();
        let asked = case.get("request").unwrap();
        let text = |path: &[&str]| {
            path.iter().try_fold(asked, |json, name| json.get(name)).and_then(Json::as_str)
        };
        assert_eq!(text(&["subject", "type"]), Some("agent"));
        assert_eq!(text(&["action", "name"]), Some("disable_user"));
        assert_eq!(text(&["resource", "id"]), Some("b"));
        assert_eq!(text(&["context", "ticket"]), Some("T-1"));
        assert!(asked.get("context").unwrap().get("approval").is_none());
        let approval = case.get("approval").unwrap();
        assert_eq!(approval.get("other_action").unwrap().as_bool(), Some(true));
        assert_eq!(case.get("entities").unwrap().as_array().unwrap().len(), 1);
    }

    #[test]
    fn no_entity_of_a_case_has_an_empty_id() {
        let nested = r#"{"uid": {"type": "User", "id": ""}, "attrs": {"a": {"__entity":
            {"type": "User", "id": ""}}, "id": ""}, "list": [{"id": "", "type": "T"}]}"#;
        let text = with_ids(json::parse(nested.as_bytes()).unwrap());
        let text = String::from_utf8(placet_proto::jcs::to_bytes(&text)).unwrap();
        assert_eq!(
            (text.matches(r#""id":"any""#).count(), text.matches(r#""id":"""#).count()),
            (3, 1)
        );
    }

    #[test]
    fn extension_values_are_their_texts() {
        let of = |text: &str| value_of(&EvalResult::ExtensionValue(text.to_owned()));
        assert_eq!(of("decimal(\"1.5\")"), Some(Json::from("1.5")));
        assert_eq!(of("offset(datetime(\"x\"), duration(\"1ms\"))"), None);
    }
}
