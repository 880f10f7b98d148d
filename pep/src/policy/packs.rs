//! Policies to begin with, which come with the program: `pep/policies/packs`.

use std::{fs, path::Path};

use super::{
    ENTITIES, MAPPING_TOML, POLICIES, PolicyError, PolicyFiles, SCHEMA, VERIFICATION, embedded,
    io_error,
};

/// Explains a pack; no part of the policy.
const README: &str = "README.md";
/// Its tests; no part of the policy.
const TESTS: &str = "tests.json";

/// A policy with its tests and what is to be said about it.
#[derive(Debug)]
pub struct Pack {
    /// Its name.
    pub name: &'static str,
    /// What it permits, asks and denies, and why: Markdown, the summary in the third line.
    pub readme: &'static str,
    /// Its policies.
    pub policies: &'static str,
    /// Its tests, as `placet policy test` reads them.
    pub tests: &'static str,
    schema: &'static str,
    entities: &'static str,
    mapping: &'static str,
    verification: &'static str,
}

macro_rules! pack {
    ($name:literal) => {
        Pack {
            name: $name,
            readme: include_str!(concat!("../../policies/packs/", $name, "/README.md")),
            policies: include_str!(concat!("../../policies/packs/", $name, "/policies.cedar")),
            tests: include_str!(concat!("../../policies/packs/", $name, "/tests.json")),
            schema: include_str!(concat!("../../policies/packs/", $name, "/schema.cedarschema")),
            entities: include_str!(concat!("../../policies/packs/", $name, "/entities.json")),
            mapping: include_str!(concat!("../../policies/packs/", $name, "/mapping.toml")),
            verification: include_str!(concat!(
                "../../policies/packs/",
                $name,
                "/verification.json"
            )),
        }
    };
}

static PACKS: [Pack; 4] =
    [pack!("api"), pack!("coding-agent"), pack!("finance-agent"), pack!("support-agent")];

impl Pack {
    /// All packs, by name.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &PACKS
    }

    /// The pack of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PACKS.iter().find(|pack| pack.name == name)
    }

    /// What it is, in a sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.readme.lines().nth(2).unwrap_or_default()
    }

    /// The policy.
    #[must_use]
    pub fn files(&self) -> PolicyFiles {
        embedded(&[
            (POLICIES, self.policies),
            (SCHEMA, self.schema),
            (ENTITIES, self.entities),
            (MAPPING_TOML, self.mapping),
            (VERIFICATION, self.verification),
        ])
    }

    /// Writes the policy, its tests and its explanation into a folder, which is made if need be.
    ///
    /// # Errors
    /// `policy.io`.
    pub fn write(&self, folder: &Path) -> Result<(), PolicyError> {
        self.files().write(folder)?;
        for (name, text) in [(README, self.readme), (TESTS, self.tests)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|e| io_error(&path, &e))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cedar::CedarPdp;

    #[test]
    fn every_pack_can_be_armed_and_no_policy_of_it_can_fail() {
        for pack in Pack::all() {
            let pdp =
                CedarPdp::load(&pack.files()).unwrap_or_else(|e| panic!("{}: {e}", pack.name));
            assert!(pdp.hazards().is_empty(), "{}: {:?}", pack.name, pdp.hazards());
            assert!(pdp.goals(&[]).unwrap().len() >= 2, "{}", pack.name);
            assert!(pack.readme.starts_with("# ") && pack.summary().len() > 20, "{}", pack.name);
            assert_eq!(Pack::named(pack.name).unwrap().readme, pack.readme);
        }
        assert!(Pack::named("nothing").is_none());
    }

    /// The gateway binds the call as `context.http`, which no pack and not the demonstration knows.
    #[test]
    fn what_a_gateway_adds_to_the_context_changes_no_decision() {
        use crate::authzen::EvaluationRequest;
        use crate::pdp::{Outcome, Pdp as _};
        use serde_json::{Value, json};
        let http = json!({"method": "POST", "host": "api", "target": "/x", "headers": {"a": "b"}});
        let case = |name: &str| {
            json!({"request": {"subject": {"type": "agent", "id": "support-bot"},
                "action": {"name": name}, "resource": {"type": "user", "id": "X1"}}})
        };
        let demo = ["read_user", "disable_user", "delete_user"].map(case);
        let demo = json!({"evaluation": demo});
        let packs = Pack::all().iter().map(|pack| (pack.files(), pack.tests.to_owned()));
        let mut permitted = 0;
        for (files, cases) in packs.chain([(PolicyFiles::demo(), demo.to_string())]) {
            let pdp = CedarPdp::load(&files).unwrap();
            let decide = |request: &Value| {
                let parsed = EvaluationRequest::parse(request.to_string().as_bytes()).unwrap();
                pdp.evaluate(&parsed).unwrap().outcome
            };
            let cases: Value = serde_json::from_str(&cases).unwrap();
            for case in cases["evaluation"].as_array().unwrap() {
                let plain = &case["request"];
                let mut behind = plain.clone();
                behind["context"]["http"] = http.clone();
                let (plain, behind) = (decide(plain), decide(&behind));
                assert_eq!(behind, plain, "{case}");
                permitted += usize::from(matches!(plain, Outcome::Permit(_)));
            }
        }
        assert!(permitted > 10);
    }

    #[test]
    fn a_pack_that_was_written_is_the_policy_that_is_embedded() {
        let folder = tempfile::tempdir().unwrap();
        for pack in Pack::all() {
            let folder = folder.path().join(pack.name);
            pack.write(&folder).unwrap();
            assert_eq!(PolicyFiles::read(&folder).unwrap(), pack.files(), "{}", pack.name);
            assert!(folder.join(TESTS).exists() && folder.join(README).exists());
        }
    }
}
