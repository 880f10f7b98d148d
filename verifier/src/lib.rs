//! Every trust decision of Placet, pure: no I/O, no clock, no async. The service runs this code
//! when it accepts an approval, the auditor runs it on a file ten years later.

pub mod codes;
pub mod crypto;
mod report;
pub mod webauthn;

pub use report::{
    AnswerFacts, Check, ExecutionFacts, Malformed, Problem, Report, RequestFacts, Status, Verdict,
};
