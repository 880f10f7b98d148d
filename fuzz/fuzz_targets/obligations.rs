//! Obligations of an answer: none is lost, and what is not known is carried out by nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::gateway::duties::{Duties, FULFILS};
use placet_fuzz::obligations::{read, to_json, unfulfilled};
use placet_proto::json::{self, Json};

fuzz_target!(|data: &[u8]| {
    let Ok(context) = json::parse_limited(data, 65_536) else { return };
    let Ok(all) = read(&context) else { return };
    assert_eq!(read(&Json::object([("obligations", to_json(&all))])), Ok(all.clone()));
    if let Ok(duties) = Duties::read(&all) {
        assert!(unfulfilled(&all, &FULFILS).is_empty());
        assert!(duties.limits.iter().all(|limit| limit.count > 0 && limit.seconds > 0));
        assert!(duties.redacted.iter().flatten().all(|name| !name.is_empty()));
    }
});
