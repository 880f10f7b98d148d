//! The decision to cosign: `add-checkpoint` of C2SP tlog-witness, without HTTP.
//!
//! The order of the checks is that of the specification. Where its version 1.0.0 and its later
//! text differ (same size, another root: 409 then, 422 now), this follows the later text.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use placet_proto::tlog::merkle::{EMPTY_ROOT, verify_consistency_from_any};
use placet_proto::tlog::witness::{SIZE_MEDIA_TYPE, size_body};
use placet_proto::tlog::{AddCheckpoint, Hash, SignedCheckpoint, VerifierKey};

use super::Error;
use super::key::{CosignerKey, verify_cosignature, verify_log_signatures};
use super::state::{StateStore, origin_hash};

/// The most logs that one witness knows.
pub const MAX_LOGS: usize = 10_000;

/// Gives the time, in seconds since the epoch.
pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

/// The clock of the operating system; 0, which no cosignature may have, if that is before 1970.
#[must_use]
pub fn system_clock() -> Clock {
    Box::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request, the note or the checkpoint is malformed, has extension lines, or its old size
    /// is above the checkpoint's.
    #[error("{0}")]
    BadRequest(String),
    /// No known key of the log signed the checkpoint, or such a signature does not verify.
    #[error("no valid signature by a trusted key of this log")]
    Untrusted,
    /// No such log.
    #[error("unknown log")]
    UnknownLog,
    /// The old size is not that of the last checkpoint cosigned.
    #[error("the last cosigned size is {size}")]
    Conflict {
        /// The size of the last checkpoint cosigned.
        size: u64,
    },
    /// The consistency proof does not verify, or the root does not fit the size.
    #[error("the consistency proof does not verify")]
    Inconsistent,
    /// The clock went backwards: behind the last cosignature's time.
    #[error("the clock of the witness is behind its last cosignature")]
    Clock,
    /// The state can't be read or written.
    #[error("internal error")]
    Failed(#[source] Error),
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Untrusted => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent => 422,
            Self::Failed(_) => 500,
            Self::Clock => 503,
        }
    }

    /// The body of the answer. It names no file.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Conflict { size } => size_body(*size),
            other => format!("{other}\n"),
        }
    }

    /// The media type of [`Refusal::body`].
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => SIZE_MEDIA_TYPE,
            _ => "text/plain; charset=utf-8",
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A witness: its key, the logs it knows, and what it last cosigned of each.
pub struct Witness {
    key: CosignerKey,
    logs: HashMap<String, KnownLog>,
    /// From [`origin_hash`] to origin.
    hashes: HashMap<String, String>,
    store: Box<dyn StateStore>,
    clock: Clock,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("key", &self.key).finish_non_exhaustive()
    }
}

struct KnownLog {
    keys: Vec<VerifierKey>,
    /// Held from reading the state to having replaced it: the check and the store are one step.
    turn: Mutex<()>,
}

/// What the state says of a log; before the first checkpoint it is the empty tree.
struct Last {
    size: u64,
    root: Hash,
    time: u64,
}

impl Witness {
    /// A witness that knows these logs: origin and verifier keys (type 0x01) of each.
    ///
    /// # Errors
    /// [`Error::Config`] for an origin given twice, a log without keys, or more than
    /// [`MAX_LOGS`].
    pub fn new(
        key: CosignerKey,
        logs: Vec<(String, Vec<VerifierKey>)>,
        store: Box<dyn StateStore>,
        clock: Clock,
    ) -> Result<Self, Error> {
        if logs.len() > MAX_LOGS {
            return Err(Error::config("too many logs"));
        }
        let mut known = HashMap::new();
        for (origin, keys) in logs {
            if keys.is_empty() {
                return Err(Error::config(format!("{origin}: no verifier key")));
            }
            let log = KnownLog { keys, turn: Mutex::new(()) };
            if known.insert(origin.clone(), log).is_some() {
                return Err(Error::config(format!("{origin}: listed twice")));
            }
        }
        let hashes = known.keys().map(|origin| (origin_hash(origin), origin.clone())).collect();
        Ok(Self { key, logs: known, hashes, store, clock })
    }

    /// The witness's verifier key, for policies.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// The logs it knows, in no order.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// Answers an `add-checkpoint` body: the cosignature line, stored before it is given.
    ///
    /// # Errors
    /// [`Refusal`], with the HTTP status and body of each.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, Refusal> {
        let malformed = |e: &dyn std::fmt::Display| Refusal::BadRequest(e.to_string());
        let request = AddCheckpoint::parse(body).map_err(|e| malformed(&e))?;
        let signed = SignedCheckpoint::parse(&request.note).map_err(|e| malformed(&e))?;
        let checkpoint = signed.checkpoint();
        let log = self.logs.get(&checkpoint.origin).ok_or(Refusal::UnknownLog)?;
        let trusted = verify_log_signatures(&log.keys, signed.note()).ok_or(Refusal::Untrusted)?;
        if !checkpoint.extensions.is_empty() {
            return Err(Refusal::BadRequest("extension lines are not cosigned".into()));
        }
        if request.old_size > checkpoint.size {
            return Err(Refusal::BadRequest("the old size is above the checkpoint's".into()));
        }

        let _turn = log.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last(&checkpoint.origin)?;
        if request.old_size != last.size {
            return Err(Refusal::Conflict { size: last.size });
        }
        checkpoint.check_empty_root().map_err(|_| Refusal::Inconsistent)?;
        verify_consistency_from_any(
            last.size,
            checkpoint.size,
            &last.root,
            &checkpoint.root,
            &request.path,
        )
        .map_err(|_| Refusal::Inconsistent)?;

        let now = (self.clock)();
        if now == 0 || now < last.time {
            return Err(Refusal::Clock);
        }
        let line = self.key.cosign(now, signed.note().text())?;
        // Only lines that were verified are kept: a forged one would spoil the state.
        let mut note = signed.note().clone();
        note.retain_signatures(|kept| trusted.contains(&kept));
        note.set_signature(line.clone())
            .map_err(|_| Refusal::BadRequest("too many signatures".into()))?;
        self.store.save(&checkpoint.origin, &note.to_bytes())?;
        Ok(line.to_line())
    }

    /// The last cosigned note of the log with this [`origin_hash`], for monitors.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn checkpoint(&self, hash: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.hashes.get(hash) {
            Some(origin) => self.store.load(origin),
            None => Ok(None),
        }
    }

    fn last(&self, origin: &str) -> Result<Last, Error> {
        let Some(bytes) = self.store.load(origin)? else {
            return Ok(Last { size: 0, root: EMPTY_ROOT, time: 0 });
        };
        let bad = |reason| Error::State { origin: origin.to_owned(), reason };
        let signed = SignedCheckpoint::parse(&bytes).map_err(|_| bad("it is no checkpoint"))?;
        let note = signed.note();
        let (_, time) = verify_cosignature(self.public(), note.text(), note.signatures())
            .map_err(|_| bad("it is not cosigned by this witness"))?;
        let checkpoint = signed.checkpoint();
        if checkpoint.origin != origin {
            return Err(bad("it is of another log"));
        }
        Ok(Last { size: checkpoint.size, root: checkpoint.root, time })
    }
}
