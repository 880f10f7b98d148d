//! What is known of the request that is being answered: how it was made, by which client, and who
//! it turned out to be from.
//!
//! It belongs to the task that answers, so that what decides about callers needs no more than the
//! headers, and so that nobody can forget to hand it on.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::http::Method;

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// One request.
#[derive(Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Whose connection it came by; behind a trusted proxy, whom that names.
    pub client: IpAddr,
    /// Names it in the log and in the answer.
    pub id: String,
    kind: AtomicU8,
}

/// What kind of caller a request turned out to be from, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nobody had to know.
    Nobody,
    /// A person with a session.
    Person,
    /// A program with a token.
    Token,
}

impl Call {
    /// A request of which no more is known yet.
    #[must_use]
    pub fn new(method: Method, client: IpAddr, id: String) -> Self {
        Self { method, client, id, kind: AtomicU8::new(Kind::Nobody as u8) }
    }

    /// The request that this task answers; none outside of the router.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        CALL.try_with(Arc::clone).ok()
    }

    /// Answers the request in a task that knows it.
    pub async fn answered<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CALL.scope(self, work).await
    }

    /// Notes whom it is from.
    pub fn is_from(&self, kind: Kind) {
        self.kind.store(kind as u8, Ordering::Relaxed);
    }

    /// The word for whom it is from.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.kind.load(Ordering::Relaxed) {
            k if k == Kind::Person as u8 => "person",
            k if k == Kind::Token as u8 => "token",
            _ => "nobody",
        }
    }
}

/// The client of the request that this task answers.
#[must_use]
pub fn client() -> IpAddr {
    Call::current().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |call| call.client)
}
