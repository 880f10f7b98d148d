//! Tokens of others (RFC 7515): one spelling each, and never an algorithm without a public key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::identity::jws::Jws;
use placet_proto::b64;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(jws) = Jws::read(text) {
        let parts: Vec<&str> = text.split('.').collect();
        assert_eq!(parts.len(), 3);
        for part in parts {
            let decoded = b64::decode_url(part, text.len()).expect("it was decoded before");
            assert_eq!(b64::encode_url(decoded), part);
        }
        let named = jws.header.get("alg").and_then(|alg| alg.as_str()).expect("it has one");
        assert!(named != "none" && !named.starts_with("HS"));
        assert!(jws.header.get("crit").is_none());
    }
});
