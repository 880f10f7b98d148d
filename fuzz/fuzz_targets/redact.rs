//! Answers of APIs: what is to be taken out is in none of them, and what is written can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::gateway::redact::redacted;
use placet_proto::json::{self, Json};

fuzz_target!(|data: &[u8]| {
    let fields = [vec!["email".to_owned()], vec!["id".to_owned(), "kind".to_owned()]];
    let Ok(out) = redacted(data, &fields) else { return };
    assert_eq!(redacted(&out, &fields), Ok(out.clone()));
    // Never a `serde_json::Value`, which takes some names for its own. What has a member twice or a
    // number without an exact double is not looked into.
    if let Ok(value) = json::parse(&out) {
        check(&value, false);
    }
});

fn check(value: &Json, within: bool) {
    for item in value.as_array().unwrap_or_default() {
        check(item, within);
    }
    for (name, member) in value.as_object().unwrap_or_default() {
        let name = name.to_ascii_lowercase();
        assert!(name != "email" && name != "id.kind");
        assert!(!within || name != "kind");
        check(member, within || name == "id");
    }
}
