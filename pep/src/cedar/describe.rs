//! Policies as their authors wrote them, for those who ask what decided.

use cedar_policy::{Effect, Policy};

use super::CedarPdp;

/// A policy as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// Its `@id`, else its place: what records call it.
    pub name: String,
    /// `FILE:LINE`.
    pub place: String,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Names and values of its annotations, by name.
    pub annotations: Vec<(String, String)>,
    /// Its text, annotations included.
    pub text: String,
}

impl CedarPdp {
    /// The policies that records call by this name: one, unless an author gave two the same `@id`.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<PolicyText> {
        let all = self.scopes.policies();
        let called = all.filter(|p| self.names.get(p.id()).is_some_and(|own| own == name));
        called.map(|policy| text_of(policy, name)).collect()
    }

    /// The parsed policies, in the order of their places as texts; the id of each is its place.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.scopes.policies()
    }

    /// The parsed schema.
    #[must_use]
    pub fn schema(&self) -> &cedar_policy::Schema {
        &self.schema
    }
}

fn text_of(policy: &Policy, name: &str) -> PolicyText {
    let mut annotations: Vec<(String, String)> =
        policy.annotations().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    annotations.sort_unstable();
    let own = policy.as_ref().loc().and_then(|place| place.snippet()).map(str::to_owned);
    PolicyText {
        name: name.to_owned(),
        place: policy.id().to_string(),
        permits: policy.effect() == Effect::Permit,
        annotations,
        text: own.unwrap_or_else(|| policy.to_string()),
    }
}
