//! The state of an audit: what is read is written the same way again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_verifier::audit::Saved;

fuzz_target!(|data: &[u8]| {
    if let Some(saved) = Saved::decode(data) {
        assert_eq!(Saved::decode(&saved.encode()), Some(saved));
    }
});
