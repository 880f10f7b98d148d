//! The audit of both logs as wholes: SPEC.md 9.10.
//!
//! Nothing here reads files or starts threads. The caller drives it in four steps, of which the
//! second and the fourth may run on as many threads as it likes; what comes out does not depend on
//! how many there are, nor on where the log is cut into chunks:
//!
//! 1. [`Prepared::new`]: notes, the governance log, trust.
//! 2. [`Auditor::examine`] for each statement of the main log, [`Auditor::judge`] for each request
//!    of a chunk; [`Fold::add`] takes the chunks in ascending order and keeps 24 bytes for a
//!    statement that is about a request.
//! 3. [`Fold::second_look`]: what has to be looked at again, as the chunks alone could not decide.
//! 4. [`Auditor::examine`] and [`Auditor::judge`] of these, now with the orders of erasure.
//!
//! A request is judged by the code that judges it in a bundle.

mod auditor;
mod finding;
mod fold;
mod prepared;
mod saved;
mod tree;

pub use self::auditor::{Auditor, Examined};
pub use self::finding::{Finding, Findings, MAX_FINDINGS, Weight};
pub use self::fold::{Chunk, Fold, Group, MAX_OF_REQUEST, OfRequest, Record, SecondLook};
pub use self::prepared::{Copies, Prepared};
pub use self::saved::Saved;
pub use self::tree::MainTree;
pub use crate::context::Roots;
pub use crate::erasures::Orders;
