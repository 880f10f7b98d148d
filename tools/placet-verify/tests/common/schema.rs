//! As much of JSON Schema as the schemas of `proto/schema` use, and no keyword more:
//! an unknown one fails the test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use placet_proto::json::{self, Json};

/// The schema of `check --json`.
pub fn verify_result() -> Json {
    named("verify-result")
}

/// A schema of `proto/schema`.
pub fn named(name: &str) -> Json {
    let path = format!("../../proto/schema/{name}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    json::parse(&fs::read(path).unwrap()).unwrap()
}

/// The schema of `audit --json`.
pub fn audit_result() -> Json {
    named("audit-result")
}

/// Panics unless `value` is an instance of `schema`.
pub fn validate(root: &Json, schema: &Json, value: &Json, at: &str) {
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                validate(root, root.get("$defs").unwrap().get(name).unwrap(), value, at);
            }
            "type" => {
                let types: Vec<&Json> = rule.as_array().map_or(vec![rule], |a| a.iter().collect());
                let fits = types.iter().any(|t| is_type(value, t.as_str().unwrap()));
                assert!(fits, "{at}: {value:?} is not {types:?}");
            }
            "const" => assert_eq!(value, rule, "{at}"),
            "enum" => assert!(rule.as_array().unwrap().contains(value), "{at}: {value:?}"),
            "pattern" => pattern(rule.as_str().unwrap(), value, at),
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    validate(root, rule, item, &format!("{at}[{i}]"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let missing = value.as_object().is_some() && value.get(text(name)).is_none();
                    assert!(!missing, "{at}: no {name:?}");
                }
            }
            "additionalProperties" => assert_eq!(rule.as_bool(), Some(false)),
            "properties" => {
                let known: BTreeSet<&str> =
                    rule.as_object().unwrap().iter().map(|(name, _)| name.as_str()).collect();
                for (name, member) in value.as_object().into_iter().flatten() {
                    assert!(known.contains(name.as_str()), "{at}: unexpected {name}");
                    let below = format!("{at}.{name}");
                    validate(root, rule.get(name).unwrap(), member, &below);
                }
            }
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
}

fn is_type(value: &Json, name: &str) -> bool {
    match name {
        "object" => value.as_object().is_some(),
        "array" => value.as_array().is_some(),
        "string" => value.as_str().is_some(),
        "integer" => value.as_i64().is_some(),
        "number" => matches!(value, Json::Number(_)),
        "boolean" => value.as_bool().is_some(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    }
}

/// The two patterns of the schema: hashes and times.
fn pattern(rule: &str, value: &Json, at: &str) {
    let Some(text) = value.as_str() else { return };
    let fits = if rule == "^[0-9a-f]{64}$" {
        placet_proto::b64::decode_hex_array::<32>(text).is_ok()
    } else {
        assert!(rule.ends_with("Z$"), "pattern {rule}");
        placet_proto::time::UnixSeconds::parse(text).is_ok()
    };
    assert!(fits, "{at}: {text}");
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}
