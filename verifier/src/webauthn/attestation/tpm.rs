//! Format `tpm` (WebAuthn L3 8.3, 8.3.1; TPM 2.0 Library, part 2).

use placet_proto::cose_key::PublicKey;
use sha2::{Digest as _, Sha256, Sha384};

use super::certificate::{Certificate, attributes};
use super::statement::Members;
use super::{Flaw, Subject};
use crate::der::{OID, Reader, SEQUENCE};

/// TPM_GENERATED_VALUE, TPM_ST_ATTEST_CERTIFY.
const MAGIC: &[u8] = &[0xff, 0x54, 0x43, 0x47];
const CERTIFY: u16 = 0x8017;
/// TPM_ALG_RSA, _SHA256, _SHA384, _NULL, _ECDAA, _ECC; TPM_ECC_NIST_P256.
const RSA: u16 = 0x0001;
const SHA256: u16 = 0x000b;
const SHA384: u16 = 0x000c;
const NULL: u16 = 0x0010;
const ECDAA: u16 = 0x001a;
const ECC: u16 = 0x0023;
const P256: u16 = 0x0003;
/// clockInfo and firmwareVersion, bytes.
const CLOCK_AND_FIRMWARE: usize = 17 + 8;
/// 2.5.29.17, 2.5.29.37.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 2.23.133.8.3, tcg-kp-AIKCertificate.
const AIK: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x03];
/// 2.23.133.2.1 to 2.23.133.2.3: manufacturer, model, version of a TPM.
const DEVICE: [&[u8]; 3] = [
    &[0x67, 0x81, 0x05, 0x02, 0x01],
    &[0x67, 0x81, 0x05, 0x02, 0x02],
    &[0x67, 0x81, 0x05, 0x02, 0x03],
];

pub(super) fn check(
    subject: &Subject<'_>,
    members: &Members<'_>,
    leaf: &Certificate<'_>,
) -> Result<bool, Flaw> {
    if members.ver()? != "2.0" {
        return Err(Flaw::Unsupported("a TPM of another version than 2.0"));
    }
    let (alg, cert_info, pub_area) = (members.alg()?, members.cert_info()?, members.pub_area()?);
    let area = PublicArea::read(pub_area)?;
    if !area.is_of(subject.key) {
        return Err(Flaw::Invalid("pubArea is of another key than the credential's"));
    }
    let attested = Attested::read(cert_info)?;
    let signed = subject.signed();
    let extra: Vec<u8> = match alg {
        -7 | -257 => Sha256::digest(&signed).to_vec(),
        -35 | -258 => Sha384::digest(&signed).to_vec(),
        // RS1 of old Windows: what signs SHA-1 shows nothing any more.
        _ => return Err(Flaw::Unsupported("an algorithm that is not verified here")),
    };
    if attested.extra_data != extra {
        return Err(Flaw::Invalid("certInfo is of another registration"));
    }
    if attested.name != area.name(pub_area)? {
        return Err(Flaw::Invalid("certInfo certifies another key than pubArea"));
    }
    leaf.verify(alg, cert_info, members.sig()?)?;
    check_leaf(leaf)?;
    leaf.check_aaguid(&subject.object.credential.aaguid)?;
    Ok(true)
}

/// WebAuthn L3 8.3.1.
fn check_leaf(leaf: &Certificate<'_>) -> Result<(), Flaw> {
    let wrong = Flaw::Invalid("the leaf is not the certificate of a TPM's attestation key");
    if !leaf.has_empty_subject() {
        return Err(wrong);
    }
    let names = leaf.extension(ALTERNATIVE_NAME)?.filter(|e| e.critical).ok_or(wrong)?;
    let mut list = Reader::new(names.value).inside(SEQUENCE)?;
    let mut found = [false; 3];
    while !list.at_end() {
        let item = list.item()?;
        // directoryName, [4] EXPLICIT Name.
        if item.tag != 0xa4 {
            continue;
        }
        let mut name = Reader::new(item.body);
        for (kind, value) in attributes(name.expect(SEQUENCE)?)? {
            for (device, found) in DEVICE.iter().zip(&mut found) {
                *found |= *device == kind && !value.is_empty();
            }
        }
    }
    let usage = leaf.extension(EXTENDED_KEY_USAGE)?.ok_or(wrong)?;
    let mut ids = Reader::new(usage.value).inside(SEQUENCE)?;
    let mut is_aik = false;
    while !ids.at_end() {
        is_aik |= ids.expect(OID)? == AIK;
    }
    if found != [true; 3] || !is_aik {
        return Err(wrong);
    }
    leaf.check_no_authority()
}

/// What is used of TPMS_ATTEST (part 2, 10.12.8).
struct Attested<'a> {
    extra_data: &'a [u8],
    name: &'a [u8],
}

impl<'a> Attested<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let mut r = Fields(bytes);
        if r.take(MAGIC.len())? != MAGIC || r.u16()? != CERTIFY {
            return Err(Flaw::Invalid("certInfo is no certification by a TPM"));
        }
        r.sized()?;
        let extra_data = r.sized()?;
        r.take(CLOCK_AND_FIRMWARE)?;
        let name = r.sized()?;
        r.sized()?;
        r.end()?;
        Ok(Self { extra_data, name })
    }
}

/// What is used of TPMT_PUBLIC (part 2, 12.2.4).
struct PublicArea<'a> {
    name_alg: u16,
    key: AreaKey<'a>,
}

enum AreaKey<'a> {
    Rsa { e: u32, n: &'a [u8] },
    P256 { x: &'a [u8], y: &'a [u8] },
}

impl<'a> PublicArea<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let mut r = Fields(bytes);
        let (kind, name_alg) = (r.u16()?, r.u16()?);
        r.take(4)?;
        r.sized()?;
        // Symmetric algorithm: key bits and mode, if there is one.
        if r.u16()? != NULL {
            r.take(4)?;
        }
        match r.u16()? {
            NULL => {}
            ECDAA => drop(r.take(4)?),
            _ => drop(r.take(2)?),
        }
        let key = match kind {
            RSA => {
                r.take(2)?;
                let e = match r.u32()? {
                    0 => 65537,
                    e => e,
                };
                AreaKey::Rsa { e, n: r.sized()? }
            }
            ECC => {
                let curve = r.u16()?;
                // Key derivation.
                if r.u16()? != NULL {
                    r.take(2)?;
                }
                if curve != P256 {
                    return Err(Flaw::Invalid("pubArea is of another key than the credential's"));
                }
                AreaKey::P256 { x: r.sized()?, y: r.sized()? }
            }
            _ => return Err(Flaw::Invalid("pubArea is of no key for signing")),
        };
        r.end()?;
        Ok(Self { name_alg, key })
    }

    fn is_of(&self, key: &PublicKey) -> bool {
        match (&self.key, key) {
            (AreaKey::P256 { x, y }, PublicKey::Es256 { x: a, y: b }) => *x == a && *y == b,
            (AreaKey::Rsa { e, n }, PublicKey::Rs256 { n: m, e: exponent }) => {
                let leading = |b: &&u8| **b == 0;
                let skipped = e.to_be_bytes().iter().take_while(leading).count();
                *n == m.as_slice()
                    && e.to_be_bytes().get(skipped..).is_some_and(|e| e == exponent.as_slice())
            }
            _ => false,
        }
    }

    /// The Name of an object (part 1, section 16): nameAlg and the hash of its public area.
    fn name(&self, pub_area: &[u8]) -> Result<Vec<u8>, Flaw> {
        let hash = match self.name_alg {
            SHA256 => Sha256::digest(pub_area).to_vec(),
            SHA384 => Sha384::digest(pub_area).to_vec(),
            _ => return Err(Flaw::Unsupported("an algorithm that is not verified here")),
        };
        Ok([&self.name_alg.to_be_bytes()[..], &hash].concat())
    }
}

/// Big endian, and nothing left at the end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let short = Flaw::Invalid("a TPM structure is cut short");
        let (taken, rest) = self.0.split_at_checked(len).ok_or(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Flaw> {
        Ok(self.take(2)?.iter().fold(0, |sum, b| (sum << 8) | u16::from(*b)))
    }

    fn u32(&mut self) -> Result<u32, Flaw> {
        Ok(self.take(4)?.iter().fold(0, |sum, b| (sum << 8) | u32::from(*b)))
    }

    /// A TPM2B.
    fn sized(&mut self) -> Result<&'a [u8], Flaw> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    fn end(&self) -> Result<(), Flaw> {
        if self.0.is_empty() { Ok(()) } else { Err(Flaw::Invalid("bytes behind a TPM structure")) }
    }
}
