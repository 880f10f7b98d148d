//! Canonical JSON (RFC 8785, JCS): one value, one byte form.
//!
//! * [`to_bytes`] and [`to_string`] serialise a [`Json`]: no white space, members in the order of
//!   the UTF-16 code units of their names, numbers as ECMAScript writes them, strings with the
//!   shortest escapes.
//! * [`to_pretty`] writes the same over several lines, for people; nothing digests that.
//! * [`parse_canonical`] (and [`parse_canonical_limited`]) accept only bytes that already are that
//!   form, so that signed bytes have one reading and one spelling.

use std::cmp::Ordering;

use crate::{Error, json, json::Json};

/// The canonical form, as bytes (UTF-8).
#[must_use]
pub fn to_bytes(value: &Json) -> Vec<u8> {
    to_string(value).into_bytes()
}

/// The canonical form, as text.
#[must_use]
pub fn to_string(value: &Json) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// The canonical form with line breaks, two spaces for each level and one behind each colon: the
/// same value, for people to read. It is written from the value itself: a library that reads the
/// text again may take it for another.
#[must_use]
pub fn to_pretty(value: &Json) -> String {
    let mut out = String::new();
    write_pretty(value, "\n", &mut out);
    out
}

/// Parses bytes of at most [`json::MAX_BYTES`] that must be in canonical form.
///
/// # Errors
/// Any [`json::JsonError`]; [`JcsError::NotCanonical`] for JSON in any other form.
pub fn parse_canonical(bytes: &[u8]) -> Result<Json, Error> {
    parse_canonical_limited(bytes, json::MAX_BYTES)
}

/// Parses bytes of at most `limit` that must be in canonical form.
///
/// # Errors
/// As [`parse_canonical`].
pub fn parse_canonical_limited(bytes: &[u8], limit: usize) -> Result<Json, Error> {
    let value = json::parse_limited(bytes, limit)?;
    let canonical = to_bytes(&value);
    if canonical == bytes {
        return Ok(value);
    }
    let same = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(JcsError::NotCanonical(same).into())
}

/// Why bytes are not the canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JcsError {
    /// Acceptable JSON, but not in its RFC 8785 form.
    #[error("not canonical JSON (RFC 8785): differs from its canonical form at byte {0}")]
    NotCanonical(usize),
}

impl JcsError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotCanonical(_) => "jcs.not_canonical",
        }
    }
}

/// Appends the canonical form.
pub(crate) fn write(value: &Json, out: &mut String) {
    write_value(value, out);
}

/// Recursion is bounded for parsed values; those that our own code builds are shallow.
fn write_value(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => number.with_str(|text| out.push_str(text)),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => write_object(members, out),
    }
}

/// `line`: a line feed and the indentation of what encloses the value. Recursion as above.
fn write_pretty(value: &Json, line: &str, out: &mut String) {
    let inner = format!("{line}  ");
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                out.push_str(&inner);
                write_pretty(item, &inner, out);
            }
            out.push_str(line);
            out.push(']');
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('{');
            for (i, (name, value)) in sorted(members).into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                out.push_str(&inner);
                write_string(name, out);
                out.push_str(": ");
                write_pretty(value, &inner, out);
            }
            out.push_str(line);
            out.push('}');
        }
        one => write_value(one, out),
    }
}

fn sorted(members: &[(String, Json)]) -> Vec<&(String, Json)> {
    let mut sorted: Vec<&(String, Json)> = members.iter().collect();
    // What was canonical already needs no sorting, and that is most of what there is.
    if !members.is_sorted_by(|(a, _), (b, _)| compare(a, b).is_lt()) {
        sorted.sort_by(|(a, _), (b, _)| compare(a, b));
    }
    sorted
}

fn write_object(members: &[(String, Json)], out: &mut String) {
    out.push('{');
    for (i, (name, value)) in sorted(members).into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

/// Code units, not code points: they differ above U+FFFF (RFC 8785 3.2.3). Among ASCII they are the
/// bytes.
fn compare(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // What stands for itself is copied in one piece.
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        chars.next().into_iter().for_each(|c| write_escape(c, out));
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        _ => {
            out.push_str("\\u00");
            let digits = [u32::from(c) >> 4, u32::from(c) & 0xf];
            out.extend(digits.iter().filter_map(|&digit| char::from_digit(digit, 16)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Number, parse};
    use proptest::prelude::*;

    #[test]
    fn what_people_read_is_the_same_value() {
        let text = r#"{"b":[1,[],{"x":{}}],"a":{"$serde_json::private::RawValue":"{\"n\":1}"}}"#;
        let value = parse(text.as_bytes()).unwrap();
        let pretty = to_pretty(&value);
        assert_eq!(
            pretty,
            "{\n  \"a\": {\n    \"$serde_json::private::RawValue\": \"{\\\"n\\\":1}\"\n  },\n  \
             \"b\": [\n    1,\n    [],\n    {\n      \"x\": {}\n    }\n  ]\n}"
        );
        assert_eq!(to_string(&parse(pretty.as_bytes()).unwrap()), to_string(&value));
    }

    fn canonical(text: &str) -> String {
        to_string(&parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn rfc_8785_section_3_2_sample() {
        // The RFC's own first number, 333333333.33333329, is not exact and thus refused here; its
        // double is written 333333333.3333333.
        let sample = r#"{
          "numbers": [333333333.3333333, 1E30, 4.50,
                      2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        let hex_3_2_4 = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d6265\
            7273223a5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32\
            375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d";
        assert_eq!(hex::encode(canonical(sample)), hex_3_2_4);
        let original = sample.replace("333333333.3333333", "333333333.33333329");
        assert_eq!(parse(original.as_bytes()).unwrap_err().code(), "json.number");
    }

    #[test]
    fn rfc_8785_section_3_2_3_sorting() {
        let text = r#"{
          "\u20ac": "Euro Sign",
          "\r": "Carriage Return",
          "\ufb33": "Hebrew Letter Dalet With Dagesh",
          "1": "One",
          "\ud83d\ude00": "Emoji: Grinning Face",
          "\u0080": "Control",
          "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        let canonical = canonical(text);
        let value = parse(canonical.as_bytes()).unwrap();
        let order: Vec<_> =
            value.as_object().unwrap().iter().map(|(_, v)| v.as_str().unwrap()).collect();
        assert_eq!(
            order,
            [
                "Carriage Return",
                "One",
                "Control",
                "Latin Small Letter O With Diaeresis",
                "Euro Sign",
                "Emoji: Grinning Face",
                "Hebrew Letter Dalet With Dagesh",
            ]
        );
    }

    #[test]
    fn rfc_8785_appendix_b_numbers() {
        for (bits, text) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4340_0000_0000_0001, "9007199254740994"),
            (0x4340_0000_0000_0002, "9007199254740996"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let number = Number::parse(text).expect(text);
            assert_eq!(number.to_string(), text);
            assert_eq!(number.as_f64().to_bits(), bits, "{text}");
        }
        // Row 2 of the table: minus zero is written 0, so it cannot be read back, and is refused.
        assert!(Number::parse("-0").is_none());
    }

    // SPEC.md R-2.2-1.
    #[test]
    fn parse_canonical_takes_one_spelling() {
        let text = r#"{"a":[1,"ü"],"b":{"c":null}}"#;
        assert_eq!(to_string(&parse_canonical(text.as_bytes()).unwrap()), text);
        for (other, at) in [
            (r#"{"b":1,"a":1}"#, 2),
            (r#"{ "a":1}"#, 1),
            (r#"[1.0]"#, 2),
            (r#"["\u00fc"]"#, 2),
            (r#"["\/"]"#, 2),
            (r#"["\u000A"]"#, 3),
            ("[1]\n", 3),
        ] {
            let error = parse_canonical(other.as_bytes()).unwrap_err();
            assert_eq!(error, JcsError::NotCanonical(at).into(), "{other}");
            assert_eq!(error.code(), "jcs.not_canonical");
        }
        assert_eq!(parse_canonical(b"{").unwrap_err().code(), "json.syntax");
        assert_eq!(parse_canonical_limited(b"[1]", 2).unwrap_err().code(), "json.limit");
    }

    #[test]
    fn strings_use_the_shortest_escapes() {
        let every_control: String = (0_u8..=0x20).chain([0x7f]).map(char::from).collect();
        let written = to_string(&Json::String(every_control.clone()));
        assert!(written.starts_with(r#""\u0000\u0001"#) && written.contains(r"\u001f"));
        assert!(written.contains(r"\b\t\n\u000b\f\r\u000e") && written.ends_with(" \u{7f}\""));
        assert_eq!(parse(written.as_bytes()).unwrap().as_str(), Some(every_control.as_str()));
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let number = any::<f64>().prop_filter_map("exact", |double| {
            double.is_finite().then(|| Number::parse(ryu_js::Buffer::new().format(double)))?
        });
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            number.prop_map(Json::Number),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
                proptest::collection::vec((any::<String>(), inner), 0..5).prop_map(Json::object),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_form_is_a_fixed_point(value in any_json()) {
            let bytes = to_bytes(&value);
            let again = parse_canonical(&bytes).expect("our own output");
            prop_assert_eq!(to_bytes(&again), bytes.clone());
            // serde_json reads the same value, so that nothing hangs on our own parser.
            let theirs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let pretty = serde_json::to_vec_pretty(&theirs).unwrap();
            prop_assert_eq!(to_bytes(&parse(&pretty).unwrap()), bytes);
        }
    }
}
