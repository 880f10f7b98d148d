//! Format `apple`, Apple's anonymous attestation (WebAuthn L3 8.8).

use super::certificate::Certificate;
use super::statement::Members;
use super::{Flaw, Subject, sha256};
use crate::der::{OCTET_STRING, Reader, SEQUENCE};

/// 1.2.840.113635.100.8.2.
const NONCE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x08, 0x02];

pub(super) fn check(
    subject: &Subject<'_>,
    _: &Members<'_>,
    leaf: &Certificate<'_>,
) -> Result<bool, Flaw> {
    let extension = leaf.extension(NONCE)?.ok_or(Flaw::Invalid("the leaf has no nonce"))?;
    let mut reader = Reader::new(extension.value);
    let mut sequence = reader.inside(SEQUENCE)?;
    let mut tagged = sequence.inside(0xa1)?;
    let nonce = tagged.expect(OCTET_STRING)?;
    tagged.end()?;
    sequence.end()?;
    reader.end()?;
    if nonce != sha256(&subject.signed()) {
        return Err(Flaw::Invalid("the leaf's nonce is of another registration"));
    }
    if !leaf.is_of(subject.key) {
        return Err(Flaw::Invalid("the leaf is of another key than the credential's"));
    }
    Ok(true)
}
