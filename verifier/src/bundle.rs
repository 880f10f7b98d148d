//! The verification of a bundle: SPEC.md 9, step by step.

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::action::Action;
use placet_proto::b64::encode_hex;
use placet_proto::document::{Body, Genesis};
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::merkle::{CompactRange, leaf_hash};
use placet_proto::trust::{TrustFile, TrustedLog};

use crate::answers;
use crate::context::Context;
use crate::erasures::Orders;
use crate::evidence::Evidence;
use crate::governance::{Governance, Rules};
use crate::issuers::Issuers;
use crate::logs;
use crate::misbehaviour::{LogKeys, shown};
use crate::notes::{LogTrust, NoteSet, OpenNote};
use crate::opened::{Issued, Opened};
use crate::report::{Check, Malformed, Problem, Report, Status, Verdict};
use crate::request::{self, CHECKS as REQUEST_CHECKS};
use crate::webauthn::AttestationRoots;
use crate::workers::{InOrder, Workers};

/// What the caller of a verification asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Judges the trust file's expiry and nothing else, seconds since 1970.
    pub as_of: u64,
    /// The action that has to be the approved one.
    pub action: Option<Action>,
    /// Who has to be an approver: a credential id (b64u), the thumbprint of a key (hex), the name
    /// of a root in the trust file, or else an opened name.
    pub passkey: Option<String>,
    /// The span that has to contain the approval, seconds since 1970.
    pub between: Option<(u64, u64)>,
    /// Whether evidence of a denial is what is wanted; else a denial is FAILED `answer.denied`.
    pub expect_denial: bool,
    /// Ids of checks that are required beside the usual ones.
    pub require: Vec<String>,
    /// The whole main log, for `consumption.unique`.
    pub whole_log: Option<WholeLog>,
}

/// The main log as a copy holds it.
#[derive(Debug, Clone, Default)]
pub struct WholeLog {
    /// Every entry, 0..n-1.
    pub entries: Vec<[u8; 32]>,
    /// Index and request of every execution statement.
    pub executions: Vec<(u64, String)>,
    /// How many entries have no body in the copy.
    pub bodies_missing: u64,
    /// Files beside the copy that are to show that the log misbehaved (SPEC.md 6.7).
    pub misbehaviour: Vec<Misbehaviour>,
}

/// Checks about the evidence as a whole, in the order of SPEC.md 9.
const CHECKS: [(&str, bool); 12] = [
    ("bundle.parse", true),
    ("trust.valid", true),
    ("log.genesis", true),
    ("trust.dev_log", true),
    ("log.checkpoint", true),
    ("log.root", true),
    ("log.consistency", true),
    ("log.inclusion", true),
    ("statement.signature", true),
    ("issuer.kind", true),
    ("opening.commitment", true),
    ("witness.independent", false),
];

/// Every check id with whether it is always required, in the order of SPEC.md 9.
pub fn checks() -> impl Iterator<Item = (&'static str, bool)> {
    CHECKS.into_iter().chain(REQUEST_CHECKS)
}

/// Verifies one bundle.
///
/// # Errors
/// The bundle or the trust file's keys could not be read: MALFORMED, with the code.
pub fn verify_bundle(
    bytes: &[u8],
    trust: &TrustFile,
    options: &Options,
) -> Result<Report, Malformed> {
    let evidence = Evidence::parse(bytes)?;
    let mut run = Run::new(trust, options);
    run.pass("bundle.parse", None, format!("{} requests", evidence.requests.len()));
    run.whole(&evidence)?;
    Ok(run.finish(&evidence))
}

/// Collects checks.
pub(crate) struct Run<'a> {
    pub(crate) trust: &'a TrustFile,
    pub(crate) options: &'a Options,
    pub(crate) report: Report,
    pub(crate) workers: &'a dyn Workers,
}

impl<'a> Run<'a> {
    pub(crate) fn new(trust: &'a TrustFile, options: &'a Options) -> Self {
        let report = Report {
            verdict: Verdict::Indeterminate,
            code: None,
            caveats: Vec::new(),
            checks: Vec::new(),
            requests: Vec::new(),
            unknown_signatures: Vec::new(),
            assumption:
                "Every set of witnesses that satisfies the policy holds at least one honest one."
                    .to_owned(),
        };
        Self { trust, options, report, workers: &InOrder }
    }

    pub(crate) fn required(&self, id: &str) -> bool {
        let asked = |list: &[String]| list.iter().any(|r| r == id);
        checks().any(|(known, always)| known == id && always)
            || asked(&self.trust.require)
            || asked(&self.options.require)
    }

    pub(crate) fn pass(
        &mut self,
        id: &'static str,
        request: Option<&str>,
        detail: impl Into<String>,
    ) {
        self.push(id, request, Status::Passed, None, detail.into());
    }

    pub(crate) fn skip(
        &mut self,
        id: &'static str,
        request: Option<&str>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        self.push(id, request, Status::NotChecked, Some(code), detail.into());
    }

    fn push(
        &mut self,
        id: &'static str,
        request: Option<&str>,
        status: Status,
        code: Option<&'static str>,
        detail: String,
    ) {
        let required = self.required(id);
        let request = request.map(str::to_owned);
        self.report.checks.push(Check {
            id,
            request,
            status,
            required,
            code,
            detail,
            expected: None,
            got: None,
        });
    }

    /// Records the outcome of a check and hands back what it found.
    pub(crate) fn take<T>(
        &mut self,
        id: &'static str,
        request: Option<&str>,
        result: Result<T, Problem>,
        detail: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        match result {
            Ok(value) => {
                self.pass(id, request, detail(&value));
                Some(value)
            }
            Err(p) => {
                self.push(id, request, p.status, Some(p.code), p.detail);
                if let Some(check) = self.report.checks.last_mut() {
                    (check.expected, check.got) = (p.expected, p.got);
                }
                None
            }
        }
    }

    /// Marks the last check as one that the verdict does without, or can't do without.
    pub(crate) fn set_required(&mut self, required: bool) {
        let Some(check) = self.report.checks.last_mut() else { return };
        let asked = self.trust.require.iter().chain(&self.options.require).any(|r| r == check.id);
        check.required = required || asked;
    }

    fn whole(&mut self, evidence: &Evidence) -> Result<(), Malformed> {
        let Some(opened) = self.open(evidence)? else { return Ok(()) };
        let mut context = opened.context(self.trust, Orders::default());
        context.orders = Orders::read(evidence, &opened.governance, &opened.valid_main);
        let whole = self.options.whole_log.as_ref();
        context.whole_log =
            whole.map(|w| (w.entries.len(), executions_in(w, context.main_notes, &opened.main)));
        self.trees(evidence, &context);
        let statements = evidence.by_request();
        let erased = evidence.erased_by_request();
        for request in &evidence.requests {
            let of_request = statements.get(request.as_str()).map_or(&[][..], Vec::as_slice);
            let missing = erased.get(request.as_str()).map_or(&[][..], Vec::as_slice);
            request::verify(self, evidence, &context, request, of_request, missing);
        }
        Ok(())
    }

    /// Steps 2 to 5, 9 and 10, and the roster; `None` where nothing that follows can run.
    pub(crate) fn open(&mut self, evidence: &Evidence) -> Result<Option<Opened>, Malformed> {
        let trusted = self.trusted(evidence);
        let Some((main, gov)) =
            self.take("trust.valid", None, trusted, |_| "both logs are known".into())
        else {
            return Ok(None);
        };
        let (mut main_trust, mut gov_trust) = (LogTrust::new(main)?, LogTrust::new(gov)?);
        let independent_only = self.required("witness.independent");
        main_trust.independent_only = independent_only;
        gov_trust.independent_only = independent_only;
        let roots = AttestationRoots::parse(self.trust.attestation_roots.iter().cloned());
        let attestation_roots =
            roots.map_err(|e| Malformed { code: e.code(), detail: e.to_string() })?;
        let genesis = logs::genesis(evidence, main, gov);
        let both = |g: &&Genesis| format!("{} and {}", g.peer, g.origin);
        let Some(genesis) = self.take("log.genesis", None, genesis, both) else {
            return Ok(None);
        };
        self.dev(genesis.dev);
        let notes = logs::equivocation(&evidence.main_notes, &main_trust)
            .and_then(|()| logs::equivocation(&evidence.gov_notes, &gov_trust))
            .and_then(|()| logs::open_notes(&evidence.main_notes, &main_trust, self.workers))
            .and_then(|m| {
                Ok((m, logs::open_notes(&evidence.gov_notes, &gov_trust, self.workers)?))
            });
        let count = |(m, g): &(Vec<OpenNote>, Vec<OpenNote>)| {
            format!("{} main and {} governance notes", m.len(), g.len())
        };
        let notes = self.take("log.checkpoint", None, notes, count);
        let issued = self.statements(evidence, &main_trust, &gov_trust, genesis);
        let Some((main_notes, gov_notes)) = notes else { return Ok(None) };
        let (main_notes, gov_notes) = (NoteSet::new(main_notes), NoteSet::new(gov_notes));
        let governed = governed(evidence, (&main_notes, &main_trust), (&gov_notes, &gov_trust));
        let governance = self.governance(evidence, &issued.gov, governed.clone());
        Ok(Some(Opened {
            genesis: genesis.clone(),
            issuers: issued.issuers,
            refused: issued.refused,
            valid_main: issued.main,
            governance,
            governed,
            main: main_trust,
            gov: gov_trust,
            main_notes,
            gov_notes,
            attestation_roots,
        }))
    }

    /// Step 2. A required check that there is none of could never pass, so it is said at once.
    fn trusted(&self, evidence: &Evidence) -> Result<(&'a TrustedLog, &'a TrustedLog), Problem> {
        let known: BTreeSet<&str> = checks().map(|(id, _)| id).collect();
        let mut required = self.trust.require.iter().chain(&self.options.require);
        match required.find(|r| !known.contains(r.as_str())) {
            Some(id) => {
                Err(Problem::open("trust.require_unknown", format!("no check is called {id}")))
            }
            None => logs::trusted(evidence, self.trust, self.options.as_of),
        }
    }

    fn governance(
        &self,
        evidence: &Evidence,
        valid: &BTreeSet<u64>,
        times: BTreeMap<u64, u64>,
    ) -> Governance {
        let rules = Rules {
            rp_ids: self.trust.rp_ids.clone(),
            origins: self.trust.origins.clone(),
            roots: self.trust.roots.iter().map(|r| r.public_key.clone()).collect(),
            allow_software: self.trust.allow_dev,
        };
        let entries = evidence.gov.iter().map(|p| placet_proto::sha256(p.bytes()));
        let numbered = evidence.gov.iter().enumerate().map(|(i, p)| (i as u64, p));
        let counted = numbered.filter(|(i, _)| valid.contains(i));
        let statements = counted.filter_map(|(i, p)| Some((i, p.known()?)));
        Governance::new(rules, entries, statements, times)
    }

    /// Steps 6 to 8, 10a and 12.
    fn trees(&mut self, evidence: &Evidence, cx: &Context<'_>) {
        let roots = logs::governance_roots(cx.governance, evidence, cx.gov_notes);
        self.take("log.root", None, roots, String::clone);
        let paths = logs::consistency(&evidence.consistency, cx.main_notes);
        self.take("log.consistency", None, paths, String::clone);
        let included = logs::inclusion(evidence, cx.main_notes, cx.main);
        self.take("log.inclusion", None, included, String::clone);
        self.take("opening.commitment", None, request::openings(evidence, cx), String::clone);
        self.independent(cx);
        self.unknown_signatures(cx);
    }

    fn dev(&mut self, dev: bool) {
        if !dev {
            self.pass("trust.dev_log", None, "not a development ledger");
            return;
        }
        self.report.caveats.push("DEVELOPMENT LEDGER: its keys may be software and its genesis says that it proves nothing.".into());
        let result = if self.trust.allow_dev {
            Ok("a development ledger, which the trust file allows".to_owned())
        } else {
            Err(Problem::failed(
                "trust.dev_log",
                "genesis says dev, and the trust file does not allow that",
            ))
        };
        self.take("trust.dev_log", None, result, String::clone);
    }

    /// Steps 9 and 10 for every statement.
    fn statements(
        &mut self,
        evidence: &Evidence,
        main: &LogTrust,
        gov: &LogTrust,
        genesis: &Genesis,
    ) -> Issued {
        let mut issued = Issued { issuers: Issuers::of_genesis(genesis), ..Issued::default() };
        for (index, parsed) in (0..).zip(&evidence.gov) {
            match issued.issuers.check(parsed, index, gov) {
                Ok(()) => {
                    issued.issuers.announce(parsed);
                    issued.gov.insert(index);
                }
                Err(p) => issued.refused.push((gov.log.role, index, p)),
            }
        }
        for statement in &evidence.main {
            match issued.issuers.check(&statement.parsed, statement.index, main) {
                Ok(()) => drop(issued.main.insert(statement.index)),
                Err(p) => issued.refused.push((main.log.role, statement.index, p)),
            }
        }
        let total = evidence.gov.len() + evidence.main.len();
        for (id, by_kind) in [("statement.signature", false), ("issuer.kind", true)] {
            let worst = issued.worst(by_kind);
            let outcome = worst.map_or(Ok(format!("{total} statements")), Err);
            self.take(id, None, outcome, String::clone);
        }
        issued
    }

    /// Step 12: whether every quorum also holds without the operator's own witnesses.
    pub(crate) fn independent(&mut self, cx: &Context<'_>) {
        let holds = |notes: &NoteSet, log: &LogTrust| {
            let mut with_quorum = notes.iter().filter(|n| n.has_quorum()).peekable();
            with_quorum.peek().is_some()
                && with_quorum.all(|n| {
                    let others = n.times.iter().enumerate();
                    let times: Vec<Option<u64>> =
                        others.map(|(i, t)| t.filter(|_| !log.is_own(i))).collect();
                    log.policy.latest_time(&times).is_some()
                })
        };
        if holds(cx.main_notes, cx.main) && holds(cx.gov_notes, cx.gov) {
            self.pass(
                "witness.independent",
                None,
                "every quorum holds without the operator's witnesses",
            );
            return;
        }
        self.report.caveats.push(
            "No independent witness stands behind time and currency: they rest on witnesses that the operator runs.".into(),
        );
        self.skip(
            "witness.independent",
            None,
            "witness.none_independent",
            "the operator's own witnesses are needed",
        );
    }

    pub(crate) fn unknown_signatures(&mut self, cx: &Context<'_>) {
        let all =
            cx.main_notes.iter().chain(cx.gov_notes.iter()).flat_map(|n| n.unknown.iter().cloned());
        let distinct: BTreeSet<String> = all.collect();
        self.report.unknown_signatures = distinct.into_iter().collect();
    }

    fn finish(mut self, evidence: &Evidence) -> Report {
        // What an earlier problem kept from running is listed, and counts against the verdict.
        for (id, _) in CHECKS {
            if !self.report.checks.iter().any(|c| c.id == id) {
                self.push(
                    id,
                    None,
                    Status::NotChecked,
                    None,
                    "an earlier check kept it from running".into(),
                );
            }
        }
        let ran: BTreeSet<(String, &'static str)> =
            self.report.checks.iter().filter_map(|c| Some((c.request.clone()?, c.id))).collect();
        for request in &evidence.requests {
            for (id, _) in REQUEST_CHECKS {
                if !ran.contains(&(request.clone(), id)) && self.required(id) {
                    let why = "an earlier check kept it from running".to_owned();
                    self.push(id, Some(request), Status::NotChecked, None, why);
                }
            }
        }
        let rank = |id: &str| checks().position(|(known, _)| known == id);
        self.report.checks.sort_by_cached_key(|c| (c.request.clone(), rank(c.id)));
        self.report.conclude();
        self.report
    }
}

/// T1 of every governance document whose time matters and whose notes are there.
fn governed(
    evidence: &Evidence,
    main: (&NoteSet, &LogTrust),
    gov: (&NoteSet, &LogTrust),
) -> BTreeMap<u64, u64> {
    let documents = (0..).zip(&evidence.gov).filter_map(|(i, p)| Some((i, p.known()?)));
    let timed = documents.filter(|(_, s)| s.document.body.is_timed());
    timed
        .filter_map(|(i, s)| {
            Some((i, answers::not_before(s.document.body.after()?, main, gov).ok()?))
        })
        .collect()
}

/// The copy of the main log belongs to the evidence and is complete; the executions in it by
/// request. Once for all requests: a copy can have millions of entries.
fn executions_in(
    whole: &WholeLog,
    main_notes: &NoteSet,
    main: &LogTrust,
) -> Result<BTreeMap<String, Vec<u64>>, Problem> {
    let mut tree = CompactRange::new();
    let mut notes = main_notes.iter().peekable();
    for entry in &whole.entries {
        while notes.peek().is_some_and(|n| n.size == tree.size()) {
            same_root(&tree, notes.next())?;
        }
        tree.append(leaf_hash(entry)).map_err(|e| Problem::failed("log.root", e.to_string()))?;
    }
    while notes.peek().is_some_and(|n| n.size == tree.size()) {
        same_root(&tree, notes.next())?;
    }
    // The evidence is of this history. The log has another one, where the rest may be otherwise.
    let mut shown = whole.misbehaviour.iter().filter_map(|m| shown(m, LogKeys::Trusted(main)).ok());
    if let Some(detail) = shown.next() {
        return Err(Problem::failed("log.equivocation", detail));
    }
    if let Some(note) = notes.next() {
        return Err(Problem::open(
            "consumption.not_checked",
            format!(
                "the copy has {} entries, the evidence reaches {}",
                whole.entries.len(),
                note.size
            ),
        ));
    }
    if whole.bodies_missing > 0 {
        return Err(Problem::open(
            "consumption.not_checked",
            format!("{} bodies are missing", whole.bodies_missing),
        ));
    }
    let mut executions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (index, request) in &whole.executions {
        executions.entry(request.clone()).or_default().push(*index);
    }
    Ok(executions)
}

/// Step 24 with the whole log at hand.
pub(crate) fn unique_in(
    entries: usize,
    executions: &Result<BTreeMap<String, Vec<u64>>, Problem>,
    request: &str,
) -> Result<String, Problem> {
    let at = executions.as_ref().map_err(Clone::clone)?.get(request);
    let at = at.map_or(&[][..], Vec::as_slice);
    match at.len() {
        0 | 1 => Ok(format!("{} executions of the request in {entries} entries", at.len())),
        _ => Err(Problem::failed("consumption.double", format!("executions at leaves {at:?}"))),
    }
}

fn same_root(tree: &CompactRange, note: Option<&OpenNote>) -> Result<(), Problem> {
    match note {
        Some(note) if note.root != tree.root() => Err(Problem::failed(
            "log.root",
            format!("the copy has another root at size {}", note.size),
        )
        .versus(encode_hex(note.root), encode_hex(tree.root()))),
        _ => Ok(()),
    }
}

/// Whether a document body is an execution, and of which request.
#[must_use]
pub fn execution_request(body: &Body) -> Option<&str> {
    match body {
        Body::Execution(e) => Some(&e.request),
        _ => None,
    }
}
