//! Attestations by a vendor of our own making: a root, an attestation key under it, and `packed`
//! statements over software passkeys, as a security key would make them.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use placet_proto::cbor::{MapWriter, Writer};
use placet_proto::cose_key::PublicKey;
use placet_proto::spki;
use placet_proto::statement::Attestation;
use placet_softkey::{AAGUID, Behaviour, SoftKey};

use crate::ledger::ORIGIN;

const ECDSA_SHA256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
const COUNTRY: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x06];
const ORGANIZATION: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0a];
const UNIT: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x0b];
const BASIC_CONSTRAINTS: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x13];
const FIDO_AAGUID: [u8; 13] =
    [0x06, 0x0b, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04];

/// A vendor of authenticators.
#[derive(Debug)]
pub struct Vendor {
    root_key: SigningKey,
    leaf_key: SigningKey,
    name: &'static str,
    /// The AAGUID that certificates name.
    pub aaguid: [u8; 16],
    /// From when on certificates are valid: UTCTime.
    pub not_before: &'static str,
}

impl Vendor {
    /// A vendor whose certificates are valid from 2024 to 2049, all derived from the name.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        let key = |what: &str| {
            let seed = placet_proto::sha256(format!("{what} of {name}").as_bytes());
            SigningKey::from_slice(&seed).expect("a scalar")
        };
        let (root_key, leaf_key) = (key("root"), key("attestation key"));
        Self { root_key, leaf_key, name, aaguid: AAGUID, not_before: "240101000000Z" }
    }

    /// The root certificate, DER.
    #[must_use]
    pub fn root(&self) -> Vec<u8> {
        let ca = extension(&BASIC_CONSTRAINTS, true, &tlv(0x30, &[&[0x01, 0x01, 0xff]]));
        self.certificate(&self.name_of("Root"), &self.root_key, &[&ca])
    }

    /// The attestation key's certificate, DER.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        let no_ca = extension(&BASIC_CONSTRAINTS, true, &tlv(0x30, &[]));
        let aaguid = extension(&FIDO_AAGUID, false, &tlv(0x04, &[&self.aaguid]));
        let subject = self.name_of("Authenticator Attestation");
        self.certificate(&subject, &self.leaf_key, &[&no_ca, &aaguid])
    }

    /// A registration that the vendor attests.
    #[must_use]
    pub fn attest(&self, key: &SoftKey) -> Attestation {
        self.attest_with(key, &Behaviour::default())
    }

    /// A registration of any behaviour that the vendor attests.
    #[must_use]
    pub fn attest_with(&self, key: &SoftKey, behaviour: &Behaviour) -> Attestation {
        self.statement(&self.leaf_key, key, behaviour, |_| ())
    }

    /// A registration whose authenticatorData is changed before it is attested.
    #[must_use]
    pub fn attest_edited(&self, key: &SoftKey, edit: impl FnOnce(&mut Vec<u8>)) -> Attestation {
        self.statement(&self.leaf_key, key, &Behaviour::default(), edit)
    }

    /// A registration that a stranger's attestation key signs, under this vendor's certificate.
    #[must_use]
    pub fn attest_as(&self, stranger: &Self, key: &SoftKey) -> Attestation {
        self.statement(&stranger.leaf_key, key, &Behaviour::default(), |_| ())
    }

    fn statement(
        &self,
        by: &SigningKey,
        key: &SoftKey,
        behaviour: &Behaviour,
        edit: impl FnOnce(&mut Vec<u8>),
    ) -> Attestation {
        let made = key.register_with(b"registration challenge", ORIGIN, behaviour);
        let mut data = auth_data(&made.attestation_object).to_vec();
        edit(&mut data);
        let hash = placet_proto::sha256(&made.client_data_json);
        let signature: Signature = by.sign(&[&data[..], &hash].concat());
        let mut statement = MapWriter::new();
        statement
            .text("alg", |w| w.int(-7))
            .text("sig", |w| w.bytes(signature.to_der().as_bytes()))
            .text("x5c", |w| w.array(1).bytes(&self.leaf()));
        let mut map = MapWriter::new();
        map.text("fmt", |w| w.text("packed"))
            .text("attStmt", |w| w.map(statement))
            .text("authData", |w| w.bytes(&data));
        let mut writer = Writer::new();
        writer.map(map);
        Attestation { object: writer.into_bytes(), client_data_json: made.client_data_json }
    }

    fn name_of(&self, unit: &str) -> Vec<u8> {
        let attribute = |kind: &[u8], tag: u8, text: &str| {
            tlv(0x31, &[&tlv(0x30, &[kind, &tlv(tag, &[text.as_bytes()])])])
        };
        let parts = [
            attribute(&COUNTRY, 0x13, "AA"),
            attribute(&ORGANIZATION, 0x0c, self.name),
            attribute(&UNIT, 0x0c, unit),
            attribute(&COMMON_NAME, 0x0c, self.name),
        ];
        tlv(0x30, &[&parts.concat()])
    }

    fn certificate(&self, subject: &[u8], key: &SigningKey, extensions: &[&[u8]]) -> Vec<u8> {
        let algorithm = tlv(0x30, &[&ECDSA_SHA256]);
        let times = [tlv(0x17, &[self.not_before.as_bytes()]), tlv(0x17, &[b"490101000000Z"])];
        let tbs = tlv(
            0x30,
            &[
                &[0xa0, 0x03, 0x02, 0x01, 0x02],
                &[0x02, 0x01, 0x01],
                &algorithm,
                &self.name_of("Root"),
                &tlv(0x30, &[&times.concat()]),
                subject,
                &spki::to_der(&public(key)),
                &tlv(0xa3, &[&tlv(0x30, extensions)]),
            ],
        );
        let signature: Signature = self.root_key.sign(&tbs);
        let signature = tlv(0x03, &[&[0], signature.to_der().as_bytes()]);
        tlv(0x30, &[&tbs, &algorithm, &signature])
    }
}

/// authData of an attestationObject.
fn auth_data(object: &[u8]) -> &[u8] {
    let mut reader = placet_proto::cbor::Reader::new(object).expect("an attestationObject");
    for _ in 0..reader.map().expect("a map") {
        if reader.key().expect("a key") == placet_proto::cbor::Key::Text("authData") {
            return reader.bytes().expect("bytes");
        }
        reader.skip().expect("a value");
    }
    &[]
}

fn public(key: &SigningKey) -> PublicKey {
    let point = key.verifying_key().to_sec1_point(false);
    let number = |at: usize| point.as_bytes()[at..at + 32].try_into().expect("32 bytes");
    PublicKey::Es256 { x: number(1), y: number(33) }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    tlv(0x30, &[id, critical, &tlv(0x04, &[value])])
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u16::try_from(body.len()).expect("a short item").to_be_bytes();
    let head = match (len, body.len()) {
        ([0, low], 0..=0x7f) => vec![tag, low],
        ([0, low], _) => vec![tag, 0x81, low],
        ([high, low], _) => vec![tag, 0x82, high, low],
    };
    [head, body].concat()
}
