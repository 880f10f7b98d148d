//! Passkeys that sign fast, so that what is prepared takes less time than what is measured.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use placet_proto::cbor::{MapWriter, Writer};
use placet_proto::cose_key::PublicKey;
use placet_softkey::{AAGUID, client_data_json, flags};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// The relying party of every ledger that is measured.
pub const RP_ID: &str = "localhost";

/// An ES256 credential of [`RP_ID`], in memory only. It makes what Chromium would make.
pub struct Passkey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    credential: Vec<u8>,
}

/// What `navigator.credentials.get()` returns.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// authenticatorData.
    pub authenticator_data: Vec<u8>,
    /// clientDataJSON.
    pub client_data_json: Vec<u8>,
    /// DER `Ecdsa-Sig-Value`.
    pub signature: Vec<u8>,
}

impl Passkey {
    /// A random credential.
    ///
    /// # Errors
    /// `bench.failed` without random bytes.
    pub fn generate() -> Result<Self, Error> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(Error::failed)?;
        let point = pair.public_key().as_ref();
        let part = |range| point.get(range).and_then(|part: &[u8]| part.try_into().ok());
        let (Some(x), Some(y)) = (part(1..33), part(33..65)) else {
            return Err(Error::failed("a P-256 key has two coordinates"));
        };
        let public = PublicKey::Es256 { x, y };
        let credential = Sha256::digest(public.thumbprint()).to_vec();
        Ok(Self { pair, public, credential })
    }

    /// The credential id, 32 bytes.
    pub fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// The public key, uncompressed (SEC 1 2.3.3).
    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// attestationObject (attestation `none`) and clientDataJSON of its registration.
    pub fn register(&self, challenge: &[u8], origin: &str) -> (Vec<u8>, Vec<u8>) {
        let mut data = authenticator_data(flags::UP | flags::UV | flags::AT);
        data.extend_from_slice(&AAGUID);
        data.extend_from_slice(&(self.credential.len() as u16).to_be_bytes());
        data.extend_from_slice(&self.credential);
        data.extend_from_slice(&self.public.to_cose());
        let mut map = MapWriter::new();
        map.text("fmt", |w| w.text("none"));
        map.text("attStmt", |w| w.map(MapWriter::new()));
        map.text("authData", |w| w.bytes(&data));
        let mut writer = Writer::new();
        writer.map(map);
        (writer.into_bytes(), client_data_json("webauthn.create", challenge, origin))
    }

    /// Signs a challenge, with user presence and verification.
    ///
    /// # Errors
    /// `bench.failed` when the key can't sign.
    pub fn assert(&self, challenge: &[u8], origin: &str) -> Result<Assertion, Error> {
        let authenticator_data = authenticator_data(flags::UP | flags::UV);
        let client_data_json = client_data_json("webauthn.get", challenge, origin);
        let message = signed_bytes(&authenticator_data, &client_data_json);
        let signature = self.pair.sign(&SystemRandom::new(), &message).map_err(Error::failed)?;
        let signature = signature.as_ref().to_vec();
        Ok(Assertion { authenticator_data, client_data_json, signature })
    }
}

/// What an authenticator signs (WebAuthn L3 6.3.3).
pub fn signed_bytes(authenticator_data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
    [authenticator_data, &Sha256::digest(client_data_json)].concat()
}

/// The counter stays 0, as that of synchronised passkeys does.
fn authenticator_data(flags: u8) -> Vec<u8> {
    let mut data = Sha256::digest(RP_ID).to_vec();
    data.push(flags);
    data.extend_from_slice(&[0; 4]);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_accepts_its_signatures() {
        let key = Passkey::generate().unwrap();
        let made = key.assert(b"challenge", "cli://localhost").unwrap();
        let message = signed_bytes(&made.authenticator_data, &made.client_data_json);
        placet_verifier::crypto::verify_webauthn(&key.public, &message, &made.signature).unwrap();
    }
}
