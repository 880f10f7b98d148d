//! The text that a person reads before signing, made from the bytes that are signed.
//!
//! A template says what comes first; below it always stands every member of the document, so that
//! no template can hide one. Strings that the agent wrote are in quotes and labelled; characters
//! that can't be seen, or that reorder the line, are shown as `\u{..}`.

use placet_proto::jcs;
use placet_proto::json::Json;

use crate::Error;

/// Language of the built-in texts, BCP 47.
pub const LOCALE: &str = "en";
/// Largest template, in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024;

/// What is shown where the policy brings no template of its own.
pub const DEFAULT_TEMPLATE: &str = "\
{kind}: {action.action.name} on {action.resource.type} {action.resource.id}
for {action.subject.type} {action.subject.id}
asked by {initiator.type} {initiator.id}
to be carried out by {audience}, not after {not_after}
";

/// Renders the text of an answer's document without `shown`. Lines end in one line feed.
///
/// In a template, `{a.b}` stands for the member `b` of the member `a` of the document.
///
/// # Errors
/// `json.*`, `jcs.*` when the bytes are not canonical JSON.
pub fn render(template: &str, document: &[u8]) -> Result<String, Error> {
    let json = jcs::parse_canonical(document)?;
    let mut out = String::new();
    for line in template.lines() {
        fill(line, &json, &mut out);
        out.push('\n');
    }
    out.push_str("\nEverything that is signed:\n");
    list(&json, "", &mut out);
    Ok(out)
}

/// Makes a string safe to show on one line: quotes, backslashes and every character that is not
/// plainly visible are escaped.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn fill(line: &str, json: &Json, out: &mut String) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((path, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let found = path.split('.').try_fold(json, |value, name| value.get(name));
        match found {
            Some(value) => out.push_str(&shown(path, value)),
            None => out.push_str("(none)"),
        }
        rest = tail;
    }
    out.push_str(rest);
}

fn list(value: &Json, path: &str, out: &mut String) {
    let join = |name: &str| match path {
        "" => escape(name),
        path => format!("{path}.{}", escape(name)),
    };
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                list(value, &join(name), out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (i, value) in items.iter().enumerate() {
                list(value, &join(&i.to_string()), out);
            }
        }
        value => {
            out.push_str(&format!("  {path} = {}\n", shown(path, value)));
        }
    }
}

/// A value, labelled when the agent chose it: the whole action is the agent's proposal, and so is
/// the media type of the bytes it wants to send.
fn shown(path: &str, value: &Json) -> String {
    match value {
        Json::String(text) if path.starts_with("action.") || path.starts_with("raw.") => {
            format!("\"{}\" (agent's words)", escape(text))
        }
        Json::String(text) => escape(text),
        value => jcs::to_string(value).chars().map(|c| escape(&c.to_string())).collect(),
    }
}

/// Control characters, white space other than the plain space, format characters, variation
/// selectors, fillers, tags, and what has no agreed appearance.
fn is_hidden(c: char) -> bool {
    c != ' ' && (c.is_control() || c.is_whitespace())
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
            | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0x10_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_and_every_member_are_shown_and_agent_words_labelled() {
        let document = br#"{"action":{"action":{"name":"del\nete"}},"kind":"approval","n":[1,{}]}"#;
        let text = render("{kind} {action.action.name} {nothing} {", document).unwrap();
        assert_eq!(
            text,
            "approval \"del\\u{a}ete\" (agent's words) (none) {\n\nEverything that is signed:\n  \
             action.action.name = \"del\\u{a}ete\" (agent's words)\n  kind = approval\n  n.0 = 1\n  \
             n.1 = {}\n"
        );
    }

    #[test]
    fn hidden_and_reordering_characters_are_escaped_and_escapes_can_t_be_forged() {
        let text = escape("a\u{202e}b\u{200b}c\u{e0041}d\u{a0}\\u{202e}\"");
        assert_eq!(text, "a\\u{202e}b\\u{200b}c\\u{e0041}d\\u{a0}\\\\u{202e}\\\"");
        assert_eq!(escape("Grüße, 世界 😀"), "Grüße, 世界 😀");
    }

    #[test]
    fn member_names_are_escaped_too() {
        let text = render("", "{\"a\u{202e}\":{\"\\n\":true}}".as_bytes()).unwrap();
        assert!(text.contains("a\\u{202e}.\\u{a} = true"), "{text}");
    }
}
