//! The passkey challenge as an SSHSIG pre-image, and the export that stock `ssh-keygen` verifies
//! (OpenSSH PROTOCOL.sshsig, PROTOCOL.u2f).
//!
//! A passkey signs [`challenge`] in an ordinary browser; [`export`] re-wraps the assertion without
//! signing anything anew. `ssh-keygen -Y verify` then shows that this key signed this document
//! under this namespace and RP id. It enforces neither user presence, nor user verification, nor
//! the origin: those are checks of `placet-verifier`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::cose_key::PublicKey;
use crate::ecdsa_sig;

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &str = "sha256";
const KEY_TYPE: &str = "sk-ecdsa-sha2-nistp256@openssh.com";
const SIGNATURE_TYPE: &str = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
const CURVE: &str = "nistp256";
/// The width `ssh-keygen` writes.
const ARMOR_LINE: usize = 70;
/// authenticatorData up to the extensions: RP id hash, flags, counter (WebAuthn L3 6.1).
const AUTHENTICATOR_DATA_MIN: usize = 37;
const RP_ID_HASH_LEN: usize = 32;
const FLAG_EXTENSIONS: u8 = 0x80;
/// Far above any real assertion; bounds what [`export`] copies.
const PART_MAX_LEN: usize = 64 * 1024;

/// What a signature of a person means. Every assertion is made under exactly one of these, so
/// that no signature can be taken for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespace {
    /// An approval document.
    Approve,
    /// A denial document.
    Deny,
    /// Proof that the person enrolling holds the new key.
    EnrolPossess,
    /// Authorisation of an enrolment by somebody already enrolled.
    EnrolAuthorise,
    /// The revocation of a credential.
    Revoke,
    /// The grant or removal of a role.
    Role,
    /// A change of policy.
    Policy,
    /// The erasure of a body.
    Erase,
    /// The announcement of a new key for somebody who lost theirs.
    Recover,
    /// Sign-in to the service; evidence of nothing else.
    Signin,
}

impl Namespace {
    /// All namespaces.
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Deny,
        Self::EnrolPossess,
        Self::EnrolAuthorise,
        Self::Revoke,
        Self::Role,
        Self::Policy,
        Self::Erase,
        Self::Recover,
        Self::Signin,
    ];

    /// The namespace as it is signed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "placet-approve-v1",
            Self::Deny => "placet-deny-v1",
            Self::EnrolPossess => "placet-enrol-possess-v1",
            Self::EnrolAuthorise => "placet-enrol-authorise-v1",
            Self::Revoke => "placet-revoke-v1",
            Self::Role => "placet-role-v1",
            Self::Policy => "placet-policy-v1",
            Self::Erase => "placet-erase-v1",
            Self::Recover => "placet-recover-v1",
            Self::Signin => "placet-signin-v1",
        }
    }

    /// Reads [`Namespace::as_str`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|namespace| namespace.as_str() == name)
    }
}

/// The WebAuthn challenge for `document`: the SSHSIG signed-data blob
/// `"SSHSIG" ‖ str(namespace) ‖ str("") ‖ str("sha256") ‖ str(SHA-256(document))`.
#[must_use]
pub fn challenge(namespace: Namespace, document: &[u8]) -> Vec<u8> {
    challenge_for_digest(namespace, &Sha256::digest(document).into())
}

/// [`challenge`] where only the SHA-256 of the document is at hand.
#[must_use]
pub fn challenge_for_digest(namespace: Namespace, document_sha256: &[u8; 32]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for part in [namespace.as_str().as_bytes(), b"", HASH.as_bytes(), document_sha256] {
        string(&mut out, part);
    }
    out
}

/// A WebAuthn assertion as the client returned it.
#[derive(Debug, Clone, Copy)]
pub struct WebauthnAssertion<'a> {
    /// authenticatorData.
    pub authenticator_data: &'a [u8],
    /// clientDataJSON, byte for byte.
    pub client_data_json: &'a [u8],
    /// The signature, for ES256 DER `Ecdsa-Sig-Value`.
    pub signature: &'a [u8],
}

/// Why an assertion has no form that `ssh-keygen` verifies. The assertion itself may be good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SshsigError {
    /// OpenSSH knows WebAuthn signatures of ES256 keys only.
    #[error("OpenSSH has no WebAuthn signature type for {0} keys")]
    UnsupportedAlgorithm(&'static str),
    /// OpenSSH demands `{"type":"webauthn.get","challenge":…,"origin":…` in this order.
    #[error("clientDataJSON does not begin with type, challenge and origin as OpenSSH demands")]
    ClientDataOrder,
    /// authenticatorData is shorter than 37 bytes, too long, or its extension flag is wrong.
    #[error("authenticatorData can't be exported")]
    AuthenticatorData,
    /// The signature is not strict DER.
    #[error("signature: {0}")]
    Signature(#[from] ecdsa_sig::EcdsaSigError),
    /// A principal that allowed_signers would read as a pattern, a list or two words.
    #[error("principal {0:?} has characters with a meaning in allowed_signers")]
    Principal(String),
    /// An RP id that an SSH key can't carry.
    #[error("RP id is empty or too long")]
    RpId,
}

impl SshsigError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedAlgorithm(_) => "ssh.unsupported_alg",
            Self::ClientDataOrder => "ssh.client_data_order",
            Self::AuthenticatorData => "ssh.authenticator_data",
            Self::Signature(_) => "ssh.signature",
            Self::Principal(_) => "ssh.principal",
            Self::RpId => "ssh.rp_id",
        }
    }
}

/// Whether clientDataJSON has the one beginning that OpenSSH accepts for `challenge` and `origin`.
#[must_use]
pub fn is_exportable(client_data_json: &[u8], challenge: &[u8], origin: &str) -> bool {
    // OpenSSH refuses origins with a quote; a backslash would begin an escape that it doesn't read.
    !origin.contains(['"', '\\'])
        && client_data_json.starts_with(&client_data_prefix(challenge, origin))
}

/// Re-wraps an assertion over `challenge(namespace, document)` as an armored SSH signature of type
/// `webauthn-sk-ecdsa-sha2-nistp256@openssh.com`. Nothing is verified here.
///
/// `origin` is the one that clientDataJSON states.
///
/// # Errors
/// [`SshsigError`] where OpenSSH has no form for this assertion.
pub fn export(
    namespace: Namespace,
    document_sha256: &[u8; 32],
    key: &PublicKey,
    rp_id: &str,
    origin: &str,
    assertion: &WebauthnAssertion<'_>,
) -> Result<String, SshsigError> {
    let public_key = public_key_blob(key, rp_id)?;
    let challenge = challenge_for_digest(namespace, document_sha256);
    let client_data = assertion.client_data_json;
    if client_data.len() > PART_MAX_LEN || !is_exportable(client_data, &challenge, origin) {
        return Err(SshsigError::ClientDataOrder);
    }
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&VERSION.to_be_bytes());
    string(&mut blob, &public_key);
    string(&mut blob, namespace.as_str().as_bytes());
    string(&mut blob, b"");
    string(&mut blob, HASH.as_bytes());
    string(&mut blob, &signature_blob(origin, assertion)?);
    let text = crate::spki::lines(&STANDARD.encode(blob), ARMOR_LINE);
    Ok(format!("-----BEGIN SSH SIGNATURE-----\n{text}-----END SSH SIGNATURE-----\n"))
}

/// The key as a line of an `id_*.pub` file, without comment and line feed.
///
/// # Errors
/// `ssh.unsupported_alg` for keys that are not ES256, `ssh.rp_id`.
pub fn public_key_line(key: &PublicKey, rp_id: &str) -> Result<String, SshsigError> {
    Ok(format!("{KEY_TYPE} {}", STANDARD.encode(public_key_blob(key, rp_id)?)))
}

/// A line of an `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS), ending in a line feed.
/// The key then counts for `principal` and for these namespaces only.
///
/// # Errors
/// `ssh.unsupported_alg`, `ssh.rp_id`, and `ssh.principal` for an empty principal or one that
/// holds blanks, quotes, commas, patterns or a leading `#`.
pub fn allowed_signers_line(
    principal: &str,
    namespaces: &[Namespace],
    key: &PublicKey,
    rp_id: &str,
) -> Result<String, SshsigError> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | ',' | '*' | '?' | '!');
    if principal.is_empty() || principal.starts_with('#') || !principal.chars().all(plain) {
        return Err(SshsigError::Principal(principal.to_owned()));
    }
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.as_str()).collect();
    let key = public_key_line(key, rp_id)?;
    Ok(format!("{principal} namespaces=\"{}\" {key}\n", names.join(",")))
}

fn client_data_prefix(challenge: &[u8], origin: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    format!("{{\"type\":\"webauthn.get\",\"challenge\":\"{challenge}\",\"origin\":\"{origin}\"")
        .into_bytes()
}

fn public_key_blob(key: &PublicKey, rp_id: &str) -> Result<Vec<u8>, SshsigError> {
    let PublicKey::Es256 { x, y } = key else {
        return Err(SshsigError::UnsupportedAlgorithm(key.algorithm().name()));
    };
    if rp_id.is_empty() || rp_id.len() > PART_MAX_LEN {
        return Err(SshsigError::RpId);
    }
    let mut out = Vec::new();
    string(&mut out, KEY_TYPE.as_bytes());
    string(&mut out, CURVE.as_bytes());
    string(&mut out, &[&[0x04], &x[..], &y[..]].concat());
    string(&mut out, rp_id.as_bytes());
    Ok(out)
}

/// PROTOCOL.u2f, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" signatures.
fn signature_blob(origin: &str, assertion: &WebauthnAssertion<'_>) -> Result<Vec<u8>, SshsigError> {
    let data = assertion.authenticator_data;
    let (fixed, extensions) =
        data.split_at_checked(AUTHENTICATOR_DATA_MIN).ok_or(SshsigError::AuthenticatorData)?;
    let flags_and_counter = fixed.get(RP_ID_HASH_LEN..).unwrap_or_default();
    let has_extensions = flags_and_counter.first().is_some_and(|f| f & FLAG_EXTENSIONS != 0);
    if data.len() > PART_MAX_LEN || has_extensions == extensions.is_empty() {
        return Err(SshsigError::AuthenticatorData);
    }
    let raw = ecdsa_sig::der_to_raw(assertion.signature)?;
    let mut numbers = Vec::new();
    for half in raw.chunks(raw.len() / 2) {
        string(&mut numbers, &ecdsa_sig::positive_integer(half));
    }
    let mut out = Vec::new();
    string(&mut out, SIGNATURE_TYPE.as_bytes());
    string(&mut out, &numbers);
    out.extend_from_slice(flags_and_counter);
    string(&mut out, origin.as_bytes());
    string(&mut out, assertion.client_data_json);
    string(&mut out, extensions);
    Ok(out)
}

/// RFC 4251 5 `string`. Every caller has bounded `bytes` far below 4 GiB.
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PublicKey = PublicKey::Es256 { x: [1; 32], y: [2; 32] };

    // SPEC.md R-4.3-1.
    #[test]
    fn challenge_is_the_signed_data_of_protocol_sshsig() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let want = [
            b"SSHSIG\x00\x00\x00\x11placet-approve-v1\x00\x00\x00\x00".to_vec(),
            b"\x00\x00\x00\x06sha256\x00\x00\x00\x20".to_vec(),
            hex::decode(digest).unwrap(),
        ]
        .concat();
        assert_eq!(challenge(Namespace::Approve, b"abc"), want);
    }

    #[test]
    fn namespaces_are_distinct_and_readable() {
        for (i, a) in Namespace::ALL.into_iter().enumerate() {
            assert_eq!(Namespace::from_name(a.as_str()), Some(a));
            assert!(Namespace::ALL.into_iter().skip(i + 1).all(|b| b.as_str() != a.as_str()));
        }
        assert_eq!(Namespace::from_name("placet-approve-v2"), None);
    }

    #[test]
    fn export_says_why_not() {
        let digest = [7; 32];
        let challenge = challenge_for_digest(Namespace::Deny, &digest);
        let good = client_data_prefix(&challenge, "https://a.example");
        let mut data = [0; 37];
        data[32] = 5;
        let signature = ecdsa_sig::raw_to_der(&[9; 64]);
        let attempt = |key: &PublicKey, origin: &str, data: &[u8], json: &[u8], sig: &[u8]| {
            let assertion = WebauthnAssertion {
                authenticator_data: data,
                client_data_json: json,
                signature: sig,
            };
            export(Namespace::Deny, &digest, key, "a.example", origin, &assertion)
                .map_err(|e| e.code())
        };
        let origin = "https://a.example";
        let rsa = PublicKey::Rs256 { n: vec![0xff; 256], e: vec![1, 0, 1] };
        assert!(attempt(&KEY, origin, &data, &good, &signature).is_ok());
        let err = Err("ssh.unsupported_alg");
        assert_eq!(attempt(&rsa, origin, &data, &good, &signature), err);
        let err = Err("ssh.client_data_order");
        assert_eq!(attempt(&KEY, origin, &data, &good[1..], &signature), err);
        assert_eq!(attempt(&KEY, "https://b.example", &data, &good, &signature), err);
        let err = Err("ssh.authenticator_data");
        assert_eq!(attempt(&KEY, origin, &data[1..], &good, &signature), err);
        assert_eq!(attempt(&KEY, origin, &[0x80; 37], &good, &signature), err);
        let err = Err("ssh.signature");
        assert_eq!(attempt(&KEY, origin, &data, &good, &signature[1..]), err);
    }

    #[test]
    fn allowed_signers_refuses_what_would_widen_the_line() {
        let line = |p: &str| allowed_signers_line(p, &[Namespace::Approve], &KEY, "a.example");
        let good = line("alice@example.org").unwrap();
        assert!(good.starts_with("alice@example.org namespaces=\"placet-approve-v1\" sk-ecdsa-"));
        for bad in ["", "*", "a b", "a,b", "a\nb", "!a", "\"a", "#a", "a?"] {
            assert_eq!(line(bad).map_err(|e| e.code()), Err("ssh.principal"), "{bad:?}");
        }
    }
}
