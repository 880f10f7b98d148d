//! Quantiles of times.

use std::time::Duration;

/// The time within which this share of all lies (nearest rank); zero of none.
///
/// `share` is between 0 and 1.
#[must_use]
pub fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let rank = (share * times.len() as f64).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// In milliseconds, to the microsecond.
#[must_use]
pub fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// So many in a time, per second, to one decimal.
#[must_use]
pub fn per_second(count: u64, time: Duration) -> f64 {
    (count as f64 / time.as_secs_f64().max(1e-9) * 10.0).round() / 10.0
}

/// One rate of another, to three decimals; zero of nothing.
#[must_use]
pub fn ratio(one: f64, of: f64) -> f64 {
    if of > 0.0 { (one / of * 1e3).round() / 1e3 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_members_of_the_sample() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile(&mut times, 0.5), Duration::from_millis(100));
        assert_eq!(quantile(&mut times, 0.99), Duration::from_millis(198));
        assert_eq!(quantile(&mut times, 1.0), Duration::from_millis(200));
        assert_eq!(quantile(&mut times[..1], 0.5), Duration::from_millis(1));
        assert_eq!(quantile(&mut [], 0.5), Duration::ZERO);
    }

    #[test]
    fn rates_and_ratios() {
        assert!((per_second(50, Duration::from_millis(500)) - 100.0).abs() < 1e-9);
        assert!((ratio(60.0, 100.0) - 0.6).abs() < 1e-9);
        assert!(ratio(1.0, 0.0).abs() < 1e-9);
        assert!((millis(Duration::from_micros(1234)) - 1.234).abs() < 1e-9);
    }
}
