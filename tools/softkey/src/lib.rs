//! A software passkey for tests, vectors and `demo --passkey software`.
//!
//! It is an authenticator and a client (browser) in one: it makes registrations and assertions
//! over any challenge, as Chromium would write them. Whoever can read its file can sign, nobody is
//! asked, and user verification is a flag that it sets itself: its signatures are evidence of
//! nothing. Keys made here are enrolled with class `software`, which only a development log takes.
//!
//! ```
//! use placet_softkey::SoftKey;
//! let mut key = SoftKey::from_seed(&[7; 32], "localhost");
//! let assertion = key.assert(b"challenge", "cli://localhost");
//! assert_eq!(assertion.authenticator_data.len(), 37);
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use placet_proto::cose_key::PublicKey;
use sha2::{Digest as _, Sha256};

mod behaviour;
mod file;
mod signer;

pub use behaviour::{Behaviour, S};
use signer::Signer;

/// The AAGUID of every software passkey: `placet-softkey`, padded with zeros.
pub const AAGUID: [u8; 16] = *b"placet-softkey\0\0";

/// Flags of authenticatorData (WebAuthn L3 6.1).
pub mod flags {
    /// User present.
    pub const UP: u8 = 0x01;
    /// User verified.
    pub const UV: u8 = 0x04;
    /// Backup eligible.
    pub const BE: u8 = 0x08;
    /// Backup state.
    pub const BS: u8 = 0x10;
    /// Attested credential data included.
    pub const AT: u8 = 0x40;
    /// Extension data included.
    pub const ED: u8 = 0x80;
}

/// Why a software passkey could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SoftKeyError {
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Others than its owner can read the file.
    #[error("{0}: others can read this key; chmod 600 it")]
    Permissions(String),
    /// The file is not one of ours.
    #[error("{0}: not a software passkey file")]
    Format(String),
    /// Only keys made from a seed can be stored.
    #[error("an RS256 software passkey can't be stored")]
    NotStorable,
}

impl SoftKeyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Random => "softkey.random",
            Self::Io { .. } => "softkey.io",
            Self::Permissions(_) => "softkey.permissions",
            Self::Format(_) => "softkey.format",
            Self::NotStorable => "softkey.not_storable",
        }
    }
}

/// What `navigator.credentials.create()` returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The credential id, 32 bytes.
    pub credential_id: Vec<u8>,
    /// attestationObject with attestation `none`.
    pub attestation_object: Vec<u8>,
    /// clientDataJSON.
    pub client_data_json: Vec<u8>,
}

/// What `navigator.credentials.get()` returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The credential id, 32 bytes.
    pub credential_id: Vec<u8>,
    /// authenticatorData.
    pub authenticator_data: Vec<u8>,
    /// clientDataJSON.
    pub client_data_json: Vec<u8>,
    /// DER `Ecdsa-Sig-Value` for ES256, the plain signature for RS256.
    pub signature: Vec<u8>,
}

/// A credential of one relying party.
#[derive(Debug)]
pub struct SoftKey {
    signer: Signer,
    credential_id: Vec<u8>,
    rp_id: String,
    sign_count: u32,
}

impl SoftKey {
    /// The ES256 credential that this seed and RP id always give; its signatures are deterministic
    /// too (RFC 6979).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32], rp_id: &str) -> Self {
        Self::with_signer(Signer::from_seed(seed, rp_id), rp_id)
    }

    /// A random ES256 credential.
    ///
    /// # Errors
    /// `softkey.random`.
    pub fn generate(rp_id: &str) -> Result<Self, SoftKeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| SoftKeyError::Random)?;
        Ok(Self::from_seed(&seed, rp_id))
    }

    /// A random 2048-bit RS256 credential, which can't be stored.
    ///
    /// # Errors
    /// `softkey.random`.
    #[cfg(feature = "rs256")]
    pub fn generate_rs256(rp_id: &str) -> Result<Self, SoftKeyError> {
        Ok(Self::with_signer(Signer::generate_rs256()?, rp_id))
    }

    /// The credential id, 32 bytes.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// The RP id that the credential belongs to.
    #[must_use]
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// How many assertions were made.
    #[must_use]
    pub fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Registers: UP and UV set, BE clear, attestation `none`.
    #[must_use]
    pub fn register(&self, challenge: &[u8], origin: &str) -> Registration {
        self.register_with(challenge, origin, &Behaviour::default())
    }

    /// Registers as `behaviour` says.
    #[must_use]
    pub fn register_with(
        &self,
        challenge: &[u8],
        origin: &str,
        behaviour: &Behaviour,
    ) -> Registration {
        let mut data = self.authenticator_data(behaviour.flags | flags::AT, behaviour);
        data.extend_from_slice(&AAGUID);
        let id_len = u16::try_from(self.credential_id.len()).unwrap_or(u16::MAX);
        data.extend_from_slice(&id_len.to_be_bytes());
        data.extend_from_slice(&self.credential_id);
        data.extend_from_slice(&self.public_key().to_cose());
        data.extend_from_slice(&behaviour.after_authenticator_data);
        Registration {
            credential_id: self.credential_id.clone(),
            attestation_object: attestation_object(&data),
            client_data_json: behaviour
                .client_data_json
                .clone()
                .unwrap_or_else(|| client_data_json("webauthn.create", challenge, origin)),
        }
    }

    /// Asserts: UP and UV set, BE clear, the counter one higher than before.
    #[must_use]
    pub fn assert(&mut self, challenge: &[u8], origin: &str) -> Assertion {
        self.assert_with(challenge, origin, &Behaviour::default())
    }

    /// Asserts as `behaviour` says. Whatever it says, the signature is a right one over the data
    /// returned, unless `behaviour` asks for another.
    #[must_use]
    pub fn assert_with(
        &mut self,
        challenge: &[u8],
        origin: &str,
        behaviour: &Behaviour,
    ) -> Assertion {
        self.sign_count = self.sign_count.saturating_add(1);
        let mut data = self.authenticator_data(behaviour.flags, behaviour);
        data.extend_from_slice(&behaviour.after_authenticator_data);
        let json = behaviour
            .client_data_json
            .clone()
            .unwrap_or_else(|| client_data_json("webauthn.get", challenge, origin));
        Assertion {
            credential_id: self.credential_id.clone(),
            signature: self.sign(&data, &json, behaviour.s),
            authenticator_data: data,
            client_data_json: json,
        }
    }

    /// The assertion signature over any authenticatorData and clientDataJSON.
    #[must_use]
    pub fn sign(&self, authenticator_data: &[u8], client_data_json: &[u8], s: S) -> Vec<u8> {
        let hash: [u8; 32] = Sha256::digest(client_data_json).into();
        self.signer.sign(&[authenticator_data, &hash].concat(), s)
    }

    fn with_signer(signer: Signer, rp_id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"placet-softkey/credential-id");
        hash.update(signer.public_key().thumbprint());
        hash.update(rp_id);
        Self {
            signer,
            credential_id: hash.finalize().to_vec(),
            rp_id: rp_id.to_owned(),
            sign_count: 0,
        }
    }

    fn authenticator_data(&self, flags: u8, behaviour: &Behaviour) -> Vec<u8> {
        let rp_id = behaviour.rp_id.as_ref().unwrap_or(&self.rp_id);
        let mut data = Sha256::digest(rp_id).to_vec();
        data.push(flags);
        let count = behaviour.sign_count.unwrap_or(self.sign_count);
        data.extend_from_slice(&count.to_be_bytes());
        data
    }
}

/// clientDataJSON as Chromium writes it (WebAuthn L3 5.8.1.1, limited verification order).
#[must_use]
pub fn client_data_json(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    format!(
        "{{\"type\":{},\"challenge\":{},\"origin\":{},\"crossOrigin\":false}}",
        ccd_to_string(kind),
        ccd_to_string(&challenge),
        ccd_to_string(origin)
    )
    .into_bytes()
}

/// CCDToString of WebAuthn L3 5.8.1.1.
fn ccd_to_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn attestation_object(authenticator_data: &[u8]) -> Vec<u8> {
    let mut map = placet_proto::cbor::MapWriter::new();
    map.text("fmt", |w| w.text("none"));
    map.text("attStmt", |w| w.map(placet_proto::cbor::MapWriter::new()));
    map.text("authData", |w| w.bytes(authenticator_data));
    let mut writer = placet_proto::cbor::Writer::new();
    writer.map(map);
    writer.into_bytes()
}
