//! The test vectors of Web Authentication Level 3, section 16.

use serde_json::Value;

use super::*;

/// Keys of algorithms that Placet does not offer: the verdict on them is INDETERMINATE.
const UNSUPPORTED: [&str; 3] = ["packed-es384", "packed-es512", "packed-ed448"];

fn hex_field(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Runs `check` for each vector with the policy that the vectors ask for.
fn each(check: impl Fn(&str, &Value, &AssertionPolicy)) {
    let file = include_str!("../../../vectors/w3c-webauthn-l3-vectors.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let policy = AssertionPolicy {
        rp_ids: vec![text("rp_id")],
        origins: vec![text("origin")],
        require_uv: false,
        allow_cross_origin: true,
        top_origins: vec![text("top_origin")],
    };
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 15);
    for vector in vectors {
        check(vector["name"].as_str().unwrap(), vector, &policy);
    }
}

#[test]
fn assertions() {
    each(|name, vector, policy| {
        let object = hex_field(&vector["reg"]["attestationObject"]);
        let object = AttestationObject::parse(&object).unwrap();
        let key = crypto::parse_cose_key(object.credential.cose_key);
        if UNSUPPORTED.contains(&name) {
            assert_eq!(key.unwrap_err().code(), "alg.unsupported", "{name}");
            return;
        }
        let backup_eligible = object.authenticator_data.flags.backup_eligible();
        let key = CredentialKey { public_key: key.unwrap(), backup_eligible };
        let [data, json, signature, challenge] =
            ["authenticatorData", "clientDataJSON", "signature", "challenge"]
                .map(|field| hex_field(&vector["auth"][field]));
        let assertion = Assertion {
            credential_id: object.credential.credential_id,
            authenticator_data: &data,
            client_data_json: &json,
            signature: &signature,
        };
        let facts = verify_assertion(policy, &challenge, &key, &assertion);
        assert!(facts.is_ok(), "{name}: {facts:?}");
        let tampered = Assertion { client_data_json: &json[..json.len() - 1], ..assertion };
        assert!(verify_assertion(policy, &challenge, &key, &tampered).is_err(), "{name}");
    });
}

#[test]
fn registrations() {
    each(|name, vector, accept| {
        let policy = RegistrationPolicy {
            accept: accept.clone(),
            algorithms: vec![Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa],
            declared_software: false,
            attestation_roots: AttestationRoots::default(),
        };
        let [object, json, challenge] = ["attestationObject", "clientDataJSON", "challenge"]
            .map(|field| hex_field(&vector["reg"][field]));
        let response =
            RegistrationResponse { attestation_object: &object, client_data_json: &json };
        let facts = verify_registration(&policy, &challenge, &response);
        if UNSUPPORTED.contains(&name) {
            assert_eq!(facts.unwrap_err().code(), "alg.unsupported", "{name}");
            return;
        }
        let facts = facts.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(facts.credential_id, hex_field(&vector["reg"]["credential_id"]), "{name}");
        // fido-u2f has no AAGUID.
        let aaguid = vector["reg"].get("aaguid").map_or(vec![0; 16], hex_field);
        assert!(name.starts_with("fido-u2f") || facts.aaguid.as_slice() == aaguid, "{name}");
        let attestation = match name {
            _ if name.starts_with("none-") => Attestation::None,
            "packed-self-es256" => Attestation::SelfSigned,
            // Which of them end at the vectors' root is in `attestation.rs`.
            _ => {
                assert!(matches!(facts.attestation, Attestation::Certified(_)), "{name}");
                facts.attestation.clone()
            }
        };
        assert_eq!(facts.attestation, attestation, "{name}");
        let class = AuthenticatorClass::of(facts.flags.backup_eligible(), false);
        assert_eq!(facts.class, class, "{name}");
        assert_ne!(facts.class, AuthenticatorClass::AttestedHardware, "{name}");
    });
}
