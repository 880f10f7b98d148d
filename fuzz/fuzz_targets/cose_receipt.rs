//! COSE Receipts (RFC 9942): a proof that is read leads to a root or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::{cose::Receipt, tlog::merkle::root_from_inclusion};

fuzz_target!(|data: &[u8]| {
    if let Ok(receipt) = Receipt::parse(data) {
        let proof = &receipt.proof;
        let _ = root_from_inclusion(&[7; 32], proof.leaf_index, proof.tree_size, &proof.path);
    }
});
