//! SPIFFE IDs: what is read has one spelling, a trust domain and a path without tricks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::identity::spiffe::{SpiffeId, certificate_id};

fuzz_target!(|data: &[u8]| {
    // The names of a certificate, whatever it is.
    let _ = certificate_id(&data.to_vec().into());
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = SpiffeId::parse(text) {
        assert_eq!(id.as_str(), text);
        let path = text.strip_prefix(&format!("spiffe://{}/", id.domain())).expect("its domain");
        assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | "..")));
        assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"%?#@\\".contains(&b)));
    }
});
