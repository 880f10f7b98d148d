//! Documents that wait for a passkey: kept here, byte for byte, until they are answered.

use std::collections::HashMap;

use placet_proto::document::Document;
use placet_proto::time::UnixSeconds;

use super::Refusal;
use crate::Error;

/// Seconds that a document waits.
pub const WAIT_S: u64 = 600;
/// Documents that may wait.
const MAX_WAITING: usize = 4096;

/// Documents by their SHA-256, with the time at which they are forgotten.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: HashMap<[u8; 32], (UnixSeconds, Document)>,
}

impl Pending {
    /// Keeps a document.
    ///
    /// # Errors
    /// `ledger.limit`.
    pub fn put(&mut self, document: Document, now: UnixSeconds) -> Result<UnixSeconds, Error> {
        self.waiting.retain(|_, (until, _)| *until > now);
        if self.waiting.len() >= MAX_WAITING {
            return Err(Refusal::Limit("documents").into());
        }
        let until = UnixSeconds(now.0.saturating_add(WAIT_S));
        self.waiting.insert(*document.sha256(), (until, document));
        Ok(until)
    }

    /// The document, still waiting.
    ///
    /// # Errors
    /// `answer.document_unknown`.
    pub fn get(&self, sha256: &[u8; 32], now: UnixSeconds) -> Result<Document, Error> {
        let found = self.waiting.get(sha256).filter(|(until, _)| *until > now);
        found.map(|(_, d)| d.clone()).ok_or_else(|| Refusal::DocumentUnknown.into())
    }

    /// Forgets a document.
    pub fn remove(&mut self, sha256: &[u8; 32]) {
        self.waiting.remove(sha256);
    }
}
