//! Format `android-key` (WebAuthn L3 8.4, 8.4.1): Android's hardware-backed key attestation.

use super::certificate::Certificate;
use super::statement::Members;
use super::{Flaw, Subject};
use crate::der::{ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, unsigned};

/// 1.3.6.1.4.1.11129.2.1.17, KeyDescription.
const KEY_DESCRIPTION: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];
/// AuthorizationList: purpose, allApplications, origin.
const PURPOSE: u32 = 1;
const ALL_APPLICATIONS: u32 = 600;
const ORIGIN: u32 = 702;
/// KM_PURPOSE_SIGN, KM_ORIGIN_GENERATED.
const SIGN: &[u8] = &[2];
const GENERATED: &[u8] = &[0];

pub(super) fn check(
    subject: &Subject<'_>,
    members: &Members<'_>,
    leaf: &Certificate<'_>,
) -> Result<bool, Flaw> {
    leaf.verify(members.alg()?, &subject.signed(), members.sig()?)?;
    if !leaf.is_of(subject.key) {
        return Err(Flaw::Invalid("the leaf is of another key than the credential's"));
    }
    let extension = leaf.extension(KEY_DESCRIPTION)?;
    let description = extension.ok_or(Flaw::Invalid("the leaf describes no Android key"))?;
    let described = Description::read(description.value)?;
    if described.challenge != subject.client_data_hash {
        return Err(Flaw::Invalid("the Android key was made for another registration"));
    }
    described.hardware()
}

struct Description<'a> {
    /// Software (0), trusted environment (1), StrongBox (2): of the attestation, of the key.
    levels: [&'a [u8]; 2],
    challenge: &'a [u8],
    software: Authorizations<'a>,
    hardware: Authorizations<'a>,
}

#[derive(Default)]
struct Authorizations<'a> {
    purpose: Option<Vec<&'a [u8]>>,
    origin: Option<&'a [u8]>,
    all_applications: bool,
}

impl<'a> Description<'a> {
    fn read(value: &'a [u8]) -> Result<Self, Flaw> {
        let mut outer = Reader::new(value);
        let mut fields = outer.inside(SEQUENCE)?;
        outer.end()?;
        fields.expect(INTEGER)?;
        let attestation = unsigned(fields.expect(ENUMERATED)?)?;
        fields.expect(INTEGER)?;
        let key = unsigned(fields.expect(ENUMERATED)?)?;
        let challenge = fields.expect(OCTET_STRING)?;
        fields.expect(OCTET_STRING)?;
        let software = Authorizations::read(fields.inside(SEQUENCE)?)?;
        let hardware = Authorizations::read(fields.inside(SEQUENCE)?)?;
        fields.end()?;
        Ok(Self { levels: [attestation, key], challenge, software, hardware })
    }

    /// What the format forbids is wrong; what it leaves out, or says of software only, is no
    /// hardware.
    fn hardware(&self) -> Result<bool, Flaw> {
        for list in [&self.software, &self.hardware] {
            if list.all_applications {
                return Err(Flaw::Invalid("the Android key is for all applications"));
            }
            if list.origin.is_some_and(|o| o != GENERATED) {
                return Err(Flaw::Invalid("the Android key was not generated there"));
            }
            if list.purpose.as_ref().is_some_and(|p| *p != [SIGN]) {
                return Err(Flaw::Invalid("the Android key is not for signing only"));
            }
        }
        let kept = self.hardware.origin.is_some() && self.hardware.purpose.is_some();
        Ok(kept && self.levels.iter().all(|level| matches!(level, [1 | 2])))
    }
}

impl<'a> Authorizations<'a> {
    fn read(mut fields: Reader<'a>) -> Result<Self, Flaw> {
        let mut out = Self::default();
        while !fields.at_end() {
            let item = fields.item()?;
            let mut value = Reader::new(item.body);
            match item.number {
                PURPOSE => {
                    let mut set = value.inside(SET)?;
                    let mut purposes = Vec::new();
                    while !set.at_end() {
                        purposes.push(set.unsigned()?);
                    }
                    out.purpose = Some(purposes);
                }
                ORIGIN => out.origin = Some(value.unsigned()?),
                ALL_APPLICATIONS => out.all_applications = true,
                _ => {}
            }
        }
        Ok(out)
    }
}
