//! Whether evidence of misbehaviour shows what it says (SPEC.md 6.7): the word of the file counts
//! for nothing, the keys that the reader trusts decide.

use placet_proto::cose_key::PublicKey;
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::SignedCheckpoint;
use placet_proto::tlog::merkle::verify_consistency;
use placet_proto::tlog::note::{KeyMaterial, VerifierKey};

use crate::crypto;
use crate::notes::{self, LogTrust};
use crate::report::Problem;

/// Whose signature makes a checkpoint the log's own.
#[derive(Debug, Clone, Copy)]
pub enum LogKeys<'a> {
    /// The checkpoint keys of a trust file, in their windows or not: for whoever signs two
    /// histories it is no excuse that the key was not to be used any more.
    Trusted(&'a LogTrust),
    /// The key of a log (type 0x01) of any C2SP tlog-tiles log with this origin.
    Key {
        /// Name of the log.
        origin: &'a str,
        /// Its key.
        key: &'a VerifierKey,
    },
}

impl LogKeys<'_> {
    /// Whether the log signed this checkpoint.
    #[must_use]
    pub fn signed(&self, signed: &SignedCheckpoint) -> bool {
        match self {
            Self::Trusted(trust) => notes::signed_by_log(signed, trust),
            Self::Key { origin, key } => {
                signed.checkpoint().origin == *origin && signed_by(signed, key)
            }
        }
    }
}

/// Checks the evidence. `Ok` is LOG MISBEHAVED, and says in a sentence how.
///
/// # Errors
/// Why it shows nothing about the log: failed `log.checkpoint` for a note that the log did not
/// sign, `log.consistency` for a proof that does not hold, `misbehaviour.none` for what
/// contradicts nothing.
pub fn shown(evidence: &Misbehaviour, keys: LogKeys<'_>) -> Result<String, Problem> {
    let (older, newer) = (evidence.older(), evidence.newer());
    for noted in [older, newer] {
        if !keys.signed(&noted.signed) {
            let size = noted.signed.checkpoint().size;
            let detail = format!("the checkpoint of size {size} is not signed by the log");
            return Err(Problem::failed("log.checkpoint", detail));
        }
    }
    let (older, newer) = (older.signed.checkpoint(), newer.signed.checkpoint());
    let nothing = || Problem::failed("misbehaviour.none", "both checkpoints can be true");
    let Some(fork) = evidence.fork() else {
        return match older.root == newer.root {
            true => Err(nothing()),
            false => Ok(format!("the log signed two different roots for size {}", older.size)),
        };
    };
    verify_consistency(older.size, newer.size, &fork.root, &newer.root, &fork.path).map_err(
        |e| Problem::failed("log.consistency", format!("{} to {}: {e}", older.size, newer.size)),
    )?;
    if fork.root == older.root {
        return Err(nothing());
    }
    Ok(format!(
        "the tree of size {} has another root at size {} than the log signed",
        newer.size, older.size
    ))
}

fn signed_by(signed: &SignedCheckpoint, key: &VerifierKey) -> bool {
    let note = signed.note();
    let (Some(line), KeyMaterial::Ed25519(raw)) = (note.signature_of(key), key.material()) else {
        return false;
    };
    let (public, text) = (PublicKey::Ed25519(*raw), note.text().as_bytes());
    crypto::check_key(&public).is_ok()
        && crypto::verify_cose(&public, text, line.signature()).is_ok()
}
