use super::*;
use cedar_policy::{Entities, Entity, Schema};
use placet_proto::json;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const SCHEMA: &str = r#"
    type Root = { digest: String };
    entity Color enum ["red", "green"];
    namespace App {
      type Address = { street: String, "zip code"?: Long };
      entity Group;
      entity User in [Group] {
        level?: Long, boss?: User, ip?: ipaddr, amount?: decimal, at?: datetime,
        names?: Set<String>, address?: Address, ok?: Bool, root?: Root, color?: Color,
        bosses?: Set<User>,
      } tags String;
      entity Doc { owner: User };
      action readers;
      action read, "write x" in [readers] appliesTo {
        principal: [User], resource: [Doc, User],
        context: { root?: Root, action?: { n: Long } },
      };
    }"#;

fn types() -> Types {
    Types::load(SCHEMA).unwrap()
}

fn name(text: &str) -> EntityTypeName {
    text.parse().unwrap()
}

fn read(text: &str) -> Result<Values, Denial> {
    let types = types();
    let given = json::parse(text.as_bytes()).unwrap();
    let shape = &types.entity(&name("App::User")).unwrap().attributes;
    Reader::new(&types, Undeclared::Hidden).members(shape, given.as_object().unwrap())
}

#[test]
fn all_types_of_a_schema_are_read() {
    let types = types();
    let user = types.entity(&name("App::User")).unwrap();
    assert_eq!(user.attributes.len(), 11);
    assert_eq!(user.attributes["boss"].of, Type::Entity(name("App::User")));
    assert_eq!(user.attributes["color"].of, Type::Entity(name("Color")));
    let Type::Record(address) = &user.attributes["address"].of else { panic!() };
    assert!(address["street"].required && !address["zip code"].required);
    assert!(types.entity(&name("App::Doc")).unwrap().attributes["owner"].required);
    for action in ["read", "write x"] {
        let uid = format!("App::Action::{action:?}").parse().unwrap();
        assert_eq!(types.context(&uid).unwrap().len(), 2);
    }
    assert!(types.context(&"App::Action::\"readers\"".parse().unwrap()).unwrap().is_empty());
}

#[test]
fn what_the_schema_does_not_declare_is_hidden_and_the_rest_is_typed() {
    let seen = read(r#"{"level":1,"unknown":{"__entity":1},"address":{"street":"a","x":1.5}}"#);
    assert_eq!(seen.unwrap().len(), 2);
    for (text, code) in [
        (r#"{"level":"1"}"#, "pdp.schema"),
        (r#"{"level":1.5}"#, "pdp.number"),
        (r#"{"level":null}"#, "pdp.schema"),
        (r#"{"address":{}}"#, "pdp.schema"),
        (r#"{"address":"x"}"#, "pdp.schema"),
        (r#"{"names":["a",1]}"#, "pdp.schema"),
        (r#"{"color":"blue"}"#, "pdp.schema"),
        (r#"{"boss":{"type":"App::Group","id":"x"}}"#, "pdp.schema"),
        (r#"{"boss":{"__entity":{"type":"App::User","id":"x"}}}"#, "pdp.reserved"),
        (r#"{"level":{"__extn":{"fn":"decimal","arg":"1.0"}}}"#, "pdp.reserved"),
    ] {
        assert_eq!(read(text).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn under_version_0_what_the_schema_does_not_declare_denies_at_any_depth() {
    let types = types();
    let shape = &types.entity(&name("App::User")).unwrap().attributes;
    let read = |text: &str| {
        let given = json::parse(text.as_bytes()).unwrap();
        Reader::new(&types, Undeclared::Denied).members(shape, given.as_object().unwrap())
    };
    let full = r#"{"level":1,"address":{"street":"a"},"boss":{"type":"App::User","id":"x"}}"#;
    assert_eq!(read(full).unwrap().len(), 3);
    for (text, code) in [
        (r#"{"level":1,"unknown":true}"#, "pdp.schema"),
        (r#"{"unknown":null}"#, "pdp.schema"),
        (r#"{"unknown":1.5}"#, "pdp.number"),
        (r#"{"__entity":{"type":"App::User","id":"x"}}"#, "pdp.reserved"),
        (r#"{"address":{"street":"a","x":1}}"#, "pdp.schema"),
        (r#"{"boss":"x"}"#, "pdp.schema"),
    ] {
        assert_eq!(read(text).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn entities_are_named_by_their_id_or_in_full() {
    let types = types();
    let shape = &types.entity(&name("App::User")).unwrap().attributes;
    let text = br#"{"boss":"ann","bosses":[{"type":"App::User","id":"bob"}],"color":"red"}"#;
    let given = json::parse(text).unwrap();
    let mut reader = Reader::new(&types, Undeclared::Hidden);
    reader.members(shape, given.as_object().unwrap()).unwrap();
    let named: Vec<String> = reader.named.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["App::User::\"ann\"", "App::User::\"bob\"", "Color::\"red\""]);
}

/// The largest integer that strict JSON may hold without loss.
const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// Values of members of `App::User`, some of them of the wrong type.
fn member() -> impl Strategy<Value = (&'static str, Value)> {
    let names = prop::sample::select(vec![
        "level", "ip", "amount", "at", "names", "address", "ok", "boss", "root",
    ]);
    let values = prop_oneof![
        (-MAX_EXACT..=MAX_EXACT).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "a",
            "192.0.2.1",
            "::1/64",
            "1.5",
            "1.23456",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
        ])
        .prop_map(Value::from),
        prop::collection::vec("[a-z]{0,3}", 0..3).prop_map(Value::from),
        "[a-z]{0,3}".prop_map(|s| serde_json::json!({"street": s})),
        (-MAX_EXACT..=MAX_EXACT).prop_map(|n| serde_json::json!({"street": "s", "zip code": n})),
        "[a-z]{0,3}".prop_map(|id| serde_json::json!({"type": "App::User", "id": id})),
        "[a-z]{0,3}".prop_map(|d| serde_json::json!({"digest": d})),
    ];
    (names, values)
}

proptest! {
    /// Cedar's own reader under the schema is the oracle: what it takes, this one takes as the same
    /// value, and what it refuses, this one refuses.
    #[test]
    fn values_are_what_cedar_reads(members in prop::collection::vec(member(), 0..4)) {
        let attributes: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        // The short form of an entity is ours alone.
        prop_assume!(!attributes.get("boss").is_some_and(Value::is_string));
        let types = types();
        let text = Value::Object(attributes.clone()).to_string();
        let given = json::parse(text.as_bytes()).unwrap();
        let shape = &types.entity(&name("App::User")).unwrap().attributes;
        let uid: EntityUid = "App::User::\"u\"".parse().unwrap();
        let ours = Reader::new(&types, Undeclared::Hidden)
            .members(shape, given.as_object().unwrap())
            .ok()
            .and_then(|m| {
                let attributes: HashMap<_, _> = m.into_iter().collect();
                Entity::new(uid.clone(), attributes, HashSet::new()).ok()
            });
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        let entity = serde_json::json!([{"uid": {"type": "App::User", "id": "u"},
            "attrs": attributes, "parents": []}]);
        let theirs = Entities::from_json_value(entity, Some(&schema)).ok();
        let theirs = theirs.as_ref().and_then(|all| all.get(&uid));
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => prop_assert!(ours.deep_eq(theirs), "{ours} {theirs}"),
            (None, None) => {}
            (ours, theirs) => prop_assert!(false, "{text}: {ours:?} {theirs:?}"),
        }
    }
}
