//! The description of the API against what is there: every route is in it, nothing else is, and
//! live answers are of the shapes that it promises.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use common::*;
use placet_ledger::http::auth::Scope;
use placet_ledger::http::rules::{Rule, rule};
use placet_ledger::http::{self, App, v1};
use serde_json::Value;
use tower::ServiceExt as _;

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

fn document() -> Value {
    serde_json::from_str(v1::OPENAPI).unwrap()
}

/// Path and method of every operation of the document, with `*` of catch-all segments left out.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            out.insert((path.clone(), method.clone()));
        }
    }
    out
}

/// The routes that the source declares: the router itself can't be asked.
fn declared() -> BTreeSet<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src/http", "src/outbound", "src/notify", "../pep/src"] {
        sources(&root.join(folder), &mut files);
    }
    let mut out = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices(".route(") {
            let arguments = balanced(&text[at + ".route(".len()..]);
            for path in paths_of(arguments.trim_start(), &text) {
                // Scripts and styles belong to the pages, and the gateway is another server.
                let page = path.starts_with("/assets/") || path.ends_with(".js");
                if page || path.starts_with("/.placet/") {
                    continue;
                }
                let found = methods_of(arguments);
                assert!(!found.is_empty(), "{}: {arguments}", file.display());
                out.extend(found.into_iter().map(|m| (path.replace("{*", "{"), m)));
            }
        }
    }
    out
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(items) = std::fs::read_dir(folder) else { return };
    for item in items {
        let path = item.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The text up to the parenthesis that closes the one before it.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// A literal; a constant of the same file; or, for both logs' files, `path("..")` of each prefix.
fn paths_of(arguments: &str, file: &str) -> Vec<String> {
    if let Some(rest) = arguments.strip_prefix('"') {
        return vec![rest.split('"').next().unwrap().to_owned()];
    }
    if let Some(rest) = arguments.strip_prefix("&path(\"") {
        let name = rest.split('"').next().unwrap();
        return ["/log", "/gov"].map(|prefix| format!("{prefix}/{name}")).into();
    }
    let name = arguments.split(',').next().unwrap().trim();
    let constant = format!("const {name}: &str = \"");
    let value = file.split(&constant).nth(1).unwrap_or_else(|| panic!("no constant {name}"));
    vec![value.split('"').next().unwrap().to_owned()]
}

/// Methods that are called outside of any inner parentheses.
fn methods_of(arguments: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut depth, mut word) = (0, String::new());
    for c in arguments.chars() {
        if c == '(' && depth == 0 && METHODS.contains(&word.as_str()) {
            found.insert(word.clone());
        }
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c.is_ascii_alphanumeric() || c == '_' { word.push(c) } else { word.clear() }
    }
    found
}

// SPEC.md R-10-19, R-10-23.
#[test]
fn the_scopes_that_are_described_are_those_that_open() {
    let document = document();
    for (path, method) in described(&document) {
        let said = document["paths"][&path][&method]["security"].as_array();
        let said = said.into_iter().flatten().filter_map(|s| s["token"].as_array()).flatten();
        let said: BTreeSet<&str> = said.map(|scope| scope.as_str().unwrap()).collect();
        let opens: BTreeSet<&str> = match rule(&path) {
            Rule::Of(_, scopes) => scopes.iter().map(|scope| scope.name()).collect(),
            Rule::Figures => [Scope::Metrics.name()].into(),
            Rule::Public | Rule::Pages(_) => BTreeSet::new(),
        };
        assert_eq!(said, opens, "{method} {path}");
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let (described, declared) = (described(&document()), declared());
    let missing: Vec<_> = declared.difference(&described).collect();
    let stale: Vec<_> = described.difference(&declared).collect();
    assert!(missing.is_empty(), "add to proto/openapi/placet.json: {missing:?}");
    assert!(stale.is_empty(), "no route any more: {stale:?}");
    assert!(declared.len() > 40);
}

#[test]
fn the_document_holds_together() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for name in &used {
        assert!(schemas.contains_key(name), "no schema {name}");
    }
    let unused: Vec<_> = schemas.keys().filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} comes twice");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let given: BTreeSet<&str> =
                path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
            let listed: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|p| p["in"] == "path")
                .map(|p| p["name"].as_str().unwrap())
                .collect();
            assert_eq!(given, listed, "{method} {path}");
        }
    }
}

fn references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "$ref" {
                    let name = member.as_str().unwrap().rsplit('/').next().unwrap();
                    used.insert(name.to_owned());
                }
                references(member, used);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, used)),
        _ => {}
    }
}

/// The part of JSON Schema that the document uses. What it does not know, it refuses, so that no
/// promise goes unchecked.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "description" | "default" | "minLength" => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().rsplit('/').next().unwrap();
                check(root, &root["components"]["schemas"][name], value, at)?;
                true
            }
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                other => return Err(format!("{at}: type {other} is not known here")),
            },
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_i64().is_none_or(|v| v >= wanted.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|v| v <= wanted.as_i64().unwrap()),
            "maxLength" => {
                value.as_str().is_none_or(|v| v.len() as u64 <= wanted.as_u64().unwrap())
            }
            "pattern" => value.as_str().is_none_or(|v| matches(wanted.as_str().unwrap(), v)),
            "maxItems" => {
                value.as_array().is_none_or(|v| v.len() as u64 <= wanted.as_u64().unwrap())
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, item, &format!("{at}[{i}]"))?;
                }
                true
            }
            "required" => wanted
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        check(root, schema, member, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(wanted, false);
                let known = schema["properties"].as_object().unwrap();
                match value.as_object().into_iter().flatten().find(|(n, _)| !known.contains_key(*n))
                {
                    Some((name, _)) => return Err(format!("{at}.{name} is not in the document")),
                    None => true,
                }
            }
            other => return Err(format!("{at}: keyword {other} is not known here")),
        };
        if !holds {
            return Err(format!("{at}: {keyword} {wanted} does not hold of {value}"));
        }
    }
    Ok(())
}

/// Patterns of the document: an anchored row of classes, literals and counts.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.strip_prefix('^').unwrap().strip_suffix('$').unwrap();
    let mut rest = text;
    while !pattern.is_empty() {
        let (class, tail) = match pattern.strip_prefix('[') {
            Some(class) => class.split_once(']').unwrap(),
            None => pattern.split_at(1),
        };
        let (least, most, tail) = match tail.chars().next() {
            Some('*') => (0, usize::MAX, &tail[1..]),
            Some('+') => (1, usize::MAX, &tail[1..]),
            Some('{') => {
                let (count, tail) = tail[1..].split_once('}').unwrap();
                (count.parse().unwrap(), count.parse().unwrap(), tail)
            }
            _ => (1, 1, tail),
        };
        let taken = rest.chars().take(most).take_while(|c| in_class(class, *c)).count();
        if taken < least {
            return false;
        }
        (rest, pattern) = (&rest[taken..], tail);
    }
    rest.is_empty()
}

fn in_class(class: &str, c: char) -> bool {
    let letters: Vec<char> = class.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        if at + 2 < letters.len() && letters[at + 1] == '-' {
            if (letters[at]..=letters[at + 2]).contains(&c) {
                return true;
            }
            at += 3;
        } else {
            if letters[at] == c {
                return true;
            }
            at += 1;
        }
    }
    false
}

#[test]
fn the_checker_itself_refuses() {
    let document = document();
    let schema = serde_json::json!({"$ref": "#/components/schemas/DigestRef"});
    let good = serde_json::json!({"index": 1, "document_sha256": "0a".repeat(32)});
    check(&document, &schema, &good, "").unwrap();
    for (name, value) in [
        ("index", serde_json::json!(-1)),
        ("index", serde_json::json!("1")),
        ("document_sha256", serde_json::json!("0A".repeat(32))),
        ("document_sha256", serde_json::json!("0a".repeat(33))),
        ("more", serde_json::json!(1)),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(check(&document, &schema, &bad, "").is_err(), "{bad}");
    }
    assert!(check(&document, &schema, &serde_json::json!({"index": 1}), "").is_err());
}

/// Answers of a ledger with a bit of everything, by the operation that gave them.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one call after another, as in the life of a request")]
async fn live_answers_are_as_described() {
    let f = Fixture::new();
    let mut alice = f.bootstrap("Alice");
    let request = f.request(1);
    f.answer(&request, &mut alice, false);
    f.ledger.consume(&f.consume(&request)).unwrap();
    f.ledger.outcome(&f.report(&request)).unwrap();
    let denied = f.request(1);
    f.answer(&denied, &mut alice, true);
    let open = f.request(1);
    f.ledger.publisher(placet_ledger::LogId::Main).covering(10).unwrap();
    let (_, token) = f
        .ledger
        .access()
        .create_token("t", &[Scope::EvidenceRead, Scope::Search, Scope::Pep], None, f.ledger.now())
        .unwrap();
    let app = App::new(f.ledger.clone(), &[]).unwrap();
    let router = http::router(app, Router::new());
    let document = document();
    let no_such = "4f1e3a0a-5b1c-4a6e-9c0e-0123456789ab";
    let calls = BTreeMap::from([
        (
            "/v1/entries",
            vec![String::new(), "?limit=1".into(), "?kind=x".into(), "?limit=0".into()],
        ),
        (
            "/v1/entries/{log}/{index}",
            vec![
                "/main/0".into(),
                "/main/4".into(),
                "/gov/3".into(),
                "/main/10".into(),
                "/main/999".into(),
            ],
        ),
        (
            "/v1/consistency",
            vec!["?from=2".into(), "?from=1&to=7&log=main".into(), "?from=0".into()],
        ),
        (
            "/v1/notes/{log}/{row}",
            vec!["/main/0".into(), "/gov/1".into(), "/main/9999".into(), "/x/0".into()],
        ),
        ("/v1/policies", vec![String::new(), "?limit=1&before=3".into(), "?limit=51".into()]),
        ("/v1/policies/files/{sha256}", vec!["/00".into(), format!("/{}", "00".repeat(32))]),
        ("/v1/checkpoint", vec![String::new(), "?log=gov".into(), "?log=x".into()]),
        ("/v1/requests", vec![String::new()]),
        (
            "/v1/requests/{request}",
            [&*request, &denied, &open, no_such].map(|r| format!("/{r}")).into(),
        ),
        ("/v1/evidence/{request}", vec![format!("/{no_such}")]),
        ("/v1/trust", vec![String::new()]),
        ("/v1/openapi.json", vec![String::new()]),
        ("/.well-known/jwks.json", vec![String::new()]),
        ("/readyz", vec![String::new()]),
    ]);
    let mut checked = 0;
    for (operation, tails) in calls {
        for tail in tails {
            let path = format!("{}{tail}", operation.split("/{").next().unwrap());
            let call = Request::get(&path)
                .header(header::HOST, "localhost:8420")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .body(Body::empty())
                .unwrap();
            let response = router.clone().oneshot(call).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 1 << 24).await.unwrap();
            let responses = &document["paths"][operation]["get"]["responses"];
            let response = match responses.get(parts.status.as_str()) {
                Some(response) => response,
                None if !parts.status.is_success() => &responses["default"],
                None => panic!("{path}: {} is not described", parts.status),
            };
            let media_type = parts.headers[header::CONTENT_TYPE].to_str().unwrap();
            let content = &response["content"][media_type];
            assert!(content.is_object(), "{path}: {media_type} is not described");
            let value: Value = serde_json::from_slice(&body).unwrap();
            check(&document, &content["schema"], &value, &path).unwrap();
            checked += 1;
        }
    }
    assert!(checked > 20);
}
