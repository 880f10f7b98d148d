//! Format `fido-u2f` (WebAuthn L3 8.6).

use placet_proto::cose_key::PublicKey;

use super::certificate::Certificate;
use super::statement::Members;
use super::{Flaw, Subject};

pub(super) fn check(
    subject: &Subject<'_>,
    members: &Members<'_>,
    leaf: &Certificate<'_>,
) -> Result<bool, Flaw> {
    if members.x5c.len() != 1 {
        return Err(Flaw::Invalid("a fido-u2f attestation has one certificate"));
    }
    let PublicKey::Es256 { x, y } = subject.key else {
        return Err(Flaw::Invalid("a fido-u2f credential has a key on P-256"));
    };
    let object = subject.object;
    let signed = [
        &[0x00],
        &object.authenticator_data.rp_id_hash[..],
        subject.client_data_hash,
        object.credential.credential_id,
        &[0x04],
        x,
        y,
    ]
    .concat();
    // The format has no alg: the certificate's key is on P-256.
    leaf.verify(-7, &signed, members.sig()?)?;
    Ok(true)
}
