//! How often each agent may open a request: token buckets, in a map that does not grow.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use placet_proto::document::Initiator;
use placet_proto::sha256_parts;

/// Agents that are told apart; the others share one bucket.
const MAX_AGENTS: usize = 10_000;

/// So many openings a minute for each agent, a minute's worth at once.
#[derive(Debug)]
pub struct Openings {
    per_minute: f64,
    buckets: Mutex<HashMap<[u8; 32], (f64, Instant)>>,
}

impl Openings {
    /// `per_minute` for each agent.
    pub fn new(per_minute: u64) -> Self {
        let per_minute = u32::try_from(per_minute).unwrap_or(u32::MAX);
        Self { per_minute: f64::from(per_minute), buckets: Mutex::default() }
    }

    /// Takes `n`, all or none.
    ///
    /// # Errors
    /// The seconds after which there are enough.
    pub fn take(&self, agent: &Initiator, n: usize) -> Result<(), u32> {
        self.take_at(agent, n, Instant::now())
    }

    fn take_at(&self, agent: &Initiator, n: usize, now: Instant) -> Result<(), u32> {
        let kind = agent.kind.as_bytes();
        let length = (kind.len() as u64).to_be_bytes();
        let agent = sha256_parts(&[&length, kind, agent.id.as_bytes()]);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.per_minute;
        let filled = |(left, since): (f64, Instant)| {
            let elapsed = now.saturating_duration_since(since).as_secs_f64();
            (left + elapsed * full / 60.0).min(full)
        };
        if buckets.len() >= MAX_AGENTS && !buckets.contains_key(&agent) {
            buckets.retain(|_, bucket| filled(*bucket) < full);
        }
        let crowded = buckets.len() >= MAX_AGENTS && !buckets.contains_key(&agent);
        let key = if crowded { [0; 32] } else { agent };
        let left = buckets.get(&key).map_or(full, |bucket| filled(*bucket));
        let wanted = f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        if left < wanted {
            buckets.insert(key, (left, now));
            let seconds = ((wanted - left) * 60.0 / full).ceil().clamp(1.0, 3600.0);
            // Within 1 and 3600.
            return Err(seconds as u32);
        }
        buckets.insert(key, (left - wanted, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn agent(id: &str) -> Initiator {
        Initiator { kind: "agent".to_owned(), id: id.to_owned() }
    }

    #[test]
    fn each_agent_has_a_minute_of_its_own_and_the_map_is_bounded() {
        let openings = Openings::new(6);
        let start = Instant::now();
        for _ in 0..6 {
            openings.take_at(&agent("a"), 1, start).unwrap();
        }
        assert_eq!(openings.take_at(&agent("a"), 1, start), Err(10));
        openings.take_at(&agent("b"), 6, start).unwrap();
        assert_eq!(openings.take_at(&agent("b"), 2, start), Err(20));
        let later = start + Duration::from_secs(10);
        openings.take_at(&agent("a"), 1, later).unwrap();
        openings.take_at(&agent("a"), 1, later).unwrap_err();

        for n in 0..MAX_AGENTS + 10 {
            openings.take_at(&agent(&n.to_string()), 1, later).ok();
        }
        let agents = || openings.buckets.lock().unwrap().len();
        // The shared one is beside them.
        assert!(agents() <= MAX_AGENTS + 1);
        openings.take_at(&agent("new"), 1, later).unwrap_err();
        let much_later = start + Duration::from_secs(3600);
        openings.take_at(&agent("new"), 1, much_later).unwrap();
        assert_eq!(agents(), 1);
    }
}
