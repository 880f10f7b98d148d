//! Events: lines of strangers, and what is made of any statement reads back as what it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::event::read::{Found, Likeness};
use placet_proto::event::{Encoder, Format, HashKey, Issuers, Leaf, Profile};
use placet_proto::kind::LogRole;
use placet_proto::statement::Statement;

fuzz_target!(|data: &[u8]| {
    let _ = Found::parse(data);
    let mut issuers = Issuers::default();
    if let Ok(statement) = Statement::parse(data) {
        issuers.learn(LogRole::Main, 0, &statement);
    }
    let leaf = Leaf {
        role: LogRole::Main,
        origin: "ledger.example",
        index: 7,
        entry: placet_proto::sha256(data),
        statement: Some(data),
        covered_at: 1,
    };
    for format in Format::ALL {
        let Ok(profile) = Profile::new(HashKey::new([1; 32]), []) else { continue };
        let event = Encoder::new(format, profile).leaf(&leaf, &issuers);
        let found = Found::parse(&event.line).expect("our own line");
        assert_eq!((found.uid.as_str(), found.index), (event.uid.as_str(), Some(7)));
        assert_eq!(found.compare(&event.line, false), Likeness::Same);
    }
});
