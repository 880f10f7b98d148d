//! The types that the schema declares, and the values of a request under them.
//!
//! Members that the schema does not declare are hidden from policies, at any depth: no policy can
//! name them. Under a `mapping.json` of version 0 they deny, as they always did: what a policy that
//! is in force means can't change with the program. What is declared has to have its type. A value
//! is read by the declared type alone; nothing in a request chooses one.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use cedar_policy::{
    EntityId, EntityTypeName, EntityUid, RestrictedExpression,
    schema_str_to_json_with_resolved_types,
};
use placet_proto::json::Json;
use serde_json::{Map, Value};

use super::mapping::denial;
use crate::{pdp::Denial, policy::PolicyError};

/// Longest chain of common types, and deepest type.
const MAX_DEPTH: usize = 32;

/// A type of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Long,
    String,
    Set(Box<Type>),
    Record(Record),
    Entity(EntityTypeName),
    Decimal,
    IpAddr,
    DateTime,
    Duration,
}

/// The members that a record may have.
pub(super) type Record = BTreeMap<String, Member>;

/// A member of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub of: Type,
    pub required: bool,
}

/// What an entity of a type may hold.
#[derive(Debug, Clone, Default)]
pub(super) struct EntityShape {
    pub attributes: Record,
    /// The only ids that there are, of an enumerated type.
    ids: Option<Vec<String>>,
}

/// All types of a schema.
#[derive(Debug, Default)]
pub(super) struct Types {
    entities: HashMap<EntityTypeName, EntityShape>,
    contexts: HashMap<EntityUid, Record>,
}

/// Members of a record as values, by name.
pub(super) type Values = BTreeMap<String, RestrictedExpression>;

impl Types {
    /// Reads the schema's text, which parsed as a schema before.
    pub fn load(schema: &str) -> Result<Self, PolicyError> {
        let fault = |e: &dyn std::fmt::Display| PolicyError::Schema(format!(": {e}"));
        let (json, _warnings) =
            schema_str_to_json_with_resolved_types(schema).map_err(|e| fault(&e))?;
        let source = Source { namespaces: json.as_object().cloned().unwrap_or_default() };
        source.types().ok_or_else(|| fault(&"a type of it is none that this program knows"))
    }

    /// What an entity of this type may hold.
    pub fn entity(&self, name: &EntityTypeName) -> Option<&EntityShape> {
        self.entities.get(name)
    }

    /// What the context of this action may hold.
    pub fn context(&self, action: &EntityUid) -> Option<&Record> {
        self.contexts.get(action)
    }
}

/// What becomes of members that the schema does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undeclared {
    /// Policies do not see them.
    Hidden,
    /// They deny the request, and an entity has to be named in full: `mapping.json` version 0.
    Denied,
}

/// Reads values of a request, and notes which entities they name.
pub(super) struct Reader<'t> {
    types: &'t Types,
    undeclared: Undeclared,
    /// Entities that were named.
    pub named: Vec<EntityUid>,
}

impl<'t> Reader<'t> {
    pub fn new(types: &'t Types, undeclared: Undeclared) -> Self {
        Self { types, undeclared, named: Vec::new() }
    }

    /// The declared members of an object; others are hidden, or deny.
    pub fn members<'j>(
        &mut self,
        shape: &Record,
        given: impl IntoIterator<Item = &'j (String, Json)>,
    ) -> Result<Values, Denial> {
        let mut out = Values::new();
        for (name, value) in given {
            match shape.get(name) {
                Some(member) => {
                    out.insert(name.clone(), self.value(&member.of, name, value)?);
                }
                None if self.undeclared == Undeclared::Denied => {
                    return Err(undeclared(name, value));
                }
                None => {}
            }
        }
        Ok(out)
    }

    fn value(
        &mut self,
        of: &Type,
        name: &str,
        value: &Json,
    ) -> Result<RestrictedExpression, Denial> {
        type E = RestrictedExpression;
        Ok(match (of, value) {
            (Type::Bool, Json::Bool(value)) => E::new_bool(*value),
            (Type::String, Json::String(text)) => E::new_string(text.clone()),
            (Type::Long, Json::Number(_)) => match value.as_i64() {
                Some(integer) => E::new_long(integer),
                None => return Err(mismatch(of, name, value)),
            },
            (Type::Decimal, Json::String(text)) => E::new_decimal(text),
            (Type::IpAddr, Json::String(text)) => E::new_ip(text),
            (Type::DateTime, Json::String(text)) => E::new_datetime(text),
            (Type::Duration, Json::String(text)) => E::new_duration(text),
            (Type::Entity(of), value) => E::new_entity_uid(self.entity(of, name, value)?),
            (Type::Set(of), Json::Array(items)) => {
                let items = items.iter().map(|item| self.value(of, name, item));
                E::new_set(items.collect::<Result<Vec<_>, _>>()?)
            }
            (Type::Record(shape), Json::Object(given)) => {
                let members = self.members(shape, given)?;
                require(shape, name, |member| members.contains_key(member))?;
                let record = E::new_record(members);
                record.map_err(|e| denial("pdp.schema", format!("{name}: {e}")))?
            }
            _ => return Err(mismatch(of, name, value)),
        })
    }

    /// An entity by its id, or as `{"type": .., "id": ..}` with the declared type.
    fn entity(
        &mut self,
        of: &EntityTypeName,
        name: &str,
        value: &Json,
    ) -> Result<EntityUid, Denial> {
        let wrong = || mismatch(&Type::Entity(of.clone()), name, value);
        let id = match value {
            Json::String(id) if self.undeclared == Undeclared::Hidden => id,
            Json::Object(members) => {
                let kind = value.get("type").and_then(Json::as_str).ok_or_else(wrong)?;
                let id = value.get("id").and_then(Json::as_str).ok_or_else(wrong)?;
                if members.len() != 2 || kind != of.to_string() {
                    return Err(wrong());
                }
                id
            }
            _ => return Err(wrong()),
        };
        let ids = self.types.entity(of).and_then(|shape| shape.ids.as_ref());
        if ids.is_some_and(|ids| !ids.iter().any(|known| known == id)) {
            return Err(wrong());
        }
        let uid = EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id));
        self.named.push(uid.clone());
        Ok(uid)
    }
}

/// Checks that all required members are there.
pub(super) fn require(shape: &Record, of: &str, has: impl Fn(&str) -> bool) -> Result<(), Denial> {
    let missing = shape.iter().find(|(name, member)| member.required && !has(name));
    missing.map_or(Ok(()), |(name, _)| {
        Err(denial("pdp.schema", format!("{of} has no {name}, which the schema requires")))
    })
}

/// A member that is not hidden has no place in policies.
pub(super) fn undeclared(name: &str, value: &Json) -> Denial {
    let shown: String = name.chars().take(64).collect();
    match value {
        _ if name.starts_with("__") => {
            denial("pdp.reserved", format!("{shown}: members that begin with __ are reserved"))
        }
        Json::Number(number) if value.as_i64().is_none() => {
            denial("pdp.number", format!("{shown}: {number} is no 64-bit integer; use a string"))
        }
        _ => denial("pdp.schema", format!("the schema does not declare {shown}")),
    }
}

/// Cedar has 64-bit integers and no floats: money and fractions come as decimal strings, which the
/// schema may type as `decimal`. Names that begin with two underscores are how Cedar's own JSON
/// names entities and calls; a request that tries them is told so.
fn mismatch(of: &Type, name: &str, value: &Json) -> Denial {
    match value {
        Json::Number(number) if value.as_i64().is_none() => {
            let text = format!("{name}: {number} is no 64-bit integer; use a string");
            denial("pdp.number", text)
        }
        Json::Object(members) if members.iter().any(|(name, _)| name.starts_with("__")) => {
            denial("pdp.reserved", format!("{name}: members that begin with __ are reserved"))
        }
        _ => denial("pdp.schema", format!("{name} is not of the type {}", of.name())),
    }
}

impl Type {
    fn name(&self) -> String {
        match self {
            Self::Bool => "Bool".to_owned(),
            Self::Long => "Long".to_owned(),
            Self::String => "String".to_owned(),
            Self::Set(of) => format!("Set<{}>", of.name()),
            Self::Record(_) => "record".to_owned(),
            Self::Entity(of) => of.to_string(),
            Self::Decimal => "decimal".to_owned(),
            Self::IpAddr => "ipaddr".to_owned(),
            Self::DateTime => "datetime".to_owned(),
            Self::Duration => "duration".to_owned(),
        }
    }
}

/// A schema in Cedar's JSON.
struct Source {
    namespaces: Map<String, Value>,
}

impl Source {
    fn types(&self) -> Option<Types> {
        let mut types = Types::default();
        for (namespace, declared) in &self.namespaces {
            let all = |member: &str| {
                let members = declared.get(member).and_then(Value::as_object);
                members.into_iter().flatten()
            };
            for (name, entity) in all("entityTypes") {
                let name = EntityTypeName::from_str(&qualified(namespace, name)).ok()?;
                types.entities.insert(name, self.entity(namespace, entity)?);
            }
            for (name, action) in all("actions") {
                let kind = EntityTypeName::from_str(&qualified(namespace, "Action")).ok()?;
                let uid = EntityUid::from_type_name_and_id(kind, EntityId::new(name));
                let context = action.get("appliesTo").and_then(|a| a.get("context"));
                let context = match context {
                    Some(context) => self.record(namespace, context)?,
                    None => Record::new(),
                };
                types.contexts.insert(uid, context);
            }
        }
        Some(types)
    }

    fn entity(&self, namespace: &str, entity: &Value) -> Option<EntityShape> {
        let ids = entity.get("enum").and_then(Value::as_array);
        let ids = ids.map(|ids| ids.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        let attributes = match entity.get("shape") {
            Some(shape) => self.record(namespace, shape)?,
            None => Record::new(),
        };
        Some(EntityShape { attributes, ids })
    }

    fn record(&self, namespace: &str, of: &Value) -> Option<Record> {
        match self.of(namespace, of, 0)? {
            Type::Record(record) => Some(record),
            _ => None,
        }
    }

    fn of(&self, namespace: &str, of: &Value, depth: usize) -> Option<Type> {
        if depth > MAX_DEPTH {
            return None;
        }
        let depth = depth.saturating_add(1);
        let name = || of.get("name").and_then(Value::as_str);
        match of.get("type")?.as_str()? {
            "Boolean" => Some(Type::Bool),
            "Record" => {
                let mut record = Record::new();
                for (name, member) in of.get("attributes")?.as_object()? {
                    let required = member.get("required").and_then(Value::as_bool);
                    let required = required.unwrap_or(true);
                    let of = self.of(namespace, member, depth)?;
                    record.insert(name.clone(), Member { of, required });
                }
                Some(Type::Record(record))
            }
            "Set" => Some(Type::Set(Box::new(self.of(namespace, of.get("element")?, depth)?))),
            "Entity" => self.entity_type(namespace, name()?).map(Type::Entity),
            "Extension" => primitive(name()?),
            "EntityOrCommon" => self.named(namespace, name()?, depth),
            name => self.named(namespace, name, depth),
        }
    }

    /// A name as the schema's author may have written it: a common type, an entity, or what is
    /// built in; of the own namespace first.
    fn named(&self, namespace: &str, name: &str, depth: usize) -> Option<Type> {
        let plain = name.strip_prefix("__cedar::").unwrap_or(name);
        let common = |full: &str| {
            let (namespace, local) = full.rsplit_once("::").unwrap_or(("", full));
            let of = self.namespaces.get(namespace)?.get("commonTypes")?.get(local)?;
            Some((namespace.to_owned(), of))
        };
        let found = [qualified(namespace, plain), plain.to_owned()];
        match found.iter().find_map(|full| common(full)) {
            Some((namespace, of)) => self.of(&namespace, of, depth),
            None => {
                let entity = || self.entity_type(namespace, plain).map(Type::Entity);
                entity().or_else(|| primitive(plain))
            }
        }
    }

    fn entity_type(&self, namespace: &str, name: &str) -> Option<EntityTypeName> {
        let declared = |full: &String| {
            let (namespace, local) = full.rsplit_once("::").unwrap_or(("", full));
            let types = self.namespaces.get(namespace).and_then(|n| n.get("entityTypes"));
            types.is_some_and(|types| types.get(local).is_some())
        };
        let full = [qualified(namespace, name), name.to_owned()].into_iter().find(declared)?;
        EntityTypeName::from_str(&full).ok()
    }
}

fn qualified(namespace: &str, name: &str) -> String {
    match namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}::{name}"),
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name.strip_prefix("__cedar::").unwrap_or(name) {
        "Bool" | "Boolean" => Type::Bool,
        "Long" => Type::Long,
        "String" => Type::String,
        "decimal" => Type::Decimal,
        "ipaddr" => Type::IpAddr,
        "datetime" => Type::DateTime,
        "duration" => Type::Duration,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
