//! The ledger's private keys: one per log and purpose, in files that only their owner can read.
//!
//! A key is made once and never replaced by this code. No raw key serves two purposes or logs, save
//! that the issuer keys state in both logs of one ledger (SPEC.md 8.2).

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use placet_proto::cose_key::{Algorithm, PublicKey};
use placet_proto::tlog::note::{KeyMaterial, SignatureLine, VerifierKey};
use zeroize::Zeroizing;

use super::clock::random;
use super::{ReceiptAlgorithm, Refusal};
use crate::{CheckpointSigner, Dir, Error, LogId};

const HEAD: &str = "placet-key-v1";
/// A PKCS #8 P-256 key is 138 bytes; in hexadecimal, with head and algorithm, this suffices.
const MAX_KEY_FILE: u64 = 1024;

/// Signs messages with one private key.
pub trait Sign: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The signature in its COSE form.
    ///
    /// # Errors
    /// `key.file` when the key can't sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// A private key in memory, overwritten when dropped.
pub struct PrivateKey {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    // Twice as fast as ed25519-dalek, and every statement is signed; the bytes are the same.
    Ed25519(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", hex::encode(self.public.thumbprint()))
    }
}

impl Sign for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.secret {
            Secret::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Secret::Es256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| Refusal::Key("the ES256 key can't sign".to_owned()).into()),
        }
    }
}

impl PrivateKey {
    /// Loads the key of this name, or makes it.
    ///
    /// # Errors
    /// `key.file`, `ledger.io`, `ledger.random`.
    pub fn load_or_create(dir: &Dir, name: &str, algorithm: Algorithm) -> Result<Self, Error> {
        let path = dir.keys().join(name);
        if !path.exists() {
            let (word, secret) = generate(algorithm)?;
            let line = Zeroizing::new(format!("{HEAD} {word} {}\n", &*secret));
            dir.write_key(name, line.as_bytes())?;
        }
        Self::load(&path)
    }

    /// Loads a key file.
    ///
    /// # Errors
    /// `key.file` when others can read it or it is not one of ours, `ledger.io`.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let refuse = |what: &str| Refusal::Key(format!("{}: {what}", path.display()));
        let file = File::open(path).map_err(Error::io("open", path))?;
        let mode = file.metadata().map_err(Error::io("read", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(refuse("others can read this key; chmod 600 it").into());
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_KEY_FILE).read_to_string(&mut text).map_err(Error::io("read", path))?;
        parse(&text).ok_or_else(|| refuse("not a key file of ours").into())
    }
}

fn generate(algorithm: Algorithm) -> Result<(&'static str, Zeroizing<String>), Error> {
    match algorithm {
        Algorithm::EdDsa => {
            let seed = Zeroizing::new(random::<32>()?);
            Ok(("ed25519", Zeroizing::new(hex::encode(*seed))))
        }
        Algorithm::Es256 => {
            let rng = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
                .map_err(|_| Refusal::Random)?;
            Ok(("es256", Zeroizing::new(hex::encode(pkcs8.as_ref()))))
        }
        Algorithm::Rs256 => Err(Refusal::Key("ledger keys are Ed25519 or ES256".into()).into()),
    }
}

fn parse(text: &str) -> Option<PrivateKey> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let (head, word, secret) = (words.next()?, words.next()?, words.next()?);
    if head != HEAD || words.next().is_some() {
        return None;
    }
    let secret = Zeroizing::new(hex::decode(secret).ok()?);
    match word {
        "ed25519" => {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(secret.as_slice()).ok()?);
            let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).ok()?;
            let public = PublicKey::Ed25519(pair.public_key().as_ref().try_into().ok()?);
            Some(PrivateKey { secret: Secret::Ed25519(pair), public })
        }
        "es256" => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &secret).ok()?;
            let point = pair.public_key().as_ref();
            let x = point.get(1..33)?.try_into().ok()?;
            let y = point.get(33..65)?.try_into().ok()?;
            Some(PrivateKey { secret: Secret::Es256(pair), public: PublicKey::Es256 { x, y } })
        }
        _ => None,
    }
}

/// The keys of one log.
#[derive(Debug)]
pub struct LogKeys {
    /// Signs checkpoints, Ed25519 always.
    pub checkpoint: std::sync::Arc<PrivateKey>,
    /// Signs COSE Receipts.
    pub receipt: PrivateKey,
}

/// All private keys of a ledger.
#[derive(Debug)]
pub struct Keys {
    /// Of the main log.
    pub main: LogKeys,
    /// Of the governance log.
    pub gov: LogKeys,
    /// States all kinds but those of the PEP, in both logs.
    pub ledger: PrivateKey,
    /// The embedded PEP's: states executions and outcomes of its audience.
    pub pep: PrivateKey,
}

/// Keys of the service that state nothing in a log and are evidence of nothing. A folder that an
/// older program made gets them when it is first opened for writing.
#[derive(Debug, Clone)]
pub struct ServiceKeys {
    /// For programs that talk to the service: tokens and signed deliveries. Ed25519.
    pub service: std::sync::Arc<PrivateKey>,
    /// By which push services know this one (VAPID, RFC 8292). ES256.
    pub push: std::sync::Arc<PrivateKey>,
}

impl ServiceKeys {
    /// Names of their files below `keys/`, in the order of the members.
    pub const FILES: [&str; 2] = ["service", "push"];

    /// Loads the keys of a folder; those that do not exist are made.
    ///
    /// # Errors
    /// As [`Keys::load_or_create`].
    pub fn load_or_create(dir: &Dir) -> Result<Self, Error> {
        let [service, push] = Self::FILES;
        Ok(Self {
            service: PrivateKey::load_or_create(dir, service, Algorithm::EdDsa)?.into(),
            push: PrivateKey::load_or_create(dir, push, Algorithm::Es256)?.into(),
        })
    }

    /// Loads the keys of a folder that is open for reading.
    ///
    /// # Errors
    /// `key.file`, `ledger.io` when one is missing.
    pub fn load(dir: &Dir) -> Result<Self, Error> {
        let [service, push] = Self::FILES.map(|name| dir.keys().join(name));
        Ok(Self {
            service: PrivateKey::load(&service)?.into(),
            push: PrivateKey::load(&push)?.into(),
        })
    }
}

/// Kinds that the ledger's issuer key states (SPEC.md 4.2), in order.
pub const LEDGER_KINDS: [&str; 14] = [
    "administration",
    "approval",
    "cancel",
    "decision",
    "denial",
    "enrolment",
    "erasure",
    "expiry",
    "genesis",
    "key",
    "policy",
    "recovery",
    "revocation",
    "role",
];
/// Kinds that a PEP's issuer key states.
pub const PEP_KINDS: [&str; 2] = ["execution", "outcome"];

impl Keys {
    /// Loads the keys of a folder; those that do not exist are made.
    ///
    /// # Errors
    /// `key.file`, `ledger.io`, `ledger.random`, `ledger.read_only`.
    pub fn load_or_create(dir: &Dir, receipt: ReceiptAlgorithm) -> Result<Self, Error> {
        let receipt = match receipt {
            ReceiptAlgorithm::Ed25519 => Algorithm::EdDsa,
            ReceiptAlgorithm::Es256 => Algorithm::Es256,
        };
        let log = |id: LogId| -> Result<LogKeys, Error> {
            let (checkpoint, receipts) =
                (format!("{}-checkpoint", id.name()), format!("{}-receipt", id.name()));
            Ok(LogKeys {
                checkpoint: PrivateKey::load_or_create(dir, &checkpoint, Algorithm::EdDsa)?.into(),
                receipt: PrivateKey::load_or_create(dir, &receipts, receipt)?,
            })
        };
        Ok(Self {
            main: log(LogId::Main)?,
            gov: log(LogId::Gov)?,
            ledger: PrivateKey::load_or_create(dir, "ledger-issuer", Algorithm::EdDsa)?,
            pep: PrivateKey::load_or_create(dir, "pep-issuer", Algorithm::EdDsa)?,
        })
    }

    /// The keys of one log.
    #[must_use]
    pub fn of(&self, id: LogId) -> &LogKeys {
        match id {
            LogId::Main => &self.main,
            LogId::Gov => &self.gov,
        }
    }
}

/// Signs the checkpoints of one log.
#[derive(Debug, Clone)]
pub struct NoteSigner {
    key: std::sync::Arc<PrivateKey>,
    verifier: VerifierKey,
}

impl NoteSigner {
    /// A signer under the key name `origin`.
    ///
    /// # Errors
    /// `note.key_name`; `key.file` for a key that is not Ed25519.
    pub fn new(origin: &str, key: std::sync::Arc<PrivateKey>) -> Result<Self, Error> {
        let PublicKey::Ed25519(raw) = key.public_key() else {
            return Err(Refusal::Key("a checkpoint key is Ed25519".to_owned()).into());
        };
        let verifier = VerifierKey::new(origin, KeyMaterial::Ed25519(*raw))
            .map_err(|e| placet_proto::Error::Tlog(e.into()))?;
        Ok(Self { key, verifier })
    }

    /// The public half, as a vkey.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }
}

impl CheckpointSigner for NoteSigner {
    fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        let signature = self.key.sign(text.as_bytes()).map_err(|e| e.to_string())?;
        let line = SignatureLine::new(&self.verifier, signature).map_err(|e| e.to_string())?;
        Ok(format!("{text}\n{}", line.to_line()).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_distinct_and_sign_what_the_verifier_accepts() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let keys = Keys::load_or_create(&dir, ReceiptAlgorithm::Es256).unwrap();
        let again = Keys::load_or_create(&dir, ReceiptAlgorithm::Es256).unwrap();
        let publics = |k: &Keys| {
            [
                &*k.main.checkpoint,
                &k.main.receipt,
                &*k.gov.checkpoint,
                &k.gov.receipt,
                &k.ledger,
                &k.pep,
            ]
            .map(|k| k.public_key().clone())
        };
        assert_eq!(publics(&keys), publics(&again));
        let mut thumbs = publics(&keys).map(|k| k.thumbprint());
        thumbs.sort_unstable();
        assert!(thumbs.windows(2).all(|w| w[0] != w[1]));
        for key in [&keys.main.receipt, &keys.ledger] {
            let signature = key.sign(b"message").unwrap();
            placet_verifier::crypto::verify_cose(key.public_key(), b"message", &signature).unwrap();
        }
        assert_eq!(keys.main.receipt.public_key().algorithm(), Algorithm::Es256);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        PrivateKey::load_or_create(&dir, "k", Algorithm::EdDsa).unwrap();
        let path = dir.keys().join("k");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(PrivateKey::load(&path).unwrap_err().code(), "key.file");
    }
}
