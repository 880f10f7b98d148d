//! Actions: the digest survives the way through a document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{action::Action, json};

fuzz_target!(|data: &[u8]| {
    let Ok(value) = json::parse(data) else { return };
    if let Ok(action) = Action::from_request(&value) {
        let again = Action::from_document(&action.to_json()).expect("what we wrote");
        assert_eq!(again.digest(), action.digest());
        let _ = action.binding_hash(&["jti"]);
    }
});
