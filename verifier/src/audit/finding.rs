//! What an audit finds.

use std::collections::BTreeMap;

use placet_proto::kind::LogRole;
use serde::Serialize;

use crate::report::{Check, Problem, Status, Verdict};

/// Most findings that are listed; all are counted.
pub const MAX_FINDINGS: usize = 10_000;

/// What a finding does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It makes the audit FAILED.
    Failed,
    /// It makes an audit INDETERMINATE that is not FAILED.
    Indeterminate,
    /// It changes no verdict: what it is about has no effect.
    Noted,
}

/// One finding. Findings are ordered by log, index, request and check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// `gov` or `main`; absent for what is about the copy as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<&'static str>,
    /// Index of the statement in that log that it is about, or the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The request, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Id of the check (SPEC.md 9).
    pub check: &'static str,
    /// Stable code.
    pub code: &'static str,
    /// What it does to the verdict.
    pub weight: Weight,
    /// What was looked at.
    pub detail: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

impl Finding {
    /// A problem with a statement of one of the logs.
    pub(super) fn at(log: LogRole, index: u64, check: &'static str, problem: Problem) -> Self {
        let weight = match problem.status {
            Status::Failed => Weight::Failed,
            _ => Weight::Indeterminate,
        };
        let Problem { code, detail, expected, got, .. } = problem;
        let (log, index, request) = (Some(log.name()), Some(index), None);
        Self { log, index, request, check, code, weight, detail, expected, got }
    }

    /// A problem with the copies as wholes.
    pub(super) fn of_copies(check: &'static str, problem: Problem) -> Self {
        let (log, index) = (None, None);
        Self { log, index, ..Self::at(LogRole::Main, 0, check, problem) }
    }

    /// A check that did not pass; `None` for one that passed or that no verdict needs.
    pub(super) fn of_check(check: Check) -> Option<Self> {
        let weight = match check.status {
            Status::Failed => Weight::Failed,
            Status::Indeterminate | Status::NotChecked if check.required => Weight::Indeterminate,
            _ => return None,
        };
        let Check { id, request, code, detail, expected, got, .. } = check;
        let code = code.unwrap_or("audit.not_checked");
        let (log, index) = (None, None);
        Some(Self { log, index, request, check: id, code, weight, detail, expected, got })
    }
}

/// The findings of an audit: the first [`MAX_FINDINGS`] in their order, and how many there are.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    listed: Vec<Finding>,
    by_code: BTreeMap<&'static str, u64>,
    by_weight: [u64; 3],
    /// The first by order that makes it FAILED, and that leaves it open.
    first: [Option<Finding>; 2],
    misbehaved: bool,
}

impl Findings {
    /// Takes findings, in any order.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let count = self.by_code.entry(finding.code).or_default();
            *count = count.saturating_add(1);
            let weight = match finding.weight {
                Weight::Failed => 0,
                Weight::Indeterminate => 1,
                Weight::Noted => 2,
            };
            if let Some(count) = self.by_weight.get_mut(weight) {
                *count = count.saturating_add(1);
            }
            self.misbehaved |= finding.code == "log.equivocation";
            if let Some(first) = self.first.get_mut(weight)
                && first.as_ref().is_none_or(|f| finding < *f)
            {
                *first = Some(finding.clone());
            }
            self.listed.push(finding);
            if self.listed.len() >= MAX_FINDINGS.saturating_mul(2) {
                self.cut();
            }
        }
    }

    /// The findings that are listed, in their order.
    pub fn listed(&mut self) -> &[Finding] {
        self.cut();
        &self.listed
    }

    /// How many there are of each code.
    #[must_use]
    pub fn by_code(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_code
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_weight.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The verdict, and the code of the first finding that decides it.
    #[must_use]
    pub fn verdict(&self) -> (Verdict, Option<&'static str>) {
        let [failed, open] = &self.first;
        match (self.misbehaved, failed, open) {
            (true, ..) => (Verdict::LogMisbehaved, Some("log.equivocation")),
            (_, Some(f), _) => (Verdict::Failed, Some(f.code)),
            (_, _, Some(f)) => (Verdict::Indeterminate, Some(f.code)),
            _ => (Verdict::Passed, None),
        }
    }

    fn cut(&mut self) {
        self.listed.sort();
        self.listed.truncate(MAX_FINDINGS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(index: u64, weight: Weight) -> Finding {
        let problem = Problem::failed("body.missing", format!("leaf {index}"));
        Finding { weight, ..Finding::at(LogRole::Main, index, "body.present", problem) }
    }

    #[test]
    fn what_is_listed_and_what_decides_does_not_depend_on_the_order_of_finding() {
        let all: Vec<Finding> =
            (0..25_000).map(|i| finding(i * 7919 % 25_000, Weight::Failed)).collect();
        let (mut one, mut other) = (Findings::default(), Findings::default());
        one.add(all.clone());
        other.add(all.into_iter().rev());
        assert_eq!(one.listed().len(), MAX_FINDINGS);
        assert_eq!(one.listed(), other.listed());
        assert_eq!(one.listed()[9], finding(9, Weight::Failed));
        assert_eq!((one.total(), one.by_code()["body.missing"]), (25_000, 25_000));
    }

    #[test]
    fn a_failure_outweighs_what_is_open_and_a_note_weighs_nothing() {
        let mut findings = Findings::default();
        assert_eq!(findings.verdict(), (Verdict::Passed, None));
        findings.add([finding(1, Weight::Noted)]);
        assert_eq!(findings.verdict(), (Verdict::Passed, None));
        findings.add([finding(2, Weight::Indeterminate)]);
        assert_eq!(findings.verdict().0, Verdict::Indeterminate);
        findings.add([finding(9, Weight::Failed)]);
        assert_eq!(findings.verdict().0, Verdict::Failed);
    }
}
