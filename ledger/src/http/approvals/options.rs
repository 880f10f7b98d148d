//! Options for `navigator.credentials`, in the JSON of WebAuthn L3 5.1.8 and 5.1.9.

use placet_proto::b64;
use placet_proto::json::Json;

use crate::service::{RegistrationChallenge, ToSign};

/// How long a browser shows its dialog, in milliseconds.
const TIMEOUT_MS: u32 = 300_000;

/// `PublicKeyCredentialCreationOptionsJSON`.
pub fn create(begun: &RegistrationChallenge) -> Json {
    // ES256 first, for what ssh-keygen can check; RS256 for Windows Hello.
    let algorithm = |alg: Json| Json::object([("type", Json::from("public-key")), ("alg", alg)]);
    let es256 = algorithm(negative("-7"));
    let rs256 = algorithm(negative("-257"));
    let rp = [("id", Json::from(begun.rp_id.as_str())), ("name", "Placet".into())];
    let user = [
        ("id", Json::from(b64::encode_url(begun.person.as_bytes()))),
        ("name", begun.name.as_str().into()),
        ("displayName", begun.name.as_str().into()),
    ];
    let selection =
        [("residentKey", Json::from("preferred")), ("userVerification", "required".into())];
    Json::object([
        ("challenge", Json::from(b64::encode_url(begun.challenge))),
        ("rp", Json::object(rp)),
        ("user", Json::object(user)),
        ("pubKeyCredParams", vec![es256, rs256].into()),
        ("authenticatorSelection", Json::object(selection)),
        ("attestation", begun.attestation.into()),
        ("excludeCredentials", descriptors(&begun.exclude)),
        ("timeout", TIMEOUT_MS.into()),
    ])
}

/// `PublicKeyCredentialRequestOptionsJSON`.
pub fn get(challenge: &[u8], rp_id: &str, credentials: &[Vec<u8>]) -> Json {
    Json::object([
        ("challenge", Json::from(b64::encode_url(challenge))),
        ("rpId", rp_id.into()),
        ("allowCredentials", descriptors(credentials)),
        ("userVerification", "required".into()),
        ("timeout", TIMEOUT_MS.into()),
    ])
}

/// A document to be signed, with the text that stands for it and the options for signing it.
pub fn to_sign(to_sign: &ToSign, rp_id: &str) -> Json {
    let credentials = std::slice::from_ref(&to_sign.credential);
    Json::object([
        ("document", Json::from(b64::encode_hex(to_sign.document.sha256()))),
        ("bytes", b64::encode_url(to_sign.document.bytes()).into()),
        ("namespace", to_sign.namespace.as_str().into()),
        ("text", to_sign.text.as_str().into()),
        ("expires", to_sign.expires.to_string().into()),
        ("options", get(&to_sign.challenge, rp_id, credentials)),
    ])
}

fn descriptors(credentials: &[Vec<u8>]) -> Json {
    let one = |id: &Vec<u8>| {
        Json::object([("type", Json::from("public-key")), ("id", b64::encode_url(id).into())])
    };
    credentials.iter().map(one).collect::<Vec<_>>().into()
}

fn negative(text: &str) -> Json {
    placet_proto::json::parse(text.as_bytes()).unwrap_or(Json::Null)
}
