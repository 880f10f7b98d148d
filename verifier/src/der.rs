//! A reader of DER (X.690), for what certificates carry that a chain builder does not show:
//! extensions, subjects, validity, RSA keys. It reads items and judges nothing.

use placet_proto::time::UnixSeconds;

/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET.
pub(crate) const SET: u8 = 0x31;
/// INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub(crate) const BOOLEAN: u8 = 0x01;
/// BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// OBJECT IDENTIFIER.
pub(crate) const OID: u8 = 0x06;
/// ENUMERATED.
pub(crate) const ENUMERATED: u8 = 0x0a;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The number of a tag whose number follows in bytes of its own.
const LONG_TAG: u8 = 0x1f;

/// The bytes are not DER, or not the items that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// The first byte: class, form and, below 31, number.
    pub tag: u8,
    /// The number of the tag.
    pub number: u32,
    /// What is in it.
    pub body: &'a [u8],
    /// The whole item.
    pub raw: &'a [u8],
}

/// Reads items from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub(crate) const fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// That nothing is left.
    pub(crate) const fn end(&self) -> Result<(), NotDer> {
        if self.at_end() { Ok(()) } else { Err(NotDer) }
    }

    /// The first byte of the next item.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next item, of any type.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, NotDer> {
        let whole = self.0;
        let (tag, rest) = whole.split_first().ok_or(NotDer)?;
        let (number, rest) = if tag & LONG_TAG == LONG_TAG {
            long_number(rest)?
        } else {
            (u32::from(tag & LONG_TAG), rest)
        };
        let (len, rest) = length(rest)?;
        let (body, rest) = rest.split_at_checked(len).ok_or(NotDer)?;
        let used = whole.len().saturating_sub(rest.len());
        self.0 = rest;
        Ok(Item { tag: *tag, number, body, raw: whole.get(..used).ok_or(NotDer)? })
    }

    /// The body of the next item, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], NotDer> {
        let item = self.item()?;
        if item.tag == tag { Ok(item.body) } else { Err(NotDer) }
    }

    /// The next item, a constructed one, as a reader of its own.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, NotDer> {
        self.expect(tag).map(Reader)
    }

    /// The next item if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, NotDer> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The next item, an INTEGER that is not negative, without leading zeros.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], NotDer> {
        unsigned(self.expect(INTEGER)?)
    }

    /// The next item, a BIT STRING of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], NotDer> {
        match self.expect(BIT_STRING)?.split_first() {
            Some((0, bits)) => Ok(bits),
            _ => Err(NotDer),
        }
    }

    /// The next item, a UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 writes them.
    pub(crate) fn time(&mut self) -> Result<UnixSeconds, NotDer> {
        let item = self.item()?;
        let text = std::str::from_utf8(item.body).map_err(|_| NotDer)?;
        let text = match (item.tag, text.len()) {
            // Years below 50 are of this century.
            (UTC_TIME, 13) if text < "50" => format!("20{text}"),
            (UTC_TIME, 13) => format!("19{text}"),
            (GENERALIZED_TIME, 15) => text.to_owned(),
            _ => return Err(NotDer),
        };
        let part = |from, to| text.get(from..to).ok_or(NotDer);
        let date = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
        let rest = (part(8, 10)?, part(10, 12)?, part(12, 15)?);
        UnixSeconds::parse(&format!("{date}T{}:{}:{}", rest.0, rest.1, rest.2)).map_err(|_| NotDer)
    }
}

/// The value of an INTEGER or ENUMERATED, without leading zeros.
pub(crate) fn unsigned(body: &[u8]) -> Result<&[u8], NotDer> {
    match body {
        [0, next, ..] if next & 0x80 != 0 => body.get(1..).ok_or(NotDer),
        [0] => Ok(body),
        [0, ..] | [] => Err(NotDer),
        [first, ..] if first & 0x80 != 0 => Err(NotDer),
        _ => Ok(body),
    }
}

fn long_number(mut bytes: &[u8]) -> Result<(u32, &[u8]), NotDer> {
    let mut number = 0_u32;
    loop {
        let (byte, rest) = bytes.split_first().ok_or(NotDer)?;
        if number == 0 && *byte == 0x80 {
            return Err(NotDer);
        }
        number = number.checked_mul(128).ok_or(NotDer)? | u32::from(byte & 0x7f);
        bytes = rest;
        if byte & 0x80 == 0 {
            return if number < u32::from(LONG_TAG) { Err(NotDer) } else { Ok((number, bytes)) };
        }
    }
}

/// Definite and shortest (X.690 10.1), below 2^24.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (first, rest) = bytes.split_first().ok_or(NotDer)?;
    if first & 0x80 == 0 {
        return Ok((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    let (len, rest) = rest.split_at_checked(count).ok_or(NotDer)?;
    let value = match len {
        [a] if *a >= 0x80 => usize::from(*a),
        [a, b] if *a != 0 => usize::from(u16::from_be_bytes([*a, *b])),
        [a, b, c] if *a != 0 => (usize::from(*a) << 16) | usize::from(u16::from_be_bytes([*b, *c])),
        _ => return Err(NotDer),
    };
    Ok((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(bytes: &[u8]) -> Result<(u32, Vec<u8>), NotDer> {
        let mut reader = Reader::new(bytes);
        let item = reader.item()?;
        reader.end()?;
        assert_eq!(item.raw, bytes);
        Ok((item.number, item.body.to_vec()))
    }

    #[test]
    fn one_form_of_each_item() {
        assert_eq!(item(&[0x04, 1, 7]), Ok((4, vec![7])));
        assert_eq!(item(&[0xbf, 0x85, 0x3e, 1, 7]), Ok((702, vec![7])));
        let long = [&[0x04, 0x81, 0x80][..], &[9; 128]].concat();
        assert_eq!(item(&long), Ok((4, vec![9; 128])));
        let longer = [&[0x04, 0x82, 1, 0][..], &[9; 256]].concat();
        assert_eq!(item(&longer), Ok((4, vec![9; 256])));
        for bad in [
            &[][..],
            &[0x04],
            &[0x04, 2, 7],
            &[0x04, 0x80, 0, 0],          // indefinite
            &[0x04, 0x81, 1, 7],          // a longer length than need be
            &[0x04, 0x82, 0, 1, 7],       // likewise
            &[0x04, 0x84, 0, 0, 0, 1, 7], // likewise
            &[0xbf, 0x80, 0x3e, 1, 7],    // a leading zero in the number
            &[0xbf, 0x1e, 1, 7],          // 30 has a short form
            &[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 7],
            &[0x04, 1, 7, 0],
        ] {
            assert_eq!(item(bad), Err(NotDer), "{bad:02x?}");
        }
    }

    #[test]
    fn numbers_and_times() {
        assert_eq!(unsigned(&[0, 0x80]), Ok(&[0x80][..]));
        assert_eq!(unsigned(&[0]), Ok(&[0][..]));
        for bad in [&[][..], &[0, 1], &[0x80], &[0, 0]] {
            assert_eq!(unsigned(bad), Err(NotDer), "{bad:02x?}");
        }
        let time = |tag: u8, text: &str| {
            let bytes = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            Reader::new(&bytes).time().map(|t| t.to_string())
        };
        assert_eq!(time(0x17, "240101000000Z"), Ok("2024-01-01T00:00:00Z".to_owned()));
        assert_eq!(time(0x17, "991231235959Z"), Ok("1999-12-31T23:59:59Z".to_owned()));
        assert_eq!(time(0x18, "30240101000000Z"), Ok("3024-01-01T00:00:00Z".to_owned()));
        for (tag, bad) in [
            (0x17, "2401010000Z"),
            (0x17, "240101000000+0000"),
            (0x17, "241301000000Z"),
            (0x18, "240101000000Z"),
            (0x16, "240101000000Z"),
        ] {
            assert_eq!(time(tag, bad), Err(NotDer), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            let mut reader = Reader::new(&bytes);
            while reader.item().is_ok() {}
            let _ = Reader::new(&bytes).time();
            let _ = unsigned(&bytes);
        }
    }
}
