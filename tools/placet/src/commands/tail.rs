//! `log tail`: the newest statements, one a line, and what follows them. What is printed is the
//! ledger's word, and what statements claim: only what `placet-verify` has checked is evidence.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use placet_ledger::storage::Statement as Stored;
use placet_ledger::{Error as LedgerError, LogId};
use placet_proto::document::{Body, Initiator, OutcomeResult, Verdict};
use placet_proto::kind::Kind;
use placet_proto::statement::{self, Statement};
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};
use placet_verify::escape;
use serde::Serialize;

use super::log::Entry;
use crate::cli::{Tail, Tailed};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::output::{Output, Shown};

/// Most lines that are shown of what is there.
const MAX_LINES: u64 = 10_000;
/// How far back lines that fit a filter are looked for, in each log.
const MAX_LOOK: u64 = 100_000;
/// Requests whose agents are remembered, for statements that name the request only.
const MAX_AGENTS: usize = 65_536;
/// The folder is looked at this often. To read it again costs more the larger it is, so the next
/// look is at least [`REST`] times as far away as reading it took.
const LOOK: Duration = Duration::from_millis(200);
const REST: u32 = 9;
/// Characters of what an action or an agent is called.
const MAX_WHAT: usize = 96;
const MAX_AGENT: usize = 20;

/// Words for what has no kind of this profile.
const ERASED: &str = "erased";
const EXTERNAL: &str = "external";

/// Shows the last lines, and with `--follow` those that come.
///
/// # Errors
/// A kind that there is not, as a mistake on the command line; those of the folder; `log.rollback`
/// when a log that is followed gets shorter.
pub fn run(args: &Tail, output: &mut Output) -> Result<Exit, Failure> {
    let mut tail = Reader::new(args)?;
    let mut seen = Seen::of(&args.dir);
    let mut began = Instant::now();
    let folder = Folder::open(&args.dir)?;
    for line in tail.last(&folder, args.lines.min(MAX_LINES))? {
        output.show(&line)?;
    }
    drop(folder);
    while args.follow && !output.is_cut() {
        std::thread::sleep(LOOK.max(began.elapsed().saturating_mul(REST)));
        began = Instant::now();
        let now = Seen::of(&args.dir);
        if now == seen {
            continue;
        }
        let folder = Folder::open(&args.dir)?;
        for line in tail.new_lines(&folder)? {
            output.show(&line)?;
        }
        seen = now;
    }
    Ok(Exit::Done)
}

/// What the journals look like from outside: when that stays, no statement was added.
#[derive(PartialEq)]
struct Seen(Vec<(std::ffi::OsString, u64, Option<SystemTime>)>);

impl Seen {
    fn of(root: &Path) -> Self {
        let files = std::fs::read_dir(root.join("bodies")).into_iter().flatten().flatten();
        let look = files.filter_map(|file| {
            let about = file.metadata().ok()?;
            Some((file.file_name(), about.len(), about.modified().ok()))
        });
        let mut all: Vec<_> = look.collect();
        all.sort();
        Self(all)
    }
}

/// Reads lines, and knows how far it got.
struct Reader<'a> {
    args: &'a Tail,
    logs: Vec<LogId>,
    next: BTreeMap<LogId, u64>,
    agents: Agents,
}

impl<'a> Reader<'a> {
    fn new(args: &'a Tail) -> Result<Self, Failure> {
        for kind in &args.kind {
            if Kind::from_name(kind).is_none() && kind != ERASED && kind != EXTERNAL {
                return Err(Failure::Usage(format!("there is no kind {:?}", escape::line(kind))));
            }
        }
        let logs = match args.log {
            Tailed::Main => vec![LogId::Main],
            Tailed::Gov => vec![LogId::Gov],
            Tailed::Both => LogId::ALL.to_vec(),
        };
        Ok(Self { args, logs, next: BTreeMap::new(), agents: Agents::default() })
    }

    /// The last `count` lines that fit.
    fn last(&mut self, folder: &Folder, count: u64) -> Result<Vec<Line>, Failure> {
        let filtered =
            !self.args.kind.is_empty() || self.args.request.is_some() || self.args.agent.is_some();
        let look = if filtered { MAX_LOOK } else { count };
        let keep = usize::try_from(count).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        for id in self.logs.clone() {
            let size = folder.log(id).size();
            let lines = self.read(folder, id, size.saturating_sub(look)..size, keep)?;
            all.push(lines);
        }
        let merged = merge(all);
        Ok(merged.into_iter().rev().take(keep).rev().collect())
    }

    /// Those behind what was read.
    fn new_lines(&mut self, folder: &Folder) -> Result<Vec<Line>, Failure> {
        let mut all = Vec::new();
        for id in self.logs.clone() {
            let (first, size) = (self.next.get(&id).copied().unwrap_or(0), folder.log(id).size());
            if size < first {
                let detail = format!("{}: {first} entries were there, now {size}", id.name());
                return Err(Failure::refused("log.rollback", detail));
            }
            all.push(self.read(folder, id, first..size, usize::MAX)?);
        }
        Ok(merge(all))
    }

    fn read(
        &mut self,
        folder: &Folder,
        id: LogId,
        range: Range<u64>,
        keep: usize,
    ) -> Result<VecDeque<Line>, Failure> {
        let (mut lines, end) = (VecDeque::new(), range.end);
        let log = folder.log(id);
        // Entries of erased statements are read one by one; they are few.
        let mut failed: Result<(), LedgerError> = Ok(());
        log.visit(range, |index, stored| {
            let line = match stored {
                Stored::Present(bytes) => self.line(id, index, sha256(&bytes), Some(&bytes)),
                Stored::Erased | Stored::NotFound => match log.entry(index) {
                    Ok(entry) => self.line(id, index, entry, None),
                    Err(error) => {
                        failed = Err(error);
                        return ControlFlow::Break(());
                    }
                },
            };
            if self.fits(&line) {
                if lines.len() >= keep {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
            ControlFlow::Continue(())
        })?;
        failed?;
        self.next.insert(id, end);
        Ok(lines)
    }

    fn fits(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, has: &Option<String>| {
            wanted.is_none() || wanted.as_deref() == has.as_deref()
        };
        let Tail { kind, request, agent, .. } = self.args;
        (kind.is_empty() || kind.iter().any(|kind| kind == line.kind()))
            && is(request, &line.entry.request)
            && (is(agent, &line.agent) || is(agent, &line.subject))
    }

    fn line(&mut self, id: LogId, index: u64, entry: [u8; 32], bytes: Option<&[u8]>) -> Line {
        let log = match id {
            LogId::Main => "main",
            LogId::Gov => "gov",
        };
        let statement = bytes.and_then(|bytes| Statement::parse(bytes).ok());
        let mut line = Line { log, ..Line::bare(Entry::of(index, entry, statement.as_ref())) };
        match (&statement, bytes) {
            (Some(statement), _) => {
                let body = &statement.document.body;
                line.issued = Some(statement.header.iat);
                (line.tone, line.what) = summary(body);
                (line.agent, line.subject) = self.agents.of(body);
            }
            // Others may register what only looks like a statement of ours, or does not.
            (None, Some(bytes)) => {
                line.issued = statement::peek(bytes).ok().map(|(header, _)| header.iat);
                line.entry.iat = line.issued.map(|at| UnixSeconds(at).to_string());
                line.entry.kind = Some(EXTERNAL.to_owned());
                line.entry.erased = false;
            }
            (None, None) => {}
        }
        line
    }
}

/// The logs' lines as one list: each log in its own order, between them by claimed time.
fn merge(mut logs: Vec<VecDeque<Line>>) -> Vec<Line> {
    let mut out = Vec::new();
    loop {
        let first = logs.iter_mut().filter(|log| !log.is_empty());
        let Some(log) = first.min_by_key(|log| log.front().and_then(|line| line.issued)) else {
            return out;
        };
        out.extend(log.pop_front());
    }
}

/// Agents and subjects of the newest requests.
#[derive(Default)]
struct Agents {
    by_request: BTreeMap<String, (Option<String>, Option<String>)>,
    order: VecDeque<String>,
}

impl Agents {
    fn of(&mut self, body: &Body) -> (Option<String>, Option<String>) {
        let id = |initiator: &Initiator| Some(initiator.id.clone());
        let (agent, subject) = match body {
            Body::Decision(d) => (id(&d.initiator), Some(d.action.subject_ref().1.to_owned())),
            Body::Approval(a) | Body::Denial(a) => {
                (id(&a.initiator), Some(a.action.subject_ref().1.to_owned()))
            }
            Body::Execution(e) => (id(&e.initiator), None),
            _ => (None, None),
        };
        let Some(request) = body.request() else { return (agent, subject) };
        let known = self.by_request.get(request).cloned().unwrap_or_default();
        let found = (agent.or_else(|| known.0.clone()), subject.or_else(|| known.1.clone()));
        if found != known && self.by_request.insert(request.to_owned(), found.clone()).is_none() {
            self.order.push_back(request.to_owned());
        }
        while self.order.len() > MAX_AGENTS {
            if let Some(oldest) = self.order.pop_front() {
                self.by_request.remove(&oldest);
            }
        }
        found
    }
}

/// How a line is coloured.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Bad,
    Open,
    Done,
    Rule,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
            Self::Done => "36",
            Self::Rule => "35",
        }
    }
}

/// What a statement says, in short, not escaped.
fn summary(body: &Body) -> (Tone, String) {
    let acts = |action: &placet_proto::action::Action| {
        let (kind, id) = action.resource_ref();
        format!("{} {kind}/{id}", action.name())
    };
    match body {
        Body::Decision(d) => {
            let tone = match d.decision {
                Verdict::Permit => Tone::Good,
                Verdict::Deny => Tone::Bad,
                Verdict::Requestable => Tone::Open,
            };
            (tone, format!("{}: {} ({})", d.decision.name(), acts(&d.action), d.reason))
        }
        Body::Approval(a) => (Tone::Good, format!("{} by {}", acts(&a.action), a.approver.person)),
        Body::Denial(a) => (Tone::Bad, format!("{} by {}", acts(&a.action), a.approver.person)),
        Body::Expiry(_) | Body::Cancel(_) => (Tone::Open, String::new()),
        Body::Execution(e) => (Tone::Done, format!("approvals {}", e.approvals.len())),
        Body::Outcome(o) => {
            let (tone, word) = match o.result {
                OutcomeResult::Success => (Tone::Good, "success"),
                OutcomeResult::Failure => (Tone::Bad, "failure"),
                OutcomeResult::Unknown => (Tone::Open, "unknown"),
            };
            (tone, format!("{word} of entry {}", o.execution.index))
        }
        Body::Erasure(e) => (Tone::Rule, format!("{} statements: {}", e.targets.len(), e.reason)),
        Body::Administration(a) => (Tone::Rule, format!("{} {}", a.act, a.target)),
        Body::Genesis(g) => (Tone::Rule, g.origin.clone()),
        Body::Key(k) => (Tone::Rule, format!("{} keys", k.keys.len())),
        Body::Policy(p) => (Tone::Rule, format!("{} files", p.files.len())),
        Body::Enrolment(e) => (Tone::Rule, format!("{} {}", e.person, roles(&e.roles))),
        Body::Role(r) => (Tone::Rule, format!("{} {}", r.person, roles(&r.roles))),
        Body::Revocation(r) => (Tone::Bad, format!("key {}", b64::encode_hex(r.key))),
        Body::Recovery(r) => (Tone::Rule, format!("{} {}", r.person, roles(&r.roles))),
    }
}

fn roles(roles: &[placet_proto::document::Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    names.join(",")
}

/// An entry with what tells it from others at a glance.
#[derive(Debug, Serialize)]
struct Line {
    log: &'static str,
    #[serde(flatten)]
    entry: Entry,
    /// Who asked, as the newest statement of the request that names it says.
    agent: Option<String>,
    subject: Option<String>,
    #[serde(skip)]
    issued: Option<u64>,
    #[serde(skip)]
    tone: Tone,
    #[serde(skip)]
    what: String,
}

impl Line {
    fn bare(entry: Entry) -> Self {
        let (agent, subject, issued) = (None, None, None);
        Self { log: "", entry, agent, subject, issued, tone: Tone::Plain, what: String::new() }
    }

    fn kind(&self) -> &str {
        self.entry.kind.as_deref().unwrap_or(ERASED)
    }
}

impl Shown for Line {
    /// Log, index, time, kind, request, agent, what: the columns stay where they are.
    fn text(&self) -> String {
        let (log, index, kind, tone) = (self.log, self.entry.index, self.kind(), self.tone);
        let iat = self.entry.iat.as_deref().unwrap_or("-");
        let request = short(self.entry.request.as_deref().unwrap_or("-"), 36);
        let agent = short(self.agent.as_deref().unwrap_or("-"), MAX_AGENT);
        let what = short(&self.what, MAX_WHAT);
        let line = format!(
            "{log:<4} {index:>8}  {iat:<20}  \x1b[{}m{kind:<14}\x1b[0m  {request:<36}  \
             {agent:<MAX_AGENT$}  {what}",
            tone.code(),
        );
        line.trim_end().to_owned() + "\n"
    }
}

/// Text of others, escaped, cut to so many characters.
fn short(text: &str, max: usize) -> String {
    let escaped = escape::line(text);
    if escaped.chars().count() <= max {
        return escaped;
    }
    escaped.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(log: &'static str, index: u64, issued: u64) -> Line {
        Line { log, issued: Some(issued), ..Line::bare(Entry::of(index, [0; 32], None)) }
    }

    #[test]
    fn two_logs_are_one_list_in_which_each_keeps_its_order() {
        // The second entry of the main log claims to be older than the first.
        let main = VecDeque::from([line("main", 0, 10), line("main", 1, 5), line("main", 2, 30)]);
        let gov = VecDeque::from([line("gov", 0, 7), line("gov", 1, 20)]);
        let merged = merge(vec![main, gov]);
        let order: Vec<_> = merged.iter().map(|line| (line.log, line.entry.index)).collect();
        assert_eq!(order, [("gov", 0), ("main", 0), ("main", 1), ("gov", 1), ("main", 2)]);
    }

    #[test]
    fn columns_stay_whatever_an_agent_is_called() {
        let shown = |agent: &str, what: &str| {
            let (agent, what) = (Some(agent.to_owned()), what.to_owned());
            Line { agent, what, ..line("main", 3, 0) }.text()
        };
        let plain = shown("bot", "what");
        for text in ["\u{1b}[2J\u{202e}x", "a\nb", &"n".repeat(500), "\u{200b}"] {
            let other = shown(text, "what");
            assert!(!other.contains('\u{202e}') && !other.contains("[2J\u{202e}"), "{other:?}");
            assert_eq!(other.matches('\n').count(), 1);
            assert_eq!(other.matches('\u{1b}').count(), 2, "only our colours");
            assert_eq!(other.chars().count(), plain.chars().count(), "{other:?}");
        }
        assert!(shown("bot", &"x".repeat(4000)).chars().count() < 300);
    }

    #[test]
    fn agents_are_remembered_within_a_limit() {
        let mut agents = Agents::default();
        for n in 0..MAX_AGENTS + 10 {
            agents.by_request.insert(format!("{n:08}"), (Some(n.to_string()), None));
            agents.order.push_back(format!("{n:08}"));
        }
        assert_eq!(agents.of(&expiry("00070000")), (None, None));
        assert!(agents.order.len() <= MAX_AGENTS && agents.by_request.len() <= MAX_AGENTS);
        let last = MAX_AGENTS + 9;
        assert_eq!(agents.of(&expiry(&format!("{last:08}"))).0, Some(last.to_string()));
    }

    fn expiry(request: &str) -> Body {
        let request = request.to_owned();
        Body::Expiry(placet_proto::document::Ended { request, at: UnixSeconds(0), reason: None })
    }
}
