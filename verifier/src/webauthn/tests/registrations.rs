use placet_proto::cbor::{MapWriter, Writer};

use super::*;

fn policy() -> RegistrationPolicy {
    RegistrationPolicy {
        accept: super::policy(),
        algorithms: vec![Algorithm::Es256],
        declared_software: false,
        attestation_roots: AttestationRoots::default(),
    }
}

fn code(policy: &RegistrationPolicy, registration: &placet_softkey::Registration) -> String {
    verify(policy, registration).unwrap_err().code().to_owned()
}

fn verify(
    policy: &RegistrationPolicy,
    registration: &placet_softkey::Registration,
) -> Result<RegistrationFacts, WebauthnError> {
    let response = RegistrationResponse {
        attestation_object: &registration.attestation_object,
        client_data_json: &registration.client_data_json,
    };
    verify_registration(policy, b"challenge", &response)
}

fn object(members: impl FnOnce(&mut MapWriter)) -> Vec<u8> {
    let mut map = MapWriter::new();
    members(&mut map);
    let mut writer = Writer::new();
    writer.map(map);
    writer.into_bytes()
}

#[test]
fn facts_and_classes() {
    let (soft, key) = soft_key();
    let facts = verify(&policy(), &soft.register(b"challenge", ORIGIN)).unwrap();
    assert_eq!(facts.credential_id, soft.credential_id());
    assert_eq!(facts.public_key, key.public_key);
    assert_eq!(facts.aaguid, placet_softkey::AAGUID);
    assert_eq!((facts.fmt.as_str(), facts.attestation), ("none", Attestation::None));
    assert_eq!(facts.class.as_str(), "claimed-device-bound");
    let synced = soft.register_with(b"challenge", ORIGIN, &Behaviour::synced());
    assert_eq!(verify(&policy(), &synced).unwrap().class.as_str(), "synced-or-unknown");
    let declared = RegistrationPolicy { declared_software: true, ..policy() };
    assert_eq!(verify(&declared, &synced).unwrap().class.as_str(), "software");
}

#[test]
fn each_rule_has_its_code() {
    let (soft, _) = soft_key();
    let with = |behaviour| soft.register_with(b"challenge", ORIGIN, &behaviour);
    let assertion_json = placet_softkey::client_data_json("webauthn.get", b"challenge", ORIGIN);
    let wrong_type = Behaviour { client_data_json: Some(assertion_json), ..Behaviour::default() };
    let trailing = Behaviour { after_authenticator_data: vec![0], ..Behaviour::default() };
    let other_origin = soft.register(b"challenge", "https://evil.example");
    let cases = [
        (with(Behaviour::without_user_presence()), "registration.up"),
        (with(Behaviour::without_user_verification()), "registration.uv"),
        (with(Behaviour::other_rp_id("evil.example")), "registration.rp_id"),
        (with(wrong_type), "registration.type"),
        (with(trailing), "cbor.trailing"),
        (other_origin, "registration.origin"),
        (soft.register(b"other", ORIGIN), "registration.challenge"),
    ];
    for (registration, want) in cases {
        assert_eq!(code(&policy(), &registration), want);
    }
    let rsa_only = RegistrationPolicy { algorithms: vec![Algorithm::Rs256], ..policy() };
    assert_eq!(code(&rsa_only, &soft.register(b"challenge", ORIGIN)), "alg.unsupported");
}

#[test]
fn attestation_objects_are_read_strictly() {
    let (soft, _) = soft_key();
    let good = soft.register(b"challenge", ORIGIN);
    let parsed = AttestationObject::parse(&good.attestation_object).unwrap();
    let data = parsed.authenticator_data_bytes;
    let empty = |w: &mut MapWriter| {
        w.text("attStmt", |w| w.map(MapWriter::new()));
    };
    let without_data = object(|m| {
        m.text("fmt", |w| w.text("none"));
        empty(m);
    });
    let extra = object(|m| {
        m.text("fmt", |w| w.text("none")).text("authData", |w| w.bytes(data));
        m.text("more", |w| w.uint(1));
        empty(m);
    });
    let bad_statement = object(|m| {
        m.text("fmt", |w| w.text("none")).text("authData", |w| w.bytes(data));
        m.text("attStmt", |w| w.array(0));
    });
    let mut truncated = good.attestation_object.clone();
    truncated.pop();
    for bytes in [without_data, extra, bad_statement, truncated, vec![0; 40_000]] {
        let registration =
            placet_softkey::Registration { attestation_object: bytes, ..good.clone() };
        assert_eq!(code(&policy(), &registration), "registration.attestation_object");
    }
}

#[test]
fn self_attestation_is_verified() {
    let (soft, _) = soft_key();
    let good = soft.register(b"challenge", ORIGIN);
    let parsed = AttestationObject::parse(&good.attestation_object).unwrap();
    let data = parsed.authenticator_data_bytes;
    let signature = soft.sign(data, &good.client_data_json, placet_softkey::S::AsSigned);
    let packed = |alg: i64, signature: &[u8]| placet_softkey::Registration {
        attestation_object: object(|m| {
            let mut statement = MapWriter::new();
            statement.text("alg", |w| w.int(alg)).text("sig", |w| w.bytes(signature));
            m.text("fmt", |w| w.text("packed")).text("authData", |w| w.bytes(data));
            m.text("attStmt", |w| w.map(statement));
        }),
        ..good.clone()
    };
    let facts = verify(&policy(), &packed(-7, &signature)).unwrap();
    assert_eq!(facts.attestation, Attestation::SelfSigned);
    let refused = "registration.attestation_statement";
    assert_eq!(code(&policy(), &packed(-257, &signature)), refused);
    let mut wrong = signature.clone();
    wrong[10] ^= 1;
    assert_eq!(code(&policy(), &packed(-7, &wrong)), refused);
}

#[test]
fn extensions_after_the_key_are_told_apart_from_it() {
    let (soft, _) = soft_key();
    let behaviour = Behaviour {
        flags: flags::UP | flags::UV | flags::ED,
        after_authenticator_data: b"\xa1\x6bcredProtect\x02".to_vec(),
        ..Behaviour::default()
    };
    let registration = soft.register_with(b"challenge", ORIGIN, &behaviour);
    assert!(verify(&policy(), &registration).is_ok());
    let missing = Behaviour { after_authenticator_data: vec![], ..behaviour };
    let registration = soft.register_with(b"challenge", ORIGIN, &missing);
    assert_eq!(code(&policy(), &registration), "registration.authenticator_data");
}
