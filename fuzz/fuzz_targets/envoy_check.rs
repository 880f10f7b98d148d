//! Envoy's CheckRequest: bounded, and read the same however often it is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use placet_fuzz::gateway::envoy::wire::check_request;
use placet_fuzz::gateway::target::Target;

fuzz_target!(|data: &[u8]| {
    let Ok(asked) = check_request(data) else { return };
    assert_eq!(check_request(data), Ok(asked.clone()));
    assert!(asked.body.len() <= data.len());
    let held: usize = asked.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(held <= data.len(), "a field is read once");
    assert!(asked.headers.iter().all(|(name, _)| !name.starts_with(':')));
    let _ = Target::parse(&asked.path);
});
