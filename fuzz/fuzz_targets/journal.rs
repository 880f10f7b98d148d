//! Headers of a ledger's journal: what is read is what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::journal::{Frame, SegmentHeader};

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = SegmentHeader::decode(data) {
        assert_eq!(data.get(..88), Some(header.encode().as_slice()));
    }
    let _ = Frame::claimed_len(data);
    // The checksum keeps a fuzzer from most of what is behind it; seeds are whole frames.
    if let Ok(frame) = Frame::decode(data, &[0; 32]) {
        assert_eq!(frame.encode(&[0; 32]), data);
    }
});
