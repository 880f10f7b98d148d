//! What every check of a request looks at.

use std::collections::BTreeMap;
use std::sync::Mutex;

use placet_proto::document::Genesis;
use placet_proto::trust::TrustFile;

use crate::erasures::Orders;
use crate::governance::Governance;
use crate::notes::{LogTrust, NoteSet};
use crate::report::Problem;
use crate::webauthn::AttestationRoots;

/// What a copy of both logs tells beyond the notes in it.
pub trait Roots: Sync {
    /// The root of the main log's tree at this size; `None` if the copy does not reach that far.
    fn main_root(&self, size: u64) -> Option<[u8; 32]>;
}

/// Leaves of executions, by request.
pub(crate) type Executions = BTreeMap<String, Vec<u64>>;

/// Notes opened, governance read, trust resolved.
pub(crate) struct Context<'a> {
    pub(crate) trust: &'a TrustFile,
    pub(crate) main: &'a LogTrust,
    pub(crate) gov: &'a LogTrust,
    pub(crate) genesis: &'a Genesis,
    pub(crate) governance: &'a Governance,
    pub(crate) main_notes: &'a NoteSet,
    pub(crate) gov_notes: &'a NoteSet,
    /// Orders of erasure, and which of them stand.
    pub(crate) orders: Orders,
    /// Roots of attestations that the trust file pins.
    pub(crate) attestation_roots: &'a AttestationRoots,
    /// Step 19a by credential, as far as it was asked for.
    pub(crate) attested: Mutex<BTreeMap<Vec<u8>, Result<String, Problem>>>,
    /// T1 of each revocation and role change by its index. Every answer asks for them.
    pub(crate) governed: &'a BTreeMap<u64, u64>,
    /// Both logs as wholes, in an audit (SPEC.md 9.10): then a note that is named and not there
    /// may be one that the copy does not keep, and its root is compared with the tree.
    pub(crate) roots: Option<&'a dyn Roots>,
    /// Number of entries of the whole main log where it was given, and the executions in it.
    pub(crate) whole_log: Option<(usize, Result<Executions, Problem>)>,
}

impl Context<'_> {
    /// T1 of a revocation or role change, where the notes that it names are in the evidence.
    pub(crate) fn signed_not_before(&self, index: u64) -> Option<u64> {
        self.governed.get(&index).copied()
    }
}
