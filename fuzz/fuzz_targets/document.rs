//! Documents of every kind: what is accepted is byte for byte what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::document::Document;

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = Document::parse(data) {
        let again = Document::new(document.nonce, document.body.clone()).expect("what was read");
        assert_eq!(again.bytes(), data);
    }
});
