//! A software passkey on disk: one line of text in a file that only its owner can read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::{SoftKey, SoftKeyError};

const HEAD: &str = "placet-softkey-v1";
/// Longer than any line that [`SoftKey::save`] writes for an RP id (at most 253 characters).
const MAX_BYTES: u64 = 1024;

impl SoftKey {
    /// Reads what [`SoftKey::save`] wrote.
    ///
    /// # Errors
    /// `softkey.io`; `softkey.permissions` if group or others have any right to the file;
    /// `softkey.format`.
    pub fn load(path: &Path) -> Result<Self, SoftKeyError> {
        let io = |source| SoftKeyError::Io { path: path.display().to_string(), source };
        let metadata = fs::metadata(path).map_err(io)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(SoftKeyError::Permissions(path.display().to_string()));
        }
        let format = || SoftKeyError::Format(path.display().to_string());
        if metadata.len() > MAX_BYTES {
            return Err(format());
        }
        let text = fs::read_to_string(path).map_err(io)?;
        parse(&text).ok_or_else(format)
    }

    /// Writes the seed, the RP id and the counter with mode 0600, replacing the file in one step.
    ///
    /// # Errors
    /// `softkey.io`; `softkey.not_storable` for keys that were not made from a seed.
    pub fn save(&self, path: &Path) -> Result<(), SoftKeyError> {
        let seed = self.signer.seed().ok_or(SoftKeyError::NotStorable)?;
        let line = format!("{HEAD} {} {} {}\n", hex::encode(seed), self.sign_count, self.rp_id);
        let io = |source| SoftKeyError::Io { path: path.display().to_string(), source };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        // A part that an interrupted run left behind may have other permissions.
        match fs::remove_file(&part) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&part).map_err(io)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&part, path).map_err(io)
    }
}

fn parse(text: &str) -> Option<SoftKey> {
    let mut words = text.strip_suffix('\n')?.splitn(4, ' ');
    if words.next()? != HEAD {
        return None;
    }
    let seed: [u8; 32] = hex::decode(words.next()?).ok()?.try_into().ok()?;
    let sign_count = words.next()?.parse().ok()?;
    let rp_id = words.next().filter(|rp_id| !rp_id.is_empty() && !rp_id.contains('\n'))?;
    let mut key = SoftKey::from_seed(&seed, rp_id);
    key.sign_count = sign_count;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_with_mode_0600_and_its_counter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passkey");
        let mut key = SoftKey::generate("localhost").unwrap();
        let _ = key.assert(b"challenge", "cli://localhost");
        key.save(&path).unwrap();
        key.save(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let loaded = SoftKey::load(&path).unwrap();
        assert_eq!(loaded.public_key(), key.public_key());
        assert_eq!((loaded.sign_count(), loaded.rp_id()), (1, "localhost"));
        assert_eq!(loaded.credential_id(), key.credential_id());
    }

    #[test]
    fn refuses_what_others_can_read_and_what_it_did_not_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passkey");
        SoftKey::from_seed(&[1; 32], "a").save(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(SoftKey::load(&path).unwrap_err().code(), "softkey.permissions");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "placet-softkey-v1 00 0 a\n", "other\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(SoftKey::load(&path).unwrap_err().code(), "softkey.format");
        }
        let missing = SoftKey::load(&dir.path().join("none")).unwrap_err();
        assert_eq!(missing.code(), "softkey.io");
    }
}
