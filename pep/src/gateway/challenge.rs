//! The hook for a signed transaction challenge (draft-rosomakho-oauth-txn-challenge-00).

use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use placet_proto::action::Action;
use placet_proto::document::Raw;
use placet_proto::jcs;
use placet_proto::json::{self, Json};

use crate::enforce::Ledger;
use crate::identity::Identity;

/// Where the ledger makes challenges (docs/tokens.md).
const PATH: &str = "/v1/transactions/challenge";
/// Longest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Time for the answer; a client without a challenge of this kind gets the other one.
const TIME: Duration = Duration::from_secs(5);

/// A call that waits for persons.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// The request that they are asked about.
    pub request: &'a str,
    /// What was denied.
    pub action: &'a Action,
    /// The bytes that are bound.
    pub raw: Option<&'a Raw>,
    /// Who called.
    pub identity: &'a Identity,
    /// The resource's identifier: the gateway's public address, if it has one.
    pub resource: Option<&'a str>,
}

/// A challenge on its way: the value of `WWW-Authenticate`, or nothing.
pub type Challenging<'a> = Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;

/// Makes the challenge for clients that say `Accept-Txn-Challenge: ?1`.
pub trait Challenge: Send + Sync {
    /// The value of `WWW-Authenticate` for this call; without one the client gets the challenge of
    /// RFC 9470.
    fn challenge<'a>(&'a self, waiting: Waiting<'a>) -> Challenging<'a>;
}

/// Challenges that the ledger signs. The agent takes one there, and gets a token for the action
/// once persons have approved.
pub struct OfLedger(Box<dyn Ledger>);

impl OfLedger {
    /// Challenges of this ledger.
    #[must_use]
    pub fn new(ledger: impl Ledger) -> Self {
        Self(Box::new(ledger))
    }

    async fn ask(&self, body: Vec<u8>) -> Option<String> {
        let request = Request::builder().method(Method::POST).uri(PATH);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let called = self.0.call(request.body(Bytes::from(body)).ok()?, MAX_ANSWER);
        let answer = match tokio::time::timeout(TIME, called).await {
            Ok(Ok(answer)) if answer.status() == StatusCode::OK => answer,
            Ok(Ok(answer)) => {
                tracing::warn!(status = answer.status().as_u16(), "the ledger made no challenge");
                return None;
            }
            Ok(Err(error)) => {
                tracing::warn!(code = error.code(), "the ledger made no challenge");
                return None;
            }
            Err(_) => return None,
        };
        let answer = json::parse_limited(answer.body(), MAX_ANSWER).ok()?;
        answer.get("www_authenticate").and_then(Json::as_str).map(str::to_owned)
    }
}

impl Challenge for OfLedger {
    fn challenge<'a>(&'a self, waiting: Waiting<'a>) -> Challenging<'a> {
        let mut body = Json::object([("request", Json::from(waiting.request))]);
        // With the key that the agent proved nobody else can use the challenge.
        for (name, value) in [("resource", waiting.resource), ("jkt", waiting.identity.jkt())] {
            if let Some(value) = value {
                body.insert(name, value.into());
            }
        }
        Box::pin(async move { self.ask(jcs::to_bytes(&body)).await })
    }
}
