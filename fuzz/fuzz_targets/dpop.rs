//! DPoP proofs (RFC 9449): what is accepted is so once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::identity::IdentityError;
use placet_fuzz::identity::dpop::{Claimed, Proofs};
use placet_proto::time::UnixSeconds;

fuzz_target!(|data: &[u8]| {
    let Ok(proof) = std::str::from_utf8(data) else { return };
    let proofs = Proofs::new(UnixSeconds(0));
    // The request of RFC 9449 4.1, whose proof is a seed.
    let claimed = Claimed {
        method: "POST",
        url: "https://server.example.com/token",
        token: None,
        key: None,
        now: UnixSeconds(1_562_262_616),
    };
    if proofs.check(proof, &claimed).is_ok() {
        assert_eq!(proofs.check(proof, &claimed), Err(IdentityError::Replayed));
        let late = Claimed { now: UnixSeconds(1_562_262_616 + 3_600), ..claimed };
        assert!(proofs.check(proof, &late).is_err());
    }
});
