//! The statements of a log in a copy of it (SPEC.md 6.6): bundles of up to 256, as C2SP lays out
//! entries, but with room for whole statements and for those whose bodies were erased.
//!
//! ```text
//! COPY/checkpoint        the note that says how many entries there are
//! COPY/tile/…            C2SP tlog-tiles: hashes and entries
//! COPY/statements/N      statements 256 N .. 256 N + 255, N in decimal
//! COPY/notes/N           notes that were published, in their order, 256 in each but the last
//! ```
//!
//! Each statement is a length in bytes, four bytes big-endian, and that many bytes. Length 0 stands
//! for an erased body: no statement is empty. Nothing here vouches for anything: whoever reads a
//! copy compares the SHA-256 of each statement with the entry of its index.

use crate::bundle::MAX_NOTE;
use crate::cose::MAX_SIGN1_BYTES;

/// Statements in a full bundle.
pub const BUNDLE_WIDTH: u16 = 256;
/// Bytes of a length.
const PREFIX: usize = 4;
/// Largest bundle, in bytes.
pub const MAX_BUNDLE_BYTES: usize = BUNDLE_WIDTH as usize * (PREFIX + MAX_SIGN1_BYTES);
/// Largest file of notes, in bytes.
pub const MAX_NOTES_BYTES: usize = BUNDLE_WIDTH as usize * (PREFIX + MAX_NOTE);

/// Why a bundle of statements was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogCopyError {
    /// It ends within a length or a statement, or before the last statement that it should hold.
    #[error("the bundle ends too early")]
    Truncated,
    /// Bytes follow the last statement that it should hold.
    #[error("bytes follow the last statement")]
    Trailing,
    /// A statement is longer than 256 KiB or empty, or there are more than 256.
    #[error("a statement or bundle exceeds its limit")]
    Limit,
}

impl LogCopyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "logcopy.truncated",
            Self::Trailing => "logcopy.trailing",
            Self::Limit => "logcopy.limit",
        }
    }
}

/// How many statements bundle `index` holds in a log of `size` entries; 0 if there is none.
#[must_use]
pub fn width(index: u64, size: u64) -> u16 {
    let full = u64::from(BUNDLE_WIDTH);
    let rest = index.checked_mul(full).map_or(0, |first| size.saturating_sub(first));
    u16::try_from(rest.min(full)).unwrap_or(BUNDLE_WIDTH)
}

/// Reads a bundle of exactly `width` statements; an erased one is `None`.
///
/// # Errors
/// `logcopy.truncated`, `logcopy.trailing`, `logcopy.limit`.
pub fn parse(bytes: &[u8], width: u16) -> Result<Vec<Option<&[u8]>>, LogCopyError> {
    if width > BUNDLE_WIDTH {
        return Err(LogCopyError::Limit);
    }
    let mut statements = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (statement, after) = split(rest)?;
        statements.push(statement);
        rest = after;
    }
    match rest {
        [] => Ok(statements),
        _ => Err(LogCopyError::Trailing),
    }
}

/// Reads a file of notes: 1 to 256, each a length and its bytes as in a bundle, none empty.
///
/// # Errors
/// `logcopy.truncated`, `logcopy.limit`.
pub fn parse_notes(bytes: &[u8]) -> Result<Vec<&[u8]>, LogCopyError> {
    let mut notes = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<PREFIX>().ok_or(LogCopyError::Truncated)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length == 0 || length > MAX_NOTE || notes.len() >= usize::from(BUNDLE_WIDTH) {
            return Err(LogCopyError::Limit);
        }
        let (note, after) = after.split_at_checked(length).ok_or(LogCopyError::Truncated)?;
        notes.push(note);
        rest = after;
    }
    if notes.is_empty() { Err(LogCopyError::Truncated) } else { Ok(notes) }
}

/// Reads statements to the end of the bytes, [`BUNDLE_WIDTH`] at most: an answer of a service,
/// which gives as many as it likes.
///
/// # Errors
/// `logcopy.truncated`, `logcopy.limit`.
pub fn parse_run(bytes: &[u8]) -> Result<Vec<Option<&[u8]>>, LogCopyError> {
    let mut statements = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if statements.len() >= usize::from(BUNDLE_WIDTH) {
            return Err(LogCopyError::Limit);
        }
        let (statement, after) = split(rest)?;
        statements.push(statement);
        rest = after;
    }
    Ok(statements)
}

/// The first statement, and what follows it.
fn split(bytes: &[u8]) -> Result<(Option<&[u8]>, &[u8]), LogCopyError> {
    let (length, after) = bytes.split_first_chunk::<PREFIX>().ok_or(LogCopyError::Truncated)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_SIGN1_BYTES {
        return Err(LogCopyError::Limit);
    }
    let (statement, after) = after.split_at_checked(length).ok_or(LogCopyError::Truncated)?;
    Ok(((length > 0).then_some(statement), after))
}

/// Appends a statement to a bundle; `None` for one whose body was erased.
///
/// # Errors
/// `logcopy.limit` for an empty statement or one of more than 256 KiB.
pub fn push(bundle: &mut Vec<u8>, statement: Option<&[u8]>) -> Result<(), LogCopyError> {
    let bytes = statement.unwrap_or_default();
    let allowed = bytes.len() <= MAX_SIGN1_BYTES && bytes.is_empty() == statement.is_none();
    let length = u32::try_from(bytes.len()).ok().filter(|_| allowed).ok_or(LogCopyError::Limit)?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bundle(statements: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        for statement in statements {
            push(&mut out, *statement).unwrap();
        }
        out
    }

    // [R-6.6-1]
    #[test]
    fn a_bundle_by_hand() {
        let bytes = bundle(&[Some(b"ab"), None, Some(b"c")]);
        assert_eq!(bytes, b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c");
        assert_eq!(parse(&bytes, 3).unwrap(), [Some(b"ab".as_slice()), None, Some(b"c")]);
        assert_eq!(parse(&bytes, 2), Err(LogCopyError::Trailing));
        assert_eq!(parse(&bytes, 4), Err(LogCopyError::Truncated));
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end], 3), Err(LogCopyError::Truncated), "{end} bytes");
        }
    }

    #[test]
    fn limits_hold_before_anything_is_read() {
        assert_eq!(parse(&[], 257), Err(LogCopyError::Limit));
        let length = u32::try_from(MAX_SIGN1_BYTES + 1).unwrap().to_be_bytes();
        assert_eq!(parse(&length, 1), Err(LogCopyError::Limit));
        assert_eq!(parse(&[0xff; 4], 1), Err(LogCopyError::Limit));
        let long = vec![0; MAX_SIGN1_BYTES + 1];
        assert_eq!(push(&mut Vec::new(), Some(&long)), Err(LogCopyError::Limit));
        assert_eq!(push(&mut Vec::new(), Some(b"")), Err(LogCopyError::Limit));
        assert_eq!(bundle(&[Some(&long[1..])]).len(), MAX_SIGN1_BYTES + 4);
    }

    // [R-6.6-4]
    #[test]
    fn notes_are_read_as_they_were_written() {
        let bytes = bundle(&[Some(b"one"), Some(b"two")]);
        assert_eq!(parse_notes(&bytes).unwrap(), [b"one", b"two"]);
        for end in [0, 1, 4, 6, 8, 13] {
            assert_eq!(parse_notes(&bytes[..end]), Err(LogCopyError::Truncated), "{end} bytes");
        }
        assert_eq!(parse_notes(&bundle(&[None])), Err(LogCopyError::Limit));
        let long = vec![b'n'; MAX_NOTE + 1];
        assert_eq!(parse_notes(&bundle(&[Some(&long)])), Err(LogCopyError::Limit));
        assert_eq!(parse_notes(&bundle(&[Some(&long[1..])])).unwrap().len(), 1);
        let full = bundle(&[Some(b"n".as_slice()); 256]);
        assert_eq!(parse_notes(&full).unwrap().len(), 256);
        let more = [full, bundle(&[Some(b"n")])].concat();
        assert_eq!(parse_notes(&more), Err(LogCopyError::Limit));
    }

    #[test]
    fn a_run_has_as_many_as_it_has_up_to_a_bundle() {
        assert_eq!(parse_run(&[]).unwrap().len(), 0);
        assert_eq!(parse_run(&[0; 256 * PREFIX]).unwrap(), vec![None; 256]);
        assert_eq!(parse_run(&[0; 257 * PREFIX]), Err(LogCopyError::Limit));
        assert_eq!(parse_run(&[0; PREFIX + 1]), Err(LogCopyError::Truncated));
        assert_eq!(parse_run(&[0xff; 4]), Err(LogCopyError::Limit));
    }

    #[test]
    fn widths_add_up_to_the_size() {
        for size in [0, 1, 255, 256, 257, 512, 70_000] {
            let sum: u64 = (0..300).map(|index| u64::from(width(index, size))).sum();
            assert_eq!(sum, size);
        }
        assert_eq!(width(u64::MAX, u64::MAX), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            statements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..256)
        ) {
            let given: Vec<Option<&[u8]>> =
                statements.iter().map(|s| (!s.is_empty()).then_some(s.as_slice())).collect();
            let width = u16::try_from(given.len()).unwrap();
            let bytes = bundle(&given);
            prop_assert_eq!(&parse(&bytes, width).unwrap(), &given);
            prop_assert_eq!(parse_run(&bytes).unwrap(), given);
        }

        #[test]
        fn what_is_read_is_what_would_be_written(
            bytes in prop::collection::vec(0_u8..4, 0..64), width in 0_u16..8
        ) {
            if let Ok(statements) = parse(&bytes, width) {
                prop_assert_eq!(bundle(&statements), bytes);
            }
        }
    }
}
