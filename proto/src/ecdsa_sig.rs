//! The two encodings of an ECDSA P-256 signature: `r ‖ s` (COSE, RFC 9053 2.1) and DER
//! `Ecdsa-Sig-Value` (WebAuthn L3 6.5.5, RFC 3279 2.2.3).
//!
//! Encodings only; nothing here says that a signature is valid. High `s` passes: several
//! authenticators emit it half of the time, so signature bytes are never an identity.

/// Bytes of `r ‖ s`.
pub const RAW_LEN: usize = 64;
/// The longest DER form: two integers of 33 bytes with their heads in one sequence.
pub const DER_MAX_LEN: usize = 72;

/// The bytes are not the one DER encoding of an `Ecdsa-Sig-Value` over P-256.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a strict DER Ecdsa-Sig-Value: {0}")]
pub struct EcdsaSigError(&'static str);

impl EcdsaSigError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "ecdsa.der"
    }
}

/// Reads DER `SEQUENCE { r INTEGER, s INTEGER }` into `r ‖ s`, each 32 bytes, big endian.
///
/// # Errors
/// Anything but the one DER form: long-form lengths, trailing bytes, negative, zero, padded or
/// oversized integers.
pub fn der_to_raw(der: &[u8]) -> Result<[u8; RAW_LEN], EcdsaSigError> {
    if der.len() > DER_MAX_LEN {
        return Err(EcdsaSigError("too long"));
    }
    let [0x30, len, body @ ..] = der else {
        return Err(EcdsaSigError("not a sequence"));
    };
    // A length octet of 128 or more is the long form, which DER forbids for so short a body; it
    // can't equal the body's length here either.
    if usize::from(*len) != body.len() {
        return Err(EcdsaSigError("length of the sequence"));
    }
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    if !rest.is_empty() {
        return Err(EcdsaSigError("bytes after s"));
    }
    let mut raw = [0; RAW_LEN];
    let (high, low) = raw.split_at_mut(RAW_LEN / 2);
    high.copy_from_slice(&r);
    low.copy_from_slice(&s);
    Ok(raw)
}

/// Writes `r ‖ s` as DER.
#[must_use]
pub fn raw_to_der(raw: &[u8; RAW_LEN]) -> Vec<u8> {
    let (r, s) = raw.split_at(RAW_LEN / 2);
    let mut body = Vec::with_capacity(DER_MAX_LEN);
    for part in [r, s] {
        let magnitude = positive_integer(part);
        body.push(0x02);
        body.push(u8::try_from(magnitude.len()).unwrap_or(u8::MAX));
        body.extend_from_slice(&magnitude);
    }
    let mut der = vec![0x30, u8::try_from(body.len()).unwrap_or(u8::MAX)];
    der.append(&mut body);
    der
}

/// The shortest two's-complement form of an unsigned big-endian number: what DER `INTEGER` and
/// the SSH `mpint` (RFC 4251 5) have in common, except that an SSH zero is empty.
#[must_use]
pub fn positive_integer(big_endian: &[u8]) -> Vec<u8> {
    let start = big_endian.iter().position(|&b| b != 0).unwrap_or(big_endian.len());
    let digits = big_endian.get(start..).unwrap_or_default();
    let mut out = Vec::with_capacity(digits.len().saturating_add(1));
    if digits.first().is_none_or(|&b| b >= 0x80) {
        out.push(0);
    }
    out.extend_from_slice(digits);
    out
}

fn integer(input: &[u8]) -> Result<([u8; 32], &[u8]), EcdsaSigError> {
    let [0x02, len, rest @ ..] = input else {
        return Err(EcdsaSigError("not an integer"));
    };
    let (bytes, rest) =
        rest.split_at_checked(usize::from(*len)).ok_or(EcdsaSigError("length of an integer"))?;
    let digits = match bytes {
        [] => return Err(EcdsaSigError("empty integer")),
        [0, next, ..] if *next < 0x80 => return Err(EcdsaSigError("padded integer")),
        [0] => return Err(EcdsaSigError("zero")),
        [0, digits @ ..] => digits,
        [first, ..] if *first >= 0x80 => return Err(EcdsaSigError("negative integer")),
        digits => digits,
    };
    let mut out = [0; 32];
    let start = out.len().checked_sub(digits.len()).ok_or(EcdsaSigError("oversized integer"))?;
    if let Some(target) = out.get_mut(start..) {
        target.copy_from_slice(digits);
    }
    Ok((out, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sig(r: &[u8], s: &[u8]) -> Vec<u8> {
        let mut body = vec![2, r.len() as u8];
        body.extend(r);
        body.extend([2, s.len() as u8]);
        body.extend(s);
        let mut der = vec![0x30, body.len() as u8];
        der.extend(body);
        der
    }

    #[test]
    fn accepts_short_and_padded_where_the_top_bit_demands_it() {
        let raw = der_to_raw(&sig(&[1], &[0, 0x80])).unwrap();
        assert_eq!((raw[31], raw[63]), (1, 0x80));
        assert_eq!(raw_to_der(&raw), sig(&[1], &[0, 0x80]));
    }

    #[test]
    fn refuses_every_other_form() {
        let good = sig(&[1], &[2]);
        let mut long_form = vec![0x30, 0x81, 6];
        long_form.extend(&good[2..]);
        let mut trailing = good.clone();
        trailing.push(0);
        let mut inner_trailing = good.clone();
        inner_trailing.push(0);
        inner_trailing[1] += 1;
        let long_integer = vec![0x30, 7, 2, 0x81, 1, 1, 2, 1, 2];
        let cases: [(&str, Vec<u8>); 12] = [
            ("empty", vec![]),
            ("long form", long_form),
            ("long form integer", long_integer),
            ("trailing", trailing),
            ("trailing inside", inner_trailing),
            ("truncated", good[..7].to_vec()),
            ("negative", sig(&[0x80], &[1])),
            ("padded", sig(&[0, 1], &[1])),
            ("zero", sig(&[0], &[1])),
            ("empty integer", sig(&[], &[1])),
            ("oversized", sig(&[1; 33], &[1])),
            ("oversized with zero", sig(&[&[0][..], &[0xff; 33]].concat(), &[1])),
        ];
        for (name, der) in cases {
            assert_eq!(der_to_raw(&der).map_err(|e| e.code()), Err("ecdsa.der"), "{name}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(r in any::<[u8; 32]>(), s in any::<[u8; 32]>()) {
            prop_assume!(r != [0; 32] && s != [0; 32]);
            let mut raw = [0; 64];
            raw[..32].copy_from_slice(&r);
            raw[32..].copy_from_slice(&s);
            prop_assert_eq!(der_to_raw(&raw_to_der(&raw)), Ok(raw));
        }

        #[test]
        fn one_byte_form(der in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(raw) = der_to_raw(&der) {
                prop_assert_eq!(raw_to_der(&raw), der);
            }
        }

        #[test]
        fn one_byte_form_near_valid(r in any::<[u8; 32]>(), at in 0usize..70, bit in 0u8..8) {
            let mut raw = [1; 64];
            raw[..32].copy_from_slice(&r);
            let mut der = raw_to_der(&raw);
            let at = at % der.len();
            der[at] ^= 1 << bit;
            if let Ok(raw) = der_to_raw(&der) {
                prop_assert_eq!(raw_to_der(&raw), der);
            }
        }
    }
}
