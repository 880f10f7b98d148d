//! `mapping.toml` and `mapping.json`, and what holds without them.
//!
//! ```toml
//! defaults = true                      # what is not listed goes by the rule; false: it is denied
//!
//! [subjects.agent]
//! entity = "Agent"                     # default: by the rule
//! attributes = ["team"]                # those that policies see; default: all of the schema
//! trusted = ["team"]                   # the request's value wins over the store's; or true
//!
//! [resources.mcp_server]
//!
//! [actions.disable_user]
//! action = 'Admin::Action::"disable"'  # default: by the rule
//! parameters = ["reason"]              # of action.properties, seen as context.action
//! context = ["ticket"]
//!
//! [session]                            # what agents did, counted for policies
//! id = "session_id"                    # member of the context; default
//! window = "10m"                       # default; at most 24h
//! volumes = {records = "action.records"}
//!
//! [pdp]                                # a foreign decision point that has to agree
//! url = "https://pdp.example.com"
//!
//! [canary]                             # mandatory: a request that must be denied
//! subject = {type = "agent", id = "support-bot"}
//! action = {name = "disable_user"}
//! resource = {type = "user", id = "canary"}
//!
//! [prove]                              # for `placet policy prove`
//! high_risk = ["disable_user"]
//! ```
//!
//! `mapping.json` has the same members, `version` 1, no defaults unless it says so, `entity` and
//! `action` always, and shows parameters as `context.parameters`. Under `version` 0 a member that
//! is shown and that the schema does not declare denies the request, instead of being hidden.

use std::{
    collections::{HashMap, HashSet},
    str::FromStr,
};

use cedar_policy::{EntityTypeName, EntityUid, Schema};
use placet_proto::{action::Action, json::Json};

use super::super::goals::{self, HighRisk};
use super::{ActionRule, Canary, Defaults, EntityRule, Mapping, Selection, Undeclared, uid};
use crate::policy::{MAPPING, MAPPING_TOML, PolicyError, PolicyFiles};

/// The most entries in one table.
const MAX_ENTRIES: usize = 4096;
/// Deepest nesting of `mapping.toml`.
const MAX_DEPTH: usize = 16;

/// Reads the folder's mapping, or makes the one that follows from the schema.
pub(super) fn load(
    files: &PolicyFiles,
    schema: &Schema,
    trust_all: bool,
) -> Result<Mapping, PolicyError> {
    let defaults = Defaults::of(schema);
    if files.get(MAPPING).is_some() {
        let file = files.json(MAPPING)?;
        return Tables { name: MAPPING, file, schema, defaults }.read(trust_all);
    }
    if files.get(MAPPING_TOML).is_some() {
        let file = from_toml(files.text(MAPPING_TOML)?)?;
        return Tables { name: MAPPING_TOML, file, schema, defaults }.read(trust_all);
    }
    Ok(Mapping {
        subjects: HashMap::new(),
        resources: HashMap::new(),
        actions: HashMap::new(),
        defaults: Some(defaults),
        canary: Canary::Nobody,
        high_risk: None,
        parameters: "action",
        undeclared: Undeclared::Hidden,
        trust_all,
        session: None,
        remote: None,
    })
}

/// The type of the schema that a type of requests is by the rule, without its namespace: each part
/// with a capital.
pub(super) fn type_name(of: &str) -> String {
    let mut out = String::with_capacity(of.len());
    for part in of.split(|c: char| !c.is_alphanumeric()) {
        let mut letters = part.chars();
        out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        out.push_str(letters.as_str());
    }
    out
}

impl Defaults {
    fn of(schema: &Schema) -> Self {
        let spaces: HashSet<String> =
            schema.entity_types().map(EntityTypeName::namespace).collect();
        let named: Vec<&String> = spaces.iter().filter(|space| !space.is_empty()).collect();
        let own = match named.as_slice() {
            [one] => one.as_str(),
            _ => "",
        };
        let mut out = Self::default();
        // What has no namespace gives way to what has the one that there is.
        for space in ["", own] {
            for of in schema.entity_types().filter(|of| of.namespace() == space) {
                let rule = EntityRule::of(of.clone());
                out.types.insert(of.basename().to_owned(), rule);
            }
            let actions = schema.actions().filter(|a| a.type_name().namespace() == space);
            for action in actions {
                let rule = ActionRule::of(action.clone());
                out.actions.insert(action.id().unescaped().to_owned(), rule);
            }
        }
        out
    }
}

impl EntityRule {
    fn of(entity: EntityTypeName) -> Self {
        Self { entity, attributes: Selection::All, trusted: Selection::Listed(Vec::new()) }
    }
}

impl ActionRule {
    fn of(action: EntityUid) -> Self {
        Self { action, parameters: Selection::All, context: Selection::All }
    }
}

/// A mapping that is being read.
pub(super) struct Tables<'s> {
    name: &'static str,
    pub(super) file: Json,
    schema: &'s Schema,
    defaults: Defaults,
}

impl Tables<'_> {
    fn read(self, trust_all: bool) -> Result<Mapping, PolicyError> {
        let known = ["version", "defaults", "subjects", "resources", "actions", "canary"];
        let more = ["session", "pdp", "prove"];
        let known: Vec<&str> = known.into_iter().chain(more).collect();
        self.refuse_unknown(&self.file, &known)?;
        let toml = self.name == MAPPING_TOML;
        let undeclared = self.undeclared()?;
        let canary = self.file.get("canary").ok_or_else(|| self.fault("canary is missing"))?;
        let canary =
            Action::from_document(canary).map_err(|e| self.fault(format!("canary: {e}")))?;
        let by_rule = match self.file.get("defaults") {
            None => toml,
            Some(Json::Bool(by_rule)) => *by_rule,
            Some(_) => return Err(self.fault("defaults is true or false")),
        };
        Ok(Mapping {
            subjects: self.table("subjects", |name, rule| self.entity(name, rule))?,
            resources: self.table("resources", |name, rule| self.entity(name, rule))?,
            actions: self.table("actions", |name, rule| self.action(name, rule))?,
            canary: Canary::Named(Box::new(canary)),
            high_risk: self.prove()?,
            parameters: if toml { "action" } else { "parameters" },
            undeclared,
            trust_all,
            session: self.session()?,
            remote: self.remote()?,
            defaults: by_rule.then_some(self.defaults),
        })
    }

    fn prove(&self) -> Result<Option<Vec<HighRisk>>, PolicyError> {
        let read = |prove| goals::read(prove).map_err(|text| self.fault(text));
        self.file.get("prove").map(read).transpose()
    }

    fn undeclared(&self) -> Result<Undeclared, PolicyError> {
        let toml = self.name == MAPPING_TOML;
        match self.file.get("version").map(Json::as_u64) {
            None if toml => Ok(Undeclared::Hidden),
            Some(Some(1)) => Ok(Undeclared::Hidden),
            Some(Some(0)) if !toml => Ok(Undeclared::Denied),
            _ if toml => Err(self.fault("version must be 1, or absent")),
            _ => Err(self.fault("version must be 0 or 1")),
        }
    }

    fn table<T>(
        &self,
        member: &str,
        read: impl Fn(&str, &Json) -> Result<T, PolicyError>,
    ) -> Result<HashMap<String, T>, PolicyError> {
        let members = match self.file.get(member) {
            None if self.name == MAPPING_TOML => &[],
            other => other
                .and_then(Json::as_object)
                .ok_or_else(|| self.fault(format!("{member} must be an object")))?,
        };
        if members.len() > MAX_ENTRIES {
            return Err(self.fault(format!("{member} has more than {MAX_ENTRIES} entries")));
        }
        let mut out = HashMap::new();
        for (name, rule) in members {
            out.insert(name.clone(), read(name, rule)?);
        }
        Ok(out)
    }

    fn entity(&self, of: &str, rule: &Json) -> Result<EntityRule, PolicyError> {
        self.refuse_unknown(rule, &["entity", "attributes", "trusted"])?;
        let entity = match rule.get("entity") {
            None if self.name == MAPPING_TOML => {
                let rule = self.defaults.types.get(&type_name(of));
                let none = || self.fault(format!("the schema has no entity type for {of:?}"));
                rule.ok_or_else(none)?.entity.clone()
            }
            _ => {
                let name = self.string(rule, "entity")?;
                let entity = EntityTypeName::from_str(name)
                    .map_err(|e| self.fault(format!("{name}: {e}")))?;
                if !self.schema.entity_types().any(|known| *known == entity) {
                    return Err(self.fault(format!("the schema has no entity type {name}")));
                }
                entity
            }
        };
        let trusted = match rule.get("trusted") {
            None | Some(Json::Bool(false)) => Selection::Listed(Vec::new()),
            Some(Json::Bool(true)) => Selection::All,
            Some(_) => self.selection(rule, "trusted")?,
        };
        Ok(EntityRule { entity, attributes: self.selection(rule, "attributes")?, trusted })
    }

    fn action(&self, of: &str, rule: &Json) -> Result<ActionRule, PolicyError> {
        self.refuse_unknown(rule, &["action", "parameters", "context"])?;
        let action = match rule.get("action") {
            None if self.name == MAPPING_TOML => {
                let rule = self.defaults.actions.get(of);
                let none = || self.fault(format!("the schema has no action {of:?}"));
                rule.ok_or_else(none)?.action.clone()
            }
            _ => {
                let name = self.string(rule, "action")?;
                // Either a full name, as in NS::Action::"read", or the id of an action without
                // namespace.
                let plain =
                    EntityTypeName::from_str("Action").map_err(|e| self.fault(e.to_string()))?;
                let action = EntityUid::from_str(name).unwrap_or_else(|_| uid(&plain, name));
                if !self.schema.actions().any(|known| *known == action) {
                    return Err(self.fault(format!("the schema has no action {action}")));
                }
                action
            }
        };
        let parameters = self.selection(rule, "parameters")?;
        Ok(ActionRule { action, parameters, context: self.selection(rule, "context")? })
    }

    pub(super) fn selection(&self, rule: &Json, member: &str) -> Result<Selection, PolicyError> {
        let Some(list) = rule.get(member) else { return Ok(Selection::All) };
        let names = list.as_array().ok_or_else(|| self.fault(format!("{member} is no list")))?;
        let name = |name: &Json| name.as_str().map(str::to_owned);
        let names: Option<Vec<String>> = names.iter().map(name).collect();
        let names = names.ok_or_else(|| self.fault(format!("{member}: not a name")))?;
        Ok(Selection::Listed(names))
    }

    pub(super) fn refuse_unknown(&self, value: &Json, known: &[&str]) -> Result<(), PolicyError> {
        let members = value.as_object().ok_or_else(|| self.fault("an entry is not an object"))?;
        match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(self.fault(format!("unknown member {name:?}"))),
            None => Ok(()),
        }
    }

    pub(super) fn string<'j>(&self, value: &'j Json, member: &str) -> Result<&'j str, PolicyError> {
        let text = value.get(member).and_then(Json::as_str);
        text.ok_or_else(|| self.fault(format!("{member} must be a string")))
    }

    pub(super) fn fault(&self, text: impl std::fmt::Display) -> PolicyError {
        PolicyError::Mapping(format!("{}: {text}", self.name))
    }
}

/// TOML as JSON; the canary is an action, which has neither times nor fractions in TOML's sense.
fn from_toml(text: &str) -> Result<Json, PolicyError> {
    let fault = |text: String| PolicyError::Mapping(format!("{MAPPING_TOML}{text}"));
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        fault(format!(":{line}: {}", e.message()))
    })?;
    json_of(toml::Value::Table(table), 0)
        .ok_or_else(|| fault(": a time, a fraction, or too deep a nesting".to_owned()))
}

fn json_of(value: toml::Value, depth: usize) -> Option<Json> {
    if depth > MAX_DEPTH {
        return None;
    }
    let depth = depth.saturating_add(1);
    Some(match value {
        toml::Value::String(text) => Json::from(text),
        toml::Value::Boolean(value) => Json::Bool(value),
        toml::Value::Integer(number) => Json::try_from(u64::try_from(number).ok()?).ok()?,
        toml::Value::Array(items) => {
            let items: Option<Vec<Json>> =
                items.into_iter().map(|item| json_of(item, depth)).collect();
            Json::Array(items?)
        }
        toml::Value::Table(members) => {
            let members: Option<Vec<(String, Json)>> =
                members.into_iter().map(|(name, v)| Some((name, json_of(v, depth)?))).collect();
            Json::object(members?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_by_the_rule() {
        for (of, name) in [
            ("user", "User"),
            ("mcp_server", "McpServer"),
            ("mcp-server", "McpServer"),
            ("McpServer", "McpServer"),
            ("a::b", "AB"),
            ("", ""),
        ] {
            assert_eq!(type_name(of), name);
        }
    }
}
