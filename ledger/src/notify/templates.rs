//! The forms that chat tools take.
//!
//! Each template puts text only where its tool takes it as text: plain-text elements where there
//! are any, escaped where there are none, and mentions switched off where the tool has a switch.
//! What agents wrote went through [`tame`](super::message::tame) before.

use placet_proto::jcs;
use placet_proto::json::{self, Json};

use super::message::{Field, Message};
use super::{NotifyTarget, Template};
use crate::outbound::Delivery;
use crate::outbound::client::Method;
use crate::outbound::delivery::Auth;

/// Longest `body` in the settings, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The delivery of a message to a target.
#[must_use]
pub fn delivery(target: &NotifyTarget, message: &Message) -> Delivery {
    let (mut url, mut method) = (target.url.clone(), Method::Post);
    let body = match target.template {
        Template::Generic => match target.body.as_deref().map(|b| json::parse(b.as_bytes())) {
            Some(Ok(mut body)) => {
                fill(&mut body, &message.values());
                body
            }
            _ => message.to_json(),
        },
        Template::Slack => slack(message),
        Template::Teams => teams(message),
        Template::Discord => discord(message),
        Template::Matrix => {
            // The transaction id makes a repeated delivery one message (client-server API).
            method = Method::Put;
            url = format!("{}/{}", url.trim_end_matches('/'), message.id);
            matrix(message)
        }
        Template::Ntfy => {
            let (base, topic) = split_topic(&target.url);
            url = base;
            ntfy(message, &topic)
        }
    };
    let auth = target.token_file.clone().map_or(Auth::Signature, Auth::Token);
    let endpoint = format!("notify:{}", target.name);
    let body = jcs::to_bytes(&body);
    Delivery { method, auth, ..Delivery::json(&endpoint, &message.id, &url, body) }
}

/// Whether a `body` can be filled in.
///
/// # Errors
/// Why not, for people.
pub fn check_body(body: &str, target: &NotifyTarget) -> Result<(), String> {
    if body.len() > MAX_BODY {
        return Err(format!("it is longer than {MAX_BODY} bytes"));
    }
    let json = json::parse(body.as_bytes()).map_err(|e| e.to_string())?;
    let mut names = Vec::new();
    placeholders(&json, &mut names);
    let own = [
        "event", "id", "time", "title", "link", "request", "code", "risk", "deadline", "state",
        "text",
    ];
    for name in names {
        let known = own.contains(&name.as_str());
        match Field::from_name(&name) {
            Some(field) if !target.shows(field) => {
                return Err(format!("{{{{{name}}}}} is not in `fields`"));
            }
            None if !known => return Err(format!("{{{{{name}}}}} is unknown")),
            _ => {}
        }
    }
    Ok(())
}

fn slack(message: &Message) -> Json {
    let plain = |text: &str| {
        Json::object([
            ("type", Json::from("plain_text")),
            ("text", text.into()),
            ("emoji", false.into()),
        ])
    };
    let mut blocks =
        vec![Json::object([("type", Json::from("section")), ("text", plain(message.title))])];
    let facts = message.facts();
    if !facts.is_empty() {
        let fields: Vec<Json> = facts
            .iter()
            .take(10)
            .map(|(label, value)| plain(&format!("{label}: {value}")))
            .collect();
        blocks.push(Json::object([("type", Json::from("section")), ("fields", fields.into())]));
    }
    let button = Json::object([
        ("type", Json::from("button")),
        ("text", plain("Look at it")),
        ("url", message.link.as_str().into()),
    ]);
    let actions = Json::Array(vec![button]);
    blocks.push(Json::object([("type", Json::from("actions")), ("elements", actions)]));
    Json::object([
        // Shown by clients that show no blocks, and by tools that take Slack's form.
        ("text", Json::from(slack_text(&message.text()).as_str())),
        ("mrkdwn", false.into()),
        ("link_names", false.into()),
        ("parse", "none".into()),
        ("unfurl_links", false.into()),
        ("blocks", blocks.into()),
    ])
}

/// Slack's three control characters; all its mentions and links begin with `<`.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn teams(message: &Message) -> Json {
    // Text blocks read Markdown, text runs do not.
    let line = |text: &str, bold: bool| {
        let mut run = Json::object([("type", Json::from("TextRun")), ("text", text.into())]);
        if bold {
            run.insert("weight", "Bolder".into());
        }
        let runs = Json::Array(vec![run]);
        Json::object([("type", Json::from("RichTextBlock")), ("inlines", runs)])
    };
    let facts = message.facts();
    let lines = facts.iter().map(|(label, value)| line(&format!("{label}: {value}"), false));
    let body: Vec<Json> = [line(message.title, true)].into_iter().chain(lines).collect();
    let open = Json::object([
        ("type", Json::from("Action.OpenUrl")),
        ("title", "Look at it".into()),
        ("url", message.link.as_str().into()),
    ]);
    let card = Json::object([
        ("$schema", Json::from("http://adaptivecards.io/schemas/adaptive-card.json")),
        ("type", "AdaptiveCard".into()),
        ("version", "1.4".into()),
        ("body", body.into()),
        ("actions", vec![open].into()),
    ]);
    let attachment = Json::object([
        ("contentType", Json::from("application/vnd.microsoft.card.adaptive")),
        ("contentUrl", Json::Null),
        ("content", card),
    ]);
    Json::object([("type", Json::from("message")), ("attachments", vec![attachment].into())])
}

fn discord(message: &Message) -> Json {
    let facts = message.facts();
    let facts = facts.iter().map(|(label, value)| format!("\n{label}: {}", markdown(value)));
    // A link in angle brackets has no preview.
    let content = format!("**{}**{}\n<{}>", message.title, facts.collect::<String>(), message.link);
    Json::object([
        ("content", Json::from(content.as_str())),
        ("allowed_mentions", Json::object([("parse", Json::Array(Vec::new()))])),
    ])
}

/// A backslash before each character that Markdown gives a meaning.
fn markdown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let special = c.is_ascii_punctuation();
            special.then_some('\\').into_iter().chain([c])
        })
        .collect()
}

fn matrix(message: &Message) -> Json {
    Json::object([
        // A notice wakes no bots, has no formatted body, and mentions nobody.
        ("msgtype", Json::from("m.notice")),
        ("body", message.text().as_str().into()),
        ("m.mentions", Json::object::<String>([])),
    ])
}

fn ntfy(message: &Message, topic: &str) -> Json {
    let facts = message.facts();
    let lines: Vec<String> =
        facts.iter().map(|(label, value)| format!("{label}: {value}")).collect();
    let text = if lines.is_empty() { message.title.to_owned() } else { lines.join("\n") };
    let alarm = message.kind == crate::outbound::EventKind::RecoveryAnnounced;
    let high = message.risk.as_deref().is_some_and(|risk| risk == "high" || risk == "critical");
    let priority: u32 = if alarm {
        5
    } else if high {
        4
    } else {
        3
    };
    Json::object([
        ("topic", Json::from(topic)),
        ("title", message.title.into()),
        ("message", text.as_str().into()),
        ("click", message.link.as_str().into()),
        ("priority", priority.into()),
        ("markdown", false.into()),
    ])
}

/// ntfy takes JSON at the root of the server, with the topic inside.
fn split_topic(url: &str) -> (String, String) {
    let trimmed = url.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((base, topic)) if !base.ends_with('/') => (format!("{base}/"), topic.to_owned()),
        _ => (url.to_owned(), "placet".to_owned()),
    }
}

/// Fills in `{{name}}` in all strings. The template was parsed before, so that no value can become
/// anything but a part of a string, and no value is looked at for further placeholders.
fn fill(json: &mut Json, values: &[(&'static str, String)]) {
    match json {
        Json::String(text) => *text = filled(text, values),
        Json::Array(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Json::Object(members) => members.iter_mut().for_each(|(_, value)| fill(value, values)),
        _ => {}
    }
}

fn filled(text: &str, values: &[(&'static str, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_placeholder(rest) {
        out.push_str(before);
        let value = values.iter().find(|(n, _)| *n == name);
        out.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

fn placeholders(json: &Json, names: &mut Vec<String>) {
    match json {
        Json::String(text) => {
            let mut rest = text.as_str();
            while let Some((_, name, after)) = next_placeholder(rest) {
                names.push(name.to_owned());
                rest = after;
            }
        }
        Json::Array(items) => items.iter().for_each(|item| placeholders(item, names)),
        Json::Object(members) => members.iter().for_each(|(_, v)| placeholders(v, names)),
        _ => {}
    }
}
