//! The result, as JSON and as text.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::worker::Grown;
use super::{Disk, Options};
use crate::machine::{self, Machine};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Entries of the large log before it was killed.
    pub entries: u64,
    /// Bytes of a record.
    pub size: usize,
    /// Rate of the large log by that of an empty one, the median of the last quarter.
    pub ratio: f64,
    /// The lowest ratio of any stretch.
    pub ratio_lowest: f64,
    /// The worst of the last quarter: 99 of 100 proofs of random entries took at most so long.
    pub proof_p99_ms: f64,
    /// The most memory that the process ever had, in MiB.
    pub rss_peak_mib: f64,
    /// How it came back after `kill -9`.
    pub restart: Restart,
    /// What it takes on the disk.
    pub disk: Disk,
    /// How it grew.
    pub stretches: Vec<Stretch>,
    /// What follows the log in a service and was not part of this.
    pub left_out: &'static str,
    /// When an append counts.
    pub fsync: &'static str,
    /// File system of the folder.
    pub file_system: String,
    /// Version of this program.
    pub version: &'static str,
    /// Its commit, where that is known.
    pub commit: Option<String>,
    /// Day of the run (UTC).
    pub date: String,
    /// The machine.
    pub machine: Machine,
}

/// A part of the growth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stretch {
    /// Entries of the large log at its end.
    pub entries: u64,
    /// Records a second of a new log that grew at once behind it, to 200,000 entries at most.
    pub empty_per_s: f64,
    /// Rate of the large log by that.
    pub ratio: f64,
    /// The large log.
    #[serde(flatten)]
    pub grown: Grown,
}

/// Coming back after `kill -9` while it appended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restart {
    /// From starting the process until both logs are open and the first record is durable.
    pub until_appended_ms: f64,
    /// Of that, opening both logs.
    pub open_ms: f64,
    /// Entries that were acknowledged before.
    pub acknowledged: u64,
    /// Entries that it had, with the new one.
    pub entries: u64,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        machine: Machine,
        file_system: String,
        stretches: Vec<Stretch>,
        restart: Restart,
        disk: Disk,
    ) -> Self {
        let last = stretches.get(stretches.len() - stretches.len() / 4..).unwrap_or_default();
        let mut ratios: Vec<f64> = last.iter().map(|stretch| stretch.ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let lowest = stretches.iter().map(|stretch| stretch.ratio).reduce(f64::min);
        let slowest = last.iter().map(|stretch| stretch.grown.proof_p99_ms).reduce(f64::max);
        let peak = stretches.iter().map(|stretch| stretch.grown.rss_peak_kib).max();
        Self {
            schema: "placet/bench-grow/v1",
            entries: stretches.last().map_or(0, |stretch| stretch.entries),
            size: options.size,
            ratio: ratios.get(ratios.len() / 2).copied().unwrap_or(0.0),
            ratio_lowest: lowest.unwrap_or(0.0),
            proof_p99_ms: slowest.unwrap_or(0.0),
            rss_peak_mib: (peak.unwrap_or(0) as f64 / 102.4).round() / 10.0,
            restart,
            disk,
            stretches,
            left_out: "the search index, which follows the log in a thread of the service",
            fsync: "fdatasync of every batch, before it is answered",
            file_system,
            version: env!("CARGO_PKG_VERSION"),
            commit: machine::commit(),
            date: machine::today(),
            machine,
        }
    }

    /// As lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        let (disk, restart) = (&self.disk, &self.restart);
        let mut out =
            format!("{} entries of {} bytes, one once key each\n", self.entries, self.size);
        let mut line = |name: &str, value: String| {
            // Writing to a string can't fail.
            let _ = writeln!(out, "  {name:<30} {value}");
        };
        line(
            "rate, of an empty log's",
            format!("{:.3} (lowest {:.3})", self.ratio, self.ratio_lowest),
        );
        line("proof of a random entry, p99", format!("{:.3} ms", self.proof_p99_ms));
        line("memory at most", format!("{:.1} MiB", self.rss_peak_mib));
        line("from kill -9 to appended", format!("{:.0} ms", restart.until_appended_ms));
        line("disk beside the bodies", format!("{} bytes an entry", disk.per_entry));
        line("once index, rebuildable", format!("{} bytes an entry", disk.once_index_per_entry));
        out
    }
}
