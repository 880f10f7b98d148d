//! Members that are taken out of the API's answer: the obligation `redact`.
//!
//! An answer is read whole, as JSON, and written anew without them: at any depth, within arrays and
//! whatever is wrapped around, and whether or not the names are in capitals, so that an API that
//! says `{"data": [{"Email": …}]}` gives no more away than one that says `{"email": …}`. What can't
//! be read so is withheld.

use axum::body::Bytes;
use axum::http::header::{self, HeaderMap, HeaderName};
use serde_json::Value;

/// Longest answer that is redacted, in bytes.
pub const MAX_ANSWER: usize = 1 << 20;
/// Headers that are about the bytes of the answer, which are others afterwards.
const OF_BYTES: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::ETAG, header::ACCEPT_RANGES, header::LAST_MODIFIED];
/// The same, of names that the crate does not know.
const OF_BYTES_TOO: [&str; 6] =
    ["content-md5", "digest", "content-digest", "repr-digest", "signature", "signature-input"];

/// Why an answer is withheld, in words that go on the record.
///
/// # Errors
/// What the head of the answer says against reading it.
pub fn readable(headers: &HeaderMap) -> Result<(), &'static str> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err("it is compressed");
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err("it is a part of one");
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types.next().and_then(|value| value.to_str().ok());
    match (media_type.is_some_and(super::headers::is_json), types.next()) {
        (true, None) => Ok(()),
        _ => Err("it is no JSON in UTF-8"),
    }
}

/// The answer without these members.
///
/// # Errors
/// `it is no JSON` and the like, for the record.
pub fn redacted(body: &[u8], fields: &[Vec<String>]) -> Result<Bytes, &'static str> {
    let mut value: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON in UTF-8")?;
    redact(&mut value, fields);
    serde_json::to_vec(&value).map(Bytes::from).map_err(|_| "it can't be written")
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

/// The depth is that of what was parsed, 128 at most.
fn redact(value: &mut Value, fields: &[Vec<String>]) {
    for field in fields {
        remove(value, field);
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, fields)),
        Value::Object(members) => members.values_mut().for_each(|member| redact(member, fields)),
        _ => {}
    }
}

/// Takes out the member at this path, counted from here.
fn remove(value: &mut Value, path: &[String]) {
    let Some((name, rest)) = path.split_first() else { return };
    match value {
        Value::Object(members) if rest.is_empty() => {
            members.retain(|known, _| !known.eq_ignore_ascii_case(name));
        }
        Value::Object(members) => {
            let named = members.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            named.for_each(|(_, member)| within(member, rest));
        }
        _ => {}
    }
}

/// As [`remove`], of each item where there are several.
fn within(value: &mut Value, path: &[String]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, path)),
        one => remove(one, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            (r#"{"data":[{"Email":"a","n":1e400}]}"#, &["email"], r#"{"data":[{"n":1e+400}]}"#),
            (r#"{"email":"a","email":"b"}"#, &["email"], "{}"),
            (r#"{"a":{"b":1,"c":2},"b":3}"#, &["a.b"], r#"{"a":{"c":2},"b":3}"#),
            (r#"{"a":[{"b":1},[{"b":2}],4]}"#, &["a.b"], r#"{"a":[{},[{}],4]}"#),
            (r#"{"x":{"a":{"b":1}}}"#, &["a.b", "x.y"], r#"{"x":{"a":{}}}"#),
            (r#"{"n":12345678901234567890123}"#, &["m"], r#"{"n":12345678901234567890123}"#),
            ("\"email\"", &["email"], "\"email\""),
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
            readable(&map)
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
        ] {
            assert!(with(bad).is_err(), "{bad:?}");
        }
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
