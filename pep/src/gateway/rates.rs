//! How often each subject did each action: the obligation `rate_limit`.
//!
//! Times are counted in sixteenths of the period, of which the last seventeen together always cover
//! it: never do more calls pass in any such time than the limit says, and a call that is counted
//! too long is so by a sixteenth at most. A restart forgets.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most pairs of subject and action that are remembered, and of those whose subjects one source of
/// identities vouches for: who can make up subjects there takes no place from those of another.
const MAX_KEYS: usize = 40_000;
const MAX_OF_SOURCE: usize = 10_000;
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
    most_each: usize,
    windows: Mutex<HashMap<(String, Limit), Window>>,
}

#[derive(Debug, Clone, Default)]
struct Window {
    /// By which source the subject was known when it was counted first.
    source: String,
    /// The number of the part that was counted last.
    last: u64,
    /// Calls by the number of their part.
    parts: [u64; PARTS as usize + 1],
}

impl Default for Rates {
    fn default() -> Self {
        let (most, most_each) = (MAX_KEYS, MAX_OF_SOURCE);
        Self { began: Instant::now(), most, most_each, windows: Mutex::default() }
    }
}

impl Rates {
    /// Counts a call of `who` under all of these limits, or under none of them. `who` names the
    /// subject and the action, `source` who vouches for the subject: it is not part of who that is.
    ///
    /// # Errors
    /// [`Over`].
    pub fn take(
        &self,
        source: &str,
        who: &str,
        limits: &[Limit],
        now: Instant,
    ) -> Result<(), Over> {
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
            if !self.fits(&windows, source, limits) {
                windows.retain(|(_, of), w| w.last.saturating_add(PARTS) >= self::part(passed, of));
                if !self.fits(&windows, source, limits) {
                    return Err(Over::Full);
                }
            }
        }
        for limit in limits {
            let part = part(passed, limit);
            let new = || Window { source: source.to_owned(), ..Window::default() };
            windows.entry((who.to_owned(), *limit)).or_insert_with(new).count(part);
        }
        Ok(())
    }

    /// Whether there is room for as many as there are limits.
    fn fits(
        &self,
        windows: &HashMap<(String, Limit), Window>,
        source: &str,
        limits: &[Limit],
    ) -> bool {
        let fits = |used: usize, most: usize| used.saturating_add(limits.len()) <= most;
        // Nobody is counted while there are few of all.
        fits(windows.len(), self.most_each)
            || fits(windows.len(), self.most)
                && fits(windows.values().filter(|w| w.source == source).count(), self.most_each)
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
        rates.take("s", "a", &limit, at(&rates, 0)).unwrap();
        rates.take("s", "a", &limit, at(&rates, 1)).unwrap();
        let over = rates.take("s", "a", &limit, at(&rates, 2)).unwrap_err();
        assert_eq!(over, Over::Limit(Duration::from_millis(3748)));
        rates.take("s", "b", &limit, at(&rates, 2)).unwrap();
        // What was refused is not counted.
        rates.take("s", "a", &limit, at(&rates, 64_000)).unwrap();
        // Of two limits the stricter one holds, and the other counts nothing then.
        let both = [Limit { count: 9, seconds: 60 }, Limit { count: 1, seconds: 1 }];
        rates.take("s", "c", &both, at(&rates, 0)).unwrap();
        for _ in 0..20 {
            rates.take("s", "c", &both, at(&rates, 1)).unwrap_err();
        }
        rates.take("s", "c", &both, at(&rates, 1100)).unwrap();
    }

    #[test]
    fn the_table_has_an_end() {
        let rates = Rates { most: 3, most_each: 2, ..Rates::default() };
        let limit = [Limit { count: 9, seconds: 1 }];
        rates.take("s", "a", &limit, at(&rates, 0)).unwrap();
        rates.take("s", "b", &limit, at(&rates, 900)).unwrap();
        assert_eq!(rates.take("s", "c", &limit, at(&rates, 1000)), Err(Over::Full));
        // Those of another source have a part of their own, and there is an end to all.
        rates.take("t", "d", &limit, at(&rates, 1000)).unwrap();
        assert_eq!(rates.take("u", "e", &limit, at(&rates, 1000)), Err(Over::Full));
        rates.take("s", "b", &limit, at(&rates, 1000)).unwrap();
        // What is over makes room.
        rates.take("s", "c", &limit, at(&rates, 1100)).unwrap();
        assert_eq!(rates.windows.lock().unwrap().len(), 3);
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
                if rates.take("s", "a", &[limit], at(&rates, now)).is_ok() {
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
