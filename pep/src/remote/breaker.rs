//! A circuit breaker: who fails several times is left alone for a while, and then tried once.

use std::time::{Duration, Instant};

/// Failures in a row after which no more calls are made.
const FAILURES: u32 = 5;
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Whether calls are made.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Until when none is made; of one that is being tried, until when others wait for that.
    until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may be made now. After a pause one caller may try, the others wait on.
    pub fn admits(&mut self, now: Instant) -> bool {
        match self.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.until = now.checked_add(self.pause());
                true
            }
        }
    }

    /// A call was answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call was not.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.until = now.checked_add(self.pause());
        }
    }

    fn pause(&self) -> Duration {
        let times = self.failures.saturating_sub(FAILURES).min(8);
        PAUSE.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_after_a_pause() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            assert!(breaker.admits(start));
            breaker.failed(start);
        }
        breaker.succeeded();
        for _ in 0..FAILURES {
            assert!(breaker.admits(start));
            breaker.failed(start);
        }
        assert!(!breaker.admits(start));
        assert!(!breaker.admits(start + PAUSE / 2));
        let later = start + PAUSE;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "one tries, the others wait");
        breaker.failed(later);
        assert!(!breaker.admits(later + PAUSE));
        assert!(breaker.admits(later + PAUSE * 2));
        breaker.succeeded();
        assert!(breaker.admits(later) && breaker.admits(later));
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(now);
        }
        now += MAX_PAUSE;
        assert!(breaker.admits(now));
    }
}
