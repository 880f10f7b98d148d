//! How often: token buckets.

use std::sync::Mutex;
use std::time::Instant;

use super::problem::Fault;
use crate::sync::lock;

/// So many a second, and so many at once.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    bucket: Mutex<(f64, Instant)>,
}

impl Rate {
    /// `per_second` in the long run, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        Self { per_second, burst, bucket: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// 429 with Retry-After when there is none left.
    pub fn take(&self) -> Result<(), Fault> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Result<(), Fault> {
        let mut bucket = lock(&self.bucket);
        let elapsed = now.saturating_duration_since(bucket.1).as_secs_f64();
        bucket.0 = (bucket.0 + elapsed * self.per_second).min(self.burst);
        bucket.1 = now;
        if bucket.0 < 1.0 {
            return Err(Fault::too_many());
        }
        bucket.0 -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_a_steady_rate() {
        let rate = Rate::new(2, 3);
        let start = Instant::now();
        for _ in 0..3 {
            rate.take_at(start).unwrap();
        }
        assert_eq!(rate.take_at(start).unwrap_err().status.as_u16(), 429);
        let later = start + Duration::from_millis(600);
        rate.take_at(later).unwrap();
        rate.take_at(later).unwrap_err();
        let much_later = start + Duration::from_secs(3600);
        for _ in 0..3 {
            rate.take_at(much_later).unwrap();
        }
        rate.take_at(much_later).unwrap_err();
    }
}
