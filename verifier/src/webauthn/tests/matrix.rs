//! `vectors/webauthn-matrix.json`: one key, one policy, many assertions, one verdict each.
//!
//! The file is for verifiers in any language. It is written by this module: run the tests with
//! `PLACET_WRITE_VECTORS=1` to renew it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use placet_softkey::S;
use serde_json::{Value, json};

use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/webauthn-matrix.json");
const NOTICE: &str = "Assertions by one ES256 key, each signed over exactly the bytes given unless \
    `about` says otherwise. `refuse` names the stable code of the first rule that does not hold, \
    in the order of SPEC.md 9.1; null means accept. Byte strings are base64url without padding. \
    The key's seed is 32 bytes of 0x2a for the software passkey of this project: it protects \
    nothing.";

struct Case {
    name: &'static str,
    about: &'static str,
    refuse: Option<&'static str>,
    exportable: bool,
    assertion: placet_softkey::Assertion,
}

#[test]
fn file_is_what_this_code_writes() {
    let text = serde_json::to_string_pretty(&render(&document())).unwrap() + "\n";
    if std::env::var_os("PLACET_WRITE_VECTORS").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    let is_current = std::fs::read_to_string(PATH).unwrap() == text;
    assert!(is_current, "renew the file with PLACET_WRITE_VECTORS=1 and look at what changed");
}

// SPEC.md R-9.1-1, R-9.1-5, R-9.1-6, R-9.1-7, R-9.1-8, R-9.1-9, R-9.1-10, R-9.1-11,
// R-9.1-12, R-9.1-13, R-9.1-14, R-9.1-15, R-9.1-16.
#[test]
fn every_case_has_its_verdict() {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    let bytes = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
    let strings = |value: &Value| vec![value.as_str().unwrap().to_owned()];
    let policy = AssertionPolicy::strict(strings(&file["rp_id"]), strings(&file["origin"]));
    let key = CredentialKey {
        public_key: crypto::parse_cose_key(&bytes(&file["public_key"])).unwrap(),
        backup_eligible: file["backup_eligible"].as_bool().unwrap(),
    };
    let challenge = bytes(&file["challenge"]);
    let document = file["document"].as_str().unwrap();
    assert_eq!(challenge, sshsig::challenge(Namespace::Approve, document.as_bytes()));
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        let [data, json, signature] = ["authenticator_data", "client_data_json", "signature"]
            .map(|field| bytes(&case[field]));
        let assertion = Assertion {
            credential_id: &[],
            authenticator_data: &data,
            client_data_json: &json,
            signature: &signature,
        };
        let result = verify_assertion(&policy, &challenge, &key, &assertion);
        let refused = result.as_ref().err().map(WebauthnError::code);
        assert_eq!(refused, case["refuse"].as_str(), "{}", case["name"]);
        let exportable = result.is_ok_and(|facts| facts.sshsig_exportable);
        assert_eq!(case["sshsig_exportable"], exportable, "{}", case["name"]);
    }
}

/// A document whose challenge needs padding and holds a character of the URL alphabet alone, so
/// that the cases on base64 mean something.
fn document() -> String {
    (0..)
        .map(|n| format!("{{\"matrix\":{n}}}"))
        .find(|document| {
            let challenge = sshsig::challenge(Namespace::Approve, document.as_bytes());
            !challenge.len().is_multiple_of(3)
                && URL_SAFE_NO_PAD.encode(challenge).contains(['-', '_'])
        })
        .unwrap()
}

fn render(document: &str) -> Value {
    let (soft, _) = soft_key();
    let challenge = sshsig::challenge(Namespace::Approve, document.as_bytes());
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let cases: Vec<Value> = cases(&challenge)
        .into_iter()
        .map(|case| {
            json!({
                "name": case.name,
                "about": case.about,
                "authenticator_data": encode(&case.assertion.authenticator_data),
                "client_data_json": encode(&case.assertion.client_data_json),
                "signature": encode(&case.assertion.signature),
                "refuse": case.refuse,
                "sshsig_exportable": case.exportable,
            })
        })
        .collect();
    json!({
        "notice": NOTICE,
        "rp_id": RP_ID,
        "origin": ORIGIN,
        "require_uv": true,
        "backup_eligible": false,
        "namespace": Namespace::Approve.as_str(),
        "document": document,
        "challenge": encode(&challenge),
        "credential_id": encode(soft.credential_id()),
        "public_key": encode(&soft.public_key().to_cose()),
        "cases": cases,
    })
}

fn cases(challenge: &[u8]) -> Vec<Case> {
    let mut all = accepted(challenge);
    all.extend(client_data_cases(challenge));
    all.extend(authenticator_data_cases(challenge));
    all.extend(signature_cases(challenge));
    all
}

fn accepted(challenge: &[u8]) -> Vec<Case> {
    let text = URL_SAFE_NO_PAD.encode(challenge);
    let json = |json: String| Some(json.into_bytes());
    let head = format!("{{\"type\":\"webauthn.get\",\"challenge\":\"{text}\"");
    let extensions = Behaviour {
        flags: flags::UP | flags::UV | flags::ED,
        after_authenticator_data: b"\xa1\x6bcredProtect\x02".to_vec(),
        ..Behaviour::default()
    };
    let other_order = format!(
        "{{\"origin\":\"{ORIGIN}\",\"challenge\":\"{text}\",\"crossOrigin\":false,\
         \"type\":\"webauthn.get\"}}"
    );
    let escaped = format!("{head},\"origin\":\"https:\\/\\/example.org\",\"crossOrigin\":false}}");
    let more = format!("{head},\"origin\":\"{ORIGIN}\",\"crossOrigin\":false,\"new\":[1,null]}}");
    let fewer = format!("{head},\"origin\":\"{ORIGIN}\"}}");
    let with = |client_data_json| Behaviour { client_data_json, ..Behaviour::default() };
    [
        ("good", "as Chromium writes it", Behaviour::default(), true),
        ("low_s", "s at most n / 2", Behaviour { s: S::Low, ..Behaviour::default() }, true),
        ("high_s", "s above n / 2, as Apple's authenticators give", Behaviour::high_s(), true),
        ("extensions", "ED set, followed by one CBOR map", extensions, true),
        ("no_cross_origin", "crossOrigin is absent", with(json(fewer)), true),
        ("unknown_member", "a member that nobody knows", with(json(more)), true),
        ("key_order", "other order of the members", with(json(other_order)), false),
        ("escaped_origin", "the same origin, written with escapes", with(json(escaped)), false),
    ]
    .into_iter()
    .map(|(name, about, behaviour, exportable)| Case {
        name,
        about,
        refuse: None,
        exportable,
        assertion: fresh().assert_with(challenge, ORIGIN, &behaviour),
    })
    .collect()
}

/// Pieces of clientDataJSON.
struct Pieces {
    challenge: String,
}

const GET: &str = "\"type\":\"webauthn.get\"";

impl Pieces {
    fn member(&self) -> String {
        member(&self.challenge)
    }

    fn typed(&self, kind: &str) -> String {
        format!("{{\"type\":{kind},{},{}}}", self.member(), origin())
    }

    /// With other members between type and origin.
    fn with(&self, part: &str) -> String {
        format!("{{{GET},{part},{}}}", origin())
    }

    /// With other members after the challenge.
    fn ending(&self, part: &str) -> String {
        format!("{{{GET},{},{part}}}", self.member())
    }

    /// With other members after the origin.
    fn of(&self, part: &str) -> String {
        self.ending(&format!("\"origin\":\"{ORIGIN}\",{part}"))
    }
}

fn member(challenge: &str) -> String {
    format!("\"challenge\":\"{challenge}\"")
}

fn origin() -> String {
    format!("\"origin\":\"{ORIGIN}\",\"crossOrigin\":false")
}

fn evil() -> String {
    URL_SAFE_NO_PAD.encode(sshsig::challenge(Namespace::Approve, b"evil"))
}

fn client_data_cases(challenge: &[u8]) -> Vec<Case> {
    let pieces = Pieces { challenge: URL_SAFE_NO_PAD.encode(challenge) };
    let mut cases: Vec<Case> = unreadable(&pieces)
        .into_iter()
        .map(|(name, about, json)| (name, about, "assertion.client_data", json))
        .chain(wrong_values(&pieces, challenge))
        .map(|(name, about, code, json)| signed_json(challenge, name, about, code, json.into()))
        .collect();
    let mut json = pieces.of("\"x\":\"?\"").into_bytes();
    let at = json.iter().position(|&b| b == b'?').unwrap();
    json[at] = 0xff;
    cases.push(signed_json(
        challenge,
        "invalid_utf8",
        "a byte 0xff",
        "assertion.client_data",
        json,
    ));
    cases
}

fn unreadable(pieces: &Pieces) -> Vec<(&'static str, &'static str, String)> {
    let (text, evil) = (&pieces.challenge, evil());
    let good = pieces.ending(&origin());
    let duplicate = |a: &str, b: &str| pieces.with(&format!("{},{}", member(a), member(b)));
    let escaped = format!("{},\"chal\\u006cenge\":\"{evil}\"", pieces.member());
    let at_end = pieces.ending(&format!("{},{}", origin(), member(&evil)));
    let long = pieces.of(&format!("\"x\":\"{}\"", "a".repeat(CLIENT_DATA_MAX_LEN)));
    vec![
        ("duplicate_evil_first", "two challenges", duplicate(&evil, text)),
        ("duplicate_evil_last", "two challenges", duplicate(text, &evil)),
        ("duplicate_escaped", "one of two names has an escape", pieces.with(&escaped)),
        ("duplicate_at_end", "a second challenge after the origin", at_end),
        ("bom", "byte order mark first", format!("\u{feff}{good}")),
        ("leading_space", "a space first", format!(" {good}")),
        ("trailing_space", "a line feed last", format!("{good}\n")),
        ("trailing_object", "a second object", format!("{good}{{}}")),
        ("not_an_object", "an array", format!("[{good}]")),
        ("lone_surrogate", "half of a surrogate pair", pieces.of("\"x\":\"\\ud800\"")),
        ("too_long", "more than 8192 bytes", long),
        ("type_missing", "no type", format!("{{{},{}}}", pieces.member(), origin())),
        ("challenge_not_text", "the challenge is null", pieces.with("\"challenge\":null")),
        ("cross_origin_text", "crossOrigin is \"true\"", pieces.of("\"crossOrigin\":\"true\"")),
        ("cross_origin_null", "crossOrigin is null", pieces.of("\"crossOrigin\":null")),
        ("top_origin_null", "topOrigin is null", pieces.of("\"topOrigin\":null")),
    ]
}

fn wrong_values(
    pieces: &Pieces,
    challenge: &[u8],
) -> Vec<(&'static str, &'static str, &'static str, String)> {
    let padded = base64::engine::general_purpose::URL_SAFE.encode(challenge);
    let standard = STANDARD.encode(challenge);
    let standard = standard.trim_end_matches('=');
    assert!(padded.ends_with('=') && standard.contains(['+', '/']));
    let asks = |challenge: &str| pieces.with(&member(challenge));
    let from = |origin: &str| pieces.ending(&format!("\"origin\":\"{origin}\""));
    let (kind, chal, orig) = ("assertion.type", "assertion.challenge", "assertion.origin");
    let cross = pieces.of("\"crossOrigin\":true");
    let top = pieces.of("\"topOrigin\":\"https://example.org\"");
    vec![
        ("type_create", "a registration's type", kind, pieces.typed("\"webauthn.create\"")),
        ("type_payment", "a payment's type", kind, pieces.typed("\"payment.get\"")),
        ("challenge_other", "another document's challenge", chal, asks(&evil())),
        ("challenge_padded", "base64url with padding", chal, asks(&padded)),
        ("challenge_standard", "the alphabet with + and /", chal, asks(standard)),
        ("challenge_empty", "no challenge at all", chal, asks("")),
        ("origin_slash", "a slash at the end", orig, from("https://example.org/")),
        ("origin_case", "capitals", orig, from("https://Example.org")),
        ("origin_port", "the default port", orig, from("https://example.org:443")),
        ("origin_sub", "a subdomain", orig, from("https://a.example.org")),
        ("cross_origin", "crossOrigin is true", "assertion.cross_origin", cross),
        ("top_origin", "topOrigin without crossOrigin", "assertion.top_origin", top),
    ]
}

fn signed_json(
    challenge: &[u8],
    name: &'static str,
    about: &'static str,
    code: &'static str,
    json: Vec<u8>,
) -> Case {
    let behaviour = Behaviour { client_data_json: Some(json), ..Behaviour::default() };
    refused(name, about, code, fresh().assert_with(challenge, ORIGIN, &behaviour))
}

fn authenticator_data_cases(challenge: &[u8]) -> Vec<Case> {
    let up_uv = flags::UP | flags::UV;
    let flagged = |flags: u8, tail: &[u8]| Behaviour {
        flags,
        after_authenticator_data: tail.to_vec(),
        ..Behaviour::default()
    };
    let (form, bad_flags) = ("assertion.authenticator_data", "assertion.flags");
    let mut cases: Vec<Case> = [
        (
            "rp_id",
            "the hash of another RP id",
            "assertion.rp_id",
            Behaviour::other_rp_id("evil.example"),
        ),
        ("up_clear", "UP = 0", "assertion.up", Behaviour::without_user_presence()),
        ("uv_clear", "UV = 0", "assertion.uv", Behaviour::without_user_verification()),
        ("bs_without_be", "BS = 1, BE = 0", bad_flags, flagged(up_uv | flags::BS, &[])),
        ("reserved_1", "flag 0x02", bad_flags, flagged(up_uv | 0x02, &[])),
        ("reserved_2", "flag 0x20", bad_flags, flagged(up_uv | 0x20, &[])),
        ("attested", "AT = 1, no data", bad_flags, flagged(up_uv | flags::AT, &[])),
        (
            "backup_eligible",
            "BE = 1, enrolled with BE = 0",
            "assertion.backup_eligible",
            Behaviour::synced(),
        ),
        ("trailing", "bytes follow, ED = 0", form, flagged(up_uv, &[0xa0])),
        ("extensions_missing", "ED = 1, nothing follows", form, flagged(up_uv | flags::ED, &[])),
        (
            "extensions_trailing",
            "a byte after the map",
            form,
            flagged(up_uv | flags::ED, &[0xa0, 0]),
        ),
        ("extensions_array", "extensions are an array", form, flagged(up_uv | flags::ED, &[0x80])),
        (
            "extensions_duplicate",
            "the same extension twice",
            form,
            flagged(up_uv | flags::ED, b"\xa2\x61a\x01\x61a\x02"),
        ),
    ]
    .into_iter()
    .map(|(name, about, code, behaviour)| {
        refused(name, about, code, fresh().assert_with(challenge, ORIGIN, &behaviour))
    })
    .collect();
    let mut soft = fresh();
    let mut short = soft.assert(challenge, ORIGIN);
    short.authenticator_data.pop();
    short.signature = soft.sign(&short.authenticator_data, &short.client_data_json, S::AsSigned);
    cases.push(refused("short", "36 bytes", form, short));
    cases
}

fn signature_cases(challenge: &[u8]) -> Vec<Case> {
    // One whose r needs a zero in front to stay positive, and whose s does not.
    let good = (1..)
        .map(|n| Behaviour { sign_count: Some(n), s: S::Low, ..Behaviour::default() })
        .map(|behaviour| fresh().assert_with(challenge, ORIGIN, &behaviour))
        .find(|good| good.signature.starts_with(&[0x30, 69, 0x02, 33, 0]))
        .unwrap();
    let der = good.signature.clone();
    let raw = placet_proto::ecdsa_sig::der_to_raw(&der).unwrap();
    let long_form = [&[0x30, 0x81], &der[1..]].concat();
    let negative = [&[0x30, 68, 0x02, 32], &der[5..]].concat();
    let padded = [&[0x30, 70], &der[2..37], &[0x02, 33, 0], &der[39..]].concat();
    let other = fresh().assert(b"other challenge", ORIGIN).signature;
    [
        ("der_long_form", "length in the long form", long_form),
        ("der_trailing", "a byte after the sequence", [&der[..], &[0]].concat()),
        ("der_padded", "s with a zero that its top bit does not ask for", padded),
        ("der_negative", "r without the zero that keeps it positive", negative),
        ("raw", "r and s without DER", raw.to_vec()),
        ("empty", "no signature", Vec::new()),
        ("other", "the signature of another assertion", other),
    ]
    .into_iter()
    .map(|(name, about, signature)| {
        let assertion = placet_softkey::Assertion { signature, ..good.clone() };
        refused(name, about, "assertion.signature", assertion)
    })
    .collect()
}

fn fresh() -> SoftKey {
    soft_key().0
}

fn refused(
    name: &'static str,
    about: &'static str,
    code: &'static str,
    assertion: placet_softkey::Assertion,
) -> Case {
    Case { name, about, refuse: Some(code), exportable: false, assertion }
}
