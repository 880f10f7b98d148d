//! CBOR diagnostic notation (RFC 8949 section 8), for reading. Byte strings that hold the parts of
//! a COSE_Sign1 are shown as what they hold, `<<…>>`.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

use crate::service::render::escape;

/// Nesting that is shown; statements have less.
const MAX_DEPTH: usize = 32;

/// A statement in diagnostic notation; what does not parse is shown in hexadecimal.
pub fn of_statement(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut decoder = Decoder::new(bytes);
    match item(&mut decoder, &mut out, 0, true) {
        Ok(()) => out,
        Err(_) => format!("h'{}'", hex::encode(bytes)),
    }
}

fn item(d: &mut Decoder<'_>, out: &mut String, depth: usize, embed: bool) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::message("too deep"));
    }
    let deeper = depth.saturating_add(1);
    match d.datatype()? {
        Type::Bytes => bytes(d.bytes()?, out, depth, embed),
        Type::String => {
            out.push('"');
            out.push_str(&escape(d.str()?).replace('"', "\\\""));
            out.push('"');
        }
        Type::Array => {
            let count = d.array()?.unwrap_or(0);
            list(out, '[', ']', deeper, count, |out, _| item(d, out, deeper, embed))?;
        }
        Type::Map => {
            let count = d.map()?.unwrap_or(0);
            list(out, '{', '}', deeper, count, |out, _| {
                item(d, out, deeper, false)?;
                out.push_str(": ");
                item(d, out, deeper, false)
            })?;
        }
        Type::Tag => {
            out.push_str(&format!("{}(", d.tag()?.as_u64()));
            item(d, out, deeper, embed)?;
            out.push(')');
        }
        Type::Bool => out.push_str(if d.bool()? { "true" } else { "false" }),
        Type::Null => {
            d.null()?;
            out.push_str("null");
        }
        _ => out.push_str(&d.int()?.to_string()),
    }
    Ok(())
}

fn list(
    out: &mut String,
    open: char,
    close: char,
    depth: usize,
    count: u64,
    mut each: impl FnMut(&mut String, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    out.push(open);
    for at in 0..count {
        if at > 0 {
            out.push(',');
        }
        line(out, depth);
        each(out, at)?;
    }
    if count > 0 {
        line(out, depth.saturating_sub(1));
    }
    out.push(close);
    Ok(())
}

fn bytes(bytes: &[u8], out: &mut String, depth: usize, embed: bool) {
    if embed && !bytes.is_empty() {
        let mut inner = String::new();
        let mut decoder = Decoder::new(bytes);
        let is_map = matches!(decoder.datatype(), Ok(Type::Map));
        let whole = is_map && item(&mut decoder, &mut inner, depth, false).is_ok();
        if whole && decoder.position() == bytes.len() {
            out.push_str(&format!("<<{inner}>>"));
            return;
        }
    }
    match std::str::from_utf8(bytes) {
        // A document is JSON in a byte string.
        Ok(text) if text.starts_with('{') => out.push_str(&format!("'{}'", escape(text))),
        _ => out.push_str(&format!("h'{}'", hex::encode(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_sign1_are_shown_as_what_they_hold() {
        // 18([<<{1: -8}>>, {}, <<{"kind": 'x'}>>, h'0102'])
        let bytes = hex::decode("d28443a10127a048a1646b696e6441ff420102").unwrap();
        assert_eq!(
            of_statement(&bytes),
            "18([\n    <<{\n      1: -8\n    }>>,\n    {},\n    <<{\n      \"kind\": h'ff'\n    \
             }>>,\n    h'0102'\n  ])"
        );
        assert_eq!(of_statement(&[0xd2, 0x84]), "h'd284'");
        assert_eq!(of_statement(&[0x63, 0xe2, 0x80, 0xae]), "\"\\u{202e}\"");
    }

    #[test]
    fn nesting_without_end_ends() {
        assert!(of_statement(&[0x81; 500]).starts_with("h'8181"));
    }
}
