//! Strict base64url, base64 (RFC 4648) and hexadecimal: one text for the same bytes.
//!
//! * base64url without padding (JSON members, WebAuthn): [`encode_url`], [`decode_url`],
//!   [`decode_url_array`];
//! * base64 with padding (C2SP notes, SSHSIG): [`encode_std`], [`decode_std`],
//!   [`decode_std_array`];
//! * lower-case hexadecimal: [`encode_hex`], [`decode_hex`], [`decode_hex_array`].
//!
//! Decoders refuse white space, missing or surplus padding, non-zero trailing bits and, for
//! hexadecimal, capitals; `max` bounds the decoded bytes before anything is allocated.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Encodes as base64url without padding.
#[must_use]
pub fn encode_url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url without padding into at most `max` bytes.
///
/// # Errors
/// `Syntax`; `Length` for more than `max` bytes.
pub fn decode_url(text: &str, max: usize) -> Result<Vec<u8>, B64Error> {
    // A whole group of four characters states three bytes, a shorter last group one or two.
    bounded(text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1), max)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| B64Error::Syntax("base64url without padding"))
}

/// Decodes base64url without padding into exactly `N` bytes.
///
/// # Errors
/// `Syntax`; `Length` for another number of bytes.
pub fn decode_url_array<const N: usize>(text: &str) -> Result<[u8; N], B64Error> {
    exact(decode_url(text, N)?)
}

/// Encodes as base64 with padding.
#[must_use]
pub fn encode_std(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Decodes base64 with padding into at most `max` bytes.
///
/// # Errors
/// `Syntax`; `Length` for more than `max` bytes.
pub fn decode_std(text: &str, max: usize) -> Result<Vec<u8>, B64Error> {
    let padding = text.bytes().rev().take(2).take_while(|b| *b == b'=').count();
    bounded((text.len() / 4 * 3).saturating_sub(padding), max)?;
    STANDARD.decode(text).map_err(|_| B64Error::Syntax("base64 with padding"))
}

/// Decodes base64 with padding into exactly `N` bytes.
///
/// # Errors
/// `Syntax`; `Length` for another number of bytes.
pub fn decode_std_array<const N: usize>(text: &str) -> Result<[u8; N], B64Error> {
    exact(decode_std(text, N)?)
}

/// Encodes as lower-case hexadecimal.
#[must_use]
pub fn encode_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

/// Decodes lower-case hexadecimal into at most `max` bytes.
///
/// # Errors
/// `Syntax`; `Length` for more than `max` bytes.
pub fn decode_hex(text: &str, max: usize) -> Result<Vec<u8>, B64Error> {
    bounded(text.len() / 2, max)?;
    let error = B64Error::Syntax("lower-case hexadecimal");
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(error);
    }
    hex::decode(text).map_err(|_| error)
}

/// Decodes lower-case hexadecimal into exactly `N` bytes.
///
/// # Errors
/// `Syntax`; `Length` for another number of bytes.
pub fn decode_hex_array<const N: usize>(text: &str) -> Result<[u8; N], B64Error> {
    exact(decode_hex(text, N)?)
}

/// Why text is not an acceptable encoding of bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum B64Error {
    /// A byte outside the alphabet, padding where none belongs or the reverse, or non-zero
    /// trailing bits.
    #[error("not strict {0}")]
    Syntax(&'static str),
    /// Another number of bytes than required, or more than accepted.
    #[error("{actual} bytes where {expected} are accepted")]
    Length {
        /// Bytes required, or the most that is accepted.
        expected: usize,
        /// Bytes found.
        actual: usize,
    },
}

impl B64Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "b64.syntax",
            Self::Length { .. } => "b64.length",
        }
    }
}

fn bounded(decoded: usize, max: usize) -> Result<(), B64Error> {
    if decoded <= max { Ok(()) } else { Err(B64Error::Length { expected: max, actual: decoded }) }
}

fn exact<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], B64Error> {
    bytes.try_into().map_err(|bytes: Vec<u8>| B64Error::Length { expected: N, actual: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_4648_vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_std(bytes), text);
            assert_eq!(encode_url(bytes), text.trim_end_matches('='));
        }
    }

    // SPEC.md R-2.4-1.
    #[test]
    fn other_spellings_are_refused() {
        let code = |result: Result<Vec<u8>, B64Error>| result.unwrap_err().code();
        for text in ["Zg==", "Zg=", "Zh", "Z", "Zg ", "Zg\n", " Zg", "+/+/", "Zm9", "Zé"] {
            assert_eq!(code(decode_url(text, 99)), "b64.syntax", "{text:?}");
        }
        for text in ["Zg", "Zg=", "Zh==", "Z===", "Zg== ", "Zg==\n", "-_-_", "Zm9=", "Zg==Zg=="] {
            assert_eq!(code(decode_std(text, 99)), "b64.syntax", "{text:?}");
        }
        for text in ["0", "0G", "0A", "fF", "0x", " 00", "é"] {
            assert_eq!(code(decode_hex(text, 99)), "b64.syntax", "{text:?}");
        }
    }

    #[test]
    fn lengths_are_bounded_and_exact() {
        let too_long = |expected, actual| Err(B64Error::Length { expected, actual });
        assert_eq!(decode_url("Zm9vYg", 3), too_long(3, 4));
        assert_eq!(decode_std("Zm9vYg==", 3), too_long(3, 4));
        assert_eq!(decode_hex("00010203", 3), too_long(3, 4));
        assert_eq!(decode_url_array("Zm9vYg"), Ok(*b"foob"));
        assert_eq!(decode_std_array("Zm9vYg=="), Ok(*b"foob"));
        assert_eq!(decode_hex_array("00ff"), Ok([0, 255]));
        assert_eq!(decode_hex_array::<3>("00ff").unwrap_err().code(), "b64.length");
        assert_eq!(decode_url_array::<1>("").unwrap_err().code(), "b64.length");
    }

    proptest! {
        #[test]
        fn one_text_for_the_same_bytes(
            bytes in proptest::collection::vec(any::<u8>(), 0..70),
            text in "[A-Za-z0-9_=+/-]{0,9}",
        ) {
            prop_assert_eq!(decode_url(&encode_url(&bytes), bytes.len()), Ok(bytes.clone()));
            prop_assert_eq!(decode_std(&encode_std(&bytes), bytes.len()), Ok(bytes.clone()));
            prop_assert_eq!(decode_hex(&encode_hex(&bytes), bytes.len()), Ok(bytes.clone()));
            if let Ok(bytes) = decode_url(&text, 99) {
                prop_assert_eq!(encode_url(bytes), text.clone());
            }
            if let Ok(bytes) = decode_std(&text, 99) {
                prop_assert_eq!(encode_std(bytes), text.clone());
            }
            if let Ok(bytes) = decode_hex(&text, 99) {
                prop_assert_eq!(encode_hex(bytes), text);
            }
        }
    }
}
