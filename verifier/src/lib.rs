//! Every trust decision of Placet, pure: no I/O, no clock, no async. The service runs this code
//! when it accepts an approval, the auditor runs it on a file ten years later.

mod answers;
mod attestation;
pub mod audit;
mod bundle;
pub mod codes;
mod context;
pub mod cose_bare;
pub mod crypto;
mod currency;
mod der;
mod erasures;
mod evidence;
mod executions;
pub mod governance;
mod issuers;
mod logs;
pub mod misbehaviour;
pub mod notes;
mod opened;
mod passkey;
mod quorum;
mod report;
mod request;
pub mod webauthn;
mod workers;

pub use bundle::{Options, WholeLog, checks, execution_request, verify_bundle};
pub use evidence::{ErasedStatement, Evidence, MainStatement, Parsed, ParsedNote};
pub use report::{
    AnswerFacts, Check, ErasedFacts, ExecutionFacts, Malformed, Problem, Report, RequestFacts,
    Status, Verdict,
};
pub use workers::{InOrder, Workers};
