use super::*;
use cedar_policy::{Authorizer, Context, Entities, Entity, Request};
use proptest::prelude::*;
use std::collections::HashSet;

fn uid(kind: &str, id: &str) -> EntityUid {
    format!("{kind}::{id:?}").parse().unwrap()
}

/// A hierarchy of users in groups in a group, documents in folders, actions in groups.
fn entities() -> Entities {
    let entity = |kind: &str, id: &str, parents: &[(&str, &str)]| {
        let parents: HashSet<EntityUid> = parents.iter().map(|(k, i)| uid(k, i)).collect();
        Entity::new_no_attrs(uid(kind, id), parents)
    };
    let all = [
        entity("Group", "all", &[]),
        entity("Group", "a", &[("Group", "all")]),
        entity("Group", "b", &[("Group", "all")]),
        entity("User", "0", &[("Group", "a")]),
        entity("User", "1", &[("Group", "a"), ("Group", "b")]),
        entity("User", "2", &[]),
        entity("Folder", "f", &[]),
        entity("Doc", "0", &[("Folder", "f")]),
        entity("Doc", "1", &[]),
        entity("Action", "any", &[]),
        entity("Action", "read", &[("Action", "any")]),
        entity("Action", "write", &[("Action", "any")]),
        entity("Action", "other", &[]),
    ];
    Entities::from_entities(all, None).unwrap()
}

fn constraint(variable: &'static str, entities: Vec<&'static str>) -> BoxedStrategy<String> {
    let one = prop::sample::select(entities);
    let kinds = prop::sample::select(vec!["User", "Group", "Doc", "Folder"]);
    prop_oneof![
        2 => Just(variable.to_owned()),
        2 => one.clone().prop_map(move |e| format!("{variable} == {e}")),
        2 => one.clone().prop_map(move |e| format!("{variable} in {e}")),
        1 => kinds.clone().prop_map(move |k| format!("{variable} is {k}")),
        1 => (kinds, one).prop_map(move |(k, e)| format!("{variable} is {k} in {e}")),
    ]
    .boxed()
}

fn policy() -> impl Strategy<Value = String> {
    let users = vec!["User::\"0\"", "User::\"1\"", "Group::\"a\"", "Group::\"all\"", "Doc::\"0\""];
    let docs = vec!["Doc::\"0\"", "Doc::\"1\"", "Folder::\"f\"", "User::\"0\"", "Group::\"all\""];
    let actions = vec!["Action::\"read\"", "Action::\"write\"", "Action::\"any\""];
    let some = prop::collection::vec(prop::sample::select(actions.clone()), 0..3);
    let action = prop_oneof![
        Just("action".to_owned()),
        prop::sample::select(actions.clone()).prop_map(|a| format!("action == {a}")),
        prop::sample::select(actions).prop_map(|a| format!("action in {a}")),
        some.prop_map(|all| format!("action in [{}]", all.join(", "))),
    ];
    let effect = prop::sample::select(vec!["permit", "forbid"]);
    // The last one fails at run time.
    let condition = prop::sample::select(vec!["true", "false", "context.n > 1", "context.no == 1"]);
    (effect, constraint("principal", users), action, constraint("resource", docs), condition)
        .prop_map(|(e, p, a, r, c)| format!("{e} ({p}, {a}, {r}) when {{ {c} }};"))
}

fn request() -> impl Strategy<Value = Request> {
    let one = |all: Vec<(&'static str, &'static str)>| prop::sample::select(all);
    (
        one(vec![("User", "0"), ("User", "1"), ("User", "2"), ("User", "9"), ("Doc", "0")]),
        one(vec![("Action", "read"), ("Action", "write"), ("Action", "other")]),
        one(vec![("Doc", "0"), ("Doc", "1"), ("Doc", "9"), ("User", "0"), ("Folder", "f")]),
        0_i64..4,
    )
        .prop_map(|(p, a, r, n)| {
            let context = Context::from_json_value(serde_json::json!({ "n": n }), None).unwrap();
            Request::new(uid(p.0, p.1), uid(a.0, a.1), uid(r.0, r.1), context, None).unwrap()
        })
}

proptest! {
    // SPEC.md R-10-74.
    #[test]
    fn the_index_changes_no_decision_no_reason_and_no_error(
        policies in prop::collection::vec(policy(), 0..12),
        requests in prop::collection::vec(request(), 1..8),
    ) {
        let all: PolicySet = policies.join("\n").parse().unwrap();
        let scopes = Scopes::new(&all).unwrap();
        let entities = entities();
        for request in requests {
            let within = |uid: &EntityUid| -> Vec<EntityUid> {
                entities.ancestors(uid).into_iter().flatten().cloned().collect()
            };
            let principal = request.principal().unwrap();
            let action = request.action().unwrap();
            let resource = request.resource().unwrap();
            let of = [within(principal), within(action), within(resource)];
            let slice = scopes.slice(
                Near { uid: principal, within: &of[0] },
                Near { uid: action, within: &of[1] },
                Near { uid: resource, within: &of[2] },
            );
            let of = |policies: &PolicySet| {
                let response = Authorizer::new().is_authorized(&request, policies, &entities);
                let mut reasons: Vec<_> = response.diagnostics().reason().cloned().collect();
                let mut errors: Vec<_> =
                    response.diagnostics().errors().map(ToString::to_string).collect();
                reasons.sort();
                errors.sort();
                (response.decision(), reasons, errors)
            };
            prop_assert_eq!(of(&slice.policies), of(&all));
        }
    }
}

fn near(uid: &EntityUid) -> Near<'_> {
    Near { uid, within: &[] }
}

#[test]
fn what_a_request_has_nothing_to_do_with_is_left_out() {
    let mut text = "@id(\"all\") permit (principal, action, resource);".to_owned();
    for n in 0..500 {
        text.push_str(&format!(
            "permit (principal == User::\"{n}\", action == Action::\"read\", resource);\n\
             permit (principal is User, action in [Action::\"a{n}\", Action::\"b{n}\"], resource);"
        ));
    }
    let scopes = Scopes::new(&text.parse().unwrap()).unwrap();
    let (user, action, doc) = (uid("User", "7"), uid("Action", "read"), uid("Doc", "1"));
    let slice = scopes.slice(near(&user), near(&action), near(&doc));
    assert_eq!(slice.policies.num_of_policies(), 2);
    let again = scopes.slice(near(&user), near(&action), near(&doc));
    assert!(Arc::ptr_eq(&slice, &again));
    // What is looked at grows with what fits, not with what there is.
    assert!(scopes.principals.values().chain(scopes.actions.values()).all(|all| all.len() <= 1));
    for n in 0..2 * MAX_KEPT {
        let user = uid("User", &n.to_string());
        scopes.slice(near(&user), near(&action), near(&doc));
    }
    assert!(scopes.kept.read().unwrap().sets.len() <= MAX_KEPT);
}

#[test]
fn large_sets_of_policies_are_kept_by_their_weight() {
    let mut text = String::new();
    for n in 0..2000 {
        text.push_str(&format!("forbid (principal, action, resource) when {{ {n} == 1 }};\n"));
    }
    for n in 0..40 {
        text.push_str(&format!("permit (principal == User::\"{n}\", action, resource);\n"));
    }
    let scopes = Scopes::new(&text.parse().unwrap()).unwrap();
    let (action, doc) = (uid("Action", "read"), uid("Doc", "1"));
    let mut most = 0;
    for n in 0..40 {
        let user = uid("User", &n.to_string());
        let slice = scopes.slice(near(&user), near(&action), near(&doc));
        assert_eq!(slice.policies.num_of_policies(), 2001);
        let kept = scopes.kept.read().unwrap();
        let held: usize = kept.sets.keys().map(Vec::len).sum();
        assert!(held <= kept.weight && kept.weight <= MAX_WEIGHT, "{held} {}", kept.weight);
        most = most.max(kept.sets.len());
    }
    assert_eq!(most, MAX_WEIGHT / 2002);
}
