//! Work on all cores.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use placet_verifier::Workers;

use crate::error::Failure;

/// So many threads.
pub struct Threads(pub usize);

impl Workers for Threads {
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        // The work itself can't fail.
        let _ = each(self.0, count, |at| {
            work(at);
            Ok(())
        });
    }
}

/// Does `work` for each number below `count` on `threads` threads; results in ascending order, so
/// that they don't depend on how many threads there are.
///
/// # Errors
/// The failure of the smallest number that was reached.
pub fn each<R: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(work).collect();
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let mut done = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                break;
            }
            let result = work(at);
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            done.push((at, result));
        }
        done
    };
    let mut all: Vec<(usize, Result<R, Failure>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(run)).collect();
        let joined = workers.into_iter().map(|w| w.join());
        // A panic is a bug and no verdict: it goes on to where all panics end.
        joined.flat_map(|r| r.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn results_stand_in_order_whatever_the_number_of_threads() {
        for threads in [1, 2, 7] {
            let squares = each(threads, 100, |n| Ok(n * n)).unwrap();
            assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
            assert!(each(threads, 0, |_| Ok(())).unwrap().is_empty());
            let failed = each(threads, 100, |n| match n {
                40.. => Err(Failure::Usage(n.to_string())),
                n => Ok(n),
            });
            assert_eq!(failed.unwrap_err().exit(), Exit::Usage);
        }
    }
}
