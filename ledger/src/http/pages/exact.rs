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

fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut buffer = [0; 4];
    for c in text.chars() {
        let shown = render::escape(c.encode_utf8(&mut buffer));
        if shown.starts_with("\\u{") {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push_str(&shown);
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
}
