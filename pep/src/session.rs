//! Session memory: what an agent did in a session, counted for policies (SPEC.md 10).
//!
//! A [`SessionRule`] (`[session]` of the mapping) says which member of the context names the
//! session, how long the window is, and which numbers of a request are volumes. A [`Book`] holds
//! the counts. They follow from what is recorded, so that a book is made again from the log; they
//! are told to policies as `context.session`, by the service and never by a request.

mod book;
mod rule;

pub use book::{Book, Delta, Refused, Ticket};
pub use placet_proto::document::SessionSeen;
pub use rule::{COUNTS, Entry, MAX_VOLUMES, MAX_WINDOW_S, SessionRule, Source};
