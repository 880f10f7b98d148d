//! How often: token buckets, for all together and for each client.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
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

/// Clients that are told apart at the same time; further ones share one bucket.
const MAX_CLIENTS: usize = 8192;

/// So many a second and so many at once, of each client. Memory is bounded: who comes from more
/// addresses than are told apart shares with others of that sort, and takes nothing from those
/// that are known already.
#[derive(Debug)]
pub struct PerClient {
    per_second: f64,
    burst: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    by_client: HashMap<IpAddr, (f64, Instant)>,
    others: (f64, Instant),
    swept: Instant,
}

impl PerClient {
    /// `per_second` in the long run, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        let now = Instant::now();
        let buckets = Buckets { by_client: HashMap::new(), others: (burst, now), swept: now };
        Self { per_second, burst, buckets: buckets.into() }
    }

    /// Takes one of this client's.
    ///
    /// # Errors
    /// 429 with Retry-After when there is none left.
    pub fn take(&self, client: IpAddr) -> Result<(), Fault> {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: IpAddr, now: Instant) -> Result<(), Fault> {
        let mut buckets = lock(&self.buckets);
        let client = network_of(client);
        self.sweep(&mut buckets, now);
        let room = buckets.by_client.len() < MAX_CLIENTS;
        let Buckets { by_client, others, .. } = &mut *buckets;
        let bucket = match by_client.get_mut(&client) {
            Some(bucket) => bucket,
            None if room => by_client.entry(client).or_insert((self.burst, now)),
            None => others,
        };
        let elapsed = now.saturating_duration_since(bucket.1).as_secs_f64();
        *bucket = ((bucket.0 + elapsed * self.per_second).min(self.burst), now);
        if bucket.0 < 1.0 {
            return Err(Fault::too_many());
        }
        bucket.0 -= 1.0;
        Ok(())
    }

    /// Forgets clients whose bucket is full again, once a second at most: they are as new.
    fn sweep(&self, buckets: &mut Buckets, now: Instant) {
        let full = buckets.by_client.len() >= MAX_CLIENTS;
        if !full || now.saturating_duration_since(buckets.swept).as_secs() < 1 {
            return;
        }
        buckets.swept = now;
        buckets.by_client.retain(|_, (left, at)| {
            let elapsed = now.saturating_duration_since(*at).as_secs_f64();
            *left + elapsed * self.per_second < self.burst
        });
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 one, of which each customer of
/// a provider has at least one whole.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
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

    // SPEC.md R-10-27.
    #[test]
    fn each_client_has_its_own_and_too_many_share() {
        let rate = PerClient::new(1, 2);
        let start = Instant::now();
        let v6 = |n: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | n));
        for n in 0..2 {
            rate.take_at(v6(n), start).unwrap();
        }
        // The same /64 is the same client, an IPv4 address in IPv6 clothes the IPv4 address.
        assert_eq!(rate.take_at(v6(9), start).unwrap_err().status.as_u16(), 429);
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(network_of("::ffff:192.0.2.1".parse().unwrap()), v4);
        rate.take_at(v4, start).unwrap();

        let many = |n: usize| v6((n as u128) << 64);
        for n in 1..MAX_CLIENTS + 10 {
            let _ = rate.take_at(many(n), start);
        }
        assert!(lock(&rate.buckets).by_client.len() <= MAX_CLIENTS);
        rate.take_at(many(2 * MAX_CLIENTS), start).unwrap_err();
        rate.take_at(v4, start).unwrap();
        // Later they are as new, and forgotten.
        let later = start + Duration::from_secs(10);
        rate.take_at(many(3 * MAX_CLIENTS), later).unwrap();
        assert_eq!(lock(&rate.buckets).by_client.len(), 1);
    }
}
