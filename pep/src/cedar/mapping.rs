//! Which AuthZEN types and names are which Cedar types and actions, and what of a request policies
//! see.
//!
//! A folder says it in `mapping.toml` or `mapping.json`, or leaves it to the rule: type `user` is
//! `User`, `mcp_server` is `McpServer`, action `read` is `Action::"read"`, each in the namespace of
//! the schema if it has exactly one. What neither the table nor the schema knows is denied.
//!
//! `subject.type` is the caller's word: it selects among the schema's types, and nothing else does.

mod beside;
mod tables;

use std::collections::HashMap;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};
use placet_proto::{action::Action, json::Json};

use super::{
    goals::HighRisk,
    store::Store,
    types::{Reader, Record, Type, Types, Undeclared, Values, require, undeclared},
};
use crate::{
    pdp::Denial,
    policy::{PolicyError, PolicyFiles},
    remote::RemoteRule,
    session::SessionRule,
};

pub(super) use beside::check_session;

/// The tables, checked against the schema.
#[derive(Debug)]
pub(super) struct Mapping {
    subjects: HashMap<String, EntityRule>,
    resources: HashMap<String, EntityRule>,
    actions: HashMap<String, ActionRule>,
    /// What types and names that no table lists are; `None`: nothing.
    defaults: Option<Defaults>,
    canary: Canary,
    /// What `prove` lists; `None` without it.
    high_risk: Option<Vec<HighRisk>>,
    /// Where policies see the parameters of an action.
    parameters: &'static str,
    undeclared: Undeclared,
    trust_all: bool,
    /// What of a session is counted for policies.
    pub session: Option<SessionRule>,
    /// The foreign decision point that has to agree.
    pub remote: Option<RemoteRule>,
}

/// The request that must be denied before a policy is armed.
#[derive(Debug)]
pub(super) enum Canary {
    /// The one that the mapping names.
    Named(Box<Action>),
    /// Of entities and an action that nobody has: whoever permits it permits everything.
    Nobody,
}

/// A request in Cedar's terms.
#[derive(Debug)]
pub(super) struct Mapped {
    pub principal: EntityUid,
    pub action: EntityUid,
    pub resource: EntityUid,
    /// Principal and resource; one, if they are the same.
    pub entities: Vec<Entity>,
    /// Without what the gate fills.
    pub context: Values,
    /// Entities that the request names beside principal and resource.
    pub named: Vec<EntityUid>,
}

#[derive(Debug, Clone)]
struct EntityRule {
    entity: EntityTypeName,
    attributes: Selection,
    /// Of which attributes the request's value wins over the store's.
    trusted: Selection,
}

#[derive(Debug, Clone)]
struct ActionRule {
    action: EntityUid,
    parameters: Selection,
    context: Selection,
}

/// The schema's types and actions by the names that requests have for them.
#[derive(Debug, Default)]
struct Defaults {
    types: HashMap<String, EntityRule>,
    actions: HashMap<String, ActionRule>,
}

/// Members: all, or those listed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Selection {
    All,
    Listed(Vec<String>),
}

/// What a mapping and a request are read with.
#[derive(Clone, Copy)]
pub(super) struct Known<'p> {
    pub types: &'p Types,
    pub store: &'p Store,
}

impl Mapping {
    /// Reads the folder's mapping, or makes the one that follows from the schema. `trust_all`: a
    /// request's value always wins, as in development.
    pub fn load(
        files: &PolicyFiles,
        schema: &Schema,
        trust_all: bool,
    ) -> Result<Self, PolicyError> {
        tables::load(files, schema, trust_all)
    }

    /// The request that must be denied.
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// What `prove` lists; `None` without it.
    pub fn high_risk(&self) -> Option<&[HighRisk]> {
        self.high_risk.as_deref()
    }

    /// Where policies see the parameters of an action.
    pub fn parameters_member(&self) -> &'static str {
        self.parameters
    }

    /// Puts a request into Cedar's terms.
    pub fn map(&self, action: &Action, known: Known<'_>) -> Result<Mapped, Denial> {
        let (subject_type, subject_id) = action.subject_ref();
        let (resource_type, resource_id) = action.resource_ref();
        let subject = self.subject(subject_type)?;
        let resource = self.resource(resource_type)?;
        let rule = self.action(action.name())?;
        let mut reader = Reader::new(known.types, self.undeclared);
        let principal = uid(&subject.entity, subject_id);
        let resource_uid = uid(&resource.entity, resource_id);
        let one = principal == resource_uid;
        let of_subject = seen(subject, action.subject());
        let of_resource = seen(resource, action.resource());
        if one && !same(&of_subject, &of_resource) {
            return Err(denial("pdp.schema", "subject and resource are one entity, told two ways"));
        }
        let mut entities =
            vec![self.entity(subject, &principal, &of_subject, known, &mut reader)?];
        if !one {
            let entity = self.entity(resource, &resource_uid, &of_resource, known, &mut reader)?;
            entities.push(entity);
        }
        let context = self.context(rule, action, known, &mut reader)?;
        Ok(Mapped {
            principal,
            action: rule.action.clone(),
            resource: resource_uid,
            entities,
            context,
            named: reader.named,
        })
    }

    /// The entity type of subjects of this type.
    pub fn subject_type(&self, of: &str) -> Option<&EntityTypeName> {
        self.subject(of).ok().map(|rule| &rule.entity)
    }

    /// The entity type of resources of this type.
    pub fn resource_type(&self, of: &str) -> Option<&EntityTypeName> {
        self.resource(of).ok().map(|rule| &rule.entity)
    }

    /// The action of this name.
    pub fn action_uid(&self, name: &str) -> Option<&EntityUid> {
        self.action(name).ok().map(|rule| &rule.action)
    }

    /// A name that subjects of this type have in requests.
    pub fn name_of_subject(&self, of: &EntityTypeName) -> Option<String> {
        let mut listed = listed(&self.subjects, of);
        listed.find(|name| self.subject_type(name) == Some(of)).map(str::to_owned)
    }

    /// A name that resources of this type have in requests.
    pub fn name_of_resource(&self, of: &EntityTypeName) -> Option<String> {
        let mut listed = listed(&self.resources, of);
        listed.find(|name| self.resource_type(name) == Some(of)).map(str::to_owned)
    }

    /// A name that this action has in requests.
    pub fn name_of_action(&self, of: &EntityUid) -> Option<String> {
        let mut names = self.action_names().into_iter().map(str::to_owned);
        names.find(|name| self.action_uid(name) == Some(of))
    }

    /// Names of all actions that requests may name, ascending.
    pub fn action_names(&self) -> Vec<&str> {
        let defaults = self.defaults.iter().flat_map(|d| d.actions.keys());
        let mut names: Vec<&str> =
            self.actions.keys().chain(defaults).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn subject(&self, of: &str) -> Result<&EntityRule, Denial> {
        self.entity_rule(&self.subjects, "subject type", of)
    }

    fn resource(&self, of: &str) -> Result<&EntityRule, Denial> {
        self.entity_rule(&self.resources, "resource type", of)
    }

    fn entity_rule<'m>(
        &'m self,
        table: &'m HashMap<String, EntityRule>,
        what: &str,
        of: &str,
    ) -> Result<&'m EntityRule, Denial> {
        let by_rule = || self.defaults.as_ref()?.types.get(&tables::type_name(of));
        table.get(of).or_else(by_rule).ok_or_else(|| unmapped(what, of))
    }

    fn action(&self, name: &str) -> Result<&ActionRule, Denial> {
        let by_rule = || self.defaults.as_ref()?.actions.get(name);
        self.actions.get(name).or_else(by_rule).ok_or_else(|| unmapped("action", name))
    }

    fn entity(
        &self,
        rule: &EntityRule,
        uid: &EntityUid,
        given: &[&(String, Json)],
        known: Known<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<Entity, Denial> {
        let none = || denial("pdp.schema", format!("the schema has no type {}", rule.entity));
        let shape = known.types.entity(&rule.entity).ok_or_else(none)?;
        let values = reader.members(&shape.attributes, given.iter().copied())?;
        let trusted = |name: &str| self.trust_all || rule.trusted.has(name);
        known.store.entity(uid, shape, values, trusted)
    }

    fn context(
        &self,
        rule: &ActionRule,
        action: &Action,
        known: Known<'_>,
        reader: &mut Reader<'_>,
    ) -> Result<Values, Denial> {
        let given = action.context();
        let session = self.session.as_ref().map(|_| "session");
        let mut reserved = ["action_digest", self.parameters].into_iter().chain(session);
        if let Some(name) = reserved.find(|name| given.get(name).is_some()) {
            return Err(denial("pdp.reserved", format!("context.{name} is filled by the gate")));
        }
        let Some(shape) = known.types.context(&rule.action) else { return Ok(Values::new()) };
        let mut context = reader.members(shape, chosen(&rule.context, Some(&given)))?;
        if let Some(parameters) = self.parameters(rule, action, shape, reader)? {
            context.insert(self.parameters.to_owned(), parameters);
        }
        Ok(context)
    }

    /// The parameters of an action, as a record of the context; `None` where policies see none.
    fn parameters(
        &self,
        rule: &ActionRule,
        action: &Action,
        shape: &Record,
        reader: &mut Reader<'_>,
    ) -> Result<Option<RestrictedExpression>, Denial> {
        let properties = action.action().get("properties");
        let mut given = chosen(&rule.parameters, properties);
        let hidden = self.undeclared == Undeclared::Hidden;
        let Some(record) = record(shape, self.parameters) else {
            return match given.next() {
                Some((name, value)) if !hidden => Err(undeclared(name, value)),
                _ => Ok(None),
            };
        };
        let parameters = reader.members(record, given)?;
        let wanted = shape.get(self.parameters).is_some_and(|member| member.required);
        let present = match hidden {
            true => wanted || properties.is_some(),
            // Version 0 knows no empty record of parameters; Cedar asks for one that is mandatory.
            false => !parameters.is_empty(),
        };
        if !present {
            return Ok(None);
        }
        require(record, self.parameters, |name| parameters.contains_key(name))?;
        let parameters = RestrictedExpression::new_record(parameters);
        parameters.map(Some).map_err(|e| denial("pdp.schema", e.to_string()))
    }
}

impl Selection {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Listed(names) => names.iter().any(|listed| listed == name),
        }
    }
}

/// Names that may mean a type, those of the table first, in a stable order; its own name last, for
/// the rule leaves a name that begins with a capital as it is.
fn listed<'m>(
    table: &'m HashMap<String, EntityRule>,
    of: &'m EntityTypeName,
) -> impl Iterator<Item = &'m str> {
    let mut names: Vec<&str> =
        table.iter().filter(|(_, rule)| rule.entity == *of).map(|(n, _)| n.as_str()).collect();
    names.sort_unstable();
    names.into_iter().chain([of.basename()])
}

pub(super) fn denial(code: &'static str, detail: impl Into<String>) -> Denial {
    Denial { code, detail: detail.into() }
}

/// The entity of a type with an id.
pub(super) fn uid(entity: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity.clone(), EntityId::new(id))
}

fn unmapped(what: &str, name: &str) -> Denial {
    let shown: String = name.chars().take(64).collect();
    denial("pdp.unmapped", format!("{what} {shown:?} has no policy"))
}

fn record<'t>(shape: &'t Record, name: &str) -> Option<&'t Record> {
    match &shape.get(name)?.of {
        Type::Record(record) => Some(record),
        _ => None,
    }
}

fn chosen<'j>(
    selection: &'j Selection,
    object: Option<&'j Json>,
) -> impl Iterator<Item = &'j (String, Json)> {
    let members = object.and_then(Json::as_object).unwrap_or_default();
    members.iter().filter(|(name, _)| selection.has(name))
}

/// The properties of a subject or resource that policies may see.
fn seen<'j>(rule: &'j EntityRule, of: &'j Json) -> Vec<&'j (String, Json)> {
    chosen(&rule.attributes, of.get("properties")).collect()
}

fn same(a: &[&(String, Json)], b: &[&(String, Json)]) -> bool {
    a.len() == b.len() && a.iter().all(|member| b.contains(member))
}
