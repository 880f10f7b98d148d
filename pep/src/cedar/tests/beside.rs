//! Obligations and sessions: what is beside yes and no, and beside the action.

use super::*;
use crate::session::COUNTS;

const SCHEMA_TEXT: &str = r#"
    entity Agent;
    entity Table;
    action export appliesTo { principal: [Agent], resource: [Table], context: {
      action: { records: Long }, action_digest: String,
      approval?: { digest: String, method: String },
      session?: { records: Long, denials: Long },
    } };
    action look appliesTo { principal: [Agent], resource: [Table], context: {} };"#;

const MAPPING_TEXT: &str = r#"
    [session]
    window = "10m"
    volumes = {records = "action.records"}
    [canary]
    subject = {type = "agent", id = "nobody"}
    action = {name = "look"}
    resource = {type = "table", id = "t"}"#;

fn files(policies: &str, schema: &str, mapping: &str) -> PolicyFiles {
    let named = [("a.cedar", policies), (SCHEMA, schema), ("mapping.toml", mapping)];
    let all = named.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    PolicyFiles::from_files(BTreeMap::from(all)).unwrap()
}

fn loaded(policies: &str) -> CedarPdp {
    CedarPdp::load(&files(policies, SCHEMA_TEXT, MAPPING_TEXT)).unwrap()
}

fn fails(policies: &str, schema: &str, mapping: &str) -> (&'static str, String) {
    let error = CedarPdp::load(&files(policies, schema, mapping)).unwrap_err();
    (error.code(), error.to_string())
}

fn export(records: u64, context: &str) -> Action {
    parse(&format!(
        r#"{{"subject":{{"type":"agent","id":"bot"}},
            "action":{{"name":"export","properties":{{"records":{records}}}}},
            "resource":{{"type":"table","id":"t"}},"context":{context}}}"#
    ))
}

fn first(pdp: &CedarPdp, action: Action) -> Evaluation {
    pdp.evaluate(&pdp.as_first(EvaluationRequest::new(action))).unwrap()
}

fn ids(obligations: &[Obligation]) -> Vec<&str> {
    obligations.iter().map(|o| o.id.as_str()).collect()
}

const LIMIT: &str = r#"
    @id("few") @redact("ssn") @notify("audit")
    permit (principal, action == Action::"export", resource)
      when { context has session && context.session.records <= 50 };
    @id("many") @narrow("limit=50")
    permit (principal, action == Action::"export", resource)
      when { context has approval && context.approval.digest == context.action_digest };
    @id("never") @notify("security")
    forbid (principal, action == Action::"export", resource)
      when { context has session && context.session.denials > 5 };"#;

fn seen(records: u64, denials: u64) -> SessionSeen {
    let counts = [("records".to_owned(), records), ("denials".to_owned(), denials)];
    SessionSeen { window_s: 600, counts: counts.to_vec() }
}

fn in_session(pdp: &CedarPdp, action: Action, seen: SessionSeen) -> Evaluation {
    pdp.evaluate(&EvaluationRequest::new(action).in_session(seen)).unwrap()
}

// SPEC.md R-10-130, R-10-131.
#[test]
fn counts_decide_and_obligations_are_those_of_the_policies_that_did() {
    let pdp = loaded(LIMIT);
    let few = in_session(&pdp, export(10, "{}"), seen(50, 0));
    assert_eq!(few.outcome, Outcome::Permit(None));
    assert_eq!(ids(&few.obligations), ["few/redact", "few/notify"]);
    assert_eq!(few.seen.session, Some(seen(50, 0)));

    let many = in_session(&pdp, export(10, "{}"), seen(51, 0));
    assert!(matches!(many.outcome, Outcome::Requestable(_)));
    assert!(many.obligations.is_empty(), "a permit's are of the permit");
    assert_eq!(ids(&many.promised), ["many/narrow"]);

    let action = export(10, "{}");
    let request = EvaluationRequest::new(action.clone()).in_session(seen(51, 0));
    let with = pdp.evaluate(&request.with_approval(approval_of(&action))).unwrap();
    assert!(matches!(with.outcome, Outcome::Permit(Some(_))), "{with:?}");
    assert_eq!(ids(&with.obligations), ["many/narrow"]);

    let never = in_session(&pdp, export(10, "{}"), seen(1, 6));
    assert_eq!((denied(&never), ids(&never.obligations)), ("pdp.denied", vec!["never/notify"]));
}

// SPEC.md R-10-133: counts of nothing would permit what a limit forbids.
#[test]
fn a_session_that_is_not_known_denies_and_a_request_can_not_tell_it() {
    let pdp = loaded(LIMIT);
    assert_eq!(denied(&evaluate(&pdp, export(1, "{}"))), "pdp.session_unknown");
    let told = export(1, r#"{"session":{"records":0,"denials":0}}"#);
    assert_eq!(denied(&in_session(&pdp, told, seen(99, 0))), "pdp.reserved");
    // What does not look at sessions needs none.
    let look = parse(
        r#"{"subject":{"type":"agent","id":"bot"},"action":{"name":"look"},
            "resource":{"type":"table","id":"t"}}"#,
    );
    assert_eq!(denied(&evaluate(&pdp, look)), "pdp.denied");
    assert_eq!(first(&pdp, export(50, "{}")).outcome, Outcome::Permit(None));
    assert!(matches!(first(&pdp, export(51, "{}")).outcome, Outcome::Requestable(_)));
}

#[test]
fn volumes_are_whole_numbers_and_sessions_are_of_their_initiator() {
    let rule = loaded(LIMIT).session_rule().unwrap().clone();
    let of = |action: &Action| rule.entry(action, &initiator_of(action));
    let named = export(5, r#"{"session_id":"s"}"#);
    let entry = of(&named).unwrap();
    assert_eq!(entry.amounts, [5]);
    assert_ne!(entry.session, of(&export(5, "{}")).unwrap().session);
    let other = Initiator { kind: "agent".to_owned(), id: "other".to_owned() };
    assert_ne!(entry.session, rule.entry(&named, &other).unwrap().session);
    let none = parse(
        r#"{"subject":{"type":"agent","id":"bot"},"action":{"name":"export"},
            "resource":{"type":"table","id":"t"}}"#,
    );
    assert_eq!(of(&none).unwrap().amounts, [0]);
    for bad in ["-1", "1.5", "\"5\"", "null", "[5]"] {
        let action = parse(&format!(
            r#"{{"subject":{{"type":"agent","id":"bot"}},
                "action":{{"name":"export","properties":{{"records":{bad}}}}},
                "resource":{{"type":"table","id":"t"}}}}"#
        ));
        assert_eq!(of(&action).unwrap_err().code, "pdp.session", "{bad}");
    }
    assert_eq!(of(&export(5, r#"{"session_id":7}"#)).unwrap_err().code, "pdp.session");
}

// SPEC.md R-10-130.
#[test]
fn a_pep_that_says_what_it_can_is_not_given_what_it_can_not() {
    let pdp = loaded(LIMIT);
    for (declared, expected) in [
        (r#"["custom","notification"]"#, ""),
        (r#"["custom:redact","notification"]"#, ""),
        (r#"["notification"]"#, "pdp.obligation_unsupported"),
        (r#"["custom:narrow","notification"]"#, "pdp.obligation_unsupported"),
        (r#"[]"#, "pdp.obligation_unsupported"),
        (r#""custom""#, "pdp.obligation_unsupported"),
    ] {
        let context = format!("{{\"supported_obligations\":{declared}}}");
        let got = in_session(&pdp, export(1, &context), seen(1, 0));
        match expected {
            "" => assert_eq!(ids(&got.obligations), ["few/redact", "few/notify"]),
            code => {
                assert_eq!(denied(&got), code, "{declared}");
                assert!(got.obligations.iter().all(|o| o.kind == "notification"));
            }
        }
    }
    // Nobody is asked for an approval that could not be used.
    let asked = export(1, r#"{"supported_obligations":["notification"]}"#);
    let got = in_session(&pdp, asked, seen(51, 0));
    assert_eq!(denied(&got), "pdp.obligation_unsupported");
}

#[test]
fn every_permit_that_applies_adds_its_obligations() {
    let pdp = loaded(
        r#"@id("a") @redact("x") permit (principal, action, resource is Table)
             when { principal == Agent::"bot" };
           @id("a") @redact("y") permit (principal == Agent::"bot", action, resource);
           @id("b") @redact("x") permit (principal == Agent::"bot", action, resource);"#,
    );
    let got = first(&pdp, export(1, "{}"));
    // The same is not said twice, and two policies of one name have ids of their own.
    assert_eq!(ids(&got.obligations), ["a/redact", "a/redact.2"]);
}

// SPEC.md R-10-137.
#[test]
fn malformed_annotations_and_tables_are_refused_with_their_place() {
    let (code, text) = fails(
        "\n@id(\"p\") @redact(\"a..b\") permit (principal == Agent::\"x\", action, resource);",
        SCHEMA_TEXT,
        MAPPING_TEXT,
    );
    assert_eq!(code, "policy.annotation");
    assert!(text.contains("p (a.cedar:2)") && text.contains("@redact"), "{text}");
    let (code, text) = fails(
        "@redacts(\"a\") permit (principal == Agent::\"x\", action, resource);",
        SCHEMA_TEXT,
        MAPPING_TEXT,
    );
    assert_eq!(code, "policy.annotation");
    assert!(text.contains("a.cedar:1") && text.contains("@redact"), "{text}");

    let policy = "permit (principal == Agent::\"x\", action, resource);";
    for (from, to, part) in [
        ("window = \"10m\"", "window = \"10d\"", "session.window"),
        ("window = \"10m\"", "window = \"25h\"", "session.window"),
        ("window = \"10m\"", "windows = 1", "unknown member"),
        ("action.records", "records", "session.volumes.records"),
        ("{records =", "{permits =", "session.volumes.permits"),
        ("{records =", "{rows =", "context.session.records"),
        ("[canary]", "[pdp]\nurl = \"pdp.example.com\"\n[canary]", "pdp.url"),
        ("[canary]", "[pdp]\nurl = \"https://a.example\"\ntimeout_ms = 1\n[canary]", "timeout_ms"),
    ] {
        let (code, text) = fails(policy, SCHEMA_TEXT, &MAPPING_TEXT.replace(from, to));
        assert_eq!(code, "policy.mapping", "{to}");
        assert!(text.contains(part), "{text}");
    }
    let without = SCHEMA_TEXT.replace("session?", "other?");
    let (code, text) = fails(policy, &without, MAPPING_TEXT);
    assert!(code == "policy.mapping" && text.contains("declares session"), "{text}");
    assert!(COUNTS.contains(&"denials"));
}

#[test]
fn a_foreign_decision_point_is_a_part_of_the_policy() {
    let with = |url: &str| {
        let mapping =
            MAPPING_TEXT.replace("[canary]", &format!("[pdp]\nurl = \"{url}\"\n[canary]"));
        let policy = "permit (principal == Agent::\"x\", action, resource);";
        CedarPdp::load(&files(policy, SCHEMA_TEXT, &mapping)).unwrap()
    };
    let (a, b) = (with("https://a.example"), with("https://b.example/tenant"));
    assert_eq!(b.remote_rule().unwrap().identifier, "https://b.example/tenant");
    assert_eq!(a.remote_rule().unwrap().timeout_ms, 1000);
    assert_ne!(a.policy().manifest, b.policy().manifest);
}
