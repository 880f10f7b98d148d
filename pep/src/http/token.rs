//! The token by which a PEP shows that it may ask.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use placet_ledger::service::Refusal;
use placet_ledger::{Dir, Error};
use placet_proto::{b64, sha256};

/// Name of its file in `keys/`.
const FILE: &str = "pep-token";
/// Longest token file, in bytes.
const MAX_FILE: u64 = 1024;
/// Shortest token, in bytes: a file that was cut off must not let everybody in.
const MIN_TOKEN: usize = 32;

/// A bearer token; only its hash is kept.
#[derive(Debug, Clone)]
pub struct Token {
    sha256: [u8; 32],
}

impl Token {
    /// Reads `keys/pep-token`, or makes it: 32 random bytes in hexadecimal and a line feed.
    ///
    /// # Errors
    /// `key.file` when others can read the file or it holds no token, `ledger.io`,
    /// `ledger.random`, `ledger.read_only`.
    pub fn load_or_create(dir: &Dir) -> Result<Self, Error> {
        let path = dir.keys().join(FILE);
        if !path.exists() {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|_| Refusal::Random)?;
            dir.write_key(FILE, format!("{}\n", b64::encode_hex(bytes)).as_bytes())?;
        }
        let refuse = |why: &str| Refusal::Key(format!("{}: {why}", path.display()));
        let failed = |e: std::io::Error| Refusal::Key(format!("{}: {e}", path.display()));
        let file = std::fs::File::open(&path).map_err(failed)?;
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(refuse("others can read this token; chmod 600 it").into());
        }
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
        let token = text.trim();
        if token.len() < MIN_TOKEN || token.contains(char::is_whitespace) {
            return Err(refuse("not a token: one word of at least 32 bytes").into());
        }
        Ok(Self::new(token))
    }

    /// A token.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self { sha256: sha256(token.as_bytes()) }
    }

    /// Whether an Authorization header carries it. The time this takes tells nothing about it:
    /// hashes are compared, and all of their bytes.
    #[must_use]
    pub fn accepts(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(7) else { return false };
        let given = sha256(token);
        let differing = given.iter().zip(&self.sha256).fold(0, |all, (a, b)| all | (a ^ b));
        scheme.eq_ignore_ascii_case(b"bearer ") && differing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_accepted() {
        let token = Token::new("0123");
        for accepted in ["Bearer 0123", "bearer 0123"] {
            assert!(token.accepts(accepted.as_bytes()));
        }
        for refused in ["", "Bearer", "Bearer ", "Bearer 012", "Bearer 01234", "Basic 0123", "0123"]
        {
            assert!(!token.accepts(refused.as_bytes()), "{refused}");
        }
    }

    #[test]
    fn the_file_is_made_once_and_must_be_private() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let made = Token::load_or_create(&dir).unwrap();
        assert_eq!(Token::load_or_create(&dir).unwrap().sha256, made.sha256);
        let path = dir.keys().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(made.accepts(format!("Bearer {}", text.trim()).as_bytes()));
        std::fs::write(&path, "short\n").unwrap();
        assert_eq!(Token::load_or_create(&dir).unwrap_err().code(), "key.file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Token::load_or_create(&dir).unwrap_err().code(), "key.file");
    }
}
