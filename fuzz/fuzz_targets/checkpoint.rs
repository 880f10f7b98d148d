//! C2SP checkpoints: one form each, signed or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::{Checkpoint, Cosignature, SignedCheckpoint};

fuzz_target!(|data: &[u8]| {
    if let Ok(signed) = SignedCheckpoint::parse(data) {
        assert_eq!(signed.into_note().to_bytes(), data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.to_text(), text);
        }
    }
    if let Ok(cosignature) = Cosignature::parse(data) {
        assert_eq!(cosignature.to_bytes(), data);
    }
});
