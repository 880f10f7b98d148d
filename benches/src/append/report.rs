//! The result, as JSON and as text.

use serde::Serialize;

use crate::machine::Machine;

/// What was measured. Rates are per second of the time that is measured, ratios are of two rates of
/// this run, times are in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Approvals of the bare loop.
    pub floor_per_s: f64,
    /// Approvals of our engine in this process.
    pub engine_per_s: f64,
    /// Answers of our service over HTTP.
    pub http_per_s: f64,
    /// Records without an assertion of our engine.
    pub records_per_s: f64,
    /// Of the floor.
    pub ratio_engine: f64,
    /// Of the floor.
    pub ratio_http: f64,
    /// Of the engine's approvals.
    pub ratio_records: f64,
    /// Half of the flushes of the bare loop took at most so long.
    pub fdatasync_p50_ms: f64,
    /// 99 of 100 did.
    pub fdatasync_p99_ms: f64,
    /// From handing an answer to the engine to its proof under a signed checkpoint, at
    /// `load_of_latencies`: half took at most so long.
    pub proof_p50_ms: f64,
    /// 99 of 100 did.
    pub proof_p99_ms: f64,
    /// Approvals a second while that was measured: half of what the engine can.
    pub load_of_latencies: f64,
    /// From sending an answer to its acknowledgement, at full load: half took at most so long.
    pub http_p50_ms: f64,
    /// 99 of 100 did.
    pub http_p99_ms: f64,
    /// Of the service's stage, the time that counts, in seconds; the rest prepared.
    pub http_timed_s: f64,
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
    /// The day, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
}

impl Report {
    /// The figures, one a line.
    #[must_use]
    pub fn text(&self) -> String {
        let Machine { processor, cores, .. } = &self.machine;
        format!(
            "floor      {:>7.0}/s  verify ES256, sign Ed25519, hash, group fdatasync\n\
             engine     {:>7.0}/s  {:.1} % of the floor\n\
             service    {:>7.0}/s  {:.1} % of the floor, over HTTP with its load program\n\
             unsigned   {:>7.0}/s  {:.1} times the engine's approvals\n\
             to proof   p50 {:.3} ms, p99 {:.3} ms, at {:.0}/s\n\
             fdatasync  p50 {:.3} ms, p99 {:.3} ms, in the bare loop\n\
             on {cores} cores of {processor}, {}; {}\n",
            self.floor_per_s,
            self.engine_per_s,
            self.ratio_engine * 100.0,
            self.http_per_s,
            self.ratio_http * 100.0,
            self.records_per_s,
            self.ratio_records,
            self.proof_p50_ms,
            self.proof_p99_ms,
            self.load_of_latencies,
            self.fdatasync_p50_ms,
            self.fdatasync_p99_ms,
            self.file_system,
            self.fsync,
        )
    }
}
