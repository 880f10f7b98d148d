//! How often and how much at once: token buckets and places, for all together and for each caller.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Fault;
use crate::Error;
use crate::sync::lock;

/// Longest time after which a caller is told to come back, in seconds.
const MAX_RETRY_S: f64 = 3600.0;

/// What a bucket holds, and when that was counted.
type Bucket = (f64, Instant);

/// So many a second, and so many at once.
#[derive(Debug, Clone, Copy)]
struct Pace {
    per_second: f64,
    burst: f64,
}

impl Pace {
    fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: f64::from(per_second), burst: f64::from(burst) }
    }

    fn left(self, bucket: Bucket, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(bucket.1).as_secs_f64();
        (bucket.0 + elapsed * self.per_second).min(self.burst)
    }

    /// Takes one, or says when there will be one.
    fn take(self, bucket: &mut Bucket, now: Instant) -> Result<(), Fault> {
        let left = self.left(*bucket, now);
        if left < 1.0 {
            *bucket = (left, now);
            let seconds = ((1.0 - left) / self.per_second).ceil().clamp(1.0, MAX_RETRY_S);
            // Within 1 and 3600.
            return Err(Fault::too_many().with_retry(seconds as u32));
        }
        *bucket = (left - 1.0, now);
        Ok(())
    }
}

/// A pace that all keep together.
#[derive(Debug)]
pub struct Rate {
    pace: Pace,
    bucket: Mutex<Bucket>,
}

impl Rate {
    /// `per_second` in the long run, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let pace = Pace::new(per_second, burst);
        Self { pace, bucket: Mutex::new((pace.burst, Instant::now())) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// 429 with Retry-After when there is none left.
    pub fn take(&self) -> Result<(), Fault> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Result<(), Fault> {
        self.pace.take(&mut lock(&self.bucket), now)
    }
}

/// Callers that are told apart at the same time; further ones share one bucket.
const MAX_CALLERS: usize = 8192;

/// A pace that each caller keeps for itself, and far above it one for all together. Memory is
/// bounded: who comes as more callers than are told apart shares with others of that sort, and
/// takes nothing from those that are known already.
#[derive(Debug)]
pub struct PerCaller<K> {
    pace: Pace,
    all: Option<Rate>,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    by_caller: HashMap<K, Bucket>,
    others: Bucket,
    swept: Instant,
}

impl<K: Hash + Eq> PerCaller<K> {
    /// `per_second` in the long run, `burst` at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let (pace, now) = (Pace::new(per_second, burst), Instant::now());
        let others = (pace.burst, now);
        let buckets = Buckets { by_caller: HashMap::new(), others, swept: now };
        Self { pace, all: None, buckets: buckets.into() }
    }

    /// The same within what all may take together.
    #[must_use]
    pub fn within(self, all: Rate) -> Self {
        Self { all: Some(all), ..self }
    }

    /// Takes one of this caller's. Who has none left takes none of all, either: nobody can use up
    /// what others share.
    ///
    /// # Errors
    /// 429 with Retry-After when there is none left.
    pub fn take(&self, caller: K) -> Result<(), Fault> {
        let now = Instant::now();
        self.take_at(caller, now)?;
        self.all.as_ref().map_or(Ok(()), |all| all.take_at(now))
    }

    fn take_at(&self, caller: K, now: Instant) -> Result<(), Fault> {
        let mut buckets = lock(&self.buckets);
        self.sweep(&mut buckets, now);
        let room = buckets.by_caller.len() < MAX_CALLERS;
        let Buckets { by_caller, others, .. } = &mut *buckets;
        let bucket = match by_caller.get_mut(&caller) {
            Some(bucket) => bucket,
            None if room => by_caller.entry(caller).or_insert((self.pace.burst, now)),
            None => others,
        };
        self.pace.take(bucket, now)
    }

    /// Forgets callers whose bucket is full again, once a second at most: they are as new.
    fn sweep(&self, buckets: &mut Buckets<K>, now: Instant) {
        let full = buckets.by_caller.len() >= MAX_CALLERS;
        if !full || now.saturating_duration_since(buckets.swept).as_secs() < 1 {
            return;
        }
        buckets.swept = now;
        buckets.by_caller.retain(|_, bucket| self.pace.left(*bucket, now) < self.pace.burst);
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

/// Places for calls that work at the same time, of which no caller gets more than a share. Who
/// finds no place free waits for one for a moment, in the order of coming; and since a caller waits
/// for the common places with no more calls than its share, one that floods makes nobody else wait
/// for long.
#[derive(Debug)]
pub struct Places<K: Hash + Eq + Clone> {
    all: Arc<Semaphore>,
    share: fn(&K) -> usize,
    patience: Duration,
    callers: Arc<Callers<K>>,
}

/// The shares of those who work or wait now.
type Callers<K> = Mutex<HashMap<K, (Arc<Semaphore>, usize)>>;

/// A place; given back when it is dropped.
#[derive(Debug)]
pub struct Place<K: Hash + Eq + Clone> {
    // Given back before the entry of the caller goes.
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    _entry: Entry<K>,
}

/// One call of a caller who works or waits.
#[derive(Debug)]
struct Entry<K: Hash + Eq + Clone> {
    caller: K,
    callers: Arc<Callers<K>>,
}

impl<K: Hash + Eq + Clone> Places<K> {
    /// `all` places, of which a caller gets `share`; who has waited for `patience` is turned away.
    #[must_use]
    pub fn new(all: usize, share: fn(&K) -> usize, patience: Duration) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), share, patience, callers: Arc::default() }
    }

    /// A place for a call of this caller.
    ///
    /// # Errors
    /// `ledger.busy` when none became free in time.
    pub async fn enter(&self, caller: K) -> Result<Place<K>, Error> {
        let (own, entry) = self.entry(caller);
        let all = Arc::clone(&self.all);
        let both = async { Ok::<_, Error>((free(own).await?, free(all).await?)) };
        let places = tokio::time::timeout(self.patience, both).await;
        Ok(Place { _places: places.map_err(|_| Error::Busy)??, _entry: entry })
    }

    fn entry(&self, caller: K) -> (Arc<Semaphore>, Entry<K>) {
        let mut callers = lock(&self.callers);
        let (own, calls) = callers
            .entry(caller.clone())
            .or_insert_with(|| (Arc::new(Semaphore::new((self.share)(&caller))), 0));
        *calls = calls.saturating_add(1);
        (Arc::clone(own), Entry { caller, callers: Arc::clone(&self.callers) })
    }
}

async fn free(places: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    places.acquire_owned().await.map_err(|_| Error::Busy)
}

impl<K: Hash + Eq + Clone> Drop for Entry<K> {
    fn drop(&mut self) {
        let mut callers = lock(&self.callers);
        if let Some((_, calls)) = callers.get_mut(&self.caller) {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                callers.remove(&self.caller);
            }
        }
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
        let rate = PerCaller::new(1, 2);
        let start = Instant::now();
        let v6 = |n: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | n));
        for n in 0..2 {
            rate.take_at(network_of(v6(n)), start).unwrap();
        }
        // The same /64 is the same client, an IPv4 address in IPv6 clothes the IPv4 address.
        let refused = rate.take_at(network_of(v6(9)), start).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_s), (429, Some(1)));
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(network_of("::ffff:192.0.2.1".parse().unwrap()), v4);
        rate.take_at(v4, start).unwrap();

        let many = |n: usize| v6((n as u128) << 64);
        for n in 1..MAX_CALLERS + 10 {
            let _ = rate.take_at(many(n), start);
        }
        assert!(lock(&rate.buckets).by_caller.len() <= MAX_CALLERS);
        rate.take_at(many(2 * MAX_CALLERS), start).unwrap_err();
        rate.take_at(v4, start).unwrap();
        // Later they are as new, and forgotten.
        let later = start + Duration::from_secs(10);
        rate.take_at(many(3 * MAX_CALLERS), later).unwrap();
        assert_eq!(lock(&rate.buckets).by_caller.len(), 1);
    }

    #[test]
    fn who_has_none_left_takes_none_of_all() {
        let rate = PerCaller::new(1, 2).within(Rate::new(1, 4));
        let taken = |who: &str| rate.take(who.to_owned()).is_ok();
        assert!(taken("flood") && taken("flood"));
        assert!((0..50).all(|_| !taken("flood")));
        assert!(taken("a") && taken("b"), "there is as much left for others as there was");
        assert!(!taken("c"), "all together have a pace of their own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_waits_for_its_own_share_and_leaves_places_to_others() {
        let places = Places::new(3, |_| 2, Duration::from_secs(2));
        let enter = |who: &'static str| places.enter(who);
        let first = enter("flood").await.unwrap();
        let _second = enter("flood").await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(enter("flood").await.unwrap_err().code(), "ledger.busy");
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        let other = enter("other").await.unwrap();
        // All places are taken; one that becomes free goes to who waits.
        let (third, ()) = tokio::join!(enter("third"), async { drop(first) });
        assert!(third.is_ok());
        drop((third, other));
        assert_eq!(lock(&places.callers).len(), 1, "who has left is forgotten");
    }
}
