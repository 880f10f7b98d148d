//! What each form does with text that wants to be more than text, and events from a live ledger.

use placet_proto::json::{self, Json};
use placet_proto::time::UnixSeconds;
use proptest::prelude::*;

use super::config::check;
use super::message::{Field, Message, tame};
use super::templates::{check_body, delivery};
use super::{NotifyTarget, Template};
use crate::outbound::{Event, EventKind, Rules};

const HOSTILE: &str = "<!channel> @everyone <@U123> [x](https://evil.example) **b** `c` \u{202e}\n\
                       www.evil.example {{code}} \"}],\"x\":1";

fn target(template: Template) -> NotifyTarget {
    NotifyTarget {
        name: "ops".to_owned(),
        url: "https://hooks.example/topic".to_owned(),
        template,
        events: Vec::new(),
        fields: Field::ALL.iter().map(|f| f.name().to_owned()).collect(),
        body: None,
        token_file: Some("token".to_owned()),
    }
}

fn message(text: &str) -> Message {
    let event = Event::opened("4a1c8e0e-3d2f-4c56-9c1f-7b1e5a0d9f11", UnixSeconds(1_800_000_000));
    Message {
        code: Some("lusab babad gutih".to_owned()),
        risk: Some("high".to_owned()),
        deadline: Some(UnixSeconds(1_800_000_600)),
        fields: Field::ALL.into_iter().map(|field| (field, text.to_owned())).collect(),
        ..Message::bare(&event, "https://placet.example")
    }
}

fn sent(template: Template, text: &str) -> Json {
    let delivery = delivery(&target(template), &message(text));
    delivery.check().unwrap();
    json::parse(&delivery.body).unwrap()
}

fn strings(json: &Json, path: &str, out: &mut Vec<(String, String)>) {
    match json {
        Json::String(text) => out.push((path.to_owned(), text.clone())),
        Json::Array(items) => items.iter().for_each(|i| strings(i, &format!("{path}[]"), out)),
        Json::Object(members) => {
            members.iter().for_each(|(n, v)| strings(v, &format!("{path}.{n}"), out));
        }
        _ => {}
    }
}

fn all_strings(json: &Json) -> Vec<(String, String)> {
    let mut out = Vec::new();
    strings(json, "", &mut out);
    out
}

// SPEC.md R-10-44.
#[test]
fn no_text_of_an_agent_mentions_links_or_formats() {
    for template in
        [Template::Slack, Template::Teams, Template::Discord, Template::Matrix, Template::Ntfy]
    {
        let json = sent(template, HOSTILE);
        for (path, text) in all_strings(&json) {
            assert!(!text.contains('@'), "{template:?}{path}: {text}");
            assert!(!text.contains("evil.example"), "{template:?}{path}: {text}");
            assert!(!text.contains('\u{202e}'), "{template:?}{path}: {text}");
            let ours = text.matches("https://placet.example/").count();
            let schema = text.matches("http://adaptivecards.io/").count();
            assert_eq!(text.matches("://").count(), ours + schema, "{template:?}{path}: {text}");
        }
    }
    let slack = sent(Template::Slack, HOSTILE);
    assert!(!slack.get("text").unwrap().as_str().unwrap().contains('<'));
    for (path, text) in all_strings(&slack) {
        // Everything with words of others is a plain-text object.
        assert!(!path.ends_with(".type") || text != "mrkdwn", "{path}");
    }
    let discord = sent(Template::Discord, HOSTILE);
    let content = discord.get("content").unwrap().as_str().unwrap();
    assert!(content.contains("\\*\\*b\\*\\*") && content.contains("\\[x\\]"), "{content}");
    let parse = discord.get("allowed_mentions").unwrap().get("parse").unwrap();
    assert_eq!(parse.as_array().unwrap().len(), 0);
    let teams = all_strings(&sent(Template::Teams, HOSTILE));
    let types = teams.iter().filter(|(path, _)| path.ends_with(".type"));
    assert!(types.clone().any(|(_, kind)| kind == "TextRun"));
    assert!(types.clone().all(|(_, kind)| kind != "TextBlock" && kind != "FactSet"));
    let matrix = sent(Template::Matrix, HOSTILE);
    assert_eq!(matrix.get("msgtype").unwrap().as_str(), Some("m.notice"));
    assert!(matrix.get("formatted_body").is_none());
}

// SPEC.md R-10-44.
#[test]
fn nothing_of_the_agents_is_told_unless_the_settings_say_so() {
    let event = Event::opened("r", UnixSeconds(0));
    let bare = Message::bare(&event, "https://placet.example");
    let names: Vec<&str> = bare.values().iter().map(|(name, _)| *name).collect();
    assert!(Field::ALL.iter().all(|field| !names.contains(&field.name())));
    let json = bare.to_json();
    let data = json.get("data").unwrap().as_object().unwrap();
    let names: Vec<&str> = data.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["link", "request"]);
}

#[test]
fn urls_methods_and_ids_fit_the_tools() {
    let matrix = delivery(&target(Template::Matrix), &message(""));
    assert_eq!(matrix.method.name(), "PUT");
    assert!(matrix.url.starts_with("https://hooks.example/topic/evt_"), "{}", matrix.url);
    let ntfy = delivery(&target(Template::Ntfy), &message(""));
    assert_eq!(ntfy.url, "https://hooks.example/");
    let body = json::parse(&ntfy.body).unwrap();
    assert_eq!(body.get("topic").unwrap().as_str(), Some("topic"));
    assert_eq!(body.get("priority").unwrap().as_u64(), Some(4));
}

#[test]
fn a_body_of_the_settings_is_filled_in_as_strings_only() {
    let mut generic = target(Template::Generic);
    generic.body =
        Some(r#"{"a": "{{code}} {{ initiator }}", "b": [{"c": "{{link}}"}], "n": 1}"#.into());
    check(&[generic.clone()], &Rules::default()).unwrap();
    let filled = json::parse(&delivery(&generic, &message(HOSTILE)).body).unwrap();
    let a = filled.get("a").unwrap().as_str().unwrap();
    assert!(a.starts_with("lusab babad gutih <!channel>"), "{a}");
    // A value with a placeholder in it stays a value.
    assert!(a.contains("{{code}}"), "{a}");
    assert_eq!(filled.as_object().unwrap().len(), 3);
    for (body, why) in
        [("{", "json"), (r#"{"a":"{{secret}}"}"#, "unknown"), (r#"{"a":"{{action}}"}"#, "fields")]
    {
        let target = NotifyTarget { fields: vec!["initiator".to_owned()], ..generic.clone() };
        let error = check_body(body, &target).unwrap_err();
        assert!(why == "json" || error.contains(why), "{error}");
    }
}

#[test]
fn mistakes_in_the_settings_are_named() {
    let good = NotifyTarget { token_file: None, ..target(Template::Slack) };
    check(std::slice::from_ref(&good), &Rules::default()).unwrap();
    for (bad, names) in [
        (NotifyTarget { name: "A b".to_owned(), ..good.clone() }, "name"),
        (
            NotifyTarget { url: "http://hooks.example/".to_owned(), ..good.clone() },
            "outbound_allow",
        ),
        (NotifyTarget { url: "https://10.0.0.1/".to_owned(), ..good.clone() }, "private"),
        (
            NotifyTarget { events: vec!["request.open".to_owned()], ..good.clone() },
            "request.opened",
        ),
        (NotifyTarget { fields: vec!["password".to_owned()], ..good.clone() }, "initiator"),
        (NotifyTarget { body: Some("{}".to_owned()), ..good.clone() }, "generic"),
        (NotifyTarget { token_file: Some("../x".to_owned()), ..good.clone() }, "token_file"),
        (NotifyTarget { template: Template::Matrix, ..good.clone() }, "token_file"),
    ] {
        let error = check(&[bad], &Rules::default()).unwrap_err();
        assert_eq!(error.code(), "config.invalid");
        assert!(error.to_string().contains(names), "{error}");
    }
    let twice = [good.clone(), good.clone()];
    assert!(check(&twice, &Rules::default()).unwrap_err().to_string().contains("two"));
    let many: Vec<NotifyTarget> =
        (0..33).map(|n| NotifyTarget { name: format!("t{n}"), ..good.clone() }).collect();
    assert!(check(&many, &Rules::default()).is_err());
    assert!(
        !NotifyTarget { events: vec!["request.opened".into()], ..good.clone() }
            .wants(EventKind::RequestEnded)
    );
}

#[test]
fn settings_with_targets_round_trip() {
    let text = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n\
                outbound_allow=['chat.internal:8443']\n[[notify]]\nname='ops'\n\
                url='https://chat.internal:8443/x'\ntemplate='slack'\n\
                events=['request.opened']\n";
    let config = crate::service::Config::parse(text).unwrap();
    assert_eq!(config.notify[0].template, Template::Slack);
    let tmp = tempfile::tempdir().unwrap();
    std::fs::create_dir(tmp.path().join("state")).unwrap();
    config.save(tmp.path()).unwrap();
    assert_eq!(crate::service::Config::load(tmp.path()).unwrap(), config);
}

proptest! {
    #[test]
    fn every_text_leaves_every_form_whole(text: String) {
        for template in [
            Template::Generic, Template::Slack, Template::Teams, Template::Discord,
            Template::Matrix, Template::Ntfy,
        ] {
            let empty = sent(template, "");
            let full = sent(template, &text);
            let names = |json: &Json| -> Vec<String> {
                all_strings(json).into_iter().map(|(path, _)| path).collect()
            };
            prop_assert_eq!(names(&full), names(&empty));
        }
    }

    #[test]
    fn tamed_text_is_short_visible_and_no_link(text in "(?s).{0,400}") {
        let tamed = tame(&text);
        let hidden = tamed.contains(['@', '\n', '\u{202e}', '\u{200b}']);
        prop_assert!(!hidden, "{tamed}");
        prop_assert!(!tamed.contains("://"), "{tamed}");
        prop_assert!(tamed.chars().count() <= 12 * 161);
    }
}
