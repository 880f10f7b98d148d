//! Figures of a run.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::agent::Task;
use super::person::Seen;
use super::{PAGE_P99, Size};

/// Between two looks at the service's memory.
const SAMPLE: Duration = Duration::from_millis(500);
/// Growth from the second fifth of a run to its last that counts as flat, in MiB and in parts.
const FLAT_MIB: f64 = 24.0;
const FLAT_PART: f64 = 0.15;

/// Resident memory of a process over time.
pub struct Memory {
    pid: u32,
    mib: Mutex<Vec<f64>>,
}

impl Memory {
    pub fn of(pid: u32) -> Self {
        Self { pid, mib: Mutex::default() }
    }

    /// Looks until told to stop.
    pub fn watch(&self, watching: &AtomicBool) {
        while watching.load(Ordering::SeqCst) {
            if let Some(mib) = resident(self.pid) {
                self.mib.lock().unwrap().push(mib);
            }
            std::thread::sleep(SAMPLE);
        }
    }

    /// Medians of the second fifth of the time and of the last, and the most.
    fn summary(&self) -> (f64, f64, f64) {
        let mib = self.mib.lock().unwrap();
        let fifth = (mib.len() / 5).max(1);
        let median = |part: &[f64]| {
            let mut part = part.to_vec();
            part.sort_by(f64::total_cmp);
            part.get(part.len() / 2).copied().unwrap_or_default()
        };
        let early = mib.chunks(fifth).nth(1).map(median).unwrap_or_default();
        let late = mib.rchunks(fifth).next().map(median).unwrap_or_default();
        (early, late, mib.iter().copied().fold(0.0, f64::max))
    }
}

fn resident(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// See the module.
pub struct Figures {
    values: BTreeMap<&'static str, Value>,
    page_p99: Duration,
    memory: (f64, f64),
    answered: u64,
}

impl Figures {
    pub fn new(
        size: &Size,
        took: Duration,
        seen: &[Seen],
        tasks: &[Task],
        memory: &Memory,
    ) -> Self {
        let pages = Sorted::new(seen.iter().flat_map(|s| &s.pages));
        let calls = Sorted::new(tasks.iter().flat_map(|t| &t.calls));
        let waited = Sorted::new(tasks.iter().map(|t| &t.waited));
        let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
        let (early, late, most) = memory.summary();
        let approved = tasks.iter().filter(|t| t.approved).count() as u64;
        let values = BTreeMap::from([
            ("seconds", json!(took.as_secs())),
            ("approvers", json!(size.approvers)),
            ("agents", json!(size.agents)),
            ("requests", json!(tasks.len())),
            ("approved", json!(approved)),
            ("executed", json!(tasks.iter().filter(|t| t.execution.is_some()).count())),
            ("denied", json!(tasks.len() as u64 - approved)),
            ("answers", json!(sum(|s| s.approved) + sum(|s| s.denied))),
            ("came_late", json!(sum(|s| s.late))),
            ("pages", json!(pages.0.len())),
            ("page_p50_ms", ms(pages.part(0.5))),
            ("page_p99_ms", ms(pages.part(0.99))),
            ("page_max_ms", ms(pages.part(1.0))),
            ("call_p50_ms", ms(calls.part(0.5))),
            ("call_p99_ms", ms(calls.part(0.99))),
            ("person_p50_s", json!(waited.part(0.5).as_secs_f64())),
            ("rss_early_mib", json!(early)),
            ("rss_late_mib", json!(late)),
            ("rss_most_mib", json!(most)),
        ]);
        let answered = sum(|s| s.approved) + sum(|s| s.denied);
        Self { values, page_p99: pages.part(0.99), memory: (early, late), answered }
    }

    pub fn json(&self) -> String {
        json!(self.values).to_string()
    }

    /// What holds of every run; of a long one also how quick it was and how much it took.
    pub fn judge(&self, long: bool) {
        let requests = self.values["requests"].as_u64().unwrap_or_default();
        assert!(requests > 0, "no agent asked for anything");
        assert_eq!(self.answered, requests, "each request has one answer, and each answer counts");
        assert_eq!(self.values["approved"], self.values["executed"]);
        if !long {
            return;
        }
        assert!(self.page_p99 < PAGE_P99, "pages: p99 {:?}", self.page_p99);
        let (early, late) = self.memory;
        let flat = late <= early * (1.0 + FLAT_PART) + FLAT_MIB;
        assert!(flat, "memory went from {early} to {late} MiB");
    }
}

fn ms(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}

/// Durations, ascending.
struct Sorted(Vec<Duration>);

impl Sorted {
    fn new<'a>(all: impl Iterator<Item = &'a Duration>) -> Self {
        let mut all: Vec<Duration> = all.copied().collect();
        all.sort_unstable();
        Self(all)
    }

    /// The value below which this part of them lies.
    fn part(&self, part: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(at.saturating_sub(1).min(last)).copied().unwrap_or_default()
    }
}
