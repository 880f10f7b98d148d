//! Times that a quorum stands behind.
//!
//! A policy is monotone: more witnesses never make it less satisfied. So both functions try the
//! stamps in order and stop at the first that holds.

use super::Policy;

impl Policy {
    /// The largest t such that the witnesses with time >= t satisfy the quorum; `None` if no t
    /// does, and under `quorum none`.
    ///
    /// `times` is by position in [`Policy::witnesses`], in seconds; a witness that has not
    /// cosigned, or with time 0, counts for nothing. Missing positions are `None`.
    #[must_use]
    pub fn latest_time(&self, times: &[Option<u64>]) -> Option<u64> {
        let mut stamps = stamps(times);
        stamps.reverse();
        self.first_time(&stamps, |t| move |time| time >= t, times)
    }

    /// The smallest t such that the witnesses with time <= t satisfy the quorum; else as
    /// [`Policy::latest_time`].
    #[must_use]
    pub fn earliest_time(&self, times: &[Option<u64>]) -> Option<u64> {
        self.first_time(&stamps(times), |t| move |time| time <= t, times)
    }

    fn first_time<P: Fn(u64) -> bool>(
        &self,
        stamps: &[u64],
        counts_at: impl Fn(u64) -> P,
        times: &[Option<u64>],
    ) -> Option<u64> {
        if self.is_none() {
            return None;
        }
        stamps.iter().copied().find(|t| {
            let counts = counts_at(*t);
            self.is_satisfied(|position| {
                let time = times.get(position).copied().flatten();
                time.is_some_and(|time| time != 0 && counts(time))
            })
        })
    }
}

/// The times that count, ascending, without repetition.
fn stamps(times: &[Option<u64>]) -> Vec<u64> {
    let mut stamps: Vec<u64> = times.iter().flatten().copied().filter(|t| *t != 0).collect();
    stamps.sort_unstable();
    stamps.dedup();
    stamps
}
