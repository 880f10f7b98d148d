//! Statements and requests of the main log, each by itself.

use std::collections::BTreeSet;

use placet_proto::document::{Body, Verdict};
use placet_proto::kind::{Kind, LogRole};
use placet_proto::statement::Statement;
use placet_proto::trust::TrustFile;

use super::finding::Finding;
use super::fold::{Group, MAX_OF_REQUEST};
use crate::answers;
use crate::bundle::{Options, Run};
use crate::context::Context;
use crate::erasures::Orders;
use crate::evidence::{ErasedStatement, Evidence, Parsed};
use crate::issuers::Issuers;
use crate::opened::is_of_kind;
use crate::report::{Check, Problem};
use crate::request;

/// Judges statements and requests. It can be shared between threads.
pub struct Auditor<'p> {
    cx: Context<'p>,
    evidence: &'p Evidence,
    issuers: &'p Issuers,
    trust: &'p TrustFile,
    options: &'p Options,
    /// Thumbprints of issuers whose statements genesis lets be registered.
    external: BTreeSet<[u8; 32]>,
}

/// An entry of the main log with what its body is.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // A list of these lives for one chunk.
pub enum Examined {
    /// Stated by who may (steps 9 and 10).
    Stated(Statement),
    /// By an external issuer that genesis admits: evidence of nothing.
    External,
    /// There, and no evidence; the finding says why.
    Refused(Box<Finding>),
    /// There is no body of this entry, or another one.
    Missing {
        /// Whether the copy holds other bytes in its place.
        other: bool,
    },
}

impl<'p> Auditor<'p> {
    pub(super) fn new(
        cx: Context<'p>,
        evidence: &'p Evidence,
        issuers: &'p Issuers,
        trust: &'p TrustFile,
        options: &'p Options,
    ) -> Self {
        let external = cx.genesis.external_issuers.iter().copied().collect();
        Self { cx, evidence, issuers, trust, options, external }
    }

    /// Step 7 of SPEC.md 9.10: the body is that of the entry and was stated by who may.
    #[must_use]
    pub fn examine(&self, index: u64, entry: &[u8; 32], body: Option<&[u8]>) -> Examined {
        let Some(bytes) = body.filter(|b| placet_proto::sha256(b) == *entry) else {
            return Examined::Missing { other: body.is_some() };
        };
        let refused = |check, problem| {
            Examined::Refused(Box::new(Finding::at(LogRole::Main, index, check, problem)))
        };
        let parsed = match Parsed::read(bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                let problem = Problem::failed(error.code(), error.to_string());
                return refused("statement.signature", problem);
            }
        };
        match (self.issuers.check(&parsed, index, self.cx.main), parsed) {
            (Ok(()), Parsed::Known(statement)) => Examined::Stated(statement),
            (Ok(()), Parsed::Unknown { code, .. }) => {
                refused("statement.signature", Problem::open(code, format!("main entry {index}")))
            }
            (Err(p), parsed) => {
                if p.code == "issuer.external" && self.external.contains(&parsed.header().kid) {
                    return Examined::External;
                }
                refused(if is_of_kind(&p) { "issuer.kind" } else { "statement.signature" }, p)
            }
        }
    }

    /// Step 8: everything that the statements of one request, ascending by index, have to show.
    /// Nothing found means that all that has to hold of it holds.
    #[must_use]
    pub fn judge(
        &self,
        request: &str,
        statements: &[(u64, &Statement)],
        erased: &[ErasedStatement],
    ) -> Vec<Finding> {
        let mut run = Run::new(self.trust, self.options);
        let missing: Vec<&ErasedStatement> = erased.iter().collect();
        request::verify(&mut run, self.evidence, &self.cx, request, statements, &missing);
        let checks = std::mem::take(&mut run.report.checks);
        let of = |check: Check| {
            let index = subject_of(check.id, statements, erased);
            let finding = Finding::of_check(check)?;
            Some(Finding { log: Some(LogRole::Main.name()), index, ..finding })
        };
        let mut found: Vec<Finding> = checks.into_iter().filter_map(of).collect();
        // Of answers step 15 says it.
        let reports = |(_, s): &&(u64, &Statement)| {
            matches!(s.document.body, Body::Execution(_) | Body::Outcome(_))
        };
        let forked = statements.iter().filter(reports).filter_map(|(i, s)| self.forked(*i, s));
        found.extend(forked.map(|f| Finding { request: Some(request.to_owned()), ..f }));
        // Where it is not said by another check already.
        if found.iter().all(|f| !matches!(f.code, "answer.conflict" | "consumption.double")) {
            found.extend(ends(statements).map(|(index, problem)| {
                let finding = Finding::at(LogRole::Main, index, "request.ended", problem);
                Finding { request: Some(request.to_owned()), ..finding }
            }));
        }
        found
    }

    /// The finding that a request has more statements than are judged together.
    #[must_use]
    pub fn over_limit(group: &Group) -> Option<Finding> {
        let first = *group.indexes.first()?;
        if group.total <= MAX_OF_REQUEST {
            return None;
        }
        let detail = format!("{} statements, of which {MAX_OF_REQUEST} were judged", group.total);
        let problem = Problem::open("audit.request_limit", detail);
        let finding = Finding::at(LogRole::Main, first, "answer.present", problem);
        Some(Finding { request: Some(group.request.clone()), ..finding })
    }

    /// The finding that a main statement names notes of another history than the copies': its
    /// maker was shown one.
    fn forked(&self, index: u64, statement: &Statement) -> Option<Finding> {
        let after = statement.document.body.after()?;
        let problem = answers::of_this_history(&self.cx, after).err()?;
        Some(Finding::at(LogRole::Main, index, "order.after", problem))
    }

    /// Adds an order of erasure that was [`Examined::Stated`] at a main index to `orders`; the
    /// finding, if it names notes of another history than the copies'.
    #[must_use]
    pub fn add_order(
        &self,
        orders: &mut Orders,
        index: u64,
        statement: &Statement,
    ) -> Option<Finding> {
        let Body::Erasure(order) = &statement.document.body else { return None };
        let signed = self.cx.governance.judge_erasure(order, statement);
        let signed =
            signed.map_err(|p| format!("is not an administrator's: {} ({})", p.detail, p.code));
        orders.add(index, statement, order, &signed);
        self.forked(index, statement)
    }

    /// What is left of a statement whose body an order that stands names; else the finding that
    /// the body is missing.
    ///
    /// # Errors
    /// Failed `body.missing`.
    pub fn erased(
        &self,
        index: u64,
        entry: [u8; 32],
        other: bool,
    ) -> Result<ErasedStatement, Box<Finding>> {
        self.cx.orders.erased(index, entry).ok_or_else(|| {
            let why = if other { "the copy holds other bytes in its place" } else { "no body" };
            let detail = format!("leaf {index}: {why}, and {}", self.cx.orders.why_not(index));
            let problem = Problem::failed("body.missing", detail)
                .versus(placet_proto::b64::encode_hex(entry), "");
            Box::new(Finding::at(LogRole::Main, index, "body.present", problem))
        })
    }
}

/// Whether what a request may do or show rests on a statement: all others are judged by
/// [`Auditor::examine`] alone.
#[must_use]
pub fn is_of_request(statement: &Statement) -> bool {
    match &statement.document.body {
        Body::Decision(d) => d.decision == Verdict::Requestable,
        body => body.request().is_some(),
    }
}

/// More than one end of one request: an execution, a denial, an expiry, a cancellation.
fn ends(statements: &[(u64, &Statement)]) -> Option<(u64, Problem)> {
    let terminal = [Kind::Execution, Kind::Denial, Kind::Expiry, Kind::Cancel];
    let mut all = statements.iter().filter(|(_, s)| terminal.contains(&s.kind()));
    let (first, second) = (all.next()?, all.next()?);
    let shown = |(index, s): &(u64, &Statement)| format!("{} at leaf {index}", s.kind().name());
    let detail = format!("{} after {}", shown(second), shown(first));
    Some((second.0, Problem::failed("request.ended_twice", detail)))
}

/// The statement that a check is about.
fn subject_of(
    check: &str,
    statements: &[(u64, &Statement)],
    erased: &[ErasedStatement],
) -> Option<u64> {
    let first = |kinds: &[Kind]| statements.iter().find(|(_, s)| kinds.contains(&s.kind()));
    let found = match check {
        "body.present" => return erased.first().map(|e| e.index),
        "execution.bound" | "not_after" => first(&[Kind::Execution, Kind::Outcome]),
        "outcome.bound" => first(&[Kind::Outcome]).or_else(|| first(&[Kind::Execution])),
        "consumption.unique" => statements.iter().rfind(|(_, s)| s.kind() == Kind::Execution),
        _ => first(&[Kind::Approval, Kind::Denial]),
    };
    found.or(statements.first()).map(|(index, _)| *index)
}
