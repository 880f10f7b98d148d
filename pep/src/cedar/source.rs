//! The files of policies: parsed, validated, and each policy with its place for messages.

use std::{collections::HashMap, str::FromStr};

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use super::{MAX_ERRORS, chain, expression};
use crate::policy::{PolicyError, PolicyFiles, SCHEMA};

/// The most policies in a folder.
const MAX_POLICIES: usize = 4096;

/// All policies of a folder. The id of each is its place, as `FILE:LINE`.
#[derive(Debug)]
pub(super) struct Sources {
    pub policies: PolicySet,
    /// The file that each policy is in.
    files: HashMap<PolicyId, String>,
}

impl Sources {
    /// Reads all files of policies and validates them strictly.
    pub fn load(files: &PolicyFiles, schema: &Schema) -> Result<Self, PolicyError> {
        let mut out = Self { policies: PolicySet::new(), files: HashMap::new() };
        for name in files.policy_names() {
            out.read(name, files.text(name)?)?;
        }
        out.validate(files, schema)?;
        Ok(out)
    }

    /// What can go wrong at run time although validation passed, by place.
    pub fn hazards(&self) -> Result<Vec<String>, PolicyError> {
        let mut found = Vec::new();
        for policy in self.policies.policies() {
            let facts = expression::facts(policy)?;
            let hazards = facts.hazards.iter();
            found.extend(hazards.map(|hazard| format!("{}: {hazard}", policy.id())));
        }
        found.sort_by_key(|text| place_order(text));
        Ok(found)
    }

    fn read(&mut self, name: &str, text: &str) -> Result<(), PolicyError> {
        let parsed = PolicySet::from_str(text).map_err(|e| {
            PolicyError::Policies(format!("{name}{}: {}", line_of(&e, text), chain(&e)))
        })?;
        if parsed.templates().next().is_some() {
            let why = "it holds a Cedar template, which nothing links and which has no effect";
            return Err(PolicyError::Policies(format!("{name}: {why}")));
        }
        let mut all: Vec<(usize, &Policy)> = parsed.policies().map(|p| (start_of(p), p)).collect();
        all.sort_by_key(|(start, _)| *start);
        for (start, policy) in all {
            let id = self.free_id(name, line_at(text, start));
            self.files.insert(id.clone(), name.to_owned());
            self.policies
                .add(policy.new_id(id))
                .map_err(|e| PolicyError::Policies(format!("{name}: {e}")))?;
        }
        if self.policies.num_of_policies() > MAX_POLICIES {
            return Err(PolicyError::Policies(format!("more than {MAX_POLICIES} policies")));
        }
        Ok(())
    }

    /// `FILE:LINE`; of further policies on one line, with a number.
    fn free_id(&self, name: &str, line: usize) -> PolicyId {
        let place = format!("{name}:{line}");
        let further = (2..).map(|n: u32| format!("{place}.{n}"));
        let mut names = std::iter::once(place.clone()).chain(further).map(PolicyId::new);
        let free = names.find(|id| !self.files.contains_key(id));
        free.unwrap_or_else(|| PolicyId::new(place))
    }

    fn validate(&self, files: &PolicyFiles, schema: &Schema) -> Result<(), PolicyError> {
        let validator = Validator::new(schema.clone());
        let result = validator.validate(&self.policies, ValidationMode::Strict);
        if result.validation_passed() {
            return Ok(());
        }
        let mut errors: Vec<String> = result
            .validation_errors()
            .map(|error| {
                let name = self.files.get(error.policy_id()).map_or("", String::as_str);
                let text = files.text(name).unwrap_or_default();
                let why = error.to_string();
                // Its own words begin with the policy, by an id that says no more than the line.
                let why = why.split_once("`, ").map_or(why.as_str(), |(_, why)| why);
                format!("{name}{}: {why}", line_of(error, text))
            })
            .collect();
        errors.sort_by_key(|text| place_order(text));
        errors.truncate(MAX_ERRORS);
        Err(PolicyError::Validation(errors.join("; ")))
    }
}

/// Parses the schema.
pub(super) fn schema(files: &PolicyFiles) -> Result<Schema, PolicyError> {
    let text = files.text(SCHEMA)?;
    let parsed = Schema::from_cedarschema_str(text);
    let (schema, _warnings) =
        parsed.map_err(|e| PolicyError::Schema(format!("{}: {}", line_of(&e, text), chain(&e))))?;
    Ok(schema)
}

/// `:LINE` of what an error is about, if it says.
fn line_of(error: &dyn Diagnostic, text: &str) -> String {
    let own = error.labels().and_then(|mut labels| labels.next());
    let related = || error.related()?.find_map(|e| e.labels()?.next());
    let label = own.or_else(related);
    label.map_or_else(String::new, |label| format!(":{}", line_at(text, label.offset())))
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|b| **b == b'\n').count().saturating_add(1)
}

fn start_of(policy: &Policy) -> usize {
    policy.as_ref().loc().map_or(0, |place| place.start())
}

/// Sorts texts that begin with `FILE:LINE` as people count.
fn place_order(text: &str) -> (String, usize) {
    let (file, rest) = text.split_once(':').unwrap_or((text, ""));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (file.to_owned(), digits.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        for (offset, line) in [(0, 1), (1, 1), (2, 2), (3, 3), (99, 3)] {
            assert_eq!(line_at("a\n\nb", offset), line, "{offset}");
        }
    }

    #[test]
    fn places_sort_as_people_count() {
        let mut places = ["b.cedar:1: x", "a.cedar:10: x", "a.cedar:9: x"];
        places.sort_by_key(|text| place_order(text));
        assert_eq!(places, ["a.cedar:9: x", "a.cedar:10: x", "b.cedar:1: x"]);
    }
}
