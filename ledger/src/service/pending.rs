//! Documents that wait for a passkey: kept here, byte for byte, until they are answered.

use std::collections::{BTreeMap, HashMap};

use placet_proto::document::Document;
use placet_proto::time::UnixSeconds;

use super::Refusal;
use crate::Error;

/// Seconds that a document waits.
pub const WAIT_S: u64 = 600;
/// Documents that may wait; beyond that the oldest gives way.
const MAX_WAITING: usize = 16_384;
/// Bytes of documents that may wait; beyond that the oldest gives way.
const MAX_BYTES: usize = 256 << 20;
/// Documents of one request and credential that may wait; an older one gives way.
const MAX_OF_ONE: usize = 4;
/// Documents of one credential that may wait; an older one gives way. Each look at a request makes
/// one, so nobody may fill the rest by looking.
const MAX_OF_CREDENTIAL: usize = 32;

type Sha256 = [u8; 32];

/// Documents by their SHA-256.
///
/// Kept are their bytes: what is read from them takes several times the space, and most documents
/// are looked at and never signed.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: HashMap<Sha256, Waiting>,
    /// The same, those first that are forgotten first.
    by_end: BTreeMap<(UnixSeconds, u64), Sha256>,
    /// The same of each credential, oldest first.
    by_credential: HashMap<Vec<u8>, Vec<Sha256>>,
    bytes: usize,
    serial: u64,
}

#[derive(Debug)]
struct Waiting {
    end: (UnixSeconds, u64),
    credential: Vec<u8>,
    request: Option<Box<str>>,
    document: Box<[u8]>,
    /// Whether its signer knows that nobody may be able to administrate afterwards.
    last: bool,
}

impl Pending {
    /// Keeps a document that this credential is to sign; gives the time at which it is forgotten.
    pub fn put(&mut self, document: &Document, credential: &[u8], now: UnixSeconds) -> UnixSeconds {
        let request = document.body.request();
        self.forget(now);
        self.make_room_for(document.bytes().len(), request, credential);
        let sha256 = *document.sha256();
        // Made twice, it is one.
        self.remove(&sha256);
        self.serial = self.serial.saturating_add(1);
        let until = UnixSeconds(now.0.saturating_add(WAIT_S));
        let waiting = Waiting {
            end: (until, self.serial),
            credential: credential.to_vec(),
            request: request.map(Box::from),
            document: document.bytes().into(),
            last: false,
        };
        self.bytes = self.bytes.saturating_add(waiting.document.len());
        self.by_end.insert(waiting.end, sha256);
        self.by_credential.entry(credential.to_vec()).or_default().push(sha256);
        self.waiting.insert(sha256, waiting);
        until
    }

    /// The bytes of the document, still waiting. To be parsed when the lock is free again.
    ///
    /// # Errors
    /// `answer.document_unknown`.
    pub fn bytes(&self, sha256: &Sha256, now: UnixSeconds) -> Result<Vec<u8>, Error> {
        let found = self.waiting.get(sha256).filter(|w| w.end.0 > now);
        Ok(found.ok_or(Refusal::DocumentUnknown)?.document.to_vec())
    }

    /// Notes that the signer of this document knows that nobody may be able to administrate
    /// afterwards.
    pub fn confirm_last(&mut self, sha256: &Sha256) {
        if let Some(waiting) = self.waiting.get_mut(sha256) {
            waiting.last = true;
        }
    }

    /// Whether [`Pending::confirm_last`] noted it.
    pub fn is_confirmed_last(&self, sha256: &Sha256) -> bool {
        self.waiting.get(sha256).is_some_and(|waiting| waiting.last)
    }

    /// Forgets a document.
    pub fn remove(&mut self, sha256: &Sha256) {
        let Some(gone) = self.waiting.remove(sha256) else { return };
        self.bytes = self.bytes.saturating_sub(gone.document.len());
        self.by_end.remove(&gone.end);
        if let Some(others) = self.by_credential.get_mut(&gone.credential) {
            others.retain(|other| other != sha256);
            if others.is_empty() {
                self.by_credential.remove(&gone.credential);
            }
        }
    }

    /// Forgets every document about a request.
    pub fn remove_about(&mut self, request: &str) {
        let about = |w: &&Waiting| w.request.as_deref() == Some(request);
        let found: Vec<_> =
            self.waiting.iter().filter(|(_, w)| about(w)).map(|(k, _)| *k).collect();
        for sha256 in found {
            self.remove(&sha256);
        }
    }

    /// The documents that wait and are about no request.
    pub fn changes(&self) -> impl Iterator<Item = Document> {
        let about_none = self.waiting.values().filter(|w| w.request.is_none());
        about_none.filter_map(|w| Document::parse(&w.document).ok())
    }

    fn forget(&mut self, now: UnixSeconds) {
        while let Some(first) = self.by_end.first_entry().filter(|e| e.key().0 <= now) {
            let sha256 = *first.get();
            self.remove(&sha256);
        }
    }

    fn make_room_for(&mut self, size: usize, request: Option<&str>, credential: &[u8]) {
        let all = |p: &Self| p.by_credential.get(credential).cloned().unwrap_or_default();
        let about = |sha256: &Sha256| {
            self.waiting.get(sha256).is_some_and(|w| w.request.as_deref() == request)
        };
        let of_one = all(self).into_iter().filter(about).collect();
        self.keep_fewer(MAX_OF_ONE, of_one);
        self.keep_fewer(MAX_OF_CREDENTIAL, all(self));
        let full =
            |p: &Self| p.waiting.len() >= MAX_WAITING || p.bytes.saturating_add(size) > MAX_BYTES;
        while full(self) {
            let Some(first) = self.by_end.first_entry() else { return };
            let sha256 = *first.get();
            self.remove(&sha256);
        }
    }

    /// Forgets the oldest of these, which stand first, until one fewer than `most` is left.
    fn keep_fewer(&mut self, most: usize, found: Vec<Sha256>) {
        let surplus = found.len().saturating_add(1).saturating_sub(most);
        found.iter().take(surplus).for_each(|sha256| self.remove(sha256));
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
            pending.put(&document(n), b"a", now);
        }
        pending.put(&document(9), b"b", now);
        let known = |p: &Pending, n, now| p.bytes(document(n).sha256(), now).is_ok();
        let kept: Vec<u8> = (0..10).filter(|n| known(&pending, *n, now)).collect();
        assert_eq!(kept, [2, 3, 4, 5, 9]);
        let later = UnixSeconds(1000 + WAIT_S);
        assert!(!known(&pending, 5, later));
        pending.put(&document(7), b"c", later);
        assert_eq!((pending.waiting.len(), pending.bytes), (1, document(7).bytes().len()));
        pending.remove(document(7).sha256());
        assert_eq!(pending.bytes, 0);
        assert!(pending.by_end.is_empty() && pending.by_credential.is_empty());
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
            pending.put(&of(n), b"a", now);
        }
        assert_eq!(pending.waiting.len(), MAX_OF_CREDENTIAL);
        assert!(pending.bytes(of(7).sha256(), now).is_err());
        assert!(pending.bytes(of(8).sha256(), now).is_ok());
    }

    #[test]
    fn when_too_many_wait_the_oldest_of_all_gives_way_and_nobody_is_refused() {
        let mut pending = Pending::default();
        let now = UnixSeconds(1000);
        let credential = |n: usize| n.to_be_bytes();
        let of = |n: usize| {
            let request = format!("5f0c7a0e-6f0b-4c9d-8b1a-0d2f{n:08x}");
            let body = Body::Expiry(Ended { request, reason: None, at: UnixSeconds(1) });
            Document::new([0; 16], body).unwrap()
        };
        for n in 0..=MAX_WAITING {
            pending.put(&of(n), &credential(n / 2), now);
        }
        assert_eq!(pending.waiting.len(), MAX_WAITING);
        assert_eq!(pending.by_end.len(), MAX_WAITING);
        assert!(pending.bytes(of(0).sha256(), now).is_err());
        assert_eq!(pending.bytes(of(1).sha256(), now).unwrap(), of(1).bytes());
        assert_eq!(pending.bytes(of(MAX_WAITING).sha256(), now).unwrap(), of(MAX_WAITING).bytes());
    }
}
