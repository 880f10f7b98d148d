//! What every check of a request looks at.

use placet_proto::document::Genesis;
use placet_proto::trust::TrustFile;

use crate::governance::Governance;
use crate::notes::{LogTrust, OpenNote};

/// Notes opened, governance read, trust resolved.
pub(crate) struct Context<'a> {
    pub(crate) trust: &'a TrustFile,
    pub(crate) main: &'a LogTrust,
    pub(crate) gov: &'a LogTrust,
    pub(crate) genesis: &'a Genesis,
    pub(crate) governance: &'a Governance,
    pub(crate) main_notes: Vec<OpenNote>,
    pub(crate) gov_notes: Vec<OpenNote>,
}
