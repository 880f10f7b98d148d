//! Times (RFC 3339): one form each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::time::{Fraction, UnixSeconds};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(time) = UnixSeconds::parse(text) {
        assert_eq!(time.to_string(), text);
    }
    let _ = UnixSeconds::parse_tolerant(text, Fraction::Truncate);
});
