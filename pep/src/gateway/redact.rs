//! Members that are taken out of the API's answer: the obligation `redact`.
//!
//! An answer is read whole, as JSON, and written anew without them: at any depth, within arrays and
//! whatever is wrapped around or stands between, and whether or not the names are in capitals, so
//! that an API that says `{"data": [{"Email": …}]}` gives no more away than one that says
//! `{"email": …}`. What can't be read so is withheld.
//!
//! The text is cut along its members and never becomes a `serde_json::Value`: that takes some names
//! of members for its own notes (`$serde_json::private::…`), reads the texts in them as JSON, and
//! so has no bound to its depth. What stays has the bytes that the API sent.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Longest answer that is redacted, in bytes.
pub const MAX_ANSWER: usize = 1 << 20;
/// Deepest nesting of an answer that is redacted. Each level reads what is in it once more.
pub const MAX_DEPTH: usize = 64;
/// Headers that are about the bytes of the answer, which are others afterwards.
const OF_BYTES: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::ETAG, header::ACCEPT_RANGES, header::LAST_MODIFIED];
/// The same, of names that the crate does not know.
const OF_BYTES_TOO: [&str; 6] =
    ["content-md5", "digest", "content-digest", "repr-digest", "signature", "signature-input"];
const NO_JSON: &str = "it is no JSON in UTF-8";

/// Why an answer is withheld, in words that go on the record.
///
/// # Errors
/// What the head of the answer says against reading it.
pub fn readable(status: StatusCode, headers: &HeaderMap) -> Result<(), &'static str> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err("it is compressed");
    }
    if status == StatusCode::PARTIAL_CONTENT || headers.contains_key(header::CONTENT_RANGE) {
        return Err("it is a part of one");
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok());
    match (media_type, types.next()) {
        (Some(known), None) if !super::headers::is_json(known) => Err(NO_JSON),
        // Its names are values: `{"path": "/email", "value": …}`.
        (Some(known), None) if known.to_ascii_lowercase().contains("json-patch") => {
            Err("it is a patch")
        }
        (Some(_), None) => Ok(()),
        _ => Err(NO_JSON),
    }
}

/// The answer without these members.
///
/// # Errors
/// `it is no JSON` and the like, for the record.
pub fn redacted(body: &[u8], fields: &[Vec<String>]) -> Result<Bytes, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| NO_JSON)?;
    let value: &RawValue = serde_json::from_str(text).map_err(|_| NO_JSON)?;
    let paths: Vec<Path<'_>> = fields.iter().map(|names| Path { names, passed: 0 }).collect();
    let mut out = String::with_capacity(text.len());
    write(value, &paths, MAX_DEPTH, &mut out)?;
    Ok(Bytes::from(out))
}

/// Takes out what says something about other bytes.
pub fn clean(headers: &mut HeaderMap) {
    for name in OF_BYTES {
        headers.remove(name);
    }
    for name in OF_BYTES_TOO {
        headers.remove(name);
    }
}

/// Writes what is left of a value. `levels`: how many more there may be.
fn write(
    value: &RawValue,
    paths: &[Path<'_>],
    levels: usize,
    out: &mut String,
) -> Result<(), &'static str> {
    let text = value.get();
    let is_object = text.starts_with('{');
    if !is_object && !text.starts_with('[') {
        out.push_str(text);
        return Ok(());
    }
    let levels = levels.checked_sub(1).ok_or("it is nested too deeply")?;
    if !is_object {
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| NO_JSON)?;
        out.push('[');
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            write(item, paths, levels, out)?;
        }
        out.push(']');
        return Ok(());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).map_err(|_| NO_JSON)?;
    let mut separator = '{';
    for (name, member) in members {
        // Whatever one path takes out is gone.
        let Some(below) = paths.iter().map(|path| path.below(&name)).collect::<Option<Vec<_>>>()
        else {
            continue;
        };
        out.push(separator);
        separator = ',';
        out.push_str(&serde_json::to_string(&name).map_err(|_| "it can't be written")?);
        out.push(':');
        write(member, &below, levels, out)?;
    }
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
    Ok(())
}

/// The names on the way to a member, and how many of them were met above.
#[derive(Clone, Copy)]
struct Path<'p> {
    names: &'p [String],
    passed: usize,
}

impl Path<'_> {
    /// The same within a member of this name, or nothing if that is the one. Other names may stand
    /// between those of the path; a name with points stands for several.
    fn below(self, name: &str) -> Option<Self> {
        let parts = name.split('.').count();
        let mut passed = self.passed;
        for from in 0..=self.passed {
            let to = from.saturating_add(parts);
            let Some(names) = self.names.get(from..to) else { break };
            let mut both = names.iter().zip(name.split('.'));
            if both.all(|(own, part)| own.eq_ignore_ascii_case(part)) {
                if to == self.names.len() {
                    return None;
                }
                passed = passed.max(to);
            }
        }
        Some(Self { passed, ..self })
    }
}

/// Reads the members of an object, repeated ones too.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn fields(list: &[&str]) -> Vec<Vec<String>> {
        list.iter().map(|f| f.split('.').map(str::to_owned).collect()).collect()
    }

    fn done(body: &str, list: &[&str]) -> String {
        let out = redacted(body.as_bytes(), &fields(list)).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    }

    // SPEC.md R-10-149.
    #[test]
    fn members_go_wherever_they_stand_and_everything_else_stays() {
        for (body, list, left) in [
            (r#"{"id":1,"email":"a"}"#, &["email"][..], r#"{"id":1}"#),
            (r#"[{"email":"a"},{"email":"b"}]"#, &["email"], "[{},{}]"),
            (r#"{"data":[{"Email":"a","n":1e400}]}"#, &["email"], r#"{"data":[{"n":1e400}]}"#),
            (r#"{"email":"a","email":"b"}"#, &["email"], "{}"),
            (r#"{"a":{"b":1,"c":2},"b":3}"#, &["a.b"], r#"{"a":{"c":2},"b":3}"#),
            (r#"{"a":[{"b":1},[{"b":2}],4]}"#, &["a.b"], r#"{"a":[{},[{}],4]}"#),
            (r#"{"x":{"a":{"b":1}}}"#, &["a.b", "x.y"], r#"{"x":{"a":{}}}"#),
            (r#"{"n":12345678901234567890123}"#, &["m"], r#"{"n":12345678901234567890123}"#),
            ("\"email\"", &["email"], "\"email\""),
            // What an API wraps around, or writes as one name, hides nothing.
            (
                r#"{"a":{"data":[{"x":{"B":1,"c":2}}]}}"#,
                &["a.b"],
                r#"{"a":{"data":[{"x":{"c":2}}]}}"#,
            ),
            (r#"{"a.b":1,"x":{"A.B":2},"b":3,"b.a":4}"#, &["a.b"], r#"{"x":{},"b":3,"b.a":4}"#),
            (r#"{"a":{"b.c":1,"b":{"c":2},"c":3}}"#, &["a.b.c"], r#"{"a":{"b":{},"c":3}}"#),
            (r#"{"a.b":{"c":1},"a":{"b":{"b.c":2}}}"#, &["a.b.c"], r#"{"a.b":{},"a":{"b":{}}}"#),
            (" { \"a\\u0062\" : [ 1 , -0.0 ] } ", &["b"], r#"{"ab":[1,-0.0]}"#),
        ] {
            assert_eq!(done(body, list), left, "{body}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_not_let_pass() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for body in ["", "{", "{}{}", "\u{feff}{}", "{\"email\":\"a\"", deep.as_str()] {
            assert!(redacted(body.as_bytes(), &fields(&["email"])).is_err(), "{body:.20}");
        }
        assert!(redacted(b"{\"a\":\"\xff\"}", &fields(&["email"])).is_err());
        let with = |list: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in list {
                map.append(*name, value.parse().unwrap());
            }
            readable(StatusCode::OK, &map)
        };
        let json = ("content-type", "application/json");
        with(&[json]).unwrap();
        for bad in [
            &[][..],
            &[("content-type", "text/html")],
            &[("content-type", "application/json; charset=utf-16")],
            &[json, ("content-type", "text/html")],
            &[json, ("content-encoding", "gzip")],
            &[json, ("content-range", "bytes 0-1/2")],
            &[("content-type", "application/json-patch+json")],
        ] {
            assert!(with(bad).is_err(), "{bad:?}");
        }
        let whole = HeaderMap::from_iter([(header::CONTENT_TYPE, json.1.parse().unwrap())]);
        readable(StatusCode::NOT_FOUND, &whole).unwrap();
        assert!(readable(StatusCode::PARTIAL_CONTENT, &whole).is_err());
    }

    // SPEC.md R-10-149. Names by which serde_json's values note what they were.
    #[test]
    fn names_that_a_library_uses_are_names_like_others() {
        for text in [
            r#"{"a":{"$serde_json::private::Number":"5"}}"#,
            r#"{"$serde_json::private::RawValue":"{\"email\":1}"}"#,
            r#"{"$serde_json::private::RawValue":"[[["}"#,
        ] {
            assert_eq!(done(text, &["email"]), text);
        }
        // Texts in texts, sixty levels of sixty brackets each.
        let quote = |level: usize| match level {
            0 => "\"".to_owned(),
            n => format!("\\{}u0022", "u005c".repeat(n - 1)),
        };
        let (mut text, mut end) = (String::new(), String::new());
        for level in 0..60 {
            let q = quote(level);
            text += &format!("{}{{{q}$serde_json::private::RawValue{q}:{q}", "[".repeat(60));
            end = format!("{q}}}{}", "]".repeat(60)) + &end;
        }
        let text = format!("{text}1{end}");
        assert_eq!(done(&text, &["email"]), text);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<bool>().prop_map(Value::from), "[a-z]{0,4}".prop_map(Value::from)];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof![Just("email".to_owned()), Just("EMAIL".to_owned()), "[a-c]"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        // SPEC.md R-10-149.
        #[test]
        fn nothing_of_that_name_is_left(value in any_json()) {
            let out = redacted(value.to_string().as_bytes(), &fields(&["email"])).unwrap();
            let text = String::from_utf8(out.to_vec()).unwrap().to_ascii_lowercase();
            prop_assert!(!text.contains("\"email\":"), "{text}");
        }
    }
}
