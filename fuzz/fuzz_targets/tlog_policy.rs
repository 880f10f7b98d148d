//! C2SP witness policies: evaluation never panics, and more cosignatures never hurt.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_proto::tlog::Policy;

fuzz_target!(|data: &[u8]| {
    if let Ok(policy) = Policy::parse(data) {
        let all = policy.is_satisfied(|_| true);
        let some = policy.is_satisfied(|witness| witness % 2 == 0);
        let none = policy.is_satisfied(|_| false);
        assert!(all && (some || !none));
    }
});
