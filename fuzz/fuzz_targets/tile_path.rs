//! C2SP tile paths: one form each; tiles and entry bundles of any width.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::{
    TileId,
    tile::{encode_bundle, parse_bundle, parse_tile},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(tile) = text.parse::<TileId>() {
            assert_eq!(tile.to_string(), text);
        }
    }
    if let [width, rest @ ..] = data {
        let width = u16::from(*width) + 1;
        let _ = parse_tile(rest, width);
        if let Ok(entries) = parse_bundle(rest, width) {
            assert_eq!(encode_bundle(&entries).expect("what was read"), rest);
        }
    }
});
