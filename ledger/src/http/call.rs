//! What is known of the request that is being answered: how it was made, by which client, and who
//! it turned out to be from.
//!
//! It belongs to the task that answers, so that what decides about callers needs no more than the
//! headers, and so that nobody can forget to hand it on.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use axum::http::Method;

use super::auth::Caller;

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
    caller: OnceLock<Caller>,
}

impl Call {
    /// A request of which no more is known yet.
    #[must_use]
    pub fn new(method: Method, client: IpAddr, id: String) -> Self {
        Self { method, client, id, caller: OnceLock::new() }
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
    pub fn is_from(&self, caller: &Caller) {
        let _ = self.caller.set(caller.clone());
    }

    /// Whom it is from, once that was looked up.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.get()
    }

    /// The word for whom it is from.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.caller.get() {
            Some(Caller::Person(_)) => "person",
            Some(Caller::Token { .. }) => "token",
            None => "nobody",
        }
    }
}

/// The client of the request that this task answers.
#[must_use]
pub fn client() -> IpAddr {
    Call::current().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |call| call.client)
}
