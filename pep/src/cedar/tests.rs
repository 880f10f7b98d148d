use super::*;
use crate::policy::POLICIES;
use placet_proto::{
    action::Action,
    document::{Initiator, SessionSeen},
    json,
};
use std::collections::BTreeMap;

fn action(name: &str, id: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"{name}"}},
            "resource":{{"type":"user","id":"{id}"}}}}"#
    );
    parse(&text)
}

fn parse(text: &str) -> Action {
    Action::from_request(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

fn demo() -> CedarPdp {
    CedarPdp::load(&PolicyFiles::demo()).unwrap()
}

/// The demonstration with some files replaced.
fn changed(changes: &[(&str, &str)]) -> Result<CedarPdp, Error> {
    let demo = PolicyFiles::demo();
    let owned = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec());
    let mut files: BTreeMap<_, _> = demo.iter().map(owned).collect();
    for (name, text) in changes {
        files.insert((*name).to_owned(), text.as_bytes().to_vec());
    }
    CedarPdp::load(&PolicyFiles::from_files(files)?)
}

fn with_policies(policies: &str) -> CedarPdp {
    changed(&[(POLICIES, policies)]).unwrap()
}

fn refused(changes: &[(&str, &str)]) -> (&'static str, String) {
    let error = changed(changes).unwrap_err();
    (error.code(), error.to_string())
}

fn evaluate(pdp: &CedarPdp, action: Action) -> Evaluation {
    pdp.evaluate(&EvaluationRequest::new(action)).unwrap()
}

fn denied(evaluation: &Evaluation) -> &'static str {
    match &evaluation.outcome {
        Outcome::Deny(denial) => denial.code,
        other => panic!("not denied: {other:?}"),
    }
}

fn requirement(evaluation: &Evaluation) -> &Requirement {
    match &evaluation.outcome {
        Outcome::Requestable(requirement) | Outcome::Permit(Some(requirement)) => requirement,
        other => panic!("no requirement: {other:?}"),
    }
}

fn approval_of(action: &Action) -> VerifiedApproval {
    VerifiedApproval {
        action_digest: action.digest(),
        method: Method::Webauthn,
        approvers: 1,
        user_verified: true,
        age_seconds: 10,
    }
}

fn approved(pdp: &CedarPdp, action: &Action, approval: VerifiedApproval) -> Evaluation {
    let request = EvaluationRequest::new(action.clone()).with_approval(approval);
    pdp.evaluate(&request).unwrap()
}

#[test]
fn the_demonstration_permits_denies_and_asks() {
    let pdp = demo();
    let read = evaluate(&pdp, action("read_user", "u-1"));
    assert_eq!(read.outcome, Outcome::Permit(None));
    assert_eq!(read.determining, ["support-bot-reads-users"]);
    assert_eq!(read.action_digest, action("read_user", "u-1").digest());

    let disable = evaluate(&pdp, action("disable_user", "u-1"));
    let expected = Requirement {
        method: Method::Webauthn,
        quorum: 1,
        approvers: Vec::new(),
        allow_self: false,
        max_age_seconds: Some(300),
        template: Some("disable_user".to_owned()),
        reason: Some("Disabling a user locks a person out of their account".to_owned()),
        risk: Some("high".to_owned()),
    };
    assert_eq!(disable.outcome, Outcome::Requestable(expected));
    assert_eq!(disable.determining, ["disable-user-needs-a-person"]);

    assert_eq!(denied(&evaluate(&pdp, action("delete_user", "u-1"))), "pdp.denied");
    let other = parse(
        r#"{"subject":{"type":"agent","id":"other-bot"},"action":{"name":"read_user"},
            "resource":{"type":"user","id":"u-1"}}"#,
    );
    assert_eq!(denied(&evaluate(&pdp, other)), "pdp.denied");
    assert_eq!(pdp.policy().manifest, PolicyFiles::demo().manifest_hash());
    assert!(pdp.policy().engine.starts_with("cedar 4."), "{}", pdp.policy().engine);
}

#[test]
fn an_approval_of_exactly_this_action_permits_it() {
    let pdp = demo();
    let action = action("disable_user", "u-1");
    let evaluation = approved(&pdp, &action, approval_of(&action));
    assert!(matches!(evaluation.outcome, Outcome::Permit(Some(_))), "{evaluation:?}");
    assert_eq!(evaluation.determining, ["disable-user-needs-a-person"]);
}

#[test]
fn an_approval_of_another_action_permits_nothing() {
    let pdp = demo();
    let wanted = action("disable_user", "u-1");
    let other = approval_of(&action("disable_user", "u-2"));
    assert_eq!(denied(&approved(&pdp, &wanted, other)), "pdp.approval_digest");

    // A policy that forgets to compare the digests does not change that.
    let careless = with_policies(
        r#"permit (principal, action == Action::"disable_user", resource)
           when { context has approval };"#,
    );
    let evaluation = approved(&careless, &wanted, approval_of(&action("disable_user", "u-2")));
    assert_eq!(denied(&evaluation), "pdp.approval_digest");
    let evaluation = approved(&careless, &wanted, approval_of(&wanted));
    assert!(matches!(evaluation.outcome, Outcome::Permit(Some(_))));
}

#[test]
fn an_approval_that_falls_short_permits_nothing() {
    let pdp = demo();
    let action = action("disable_user", "u-1");
    let good = approval_of(&action);
    for (approval, code) in [
        (VerifiedApproval { age_seconds: 301, ..good.clone() }, "pdp.approval_expired"),
        (VerifiedApproval { approvers: 0, ..good.clone() }, "pdp.approval_quorum"),
        (VerifiedApproval { method: Method::SshSk, ..good.clone() }, "pdp.denied"),
        (VerifiedApproval { user_verified: false, ..good.clone() }, "pdp.denied"),
    ] {
        assert_eq!(denied(&approved(&pdp, &action, approval)), code);
    }
    let method = with_policies(
        r#"@approve("passkey") permit (principal, action == Action::"disable_user", resource)
           when { context has approval };"#,
    );
    let key = VerifiedApproval { method: Method::SshSk, ..good.clone() };
    assert_eq!(denied(&approved(&method, &action, key.clone())), "pdp.approval_method");
    let either = with_policies(
        r#"@approve("security-key") permit (principal, action == Action::"disable_user", resource)
           when { context has approval };"#,
    );
    for approval in [key, good] {
        let evaluation = approved(&either, &action, approval);
        assert!(matches!(evaluation.outcome, Outcome::Permit(Some(_))), "{evaluation:?}");
    }
}

#[test]
fn an_approval_is_no_grant_where_policies_deny() {
    let pdp = demo();
    let delete = action("delete_user", "u-1");
    assert_eq!(denied(&approved(&pdp, &delete, approval_of(&delete))), "pdp.denied");
    let read = action("read_user", "u-1");
    // Not needed, thus not spent.
    assert_eq!(approved(&pdp, &read, approval_of(&read)).outcome, Outcome::Permit(None));
}

#[test]
fn what_a_request_says_of_its_own_approval_is_not_heard() {
    let pdp = demo();
    let plain = action("disable_user", "u-1");
    let digest = b64::encode_hex(plain.digest());
    let claim = parse(&format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"disable_user"}},
            "resource":{{"type":"user","id":"u-1"}},"context":{{"approval":{{"digest":"{digest}",
            "method":"webauthn","approvers":1,"user_verified":true,"age_seconds":0}}}}}}"#
    ));
    assert!(claim.approval().is_some());
    let evaluation = evaluate(&pdp, claim);
    assert_eq!(evaluation, evaluate(&pdp, plain));
    assert!(matches!(evaluation.outcome, Outcome::Requestable(_)));

    for context in [r#"{"action_digest":"00"}"#, r#"{"parameters":{}}"#] {
        let text = r#"{"subject":{"type":"agent","id":"support-bot"},"action":{"name":"read_user"},
            "resource":{"type":"user","id":"u-1"},"context":CONTEXT}"#;
        let evaluation = evaluate(&pdp, parse(&text.replace("CONTEXT", context)));
        assert_eq!(denied(&evaluation), "pdp.reserved");
    }
}

#[test]
fn a_policy_that_errors_denies_and_is_reported() {
    // Overflow is what strict validation cannot exclude; Cedar alone would skip the forbid.
    let schema = include_str!("../../policies/demo/schema.cedarschema")
        .replace("team?: String", "team?: String, level?: Long");
    let mapping = include_str!("../../policies/demo/mapping.json")
        .replace(r#"["team"]"#, r#"["team", "level"]"#);
    let policies = r#"
        permit (principal, action == Action::"read_user", resource);
        @id("level") forbid (principal, action, resource)
        when { principal has level && principal.level * 2 > 100 };"#;
    let pdp = changed(&[(SCHEMA, &schema), ("mapping.json", &mapping), (POLICIES, policies)]);
    let pdp = pdp.unwrap();
    assert_eq!(pdp.hazards().len(), 1);
    assert!(pdp.hazards()[0].starts_with("policies.cedar:3: `*`"), "{:?}", pdp.hazards());
    let with_level = |level: &str| {
        let text = r#"{"subject":{"type":"agent","id":"a","properties":{"level":LEVEL}},
            "action":{"name":"read_user"},"resource":{"type":"user","id":"u"}}"#;
        evaluate(&pdp, parse(&text.replace("LEVEL", level)))
    };
    assert_eq!(with_level("50").outcome, Outcome::Permit(None));
    let forbidden = with_level("51");
    assert_eq!(
        (denied(&forbidden), &forbidden.determining[..]),
        ("pdp.denied", &["level".into()][..])
    );
    let error = with_level("9007199254740992000");
    assert_eq!(denied(&error), "pdp.policy_error");
    assert_eq!(error.errors.len(), 1);
    assert!(error.errors[0].contains("overflow"), "{:?}", error.errors);
}

#[test]
fn folders_that_could_fail_open_are_refused() {
    // No schema, none that parses, policies that do not fit it.
    let files = PolicyFiles::demo();
    let owned = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec());
    let schemaless = files.iter().filter(|(name, _)| *name != SCHEMA).map(owned).collect();
    assert_eq!(PolicyFiles::from_files(schemaless).unwrap_err().code(), "policy.missing");
    for (schema, code) in [("", "policy.validation"), ("entity", "policy.schema")] {
        assert_eq!(refused(&[(SCHEMA, schema)]).0, code);
    }
    for (policies, code) in [
        ("permit (principal, action, resource", "policy.policies"),
        ("permit (principal == ?principal, action, resource);", "policy.policies"),
        (
            r#"forbid (principal, action, resource) when { context.ip in ["a"] };"#,
            "policy.validation",
        ),
        (r#"forbid (principal, action == Action::"reed_user", resource);"#, "policy.validation"),
        (
            r#"permit (principal, action, resource) when { principal.team == 1 };"#,
            "policy.validation",
        ),
        (r#"@quorum("two") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@quorum("0") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@quorum("17") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@approve("phone") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@max_age("-1") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@template("none") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@reason("") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@approvers("") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@approvers("role:boss") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@self_approval("") permit (principal, action, resource);"#, "policy.annotation"),
        (r#"@qourum("2") permit (principal, action, resource);"#, "policy.annotation"),
        ("permit (principal, action, resource);", "policy.canary"),
    ] {
        assert_eq!(refused(&[(POLICIES, policies)]).0, code, "{policies}");
    }
    assert_eq!(refused(&[("verification.json", r#"{"self_approval":1}"#)]).0, "policy.json");
    assert_eq!(refused(&[("verification.json", "[]")]).0, "policy.json");
    assert_eq!(refused(&[("verification.json", r#"{"a":1,"a":2}"#)]).0, "policy.json");
}

#[test]
fn mappings_must_fit_the_schema_and_the_canary_must_reach_the_policies() {
    let mapping = include_str!("../../policies/demo/mapping.json");
    for (from, to, code) in [
        (r#""entity": "Agent""#, r#""entity": "Robot""#, "policy.mapping"),
        (r#""action": "read_user""#, r#""action": "reed_user""#, "policy.mapping"),
        (r#""attributes": ["team"]"#, r#""attributs": ["team"]"#, "policy.mapping"),
        (r#""attributes": ["team"]"#, r#""attributes": [1]"#, "policy.mapping"),
        (r#""version": 0"#, r#""version": 2"#, "policy.mapping"),
        (r#""version": 0,"#, "", "policy.mapping"),
        (r#""canary""#, r#""canari""#, "policy.mapping"),
        (r#""name": "delete_user""#, r#""name": "no_such""#, "policy.canary"),
        (r#""name": "delete_user""#, r#""name": "read_user""#, "policy.canary"),
    ] {
        assert_ne!(mapping.replace(from, to), mapping, "{from}");
        let (actual, text) = refused(&[("mapping.json", &mapping.replace(from, to))]);
        assert_eq!(actual, code, "{to}: {text}");
    }
}

#[test]
fn what_the_schema_does_not_know_is_denied() {
    let pdp = demo();
    let base = r#"{"subject":{"type":"agent","id":"support-bot"},"action":{"name":"read_user"},
        "resource":{"type":"user","id":"u-1","properties":{"email":"a@example.com"}},
        "context":{"ticket":"T-1","unlisted":1.5}}"#;
    assert_eq!(evaluate(&pdp, parse(base)).outcome, Outcome::Permit(None));
    for (from, to, code) in [
        ("\"agent\"", "\"robot\"", "pdp.unmapped"),
        ("\"user\"", "\"Agent\"", "pdp.unmapped"),
        ("read_user", "reed_user", "pdp.unmapped"),
        ("\"T-1\"", "7", "pdp.schema"),
        ("\"T-1\"", "null", "pdp.schema"),
        ("\"T-1\"", "1.5", "pdp.number"),
        ("\"T-1\"", "1e30", "pdp.number"),
        ("\"T-1\"", r#"{"__extn":{"fn":"ip","arg":"192.0.2.1"}}"#, "pdp.reserved"),
        ("\"a@example.com\"", r#"{"__entity":{"type":"User","id":"x"}}"#, "pdp.reserved"),
        ("\"a@example.com\"", "[\"a\"]", "pdp.schema"),
    ] {
        let evaluation = evaluate(&pdp, parse(&base.replace(from, to)));
        assert_eq!(denied(&evaluation), code, "{to}: {evaluation:?}");
    }
}

// SPEC.md R-10-72: what a policy of version 0 that is in force means stays.
#[test]
fn what_the_schema_does_not_declare_denies_under_version_0_and_is_hidden_under_version_1() {
    let mapping = |version: &str| {
        let all = r#"{"version":VERSION,"subjects":{"agent":{"entity":"Agent"}},
            "resources":{"user":{"entity":"User"}},
            "actions":{"read_user":{"action":"read_user"},"delete_user":{"action":"delete_user"}},
            "canary":{"subject":{"type":"agent","id":"support-bot"},
              "action":{"name":"delete_user"},"resource":{"type":"user","id":"canary"}}}"#;
        changed(&[("mapping.json", &all.replace("VERSION", version))]).unwrap()
    };
    let (old, new) = (mapping("0"), mapping("1"));
    let base = r#"{"subject":{"type":"agent","id":"support-bot","properties":{"team":"a"}},
        "action":{"name":"read_user","properties":{}},
        "resource":{"type":"user","id":"u-1"},"context":{"ticket":"T-1"}}"#;
    for pdp in [&old, &new] {
        assert_eq!(evaluate(pdp, parse(base)).outcome, Outcome::Permit(None));
    }
    for (from, to, code) in [
        (r#"{"team""#, r#"{"floor":1,"team""#, "pdp.schema"),
        (r#""properties":{}"#, r#""properties":{"force":true}"#, "pdp.schema"),
        (r#""T-1""#, r#""T-1","more":1.5"#, "pdp.number"),
        (r#""T-1""#, r#""T-1","more":null"#, "pdp.schema"),
        (r#""T-1""#, r#""T-1","__extn":{"fn":"ip","arg":"::1"}"#, "pdp.reserved"),
    ] {
        let more = base.replace(from, to);
        assert_ne!(more, base);
        assert_eq!(denied(&evaluate(&old, parse(&more))), code, "{to}");
        assert_eq!(evaluate(&new, parse(&more)).outcome, Outcome::Permit(None), "{to}");
    }
}

#[test]
fn parameters_of_an_action_are_typed_by_the_schema() {
    let schema = r#"entity Agent; entity Account;
        action pay appliesTo { principal: [Agent], resource: [Account],
          context: { parameters: { amount: decimal, count?: Long } } };"#;
    let mapping = r#"{"version":0,"subjects":{"agent":{"entity":"Agent"}},
        "resources":{"account":{"entity":"Account"}},
        "actions":{"pay":{"action":"Action::\"pay\""}},
        "canary":{"subject":{"type":"agent","id":"a"},"resource":{"type":"account","id":"b"},
          "action":{"name":"pay","properties":{"amount":"1000000.00"}}}}"#;
    let policies = r#"permit (principal, action, resource)
        when { context.parameters.amount.lessThan(decimal("500.0")) };"#;
    let pdp = changed(&[(SCHEMA, schema), ("mapping.json", mapping), (POLICIES, policies)]);
    let pdp = pdp.unwrap();
    for (properties, expected) in [
        (r#"{"amount":"423.50","count":3}"#, None),
        (r#"{"amount":"500.00"}"#, Some("pdp.denied")),
        (r#"{"amount":423}"#, Some("pdp.schema")),
        (r#"{"amount":423.5}"#, Some("pdp.number")),
        (r#"{"amount":"12.34567"}"#, Some("pdp.schema")),
        (r#"{"amount":"1.0","to":"x"}"#, Some("pdp.schema")),
        (r#"{}"#, Some("pdp.schema")),
    ] {
        let text = r#"{"subject":{"type":"agent","id":"a"},"resource":{"type":"account","id":"b"},
            "action":{"name":"pay","properties":PROPERTIES}}"#;
        let evaluation = evaluate(&pdp, parse(&text.replace("PROPERTIES", properties)));
        match expected {
            Some(code) => assert_eq!(denied(&evaluation), code, "{properties}: {evaluation:?}"),
            None => assert_eq!(evaluation.outcome, Outcome::Permit(None), "{evaluation:?}"),
        }
    }
}

#[test]
fn a_quorum_comes_from_conditions_and_annotations_alike() {
    let wanted = action("disable_user", "u-1");
    let condition = with_policies(
        r#"permit (principal, action == Action::"disable_user", resource)
           when { context has approval && context.approval.approvers >= 3 };"#,
    );
    assert_eq!(requirement(&evaluate(&condition, wanted.clone())).quorum, 3);
    let annotation = with_policies(
        r#"@quorum("2") @max_age("60") permit (principal, action == Action::"disable_user", resource)
           when { context has approval };"#,
    );
    assert_eq!(requirement(&evaluate(&annotation, wanted.clone())).quorum, 2);
    let one = approval_of(&wanted);
    assert_eq!(denied(&approved(&annotation, &wanted, one.clone())), "pdp.approval_quorum");
    let two = VerifiedApproval { approvers: 2, ..one };
    assert_eq!(requirement(&approved(&annotation, &wanted, two)).quorum, 2);
}

#[test]
fn several_policies_that_ask_are_all_to_be_satisfied() {
    let id = "5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8e9f";
    let wanted = action("disable_user", "u-1");
    let of = |annotations: [&str; 2]| {
        let [one, two] = annotations;
        let pdp = with_policies(&format!(
            r#"@id("may") {one} permit (principal, action == Action::"disable_user", resource)
               when {{ context has approval }};
               @id("unless") {two} forbid (principal, action == Action::"disable_user", resource)
               unless {{ context has approval }};"#,
        ));
        (requirement(&evaluate(&pdp, wanted.clone())).clone(), pdp)
    };
    let person = format!(r#"@approvers("person:{id}")"#);
    let (both, pdp) = of([&person, r#"@approvers("role:administrator") @quorum("2")"#]);
    assert_eq!((both.approvers.len(), both.quorum), (2, 2));
    assert_eq!(pdp.people(), [id]);
    let (same, _) = of([&person, &person]);
    assert_eq!(same.approvers.len(), 1);
    for (annotations, allowed) in [
        ([r#"@self_approval("allow")"#, ""], true),
        ([r#"@self_approval("allow")"#, r#"@quorum("1")"#], false),
        ([r#"@self_approval("allow")"#, r#"@self_approval("deny")"#], false),
        ([r#"@self_approval("allow")"#, r#"@self_approval("allow")"#], true),
        (["", ""], false),
    ] {
        assert_eq!(of(annotations).0.allow_self, allowed, "{annotations:?}");
    }
}

#[test]
fn a_forbid_that_an_approval_lifts_says_how_to_ask() {
    let pdp = with_policies(
        r#"@id("may") permit (principal, action == Action::"disable_user", resource);
           @id("unless-approved") @approve("passkey") @quorum("2") @reason("two persons")
           forbid (principal, action == Action::"disable_user", resource)
           unless { context has approval };"#,
    );
    let evaluation = evaluate(&pdp, action("disable_user", "u-1"));
    assert_eq!(evaluation.determining, ["may", "unless-approved"]);
    let requirement = requirement(&evaluation);
    assert_eq!((requirement.quorum, requirement.reason.as_deref()), (2, Some("two persons")));
}

#[test]
fn without_an_approval_in_the_schema_nothing_is_requestable() {
    let schema =
        include_str!("../../policies/demo/schema.cedarschema").replace("approval?: Approval,", "");
    let policies = r#"permit (principal, action == Action::"read_user", resource);"#;
    let pdp = changed(&[(SCHEMA, &schema), (POLICIES, policies)]).unwrap();
    assert_eq!(denied(&evaluate(&pdp, action("disable_user", "u-1"))), "pdp.denied");
    assert_eq!(evaluate(&pdp, action("read_user", "u-1")).outcome, Outcome::Permit(None));
}

#[test]
fn one_entity_cannot_be_told_two_ways() {
    let mapping = include_str!("../../policies/demo/mapping.json").replace(
        r#""resources": {"user""#,
        r#""resources": {"agent": {"entity": "Agent"}, "user""#,
    );
    let schema = include_str!("../../policies/demo/schema.cedarschema")
        .replace("resource: [User]", "resource: [User, Agent]");
    let pdp = changed(&[("mapping.json", &mapping), (SCHEMA, &schema)]).unwrap();
    let text = r#"{"subject":{"type":"agent","id":"support-bot","properties":{"team":"a"}},
        "action":{"name":"read_user"},
        "resource":{"type":"agent","id":"support-bot","properties":{"team":"a"}}}"#;
    assert_eq!(evaluate(&pdp, parse(text)).outcome, Outcome::Permit(None));
    let two_ways = text.replacen(r#""team":"a""#, r#""team":"b""#, 1);
    assert_eq!(denied(&evaluate(&pdp, parse(&two_ways))), "pdp.schema");
}

#[test]
fn the_policy_without_policies_denies_everything() {
    let pdp = CedarPdp::load(&PolicyFiles::deny_all()).unwrap();
    for name in ["read_user", "disable_user", "nothing"] {
        assert_eq!(denied(&evaluate(&pdp, action(name, "u-1"))), "pdp.unmapped");
    }
    let nothing = parse(
        r#"{"subject":{"type":"nobody","id":"a"},"action":{"name":"nothing"},
            "resource":{"type":"nothing","id":"b"}}"#,
    );
    assert_eq!(denied(&approved(&pdp, &nothing, approval_of(&nothing))), "pdp.denied");
}

mod beside;
mod folder;
