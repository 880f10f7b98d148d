//! The witness's signing key, and checking signatures on notes.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use placet_proto::tlog::{
    Cosignature, KeyMaterial, Note, SignatureLine, VerifierKey, cosignature::message,
};
use placet_verifier::crypto::{PublicKey, check_key, verify_cose};
use zeroize::Zeroizing;

use super::Error;

const PREFIX: &str = "PRIVATE+KEY+";
const TYPE_COSIGNATURE_V1: u8 = 0x04;
/// A name of 255 bytes, the key and the framing fit twice.
const MAX_KEY_FILE: u64 = 1024;

/// The key of a witness: makes cosignature/v1 lines.
///
/// On disk it is one line, `PRIVATE+KEY+<name>+<key ID>+<base64(0x04 ‖ seed)>`, as the Go note
/// package writes keys.
pub struct CosignerKey {
    signing: SigningKey,
    public: VerifierKey,
}

impl std::fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CosignerKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl CosignerKey {
    /// A key from its seed.
    ///
    /// # Errors
    /// [`Error::Config`] if `name` is no key name.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let signing = SigningKey::from_bytes(seed);
        let material = KeyMaterial::CosignatureV1(signing.verifying_key().to_bytes());
        let public = VerifierKey::new(name, material).map_err(|e| Error::config(e.to_string()))?;
        Ok(Self { signing, public })
    }

    /// Makes a new key and writes it durably to a file of mode 0600 that must not exist.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::Io`].
    pub fn create(path: &Path, name: &str) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|e| Error::Io {
            action: "seed",
            path: path.into(),
            source: std::io::Error::other(e.to_string()),
        })?;
        let key = Self::from_seed(name, &seed)?;
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("create", path))?;
        file.write_all(key.to_line(&seed).as_bytes()).map_err(Error::io("write", path))?;
        file.sync_all().map_err(Error::io("flush", path))?;
        if let Some(folder) = path.parent() {
            super::state::sync_folder(folder)?;
        }
        Ok(key)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Error::Key`] if it is malformed, or readable by others than its owner; [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bad = |reason| Error::Key { path: path.to_path_buf(), reason };
        let file = File::open(path).map_err(Error::io("open", path))?;
        let mode = file.metadata().map_err(Error::io("stat", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(bad("the key is readable by others: chmod 600"));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_KEY_FILE).read_to_string(&mut text).map_err(Error::io("read", path))?;
        let malformed = || bad("this is no witness key");
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut parts = line.strip_prefix(PREFIX).ok_or_else(malformed)?.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let blob = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| malformed())?);
        let seed = match blob.split_first() {
            Some((&TYPE_COSIGNATURE_V1, seed)) => Zeroizing::new(<[u8; 32]>::try_from(seed).ok()),
            _ => return Err(malformed()),
        };
        let key = Self::from_seed(name, seed.as_ref().ok_or_else(malformed)?)?;
        if format!("{:08x}", key.public.key_id()) != id {
            return Err(malformed());
        }
        Ok(key)
    }

    /// The public half, for policies.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Cosigns a note text at `time`, in seconds since the epoch.
    ///
    /// # Errors
    /// [`Error::Cosignature`] if the time is out of range.
    pub fn cosign(&self, time: u64, text: &str) -> Result<SignatureLine, Error> {
        let bad_time = |_| Error::Cosignature { reason: "its time is out of range" };
        let signature = self.signing.sign(&message(time, text).map_err(bad_time)?);
        let cosignature = Cosignature::new(time, signature.to_bytes()).map_err(bad_time)?;
        SignatureLine::new(&self.public, cosignature.to_bytes())
            .map_err(|_| Error::Cosignature { reason: "it is empty" })
    }

    fn to_line(&self, seed: &[u8; 32]) -> Zeroizing<String> {
        let mut blob = Zeroizing::new(vec![TYPE_COSIGNATURE_V1]);
        blob.extend_from_slice(seed);
        let encoded = Zeroizing::new(STANDARD.encode(&*blob));
        let (name, id) = (self.public.name(), self.public.key_id());
        Zeroizing::new(format!("{PREFIX}{name}+{id:08x}+{}\n", *encoded))
    }
}

/// The line by `key` in these lines if it verifies as a cosignature/v1 of `text`, and its time in
/// seconds since the epoch.
///
/// # Errors
/// [`Error::Cosignature`] if there is no such line, it is malformed, has time 0, or does not
/// verify; also if `key` is of another type.
pub fn verify_cosignature<'a>(
    key: &VerifierKey,
    text: &str,
    lines: &'a [SignatureLine],
) -> Result<(&'a SignatureLine, u64), Error> {
    let bad = |reason| Error::Cosignature { reason };
    let KeyMaterial::CosignatureV1(raw) = key.material() else {
        return Err(bad("the key does not make cosignature/v1"));
    };
    let line = lines.iter().find(|line| line.is_by(key)).ok_or(bad("there is none by this key"))?;
    let cosignature = Cosignature::parse(line.signature()).map_err(|_| bad("it is malformed"))?;
    let time = cosignature.time();
    if time == 0 {
        return Err(bad("it has time 0"));
    }
    let signed = message(time, text).map_err(|_| bad("its time is out of range"))?;
    verify_cose(&PublicKey::Ed25519(*raw), &signed, cosignature.signature())
        .map_err(|_| bad("it does not verify"))?;
    Ok((line, time))
}

/// The lines of a note by these log keys (type 0x01), all of which must verify. Lines of unknown
/// keys are ignored, as C2SP signed-note asks. `None` if there is no line by any of the keys, or
/// one does not verify.
#[must_use]
pub fn verify_log_signatures<'a>(
    keys: &[VerifierKey],
    note: &'a Note,
) -> Option<Vec<&'a SignatureLine>> {
    let mut verified = Vec::new();
    for key in keys {
        let KeyMaterial::Ed25519(raw) = key.material() else { continue };
        let Some(line) = note.signature_of(key) else { continue };
        let public = PublicKey::Ed25519(*raw);
        verify_cose(&public, note.text().as_bytes(), line.signature()).ok()?;
        verified.push(line);
    }
    (!verified.is_empty()).then_some(verified)
}

/// Checks a log key from settings: type 0x01, a point of the prime-order group.
pub(super) fn parse_log_key(vkey: &str) -> Result<VerifierKey, Error> {
    let key = VerifierKey::parse(vkey).map_err(|e| Error::config(format!("{vkey}: {e}")))?;
    let KeyMaterial::Ed25519(raw) = key.material() else {
        return Err(Error::config(format!("{vkey}: a log key has type 0x01")));
    };
    check_key(&PublicKey::Ed25519(*raw)).map_err(|e| Error::config(format!("{vkey}: {e}")))?;
    Ok(key)
}
