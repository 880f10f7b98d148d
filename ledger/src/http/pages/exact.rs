//! JSON for reading: indented, and with every character that can't be seen written as an escape, so
//! that what is read is what is there. It parses to the same value.

use placet_proto::jcs;
use placet_proto::json::Json;

use crate::service::render;

/// The text of a value.
pub fn exact(value: &Json) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

fn write(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            out.push_str("{\n");
            for (i, (name, member)) in members.iter().enumerate() {
                indent(depth.saturating_add(1), out);
                string(name, out);
                out.push_str(": ");
                write(member, depth.saturating_add(1), out);
                out.push_str(if i.saturating_add(1) < members.len() { ",\n" } else { "\n" });
            }
            indent(depth, out);
            out.push('}');
        }
        Json::Array(items) if !items.is_empty() => {
            out.push_str("[\n");
            for (i, item) in items.iter().enumerate() {
                indent(depth.saturating_add(1), out);
                write(item, depth.saturating_add(1), out);
                out.push_str(if i.saturating_add(1) < items.len() { ",\n" } else { "\n" });
            }
            indent(depth, out);
            out.push(']');
        }
        Json::String(text) => string(text, out),
        other => out.push_str(&jcs::to_string(other)),
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Text with every character that can't be seen written as JSON's `\uXXXX`.
pub fn visible(text: &str) -> String {
    let mut out = String::new();
    for (c, plain) in render::characters(text) {
        if plain {
            out.push(c);
        } else {
            escaped(c, &mut out);
        }
    }
    out
}

/// Longest part, in characters: shorter than a small screen.
const MAX_PART: usize = 480;
/// Most lines of a part.
const MAX_LINES: usize = 12;

/// Cuts a text into parts of less than a screen each, so that a page can tell which of them have
/// been on it.
pub fn chunks(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let by_length = rest.char_indices().nth(MAX_PART).map_or(rest.len(), |(at, _)| at);
        let lines = rest.match_indices('\n').nth(MAX_LINES.saturating_sub(1));
        let by_lines = lines.map_or(rest.len(), |(at, _)| at.saturating_add(1));
        let Some((part, after)) = rest.split_at_checked(by_length.min(by_lines)) else { break };
        parts.push(part);
        rest = after;
    }
    parts
}

fn escaped(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for (c, plain) in render::characters(text) {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if !plain => escaped(c, out),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;

    #[test]
    fn hidden_characters_show_and_the_value_stays_the_same() {
        let text =
            r#"{"a":["x\u202ey\u200b\"\\\n",1.5,true,null,{},[]],"\ud83d\ude00\udb40\udc41":"é"}"#;
        let value = json::parse(text.as_bytes()).unwrap();
        let shown = exact(&value);
        assert_eq!(json::parse(shown.as_bytes()).unwrap(), value);
        assert!(shown.contains(r#""x\u202ey\u200b\"\\\u000a""#), "{shown}");
        assert!(shown.contains("😀\\udb40\\udc41"), "{shown}");
        assert!(shown.starts_with("{\n  \"a\": [\n    \"x"), "{shown}");
    }

    #[test]
    fn parts_are_short_and_make_the_whole() {
        for text in ["", "a", &"é".repeat(2000), &"line\n".repeat(100), &"\n".repeat(40)] {
            let parts = chunks(text);
            assert_eq!(parts.concat(), *text);
            for part in parts {
                assert!(part.chars().count() <= MAX_PART && part.lines().count() <= MAX_LINES);
            }
        }
    }

    #[test]
    fn text_outside_of_json_shows_what_is_hidden_too() {
        assert_eq!(visible("a\u{202e}\u{e0041}é"), "a\\u202e\\udb40\\udc41é");
    }
}
