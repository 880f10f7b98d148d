//! A log that signs, and the tests that use it.

mod client;
mod crash;
mod engine;
mod group;
mod http;
mod log;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::{Signer, SigningKey};
use placet_proto::tlog::merkle::{CompactRange, HashReader, consistency_path, leaf_hash};
use placet_proto::tlog::{
    AddCheckpoint, Checkpoint, Hash, KeyMaterial, MerkleError, Note, SignatureLine,
    SignedCheckpoint, VerifierKey,
};

use super::state::FolderStore;
use super::*;

const ORIGIN: &str = "example.com/log";
const WITNESS: &str = "example.com/witness";
const NOW: u64 = 1_700_000_000;

/// A log in memory, whose history the test chooses.
#[derive(Clone)]
struct TestLog {
    signing: SigningKey,
    key: VerifierKey,
    leaves: Vec<Hash>,
}

impl TestLog {
    /// `history` tells one history from another.
    fn new(size: u64, history: u8) -> Self {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let material = KeyMaterial::Ed25519(signing.verifying_key().to_bytes());
        let key = VerifierKey::new(ORIGIN, material).unwrap();
        let leaves = (0..size).map(|i| leaf_hash(&[&[history][..], &i.to_be_bytes()].concat()));
        Self { leaves: leaves.collect(), signing, key }
    }

    fn root(&self, size: u64) -> Hash {
        let mut range = CompactRange::new();
        for leaf in &self.leaves[..size as usize] {
            range.append(*leaf).unwrap();
        }
        range.root()
    }

    fn sign_text(&self, text: String) -> Note {
        let mut note = Note::new(text).unwrap();
        let signature = self.signing.sign(note.text().as_bytes()).to_bytes().to_vec();
        note.set_signature(SignatureLine::new(&self.key, signature).unwrap()).unwrap();
        note
    }

    fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        let text = Checkpoint::new(ORIGIN, size, self.root(size)).unwrap().to_text();
        SignedCheckpoint::from_note(self.sign_text(text)).unwrap()
    }

    fn request(&self, old_size: u64, new_size: u64) -> Vec<u8> {
        let note = self.checkpoint(new_size).note().to_bytes();
        let path = self.consistency(old_size, new_size).unwrap();
        AddCheckpoint { old_size, path, note }.to_bytes().unwrap()
    }
}

impl HashReader for TestLog {
    type Error = MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MerkleError> {
        let width = 1 << level;
        let first = index as usize * width;
        let mut range = CompactRange::new();
        for leaf in &self.leaves[first..first + width] {
            range.append(*leaf)?;
        }
        Ok(range.root())
    }
}

impl ProofSource for TestLog {
    fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, String> {
        consistency_path(self, old_size, new_size).map_err(|e| e.to_string())
    }
}

/// A clock that the test sets.
fn test_clock() -> (Arc<AtomicU64>, Clock) {
    let now = Arc::new(AtomicU64::new(NOW));
    let read = Arc::clone(&now);
    (now, Box::new(move || read.load(Ordering::SeqCst)))
}

fn witness_of(folder: &Path, clock: Clock) -> Witness {
    let key = CosignerKey::from_seed(WITNESS, &[9; 32]).unwrap();
    let logs = vec![(ORIGIN.to_owned(), vec![TestLog::new(0, 0).key])];
    let store = FolderStore::open(&folder.join("state")).unwrap();
    Witness::new(key, logs, Box::new(store), clock).unwrap()
}

fn status(result: &Result<String, Refusal>) -> u16 {
    result.as_ref().map_or_else(Refusal::status, |_| 200)
}
