//! How far an audit is, on standard error and only if that is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);
const WIDTH: u64 = 30;

/// A progress bar.
pub struct Progress {
    shown: bool,
    size: u64,
    started: Instant,
    last: Option<Instant>,
    again: u64,
}

impl Progress {
    /// Of a log with `size` entries.
    pub fn new(size: u64) -> Self {
        let shown = io::stderr().is_terminal();
        Self { shown, size, started: Instant::now(), last: None, again: 0 }
    }

    /// The first `done` entries were read.
    pub fn read(&mut self, done: u64) {
        self.show(done, self.size, "entries");
    }

    /// Some requests are looked at again.
    pub fn begin_again(&mut self, requests: usize) {
        self.again = requests as u64;
        self.started = Instant::now();
    }

    /// The first `done` of these were.
    pub fn again(&mut self, done: usize) {
        self.show(done as u64, self.again, "requests looked at again");
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if self.last.is_some() {
            // That nobody can see it is no error.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn show(&mut self, done: u64, of: u64, what: &str) {
        let due = self.last.is_none_or(|last| last.elapsed() >= EVERY);
        if self.shown && due {
            self.last = Some(Instant::now());
            let line = line(done, of, what, self.started.elapsed());
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        }
    }
}

fn line(done: u64, of: u64, what: &str, elapsed: Duration) -> String {
    let share = |whole: u64| done.saturating_mul(whole).checked_div(of).unwrap_or(whole);
    let filled = usize::try_from(share(WIDTH)).unwrap_or(0);
    let empty = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(filled);
    let left = of.saturating_sub(done).saturating_mul(elapsed.as_secs());
    let left = left.checked_div(done).unwrap_or(0);
    let (bar, rest) = ("=".repeat(filled), " ".repeat(empty));
    format!("[{bar}{rest}] {:>3} %  {done} of {of} {what}, {left} s left", share(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_long() {
        let half = line(50, 100, "entries", Duration::from_secs(8));
        assert_eq!(
            half,
            format!("[{}{}]  50 %  50 of 100 entries, 8 s left", "=".repeat(15), " ".repeat(15))
        );
        assert!(line(0, 0, "entries", Duration::ZERO).contains("100 %"));
        assert!(line(u64::MAX, u64::MAX, "entries", Duration::MAX).contains("of"));
    }
}
