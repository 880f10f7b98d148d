//! One log in memory: statements, tree, notes.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use placet_proto::cose::{
    self, ALG_EDDSA, InclusionProof, ReceiptClaims, receipt_protected, receipt_unprotected,
};
use placet_proto::cose_key::PublicKey;
use placet_proto::kind::LogRole;
use placet_proto::logcopy;
use placet_proto::tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use placet_proto::tlog::cosignature::{self, Cosignature};
use placet_proto::tlog::merkle::{
    Hash, HashReader, MerkleError, consistency_path, inclusion_path, leaf_hash, node_hash, root_at,
};
use placet_proto::tlog::note::{KeyMaterial, Note, SignatureLine, VerifierKey};
use placet_proto::tlog::tile::{TILE_WIDTH, TileKind, encode_bundle, new_tiles};

/// A witness with a clock of its own: it stamps what it is told to stamp.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Key name.
    pub name: String,
    /// Its key.
    pub key: SigningKey,
}

impl Witness {
    /// The C2SP verifier key.
    #[must_use]
    pub fn vkey(&self) -> VerifierKey {
        let raw = self.key.verifying_key().to_bytes();
        VerifierKey::new(&self.name, KeyMaterial::CosignatureV1(raw)).expect("a valid name")
    }

    /// Adds a cosignature/v1 at `time`.
    pub fn cosign(&self, note: &mut Note, time: u64) {
        let message = cosignature::message(time, note.text()).expect("a time below 2^63");
        let signature = self.key.sign(&message).to_bytes();
        let blob = Cosignature::new(time, signature).expect("a time below 2^63").to_bytes();
        let line = SignatureLine::new(&self.vkey(), blob).expect("a valid line");
        note.set_signature(line).expect("a new line");
    }
}

/// A log that appends whatever it is given.
#[derive(Debug, Clone)]
pub struct MemLog {
    /// Which of the two.
    pub role: LogRole,
    /// Its origin.
    pub origin: String,
    /// Signs checkpoints.
    pub checkpoint_key: SigningKey,
    /// Signs COSE Receipts.
    pub receipt_key: SigningKey,
    /// Every statement.
    pub statements: Vec<Vec<u8>>,
    /// Every note that was published, oldest first.
    pub notes: Vec<Vec<u8>>,
}

impl HashReader for MemLog {
    type Error = MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MerkleError> {
        if level == 0 {
            let statement = self.statements.get(index as usize);
            let statement = statement.ok_or(MerkleError::Index { index, size: self.size() })?;
            return Ok(leaf_hash(&placet_proto::sha256(statement)));
        }
        Ok(node_hash(
            &self.subtree(level - 1, index * 2)?,
            &self.subtree(level - 1, index * 2 + 1)?,
        ))
    }
}

impl MemLog {
    /// Number of statements.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.statements.len() as u64
    }

    /// Root at a size.
    #[must_use]
    pub fn root(&self, size: u64) -> Hash {
        root_at(self, size).expect("a size that the log has")
    }

    /// Appends a statement and gives its index.
    pub fn append(&mut self, statement: Vec<u8>) -> u64 {
        self.statements.push(statement);
        self.size() - 1
    }

    /// The key that verifies checkpoints.
    #[must_use]
    pub fn vkey(&self) -> VerifierKey {
        let raw = self.checkpoint_key.verifying_key().to_bytes();
        VerifierKey::new(&self.origin, KeyMaterial::Ed25519(raw)).expect("a valid origin")
    }

    /// A log-signed checkpoint of the tree at `size`.
    #[must_use]
    pub fn checkpoint(&self, size: u64) -> Note {
        self.checkpoint_of(size, self.root(size))
    }

    /// A log-signed checkpoint of any root: what an operator who lies can make.
    #[must_use]
    pub fn checkpoint_of(&self, size: u64, root: Hash) -> Note {
        let text = Checkpoint::new(&self.origin, size, root).expect("a valid origin").to_text();
        let signature = self.checkpoint_key.sign(text.as_bytes()).to_bytes().to_vec();
        let mut note = Note::new(text).expect("a valid text");
        let line = SignatureLine::new(&self.vkey(), signature).expect("a valid line");
        note.set_signature(line).expect("a new line");
        note
    }

    /// Signs the newest checkpoint, has it cosigned at the times given, and keeps it.
    pub fn publish(&mut self, witnesses: &[(&Witness, u64)]) -> Vec<u8> {
        let mut note = self.checkpoint(self.size());
        for (witness, time) in witnesses {
            witness.cosign(&mut note, *time);
        }
        let bytes = note.to_bytes();
        self.notes.push(bytes.clone());
        bytes
    }

    /// A COSE Receipt of `index` in the tree of `size`.
    #[must_use]
    pub fn receipt(&self, index: u64, size: u64, sub: &str) -> Vec<u8> {
        let path = inclusion_path(self, index, size).expect("an index below the size");
        let proof = InclusionProof { tree_size: size, leaf_index: index, path };
        let claims = ReceiptClaims {
            iss: self.origin.clone(),
            sub: sub.to_owned(),
            tree_size: size,
            origin: self.origin.clone(),
        };
        self.sign_receipt(&claims, &proof, &self.root(size))
    }

    /// A receipt with any claims and proof over any root.
    #[must_use]
    pub fn sign_receipt(
        &self,
        claims: &ReceiptClaims,
        proof: &InclusionProof,
        root: &Hash,
    ) -> Vec<u8> {
        let kid = public(&self.receipt_key).thumbprint();
        let protected = receipt_protected(ALG_EDDSA, &kid, claims);
        let signature = self.receipt_key.sign(&cose::sig_structure(&protected, root)).to_bytes();
        cose::encode_sign1(&protected, &receipt_unprotected(proof), None, &signature)
    }

    /// Writes a copy of the log into a folder (SPEC.md 6.6): under the newest note of its whole
    /// size, else under a checkpoint that nobody cosigned; with every note that was published.
    pub fn write_copy(&self, dir: &Path) {
        self.write_copy_without(dir, &[]);
    }

    /// The same with empty bodies at some indexes, as for erased ones.
    pub fn write_copy_without(&self, dir: &Path, erased: &[u64]) {
        let entries: Vec<Hash> = self.statements.iter().map(|s| placet_proto::sha256(s)).collect();
        let mut levels: Vec<Vec<Hash>> = vec![entries.iter().map(|e| leaf_hash(e)).collect()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let (pairs, _) = level.as_chunks::<2>();
            levels.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
        }
        let write = |path: String, bytes: &[u8]| {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a path in a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file that can be written");
        };
        for id in new_tiles(0, self.size()) {
            let first = id.index as usize * usize::from(TILE_WIDTH);
            let run = first..first + usize::from(id.width);
            let bytes = match id.kind {
                TileKind::Entries => encode_bundle(&entries[run]).expect("short entries"),
                // A level of tiles is eight of the tree.
                TileKind::Hashes(level) => levels[usize::from(level) * 8][run].concat(),
            };
            write(id.to_string(), &bytes);
        }
        for (n, run) in self.statements.chunks(usize::from(logcopy::BUNDLE_WIDTH)).enumerate() {
            let mut bundle = Vec::new();
            for (index, statement) in (256 * n as u64..).zip(run) {
                let body = Some(statement.as_slice()).filter(|_| !erased.contains(&index));
                logcopy::push(&mut bundle, body).expect("a statement within limits");
            }
            write(format!("statements/{n}"), &bundle);
        }
        for (n, run) in self.notes.chunks(usize::from(logcopy::BUNDLE_WIDTH)).enumerate() {
            let mut file = Vec::new();
            for note in run {
                logcopy::push(&mut file, Some(note)).expect("a note within limits");
            }
            write(format!("notes/{n}"), &file);
        }
        let size =
            |note: &Vec<u8>| SignedCheckpoint::parse(note).expect("our own note").checkpoint().size;
        let newest = self.notes.last().filter(|note| size(note) == self.size()).cloned();
        let note = newest.unwrap_or_else(|| self.checkpoint(self.size()).to_bytes());
        write("checkpoint".to_owned(), &note);
    }

    /// A consistency path.
    #[must_use]
    pub fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        consistency_path(self, from, to).expect("sizes that the log has")
    }
}

/// The public half.
#[must_use]
pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey::Ed25519(key.verifying_key().to_bytes())
}

/// A message signed by a key, to measure verification with.
#[must_use]
pub fn signed(message: &[u8]) -> (PublicKey, Vec<u8>, Vec<u8>) {
    let key = SigningKey::from_bytes(&[9; 32]);
    (public(&key), message.to_vec(), key.sign(message).to_bytes().to_vec())
}
