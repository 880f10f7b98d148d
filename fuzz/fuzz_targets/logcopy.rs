//! Statements and notes in copies of a log: what is read is what we would write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::logcopy::{parse, parse_notes, push};

fuzz_target!(|data: &[u8]| {
    if let Ok(notes) = parse_notes(data) {
        let mut again = Vec::new();
        for note in notes {
            push(&mut again, Some(note)).expect("what was read");
        }
        assert_eq!(again, data);
    }
    if let [width, rest @ ..] = data {
        if let Ok(statements) = parse(rest, u16::from(*width) + 1) {
            let mut again = Vec::new();
            for statement in statements {
                push(&mut again, statement).expect("what was read");
            }
            assert_eq!(again, rest);
        }
    }
});
