//! Figures of a run, and what has to hold of them.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::agent::Task;
use super::meter::{Memory, Meter, Sorted, Usage, ms};
use super::person::Seen;
use super::{PAGE_P99, Size};

/// Growth in the second half of a run that counts as flat: so many MiB for what has yet to be
/// touched once, and so many for each minute. What grows for a while are documents that persons
/// looked at and did not sign: they are kept for ten minutes, 32 of each person. Everything else
/// goes to files.
const FLAT_MIB: f64 = 8.0;
const FLAT_MIB_MIN: f64 = 4.0;
/// Part of the processors that other programs may use before times say more about them than about
/// the service.
const OTHERS: f64 = 0.10;

/// See the module.
pub struct Figures {
    values: Map<String, Value>,
    page_p99: Duration,
    slope: f64,
    others: f64,
    refused: u64,
}

impl Figures {
    pub fn new(
        size: &Size,
        took: Duration,
        (seen, tasks): (&[Seen], &[Task]),
        (meter, memory, usage): (&Meter, &Memory, &Usage),
    ) -> Self {
        let pages = Sorted::new(seen.iter().flat_map(|s| &s.pages));
        let calls = Sorted::new(tasks.iter().flat_map(|t| &t.calls));
        let waited = Sorted::new(tasks.iter().map(|t| &t.waited));
        let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
        let answers: HashSet<&str> =
            seen.iter().flat_map(|s| &s.answers).map(|a| a.request.as_str()).collect();
        let unanswered = tasks.iter().filter(|t| !answers.contains(t.request.as_str())).count();
        let approved = tasks.iter().filter(|t| t.approved).count();
        let executed = tasks.iter().filter(|t| t.execution.is_some()).count();
        let (first, last, most) = memory.summary();
        let (slope, refused) = (memory.slope(), meter.with_status(&[429, 503]));
        let part = |part: f64| json!((part * 1000.0).round() / 1000.0);
        let values = json!({
            "seconds": took.as_secs(), "approvers": size.approvers, "agents": size.agents,
            "requests": tasks.len(), "approved": approved, "executed": executed,
            "denied": tasks.len() - approved, "answers": sum(|s| s.answers.len() as u64),
            "lost": unanswered + approved - executed,
            "came_late": sum(|s| s.late), "events": sum(|s| s.events), "refused": refused,
            "pages": pages.len(), "page_p50_ms": ms(pages.part(0.5)),
            "page_p99_ms": ms(pages.part(0.99)), "page_max_ms": ms(pages.part(1.0)),
            "calls": calls.len(), "call_p50_ms": ms(calls.part(0.5)),
            "call_p99_ms": ms(calls.part(0.99)), "person_p50_ms": ms(waited.part(0.5)),
            "rss_first_mib": first.round(), "rss_last_mib": last.round(),
            "rss_most_mib": most.round(), "rss_slope_mib_min": (slope * 100.0).round() / 100.0,
            "cpu_service": part(usage.service), "cpu_test": part(usage.test),
            "cpu_others": part(usage.others), "routes": meter.routes(),
        });
        let Value::Object(values) = values else { unreachable!("it is an object") };
        let (page_p99, others) = (pages.part(0.99), usage.others);
        Self { values, page_p99, slope, others, refused }
    }

    pub fn json(&self) -> String {
        Value::Object(self.values.clone()).to_string()
    }

    /// What holds of every run, and of one that is long enough how much memory it took. Times are
    /// judged where the machine was ours: else they are told, and told not to be judged.
    pub fn judge(&self, long: bool) {
        let requests = self.values["requests"].as_u64().unwrap_or_default();
        assert!(requests > 0, "no agent asked for anything");
        // That what was acknowledged is in the log, too, was looked up before.
        assert_eq!(self.values["lost"], 0, "each request is answered, each approval carried out");
        assert_eq!(self.refused, 0, "who works as persons and agents do is not refused");
        if long {
            let minutes = self.values["seconds"].as_f64().unwrap_or_default() / 120.0;
            let grown = self.slope * minutes;
            let flat = grown < FLAT_MIB + FLAT_MIB_MIN * minutes;
            assert!(flat, "memory grew by {grown:.1} MiB in the last {minutes:.1} minutes");
        }
        let quick = self.page_p99 < PAGE_P99;
        match self.others < OTHERS {
            true => assert!(quick, "pages: p99 {:?}", self.page_p99),
            false => println!(
                "load: times are not judged: other programs used {:.0} % of this machine; p99 of \
                 pages {:?}, {}",
                self.others * 100.0,
                self.page_p99,
                if quick { "which is quick enough all the same" } else { "too slow" },
            ),
        }
    }
}
