//! Notes: the log's own signature, the witnesses' cosignatures, and what they say about time
//! (SPEC.md 6.4, 9.4).

mod set;

use placet_proto::cose_key::PublicKey;
use placet_proto::document::Purpose;
use placet_proto::tlog::checkpoint::SignedCheckpoint;
use placet_proto::tlog::cosignature::{self, Cosignature};
use placet_proto::tlog::note::{KeyMaterial, VerifierKey};
use placet_proto::tlog::policy::Policy;
use placet_proto::trust::{TrustedKey, TrustedLog};

pub use self::set::NoteSet;
use crate::crypto::{CryptoError, ReadyKey};
use crate::report::{Malformed, Problem};

/// The smallest tree that a log of this profile signs (SPEC.md 6.2).
const MIN_SIZE: u64 = 2;

/// A log as the trust file knows it, with its keys read.
#[derive(Debug, Clone)]
pub struct LogTrust {
    /// What the trust file says.
    pub log: TrustedLog,
    /// The witness policy.
    pub policy: Policy,
    /// Whether the operator's own witnesses count for nothing: where independent ones are
    /// required, time must not rest on the others either.
    pub independent_only: bool,
    keys: Vec<KnownKey>,
    checkpoint_keys: Vec<(VerifierKey, ReadyKey, TrustedKey)>,
    /// By position in the policy.
    witness_keys: Vec<Option<ReadyKey>>,
}

/// A key of a log, read.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    /// What the trust file says of it.
    pub(crate) trusted: TrustedKey,
    /// RFC 9679 thumbprint.
    pub(crate) kid: [u8; 32],
    /// The key.
    pub(crate) key: ReadyKey,
}

impl LogTrust {
    /// Reads policy and keys of a trusted log.
    ///
    /// # Errors
    /// The code of what could not be read, or of a key that is no valid point.
    pub fn new(log: &TrustedLog) -> Result<Self, Malformed> {
        let tlog = |e: placet_proto::tlog::TlogError| Malformed::from(placet_proto::Error::from(e));
        let policy = Policy::parse(log.witness_policy.as_bytes()).map_err(|e| tlog(e.into()))?;
        let mut witness_keys = Vec::new();
        for witness in policy.witnesses() {
            witness_keys.push(match witness.key.material() {
                KeyMaterial::CosignatureV1(raw) => Some(ready(PublicKey::Ed25519(*raw))?),
                _ => None,
            });
        }
        let mut keys = Vec::new();
        let mut checkpoint_keys = Vec::new();
        for trusted in &log.keys {
            let public =
                PublicKey::from_cose(&trusted.public_key).map_err(placet_proto::Error::from)?;
            let kid = public.thumbprint();
            let key = ready(public)?;
            // A checkpoint key of another algorithm signs nothing that this profile reads.
            if let (Purpose::Checkpoint, PublicKey::Ed25519(raw)) = (trusted.purpose, key.public())
            {
                let vkey = VerifierKey::new(&log.origin, KeyMaterial::Ed25519(*raw))
                    .map_err(|e| tlog(e.into()))?;
                checkpoint_keys.push((vkey, key.clone(), trusted.clone()));
            }
            keys.push(KnownKey { trusted: trusted.clone(), kid, key });
        }
        let (log, independent_only) = (log.clone(), false);
        Ok(Self { log, policy, independent_only, keys, checkpoint_keys, witness_keys })
    }

    /// The trusted key with this thumbprint and purpose, valid at `x`.
    ///
    /// # Errors
    /// Failed `key.window`; indeterminate `issuer.external` for a key that is not known.
    pub(crate) fn key_by_kid(
        &self,
        purpose: Purpose,
        kid: &[u8; 32],
        x: u64,
    ) -> Result<&KnownKey, Problem> {
        let mut named =
            self.keys.iter().filter(|k| k.trusted.purpose == purpose && k.kid == *kid).peekable();
        let known = named.peek().is_some();
        if let Some(key) = named.find(|k| k.trusted.covers(x)) {
            return Ok(key);
        }
        let hex = placet_proto::b64::encode_hex(kid);
        Err(if known {
            Problem::failed("key.window", format!("{} key {hex} used at {x}", purpose.name()))
        } else {
            Problem::open("issuer.external", format!("{} key {hex}", purpose.name()))
        })
    }

    /// Whether the witness at this position of the policy is one that the operator runs.
    #[must_use]
    pub fn is_own(&self, position: usize) -> bool {
        self.policy.witnesses().get(position).is_none_or(|w| {
            let own = |o: &String| o.as_bytes() == w.name.as_slice() || o == w.key.name();
            self.log.operated_by_self.iter().any(own)
        })
    }
}

fn ready(key: PublicKey) -> Result<ReadyKey, Malformed> {
    let malformed = |e: CryptoError| Malformed { code: e.code(), detail: e.to_string() };
    ReadyKey::new(key).map_err(malformed)
}

/// A note whose signatures were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenNote {
    /// Tree size.
    pub size: u64,
    /// Root.
    pub root: [u8; 32],
    /// SHA-256 of the whole note.
    pub sha256: [u8; 32],
    /// Stamps by position in the policy's list of witnesses, seconds.
    pub times: Vec<Option<u64>>,
    /// T1: the largest t such that the witnesses with a stamp ≥ t satisfy the quorum.
    pub not_before: Option<u64>,
    /// T2: one second after the smallest t such that the witnesses with a stamp ≤ t satisfy the
    /// quorum.
    pub before: Option<u64>,
    /// Lines of keys that neither the log nor the policy knows.
    pub unknown: Vec<String>,
}

impl OpenNote {
    /// Whether the quorum holds, stamps of 0 not counted; never under `quorum none`.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        self.not_before.is_some()
    }
}

/// Checks one note of a log: origin, the log's signature by a key valid at that size, and every
/// line of a known witness.
///
/// # Errors
/// Failed `log.checkpoint` or `key.window`.
pub fn open(
    bytes: &[u8],
    signed: &SignedCheckpoint,
    trust: &LogTrust,
) -> Result<OpenNote, Problem> {
    let checkpoint = signed.checkpoint();
    let bad = |detail: String| Problem::failed("log.checkpoint", detail);
    if checkpoint.origin != trust.log.origin {
        return Err(
            bad("the note names another log".into()).versus(&trust.log.origin, &checkpoint.origin)
        );
    }
    // A tree of one entry has an empty path, which some readers refuse: no log signs it.
    if checkpoint.size < MIN_SIZE {
        return Err(bad(format!("a checkpoint of size {}", checkpoint.size)));
    }
    check_log_signature(signed, trust)?;
    let mut times = vec![None; trust.policy.witnesses().len()];
    for (position, witness) in trust.policy.witnesses().iter().enumerate() {
        let key = trust.witness_keys.get(position).and_then(Option::as_ref);
        let time = cosigned_at(signed, &witness.key, key).map_err(bad)?;
        if let Some(slot) = times.get_mut(position) {
            *slot = time.filter(|_| !(trust.independent_only && trust.is_own(position)));
        }
    }
    let known = |name: &str, id: u32| {
        trust.checkpoint_keys.iter().any(|(k, ..)| k.name() == name && k.key_id() == id)
            || trust.policy.witnesses().iter().any(|w| w.key.name() == name && w.key.key_id() == id)
    };
    let unknown = signed
        .note()
        .signatures()
        .iter()
        .filter(|s| !known(s.name(), s.key_id()))
        .map(|s| format!("{}+{:08x}", s.name(), s.key_id()))
        .collect();
    Ok(OpenNote {
        size: checkpoint.size,
        root: checkpoint.root,
        sha256: placet_proto::sha256(bytes),
        not_before: trust.policy.latest_time(&times),
        before: trust.policy.earliest_time(&times).and_then(|t| t.checked_add(1)),
        times,
        unknown,
    })
}

/// Whether the note is of the log and a checkpoint key of it, in its window or not, signed it:
/// for whoever signs two histories it is no excuse that the key was not to be used any more.
pub(crate) fn signed_by_log(signed: &SignedCheckpoint, trust: &LogTrust) -> bool {
    let note = signed.note();
    signed.checkpoint().origin == trust.log.origin
        && trust.checkpoint_keys.iter().any(|(vkey, key, _)| {
            let line = note.signature_of(vkey);
            line.is_some_and(|l| key.verify_cose(note.text().as_bytes(), l.signature()).is_ok())
        })
}

fn check_log_signature(signed: &SignedCheckpoint, trust: &LogTrust) -> Result<(), Problem> {
    let (note, size) = (signed.note(), signed.checkpoint().size);
    let mut out_of_window = false;
    let mut valid = false;
    for (vkey, key, trusted) in &trust.checkpoint_keys {
        let Some(line) = note.signature_of(vkey) else { continue };
        key.verify_cose(note.text().as_bytes(), line.signature()).map_err(|e| {
            Problem::failed("log.checkpoint", format!("the log's signature at size {size}: {e}"))
        })?;
        if trusted.covers(size) {
            valid = true;
        } else {
            out_of_window = true;
        }
    }
    match (valid, out_of_window) {
        (true, _) => Ok(()),
        (false, true) => Err(Problem::failed(
            "key.window",
            format!("checkpoint of size {size} signed by a key not trusted at that size"),
        )),
        (false, false) => Err(Problem::failed(
            "log.checkpoint",
            format!("no signature of a known checkpoint key at size {size}"),
        )),
    }
}

fn cosigned_at(
    signed: &SignedCheckpoint,
    key: &VerifierKey,
    ready: Option<&ReadyKey>,
) -> Result<Option<u64>, String> {
    let note = signed.note();
    let (Some(line), Some(ready)) = (note.signature_of(key), ready) else { return Ok(None) };
    let refused = |what: &dyn std::fmt::Display| format!("cosignature of {}: {what}", key.name());
    let cosignature = Cosignature::parse(line.signature()).map_err(|e| refused(&e))?;
    let message = cosignature::message(cosignature.time(), note.text()).map_err(|e| refused(&e))?;
    ready.verify_cose(&message, cosignature.signature()).map_err(|e| refused(&e))?;
    // A stamp of 0 makes no statement about time (C2SP tlog-cosignature), so it counts for nothing.
    Ok(Some(cosignature.time()).filter(|t| *t > 0))
}
