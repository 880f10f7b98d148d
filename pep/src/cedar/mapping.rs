//! `mapping.json`: which AuthZEN types and names are which Cedar types and actions.
//!
//! ```json
//! {"version": 0,
//!  "subjects":  {"agent": {"entity": "Agent", "attributes": ["team"]}},
//!  "resources": {"user":  {"entity": "User"}},
//!  "actions":   {"disable_user": {"action": "disable_user", "parameters": [], "context": ["ip"]}},
//!  "canary":    {"subject": {}, "action": {}, "resource": {}}}
//! ```
//!
//! `attributes`, `parameters` (of `action.properties`, seen as `context.parameters`) and `context`
//! list the members that policies see. Where a list is absent policies see all members, and one
//! that the schema does not declare denies the request. A table and not a rule: `subject.type` is
//! the caller's word, and must not choose a Cedar type by itself.

use std::{collections::HashMap, str::FromStr};

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};
use placet_proto::{action::Action, json::Json};
use serde_json::{Map, Value};

use crate::{
    pdp::Denial,
    policy::{MAPPING, PolicyError, PolicyFiles},
};

/// Context members that the gate fills; a request that brings its own is denied.
const RESERVED: [&str; 2] = ["action_digest", "parameters"];
/// The most entries in one table.
const MAX_ENTRIES: usize = 4096;

/// The tables, checked against the schema.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    subjects: HashMap<String, EntityRule>,
    resources: HashMap<String, EntityRule>,
    actions: HashMap<String, ActionRule>,
    canary: Action,
}

/// A request in Cedar's terms, not yet typed by the schema.
#[derive(Debug, Clone)]
pub(super) struct Mapped {
    pub principal: EntityUid,
    pub action: EntityUid,
    pub resource: EntityUid,
    /// Cedar's entity JSON: principal and resource with the attributes that policies see.
    pub entities: Value,
    pub context: Map<String, Value>,
}

#[derive(Debug, Clone)]
struct EntityRule {
    entity: EntityTypeName,
    attributes: Selection,
}

#[derive(Debug, Clone)]
struct ActionRule {
    action: EntityUid,
    parameters: Selection,
    context: Selection,
}

/// Which members policies see: those listed, or all.
#[derive(Debug, Clone)]
struct Selection(Option<Vec<String>>);

impl Mapping {
    pub fn load(files: &PolicyFiles, schema: &Schema) -> Result<Self, PolicyError> {
        let file = files.json(MAPPING)?;
        refuse_unknown(&file, &["version", "subjects", "resources", "actions", "canary"])?;
        if file.get("version").and_then(Json::as_u64) != Some(0) {
            return Err(fault("version must be 0"));
        }
        let canary = file.get("canary").ok_or_else(|| fault("canary is missing"))?;
        let canary = Action::from_document(canary).map_err(|e| fault(format!("canary: {e}")))?;
        Ok(Self {
            subjects: table(&file, "subjects", |rule| EntityRule::read(rule, schema))?,
            resources: table(&file, "resources", |rule| EntityRule::read(rule, schema))?,
            actions: table(&file, "actions", |rule| ActionRule::read(rule, schema))?,
            canary,
        })
    }

    /// The request that must be denied.
    pub fn canary(&self) -> &Action {
        &self.canary
    }

    pub fn map(&self, action: &Action) -> Result<Mapped, Denial> {
        let (subject_type, subject_id) = action.subject_ref();
        let (resource_type, resource_id) = action.resource_ref();
        let subject = find(&self.subjects, "subject type", subject_type)?;
        let resource = find(&self.resources, "resource type", resource_type)?;
        let rule = find(&self.actions, "action", action.name())?;
        let principal = uid(&subject.entity, subject_id);
        let resource_uid = uid(&resource.entity, resource_id);
        let principal_attributes = subject.attributes.of(action.subject().get("properties"))?;
        let resource_attributes = resource.attributes.of(action.resource().get("properties"))?;
        let mut entities = vec![entity(subject, subject_id, principal_attributes.clone())];
        if principal != resource_uid {
            entities.push(entity(resource, resource_id, resource_attributes));
        } else if principal_attributes != resource_attributes {
            return Err(denial("pdp.schema", "subject and resource are one entity, told two ways"));
        }
        Ok(Mapped {
            principal,
            action: rule.action.clone(),
            resource: resource_uid,
            entities: Value::Array(entities),
            context: rule.context(action)?,
        })
    }
}

impl EntityRule {
    fn read(rule: &Json, schema: &Schema) -> Result<Self, PolicyError> {
        refuse_unknown(rule, &["entity", "attributes"])?;
        let name = string(rule, "entity")?;
        let entity = EntityTypeName::from_str(name).map_err(|e| fault(format!("{name}: {e}")))?;
        if !schema.entity_types().any(|known| *known == entity) {
            return Err(fault(format!("the schema has no entity type {name}")));
        }
        Ok(Self { entity, attributes: Selection::read(rule, "attributes")? })
    }
}

impl ActionRule {
    fn read(rule: &Json, schema: &Schema) -> Result<Self, PolicyError> {
        refuse_unknown(rule, &["action", "parameters", "context"])?;
        let name = string(rule, "action")?;
        // Either a full name, as in NS::Action::"read", or the id of an action without namespace.
        let action_type = EntityTypeName::from_str("Action").map_err(|e| fault(e.to_string()))?;
        let action = EntityUid::from_str(name).unwrap_or_else(|_| uid(&action_type, name));
        if !schema.actions().any(|known| *known == action) {
            return Err(fault(format!("the schema has no action {action}")));
        }
        let parameters = Selection::read(rule, "parameters")?;
        Ok(Self { action, parameters, context: Selection::read(rule, "context")? })
    }

    fn context(&self, action: &Action) -> Result<Map<String, Value>, Denial> {
        let given = action.context();
        if let Some(name) = RESERVED.iter().find(|name| given.get(name).is_some()) {
            return Err(denial("pdp.reserved", format!("context.{name} is filled by the gate")));
        }
        let mut context = self.context.of(Some(&given))?;
        let parameters = self.parameters.of(action.action().get("properties"))?;
        if !parameters.is_empty() {
            context.insert("parameters".to_owned(), Value::Object(parameters));
        }
        Ok(context)
    }
}

impl Selection {
    fn read(rule: &Json, member: &str) -> Result<Self, PolicyError> {
        let Some(list) = rule.get(member) else { return Ok(Self(None)) };
        let names = list.as_array().ok_or_else(|| fault(format!("{member} must be a list")))?;
        let name = |name: &Json| name.as_str().map(str::to_owned);
        let names: Option<Vec<String>> = names.iter().map(name).collect();
        names.map(|names| Self(Some(names))).ok_or_else(|| fault(format!("{member}: not a name")))
    }

    fn of(&self, object: Option<&Json>) -> Result<Map<String, Value>, Denial> {
        let members = object.and_then(Json::as_object).unwrap_or_default();
        let seen = |name: &String| self.0.as_ref().is_none_or(|names| names.contains(name));
        let chosen = members.iter().filter(|(name, _)| seen(name));
        chosen.map(|(name, value)| Ok((visible(name)?.to_owned(), cedar_json(value)?))).collect()
    }
}

pub(super) fn denial(code: &'static str, detail: impl Into<String>) -> Denial {
    Denial { code, detail: detail.into() }
}

/// Cedar's JSON for a value. Cedar has 64-bit integers and no floats: money and fractions come as
/// decimal strings, which the schema may type as `decimal`.
fn cedar_json(value: &Json) -> Result<Value, Denial> {
    Ok(match value {
        Json::Null => return Err(denial("pdp.schema", "null has no place in policies")),
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match value.as_i64() {
            Some(integer) => Value::from(integer),
            None => {
                let text = format!("{} is no 64-bit integer; use a string", number);
                return Err(denial("pdp.number", text));
            }
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(cedar_json).collect::<Result<_, _>>()?,
        Json::Object(members) => {
            let member = |(name, value): &(String, Json)| {
                Ok((visible(name)?.to_owned(), cedar_json(value)?))
            };
            Value::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
    })
}

/// Cedar reads `__entity` and `__extn` as escapes, by which a request could name entities.
fn visible(name: &str) -> Result<&str, Denial> {
    if name.starts_with("__") {
        return Err(denial("pdp.reserved", format!("member {name} is reserved")));
    }
    Ok(name)
}

fn uid(entity: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity.clone(), EntityId::new(id))
}

fn entity(rule: &EntityRule, id: &str, attributes: Map<String, Value>) -> Value {
    let uid = Map::from_iter([
        ("type".to_owned(), Value::from(rule.entity.to_string())),
        ("id".to_owned(), Value::from(id)),
    ]);
    Value::Object(Map::from_iter([
        ("uid".to_owned(), Value::Object(uid)),
        ("attrs".to_owned(), Value::Object(attributes)),
        ("parents".to_owned(), Value::Array(Vec::new())),
    ]))
}

fn find<'t, T>(table: &'t HashMap<String, T>, what: &str, name: &str) -> Result<&'t T, Denial> {
    let shown = name.get(..64).unwrap_or(name);
    table.get(name).ok_or_else(|| denial("pdp.unmapped", format!("{what} {shown:?} has no policy")))
}

fn table<T>(
    file: &Json,
    member: &str,
    read: impl Fn(&Json) -> Result<T, PolicyError>,
) -> Result<HashMap<String, T>, PolicyError> {
    let members = file.get(member).and_then(Json::as_object);
    let members = members.ok_or_else(|| fault(format!("{member} must be an object")))?;
    if members.len() > MAX_ENTRIES {
        return Err(fault(format!("{member} has more than {MAX_ENTRIES} entries")));
    }
    members.iter().map(|(name, rule)| Ok((name.clone(), read(rule)?))).collect()
}

fn refuse_unknown(value: &Json, known: &[&str]) -> Result<(), PolicyError> {
    let members = value.as_object().ok_or_else(|| fault("an entry is not an object"))?;
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(fault(format!("unknown member {name:?}"))),
        None => Ok(()),
    }
}

fn string<'j>(value: &'j Json, member: &str) -> Result<&'j str, PolicyError> {
    let text = value.get(member).and_then(Json::as_str);
    text.ok_or_else(|| fault(format!("{member} must be a string")))
}

fn fault(text: impl Into<String>) -> PolicyError {
    PolicyError::Mapping(text.into())
}
