//! `log`: both logs of a folder, read without the service. What is printed is the ledger's word:
//! only evidence that `placet-verify` has checked is more.

use std::path::Path;

use placet_ledger::service::Config;
use placet_ledger::{Dir, LogId, copy, fsck};
use placet_proto::b64;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_verify::escape;
use serde::Serialize;

use super::{keep, mirror, tail};
use crate::cli::{Exported, Log, Which};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::Folder;
use crate::output::{Output, Shown};

/// Reads the logs.
///
/// # Errors
/// Those of the folder; `log.out_of_range`.
pub fn run(command: &Log, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Log::Show { dir, index: None, .. } => {
            output.show(&summary(dir)?)?;
            Ok(Exit::Done)
        }
        Log::Show { dir, log, index: Some(index) } => {
            output.show(&entry(&Folder::open(dir)?, (*log).into(), *index)?)?;
            Ok(Exit::Done)
        }
        Log::Tail(args) => tail::run(args, output),
        Log::Mirror(args) => mirror::run(args, output),
        Log::Export { dir, out, log: Exported::Main } => export(dir, out, LogId::Main, output),
        Log::Export { dir, out, log: Exported::Gov } => export(dir, out, LogId::Gov, output),
        Log::Export { dir, out, log: Exported::Both } => {
            // The governance log last: it has to close what the main log holds.
            for (id, name) in [(LogId::Main, "log"), (LogId::Gov, "gov")] {
                export(dir, &out.join(name), id, output)?;
            }
            Ok(Exit::Done)
        }
        // The one of the two that the command line demands.
        Log::Fsck { folder, dir } => {
            check(folder.as_deref().or(dir.as_deref()).unwrap_or(Path::new(".")), output)
        }
        Log::Backup { dir, out } => keep::back_up(dir, out, output),
        Log::Restore(args) => keep::restore(args, output),
        Log::Freeze { dir, reason } => keep::freeze(dir, reason, output),
        Log::RebuildIndex { dir } => keep::rebuild_index(dir, output),
    }
}

impl From<Which> for LogId {
    fn from(which: Which) -> Self {
        match which {
            Which::Main => Self::Main,
            Which::Gov => Self::Gov,
        }
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    schema: &'static str,
    dir: String,
    dev: bool,
    logs: Vec<LogSummary>,
}

#[derive(Debug, Serialize)]
struct LogSummary {
    origin: String,
    size: u64,
    root: String,
    /// Size and time (the ledger's claim) of the newest cosigned checkpoint.
    cosigned: Option<(u64, String)>,
}

fn summary(root: &Path) -> Result<Summary, Failure> {
    let folder = Folder::open(root)?;
    let logs = LogId::ALL.map(|id| {
        let log = folder.log(id);
        let (size, root) = log.head();
        let cosigned = log.checkpoint().map(|n| (n.size, UnixSeconds(n.published_at).to_string()));
        LogSummary { origin: log.origin().to_owned(), size, root: b64::encode_hex(root), cosigned }
    });
    Ok(Summary {
        schema: "placet/log/v1",
        dir: root.display().to_string(),
        dev: folder.config.dev,
        logs: logs.into(),
    })
}

impl Shown for Summary {
    fn text(&self) -> String {
        let dev = if self.dev { " (development)" } else { "" };
        let mut out = format!("{}{dev}\n", self.dir);
        for log in &self.logs {
            let cosigned = match &log.cosigned {
                Some((size, at)) => format!("size {size}, published {at}"),
                None => "none".to_owned(),
            };
            out.push_str(&format!(
                "  {}\n    size      {}\n    root      {}\n    cosigned  {cosigned}\n",
                log.origin, log.size, log.root
            ));
        }
        out
    }
}

/// One statement, not verified.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    schema: &'static str,
    pub(super) index: u64,
    entry: String,
    pub(super) erased: bool,
    pub(super) kind: Option<String>,
    pub(super) request: Option<String>,
    iss: Option<String>,
    kid: Option<String>,
    /// The issuer's claim.
    pub(super) iat: Option<String>,
    document_sha256: Option<String>,
    /// The document's bytes are canonical JSON.
    document: Option<String>,
    signed_under: Vec<&'static str>,
}

fn entry(folder: &Folder, id: LogId, index: u64) -> Result<Entry, Failure> {
    let statement = folder.statement(id, index)?;
    Ok(Entry::of(index, folder.log(id).entry(index)?, statement.as_ref()))
}

impl Entry {
    /// What there is to say of a statement, or of one that was erased.
    pub(super) fn of(index: u64, entry: [u8; 32], statement: Option<&Statement>) -> Self {
        let of = |f: &dyn Fn(&Statement) -> String| statement.map(f);
        Self {
            schema: "placet/log-entry/v1",
            index,
            entry: b64::encode_hex(entry),
            erased: statement.is_none(),
            kind: of(&|s| s.kind().name().to_owned()),
            request: statement.and_then(|s| s.document.body.request().map(str::to_owned)),
            iss: of(&|s| s.header.iss.clone()),
            kid: of(&|s| b64::encode_hex(s.header.kid)),
            iat: of(&|s| UnixSeconds(s.header.iat).to_string()),
            document_sha256: of(&|s| b64::encode_hex(s.document.sha256())),
            document: of(&|s| String::from_utf8_lossy(s.document.bytes()).into_owned()),
            signed_under: statement
                .iter()
                .flat_map(|s| s.assertions.iter().map(|a| a.namespace.as_str()))
                .collect(),
        }
    }
}

impl Shown for Entry {
    fn text(&self) -> String {
        let or = |v: &Option<String>| escape::line(v.as_deref().unwrap_or("-"));
        let kind = match self.erased {
            true => "erased".to_owned(),
            false => or(&self.kind),
        };
        let signed = match self.signed_under.is_empty() {
            true => "-".to_owned(),
            false => self.signed_under.join(", "),
        };
        format!(
            "NOT VERIFIED: as the folder has it\n  index     {}\n  entry     {}\n  kind      {kind}\n  \
             request   {}\n  issuer    {}\n  kid       {}\n  issued    {} (the issuer's claim)\n  \
             passkeys  {signed}\n  sha256    {}\n  document  {}\n",
            self.index,
            self.entry,
            or(&self.request),
            or(&self.iss),
            or(&self.kid),
            or(&self.iat),
            or(&self.document_sha256),
            escape::json(self.document.as_deref().unwrap_or("-")),
        )
    }
}

/// A copy that was written.
#[derive(Debug, Serialize)]
struct Export {
    schema: &'static str,
    copy: String,
    origin: String,
    size: u64,
    root: String,
    /// Statements of which the copy holds the entry only.
    erased: u64,
}

fn export(root: &Path, out: &Path, id: LogId, output: &mut Output) -> Result<Exit, Failure> {
    let dir = Dir::open_read_only(root)?;
    let config = Config::load(root)?;
    let origin = match id {
        LogId::Main => config.origin.clone(),
        LogId::Gov => config.gov_origin(),
    };
    let copied = copy::write(&dir, id, &origin, out)?;
    output.show(&Export {
        schema: "placet/log-export/v1",
        copy: out.display().to_string(),
        origin: copied.origin,
        size: copied.size,
        root: b64::encode_hex(copied.root),
        erased: copied.erased,
    })?;
    Ok(Exit::Done)
}

impl Shown for Export {
    fn text(&self) -> String {
        let Self { copy, origin, size, root, erased, .. } = self;
        let mut out =
            format!("Copied {origin}\n  to      {copy}\n  size    {size}, as published\n");
        out.push_str(&format!("  root    {root}\n  erased  {erased}\n"));
        out.push_str("Check evidence with it: placet-verify check FILE --trust TRUST --log ");
        out.push_str(copy);
        out.push('\n');
        out
    }
}

#[derive(Debug, Serialize)]
struct Fsck {
    schema: &'static str,
    clean: bool,
    logs: Vec<FsckLog>,
}

#[derive(Debug, Serialize)]
struct FsckLog {
    log: &'static str,
    size: u64,
    erased: u64,
    notes: u64,
    findings: Vec<FsckFinding>,
    more: u64,
}

#[derive(Debug, Serialize)]
struct FsckFinding {
    code: &'static str,
    index: Option<u64>,
    detail: String,
}

fn check(root: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let reports = fsck::check(&Dir::open_read_only(root)?)?;
    let clean = reports.iter().all(fsck::Report::clean);
    let logs = reports.into_iter().map(|report| FsckLog {
        log: report.log.name(),
        size: report.size,
        erased: report.erased,
        notes: report.notes,
        findings: report
            .findings
            .into_iter()
            .map(|f| FsckFinding { code: f.code, index: f.index, detail: f.detail })
            .collect(),
        more: report.more,
    });
    output.show(&Fsck { schema: "placet/fsck/v1", clean, logs: logs.collect() })?;
    Ok(if clean { Exit::Done } else { Exit::Refused })
}

impl Shown for Fsck {
    fn text(&self) -> String {
        let mut out = String::new();
        for log in &self.logs {
            out.push_str(&format!(
                "{}: {} entries, {} erased, {} notes, {} findings\n",
                log.log,
                log.size,
                log.erased,
                log.notes,
                log.more.saturating_add(log.findings.len() as u64),
            ));
            for finding in &log.findings {
                let at = finding.index.map(|i| format!(" at {i}")).unwrap_or_default();
                let detail = escape::line(&finding.detail);
                out.push_str(&format!("  {}{at}: {detail}\n", finding.code));
            }
            if log.more > 0 {
                out.push_str(&format!("  and {} more\n", log.more));
            }
        }
        out.push_str(if self.clean { "clean\n" } else { "NOT CLEAN\n" });
        out
    }
}
