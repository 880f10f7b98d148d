//! Statements: strict COSE_Sign1 whose bytes are the only ones with that content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{cose, statement::Statement};

fuzz_target!(|data: &[u8]| {
    if let Ok(sign1) = cose::Sign1::parse(data) {
        let cose::Sign1 { protected, unprotected, payload, signature } = sign1;
        assert_eq!(cose::encode_sign1(protected, unprotected, payload, signature), data);
    }
    if let Ok(statement) = Statement::parse(data) {
        assert_eq!(statement.bytes(), data);
    }
});
