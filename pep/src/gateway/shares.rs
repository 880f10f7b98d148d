//! How many calls are at work, of all callers and of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places, of which no caller gets more than a part.
#[derive(Debug, Clone)]
pub struct Shares {
    all: Arc<Semaphore>,
    each: usize,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place; dropping it gives it back.
#[derive(Debug)]
pub struct Share {
    _place: OwnedSemaphorePermit,
    of: String,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

impl Shares {
    /// So many places, and so many of them for each caller.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each, taken: Arc::default() }
    }

    /// A place for this caller, if there is one and the caller has not had its part.
    #[must_use]
    pub fn take(&self, of: &str) -> Option<Share> {
        let place = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(of).copied().unwrap_or_default();
        if count >= self.each {
            return None;
        }
        taken.insert(of.to_owned(), count.saturating_add(1));
        Some(Share { _place: place, of: of.to_owned(), taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.of).copied().unwrap_or_default().saturating_sub(1);
        match left {
            0 => drop(taken.remove(&self.of)),
            left => drop(taken.insert(self.of.clone(), left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_does_not_take_the_places_of_all() {
        let shares = Shares::new(3, 2);
        let first = shares.take("a").unwrap();
        let second = shares.take("a").unwrap();
        assert!(shares.take("a").is_none(), "it has its part");
        let other = shares.take("b").unwrap();
        assert!(shares.take("c").is_none(), "there is no more");
        drop(first);
        assert!(shares.take("a").is_some());
        drop((second, other));
        assert!(shares.taken.lock().unwrap().is_empty(), "nothing is kept of who has left");
    }
}
