//! Answers of APIs: what is to be taken out is in none of them, and what is written can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::gateway::redact::redacted;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let fields = [vec!["email".to_owned()], vec!["id".to_owned(), "kind".to_owned()]];
    let Ok(out) = redacted(data, &fields) else { return };
    let value: Value = serde_json::from_slice(&out).expect("what was written");
    check(&value);
    assert_eq!(redacted(&out, &fields), Ok(out));
});

fn check(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(check),
        Value::Object(members) => {
            for (name, member) in members {
                assert!(!name.eq_ignore_ascii_case("email"));
                let kind = |(name, _): (&String, &Value)| name.eq_ignore_ascii_case("kind");
                if name.eq_ignore_ascii_case("id") {
                    assert!(!member.as_object().is_some_and(|of| of.iter().any(kind)));
                }
                check(member);
            }
        }
        _ => {}
    }
}
