//! The result, as JSON and as text.

use serde::Serialize;

use crate::machine::Machine;

/// What was measured. Rates are per second of the time that is measured, ratios are of two rates of
/// this run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Approvals of the bare loop.
    pub floor_per_s: f64,
    /// Half of the flushes of the bare loop took at most so long, in milliseconds.
    pub fdatasync_p50_ms: f64,
    /// 99 of 100 did.
    pub fdatasync_p99_ms: f64,
    /// Approvals that the bare loop made durable by one flush, on average.
    pub floor_per_flush: f64,
    /// When an append counts.
    pub fsync: &'static str,
    /// Time of each stage.
    pub seconds: f64,
    /// Where the files were.
    pub file_system: String,
    /// Version of this program.
    pub version: &'static str,
    /// Commit of the working folder, if it is a repository.
    pub commit: Option<String>,
    /// The machine.
    pub machine: Machine,
}

impl Report {
    /// The figures, one a line.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "floor    {:>9.0}/s  verify ES256, sign Ed25519, hash, group fdatasync\n\
             fdatasync p50 {:.3} ms, p99 {:.3} ms\n",
            self.floor_per_s, self.fdatasync_p50_ms, self.fdatasync_p99_ms
        )
    }
}
