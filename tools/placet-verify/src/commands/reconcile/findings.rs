//! What a comparison finds and counts.

use std::collections::BTreeMap;

/// Most findings that are kept of each code; all are counted.
const MAX_LISTED: usize = 100;

/// Something that is not as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Stable code, `event.*`.
    pub code: &'static str,
    /// Which log, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<&'static str>,
    /// Which leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Line of the events, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was found.
    pub detail: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many of each code.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first of each code.
    pub listed: Vec<Finding>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        self.add_many(finding, 1);
    }

    /// Adds one that counts as many.
    pub fn add_many(&mut self, finding: Finding, count: u64) {
        let counted = self.counts.entry(finding.code).or_default();
        *counted = counted.saturating_add(count);
        if self.listed.iter().filter(|known| known.code == finding.code).count() < MAX_LISTED {
            self.listed.push(finding);
        }
    }
}

/// What the walk counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Lines.
    pub lines: u64,
    /// Events of leaves, each leaf once.
    pub leaves: u64,
    /// Checkpoints, each once.
    pub checkpoints: u64,
    /// Lines that repeat an earlier event and are the same.
    pub repeated: u64,
    /// Findings and tests of an exporter, which are of no leaf.
    pub others: u64,
    /// References to events that were too long for the receiver.
    pub references: u64,
    /// Events of the log that is not compared.
    pub skipped: u64,
}
