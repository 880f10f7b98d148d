//! What an audit looks at before the first statement of the main log: trust, notes, the governance
//! log.

use std::collections::BTreeSet;

use placet_proto::document::Body;
use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::trust::TrustFile;

use super::auditor::Auditor;
use super::finding::{Finding, Findings, Weight};
use crate::answers;
use crate::bundle::{Options, Run};
use crate::context::Roots;
use crate::erasures::Orders;
use crate::evidence::{Evidence, Parsed, read_notes};
use crate::logs;
use crate::misbehaviour::{LogKeys, shown};
use crate::notes::LogTrust;
use crate::opened::{Opened, is_of_kind};
use crate::report::{Malformed, Problem};
use crate::workers::Workers;

/// Both logs of a ledger as their copies hold them.
#[derive(Debug, Clone, Default)]
pub struct Copies {
    /// Origin of the main log.
    pub main_origin: String,
    /// Every note of the main log, its checkpoint among them, in any order.
    pub main_notes: Vec<Vec<u8>>,
    /// Entries of the main log.
    pub main_size: u64,
    /// Its first statement.
    pub main_genesis: Vec<u8>,
    /// Origin of the governance log.
    pub gov_origin: String,
    /// Every note of the governance log.
    pub gov_notes: Vec<Vec<u8>>,
    /// Its statements, complete.
    pub gov: Vec<Vec<u8>>,
    /// Files beside either copy that are to show that its log misbehaved (SPEC.md 6.7).
    pub misbehaviour: Vec<Misbehaviour>,
}

/// An audit that can begin.
#[derive(Debug)]
pub struct Prepared<'a> {
    trust: &'a TrustFile,
    options: Options,
    evidence: Evidence,
    opened: Option<Opened>,
    findings: Findings,
    caveats: Vec<String>,
    unknown_signatures: Vec<String>,
    assumption: String,
    gov_counts: Vec<(&'static str, u64)>,
    gov_assertions: u64,
}

impl<'a> Prepared<'a> {
    /// Steps 1 to 6 of SPEC.md 9.10. `roots` gives the roots of the main log's tree, recomputed
    /// from its entries; `as_of` judges the trust file's expiry and nothing else.
    ///
    /// # Errors
    /// A note, a governance statement, the first main statement or a key of the trust file can't
    /// be read: MALFORMED, with the code.
    pub fn new(
        copies: Copies,
        roots: &dyn Roots,
        trust: &'a TrustFile,
        as_of: u64,
        workers: &dyn Workers,
    ) -> Result<Self, Malformed> {
        let options = Options { as_of, ..Options::default() };
        let size = copies.main_size;
        let shown = misbehaved(&copies, trust)?;
        let mut evidence = read(copies)?;
        let mut run = Run { workers, ..Run::new(trust, &options) };
        let opened = run.open(&evidence)?;
        if let Some(opened) = &opened {
            let checked = gov_roots(opened, &evidence)
                .and_then(|gov| Ok(format!("{gov}; {}", main_roots(opened, size, roots)?)));
            run.take("log.root", None, checked, String::clone);
            let gov_size = evidence.gov.len() as u64;
            run.take("witness.quorum", None, cosigned(opened, [size, gov_size]), String::clone);
            let cx = opened.context(trust, Orders::default());
            run.independent(&cx);
            run.unknown_signatures(&cx);
        }
        let report = run.report;
        let mut findings = Findings::default();
        findings.add(shown);
        // Of statements each is listed by itself.
        let listed = |id: &str| matches!(id, "statement.signature" | "issuer.kind");
        let checks = report.checks.into_iter().filter(|c| !listed(c.id));
        findings.add(checks.filter_map(Finding::of_check));
        findings.add(opened.iter().flat_map(of_governance));
        findings.add(opened.iter().flat_map(|o| of_another_history(o, &evidence, size, roots)));
        // The notes are opened; their bytes can be many.
        evidence.main_notes = Vec::new();
        evidence.gov_notes = Vec::new();
        let (gov_counts, gov_assertions) = counted(&evidence);
        let (caveats, assumption) = (report.caveats, report.assumption);
        Ok(Self {
            trust,
            options,
            opened,
            findings,
            caveats,
            unknown_signatures: report.unknown_signatures,
            assumption,
            gov_counts,
            gov_assertions,
            evidence,
        })
    }

    /// What judges statements and requests; `None` if what was found so far keeps everything else
    /// from being looked at. `orders` are the orders of erasure, in the fourth step.
    #[must_use]
    pub fn auditor<'p>(&'p self, roots: &'p dyn Roots, orders: Orders) -> Option<Auditor<'p>> {
        let opened = self.opened.as_ref()?;
        let mut cx = opened.context(self.trust, orders);
        cx.roots = Some(roots);
        Some(Auditor::new(cx, &self.evidence, &opened.issuers, self.trust, &self.options))
    }

    /// The root of the governance log at a size; `None` beyond its end, or if it was not read.
    #[must_use]
    pub fn gov_root(&self, size: u64) -> Option<[u8; 32]> {
        self.opened.as_ref()?.governance.root_at(size)
    }

    /// The pinned entry 0 of the main and of the governance log; `None` if it was not read.
    #[must_use]
    pub fn genesis(&self) -> Option<[[u8; 32]; 2]> {
        let opened = self.opened.as_ref()?;
        Some([opened.main.log.genesis, opened.gov.log.genesis])
    }

    /// What was found of the copies as wholes and of the governance log.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.findings.clone()
    }

    /// What has to be said before anything else.
    #[must_use]
    pub fn caveats(&self) -> &[String] {
        &self.caveats
    }

    /// Signature lines of keys that no policy knows.
    #[must_use]
    pub fn unknown_signatures(&self) -> &[String] {
        &self.unknown_signatures
    }

    /// The assumption about witnesses under which times hold.
    #[must_use]
    pub fn assumption(&self) -> &str {
        &self.assumption
    }

    /// How many governance statements there are of each kind.
    #[must_use]
    pub fn gov_counts(&self) -> &[(&'static str, u64)] {
        &self.gov_counts
    }

    /// Assertions of governance statements.
    #[must_use]
    pub fn gov_assertions(&self) -> u64 {
        self.gov_assertions
    }
}

fn read(copies: Copies) -> Result<Evidence, Malformed> {
    let notes = |mut notes: Vec<Vec<u8>>| {
        let size = |note: &[u8]| {
            let signed = placet_proto::tlog::SignedCheckpoint::parse(note);
            signed.map(|s| s.checkpoint().size).unwrap_or_default()
        };
        notes.sort_by_cached_key(|n| (size(n), n.clone()));
        notes.dedup();
        read_notes(notes)
    };
    let genesis = Parsed::read(&copies.main_genesis)?;
    let gov: Result<Vec<Parsed>, _> = copies.gov.iter().map(|s| Parsed::read(s)).collect();
    let first = crate::evidence::MainStatement { index: 0, parsed: genesis, receipts: Vec::new() };
    Ok(Evidence {
        requests: Vec::new(),
        main_origin: copies.main_origin,
        main_notes: notes(copies.main_notes)?,
        main: vec![first],
        erased: Vec::new(),
        consistency: Vec::new(),
        gov_origin: copies.gov_origin,
        gov_notes: notes(copies.gov_notes)?,
        gov: gov?,
        openings: Vec::new(),
    })
}

/// What each file of evidence shows. One that shows nothing is noted: anybody can write one.
fn misbehaved(copies: &Copies, trust: &TrustFile) -> Result<Vec<Finding>, Malformed> {
    let logs = [(&copies.main_origin, LogRole::Main), (&copies.gov_origin, LogRole::Gov)];
    let known: Vec<LogTrust> = logs
        .into_iter()
        .filter_map(|(origin, role)| trust.log(origin, role))
        .map(LogTrust::new)
        .collect::<Result<_, _>>()?;
    let of = |file: &Misbehaviour| {
        let log = known.iter().find(|log| log.log.origin == file.origin());
        let (weight, problem) = match log.map(|log| shown(file, LogKeys::Trusted(log))) {
            Some(Ok(detail)) => (Weight::Failed, Problem::failed("log.equivocation", detail)),
            Some(Err(problem)) => (Weight::Noted, problem),
            None => {
                let detail = format!("evidence about {}", file.origin());
                (Weight::Noted, Problem::open("trust.log_unknown", detail))
            }
        };
        Finding { weight, ..Finding::of_copies("log.checkpoint", problem) }
    };
    Ok(copies.misbehaviour.iter().map(of).collect())
}

fn gov_roots(opened: &Opened, evidence: &Evidence) -> Result<String, Problem> {
    logs::governance_roots(&opened.governance, evidence, &opened.gov_notes)?;
    Ok(format!("{} governance entries under {} notes", evidence.gov.len(), opened.gov_notes.len()))
}

fn main_roots(opened: &Opened, size: u64, roots: &dyn Roots) -> Result<String, Problem> {
    let hex = placet_proto::b64::encode_hex;
    for note in opened.main_notes.iter() {
        if note.size > size {
            let detail = format!("the log signed size {}, the copy has {size}", note.size);
            return Err(Problem::failed("log.root", detail));
        }
        let computed = roots.main_root(note.size);
        if computed != Some(note.root) {
            return Err(Problem::failed("log.root", format!("main size {}", note.size))
                .versus(hex(note.root), computed.map(hex).unwrap_or_default()));
        }
    }
    Ok(format!("{size} main entries under {} notes", opened.main_notes.len()))
}

/// The witnesses saw each copy to its end. Without that the log's key alone would stand behind what
/// is newer than the last note that they saw, and could show everybody another end.
fn cosigned(opened: &Opened, [main, gov]: [u64; 2]) -> Result<String, Problem> {
    let logs = [(&opened.main, &opened.main_notes, main), (&opened.gov, &opened.gov_notes, gov)];
    for (log, notes, size) in logs {
        let cosigned = notes.iter().any(|n| n.size == size && n.has_quorum());
        if !cosigned && !log.policy.is_none() {
            let seen = notes.iter().filter(|n| n.has_quorum()).map(|n| n.size).max().unwrap_or(0);
            let origin = &log.log.origin;
            let detail = format!("{origin}: the copy has size {size}, the witnesses saw {seen}");
            return Err(Problem::open("witness.quorum", detail));
        }
    }
    Ok("the witnesses saw both copies to their ends".to_owned())
}

/// Governance documents that name a note of another main log. One beyond the end of the main log's
/// copy says nothing: the governance log was copied after it.
fn of_another_history(
    opened: &Opened,
    evidence: &Evidence,
    main_size: u64,
    roots: &dyn Roots,
) -> Vec<Finding> {
    let refused = opened.refused.iter().filter(|(log, ..)| *log == LogRole::Gov);
    let refused: BTreeSet<u64> = refused.map(|(_, index, _)| *index).collect();
    let named = (0_u64..).zip(&evidence.gov).filter_map(|(index, parsed)| {
        let after = parsed.known()?.document.body.after()?;
        (after.main.size <= main_size && !refused.contains(&index)).then_some((index, &after.main))
    });
    let found = named.filter_map(|(index, named)| {
        let (notes, log) = (&opened.main_notes, &opened.main);
        let problem = answers::main_of_this_history(named, notes, log, Some(roots)).err()?;
        Some(Finding::at(LogRole::Gov, index, "order.after", problem))
    });
    found.collect()
}

/// Each governance statement that does not count, or does nothing.
fn of_governance(opened: &Opened) -> Vec<Finding> {
    let mut out = Vec::new();
    for (log, index, problem) in &opened.refused {
        // The main log's first statement is looked at with all others of it.
        if *log == LogRole::Gov {
            let check = if is_of_kind(problem) { "issuer.kind" } else { "statement.signature" };
            out.push(Finding::at(*log, *index, check, problem.clone()));
        }
    }
    for (index, problem) in opened.governance.forks() {
        out.push(Finding::at(LogRole::Gov, *index, "order.after", problem.clone()));
    }
    for (index, problem) in opened.governance.without_effect() {
        let finding = Finding::at(LogRole::Gov, index, "lineage.root", problem.clone());
        out.push(Finding { weight: Weight::Noted, ..finding });
    }
    out
}

fn counted(evidence: &Evidence) -> (Vec<(&'static str, u64)>, u64) {
    let kinds = evidence.gov.iter().map(|p| p.known().map_or("unknown", |s| s.kind().name()));
    let all: Vec<&'static str> = kinds.collect();
    let distinct: BTreeSet<&'static str> = all.iter().copied().collect();
    let count = |kind| all.iter().filter(|k| **k == kind).count() as u64;
    let assertions = evidence.gov.iter().filter_map(Parsed::known);
    let assertions = assertions.fold(0_u64, |sum, s| {
        let signed = !matches!(s.document.body, Body::Genesis(_) | Body::Key(_));
        sum.saturating_add(if signed { s.assertions.len() as u64 } else { 0 })
    });
    (distinct.into_iter().map(|kind| (kind, count(kind))).collect(), assertions)
}
