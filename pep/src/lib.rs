//! Policy decisions and their enforcement.
//!
//! * [`authzen`]: requests and responses of the AuthZEN Authorization API 1.0, with the requestable
//!   denials of its Access Request and Approval Profile (ARAP).
//! * [`policy`]: a policy folder, its manifest, and the folders that come with the program.
//! * [`http`]: both, and consuming approvals, as an HTTP service over a ledger.
//! * [`enforce`]: what a PEP does with a decision: ask persons, spend an approval once, act, tell.
//! * [`identity`]: who calls, by tokens, proofs of possession and certificates.
//! * [`pdp`]: the trait of policy decision points; [`cedar`]: the embedded one; [`remote`]: a
//!   foreign one that has to agree.
//! * [`obligations`]: what a PEP has to do with an answer; [`session`]: what agents did, counted
//!   for policies.
//! * [`tokens`]: tokens that are good for one approved action, for resources across a boundary.
//! * [`tls`]: the client's side of TLS, for all that call others.
//! * [`gateway`]: the enforcement point in front of HTTP APIs.
//! * [`replay`]: a recorded decision, decided again.

pub mod authzen;
pub mod cedar;
pub mod enforce;
pub mod error;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod obligations;
pub mod pdp;
pub mod policy;
pub mod remote;
pub mod replay;
pub mod session;
pub mod tls;
pub mod tokens;
mod withhold;

pub use error::Error;
