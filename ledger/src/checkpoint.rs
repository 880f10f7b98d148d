//! Checkpoints as the engine sees them: the first three lines of a note, and a signer.
//!
//! The engine compares origin, size and root with its own tree. Which signatures a note carries,
//! and whether they satisfy a witness policy, is decided before a note is given to it.

use placet_proto::tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};

use crate::Error;
use crate::storage::Hash;

/// Smallest tree that our logs sign (SPEC.md: `init` commits three entries at once).
pub const MIN_SIGNED_SIZE: u64 = 2;

/// Signs checkpoints with the log's own key.
pub trait CheckpointSigner: Send + Sync + 'static {
    /// The whole signed note for `text`, the checkpoint body with its final line feed.
    ///
    /// # Errors
    /// Why not. The log stops writing then.
    fn sign(&self, text: &str) -> Result<Vec<u8>, String>;
}

impl<F> CheckpointSigner for F
where
    F: Fn(&str) -> Result<Vec<u8>, String> + Send + Sync + 'static,
{
    fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        self(text)
    }
}

/// What a checkpoint says (C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

impl Head {
    /// The checkpoint body: three lines.
    pub fn text(&self) -> String {
        let Head { origin, size, root } = self.clone();
        Checkpoint { origin, size, root, extensions: Vec::new() }.to_text()
    }

    /// The head of a signed note. Signatures are not looked at.
    ///
    /// # Errors
    /// [`Error::CheckpointInconsistent`] when this is no checkpoint of ours: not the one form, or
    /// with extension lines.
    pub fn of_note(note: &[u8]) -> Result<Head, Error> {
        let head = || -> Result<Head, CheckpointError> {
            let signed = SignedCheckpoint::parse(note)?;
            signed.checkpoint().check_profile()?;
            let Checkpoint { origin, size, root, .. } = signed.checkpoint().clone();
            Ok(Head { origin, size, root })
        };
        head().map_err(|error| Error::CheckpointInconsistent { reason: error.to_string() })
    }
}

/// A log-signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastCheckpoint {
    /// What it says.
    pub head: Head,
    /// The signed note.
    pub note: Vec<u8>,
}

/// Signs the head, unless the tree is too small to be signed.
pub(crate) fn sign(
    signer: &dyn CheckpointSigner,
    head: Head,
) -> Result<Option<FastCheckpoint>, Error> {
    if head.size < MIN_SIGNED_SIZE {
        return Ok(None);
    }
    let note = signer.sign(&head.text()).map_err(|reason| Error::Sign { reason })?;
    if Head::of_note(&note).ok().as_ref() != Some(&head) {
        return Err(Error::Sign { reason: "the signer changed the text".to_owned() });
    }
    Ok(Some(FastCheckpoint { head, note }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head { origin: "example.com/log".into(), size: 20, root: [7; 32] }
    }

    #[test]
    fn only_the_one_form_of_a_checkpoint_is_read() {
        let note = format!("{}\n— example.com/log AAAAAAAA\n", head().text());
        assert_eq!(Head::of_note(note.as_bytes()).unwrap(), head());
        for wrong in [
            note.replace("\n20\n", "\n020\n"),
            note.replace("\n20\n", "\n+20\n"),
            note.replace("\n\n", "\nextension\n\n"),
            note.replace("\n\n", "\n"),
            note.replace("BwcH", "Bwc"),
            "x".repeat(2 << 20),
        ] {
            let error = Head::of_note(wrong.as_bytes()).unwrap_err();
            assert_eq!(error.code(), "checkpoint.inconsistent", "{wrong:.60}");
        }
        assert!(Head::of_note(b"\xff\n1\n\n").is_err());
    }

    // SPEC.md R-6.2-1.
    #[test]
    fn small_trees_are_not_signed_and_a_lying_signer_is_noticed() {
        let echo = |text: &str| Ok(format!("{text}\n— x AAAAAAAA\n").into_bytes());
        assert_eq!(sign(&echo, Head { size: 1, ..head() }).unwrap(), None);
        assert_eq!(sign(&echo, head()).unwrap().unwrap().head, head());
        let liar = |_: &str| Ok(b"other\n1\n\n".to_vec());
        assert_eq!(sign(&liar, head()).unwrap_err().code(), "checkpoint.sign");
        let broken = |_: &str| Err("no token".to_owned());
        assert_eq!(
            sign(&broken, head()).unwrap_err().to_string(),
            "signing a checkpoint: no token"
        );
    }
}
