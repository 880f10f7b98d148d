//! The entities of a folder: loaded once, strict against the schema, each with all its ancestors,
//! so that a request needs the few that its policies can reach and not a copy of all.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityTypeName, EntityUid, EvalResult, Expression, RestrictedExpression,
    Schema,
};
use placet_proto::json;

use super::{
    chain,
    mapping::denial,
    types::{EntityShape, Values, require},
};
use crate::{
    pdp::Denial,
    policy::{ENTITIES, PolicyError, PolicyFiles},
};

/// The most entities in a folder.
pub(super) const MAX_ENTITIES: usize = 20_000;

/// All entities that are known without a request, the schema's actions among them.
#[derive(Debug, Default)]
pub(super) struct Store {
    all: HashMap<EntityUid, Stored>,
    /// Ids of each type, ascending; without actions.
    ids: HashMap<EntityTypeName, Vec<EntityUid>>,
}

#[derive(Debug)]
struct Stored {
    entity: Entity,
    attributes: Values,
    tags: Values,
    /// Parents, their parents, and so on.
    ancestors: Vec<EntityUid>,
    /// Entities that attributes and tags name.
    named: Vec<EntityUid>,
}

impl Store {
    /// Loads `entities.json`, if there is one.
    pub fn load(files: &PolicyFiles, schema: &Schema) -> Result<Self, PolicyError> {
        let fault = |e: &dyn std::error::Error| PolicyError::Entities(chain(e));
        let actions = schema.action_entities().map_err(|e| fault(&e))?;
        let entities = match files.get(ENTITIES) {
            None => actions,
            Some(_) => {
                let text = files.text(ENTITIES)?;
                // Of two members of one name Cedar would take the last.
                let value = json::parse(text.as_bytes()).map_err(|e| fault(&e))?;
                if value.as_array().is_none_or(|all| all.len() > MAX_ENTITIES) {
                    let text = format!("it is a list of at most {MAX_ENTITIES} entities");
                    return Err(PolicyError::Entities(text));
                }
                Entities::from_json_str(text, Some(schema)).map_err(|e| fault(&e))?
            }
        };
        let mut store = Self::default();
        let actions: HashSet<&EntityUid> = schema.actions().collect();
        for entity in entities.iter() {
            let uid = entity.uid();
            let stored = Stored::of(entity, &entities)?;
            store.all.insert(uid.clone(), stored);
            if !actions.contains(&uid) && uid.type_name().basename() != "Action" {
                store.ids.entry(uid.type_name().clone()).or_default().push(uid);
            }
        }
        for ids in store.ids.values_mut() {
            ids.sort_by(|a, b| a.id().unescaped().cmp(b.id().unescaped()));
        }
        Ok(store)
    }

    /// All ancestors of an entity; none of one that is not known.
    pub fn ancestors(&self, uid: &EntityUid) -> &[EntityUid] {
        self.all.get(uid).map_or(&[], |stored| stored.ancestors.as_slice())
    }

    /// Whether an entity is known.
    pub fn knows(&self, uid: &EntityUid) -> bool {
        self.all.contains_key(uid)
    }

    /// The entities of a type, in the order of their ids.
    pub fn of_type(&self, of: &EntityTypeName) -> &[EntityUid] {
        self.ids.get(of).map_or(&[], Vec::as_slice)
    }

    /// An entity as policies see it: what is stored, or what the request says of one that is not
    /// known. Of a known one only `trusted` attributes are the request's: that the store has none
    /// is a statement too, and mostly says "no".
    pub fn entity(
        &self,
        uid: &EntityUid,
        shape: &EntityShape,
        given: Values,
        trusted: impl Fn(&str) -> bool,
    ) -> Result<Entity, Denial> {
        let stored = self.all.get(uid);
        let mut attributes = match stored {
            Some(stored) if given.is_empty() => return Ok(stored.entity.clone()),
            Some(stored) => stored.attributes.clone(),
            None => Values::new(),
        };
        for (name, value) in given {
            if stored.is_none() || trusted(&name) {
                attributes.insert(name, value);
            }
        }
        require(&shape.attributes, &uid.to_string(), |name| attributes.contains_key(name))?;
        let (ancestors, tags) = match stored {
            Some(stored) => (stored.ancestors.clone(), stored.tags.clone()),
            None => (Vec::new(), Values::new()),
        };
        Entity::new_with_tags(uid.clone(), attributes, ancestors, tags)
            .map_err(|e| denial("pdp.schema", chain(&e)))
    }

    /// The stored entities that are reached from these by at most `depth` steps, each once, without
    /// those in `own`.
    pub fn reached(
        &self,
        from: impl IntoIterator<Item = EntityUid>,
        own: &[&EntityUid],
        depth: usize,
    ) -> Vec<Entity> {
        let mut found: BTreeMap<EntityUid, &Stored> = BTreeMap::new();
        let mut edge: Vec<EntityUid> = from.into_iter().collect();
        edge.extend(own.iter().filter_map(|uid| self.all.get(uid)).flat_map(|s| s.named.clone()));
        for _ in 0..=depth {
            let mut next = Vec::new();
            for uid in std::mem::take(&mut edge) {
                let fresh = !own.contains(&&uid) && !found.contains_key(&uid);
                if let Some(stored) = self.all.get(&uid).filter(|_| fresh) {
                    next.extend(stored.named.iter().cloned());
                    found.insert(uid, stored);
                }
            }
            edge = next;
        }
        found.into_values().map(|stored| stored.entity.clone()).collect()
    }

    /// An action of the schema, with the groups that it is in.
    pub fn action(&self, uid: &EntityUid) -> Entity {
        let known = self.all.get(uid).map(|stored| stored.entity.clone());
        known.unwrap_or_else(|| Entity::with_uid(uid.clone()))
    }
}

impl Stored {
    fn of(entity: &Entity, all: &Entities) -> Result<Self, PolicyError> {
        let uid = entity.uid();
        let fault = |e: &dyn std::error::Error| PolicyError::Entities(format!("{uid}: {e}"));
        let mut named = Vec::new();
        for (_, value) in entity.attrs().chain(entity.tags()) {
            names(&value.map_err(|e| fault(&e))?, &mut named);
        }
        let tags: Vec<(String, EvalResult)> = entity
            .tags()
            .map(|(name, value)| Ok((name.to_owned(), value.map_err(|e| fault(&e))?)))
            .collect::<Result<_, PolicyError>>()?;
        let tags: Values = tags
            .into_iter()
            .map(|(name, value)| {
                let text = Expression::from(value).to_string();
                let value = text.parse::<RestrictedExpression>().map_err(|e| fault(&e))?;
                Ok((name, value))
            })
            .collect::<Result<_, PolicyError>>()?;
        let ancestors: Vec<EntityUid> =
            all.ancestors(&uid).into_iter().flatten().cloned().collect();
        let (_, attributes, _) = entity.clone().into_inner();
        let attributes: Values = attributes.into_iter().collect();
        let entity =
            Entity::new_with_tags(uid.clone(), attributes.clone(), ancestors.clone(), tags.clone())
                .map_err(|e| fault(&e))?;
        Ok(Self { entity, attributes, tags, ancestors, named })
    }
}

fn names(value: &EvalResult, out: &mut Vec<EntityUid>) {
    match value {
        EvalResult::EntityUid(uid) => out.push(uid.clone()),
        EvalResult::Set(set) => set.iter().for_each(|item| names(item, out)),
        EvalResult::Record(record) => record.iter().for_each(|(_, item)| names(item, out)),
        _ => {}
    }
}
