//! Both logs with all in them that no single request decides: what a bundle and an audit share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use placet_proto::document::Genesis;
use placet_proto::kind::LogRole;
use placet_proto::trust::TrustFile;

use crate::context::Context;
use crate::erasures::Orders;
use crate::governance::Governance;
use crate::issuers::Issuers;
use crate::notes::{LogTrust, NoteSet};
use crate::report::{Problem, Status};
use crate::webauthn::AttestationRoots;

/// Notes opened, statements issued by who may, governance read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) genesis: Genesis,
    pub(crate) issuers: Issuers,
    /// Statements that did not pass steps 9 and 10.
    pub(crate) refused: Vec<(LogRole, u64, Problem)>,
    /// Indexes of main statements that passed them.
    pub(crate) valid_main: BTreeSet<u64>,
    pub(crate) governance: Governance,
    /// T1 of governance entries whose time matters, by index.
    pub(crate) governed: BTreeMap<u64, u64>,
    pub(crate) main: LogTrust,
    pub(crate) gov: LogTrust,
    pub(crate) main_notes: NoteSet,
    pub(crate) gov_notes: NoteSet,
    pub(crate) attestation_roots: AttestationRoots,
}

impl Opened {
    /// What the checks of a request look at.
    pub(crate) fn context<'a>(&'a self, trust: &'a TrustFile, orders: Orders) -> Context<'a> {
        Context {
            trust,
            main: &self.main,
            gov: &self.gov,
            genesis: &self.genesis,
            governance: &self.governance,
            main_notes: &self.main_notes,
            gov_notes: &self.gov_notes,
            orders,
            attestation_roots: &self.attestation_roots,
            attested: Mutex::default(),
            governed: &self.governed,
            roots: None,
            whole_log: None,
        }
    }
}

/// What steps 9 and 10 gave.
#[derive(Debug, Default)]
pub(crate) struct Issued {
    pub(crate) issuers: Issuers,
    /// Indexes of statements that passed, by log.
    pub(crate) gov: BTreeSet<u64>,
    pub(crate) main: BTreeSet<u64>,
    /// Those that did not, in the order in which they were met.
    pub(crate) refused: Vec<(LogRole, u64, Problem)>,
}

impl Issued {
    /// The problem that decides step 10 (`by_kind`) or step 9: the first, but a failure outweighs
    /// what is merely open.
    pub(crate) fn worst(&self, by_kind: bool) -> Option<Problem> {
        let of_step = |p: &&Problem| is_of_kind(p) == by_kind;
        let mut problems = self.refused.iter().map(|(_, _, p)| p).filter(of_step);
        let first = problems.clone().next()?;
        let failed = problems.find(|p| p.status == Status::Failed);
        Some(failed.unwrap_or(first).clone())
    }
}

/// Whether a problem is one of step 10, else of step 9.
pub(crate) fn is_of_kind(problem: &Problem) -> bool {
    matches!(problem.code, "issuer.kind" | "kind.wrong_log")
}
