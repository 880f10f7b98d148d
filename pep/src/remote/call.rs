//! How a foreign decision point is called.

use std::time::Duration;

use placet_ledger::outbound::client::{Call, Client, Method};
use placet_ledger::outbound::url::Target;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, bounded.
    pub body: Vec<u8>,
    /// Whether the body is longer, or broke off.
    pub truncated: bool,
}

/// Makes calls; tests bring one of their own. An error is why no answer came, for people.
pub trait Caller: Send + Sync {
    /// GET, within the time.
    ///
    /// # Errors
    /// Why no answer came.
    fn get(&self, url: &str, headers: &[(String, String)], time: Duration)
    -> Result<Reply, String>;

    /// POST, within the time.
    ///
    /// # Errors
    /// Why no answer came.
    fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        time: Duration,
    ) -> Result<Reply, String>;
}

/// Calls through the ledger's client: addresses are checked, no redirect is followed.
pub(super) struct Through(pub Client);

impl Through {
    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        time: Duration,
    ) -> Result<Reply, String> {
        let target = Target::parse(url).map_err(|e| e.to_string())?;
        let call = Call { method, target: &target, headers, body };
        let reply = self.0.send_within(&call, time).map_err(|e| e.to_string())?;
        Ok(Reply { status: reply.status, body: reply.body, truncated: reply.truncated })
    }
}

impl Caller for Through {
    fn get(
        &self,
        url: &str,
        headers: &[(String, String)],
        time: Duration,
    ) -> Result<Reply, String> {
        self.send(Method::Get, url, headers, &[], time)
    }

    fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
        time: Duration,
    ) -> Result<Reply, String> {
        self.send(Method::Post, url, headers, body, time)
    }
}
