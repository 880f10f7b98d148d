//! Evidence bundles, with the seal put right so that the fuzzer gets past it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{bundle::Bundle, sha256};

fuzz_target!(|data: &[u8]| {
    let _ = Bundle::parse(data);
    let mut sealed = data.to_vec();
    sealed.extend_from_slice(&[0x58, 0x20]);
    let seal = sha256(&sealed);
    sealed.extend_from_slice(&seal);
    if let Ok(bundle) = Bundle::parse(&sealed) {
        assert_eq!(bundle.encode(), sealed);
    }
});
