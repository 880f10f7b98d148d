//! Key sets (RFC 7517): bounded, and a key is the same whichever way it is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::identity::jwk::Jwk;
use placet_fuzz::identity::key_set::Set;
use placet_proto::{jcs, json};

fuzz_target!(|data: &[u8]| {
    if let Ok(set) = Set::read(data) {
        assert!(set.certificates.len() <= 64);
        assert_eq!(Set::read(data), Ok(set));
    }
    if let Ok(value) = json::parse_limited(data, 65_536)
        && let Ok(key) = Jwk::read(&value)
    {
        assert_eq!(key.thumbprint().len(), 43);
        let again = json::parse(&jcs::to_bytes(&value)).expect("what we wrote");
        assert_eq!(Jwk::read(&again), Ok(key));
    }
});
