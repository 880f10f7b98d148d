//! How often each subject did each action: the obligation `rate_limit`.
//!
//! Times are counted in sixteenths of the period, of which the last seventeen together always cover
//! it: never do more calls pass in any such time than the limit says, and a call that is counted
//! too long is so by a sixteenth at most. A restart forgets.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most pairs of subject and action that are remembered.
const MAX_KEYS: usize = 10_000;
/// Parts of a period.
const PARTS: u64 = 16;

/// At most so many calls in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Calls.
    pub count: u64,
    /// Seconds.
    pub seconds: u64,
}

/// Why a call is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The limit is reached. One may look again after this time.
    Limit(Duration),
    /// No more subjects can be counted.
    Full,
}

/// What was counted.
#[derive(Debug)]
pub struct Rates {
    began: Instant,
    most: usize,
    windows: Mutex<HashMap<(String, Limit), Window>>,
}

#[derive(Debug, Clone, Default)]
struct Window {
    /// The number of the part that was counted last.
    last: u64,
    /// Calls by the number of their part.
    parts: [u64; PARTS as usize + 1],
}

impl Default for Rates {
    fn default() -> Self {
        Self { began: Instant::now(), most: MAX_KEYS, windows: Mutex::default() }
    }
}

impl Rates {
    /// Counts a call of `who` under all of these limits, or under none of them. `who` names the
    /// subject and the action.
    ///
    /// # Errors
    /// [`Over`].
    pub fn take(&self, who: &str, limits: &[Limit], now: Instant) -> Result<(), Over> {
        if limits.is_empty() {
            return Ok(());
        }
        let passed = now.saturating_duration_since(self.began).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for limit in limits {
            let part = part(passed, limit);
            let key = (who.to_owned(), *limit);
            if let Some(window) = windows.get_mut(&key) {
                window.forget(part);
                if window.sum() >= limit.count {
                    return Err(Over::Limit(left(passed, limit)));
                }
                continue;
            }
            if windows.len().saturating_add(limits.len()) > self.most {
                windows.retain(|(_, of), w| w.last.saturating_add(PARTS) >= self::part(passed, of));
            }
            if windows.len().saturating_add(limits.len()) > self.most {
                return Err(Over::Full);
            }
        }
        for limit in limits {
            let part = part(passed, limit);
            windows.entry((who.to_owned(), *limit)).or_default().count(part);
        }
        Ok(())
    }
}

impl Window {
    /// Forgets what is older than the period before this part.
    fn forget(&mut self, part: u64) {
        let steps = part.saturating_sub(self.last).min(PARTS.saturating_add(1));
        for step in 1..=steps {
            if let Some(slot) = self.slot(self.last.saturating_add(step)) {
                *slot = 0;
            }
        }
        self.last = self.last.max(part);
    }

    fn count(&mut self, part: u64) {
        self.forget(part);
        let last = self.last;
        if let Some(slot) = self.slot(last) {
            *slot = slot.saturating_add(1);
        }
    }

    fn slot(&mut self, part: u64) -> Option<&mut u64> {
        let at = part.checked_rem(PARTS.saturating_add(1))?;
        self.parts.get_mut(usize::try_from(at).ok()?)
    }

    fn sum(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }
}

/// The number of the part in which a moment is, in milliseconds since the beginning.
fn part(passed: u64, limit: &Limit) -> u64 {
    passed.checked_div(width(limit)).unwrap_or_default()
}

/// The width of a part in milliseconds, rounded up.
fn width(limit: &Limit) -> u64 {
    limit.seconds.saturating_mul(1000).div_ceil(PARTS).max(1)
}

/// Time until the next part begins.
fn left(passed: u64, limit: &Limit) -> Duration {
    let width = width(limit);
    let into = passed.checked_rem(width).unwrap_or_default();
    Duration::from_millis(width.saturating_sub(into))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(rates: &Rates, ms: u64) -> Instant {
        rates.began + Duration::from_millis(ms)
    }

    #[test]
    fn each_subject_and_action_is_counted_by_itself() {
        let rates = Rates::default();
        let limit = [Limit { count: 2, seconds: 60 }];
        rates.take("a", &limit, at(&rates, 0)).unwrap();
        rates.take("a", &limit, at(&rates, 1)).unwrap();
        let over = rates.take("a", &limit, at(&rates, 2)).unwrap_err();
        assert_eq!(over, Over::Limit(Duration::from_millis(3748)));
        rates.take("b", &limit, at(&rates, 2)).unwrap();
        // What was refused is not counted.
        rates.take("a", &limit, at(&rates, 64_000)).unwrap();
        // Of two limits the stricter one holds, and the other counts nothing then.
        let both = [Limit { count: 9, seconds: 60 }, Limit { count: 1, seconds: 1 }];
        rates.take("c", &both, at(&rates, 0)).unwrap();
        for _ in 0..20 {
            rates.take("c", &both, at(&rates, 1)).unwrap_err();
        }
        rates.take("c", &both, at(&rates, 1100)).unwrap();
    }

    #[test]
    fn the_table_has_an_end() {
        let rates = Rates { most: 2, ..Rates::default() };
        let limit = [Limit { count: 9, seconds: 1 }];
        rates.take("a", &limit, at(&rates, 0)).unwrap();
        rates.take("b", &limit, at(&rates, 900)).unwrap();
        assert_eq!(rates.take("c", &limit, at(&rates, 1000)), Err(Over::Full));
        rates.take("b", &limit, at(&rates, 1000)).unwrap();
        // What is over makes room.
        rates.take("c", &limit, at(&rates, 1100)).unwrap();
        assert_eq!(rates.windows.lock().unwrap().len(), 2);
    }

    proptest! {
        // SPEC.md R-10-147.
        #[test]
        fn no_time_of_that_length_sees_more(
            count in 1_u64..6,
            seconds in 1_u64..5,
            steps in prop::collection::vec(0_u64..700, 1..120),
        ) {
            let rates = Rates::default();
            let limit = Limit { count, seconds };
            let (mut now, mut passed) = (0, Vec::new());
            for step in steps {
                now += step;
                if rates.take("a", &[limit], at(&rates, now)).is_ok() {
                    passed.push(now);
                }
            }
            prop_assert!(!passed.is_empty());
            for (n, first) in passed.iter().enumerate() {
                let within = passed[n..].iter().filter(|t| **t - first < seconds * 1000).count();
                prop_assert!(within as u64 <= count, "{passed:?}");
            }
        }
    }
}
