//! What a run measures: answers by route and status, memory of the service, and who else worked on
//! this machine meanwhile.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Between two looks at the service's memory.
const SAMPLE: Duration = Duration::from_millis(500);

/// Answers by route.
#[derive(Default)]
pub struct Meter(Mutex<BTreeMap<String, Route>>);

#[derive(Default)]
struct Route {
    took: Vec<Duration>,
    statuses: BTreeMap<u16, u64>,
}

impl Meter {
    pub fn answered(&self, method: &str, path: &str, status: u16, took: Option<Duration>) {
        let mut routes = self.0.lock().unwrap();
        let route = routes.entry(format!("{method} {}", template(path))).or_default();
        route.took.extend(took);
        *route.statuses.entry(status).or_default() += 1;
    }

    /// Each route with its number of answers, times in milliseconds, and statuses.
    pub fn routes(&self) -> Value {
        let routes = self.0.lock().unwrap();
        let shown = |route: &Route| {
            let took = Sorted::new(&route.took);
            json!({
                "n": route.took.len(), "p50_ms": ms(took.part(0.5)), "p99_ms": ms(took.part(0.99)),
                "max_ms": ms(took.part(1.0)), "statuses": route.statuses,
            })
        };
        routes.iter().map(|(name, route)| (name.clone(), shown(route))).collect()
    }

    /// How many answers had one of these statuses.
    pub fn with_status(&self, wanted: &[u16]) -> u64 {
        let routes = self.0.lock().unwrap();
        let all = routes.values().flat_map(|route| &route.statuses);
        all.filter(|(status, _)| wanted.contains(status)).map(|(_, n)| n).sum()
    }
}

/// A path without its query, ids in it replaced.
fn template(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| if part.len() == 36 { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Resident memory of a process over time, in MiB.
pub struct Memory {
    pid: u32,
    began: Instant,
    samples: Mutex<Vec<(f64, f64)>>,
}

impl Memory {
    pub fn of(pid: u32) -> Self {
        Self { pid, began: Instant::now(), samples: Mutex::default() }
    }

    /// Looks until told to stop.
    pub fn watch(&self, watching: &AtomicBool) {
        while watching.load(Ordering::SeqCst) {
            if let Some(mib) = resident(self.pid) {
                self.samples.lock().unwrap().push((self.began.elapsed().as_secs_f64(), mib));
            }
            std::thread::sleep(SAMPLE);
        }
    }

    /// The first value, the last, and the most.
    pub fn summary(&self) -> (f64, f64, f64) {
        let samples = self.samples.lock().unwrap();
        let mib = || samples.iter().map(|(_, mib)| *mib);
        let ends = (mib().next(), mib().next_back());
        (ends.0.unwrap_or_default(), ends.1.unwrap_or_default(), mib().fold(0.0, f64::max))
    }

    /// MiB a minute in the second half: the slope of the least squares.
    pub fn slope(&self) -> f64 {
        let samples = self.samples.lock().unwrap();
        let half = &samples[samples.len() / 2..];
        let n = half.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| half.iter().map(of).sum::<f64>() / n;
        let (t, mib) = (mean(|s| s.0), mean(|s| s.1));
        let over: f64 = half.iter().map(|s| (s.0 - t) * (s.1 - mib)).sum();
        let under: f64 = half.iter().map(|s| (s.0 - t).powi(2)).sum();
        60.0 * over / under.max(1.0)
    }
}

fn resident(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// Time of the machine's processors, in ticks.
#[derive(Clone, Copy)]
pub struct Processors {
    all: u64,
    idle: u64,
    service: u64,
    test: u64,
}

/// How processors were used between two moments, in parts of all their time.
pub struct Usage {
    pub service: f64,
    pub test: f64,
    /// Neither the service nor this test, nor idle: other programs, and what a host took away.
    pub others: f64,
}

impl Processors {
    pub fn now(service: u32) -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).flat_map(str::parse).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user.
        let all = ticks.iter().take(8).sum();
        let idle = ticks.iter().skip(3).take(2).sum();
        Self { all, idle, service: ticks_of(&service.to_string()), test: ticks_of("self") }
    }

    pub fn since(self, before: Self) -> Usage {
        let all = self.all.saturating_sub(before.all).max(1) as f64;
        let part = |now: u64, then: u64| now.saturating_sub(then) as f64 / all;
        let service = part(self.service, before.service);
        let test = part(self.test, before.test);
        let busy = 1.0 - part(self.idle, before.idle);
        Usage { service, test, others: (busy - service - test).max(0.0) }
    }
}

/// User and system time of a process.
fn ticks_of(pid: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces; what comes behind it begins with the third value.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum()
}

pub fn ms(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 10_000.0).round() / 10.0)
}

/// Durations, ascending.
pub struct Sorted(Vec<Duration>);

impl Sorted {
    pub fn new<'a>(all: impl IntoIterator<Item = &'a Duration>) -> Self {
        let mut all: Vec<Duration> = all.into_iter().copied().collect();
        all.sort_unstable();
        Self(all)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which this part of them lies.
    pub fn part(&self, part: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(at.saturating_sub(1).min(last)).copied().unwrap_or_default()
    }
}
