//! Registrations (WebAuthn L3 7.1) and what they say about where a key lives (`class` in SPEC.md
//! 4.5).
//!
//! A registration does not prove that anybody holds the private key: an enrolment also carries an
//! assertion by the new key.

use placet_proto::cbor::{self, Key};
use sha2::{Digest as _, Sha256};

use super::attestation::{self, Attestation, AttestationRoots};
use super::authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
use super::client_data;
use super::error::{Ceremony, Rule, WebauthnError};
use super::{AssertionPolicy, verify_authenticator_data};
use crate::crypto::{self, Algorithm, CryptoError, PublicKey};
use placet_proto::cose_key::CoseKeyError;

/// The longest attestationObject accepted, in bytes; TPM attestations take about six thousand.
const ATTESTATION_OBJECT_MAX_LEN: usize = 32 * 1024;
const CEREMONY: Ceremony = Ceremony::Registration;

/// What a service accepts as a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPolicy {
    /// RP ids, origins, UV and cross-origin use, as in assertions.
    pub accept: AssertionPolicy,
    /// The algorithms that were offered in `pubKeyCredParams`.
    pub algorithms: Vec<Algorithm>,
    /// Whether the client declared a software key to a development log.
    pub declared_software: bool,
    /// The roots that are pinned; without any, nothing is attested.
    pub attestation_roots: AttestationRoots,
}

/// What `navigator.credentials.create()` returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationResponse<'a> {
    /// attestationObject.
    pub attestation_object: &'a [u8],
    /// clientDataJSON.
    pub client_data_json: &'a [u8],
}

/// Where the key lives, as far as the evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthenticatorClass {
    /// Declared a software key; only a development log takes it.
    Software,
    /// BE = 1: a provider may copy the key to other devices.
    SyncedOrUnknown,
    /// BE = 0 in the authenticator's own word.
    ClaimedDeviceBound,
    /// BE = 0 and an attestation of hardware that ends at a pinned root.
    AttestedHardware,
}

impl AuthenticatorClass {
    /// The class that follows from a registration (SPEC.md 4.5).
    #[must_use]
    pub fn judged(
        backup_eligible: bool,
        declared_software: bool,
        attestation: &Attestation,
    ) -> Self {
        if attestation.is_hardware() && !backup_eligible && !declared_software {
            return Self::AttestedHardware;
        }
        Self::of(backup_eligible, declared_software)
    }

    /// The class that follows without an attestation.
    #[must_use]
    pub const fn of(backup_eligible: bool, declared_software: bool) -> Self {
        match (declared_software, backup_eligible) {
            (true, _) => Self::Software,
            (false, true) => Self::SyncedOrUnknown,
            (false, false) => Self::ClaimedDeviceBound,
        }
    }

    /// The name in an enrolment document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::SyncedOrUnknown => "synced-or-unknown",
            Self::ClaimedDeviceBound => "claimed-device-bound",
            Self::AttestedHardware => "attested-hardware",
        }
    }
}

/// What a verified registration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationFacts {
    /// The credential id, 1 to 1023 bytes. Whether it is new is for the caller to find out.
    pub credential_id: Vec<u8>,
    /// The public key, checked.
    pub public_key: PublicKey,
    /// BE, UV and the other flags; BE is to be recorded with the key.
    pub flags: Flags,
    /// The signature counter.
    pub sign_count: u32,
    /// The model of the authenticator, in its own word.
    pub aaguid: [u8; 16],
    /// The origin, in the client's word.
    pub origin: String,
    /// The RP id whose hash was signed.
    pub rp_id: String,
    /// The attestation statement format, such as `none` or `packed`.
    pub fmt: String,
    /// What became of the attestation statement.
    pub attestation: Attestation,
    /// Where the key lives, as far as this evidence goes.
    pub class: AuthenticatorClass,
    /// SHA-256 of attestationObject, for the enrolment document.
    pub attestation_object_sha256: [u8; 32],
    /// SHA-256 of clientDataJSON, likewise.
    pub client_data_sha256: [u8; 32],
}

/// attestationObject (WebAuthn L3 6.5.4), read strictly; who has only this, as the offline
/// verifier of an enrolment does, can compare its key, id and flags with the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationObject<'a> {
    /// The attestation statement format, at most 32 bytes.
    pub fmt: &'a str,
    /// The attestation statement: one deterministic CBOR map.
    pub statement: &'a [u8],
    /// authenticatorData as it stands.
    pub authenticator_data_bytes: &'a [u8],
    /// authenticatorData.
    pub authenticator_data: AuthenticatorData<'a>,
    /// The new credential.
    pub credential: AttestedCredential<'a>,
}

/// Verifies a registration over `expected_challenge` by WebAuthn L3 7.1. A chain of
/// certificates that ends at no pinned root, and a format that is not judged here, are no errors:
/// `attestation` says so, and what to make of it is the caller's.
///
/// # Errors
/// [`WebauthnError`] with a code `registration.…` for the rule, or the key's own code
/// (`alg.unsupported`, `key.…`).
pub fn verify_registration(
    policy: &RegistrationPolicy,
    expected_challenge: &[u8],
    response: &RegistrationResponse<'_>,
) -> Result<RegistrationFacts, WebauthnError> {
    let client = client_data::verify(
        response.client_data_json,
        &client_data::Expected {
            ceremony: CEREMONY,
            challenge: expected_challenge,
            origins: &policy.accept.origins,
            allow_cross_origin: policy.accept.allow_cross_origin,
            top_origins: &policy.accept.top_origins,
        },
    )?;
    let object = AttestationObject::parse(response.attestation_object)?;
    let data = &object.authenticator_data;
    let accept = &policy.accept;
    let rp_id = verify_authenticator_data(data, CEREMONY, &accept.rp_ids, accept.require_uv)?;
    let public_key = crypto::parse_cose_key(object.credential.cose_key)?;
    let algorithm = public_key.algorithm();
    if !policy.algorithms.contains(&algorithm) {
        let unsupported = CoseKeyError::UnsupportedAlgorithm(algorithm.cose_id());
        return Err(CryptoError::Key(unsupported).into());
    }
    let client_data_sha256: [u8; 32] = Sha256::digest(response.client_data_json).into();
    let attestation = attestation::verify_statement(
        &object,
        &public_key,
        &client_data_sha256,
        &policy.attestation_roots,
    )
    .map_err(|detail| CEREMONY.fails(Rule::AttestationStatement, detail))?;
    let class = AuthenticatorClass::judged(
        data.flags.backup_eligible(),
        policy.declared_software,
        &attestation,
    );
    Ok(RegistrationFacts {
        credential_id: object.credential.credential_id.to_vec(),
        public_key,
        flags: data.flags,
        sign_count: data.sign_count,
        aaguid: object.credential.aaguid,
        origin: client.origin,
        rp_id,
        fmt: object.fmt.to_owned(),
        attestation,
        class,
        attestation_object_sha256: Sha256::digest(response.attestation_object).into(),
        client_data_sha256,
    })
}

impl<'a> AttestationObject<'a> {
    /// Reads an attestationObject. What it says is not judged.
    ///
    /// # Errors
    /// `registration.attestation_object`, `registration.authenticator_data`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WebauthnError> {
        let fails = |detail| CEREMONY.fails(Rule::AttestationObject, detail);
        if bytes.len() > ATTESTATION_OBJECT_MAX_LEN {
            return Err(fails("too long"));
        }
        let (fmt, statement, data_bytes) =
            members(bytes).map_err(|_| fails("not one deterministic CBOR map"))?;
        let (Some(fmt), Some(statement), Some(data_bytes)) = (fmt, statement, data_bytes) else {
            return Err(fails("not the three members fmt, attStmt and authData"));
        };
        if fmt.is_empty() || fmt.len() > FMT_MAX_LEN {
            return Err(fails("fmt is empty or too long"));
        }
        let fails = |detail| CEREMONY.fails(Rule::AuthenticatorData, detail);
        let data = AuthenticatorData::parse(data_bytes).map_err(fails)?;
        let credential = data.attested.ok_or_else(|| fails("no attested credential data"))?;
        Ok(Self {
            fmt,
            statement,
            authenticator_data_bytes: data_bytes,
            authenticator_data: data,
            credential,
        })
    }
}

/// The IANA registry of WebAuthn attestation statement formats allows no longer names.
const FMT_MAX_LEN: usize = 32;

type Members<'a> = (Option<&'a str>, Option<&'a [u8]>, Option<&'a [u8]>);

/// `fmt`, the map `attStmt` and the bytes of `authData`; `None` for what is missing.
fn members(bytes: &[u8]) -> Result<Members<'_>, cbor::CborError> {
    let mut reader = cbor::Reader::new(bytes)?;
    let (mut fmt, mut statement, mut data) = (None, None, None);
    for _ in 0..reader.map()? {
        let at = reader.offset();
        match reader.key()? {
            Key::Text("fmt") => fmt = Some(reader.text()?),
            Key::Text("attStmt") => {
                let item = reader.raw()?;
                cbor::Reader::new(item)?.map()?;
                statement = Some(item);
            }
            Key::Text("authData") => data = Some(reader.bytes()?),
            _ => return Err(cbor::CborError::Count(at)),
        }
    }
    Ok((fmt, statement, data))
}
