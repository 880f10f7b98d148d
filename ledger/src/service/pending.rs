//! Documents that wait for a passkey: kept here, byte for byte, until they are answered.

use std::collections::HashMap;

use placet_proto::document::Document;
use placet_proto::time::UnixSeconds;

use super::Refusal;
use crate::Error;

/// Seconds that a document waits.
pub const WAIT_S: u64 = 600;
/// Documents that may wait.
const MAX_WAITING: usize = 16_384;
/// Bytes of documents that may wait.
const MAX_BYTES: usize = 256 << 20;
/// Documents of one request and credential that may wait; an older one gives way.
const MAX_OF_ONE: usize = 4;
/// Documents of one credential that may wait; an older one gives way. Each look at a request makes
/// one, so nobody may fill the rest by looking.
const MAX_OF_CREDENTIAL: usize = 32;

/// Documents by their SHA-256.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: HashMap<[u8; 32], Waiting>,
    bytes: usize,
    serial: u64,
}

#[derive(Debug)]
struct Waiting {
    until: UnixSeconds,
    serial: u64,
    credential: Vec<u8>,
    document: Document,
    /// Whether its signer knows that nobody may be able to administrate afterwards.
    last: bool,
}

impl Pending {
    /// Keeps a document that this credential is to sign; gives the time at which it is forgotten.
    ///
    /// # Errors
    /// `ledger.limit`.
    pub fn put(
        &mut self,
        document: Document,
        credential: &[u8],
        now: UnixSeconds,
    ) -> Result<UnixSeconds, Error> {
        self.forget(now);
        self.make_room_for(&document, credential);
        let size = document.bytes().len();
        let bytes = self.bytes.saturating_add(size);
        if self.waiting.len() >= MAX_WAITING || bytes > MAX_BYTES {
            return Err(Refusal::Limit("documents").into());
        }
        self.bytes = bytes;
        self.serial = self.serial.saturating_add(1);
        let until = UnixSeconds(now.0.saturating_add(WAIT_S));
        let (serial, credential) = (self.serial, credential.to_vec());
        let sha256 = *document.sha256();
        self.waiting.insert(sha256, Waiting { until, serial, credential, document, last: false });
        Ok(until)
    }

    /// The document, still waiting.
    ///
    /// # Errors
    /// `answer.document_unknown`.
    pub fn get(&self, sha256: &[u8; 32], now: UnixSeconds) -> Result<Document, Error> {
        let found = self.waiting.get(sha256).filter(|w| w.until > now);
        found.map(|w| w.document.clone()).ok_or_else(|| Refusal::DocumentUnknown.into())
    }

    /// Notes that the signer of this document knows that nobody may be able to administrate
    /// afterwards.
    pub fn confirm_last(&mut self, sha256: &[u8; 32]) {
        if let Some(waiting) = self.waiting.get_mut(sha256) {
            waiting.last = true;
        }
    }

    /// Whether [`Pending::confirm_last`] noted it.
    pub fn is_confirmed_last(&self, sha256: &[u8; 32]) -> bool {
        self.waiting.get(sha256).is_some_and(|waiting| waiting.last)
    }

    /// Forgets a document.
    pub fn remove(&mut self, sha256: &[u8; 32]) {
        if let Some(gone) = self.waiting.remove(sha256) {
            self.bytes = self.bytes.saturating_sub(gone.document.bytes().len());
        }
    }

    /// Forgets every document about a request.
    pub fn remove_about(&mut self, request: &str) {
        let about = |w: &&Waiting| w.document.body.request() == Some(request);
        let found: Vec<_> =
            self.waiting.iter().filter(|(_, w)| about(w)).map(|(k, _)| *k).collect();
        for sha256 in found {
            self.remove(&sha256);
        }
    }

    fn forget(&mut self, now: UnixSeconds) {
        let old: Vec<_> =
            self.waiting.iter().filter(|(_, w)| w.until <= now).map(|(k, _)| *k).collect();
        for sha256 in old {
            self.remove(&sha256);
        }
    }

    fn make_room_for(&mut self, document: &Document, credential: &[u8]) {
        let request = document.body.request();
        self.keep_fewer(MAX_OF_ONE, |w| {
            w.credential == credential && w.document.body.request() == request
        });
        self.keep_fewer(MAX_OF_CREDENTIAL, |w| w.credential == credential);
    }

    /// Forgets the oldest of these until one fewer than `most` is left.
    fn keep_fewer(&mut self, most: usize, of_these: impl Fn(&Waiting) -> bool) {
        let found = self.waiting.iter().filter(|(_, w)| of_these(w));
        let mut found: Vec<_> = found.map(|(k, w)| (w.serial, *k)).collect();
        found.sort_unstable();
        let surplus = found.len().saturating_add(1).saturating_sub(most);
        for (_, sha256) in found.into_iter().take(surplus) {
            self.remove(&sha256);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::document::{Body, Ended};

    fn document(n: u8) -> Document {
        let request = "5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8e9f".to_owned();
        let body = Body::Expiry(Ended { request, reason: None, at: UnixSeconds(1) });
        Document::new([n; 16], body).unwrap()
    }

    #[test]
    fn the_oldest_of_one_request_and_credential_give_way_and_all_are_forgotten_in_time() {
        let mut pending = Pending::default();
        let now = UnixSeconds(1000);
        for n in 0..6 {
            pending.put(document(n), b"a", now).unwrap();
        }
        pending.put(document(9), b"b", now).unwrap();
        let known = |p: &Pending, n, now| p.get(document(n).sha256(), now).is_ok();
        let kept: Vec<u8> = (0..10).filter(|n| known(&pending, *n, now)).collect();
        assert_eq!(kept, [2, 3, 4, 5, 9]);
        let later = UnixSeconds(1000 + WAIT_S);
        assert!(!known(&pending, 5, later));
        pending.put(document(7), b"c", later).unwrap();
        assert_eq!((pending.waiting.len(), pending.bytes), (1, document(7).bytes().len()));
        pending.remove(document(7).sha256());
        assert_eq!(pending.bytes, 0);
    }

    #[test]
    fn nobody_fills_the_rest_by_looking_at_many_requests() {
        let mut pending = Pending::default();
        let now = UnixSeconds(1000);
        let of = |n: usize| {
            let request = format!("5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8{n:03x}");
            let body = Body::Expiry(Ended { request, reason: None, at: UnixSeconds(1) });
            Document::new([0; 16], body).unwrap()
        };
        for n in 0..MAX_OF_CREDENTIAL + 8 {
            pending.put(of(n), b"a", now).unwrap();
        }
        assert_eq!(pending.waiting.len(), MAX_OF_CREDENTIAL);
        assert!(pending.get(of(7).sha256(), now).is_err());
        assert!(pending.get(of(8).sha256(), now).is_ok());
    }
}
