use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use placet_proto::json;
use proptest::prelude::*;

use super::*;
use crate::obligations::Obligation;
use crate::pdp::Requirement;
use crate::policy::PolicyFiles;

const IDENTIFIER: &str = "https://pdp.example.com";

/// URL, header fields, body.
type Asked = (String, Vec<(String, String)>, String);

/// Answers in turn, and notes what it was asked.
#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Result<Reply, String>>>,
    asked: Mutex<Vec<Asked>>,
}

impl Script {
    fn next(&self, url: &str, headers: &[(String, String)], body: &[u8]) -> Result<Reply, String> {
        let body = String::from_utf8(body.to_vec()).unwrap();
        lock(&self.asked).push((url.to_owned(), headers.to_vec(), body));
        lock(&self.replies).pop_front().unwrap_or_else(|| Err("nobody is there".to_owned()))
    }
}

impl Caller for Arc<Script> {
    fn get(&self, url: &str, h: &[(String, String)], _: Duration) -> Result<Reply, String> {
        self.next(url, h, &[])
    }

    fn post(
        &self,
        url: &str,
        h: &[(String, String)],
        body: &[u8],
        _: Duration,
    ) -> Result<Reply, String> {
        self.next(url, h, body)
    }
}

fn reply(text: &str) -> Result<Reply, String> {
    Ok(Reply { status: 200, body: text.as_bytes().to_vec(), truncated: false })
}

fn rule() -> RemoteRule {
    RemoteRule {
        identifier: IDENTIFIER.to_owned(),
        discovery: false,
        evaluation: None,
        timeout_ms: 1000,
        context: None,
    }
}

fn remote(
    rule: RemoteRule,
    replies: impl IntoIterator<Item = Result<Reply, String>>,
) -> (RemotePdp, Arc<Script>) {
    let script = Arc::<Script>::default();
    lock(&script.replies).extend(replies);
    let pdp = RemotePdp::with(rule, Box::new(Arc::clone(&script)), None, [7; 32]);
    (pdp, script)
}

fn action(context: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"disable_user"}},
            "resource":{{"type":"user","id":"u-1"}},"context":{context}}}"#
    );
    Action::from_request(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

fn ours(outcome: Outcome) -> Evaluation {
    Evaluation::of(outcome, [0; 32])
}

fn code(evaluation: &Evaluation) -> &'static str {
    match &evaluation.outcome {
        Outcome::Deny(denial) => denial.code,
        Outcome::Requestable(_) => "requestable",
        Outcome::Permit(_) => "permit",
    }
}

#[test]
fn what_is_sent_is_the_least_and_the_approval_is_not_among_it() {
    let replies = [reply(r#"{"decision":true}"#), reply(r#"{"decision":true}"#)];
    let (pdp, script) = remote(rule(), replies);
    let with = action(r#"{"ip":"1.2.3.4","approval":{"id":"x"}}"#);
    assert_eq!(code(&pdp.agree(ours(Outcome::Permit(None)), &with)), "permit");
    assert_eq!(code(&pdp.agree(ours(Outcome::Permit(None)), &action("{}"))), "permit");
    let asked = lock(&script.asked);
    let common = concat!(
        r#""resource":{"id":"u-1","type":"user"},"#,
        r#""subject":{"id":"support-bot","type":"agent"}}"#,
    );
    let first =
        format!(r#"{{"action":{{"name":"disable_user"}},"context":{{"ip":"1.2.3.4"}},{common}"#);
    assert_eq!(asked[0].2, first);
    assert_eq!(asked[1].2, format!(r#"{{"action":{{"name":"disable_user"}},{common}"#));
    assert_eq!(asked[0].0, "https://pdp.example.com/access/v1/evaluation");
    let names: Vec<&str> = asked[0].1.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type"]);
}

#[test]
fn of_the_context_only_what_is_listed_is_sent() {
    let listed = RemoteRule { context: Some(vec!["ip".to_owned()]), ..rule() };
    let (pdp, script) = remote(listed, [reply(r#"{"decision":true}"#)]);
    let got = pdp.agree(ours(Outcome::Permit(None)), &action(r#"{"ip":"1","secret":"s"}"#));
    assert_eq!(code(&got), "permit");
    let body = lock(&script.asked)[0].2.clone();
    assert!(body.contains("\"ip\"") && !body.contains("secret"), "{body}");
}

// SPEC.md R-10-134.
#[test]
fn the_step_up_of_ours_lies_over_a_foreign_permit() {
    let need = Requirement { quorum: 1, ..Requirement::default() };
    let (pdp, _) = remote(rule(), [reply(r#"{"decision":true}"#), reply(r#"{"decision":false}"#)]);
    let ask = || ours(Outcome::Requestable(need.clone()));
    let first = pdp.agree(ask(), &action("{}"));
    assert_eq!(code(&first), "requestable");
    assert_eq!(first.seen.remote.unwrap().decision, Some(true));
    let second = pdp.agree(ask(), &action("{}"));
    assert_eq!(code(&second), "pdp.remote_denied");
    assert!(second.determining.is_empty(), "no policy of ours decided");
    assert_eq!(second.seen.remote.unwrap().decision, Some(false));
    // What ours denies is not even asked.
    let (pdp, script) = remote(rule(), []);
    let no = Denial { code: "pdp.denied", detail: String::new() };
    assert_eq!(code(&pdp.agree(ours(Outcome::Deny(no)), &action("{}"))), "pdp.denied");
    assert!(lock(&script.asked).is_empty());
}

// SPEC.md R-10-134.
#[test]
fn what_is_no_answer_denies() {
    for (reply, expected) in [
        (Err("it is down".to_owned()), "pdp.remote_unavailable"),
        (reply(r#"{"decision":"true"}"#), "pdp.remote_answer"),
        (reply(r#"{"decision":1}"#), "pdp.remote_answer"),
        (reply(r#"{"Decision":true}"#), "pdp.remote_answer"),
        (reply(r#"{"decision":true,"decision":false}"#), "pdp.remote_answer"),
        (reply(r#"[{"decision":true}]"#), "pdp.remote_answer"),
        (reply(r#"{"decision":true,"context":"x"}"#), "pdp.remote_answer"),
        (reply(r#"{"decision":true,"context":[]}"#), "pdp.remote_answer"),
        (reply("true"), "pdp.remote_answer"),
        (reply(""), "pdp.remote_answer"),
        (reply(r#"{"decision":true,"context":{"obligations":[{}]}}"#), "pdp.remote_answer"),
        (reply(r#"{"decision":true,"context":{"obligations":1}}"#), "pdp.remote_answer"),
    ] {
        let (pdp, _) = remote(rule(), [reply.clone()]);
        let got = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
        assert_eq!(code(&got), expected, "{reply:?}");
        assert_eq!(got.seen.remote.unwrap().decision, None);
    }
    for (status, truncated) in [(500, false), (302, false), (401, false), (200, true)] {
        let bytes = br#"{"decision":true}"#.to_vec();
        let (pdp, _) = remote(rule(), [Ok(Reply { status, body: bytes, truncated })]);
        let got = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
        assert_eq!(code(&got), "pdp.remote_answer", "{status}");
    }
    // What it says beside that is nobody's business.
    let more = r#"{"decision":true,"context":{"reason":{"x":1},"id":null},"extra":[1]}"#;
    let (pdp, _) = remote(rule(), [reply(more), reply(r#"{"decision":true,"context":null}"#)]);
    for _ in 0..2 {
        assert_eq!(code(&pdp.agree(ours(Outcome::Permit(None)), &action("{}"))), "permit");
    }
}

#[test]
fn its_obligations_are_ours_too() {
    let answer = r#"{"decision":true,"context":{"obligations":[
        {"id":"1","type":"step-up","properties":{"acr_value":"x"}}]}}"#;
    let declared = action(r#"{"supported_obligations":["notification"]}"#);
    let need = Requirement { quorum: 1, ..Requirement::default() };
    let (pdp, _) = remote(rule(), (0..3).map(|_| reply(answer)));
    let permitted = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
    assert_eq!((code(&permitted), permitted.obligations.len()), ("permit", 1));
    let withheld = pdp.agree(ours(Outcome::Permit(None)), &declared);
    assert_eq!(code(&withheld), "pdp.obligation_unsupported");
    let asked = pdp.agree(ours(Outcome::Requestable(need)), &declared);
    assert_eq!(code(&asked), "pdp.obligation_unsupported");
}

#[test]
fn metadata_are_asked_for_once_and_have_to_be_its_own() {
    let discovery = RemoteRule { discovery: true, ..rule() };
    let metadata = format!(
        r#"{{"policy_decision_point":"{IDENTIFIER}",
            "access_evaluation_endpoint":"{IDENTIFIER}/v2/evaluate"}}"#
    );
    let yes = || reply(r#"{"decision":true}"#);
    let (pdp, script) = remote(discovery.clone(), [reply(&metadata), yes(), yes()]);
    for _ in 0..2 {
        assert_eq!(code(&pdp.agree(ours(Outcome::Permit(None)), &action("{}"))), "permit");
    }
    let urls: Vec<String> = lock(&script.asked).iter().map(|(url, ..)| url.clone()).collect();
    let endpoint = format!("{IDENTIFIER}/v2/evaluate");
    let well_known = format!("{IDENTIFIER}/.well-known/authzen-configuration");
    assert_eq!(urls, [well_known, endpoint.clone(), endpoint]);

    let other = metadata.replace("pdp.example.com\",", "other.example.com\",");
    let (pdp, script) = remote(discovery, [reply(&other), yes()]);
    let got = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
    assert_eq!(code(&got), "pdp.remote_answer");
    assert_eq!(lock(&script.asked).len(), 1, "nothing was asked of it");
}

#[test]
fn who_fails_again_and_again_is_left_alone() {
    let (pdp, script) = remote(rule(), []);
    for _ in 0..8 {
        let got = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
        assert_eq!(code(&got), "pdp.remote_unavailable");
    }
    assert_eq!(lock(&script.asked).len(), 5);
    // One that answers is there, even if nobody can use what it says.
    let bad = Reply { status: 400, body: Vec::new(), truncated: false };
    let gone = Reply { status: 503, ..bad.clone() };
    for (reply, calls) in [(bad, 8), (gone, 5)] {
        let (pdp, script) = remote(rule(), (0..8).map(|_| Ok(reply.clone())));
        for _ in 0..8 {
            let got = pdp.agree(ours(Outcome::Permit(None)), &action("{}"));
            assert!(code(&got).starts_with("pdp.remote_"));
        }
        assert_eq!(lock(&script.asked).len(), calls);
    }
}

#[test]
fn the_overlay_is_a_decision_point_like_others() {
    let local = || CedarPdp::load(&PolicyFiles::demo()).unwrap();
    let (pdp, _) = remote(rule(), [reply(r#"{"decision":true}"#), reply(r#"{"decision":false}"#)]);
    let over = Overlay::new(local(), Some(pdp));
    let request = EvaluationRequest::new(action("{}"));
    assert_eq!(code(&over.evaluate(&request).unwrap()), "requestable");
    assert_eq!(code(&over.evaluate(&request).unwrap()), "pdp.remote_denied");
    assert_eq!(over.policy().manifest, PolicyFiles::demo().manifest_hash());
    let alone = Overlay::new(local(), None);
    assert_eq!(code(&alone.evaluate(&request).unwrap()), "requestable");
    let (pdp, _) = remote(rule(), [reply(r#"{"decision":true}"#)]);
    assert_eq!(code(&pdp.evaluate(&request).unwrap()), "permit");
    assert_eq!(pdp.policy().engine, "authzen https://pdp.example.com");
}

fn outcome(n: u8) -> Outcome {
    let need = Requirement { quorum: 1, ..Requirement::default() };
    match n {
        0 => Outcome::Permit(None),
        1 => Outcome::Permit(Some(need)),
        2 => Outcome::Requestable(need),
        _ => Outcome::Deny(Denial { code: "pdp.denied", detail: String::new() }),
    }
}

/// How much an outcome lets: deny, ask, permit.
fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Deny(_) => 0,
        Outcome::Requestable(_) => 1,
        Outcome::Permit(_) => 2,
    }
}

proptest! {
    // SPEC.md R-10-134: together they never let more than either alone, and lose no obligation of
    // a permit.
    #[test]
    fn the_overlay_never_upgrades(
        own in 0u8..4,
        said in prop::option::of(any::<bool>()),
        carried in prop::collection::vec("[a-c]", 0..4),
        theirs in prop::collection::vec("[b-d]", 0..4),
    ) {
        let of = |name: &String| Obligation {
            id: format!("{name}-id"),
            kind: "custom".to_owned(),
            properties: Json::object([("name", Json::from(name.as_str()))]),
        };
        let unique: BTreeMap<&String, Obligation> = theirs.iter().map(|n| (n, of(n))).collect();
        let list = Json::Array(unique.values().map(Obligation::to_json).collect());
        let answer = said.map(|decision| {
            let context = Json::object([("obligations", list.clone())]);
            let answer =
                Json::object([("decision", Json::Bool(decision)), ("context", context)]);
            String::from_utf8(jcs::to_bytes(&answer)).unwrap()
        });
        let (pdp, _) = remote(rule(), answer.iter().map(|text| reply(text)));
        let mut own_evaluation = ours(outcome(own));
        if own < 2 {
            add(&mut own_evaluation.obligations, carried.iter().map(of));
        }
        let before = own_evaluation.clone();
        let got = pdp.agree(own_evaluation, &action("{}"));
        prop_assert!(rank(&got.outcome) <= rank(&before.outcome));
        if said != Some(true) {
            prop_assert_eq!(rank(&got.outcome), 0);
        }
        if rank(&got.outcome) == 2 {
            for name in carried.iter().chain(&theirs) {
                let wanted = of(name).properties;
                prop_assert!(got.obligations.iter().any(|o| o.properties == wanted), "{name}");
            }
        }
    }
}
