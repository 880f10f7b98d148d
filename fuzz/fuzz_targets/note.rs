//! C2SP signed notes: one byte form each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::{Note, VerifierKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_bytes(), data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(key) = VerifierKey::parse(text) {
            assert_eq!(key.to_vkey(), text);
        }
    }
});
