//! An index over the scopes of policies.
//!
//! Cedar looks at every policy for every request. But a policy whose scope does not hold neither
//! applies nor fails: scopes are syntax, and whether one holds is decided by ids, types and the
//! hierarchy alone. So only policies whose scope holds are handed to Cedar, and its decision, the
//! policies that determine it and the errors are the same as with all of them. A policy without a
//! constraint is always among them.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
    ResourceConstraint,
};

use super::expression;
use crate::policy::PolicyError;

/// Sets of policies that are kept ready; beyond this all are forgotten and made again.
const MAX_KEPT: usize = 1024;
/// The weight of all that are kept: callers choose which sets are made, and a set may hold every
/// policy that there is.
const MAX_WEIGHT: usize = 65_536;

/// One entity of a request, with what it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Near<'r> {
    pub uid: &'r EntityUid,
    /// All ancestors.
    pub within: &'r [EntityUid],
}

/// The policies whose scopes hold for a request.
#[derive(Debug)]
pub(super) struct Slice {
    pub policies: PolicySet,
    /// Entities that their conditions name.
    pub named: Vec<EntityUid>,
    /// How far their conditions follow attributes.
    pub depth: usize,
}

/// All policies, indexed.
#[derive(Debug)]
pub(super) struct Scopes {
    entries: Vec<Entry>,
    /// Each entry stands under one dimension: the one that tells most.
    principals: HashMap<EntityUid, Vec<u32>>,
    principal_types: HashMap<EntityTypeName, Vec<u32>>,
    actions: HashMap<EntityUid, Vec<u32>>,
    resources: HashMap<EntityUid, Vec<u32>>,
    resource_types: HashMap<EntityTypeName, Vec<u32>>,
    unconstrained: Vec<u32>,
    kept: RwLock<Kept>,
}

/// Sets of policies that are kept ready, by the positions of their policies.
#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<Vec<u32>, Arc<Slice>>,
    weight: usize,
}

#[derive(Debug)]
struct Entry {
    policy: Policy,
    principal: Constraint,
    action: ActionConstraint,
    resource: Constraint,
    named: Vec<EntityUid>,
    depth: usize,
}

/// A constraint of a principal or a resource.
#[derive(Debug, PartialEq, Eq)]
enum Constraint {
    Any,
    Is(EntityTypeName),
    Eq(EntityUid),
    In(EntityUid),
    IsIn(EntityTypeName, EntityUid),
}

impl Scopes {
    /// Indexes all policies.
    pub fn new(policies: &PolicySet) -> Result<Self, PolicyError> {
        let mut entries = policies.policies().map(Entry::of).collect::<Result<Vec<_>, _>>()?;
        // The order of a set of policies is that of a hash map.
        entries.sort_by(|a, b| a.policy.id().cmp(b.policy.id()));
        let mut scopes = Self {
            entries: Vec::new(),
            principals: HashMap::new(),
            principal_types: HashMap::new(),
            actions: HashMap::new(),
            resources: HashMap::new(),
            resource_types: HashMap::new(),
            unconstrained: Vec::new(),
            kept: RwLock::default(),
        };
        let counts = Counts::of(&entries);
        for (at, entry) in (0_u32..).zip(&entries) {
            scopes.file(at, entry, &counts);
        }
        scopes.entries = entries;
        Ok(scopes)
    }

    /// All policies, by their ids.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.entries.iter().map(|entry| &entry.policy)
    }

    /// The policies whose scopes hold.
    pub fn slice(&self, principal: Near<'_>, action: Near<'_>, resource: Near<'_>) -> Arc<Slice> {
        let mut found = self.unconstrained.clone();
        gather(&self.principals, principal, &mut found);
        gather(&self.actions, action, &mut found);
        gather(&self.resources, resource, &mut found);
        let of_type = self.principal_types.get(principal.uid.type_name());
        found.extend(of_type.into_iter().flatten());
        let of_type = self.resource_types.get(resource.uid.type_name());
        found.extend(of_type.into_iter().flatten());
        found.retain(|at| {
            self.entry(*at).is_some_and(|entry| entry.holds(principal, action, resource))
        });
        found.sort_unstable();
        found.dedup();
        self.kept(found)
    }

    fn kept(&self, wanted: Vec<u32>) -> Arc<Slice> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(slice) = kept.sets.get(&wanted) {
            return Arc::clone(slice);
        }
        drop(kept);
        let slice = Arc::new(self.make(&wanted));
        self.kept.write().unwrap_or_else(PoisonError::into_inner).put(wanted, &slice);
        slice
    }

    fn make(&self, wanted: &[u32]) -> Slice {
        let entries = || wanted.iter().filter_map(|at| self.entry(*at));
        let mut policies = PolicySet::new();
        for entry in entries() {
            // They come from one set, in which all ids are different.
            let added = policies.add(entry.policy.clone());
            debug_assert!(added.is_ok(), "{added:?}");
        }
        let named = entries().flat_map(|entry| entry.named.iter().cloned()).collect();
        let depth = entries().map(|entry| entry.depth).max().unwrap_or_default();
        Slice { policies, named, depth }
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// Files an entry under the rarest of its constraints.
    fn file(&mut self, at: u32, entry: &Entry, counts: &Counts) {
        let principal = match &entry.principal {
            Constraint::Any => None,
            other => Some(counts.principal(other)),
        };
        let resource = match &entry.resource {
            Constraint::Any => None,
            other => Some(counts.resource(other)),
        };
        let action = match &entry.action {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => counts.actions.get(uid).copied(),
            ActionConstraint::In(all) => {
                Some(all.iter().filter_map(|uid| counts.actions.get(uid)).sum())
            }
        };
        let rarest = [principal, action, resource].into_iter().flatten().min();
        match rarest {
            None => self.unconstrained.push(at),
            rarest if rarest == action => match &entry.action {
                ActionConstraint::Any => {}
                ActionConstraint::Eq(uid) => push(&mut self.actions, uid, at),
                ActionConstraint::In(all) => {
                    all.iter().for_each(|uid| push(&mut self.actions, uid, at));
                }
            },
            rarest if rarest == principal => match &entry.principal {
                Constraint::Any => {}
                Constraint::Is(of) => push(&mut self.principal_types, of, at),
                Constraint::Eq(uid) | Constraint::In(uid) | Constraint::IsIn(_, uid) => {
                    push(&mut self.principals, uid, at);
                }
            },
            _ => match &entry.resource {
                Constraint::Any => {}
                Constraint::Is(of) => push(&mut self.resource_types, of, at),
                Constraint::Eq(uid) | Constraint::In(uid) | Constraint::IsIn(_, uid) => {
                    push(&mut self.resources, uid, at);
                }
            },
        }
    }
}

impl Kept {
    fn put(&mut self, wanted: Vec<u32>, slice: &Arc<Slice>) {
        // A set without policies has its place in the map, too.
        let weight = wanted.len().saturating_add(slice.named.len()).saturating_add(1);
        if weight > MAX_WEIGHT {
            return;
        }
        let full = self.weight.saturating_add(weight) > MAX_WEIGHT;
        if full || self.sets.len() >= MAX_KEPT {
            *self = Self::default();
        }
        if self.sets.insert(wanted, Arc::clone(slice)).is_none() {
            self.weight = self.weight.saturating_add(weight);
        }
    }
}

impl Entry {
    fn of(policy: &Policy) -> Result<Self, PolicyError> {
        let facts = expression::facts(policy)?;
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any => Constraint::Any,
            PrincipalConstraint::In(uid) => Constraint::In(uid),
            PrincipalConstraint::Eq(uid) => Constraint::Eq(uid),
            PrincipalConstraint::Is(of) => Constraint::Is(of),
            PrincipalConstraint::IsIn(of, uid) => Constraint::IsIn(of, uid),
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any => Constraint::Any,
            ResourceConstraint::In(uid) => Constraint::In(uid),
            ResourceConstraint::Eq(uid) => Constraint::Eq(uid),
            ResourceConstraint::Is(of) => Constraint::Is(of),
            ResourceConstraint::IsIn(of, uid) => Constraint::IsIn(of, uid),
        };
        Ok(Self {
            principal,
            action: policy.action_constraint(),
            resource,
            named: facts.named,
            depth: facts.depth,
            policy: policy.clone(),
        })
    }

    fn holds(&self, principal: Near<'_>, action: Near<'_>, resource: Near<'_>) -> bool {
        let action = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == action.uid,
            ActionConstraint::In(all) => all.iter().any(|uid| action.is_in(uid)),
        };
        action && self.principal.holds(principal) && self.resource.holds(resource)
    }
}

impl Constraint {
    fn holds(&self, of: Near<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Is(kind) => of.uid.type_name() == kind,
            Self::Eq(uid) => of.uid == uid,
            Self::In(uid) => of.is_in(uid),
            Self::IsIn(kind, uid) => of.uid.type_name() == kind && of.is_in(uid),
        }
    }
}

impl Near<'_> {
    fn is_in(&self, uid: &EntityUid) -> bool {
        self.uid == uid || self.within.contains(uid)
    }
}

/// How many policies constrain each entity and type.
#[derive(Debug, Default)]
struct Counts {
    principals: HashMap<EntityUid, usize>,
    principal_types: HashMap<EntityTypeName, usize>,
    actions: HashMap<EntityUid, usize>,
    resources: HashMap<EntityUid, usize>,
    resource_types: HashMap<EntityTypeName, usize>,
}

impl Counts {
    fn of(entries: &[Entry]) -> Self {
        let mut out = Self::default();
        for entry in entries {
            count(&entry.principal, &mut out.principals, &mut out.principal_types);
            count(&entry.resource, &mut out.resources, &mut out.resource_types);
            match &entry.action {
                ActionConstraint::Any => {}
                ActionConstraint::Eq(uid) => add(&mut out.actions, uid),
                ActionConstraint::In(all) => {
                    all.iter().for_each(|uid| add(&mut out.actions, uid));
                }
            }
        }
        out
    }

    fn principal(&self, of: &Constraint) -> usize {
        look(of, &self.principals, &self.principal_types)
    }

    fn resource(&self, of: &Constraint) -> usize {
        look(of, &self.resources, &self.resource_types)
    }
}

fn count(
    of: &Constraint,
    entities: &mut HashMap<EntityUid, usize>,
    types: &mut HashMap<EntityTypeName, usize>,
) {
    match of {
        Constraint::Any => {}
        Constraint::Is(kind) => add(types, kind),
        Constraint::Eq(uid) | Constraint::In(uid) | Constraint::IsIn(_, uid) => add(entities, uid),
    }
}

fn look(
    of: &Constraint,
    entities: &HashMap<EntityUid, usize>,
    types: &HashMap<EntityTypeName, usize>,
) -> usize {
    let found = match of {
        Constraint::Any => None,
        Constraint::Is(kind) => types.get(kind),
        Constraint::Eq(uid) | Constraint::In(uid) | Constraint::IsIn(_, uid) => entities.get(uid),
    };
    found.copied().unwrap_or_default()
}

fn add<K: Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: &K) {
    let count = counts.entry(key.clone()).or_default();
    *count = count.saturating_add(1);
}

fn push<K: Hash + Eq + Clone>(index: &mut HashMap<K, Vec<u32>>, key: &K, at: u32) {
    index.entry(key.clone()).or_default().push(at);
}

fn gather(index: &HashMap<EntityUid, Vec<u32>>, near: Near<'_>, out: &mut Vec<u32>) {
    for uid in std::iter::once(near.uid).chain(near.within) {
        out.extend(index.get(uid).into_iter().flatten());
    }
}

#[cfg(test)]
mod tests;
