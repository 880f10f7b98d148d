//! Registrations of vendors of our own making, right and wrong, that libraries of others judge too
//! (`tests/foreign/registrations.py` writes them).

use placet_proto::b64::decode_url;
use serde_json::Value;

use super::*;

fn bytes(value: &Value) -> Vec<u8> {
    decode_url(value.as_str().unwrap(), 1 << 16).unwrap()
}

fn verdict(case: &Value) -> String {
    let object = bytes(&case["attestation_object"]);
    let hash: [u8; 32] = Sha256::digest(bytes(&case["client_data_json"])).into();
    let roots = case["roots"].as_array().unwrap().iter().map(bytes);
    let roots = AttestationRoots::parse(roots).unwrap();
    let Ok(object) = AttestationObject::parse(&object) else { return "refused".to_owned() };
    let key = crypto::parse_cose_key(object.credential.cose_key).unwrap();
    let word = match verify_statement(&object, &key, &hash, &roots) {
        Err(_) => "refused",
        Ok(Attestation::None) => "none",
        Ok(Attestation::SelfSigned) => "self",
        Ok(Attestation::Unjudged(_)) => "unjudged",
        Ok(Attestation::Certified(c)) if c.root.is_none() => "unpinned",
        Ok(Attestation::Certified(c)) if !c.hardware => "certified",
        Ok(Attestation::Certified(_)) => "hardware",
    };
    word.to_owned()
}

/// R-9.9-3, R-9.9-4, R-9.9-7: every rule of a format, broken alone.
#[test]
fn each_registration_gets_its_verdict() {
    let file = include_str!("../../../vectors/webauthn-registrations.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 70, "cases are missing");
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, verdict(case)))
        .filter(|(case, verdict)| case["verdict"] != verdict.as_str())
        .map(|(case, verdict)| format!("{}: {} and not {verdict}", case["name"], case["verdict"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
