//! The ledger's clock, a claim in all it writes; tests bring one of their own.

use std::time::{SystemTime, UNIX_EPOCH};

use placet_proto::time::UnixSeconds;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> UnixSeconds;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()))
    }
}

/// Random bytes.
///
/// # Errors
/// `ledger.random`.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], crate::Error> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|_| super::Refusal::Random)?;
    Ok(out)
}

/// A random number where it need not be one: the spread of repetitions.
pub(crate) fn random_number() -> u64 {
    random().map_or(0, u64::from_be_bytes)
}

/// A fresh UUIDv4 in its one spelling, from the same source as every other random value.
///
/// # Errors
/// `ledger.random`.
pub(crate) fn uuid() -> Result<String, crate::Error> {
    Ok(uuid::Builder::from_random_bytes(random()?).into_uuid().to_string())
}

/// The clock of the machine, where the clocks of witnesses are waited for.
pub(crate) fn system_now() -> UnixSeconds {
    SystemClock.now()
}
