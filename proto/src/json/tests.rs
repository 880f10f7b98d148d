use super::*;
use proptest::prelude::*;

fn code(text: impl AsRef<[u8]>) -> &'static str {
    match parse(text.as_ref()) {
        Ok(value) => panic!("accepted as {value:?}"),
        Err(e) => e.code(),
    }
}

fn number(literal: &str) -> String {
    match parse(literal.as_bytes()) {
        Ok(Json::Number(number)) => number.to_string(),
        other => panic!("{literal}: {other:?}"),
    }
}

#[test]
fn reads_every_kind_of_value() {
    let text = " { \"a\" : [ 1 , -2.5 , true , false , null , \"\\u00fc\\ud83d\\ude00\\/\\\"\\b\\f\\n\\r\\t\\\\\" ] , \"b\" : { } , \"c\":[ ] } ";
    let value = parse(text.as_bytes()).unwrap();
    let items = value.get("a").unwrap().as_array().unwrap();
    assert_eq!((items[0].as_u64(), items[0].as_i64()), (Some(1), Some(1)));
    assert_eq!((items[1].as_u64(), items[1].as_i64()), (None, None));
    assert_eq!(items[1], Json::Number(Number::parse("-2.5").unwrap()));
    assert_eq!((items[2].as_bool(), items[3].as_bool()), (Some(true), Some(false)));
    assert!(items[4].is_null());
    assert_eq!(items[5].as_str(), Some("ü😀/\"\u{8}\u{c}\n\r\t\\"));
    assert_eq!(value.get("b").unwrap().as_object(), Some(&[][..]));
    assert_eq!(value.get("c").unwrap().as_array(), Some(&[][..]));
    assert_eq!(value.get("d"), None);
}

// SPEC.md R-2.1-6.
#[test]
fn numbers_are_exact_or_refused() {
    for (literal, canonical) in [
        ("0", "0"),
        ("0.0", "0"),
        ("0e99999999999999999999", "0"),
        ("1.0", "1"),
        ("1e2", "100"),
        ("100E-2", "1"),
        ("0.1", "0.1"),
        ("4.50", "4.5"),
        ("1E30", "1e+30"),
        ("2e-3", "0.002"),
        ("0.000000000000000000000000001", "1e-27"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740994", "9007199254740994"),
        ("-9007199254740992", "-9007199254740992"),
        ("100000000000000000000", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ] {
        assert_eq!(number(literal), canonical, "{literal}");
    }
    for inexact in [
        "100.00000000000000001",
        "-0",
        "-0.0",
        "-0e5",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "9007199254740993",
        "333333333.33333329",
        "0.1000000000000000055511151231257827",
        "2.4703282292062328e-324",
        "18446744073709551615",
    ] {
        assert_eq!(code(inexact), "json.number", "{inexact}");
    }
    for no_number in ["01", "-", "+1", ".5", "1.", "1.e2", "1e", "1e+", "--1", "1-2", "NaN"] {
        assert_eq!(code(no_number), "json.syntax", "{no_number}");
    }
}

// SPEC.md R-2.1-1, R-2.1-2, R-2.1-3, R-2.1-4.
#[test]
fn refuses_what_has_two_readings() {
    assert_eq!(code(r#"{"a":1,"a":1}"#), "json.duplicate_key");
    assert_eq!(code(r#"{"a":1,"b":2,"\u0061":3}"#), "json.duplicate_key");
    assert_eq!(code(r#"[{"x":{"":1,"":2}}]"#), "json.duplicate_key");
    for lone in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800x""#, r#""\ud800\n""#]
    {
        assert_eq!(code(lone), "json.surrogate", "{lone}");
    }
    assert_eq!(code(b"\"\xff\""), "json.utf8");
    assert_eq!(code(b"\"\xed\xa0\x80\""), "json.utf8");
    assert_eq!(code(b"\xef\xbb\xbf1"), "json.utf8");
    for trailing in ["1 2", "{}x", "[]]", "null\0", "\"\"\"", "truefalse", "0x1"] {
        assert_eq!(code(trailing), "json.trailing", "{trailing}");
    }
    for syntax in [
        "",
        " ",
        "[1,]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "'a'",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "\"\0\"",
        "tru",
        "[",
        "{",
        "\u{a0}1",
        "//\n1",
        "Infinity",
    ] {
        assert_eq!(code(syntax), "json.syntax", "{syntax:?}");
    }
}

// SPEC.md R-2.1-5, R-12-1.
#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    parse(nested(MAX_DEPTH).as_bytes()).unwrap();
    assert_eq!(code(nested(MAX_DEPTH + 1)), "json.depth");
    assert_eq!(code("{\"a\":".repeat(500_000)), "json.limit");
    assert_eq!(code("{\"a\":".repeat(100_000)), "json.depth");
    assert_eq!(code("[".repeat(MAX_BYTES + 1)), "json.limit");
    assert_eq!(parse_limited(b"\"abc\"", 4), Err(JsonError::Limit { size: 5, limit: 4 }));
    parse_limited(b"\"abc\"", 5).unwrap();
}

#[test]
fn builds_objects_with_unique_names() {
    let mut value = Json::object([("a", Json::from(1)), ("b", "x".into()), ("a", true.into())]);
    assert_eq!(value, parse(br#"{"a":true,"b":"x"}"#).unwrap());
    assert_eq!(value.remove("a"), Some(Json::Bool(true)));
    assert_eq!(value.remove("a"), None);
    value.insert("b", vec![Json::Null].into());
    assert_eq!(value, parse(br#"{"b":[null]}"#).unwrap());
    assert_eq!(Json::try_from(1_u64 << 53).unwrap().as_u64(), Some(1 << 53));
    assert_eq!(Json::try_from((1_u64 << 53) + 1).unwrap_err().code(), "json.number");
}

proptest! {
    #[test]
    fn every_double_survives_its_own_text(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite() && double.to_bits() != (-0.0_f64).to_bits());
        let text = ryu_js::Buffer::new().format_finite(double).to_owned();
        let number = Number::parse(&text).expect("its own text is exact");
        prop_assert_eq!(number.as_f64().to_bits(), double.to_bits());
        prop_assert_eq!(number.to_string(), text);
    }

    #[test]
    fn integers_are_accepted_exactly_if_a_double_holds_them(value in any::<u64>(), shift in 0..64) {
        let value = value >> shift;
        // ECMAScript writes at most 17 significant digits, which can differ from the double's
        // exact value beyond 2^53: only those that agree are accepted.
        let accepted = Json::try_from(value);
        if value <= 1 << 53 {
            prop_assert_eq!(accepted.unwrap().as_u64(), Some(value));
        } else if let Ok(json) = accepted {
            prop_assert_eq!(json.as_u64(), Some(value));
        }
    }

    #[test]
    fn what_we_accept_serde_json_accepts_too(text in "[ \\[\\]{}:,\"a1.e\\-\\\\u0dn]{0,24}") {
        if parse(text.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = parse(&bytes) {
            let again = crate::jcs::to_bytes(&value);
            prop_assert_eq!(crate::jcs::to_bytes(&parse(&again).unwrap()), again);
        }
    }
}

/// The short way for integers gives what the long way gives.
#[test]
fn short_integers_are_their_own_canonical_form() {
    for literal in ["0", "1", "9", "10", "999999999999999"] {
        assert_eq!(Number::parse(literal).unwrap().to_string(), literal);
        let double: f64 = literal.parse().unwrap();
        assert_eq!(ryu_js::Buffer::new().format_finite(double), literal);
    }
    for (literal, code) in [
        ("00", "json.syntax"),
        ("01", "json.syntax"),
        ("-0", "json.number"),
        ("9007199254740993", "json.number"),
    ] {
        assert_eq!(parse(literal.as_bytes()).unwrap_err().code(), code, "{literal}");
    }
}

/// What a value takes is bounded by its text: 32 bytes for each, and none for what is not there.
/// Two bytes of text make the smallest member of a list.
#[test]
fn values_take_no_more_room_than_they_need() {
    assert_eq!(size_of::<Json>(), 32);
    let Json::Array(items) = parse(br#"[[0],{"":0},[],0]"#).unwrap() else { panic!("a list") };
    assert_eq!(items.capacity(), 4);
    let (Json::Array(one), Json::Object(member)) = (&items[0], &items[1]) else { panic!("both") };
    assert_eq!((one.capacity(), member.capacity()), (1, 1));
}
