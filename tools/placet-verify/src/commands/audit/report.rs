//! The result of an audit: the struct from which both text and JSON are made
//! (`proto/schema/audit-result.schema.json`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use placet_proto::time::UnixSeconds;
use placet_verifier::audit::{Finding, Weight};
use serde::Serialize;

use super::run::Done;
use super::source::Source;
use crate::cli::Audit;
use crate::codes;
use crate::error::shown;
use crate::escape;
use crate::exit::Exit;
use crate::output::style;
use crate::result::{NOT_PROVED, Tool, TrustFacts};
use crate::text;
use crate::trust::{GivenTrust, WORTH};

/// `schema` of the JSON output.
const SCHEMA: &str = "placet/audit-result/v1";
/// Findings in the text; JSON lists all that the verifier lists.
const IN_TEXT: usize = 50;

/// The result of an audit. All but `run` depends on the copies and the trust file only.
#[derive(Debug, Serialize)]
pub struct AuditResult {
    schema: &'static str,
    copy: String,
    result: &'static str,
    exit_code: u8,
    /// The code of the finding that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    caveats: Vec<String>,
    main: LogFacts,
    gov: LogFacts,
    requests: u64,
    assertions: u64,
    /// How many findings there are of each code.
    codes: BTreeMap<&'static str, u64>,
    findings_total: u64,
    findings: Vec<View>,
    not_proved: &'static [&'static str],
    unknown_signatures: Vec<String>,
    assumption: String,
    trust: TrustFacts,
    as_of: String,
    tool: Tool,
    /// How this run went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunFacts>,
    /// The exit code.
    #[serde(skip)]
    pub exit: Exit,
}

#[derive(Debug, Serialize)]
struct LogFacts {
    origin: String,
    size: u64,
    root: Option<String>,
    /// Statements of each kind; `external`, `refused` and `missing` are no kinds.
    statements: BTreeMap<String, u64>,
}

/// A finding with what the code table says about it.
#[derive(Debug, Serialize)]
struct View {
    #[serde(flatten)]
    finding: Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<&'static str>,
}

/// How a run went: the one part of a result that is another one each time.
#[derive(Debug, Serialize)]
pub struct RunFacts {
    seconds: f64,
    threads: usize,
    /// Entries of the main log that an earlier run had done.
    resumed_at: u64,
    entries_per_s: f64,
    assertions_per_s: f64,
}

impl RunFacts {
    /// Of what was done in this time.
    pub fn new(elapsed: Duration, threads: usize, done: &Done) -> Self {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = |n: u64| (n as f64 / seconds * 10.0).round() / 10.0;
        let entries = done.main.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
        Self {
            seconds: (seconds * 1000.0).round() / 1000.0,
            threads,
            resumed_at: done.entries_before,
            entries_per_s: rate(entries.saturating_sub(done.entries_before)),
            assertions_per_s: rate(done.assertions.saturating_sub(done.assertions_before)),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { seconds, threads, resumed_at, entries_per_s, assertions_per_s } = self;
        let resumed = match resumed_at {
            0 => String::new(),
            n => format!(", the first {n} entries by an earlier run"),
        };
        format!(
            "{seconds} s on {threads} threads: {entries_per_s} entries, {assertions_per_s} \
             assertions a second{resumed}"
        )
    }
}

impl AuditResult {
    /// Of an audit that came to its end.
    pub fn new(
        args: &Audit,
        source: &Source,
        trust: &GivenTrust,
        as_of: UnixSeconds,
        mut done: Done,
    ) -> Self {
        let (verdict, code) = done.findings.verdict();
        let exit = Exit::from(verdict);
        let log = |origin: &str, size, root, statements| LogFacts {
            origin: escape::line(origin),
            size,
            root,
            statements,
        };
        let (main, gov) = (&source.checkpoint, &source.gov_checkpoint);
        Self {
            schema: SCHEMA,
            copy: shown(&args.copy),
            result: exit.result(),
            exit_code: exit.code(),
            code,
            caveats: done.caveats,
            main: log(&main.origin, main.size, done.root, done.main),
            gov: log(&gov.origin, gov.size, done.gov_root, done.gov),
            requests: done.requests,
            assertions: done.assertions,
            codes: done.findings.by_code().clone(),
            findings_total: done.findings.total(),
            findings: done.findings.listed().iter().map(View::of).collect(),
            not_proved: NOT_PROVED,
            unknown_signatures: done.unknown_signatures,
            assumption: done.assumption,
            trust: TrustFacts {
                path: trust.path.clone(),
                sha256: trust.sha256.clone(),
                expires: trust.file.expires.map(|t| t.to_string()),
                worth: WORTH,
            },
            as_of: as_of.to_string(),
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            run: None,
            exit,
        }
    }

    /// The result as text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let code = self.code.map(|code| format!("  [{code}]")).unwrap_or_default();
        line(&mut out, &format!("{}  {}{code}", text::word(self.exit), self.copy));
        for caveat in &self.caveats {
            let caveat = escape::line(caveat);
            line(&mut out, &format!("  {}{caveat}{}", style::OPEN, style::RESET));
        }
        for log in [&self.main, &self.gov] {
            let root = log.root.as_deref().unwrap_or("not computed");
            line(&mut out, &format!("  {}: {} entries, root {root}", log.origin, log.size));
            let kinds = log.statements.iter().map(|(kind, n)| format!("{kind} {n}"));
            line(&mut out, &format!("    {}", kinds.collect::<Vec<_>>().join(", ")));
        }
        let (requests, assertions) = (self.requests, self.assertions);
        line(&mut out, &format!("  {requests} requests, {assertions} assertions of passkeys"));
        self.found(&mut out);
        line(&mut out, "  What this does not prove (SPEC.md 16):");
        for item in self.not_proved {
            line(&mut out, &format!("    - {item}"));
        }
        if !self.unknown_signatures.is_empty() {
            let keys = escape::line(&self.unknown_signatures.join(", "));
            line(&mut out, &format!("  Ignored signature lines of unknown keys: {keys}"));
        }
        line(&mut out, &format!("  Assumed: {}", self.assumption));
        let TrustFacts { path, sha256, expires, worth } = &self.trust;
        let expires = expires.as_deref().map_or("never expires".into(), |t| format!("expires {t}"));
        line(&mut out, &format!("  Trust file: {path}, sha256:{sha256}, {expires}"));
        line(&mut out, &format!("  {worth}"));
        out
    }

    fn found(&self, out: &mut String) {
        if self.findings_total == 0 {
            return line(out, "  Nothing was found.");
        }
        line(out, &format!("  {} findings:", self.findings_total));
        for (code, n) in &self.codes {
            let meaning = codes::explain(code).map_or("", |e| e.meaning);
            line(out, &format!("    {n:>8}  {code}: {meaning}"));
        }
        for view in self.findings.iter().take(IN_TEXT) {
            view.text(out);
        }
        let more = self.findings_total.saturating_sub(IN_TEXT as u64);
        if more > 0 {
            line(out, &format!("  and {more} more: see --json"));
        }
    }
}

impl View {
    fn of(finding: &Finding) -> Self {
        let explained = codes::explain(finding.code);
        let meaning = explained.as_ref().map(|e| e.meaning);
        let next = explained.as_ref().and_then(|e| e.next);
        let spec = explained.as_ref().map(|e| e.spec);
        Self { finding: finding.clone(), meaning, next, spec }
    }

    fn text(&self, out: &mut String) {
        let f = &self.finding;
        let (word, color) = match f.weight {
            Weight::Failed => ("FAILED", style::BAD),
            Weight::Indeterminate => ("open", style::OPEN),
            Weight::Noted => ("noted", ""),
        };
        let at = match (f.log, f.index) {
            (Some(log), Some(index)) => format!(" {log} {index}"),
            _ => String::new(),
        };
        let request = f.request.as_deref().map(|r| format!(", request {}", escape::line(r)));
        let request = request.unwrap_or_default();
        let (check, code) = (f.check, f.code);
        line(out, &format!("  {color}{word}{}{at}{request}: {check} [{code}]", style::RESET));
        line(out, &format!("    {}", escape::line(&f.detail)));
        if let (Some(expected), Some(got)) = (&f.expected, &f.got) {
            line(out, &format!("    expected {}", escape::line(expected)));
            line(out, &format!("    got      {}", escape::line(got)));
        }
        if let Some(next) = self.next {
            line(out, &format!("    Next: {next}"));
        }
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}
