//! How an enforcement point reaches its ledger.

use std::pin::Pin;

use axum::body::Bytes;
use axum::http::{Request, Response};

use super::EnforceError;

/// An answer on its way.
pub type Answering<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, EnforceError>> + Send + 'a>>;

/// A ledger that an enforcement point calls: one over the network ([`super::Remote`]) or one in
/// this process ([`super::Embedded`]). Both answer the same routes, so that all else is one code.
pub trait Ledger: Send + Sync + 'static {
    /// Sends a request whose URI is a path of the ledger, and reads the whole answer. The ledger's
    /// address and the caller's token are the implementation's to add; time is the caller's to
    /// limit, by dropping the future.
    ///
    /// # Errors
    /// `enforce.unavailable`; `enforce.answer` for an answer of more than `max_answer` bytes.
    fn call(&self, request: Request<Bytes>, max_answer: usize) -> Answering<'_>;
}
