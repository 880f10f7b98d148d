//! Text from evidence on its way to a terminal: whatever could steer the terminal, hide or reorder
//! what is read, or pass for a blank, is written as `\u{…}`.

use placet_proto::hidden::is_hidden;

/// Escapes text that somebody else wrote, for one line of output.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Escapes serialised JSON, which stays the same JSON value: what is deceptive can only stand in
/// its strings. Line feeds between its tokens stay.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal_or_hides() {
        for (text, shown) in [
            ("plain ü 漢", "plain ü 漢"),
            ("\u{1b}[2J\r\u{7}", "\\u{1b}[2J\\u{d}\\u{7}"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\u{200b}\u{feff}\u{ad}b", "a\\u{200b}\\u{feff}\\u{ad}b"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{e0041}\u{fe0f}\u{3164}\u{a0}", "\\u{e0041}\\u{fe0f}\\u{3164}\\u{a0}"),
            ("\\u{41}\n", "\\\\u{41}\\u{a}"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let text = "{\n  \"a\\\\\": \"\u{202e}\u{7f}\u{e0041}ü\"\n}";
        let escaped = json(text);
        assert!(!escaped.contains(|c| c != '\n' && is_hidden(c)), "{escaped}");
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(&escaped), parse(text));
    }
}
