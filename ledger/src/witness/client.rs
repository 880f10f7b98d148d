//! Asking one witness for its cosignature.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use placet_proto::tlog::note::parse_signature_lines;
use placet_proto::tlog::witness::parse_size_body;
use placet_proto::tlog::{AddCheckpoint, Hash, SignatureLine, SignedCheckpoint, VerifierKey};

use super::Error;
use super::key::verify_cosignature;

/// Requests for one cosignature: one to learn the witness's size, one to use it, and two in which
/// another of our processes may have been quicker.
const MAX_ATTEMPTS: usize = 4;

/// The most logs of which the witness's size is remembered.
const MAX_REMEMBERED: usize = 1024;

/// The most characters of a witness's refusal that are kept.
const MAX_MESSAGE: usize = 200;

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, bounded by the transport.
    pub body: Vec<u8>,
}

/// A way to a witness.
pub trait Transport: Send + Sync {
    /// Sends one `add-checkpoint` body. Any status is an answer.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Answer`].
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error>;
}

/// The log that is being witnessed, as far as witnesses ask.
pub trait ProofSource: Send + Sync {
    /// The size of the log now: no witness can rightly hold more.
    fn size(&self) -> u64;

    /// The consistency path between two sizes of the log; empty from 0.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, String>;
}

/// One witness: its key and a way to it.
///
/// It remembers the size that the witness last confirmed for a log, so that one request is
/// usually enough. Forgetting that costs one more request and nothing else.
pub struct WitnessClient {
    key: VerifierKey,
    transport: Box<dyn Transport>,
    sizes: Mutex<HashMap<String, u64>>,
}

impl std::fmt::Debug for WitnessClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WitnessClient").field("key", &self.key).finish_non_exhaustive()
    }
}

impl WitnessClient {
    /// A client for the witness with this key (type 0x04).
    #[must_use]
    pub fn new(key: VerifierKey, transport: Box<dyn Transport>) -> Self {
        Self { key, transport, sizes: Mutex::default() }
    }

    /// The witness's verifier key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The witness's cosignature of a log-signed checkpoint, verified, with its time in seconds
    /// since the epoch. Blocks as long as the transport does, four times at most.
    ///
    /// # Errors
    /// Alarms ([`Error::is_alarm`]): [`Error::Fork`], [`Error::Ahead`]. Else
    /// [`Error::Superseded`], [`Error::Unreachable`], [`Error::Unavailable`],
    /// [`Error::UnknownLog`], [`Error::Refused`], [`Error::Answer`], [`Error::Cosignature`],
    /// [`Error::Proof`].
    pub fn cosign(
        &self,
        signed: &SignedCheckpoint,
        source: &dyn ProofSource,
    ) -> Result<(SignatureLine, u64), Error> {
        let origin = &signed.checkpoint().origin;
        let new_size = signed.checkpoint().size;
        let note = signed.note().to_bytes();
        let mut old_size = self.remembered(origin).filter(|s| *s <= new_size).unwrap_or(0);
        for _ in 0..MAX_ATTEMPTS {
            let path =
                source.consistency(old_size, new_size).map_err(|reason| Error::Proof { reason })?;
            let request = AddCheckpoint { old_size, path, note: note.clone() };
            let body = request.to_bytes().map_err(|e| Error::Proof { reason: e.to_string() })?;
            let answer = self.transport.add_checkpoint(&body)?;
            match answer.status {
                200 => {
                    let lines = parse_answer(&answer.body)?;
                    let (line, time) = verify_cosignature(&self.key, signed.note().text(), &lines)?;
                    self.remember(origin, new_size);
                    return Ok((line.clone(), time));
                }
                409 => {
                    old_size = conflict(&answer.body, old_size, new_size, source)?;
                    self.remember(origin, old_size);
                }
                status => return Err(refused(status, &answer.body, old_size)),
            }
        }
        Err(Error::Answer { reason: "its size keeps changing" })
    }

    fn remembered(&self, origin: &str) -> Option<u64> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(origin).copied()
    }

    fn remember(&self, origin: &str, size: u64) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        if sizes.len() >= MAX_REMEMBERED {
            sizes.clear();
        }
        sizes.insert(origin.to_owned(), size);
    }
}

fn parse_answer(body: &[u8]) -> Result<Vec<SignatureLine>, Error> {
    let text = str::from_utf8(body).map_err(|_| Error::Answer { reason: "it is not UTF-8" })?;
    parse_signature_lines(text).map_err(|_| Error::Answer { reason: "no signature lines" })
}

/// What to do about a 409: the old size for the next attempt.
fn conflict(
    body: &[u8],
    old_size: u64,
    new_size: u64,
    source: &dyn ProofSource,
) -> Result<u64, Error> {
    let size = match parse_size_body(body) {
        Ok(size) => size,
        // Version 1.0.0 of the protocol answers so when the sizes agree and the roots do not.
        Err(_) if old_size == new_size => return Err(Error::Fork { size: new_size }),
        Err(_) => return Err(Error::Answer { reason: "a conflict without size" }),
    };
    if size > new_size {
        // Read after the answer: the log may have grown while we asked.
        let log_size = source.size();
        return Err(if size > log_size {
            Error::Ahead { witness_size: size, log_size }
        } else {
            Error::Superseded { size }
        });
    }
    match size == old_size {
        true if old_size == new_size => Err(Error::Fork { size }),
        true => Err(Error::Answer { reason: "a conflict over the size that it holds" }),
        false => Ok(size),
    }
}

fn refused(status: u16, body: &[u8], old_size: u64) -> Error {
    match status {
        403 | 404 => Error::UnknownLog { status },
        // Our proof is right for our tree, so it is the witness's root that is another one. From
        // size 0 there is no root to differ over.
        422 if old_size > 0 => Error::Fork { size: old_size },
        429 | 500..=599 => Error::Unavailable { status },
        _ => {
            let text = String::from_utf8_lossy(body);
            let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
            let message = text.trim().chars().take(MAX_MESSAGE).filter(printable).collect();
            Error::Refused { status, message }
        }
    }
}

impl ProofSource for crate::Log {
    fn size(&self) -> u64 {
        self.size()
    }

    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, String> {
        // From the empty tree there is nothing to prove.
        if old_size == 0 {
            return Ok(Vec::new());
        }
        self.consistency_path(old_size, new_size).map_err(|e| e.to_string())
    }
}
