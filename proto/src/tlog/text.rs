//! The small pieces that the C2SP text formats share: decimals, base64, hash lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;

/// A decimal number without sign and without leading zeros (`0` itself is fine).
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let digits_only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits_only && !leading_zero { text.parse().ok() } else { None }
}

/// Standard base64 with padding and zero trailing bits, so that one value has one text.
pub(super) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The text that [`parse_base64`] reads.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// One SHA-256 value in base64.
pub(super) fn parse_hash(text: &str) -> Option<Hash> {
    // 44 characters hold 32 bytes: longer text is refused before it is decoded.
    if text.len() != 44 {
        return None;
    }
    parse_base64(text)?.try_into().ok()
}

/// Splits off the first line; `None` if no newline ends it.
pub(super) fn split_line(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n')
}

/// Hash lines up to and including an empty line; gives the hashes and what follows.
///
/// `None` if there are more than `limit` lines, one is no hash, or no empty line ends them.
pub(super) fn parse_hash_lines(mut text: &str, limit: usize) -> Option<(Vec<Hash>, &str)> {
    let mut hashes = Vec::new();
    loop {
        let (line, rest) = split_line(text)?;
        text = rest;
        if line.is_empty() {
            return Some((hashes, text));
        }
        if hashes.len() >= limit {
            return None;
        }
        hashes.push(parse_hash(line)?);
    }
}

/// Appends what [`parse_hash_lines`] reads.
pub(super) fn push_hash_lines(out: &mut String, hashes: &[Hash]) {
    for hash in hashes {
        out.push_str(&base64(hash));
        out.push('\n');
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_form() {
        assert_eq!(parse_decimal("0"), Some(0));
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "0x1", "18446744073709551616"] {
            assert_eq!(parse_decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn base64_has_one_form() {
        assert_eq!(parse_base64("AA=="), Some(vec![0]));
        for bad in ["AA", "AA=", "AB==", "AA==\n", "A-==", "AA== ", "=A=="] {
            assert_eq!(parse_base64(bad), None, "{bad:?}");
        }
    }
}
