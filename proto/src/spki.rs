//! SubjectPublicKeyInfo (RFC 5280 4.1, RFC 5480, RFC 8017, RFC 8410) as DER and PEM (RFC 7468):
//! the form in which `openssl` and other people's verifiers want our public keys, and in which
//! other people's logs publish theirs.

use base64::Engine as _;

use crate::b64;
use crate::cose_key::PublicKey;

const ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Up to and with the head of the uncompressed point.
const P256_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// `SEQUENCE { rsaEncryption, NULL }`.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// RFC 7468 2: lines of exactly 64 characters.
const PEM_LINE: usize = 64;
/// Far above an Ed25519 or P-256 key, in bytes.
const DER_MAX_LEN: usize = 1024;
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// Why bytes are not a public key that is read from this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpkiError {
    /// Not one PEM block with the label `PUBLIC KEY`.
    #[error("not one PEM block PUBLIC KEY")]
    Pem,
    /// A key of another type or curve than Ed25519 and P-256, or one that is not well-formed.
    #[error("not the SubjectPublicKeyInfo of an Ed25519 or uncompressed P-256 key")]
    Unsupported,
}

impl SpkiError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pem => "spki.pem",
            Self::Unsupported => "spki.unsupported",
        }
    }
}

/// The key as DER `SubjectPublicKeyInfo`.
#[must_use]
pub fn to_der(key: &PublicKey) -> Vec<u8> {
    match key {
        PublicKey::Ed25519(x) => [&ED25519_PREFIX[..], x].concat(),
        PublicKey::Es256 { x, y } => [&P256_PREFIX[..], x, y].concat(),
        PublicKey::Rs256 { n, e } => {
            let numbers = [integer(n), integer(e)].concat();
            let bits = [vec![0], element(0x30, &numbers)].concat();
            element(0x30, &[RSA_ALGORITHM.to_vec(), element(0x03, &bits)].concat())
        }
    }
}

/// The key as PEM with the label `PUBLIC KEY`, ending in a line feed.
#[must_use]
pub fn to_pem(key: &PublicKey) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(to_der(key));
    format!("{PEM_BEGIN}\n{}{PEM_END}\n", lines(&text, PEM_LINE))
}

/// Reads DER `SubjectPublicKeyInfo` of an Ed25519 or P-256 key, in the one form that [`to_der`]
/// writes. Whether a P-256 point lies on the curve is for the verifier to find out.
///
/// # Errors
/// `spki.unsupported`.
pub fn from_der(der: &[u8]) -> Result<PublicKey, SpkiError> {
    let array = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| SpkiError::Unsupported);
    if let Some(x) = der.strip_prefix(&ED25519_PREFIX) {
        return Ok(PublicKey::Ed25519(array(x)?));
    }
    let point = der.strip_prefix(&P256_PREFIX).ok_or(SpkiError::Unsupported)?;
    let (x, y) = point.split_at_checked(32).ok_or(SpkiError::Unsupported)?;
    Ok(PublicKey::Es256 { x: array(x)?, y: array(y)? })
}

/// Reads one PEM block with the label `PUBLIC KEY`; lines may end in CR LF and be of any length.
///
/// # Errors
/// `spki.pem`, `spki.unsupported`.
pub fn from_pem(text: &str) -> Result<PublicKey, SpkiError> {
    let body = text.trim_ascii().strip_prefix(PEM_BEGIN).ok_or(SpkiError::Pem)?;
    let body = body.strip_suffix(PEM_END).ok_or(SpkiError::Pem)?;
    // Bounded before anything is copied; base64 takes 4 characters for 3 bytes.
    if body.len() > 2 * DER_MAX_LEN {
        return Err(SpkiError::Pem);
    }
    let base64: String = body.lines().map(str::trim_ascii_end).collect();
    let der = b64::decode_std(&base64, DER_MAX_LEN).map_err(|_| SpkiError::Pem)?;
    from_der(&der)
}

/// Breaks ASCII text into lines of `width` characters, each ending in a line feed.
pub(crate) fn lines(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(text.len() / width.max(1)));
    for (i, c) in text.chars().enumerate() {
        if i > 0 && i % width.max(1) == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out
}

fn integer(big_endian: &[u8]) -> Vec<u8> {
    element(0x02, &crate::ecdsa_sig::positive_integer(big_endian))
}

/// One DER element with the shortest length (X.690 10.1).
fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = body.len().to_be_bytes();
    let significant = len.iter().position(|&b| b != 0).unwrap_or(len.len());
    let digits = len.get(significant..).unwrap_or_default();
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8410 10.1.
    #[test]
    fn rfc_8410_example() {
        let x = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        let key = PublicKey::Ed25519(hex::decode(x).unwrap().try_into().unwrap());
        let pem = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert_eq!(to_pem(&key), pem);
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for key in [PublicKey::Ed25519([7; 32]), PublicKey::Es256 { x: [1; 32], y: [2; 32] }] {
            let pem = to_pem(&key);
            assert_eq!(from_pem(&pem), Ok(key.clone()));
            assert_eq!(from_pem(&pem.replace('\n', "\r\n")), Ok(key.clone()));
            let der = to_der(&key);
            for cut in 0..der.len() {
                assert!(from_der(&der[..cut]).is_err());
            }
            assert!(from_der(&[&der[..], &[0]].concat()).is_err());
        }
        let rsa = PublicKey::Rs256 { n: vec![0xff; 256], e: vec![1, 0, 1] };
        assert_eq!(from_pem(&to_pem(&rsa)), Err(SpkiError::Unsupported));
        let pem = to_pem(&PublicKey::Ed25519([7; 32]));
        for text in ["", PEM_BEGIN, &pem.replace("PUBLIC", "PRIVATE"), &pem.repeat(2)] {
            assert_eq!(from_pem(text), Err(SpkiError::Pem));
        }
    }

    #[test]
    fn lengths_of_the_other_kinds() {
        let p256 = to_der(&PublicKey::Es256 { x: [1; 32], y: [2; 32] });
        assert_eq!(p256.len(), 91);
        let rsa = PublicKey::Rs256 { n: vec![0xff; 256], e: vec![1, 0, 1] };
        // 294 bytes is what openssl writes for a 2048-bit key with e = 65537.
        assert_eq!(to_der(&rsa).len(), 294);
        assert!(to_pem(&rsa).lines().all(|l| l.len() <= 64));
    }
}
