//! The result: the struct from which both text and JSON are made
//! (`proto/schema/reconcile-result.schema.json`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::findings::{Counts, Finding};
use super::walk::Walk;
use crate::cli::Reconcile;
use crate::codes;
use crate::error::shown;
use crate::escape;
use crate::exit::Exit;
use crate::output::style;
use crate::result::Tool;

/// `schema` of the JSON output.
const SCHEMA: &str = "placet/reconcile-result/v1";
/// Findings of each code in the text.
const IN_TEXT: u64 = 10;
/// Codes that leave open whether the events are the log's; all others say that they are not.
const OPEN: &[&str] = &[
    "event.ahead",
    "event.bodies",
    "event.erased",
    "event.hashes",
    "event.none",
    "event.notes",
    "event.profile",
    "event.reference",
    "event.rollback",
    "event.tombstone",
];
/// What a PASSED does not say.
const NOT_PROVED: &[&str] = &[
    "that this copy is the log: placet-verify audit and consistency judge copies",
    "that the SIEM shows its analysts what was handed over here, and in the fields of its profile",
    "that what a receiver put around an event (syslog header, envelope) says the same",
];
/// What it does not say beside that of a ledger's own folder.
const NOT_PROVED_OF_OWN: &str = "that no checkpoint event was left out or cosigned otherwise: the \
     published checkpoints are in the ledger's database; in a copy by placet log export they are files";

/// The result of a comparison.
#[derive(Debug, Serialize)]
pub struct ReconcileResult {
    schema: &'static str,
    copy: String,
    events: String,
    result: &'static str,
    exit_code: u8,
    /// The code that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    logs: Vec<LogFacts>,
    profiles: Vec<ProfileFacts>,
    counts: Counts,
    /// How many findings there are of each code.
    codes: BTreeMap<&'static str, u64>,
    findings: Vec<Finding>,
    not_proved: Vec<&'static str>,
    tool: Tool,
    /// The exit code.
    #[serde(skip)]
    pub exit: Exit,
}

#[derive(Debug, Serialize)]
struct LogFacts {
    log: &'static str,
    origin: String,
    size: u64,
    /// Leaves of which whole content was compared.
    compared: u64,
}

#[derive(Debug, Serialize)]
struct ProfileFacts {
    format: &'static str,
    profile: String,
    events: u64,
}

impl ReconcileResult {
    /// The result of a walk that came to its end.
    pub fn new(args: &Reconcile, walk: &Walk) -> Self {
        let mut codes = walk.findings.counts.clone();
        // Nothing that was compared is never success.
        if walk.counts.leaves == 0 && codes.is_empty() {
            codes.insert("event.none", 1);
        }
        let failed = codes.keys().find(|code| !OPEN.contains(code)).copied();
        let (exit, code) = match (failed, codes.keys().next().copied()) {
            (Some(code), _) => (Exit::Failed, Some(code)),
            (None, Some(code)) => (Exit::Indeterminate, Some(code)),
            (None, None) => (Exit::Passed, None),
        };
        let logs = walk.logs.iter().map(|seen| {
            let (origin, size) = seen.copy();
            let (log, origin) = (seen.role().name(), origin.to_owned());
            LogFacts { log, origin, size, compared: seen.compared }
        });
        let profiles = walk.profiles.iter().map(|((format, profile), events)| ProfileFacts {
            format,
            profile: escape::line(profile),
            events: *events,
        });
        let mut not_proved = NOT_PROVED.to_vec();
        if walk.logs.iter().any(|seen| seen.side.is_own()) {
            not_proved.push(NOT_PROVED_OF_OWN);
        }
        let mut findings = walk.findings.listed.clone();
        findings.sort_unstable();
        for finding in &mut findings {
            finding.detail = escape::line(&finding.detail);
        }
        Self {
            schema: SCHEMA,
            copy: shown(&args.copy),
            events: shown(&args.events),
            result: exit.result(),
            exit_code: exit.code(),
            code,
            logs: logs.collect(),
            profiles: profiles.collect(),
            counts: walk.counts,
            codes,
            findings,
            not_proved,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            exit,
        }
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let colour = match self.exit {
            Exit::Passed => style::GOOD,
            Exit::Indeterminate => style::OPEN,
            _ => style::BAD,
        };
        let mut out = format!("{colour}{}{}  {}\n", self.exit.word(), style::RESET, self.events);
        let counts = &self.counts;
        let _ = writeln!(
            out,
            "  {} lines: {} leaves, {} checkpoints, {} repeated, {} of no leaf, {} skipped",
            counts.lines,
            counts.leaves,
            counts.checkpoints,
            counts.repeated,
            counts.others,
            counts.skipped
        );
        for log in &self.logs {
            let (name, origin) = (log.log, escape::line(&log.origin));
            let _ = writeln!(
                out,
                "  {name}  {origin}: {} of {} entries compared",
                log.compared, log.size
            );
        }
        for profile in &self.profiles {
            let _ = writeln!(
                out,
                "  {} events in {}, profile {}",
                profile.events, profile.format, profile.profile
            );
        }
        for (code, count) in &self.codes {
            let meaning = codes::find(code).map_or("", |c| c.meaning);
            let _ = writeln!(out, "\n{count} × {code}  {meaning}");
            let of_code = self.findings.iter().filter(|f| f.code == *code);
            for finding in of_code.take(usize::try_from(IN_TEXT).unwrap_or(usize::MAX)) {
                let _ = writeln!(out, "  {}", place(finding));
            }
            if *count > IN_TEXT {
                out.push_str("  …\n");
            }
        }
        out.push_str("\nNot proved:\n");
        for what in &self.not_proved {
            let _ = writeln!(out, "  {what}");
        }
        out
    }
}

fn place(finding: &Finding) -> String {
    let mut out = String::new();
    if let Some(log) = finding.log {
        out.push_str(log);
        out.push(' ');
    }
    if let Some(index) = finding.index {
        let _ = write!(out, "leaf {index} ");
    }
    if let Some(line) = finding.line {
        let _ = write!(out, "(line {line}) ");
    }
    let detail = &finding.detail;
    let _ = write!(out, "{detail}");
    out
}
