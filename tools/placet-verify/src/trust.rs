//! The trust file as it was given: parsed, and what every output says about it.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use placet_proto::b64;
use placet_proto::time::UnixSeconds;
use placet_proto::trust::{MAX_TRUST, TrustFile};

use crate::error::{Failure, shown};
use crate::input;

/// What every result says about the trust file.
pub const WORTH: &str =
    "The verdict is worth what this file is: one that came with the evidence proves nothing.";

/// A trust file and where it came from.
#[derive(Debug, Clone)]
pub struct GivenTrust {
    /// The file.
    pub file: TrustFile,
    /// Absolute path where there is one, escaped.
    pub path: String,
    /// hex of SHA-256 of its bytes.
    pub sha256: String,
}

impl GivenTrust {
    /// Reads it.
    ///
    /// # Errors
    /// `io.error`, `input.size`, and those of [`TrustFile::parse`].
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let input = input::read(path, MAX_TRUST)?;
        let file = TrustFile::parse(&input.bytes).map_err(|e| Failure::proto(path, &e))?;
        let path = fs::canonicalize(path).map_or_else(|_| shown(path), |full| shown(&full));
        Ok(Self { file, path, sha256: b64::encode_hex(input.sha256) })
    }

    /// `expires …` or `never expires`.
    #[must_use]
    pub fn expiry(&self) -> String {
        self.file.expires.map_or_else(|| "never expires".to_owned(), |t| format!("expires {t}"))
    }
}

/// The time given, else the system clock's.
#[must_use]
pub fn as_of(given: Option<UnixSeconds>) -> UnixSeconds {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    given.unwrap_or_else(|| UnixSeconds(clock()))
}
