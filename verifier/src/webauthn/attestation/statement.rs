//! The members of attestation statements.

use placet_proto::cbor::{self, CborError, Key};

use super::Flaw;

/// Most certificates in a statement; vendors send one to five.
pub(super) const MAX_CERTIFICATES: usize = 8;

/// What statements of the formats hold between them.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    /// Certificates, the leaf first; empty where the statement has no `x5c`.
    pub x5c: Vec<&'a [u8]>,
    alg: Option<i64>,
    sig: Option<&'a [u8]>,
    ver: Option<&'a str>,
    cert_info: Option<&'a [u8]>,
    pub_area: Option<&'a [u8]>,
}

impl<'a> Members<'a> {
    /// Reads a statement that has no members but those named.
    pub(super) fn read(statement: &'a [u8], allowed: &[&str]) -> Result<Self, Flaw> {
        Self::read_members(statement, allowed)
            .map_err(|_| Flaw::Invalid("not as its format demands"))
    }

    fn read_members(statement: &'a [u8], allowed: &[&str]) -> Result<Self, CborError> {
        let mut reader = cbor::Reader::new(statement)?;
        let mut out = Self::default();
        for _ in 0..reader.map()? {
            let at = reader.offset();
            match reader.key()? {
                Key::Text(name) if !allowed.contains(&name) => return Err(CborError::Count(at)),
                Key::Text("x5c") => {
                    let count = reader.array(MAX_CERTIFICATES)?;
                    out.x5c = (0..count).map(|_| reader.bytes()).collect::<Result<_, _>>()?;
                    if out.x5c.is_empty() {
                        return Err(CborError::Count(at));
                    }
                }
                Key::Text("alg") => out.alg = Some(reader.int()?),
                Key::Text("sig") => out.sig = Some(reader.bytes()?),
                Key::Text("ver") => out.ver = Some(reader.text()?),
                Key::Text("certInfo") => out.cert_info = Some(reader.bytes()?),
                Key::Text("pubArea") => out.pub_area = Some(reader.bytes()?),
                _ => return Err(CborError::Count(at)),
            }
        }
        reader.end()?;
        Ok(out)
    }

    pub(super) fn alg(&self) -> Result<i64, Flaw> {
        self.alg.ok_or(Flaw::Invalid("no alg"))
    }

    pub(super) fn sig(&self) -> Result<&'a [u8], Flaw> {
        self.sig.ok_or(Flaw::Invalid("no sig"))
    }

    pub(super) fn ver(&self) -> Result<&'a str, Flaw> {
        self.ver.ok_or(Flaw::Invalid("no ver"))
    }

    pub(super) fn cert_info(&self) -> Result<&'a [u8], Flaw> {
        self.cert_info.ok_or(Flaw::Invalid("no certInfo"))
    }

    pub(super) fn pub_area(&self) -> Result<&'a [u8], Flaw> {
        self.pub_area.ok_or(Flaw::Invalid("no pubArea"))
    }
}
