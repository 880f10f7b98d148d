//! The text that a person reads before signing, made from the bytes that are signed.
//!
//! A template says what comes first; below it always stands every member of the document, so that
//! no template can hide one. Strings that the agent wrote are in quotes and labelled; characters
//! that can't be seen, or that reorder the line, are shown as `\u{..}`.

use placet_proto::hidden::is_hidden;
use placet_proto::jcs;
use placet_proto::json::Json;
use unicode_normalization::char::is_combining_mark;

use super::Refusal;
use crate::Error;

/// Language of the built-in texts, BCP 47.
pub const LOCALE: &str = "en";
/// Largest template, in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024;
/// Largest text, in bytes. Every member stands on a line of its own with its whole path, so that
/// an action of 64 KiB could be made to fill gigabytes.
pub const MAX_TEXT: usize = 1024 * 1024;
/// Most marks on one character: writing systems need up to three.
const MAX_MARKS: usize = 4;
/// What stands between the words of the template and the list of all members.
const EVERYTHING: &str = "\nEverything that is signed:\n";

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
/// `json.*`, `jcs.*` when the bytes are not canonical JSON; `request.invalid` for a text that is
/// longer than [`MAX_TEXT`].
pub fn render(template: &str, document: &[u8]) -> Result<String, Error> {
    let json = jcs::parse_canonical(document)?;
    let mut out = String::new();
    for line in template.lines() {
        fill(line, &json, &mut out)?;
        out.push('\n');
    }
    out.push_str(EVERYTHING);
    list(&json, "", &mut out)?;
    Ok(out)
}

/// The words of the template in a text that [`render`] made, without the list of all members.
#[must_use]
pub fn said(text: &str) -> &str {
    // Nothing in the list holds a line feed: the last heading is the real one.
    text.rsplit_once(EVERYTHING).map_or(text, |(said, _)| said)
}

/// Whether a text that somebody else made ends in the list of all members of this document, which
/// is an answer's without `shown`.
///
/// # Errors
/// Those of [`render`].
pub fn lists_all(text: &str, document: &[u8]) -> Result<bool, Error> {
    Ok(text.ends_with(&render("", document)?))
}

fn bounded(out: &str) -> Result<(), Error> {
    match out.len() <= MAX_TEXT {
        true => Ok(()),
        false => Err(Refusal::Invalid("the text to be read is longer than 1 MiB").into()),
    }
}

/// Makes a string safe to show on one line: quotes, backslashes and every character that is not
/// plainly visible are escaped.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (c, plain) in characters(text) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if !plain => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A line of a longer text that is shown as such: characters that are not plainly visible are
/// escaped, and nothing else, but for the tabs of its indentation.
#[must_use]
pub fn reveal(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for (c, plain) in characters(line) {
        match c {
            '\t' => out.push_str("    "),
            c if !plain => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The characters of a text, each with whether it can be shown as it is. Of the marks that stand on
/// one character the first few can: more of them would cover the lines around it.
pub fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    // A mark at the beginning would stand on what is not of the text.
    let mut marks = MAX_MARKS;
    text.chars().map(move |c| {
        let hidden = is_hidden(c);
        marks = match () {
            () if hidden => MAX_MARKS,
            () if is_combining_mark(c) => marks.saturating_add(1),
            () => 0,
        };
        (c, !hidden && marks <= MAX_MARKS)
    })
}

fn fill(line: &str, json: &Json, out: &mut String) -> Result<(), Error> {
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
        bounded(out)?;
        rest = tail;
    }
    out.push_str(rest);
    bounded(out)
}

fn list(value: &Json, path: &str, out: &mut String) -> Result<(), Error> {
    let join = |name: &str| match path {
        "" => escape(name),
        path => format!("{path}.{}", escape(name)),
    };
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                list(value, &join(name), out)?;
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (i, value) in items.iter().enumerate() {
                list(value, &join(&i.to_string()), out)?;
            }
        }
        value => {
            out.push_str(&format!("  {path} = {}\n", shown(path, value)));
        }
    }
    bounded(out)
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
        assert_eq!(escape("\u{600}\u{110bd}\u{13430}\u{ffff}").matches("\\u{").count(), 4);
        assert_eq!(escape("Grüße, 世界 😀"), "Grüße, 世界 😀");
        for usual in ["e\u{301}\u{323}", "שִׁלּ֖", "ที่นี่", "क्षि"] {
            assert_eq!(escape(usual), usual);
        }
        let flood = format!("Z{}", "\u{301}".repeat(9));
        assert_eq!(escape(&flood).matches("\\u{301}").count(), 9 - MAX_MARKS);
        assert_eq!(escape("\u{336}x\u{200b}\u{336}"), "\\u{336}x\\u{200b}\\u{336}");
    }

    #[test]
    fn no_action_makes_a_text_that_fills_the_memory() {
        // 60 KiB of JSON, within the limit of an action: 15,000 lines of 30,000 bytes.
        let name = "k".repeat(30_000);
        let document = format!("{{\"{name}\":[{}0]}}", "0,".repeat(15_000));
        assert!(document.len() < 64 * 1024);
        let error = render("", document.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "request.invalid");
        // Nor does a template that repeats a large value.
        let document = format!("{{\"a\":\"{}\"}}", "x".repeat(60_000));
        let error = render(&"{a}".repeat(5000), document.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "request.invalid");
        render("{a}", document.as_bytes()).unwrap();
    }

    #[test]
    fn the_words_of_the_template_end_where_the_list_begins() {
        let document = br#"{"a":"x\n\nEverything that is signed:\n  a = y"}"#;
        let text = render("first\n\nEverything that is signed:\nsecond", document).unwrap();
        let said = "first\n\nEverything that is signed:\nsecond\n";
        assert_eq!(super::said(&text), said);
        assert!(lists_all(&text, document).unwrap());
        assert!(!lists_all(&text, br#"{"a":"y"}"#).unwrap());
        assert!(!lists_all("Nothing of importance.\n", document).unwrap());
    }

    #[test]
    fn member_names_are_escaped_too() {
        let text = render("", "{\"a\u{202e}\":{\"\\n\":true}}".as_bytes()).unwrap();
        assert!(text.contains("a\\u{202e}.\\u{a} = true"), "{text}");
    }
}
