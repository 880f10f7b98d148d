//! Attestations against the vectors of WebAuthn L3, and what each rule of section 8 refuses.

use placet_proto::cbor::{MapWriter, Reader, Writer};
use serde_json::Value;

use super::*;

/// One registration of the W3C vectors, with the parts that the tests change.
#[derive(Clone)]
struct Made {
    fmt: String,
    statement: Vec<(String, Member)>,
    auth_data: Vec<u8>,
    client_data_hash: [u8; 32],
}

#[derive(Clone, Debug, PartialEq)]
enum Member {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Vec<u8>>),
}

fn file() -> Value {
    let file = include_str!("../../../vectors/w3c-webauthn-l3-vectors.json");
    serde_json::from_str(file).unwrap()
}

fn root() -> Vec<u8> {
    hex::decode(file()["attestation_ca_cert"].as_str().unwrap()).unwrap()
}

fn roots() -> AttestationRoots {
    AttestationRoots::parse([root()]).unwrap()
}

fn made(name: &str) -> Made {
    let file = file();
    let vector = file["vectors"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap();
    let bytes = |field: &str| hex::decode(vector["reg"][field].as_str().unwrap()).unwrap();
    let object = bytes("attestationObject");
    let object = AttestationObject::parse(&object).unwrap();
    let mut reader = Reader::new(object.statement).unwrap();
    let mut statement = Vec::new();
    for _ in 0..reader.map().unwrap() {
        let placet_proto::cbor::Key::Text(name) = reader.key().unwrap() else { panic!("a name") };
        let member = match name {
            "alg" => Member::Int(reader.int().unwrap()),
            "ver" => Member::Text(reader.text().unwrap().to_owned()),
            "x5c" => {
                let count = reader.array(8).unwrap();
                Member::List((0..count).map(|_| reader.bytes().unwrap().to_vec()).collect())
            }
            _ => Member::Bytes(reader.bytes().unwrap().to_vec()),
        };
        statement.push((name.to_owned(), member));
    }
    Made {
        fmt: object.fmt.to_owned(),
        statement,
        auth_data: object.authenticator_data_bytes.to_vec(),
        client_data_hash: Sha256::digest(bytes("clientDataJSON")).into(),
    }
}

impl Made {
    fn member(&mut self, name: &str) -> &mut Member {
        &mut self.statement.iter_mut().find(|(n, _)| n == name).unwrap().1
    }

    fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        match self.member(name) {
            Member::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    fn x5c(&mut self) -> &mut Vec<Vec<u8>> {
        match self.member("x5c") {
            Member::List(list) => list,
            other => panic!("{other:?}"),
        }
    }

    fn object(&self) -> Vec<u8> {
        let mut statement = MapWriter::new();
        for (name, member) in &self.statement {
            statement.text(name, |w| match member {
                Member::Int(n) => w.int(*n),
                Member::Text(t) => w.text(t),
                Member::Bytes(b) => w.bytes(b),
                Member::List(list) => {
                    w.array(list.len());
                    for item in list {
                        w.bytes(item);
                    }
                    w
                }
            });
        }
        let mut map = MapWriter::new();
        map.text("fmt", |w| w.text(&self.fmt)).text("authData", |w| w.bytes(&self.auth_data));
        map.text("attStmt", |w| w.map(statement));
        let mut writer = Writer::new();
        writer.map(map);
        writer.into_bytes()
    }

    fn judge(&self, roots: &AttestationRoots) -> Result<Attestation, &'static str> {
        let object = self.object();
        let object = AttestationObject::parse(&object).unwrap();
        let key = crypto::parse_cose_key(object.credential.cose_key).unwrap();
        verify_statement(&object, &key, &self.client_data_hash, roots)
    }
}

fn certified(attestation: &Attestation) -> &Certified {
    match attestation {
        Attestation::Certified(certified) => certified,
        other => panic!("{other:?}"),
    }
}

/// R-9.9-3: every format with certificates, with the root and without.
#[test]
fn each_format_ends_at_the_pinned_root() {
    for name in [
        "packed-es256",
        "packed-rs256",
        "packed-eddsa",
        "tpm-es256",
        "android-key-es256",
        "apple-es256",
        "fido-u2f-es256",
    ] {
        let judged = made(name).judge(&roots()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = certified(&judged);
        assert_eq!(found.root, Some(Sha256::digest(root()).into()), "{name}");
        // The vector's Android key is described as one of software.
        assert_eq!(judged.is_hardware(), name != "android-key-es256", "{name}");
        assert_eq!(found.not_before.to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(found.not_after.to_string(), "3024-01-01T00:00:00Z");
        let without = made(name).judge(&AttestationRoots::default()).unwrap();
        assert_eq!(certified(&without).root, None, "{name}");
        assert!(!without.is_hardware(), "{name}");
    }
    for name in ["none-es256", "packed-self-es256"] {
        assert!(!made(name).judge(&roots()).unwrap().is_hardware(), "{name}");
    }
}

/// R-9.9-3: nothing that is signed may change, in any format.
#[test]
fn a_changed_statement_shows_nothing() {
    for name in ["packed-es256", "tpm-es256", "android-key-es256", "apple-es256", "fido-u2f-es256"]
    {
        let good = made(name);
        let mut other_client = good.clone();
        other_client.client_data_hash[0] ^= 1;
        let mut other_rp = good.clone();
        other_rp.auth_data[0] ^= 1;
        let mut cases = vec![other_client, other_rp];
        if name != "apple-es256" {
            let mut other_signature = good.clone();
            let last = other_signature.bytes("sig").len() - 1;
            other_signature.bytes("sig")[last] ^= 1;
            let mut no_signature = good.clone();
            no_signature.statement.retain(|(n, _)| n != "sig");
            cases.extend([other_signature, no_signature]);
        }
        let mut other_leaf = good.clone();
        *other_leaf.x5c() = made("packed-es384").x5c().clone();
        let mut more = good.clone();
        more.statement.push(("more".to_owned(), Member::Int(1)));
        let mut no_certificate = good.clone();
        no_certificate.x5c().clear();
        cases.extend([other_leaf, more, no_certificate]);
        for (i, case) in cases.iter().enumerate() {
            assert!(case.judge(&roots()).is_err(), "{name} {i}");
        }
        // A byte of the leaf: its own signature then fails, or what it says is another's.
        let mut leaf = good.clone();
        for at in 0..good.clone().x5c()[0].len() {
            leaf.x5c()[0][at] ^= 1;
            let judged = leaf.judge(&roots());
            assert!(!judged.is_ok_and(|j| j.is_hardware()), "{name} byte {at}");
            leaf.x5c()[0][at] ^= 1;
        }
    }
}

#[test]
fn a_leaf_that_is_pinned_itself_needs_no_chain() {
    let leaf = made("packed-es256").x5c()[0].clone();
    let pinned = AttestationRoots::parse([leaf.clone()]).unwrap();
    let judged = made("packed-es256").judge(&pinned).unwrap();
    assert_eq!(certified(&judged).root, Some(Sha256::digest(leaf).into()));
}

/// R-9.9-7.
#[test]
fn a_chain_that_is_sound_and_ends_elsewhere_is_told_from_a_broken_one() {
    let mut with_root = made("packed-es256");
    with_root.x5c().push(root());
    assert!(with_root.judge(&roots()).unwrap().is_hardware());
    let other = AttestationRoots::parse([made("tpm-es256").x5c()[0].clone()]).unwrap();
    assert_eq!(certified(&with_root.judge(&other).unwrap()).root, None);
    let mut broken = made("packed-es256");
    broken.x5c().push(made("tpm-es256").x5c()[0].clone());
    assert!(broken.judge(&other).is_err());
}

#[test]
fn what_is_not_judged_keeps_its_name_and_shows_nothing() {
    let mut unknown = made("packed-es256");
    unknown.fmt = "android-safetynet".to_owned();
    assert!(matches!(unknown.judge(&roots()), Ok(Attestation::Unjudged(_))));
    let mut sha1 = made("tpm-es256");
    *sha1.member("alg") = Member::Int(-65535);
    assert!(matches!(sha1.judge(&roots()), Ok(Attestation::Unjudged(_))));
    let mut version = made("tpm-es256");
    *version.member("ver") = Member::Text("1.2".to_owned());
    assert!(matches!(version.judge(&roots()), Ok(Attestation::Unjudged(_))));
    let mut alg = made("packed-es256");
    *alg.member("alg") = Member::Int(-257);
    assert!(alg.judge(&roots()).is_err());
}

#[test]
fn roots_are_certificates_and_few() {
    for bad in [vec![], vec![0x30, 0], root()[1..].to_vec()] {
        let refused = AttestationRoots::parse([root(), bad]).unwrap_err();
        assert_eq!(
            (refused.code(), &refused),
            ("trust.attestation_root", &RootError::Certificate(1))
        );
    }
    let many = AttestationRoots::parse(std::iter::repeat_n(root(), 257));
    assert_eq!(many, Err(RootError::Count));
}

/// R-9.9-6.
#[test]
fn hardware_is_a_class_only_of_what_can_not_be_copied() {
    let hardware = made("packed-es256").judge(&roots()).unwrap();
    let class = |be, software| AuthenticatorClass::judged(be, software, &hardware).as_str();
    assert_eq!(class(false, false), "attested-hardware");
    assert_eq!(class(true, false), "synced-or-unknown");
    assert_eq!(class(false, true), "software");
    let none = Attestation::None;
    assert_eq!(AuthenticatorClass::judged(false, false, &none).as_str(), "claimed-device-bound");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_makes_a_format_panic(
        name in proptest::sample::select(vec!["packed", "tpm", "android-key", "apple", "fido-u2f"]),
        part in 0_usize..8,
        at in 0_usize..1024,
        to in proptest::num::u8::ANY,
        cut in proptest::bool::ANY,
    ) {
        let mut changed = made(&format!("{name}-es256"));
        let part = part % changed.statement.len();
        let bytes = match &mut changed.statement[part].1 {
            Member::Bytes(bytes) => bytes,
            Member::List(list) => &mut list[0],
            _ => return Ok(()),
        };
        let at = at % bytes.len();
        bytes[at] = to;
        if cut {
            bytes.truncate(at);
        }
        let _ = changed.judge(&roots());
    }
}
