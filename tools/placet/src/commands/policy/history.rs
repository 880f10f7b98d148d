//! `policy history`: every policy that was ever in force, who signed it, and what it changed.

use std::time::{Duration, Instant};

use placet_ledger::service::render;
use placet_pep::cedar::CedarPdp;
use placet_proto::b64;
use placet_proto::document::Digest;
use placet_verify::escape;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::source::{Entry, Source};
use crate::cli::PolicyHistory;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// How long the shortest difference of two files is sought; then a longer one does.
const DIFF_TIME: Duration = Duration::from_secs(2);
/// Unchanged lines around a change.
const CONTEXT_LINES: usize = 3;

/// Lists the policies, the oldest first.
///
/// # Errors
/// Those of the folder or the service.
pub fn run(args: &PolicyHistory, output: &mut Output) -> Result<Exit, Failure> {
    let source = Source::needed(&args.from)?;
    let dev = source.is_dev()?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    // The one before the first that is shown, to say what that changed.
    let (entries, _) = source.entries(limit.saturating_add(1))?;
    let shown_from = entries.len().saturating_sub(limit);
    let last = entries.last().map(|entry| entry.index);
    let mut policies = Vec::new();
    for (at, entry) in entries.iter().enumerate().skip(shown_from) {
        let before = at.checked_sub(1).and_then(|before| entries.get(before));
        policies.push(Shows {
            index: entry.index,
            at: entry.at.clone(),
            manifest: b64::encode_hex(entry.manifest),
            signer: entry.signer.as_ref().map(|(person, credential)| Signer {
                person: person.clone(),
                credential: credential.clone(),
            }),
            in_force: Some(entry.index) == last,
            armed: armed(&source, entry, dev)?,
            changes: changes(&source, before, entry, args.diff)?,
        });
    }
    let more = shown_from > 0;
    output.show(&History { schema: "placet/policy-history/v1", policies, more })?;
    Ok(Exit::Done)
}

/// Whether this program could arm it: its canary is denied, and nothing else is in the way.
fn armed(source: &Source, entry: &Entry, dev: bool) -> Result<Armed, Failure> {
    let files = match source.files(&entry.files)? {
        Ok(files) => files,
        Err(missing) => {
            let detail = format!("not kept here: {}", missing.join(", "));
            return Ok(Armed { canary: "unknown", code: Some("policy.missing"), detail });
        }
    };
    Ok(match CedarPdp::load_with(&files, dev) {
        Ok(pdp) => Armed { canary: "denied", code: None, detail: pdp.hazards().join("; ") },
        Err(error) => {
            let canary = if error.code() == "policy.canary" { "not denied" } else { "unknown" };
            Armed { canary, code: Some(error.code()), detail: error.to_string() }
        }
    })
}

/// Files that differ from those of the policy before; all of the first.
fn changes(
    source: &Source,
    before: Option<&Entry>,
    now: &Entry,
    diff: bool,
) -> Result<Vec<Change>, Failure> {
    let old = before.map(|entry| entry.files.as_slice()).unwrap_or_default();
    let of = |files: &[(String, Digest)], name: &str| {
        files.iter().find(|(known, _)| known == name).map(|(_, digest)| *digest)
    };
    let mut names: Vec<&String> = now.files.iter().chain(old).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let mut out = Vec::new();
    for name in names {
        let (was, is) = (of(old, name), of(&now.files, name));
        let state = match (was, is) {
            (was, is) if was == is => continue,
            (None, _) => "new",
            (_, None) => "removed",
            _ => "changed",
        };
        let read = |digest: Option<Digest>| match digest {
            None => Ok(Some(Vec::new())),
            Some(digest) => source.file(&digest),
        };
        let lines = read(was)?.zip(read(is)?).map(|(was, is)| Lines::of(name, &was, &is, diff));
        out.push(Change { name: name.clone(), state, lines });
    }
    Ok(out)
}

/// All policies that were ever in force.
#[derive(Debug, Serialize)]
struct History {
    schema: &'static str,
    policies: Vec<Shows>,
    /// Whether there are older ones.
    more: bool,
}

#[derive(Debug, Serialize)]
struct Shows {
    index: u64,
    /// The ledger's claim.
    at: String,
    manifest: String,
    /// Absent of the first, which genesis names.
    signer: Option<Signer>,
    in_force: bool,
    armed: Armed,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Signer {
    person: String,
    credential: String,
}

/// What this program makes of a policy.
#[derive(Debug, Serialize)]
struct Armed {
    canary: &'static str,
    code: Option<&'static str>,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Change {
    name: String,
    state: &'static str,
    /// Absent where a file is not kept here.
    #[serde(flatten)]
    lines: Option<Lines>,
}

#[derive(Debug, Serialize)]
struct Lines {
    added: usize,
    removed: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

impl Lines {
    fn of(name: &str, was: &[u8], is: &[u8], diff: bool) -> Self {
        let (was, is) = (String::from_utf8_lossy(was), String::from_utf8_lossy(is));
        let until = Instant::now().checked_add(DIFF_TIME);
        let mut config = TextDiff::configure();
        if let Some(until) = until {
            config.deadline(until);
        }
        let compared = config.diff_lines(was.as_ref(), is.as_ref());
        let count = |tag| compared.iter_all_changes().filter(|c| c.tag() == tag).count();
        let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
        let text = || {
            let (before, now) = (format!("before/{name}"), format!("after/{name}"));
            let mut unified = compared.unified_diff();
            unified.context_radius(CONTEXT_LINES).header(&before, &now).to_string()
        };
        Self { added, removed, diff: diff.then(text) }
    }
}

impl Shown for History {
    fn text(&self) -> String {
        let mut out = String::new();
        for policy in &self.policies {
            let state = if policy.in_force { "  in force" } else { "" };
            out.push_str(&format!("{:>6}  {}{state}\n", policy.index, escape::line(&policy.at)));
            out.push_str(&format!("        manifest  {}\n", policy.manifest));
            let signed = match &policy.signer {
                Some(s) => format!("person {}, passkey {}", s.person, s.credential),
                None => "nobody: genesis names it".to_owned(),
            };
            out.push_str(&format!("        signed    {}\n", escape::line(&signed)));
            out.push_str(&format!("        canary    {}\n", policy.armed.text()));
            for change in &policy.changes {
                out.push_str(&change.text());
            }
        }
        if self.more {
            out.push_str("There are older ones: --limit N\n");
        }
        out
    }
}

impl Armed {
    fn text(&self) -> String {
        let why = match (self.code, self.detail.as_str()) {
            (None, "") => String::new(),
            (None, detail) => format!("; {detail}"),
            (Some(code), detail) => format!("; this program can't arm it ({code}): {detail}"),
        };
        escape::line(&format!("{}{why}", self.canary))
    }
}

impl Change {
    fn text(&self) -> String {
        let lines = match &self.lines {
            Some(lines) => format!("+{} -{}", lines.added, lines.removed),
            None => "not kept here".to_owned(),
        };
        let mut out = format!("        {:<8}  {}  {lines}\n", self.state, escape::line(&self.name));
        for line in self.lines.iter().filter_map(|l| l.diff.as_deref()).flat_map(str::lines) {
            out.push_str(&format!("          {}\n", render::reveal(line)));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_shown() {
        let lines = Lines::of("a.cedar", b"1\n2\n3\n", b"1\n3\n4\n5\n", true);
        assert_eq!((lines.added, lines.removed), (2, 1));
        let diff = lines.diff.unwrap();
        assert!(diff.contains("--- before/a.cedar") && diff.contains("-2\n"), "{diff}");
        assert!(Lines::of("a", b"", b"x", false).diff.is_none());
    }
}
