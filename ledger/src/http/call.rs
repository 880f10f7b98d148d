//! What is known of the request that is being answered: how it was made, by which client, and who
//! it turned out to be from.
//!
//! It belongs to the task that answers, so that what decides about callers needs no more than the
//! headers, and so that nobody can forget to hand it on.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use axum::http::Method;

use super::auth::Caller;
use super::limits::network_of;

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

/// Whom a limit counts: a person, whatever the number of sessions and addresses; a program; and of
/// all others the address that they come from. Behind one address there may be a whole company, so
/// that nobody who is known is held to what its address does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// A person, by id.
    Person(String),
    /// A program, by its token's id.
    Token(String),
    /// Nobody that is known: the address, or the network of an IPv6 one.
    Address(IpAddr),
}

/// Whom the limits of the request count that this task answers.
#[must_use]
pub fn who() -> Who {
    match Call::current().as_ref().and_then(|call| call.caller()) {
        Some(Caller::Person(session)) => Who::Person(session.person.clone()),
        Some(Caller::Token { id, .. }) => Who::Token(id.clone()),
        None => address(),
    }
}

/// The same, whoever it is from, by its address.
#[must_use]
pub fn address() -> Who {
    Who::Address(network_of(client()))
}

/// The client of the request that this task answers.
#[must_use]
pub fn client() -> IpAddr {
    Call::current().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |call| call.client)
}
