//! Signatures on deliveries: HTTP Message Signatures (RFC 9421) with Ed25519 over method, URL,
//! content and the `webhook-*` fields, where the content is covered by its digest (RFC 9530).
//!
//! A receiver fetches `/.well-known/jwks.json` once, finds the key by `keyid`, and so knows that
//! this service sent these bytes to this URL at that time; docs/notifications.md shows how. The
//! same message always has the same `webhook-id`, so that a repeated delivery can be told.

use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::client::Method;
use crate::Error;
use crate::service::jws;
use crate::service::keys::{PrivateKey, Sign as _};

/// Seconds for which a signature is good: enough for clocks that differ.
pub const VALID_S: u64 = 300;
/// What the signature is for; a receiver asks for this tag.
pub const TAG: &str = "placet-webhook";
/// Name of the signature in its fields.
const LABEL: &str = "placet";

/// What is signed beside the key's own parameters.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Method.
    pub method: Method,
    /// The whole URL.
    pub url: &'a str,
    /// Content-Type.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Id of the message, the same in every attempt.
    pub message: &'a str,
    /// When this attempt is made.
    pub at: UnixSeconds,
}

/// The header fields of a signed request: Content-Digest, `webhook-id`, `webhook-timestamp`,
/// Signature-Input and Signature.
///
/// # Errors
/// `key.file`.
pub fn fields(key: &PrivateKey, request: &Signed<'_>) -> Result<Vec<(String, String)>, Error> {
    let digest = format!("sha-256=:{}:", b64::encode_std(sha256(request.body)));
    let at = request.at.0;
    let timestamp = at.to_string();
    let covered = [
        ("@method", request.method.name()),
        ("@target-uri", request.url),
        ("content-type", request.content_type),
        ("content-digest", digest.as_str()),
        ("webhook-id", request.message),
        ("webhook-timestamp", timestamp.as_str()),
    ];
    let names: Vec<String> = covered.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let parameters = format!(
        "({});created={at};expires={};keyid=\"{}\";alg=\"ed25519\";tag=\"{TAG}\"",
        names.join(" "),
        at.saturating_add(VALID_S),
        jws::thumbprint(key.public_key())?,
    );
    let lines = covered.iter().map(|(name, value)| format!("\"{name}\": {value}\n"));
    let base: String = lines.collect::<String>() + &format!("\"@signature-params\": {parameters}");
    let signature = b64::encode_std(key.sign(base.as_bytes())?);
    let field = |name: &str, value: String| (name.to_owned(), value);
    Ok(vec![
        field("webhook-id", request.message.to_owned()),
        field("webhook-timestamp", timestamp.clone()),
        field("content-digest", digest.clone()),
        field("signature-input", format!("{LABEL}={parameters}")),
        field("signature", format!("{LABEL}=:{signature}:")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;

    /// The key `test-key-ed25519` of RFC 9421, B.1.4.
    const SEED: &str = "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5";

    #[test]
    fn the_signature_base_is_built_as_rfc_9421_says() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        dir.write_key("k", format!("placet-key-v1 ed25519 {SEED}\n").as_bytes()).unwrap();
        let key = PrivateKey::load(&dir.keys().join("k")).unwrap();
        let fields = fields(
            &key,
            &Signed {
                method: Method::Post,
                url: "https://hooks.example/x?y",
                content_type: "application/json",
                body: br#"{"hello": "world"}"#,
                message: "evt_1",
                at: UnixSeconds(1_618_884_473),
            },
        )
        .unwrap();
        let get = |name: &str| fields.iter().find(|(n, _)| n == name).unwrap().1.as_str();
        // RFC 9530, appendix D.
        let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        assert_eq!(get("content-digest"), digest);
        let parameters = get("signature-input").strip_prefix("placet=").unwrap();
        // The base, written out by hand.
        let base = format!(
            "\"@method\": POST\n\"@target-uri\": https://hooks.example/x?y\n\"content-type\": \
             application/json\n\"content-digest\": {digest}\n\"webhook-id\": \
             evt_1\n\"webhook-timestamp\": 1618884473\n\"@signature-params\": {parameters}"
        );
        let signature = get("signature").strip_prefix("placet=:").unwrap();
        let signature = b64::decode_std(signature.strip_suffix(':').unwrap(), 64).unwrap();
        placet_verifier::crypto::verify_cose(key.public_key(), base.as_bytes(), &signature)
            .unwrap();
        let kid = jws::thumbprint(key.public_key()).unwrap();
        let rest = format!(
            "created=1618884473;expires=1618884773;keyid=\"{kid}\";alg=\"ed25519\";\
             tag=\"placet-webhook\""
        );
        let covered = r#"("@method" "@target-uri" "content-type" "content-digest" "webhook-id""#;
        assert_eq!(parameters, format!("{covered} \"webhook-timestamp\");{rest}"));
    }
}
