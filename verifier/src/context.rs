//! What every check of a request looks at.

use std::collections::BTreeMap;

use placet_proto::document::Genesis;
use placet_proto::trust::TrustFile;

use crate::erasures::Orders;
use crate::governance::Governance;
use crate::notes::{LogTrust, OpenNote};
use crate::report::Problem;
use crate::webauthn::AttestationRoots;

/// Leaves of executions, by request.
pub(crate) type Executions = BTreeMap<String, Vec<u64>>;

/// Notes opened, governance read, trust resolved.
pub(crate) struct Context<'a> {
    pub(crate) trust: &'a TrustFile,
    pub(crate) main: &'a LogTrust,
    pub(crate) gov: &'a LogTrust,
    pub(crate) genesis: &'a Genesis,
    pub(crate) governance: &'a Governance,
    pub(crate) main_notes: Vec<OpenNote>,
    pub(crate) gov_notes: Vec<OpenNote>,
    /// Orders of erasure, and which of them stand.
    pub(crate) orders: Orders,
    /// Roots of attestations that the trust file pins.
    pub(crate) attestation_roots: AttestationRoots,
    /// T1 of each revocation and role change by its index. Every answer asks for them.
    pub(crate) governed: BTreeMap<u64, u64>,
    /// Number of entries of the whole main log where it was given, and the executions in it.
    pub(crate) whole_log: Option<(usize, Result<Executions, Problem>)>,
}

impl Context<'_> {
    /// T1 of a revocation or role change, where the notes that it names are in the evidence.
    pub(crate) fn signed_not_before(&self, index: u64) -> Option<u64> {
        self.governed.get(&index).copied()
    }
}
