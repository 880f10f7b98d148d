//! Format `packed` with certificates (WebAuthn L3 8.2, 8.2.1).

use super::certificate::Certificate;
use super::statement::Members;
use super::{Flaw, Subject};

/// 2.5.4.6, 2.5.4.10, 2.5.4.11, 2.5.4.3.
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
const UNIT: &[u8] = &[0x55, 0x04, 0x0b];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

pub(super) fn check(
    subject: &Subject<'_>,
    members: &Members<'_>,
    leaf: &Certificate<'_>,
) -> Result<bool, Flaw> {
    leaf.verify(members.alg()?, &subject.signed(), members.sig()?)?;
    check_subject(leaf)?;
    leaf.check_no_authority()?;
    leaf.check_aaguid(&subject.object.credential.aaguid)?;
    Ok(true)
}

fn check_subject(leaf: &Certificate<'_>) -> Result<(), Flaw> {
    let wrong = Flaw::Invalid("the leaf's subject is not that of a packed attestation");
    let country = leaf.subject(COUNTRY)?;
    let is_code = |c: &[u8]| c.len() == 2 && c.iter().all(u8::is_ascii_uppercase);
    let given = |kind| Ok::<_, Flaw>(leaf.subject(kind)?.iter().any(|v| !v.is_empty()));
    let unit = leaf.subject(UNIT)?.contains(&&b"Authenticator Attestation"[..]);
    let right = country.iter().any(|c| is_code(c)) && unit;
    if right && given(ORGANIZATION)? && given(COMMON_NAME)? { Ok(()) } else { Err(wrong) }
}
