//! Folders with entities, several files, and no mapping.

use super::*;

const SCHEMA_TEXT: &str = r#"
    entity Team in [Team];
    entity User in [Team] { role?: String, manager?: User, level?: Long } tags String;
    entity Record in [Folder] { status?: String, owner?: User };
    entity Folder { owner?: User };
    action read, write, delete appliesTo {
      principal: [User], resource: [Record],
      context: { action?: { soft?: Bool }, ip?: ipaddr },
    };"#;

const ENTITIES_TEXT: &str = r#"[
    {"uid": {"type": "Team", "id": "all"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Team", "id": "red"}, "attrs": {}, "parents": [{"type": "Team", "id": "all"}]},
    {"uid": {"type": "User", "id": "alice"}, "attrs": {"role": "clerk"},
     "parents": [{"type": "Team", "id": "red"}], "tags": {"site": "b\"a"}},
    {"uid": {"type": "User", "id": "bob"}, "parents": [],
     "attrs": {"role": "admin", "manager": {"type": "User", "id": "alice"}}},
    {"uid": {"type": "Folder", "id": "f"}, "parents": [],
     "attrs": {"owner": {"type": "User", "id": "bob"}}},
    {"uid": {"type": "Record", "id": "r"}, "parents": [{"type": "Folder", "id": "f"}],
     "attrs": {"status": "active", "owner": {"type": "User", "id": "alice"}}}
]"#;

/// A folder of these files beside the schema.
fn folder(files: &[(&str, &str)]) -> Result<PolicyFiles, PolicyError> {
    let schema = [(SCHEMA, SCHEMA_TEXT), ("entities.json", ENTITIES_TEXT)];
    let all = schema.iter().chain(files);
    PolicyFiles::from_files(
        all.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect(),
    )
}

fn loaded(policies: &str) -> CedarPdp {
    CedarPdp::load(&folder(&[("a.cedar", policies)]).unwrap()).unwrap()
}

fn fails(files: &[(&str, &str)]) -> (&'static str, String) {
    let error = CedarPdp::load(&folder(files).unwrap()).unwrap_err();
    (error.code(), error.to_string())
}

fn request(subject: &str, name: &str, resource: &str, more: &str) -> Action {
    parse(&format!(
        r#"{{"subject":{{"type":"user","id":{subject}}},"action":{{"name":"{name}"{more}}},
            "resource":{{"type":"record","id":{resource}}}}}"#
    ))
}

fn permitted(pdp: &CedarPdp, action: Action) -> bool {
    let evaluation = evaluate(pdp, action);
    assert_eq!(evaluation.errors, Vec::<String>::new());
    evaluation.outcome == Outcome::Permit(None)
}

#[test]
fn roles_attributes_and_relations_come_from_the_entity_store() {
    for (policy, who, what, expected) in [
        // By role, by the hierarchy above it, and by who that is not in.
        ("principal in Team::\"red\", action, resource", r#""alice""#, r#""r""#, true),
        ("principal in Team::\"all\", action, resource", r#""alice""#, r#""r""#, true),
        ("principal in Team::\"all\", action, resource", r#""bob""#, r#""r""#, false),
        ("principal, action, resource in Folder::\"f\"", r#""bob""#, r#""r""#, true),
        ("principal, action, resource in Folder::\"f\"", r#""bob""#, r#""s""#, false),
    ] {
        let pdp = loaded(&format!("permit ({policy});"));
        assert_eq!(permitted(&pdp, request(who, "read", what, "")), expected, "{policy}");
    }
    for (condition, who, expected) in [
        ("principal has role && principal.role == \"admin\"", "bob", true),
        ("principal has role && principal.role == \"admin\"", "alice", false),
        ("resource has owner && resource.owner == principal", "alice", true),
        ("resource has owner && resource.owner == principal", "bob", false),
        // Two steps away, and by what the entity that is named there is in.
        (
            "principal has manager && principal.manager has role && \
          principal.manager.role == \"clerk\"",
            "bob",
            true,
        ),
        ("principal has manager && principal.manager in Team::\"all\"", "bob", true),
        ("Folder::\"f\" has owner && Folder::\"f\".owner == principal", "bob", true),
        (
            "Folder::\"f\" has owner && Folder::\"f\".owner has manager && \
          Folder::\"f\".owner.manager == principal",
            "alice",
            true,
        ),
        ("User::\"alice\" in Team::\"all\"", "bob", true),
        ("principal.hasTag(\"site\") && principal.getTag(\"site\") == \"b\\\"a\"", "alice", true),
    ] {
        let pdp = loaded(&format!("permit (principal, action, resource) when {{ {condition} }};"));
        let who = format!("{who:?}");
        assert_eq!(permitted(&pdp, request(&who, "read", r#""r""#, "")), expected, "{condition}");
    }
}

// SPEC.md R-10-73.
#[test]
fn a_request_tells_of_strangers_and_of_what_the_store_knows_only_where_it_is_trusted() {
    let policy = r#"permit (principal, action == Action::"write", resource)
        when { resource has status && resource.status == "archived" };"#;
    let told = |id: &str| {
        format!(r#""{id}","properties":{{"status":"archived","level":9,"unknown":1.5}}"#)
    };
    let of = |id: &str| request(r#""alice""#, "write", &told(id), "");
    let plain = loaded(policy);
    // The store says that `r` is active, and says nothing of `new`.
    assert!(!permitted(&plain, of("r")));
    assert!(permitted(&plain, of("new")));
    let files = |mapping: &str| {
        let canary = "[canary]\nsubject = {type = \"user\", id = \"x\"}\n\
            action = {name = \"delete\"}\nresource = {type = \"record\", id = \"x\"}\n";
        let mapping = format!("{mapping}\n{canary}");
        folder(&[("a.cedar", policy), ("mapping.toml", &mapping)]).unwrap()
    };
    let pdp = |mapping: &str| CedarPdp::load(&files(mapping)).unwrap();
    assert!(permitted(&pdp("[resources.record]\ntrusted = [\"status\"]"), of("r")));
    assert!(permitted(&pdp("[resources.record]\ntrusted = true"), of("r")));
    assert!(!permitted(&pdp("[resources.record]\ntrusted = [\"owner\"]"), of("r")));
    assert!(!permitted(&pdp("[resources.record]\nattributes = [\"owner\"]"), of("new")));
    let all = CedarPdp::load_with(&folder(&[("a.cedar", policy)]).unwrap(), true).unwrap();
    assert!(permitted(&all, of("r")));
    // The store knows alice and gives her no level: a request does not give her one either.
    let policy = r#"permit (principal, action == Action::"write", resource)
        when { principal has level && principal.level == 3 };"#;
    let level =
        |who: &str| request(&format!(r#"{who},"properties":{{"level":3}}"#), "write", r#""r""#, "");
    let plain = loaded(policy);
    assert!(!permitted(&plain, level(r#""alice""#)));
    assert!(permitted(&plain, level(r#""stranger""#)));
    let all = CedarPdp::load_with(&folder(&[("a.cedar", policy)]).unwrap(), true).unwrap();
    assert!(permitted(&all, level(r#""alice""#)));
}

// SPEC.md R-10-72.
#[test]
fn without_a_mapping_the_schema_says_what_there_is() {
    let pdp = loaded(
        r#"permit (principal == User::"alice", action == Action::"delete", resource)
           when { context has action && context.action has soft && context.action.soft };"#,
    );
    let soft = |soft: &str| {
        let more = format!(r#","properties":{{"soft":{soft},"more":[1.5]}}"#);
        evaluate(&pdp, request(r#""alice""#, "delete", r#""r""#, &more))
    };
    assert_eq!(soft("true").outcome, Outcome::Permit(None));
    assert_eq!(denied(&soft("false")), "pdp.denied");
    assert_eq!(denied(&soft("\"true\"")), "pdp.schema");
    let base = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"delete",
        "properties":{"soft":true}},"resource":{"type":"record","id":"r"}}"#;
    for (from, to, code) in [
        ("\"user\"", "\"spaceship\"", "pdp.unmapped"),
        ("\"record\"", "\"user\"", "pdp.schema"),
        ("\"delete\"", "\"destroy\"", "pdp.unmapped"),
        ("\"resource\"", r#""context":{"action":{"soft":true}},"resource""#, "pdp.reserved"),
        ("\"resource\"", r#""context":{"ip":"no"},"resource""#, "pdp.schema"),
    ] {
        assert_eq!(denied(&evaluate(&pdp, parse(&base.replace(from, to)))), code, "{to}");
    }
    let hidden = base.replace("\"resource\"", r#""context":{"time":1.5},"resource""#);
    assert!(permitted(&pdp, parse(&hidden)));
}

#[test]
fn one_namespace_is_that_of_all_names() {
    let schema = r#"namespace App { entity User; entity McpServer;
        action call appliesTo { principal: [User], resource: [McpServer] }; }"#;
    let policy = r#"permit (principal == App::User::"a", action, resource);"#;
    let files = [(SCHEMA, schema), ("a.cedar", policy)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let pdp = CedarPdp::load(&PolicyFiles::from_files(files.into()).unwrap()).unwrap();
    let action = parse(
        r#"{"subject":{"type":"user","id":"a"},"action":{"name":"call"},
            "resource":{"type":"mcp_server","id":"s"}}"#,
    );
    assert!(permitted(&pdp, action));
}

#[test]
fn every_fault_has_its_file_and_its_line() {
    let good = "permit (principal == User::\"a\", action, resource);\n";
    let bad = format!("// one\n\n{good}\nforbid (principal, action, resource)\nwhen {{ BAD }};");
    for (what, code, place) in [
        ("resource.color == \"red\"", "policy.validation", "b.cedar:6: "),
        ("principal.role == 1", "policy.validation", "b.cedar:6: "),
        ("context.ip in [\"a\"]", "policy.validation", "b.cedar:6: "),
        ("this is no policy", "policy.policies", "b.cedar:6: "),
    ] {
        let bad = bad.replace("BAD", what);
        let (actual, text) = fails(&[("a.cedar", good), ("b.cedar", &bad)]);
        assert_eq!(actual, code, "{text}");
        assert!(text.starts_with(place), "{text}");
    }
    let (code, text) = fails(&[("a.cedar", good), (SCHEMA, "entity User;\nentity Team = {;\n")]);
    assert_eq!(code, "policy.schema");
    assert!(text.starts_with("schema.cedarschema:2: "), "{text}");
    let (code, text) = fails(&[("a.cedar", good), ("mapping.toml", "a = 1\nb = \n")]);
    assert_eq!(code, "policy.mapping");
    assert!(text.starts_with("mapping.toml:2: "), "{text}");
    for (entities, word) in [
        ("{}", "list"),
        ("[", ""),
        (r#"[{"uid":{"type":"Ship","id":"a"},"attrs":{},"parents":[]}]"#, "Ship"),
        (r#"[{"uid":{"type":"User","id":"a"},"attrs":{"x":1},"parents":[]}]"#, "x"),
        (r#"[{"uid":{"type":"User","id":"a"},"attrs":{},"attrs":{},"parents":[]}]"#, "attrs"),
        (
            r#"[{"uid":{"type":"Team","id":"a"},"attrs":{},"parents":[{"type":"User","id":"b"}]}]"#,
            "User",
        ),
    ] {
        let (code, text) = fails(&[("a.cedar", good), ("entities.json", entities)]);
        assert_eq!(code, "policy.entities");
        assert!(text.starts_with("entities.json: ") && text.contains(word), "{text}");
    }
}

#[test]
fn policies_of_several_files_decide_together_and_are_named_by_their_place() {
    let files = folder(&[
        ("permits.cedar", "// all of them\npermit (principal in Team::\"all\", action, resource);"),
        (
            "forbids.cedar",
            "@id(\"no-deletion\")\nforbid (principal, action, resource)\n\
          when { action == Action::\"delete\" };",
        ),
    ]);
    let pdp = CedarPdp::load(&files.unwrap()).unwrap();
    let read = evaluate(&pdp, request(r#""alice""#, "read", r#""r""#, ""));
    assert_eq!(
        (read.outcome, read.determining),
        (Outcome::Permit(None), vec!["permits.cedar:2".to_owned()])
    );
    let delete = evaluate(&pdp, request(r#""alice""#, "delete", r#""r""#, ""));
    assert_eq!(
        (denied(&delete), delete.determining),
        ("pdp.denied", vec!["no-deletion".to_owned()])
    );
}

// SPEC.md R-10-71.
#[test]
fn who_permits_everything_to_everybody_is_not_armed_without_saying_so() {
    for policy in [
        "permit (principal, action, resource);",
        "permit (principal, action, resource) unless { principal has role };",
    ] {
        let (code, text) = fails(&[("a.cedar", policy)]);
        assert_eq!(code, "policy.canary");
        assert!(text.contains("a.cedar:1"), "{text}");
    }
    for policy in [
        "permit (principal, action == Action::\"read\", resource);",
        "permit (principal is User, action, resource);",
        "permit (principal, action, resource) when { principal has role };",
    ] {
        loaded(policy);
    }
}

#[test]
fn an_entity_that_nobody_knows_denies_at_run_time() {
    let pdp = loaded(
        "permit (principal, action, resource) when { resource has owner && \
         resource.owner.level == 1 || principal == User::\"alice\" };"
            .replace(
                "resource.owner.level == 1",
                "resource.owner has level && resource.owner.level == 1",
            )
            .as_str(),
    );
    let of = |owner: &str| {
        let what = format!(r#""new","properties":{{"owner":{owner}}}"#);
        evaluate(&pdp, request(r#""bob""#, "read", &what, ""))
    };
    assert_eq!(denied(&of("\"nobody\"")), "pdp.denied");
    assert_eq!(denied(&of(r#"{"type":"Team","id":"all"}"#)), "pdp.schema");
}
