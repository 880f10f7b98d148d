//! C2SP add-checkpoint requests, and the size that a witness answers with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::{AddCheckpoint, witness::parse_size_body};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(request.to_bytes().expect("what was read"), data);
    }
    let _ = parse_size_body(data);
});
